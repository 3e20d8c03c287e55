"""What is asked of a chat model and what it answers, as values that compare by content.

A `ChatRequest` enters a model, `Burst`s leave it. No word of the Responses API and no provider's
quirk stands here: doors translate into these types, wires translate out of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call as the model wrote it. `arguments` is its text, which need not be JSON."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message. `calls` and `reasoning` are an assistant's, `call_id` is a tool result's."""

    role: Role
    text: str = ""
    calls: tuple[FunctionCall, ...] = ()
    call_id: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function that the model may call. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, object]
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """All that one call says. `tool_choice` is a mode or the name of a tool."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: str = "auto"
    parallel_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or the sum of several, as the provider counted them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a call. Pieces of one call share an index; id and name come early, or late."""

    index: int | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class TextRun:
    """Deltas that hold nothing but text, as the JSON string literals they came in, unparsed."""

    literals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """One payload of the provider. `finish` is its word for the end, "" before."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()
    finish: str = ""
    usage: Usage | None = None


Burst = tuple[TextRun | ChatChunk, ...]
"""All that arrived in one read. An empty burst is a sign of life without content."""
