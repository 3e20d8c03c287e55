"""Say what is asked of a model and what it answers, in any provider's wire."""

from codex_oss.chat.messages import (
    Burst,
    CallDelta,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    FunctionCall,
    FunctionTool,
    TextRun,
    Usage,
)
from codex_oss.chat.model import ChatModel

__all__ = [
    "Burst",
    "CallDelta",
    "ChatChunk",
    "ChatMessage",
    "ChatModel",
    "ChatRequest",
    "FunctionCall",
    "FunctionTool",
    "TextRun",
    "Usage",
]
