"""Run a scoped tool call and hand back a redacted observation."""

from codex_oss.tools.broker import ToolBroker
from codex_oss.tools.guard import Guard, Resolved, ScopeFiles, ScopeSurvey
from codex_oss.tools.observations import (
    TOOL_CLASSES,
    Allowance,
    Denied,
    Failed,
    Observation,
    ToolCall,
)
from codex_oss.tools.spans import Cited, Rechecked

__all__ = [
    "TOOL_CLASSES",
    "Allowance",
    "Cited",
    "Denied",
    "Failed",
    "Guard",
    "Observation",
    "Rechecked",
    "Resolved",
    "ScopeFiles",
    "ScopeSurvey",
    "ToolBroker",
    "ToolCall",
]
