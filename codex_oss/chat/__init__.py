"""Say what is asked of a model and what it answers, in any provider's wire."""

from codex_oss.chat.calls import CallGatherer, GatheredCall, json_object
from codex_oss.chat.chat_reader import ChatReader
from codex_oss.chat.chat_wire import ChatWire
from codex_oss.chat.dialect import EFFORTS, GENERIC, Dialect, Replay
from codex_oss.chat.fitting import Fitted, fit
from codex_oss.chat.history import argument_object, ensure_answerable
from codex_oss.chat.literals import literal_of, mended, text_of, to_json
from codex_oss.chat.messages import (
    TOLERATED_EOF,
    Burst,
    CallDelta,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    FilePart,
    FunctionCall,
    FunctionTool,
    ImagePart,
    ResponseFormat,
    Served,
    TextPart,
    TextRun,
    Usage,
)
from codex_oss.chat.model import ChatModel, Reader, Wire
from codex_oss.chat.pseudo_calls import SALVAGE_FORMS
from codex_oss.chat.replies import ChatReply, gather
from codex_oss.chat.sse import SseDecoder
from codex_oss.chat.wires import TranslatedWire, wire_of

__all__ = [
    "Burst",
    "CallDelta",
    "CallGatherer",
    "ChatChunk",
    "ChatMessage",
    "ChatModel",
    "ChatReader",
    "ChatReply",
    "ChatRequest",
    "ChatWire",
    "Dialect",
    "EFFORTS",
    "Fitted",
    "FilePart",
    "FunctionCall",
    "FunctionTool",
    "ImagePart",
    "ResponseFormat",
    "SALVAGE_FORMS",
    "Served",
    "GatheredCall",
    "Reader",
    "Replay",
    "SseDecoder",
    "TOLERATED_EOF",
    "TextPart",
    "TextRun",
    "Usage",
    "TranslatedWire",
    "Wire",
    "argument_object",
    "ensure_answerable",
    "fit",
    "GENERIC",
    "gather",
    "json_object",
    "literal_of",
    "mended",
    "text_of",
    "to_json",
    "wire_of",
]
