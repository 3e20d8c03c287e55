"""Names of tools as a model is told them, and the way back.

A name and its namespace enter, a name that every provider takes leaves. It is a function of these
two and of nothing else, so that a call in the history keeps its name whatever is declared beside
it; only where two tools would be called the same does the later one get another. The way back is
the table of the request, never a cut through a name (bridge 8).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from codex_oss.chat import FunctionTool

ToolKind = Literal["function", "custom", "tool_search", "local_shell"]

CLEAN_CHARS_MAX = 55  # And `_` and 8 hex digits: 64, the longest that providers take.
CHOICES = ("auto", "none", "required")  # A tool of such a name could not be told from a mode.

_is_legal = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}").fullmatch
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


def upstream_name(namespace: str, name: str) -> str:
    """Return what a model calls this tool."""
    plain = _flat(namespace, name)
    if _is_legal(plain) and plain not in CHOICES:
        return plain
    return marked_name(namespace, name)


def marked_name(namespace: str, name: str) -> str:
    """Return a legal name that no other tool has: cut, and marked with a hash of both."""
    clean = _ILLEGAL.sub("_", _flat(namespace, name))
    if not clean[:1].isalpha():
        clean = f"t{clean}"
    mark = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:8]
    return f"{clean[:CLEAN_CHARS_MAX]}_{mark}"


def _flat(namespace: str, name: str) -> str:
    return f"{namespace.rstrip('_')}__{name}" if namespace else name


@dataclass(frozen=True, slots=True)
class DeclaredTool:
    """A tool as the caller knows it, and the function that a model is told of."""

    kind: ToolKind
    namespace: str
    name: str
    function: FunctionTool


@dataclass(frozen=True, slots=True)
class ToolTable:
    """All tools of a request, by the names that a model calls them."""

    tools: Mapping[str, DeclaredTool]
    names: Mapping[tuple[str, str], str]

    @property
    def functions(self) -> tuple[FunctionTool, ...]:
        return tuple(tool.function for tool in self.tools.values())

    def name_of(self, namespace: str, name: str) -> str:
        """Return what the model calls a tool, declared or not."""
        return self.names.get((namespace, name)) or upstream_name(namespace, name)


NO_TOOLS = ToolTable({}, {})
