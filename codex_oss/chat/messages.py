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
class TextPart:
    """Text that stands behind an image or a file of the same message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by its URL, `data:` or https. It is never fetched here."""

    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file by its content, as a `data:` URL or base64."""

    filename: str
    data: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message. `calls`, `reasoning` and `reasoning_blocks` are an assistant's, `call_id` is a
    tool result's, `parts` stand behind the text in their order. A block is a provider's own JSON,
    returned as it came. `reasoning_family` is whose reasoning it is: another family's is never
    replayed, "" is text that nobody vouches for, used only where a family must have one."""

    role: Role
    text: str = ""
    calls: tuple[FunctionCall, ...] = ()
    call_id: str = ""
    reasoning: str = ""
    reasoning_blocks: tuple[str, ...] = ()
    parts: tuple[TextPart | ImagePart | FilePart, ...] = ()
    reasoning_family: str = ""


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function that the model may call. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, object]
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What shape the answer must have. `schema` is `None` where any JSON object will do."""

    name: str = ""
    schema: Mapping[str, object] | None = None
    strict: bool | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """All that one call says. `tool_choice` is a mode or the name of a tool; `effort` is the
    caller's word for how long to think, "" for none."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: str = "auto"
    parallel_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_format: ResponseFormat | None = None
    effort: str = ""
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or the sum of several, as the provider counted them. Of the input tokens
    `cached_tokens` were read from a cache and `cache_write_tokens` written to one."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

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
    """Deltas that hold nothing but text, or nothing but reasoning, as the JSON string literals they
    came in, unparsed."""

    literals: tuple[bytes, ...]
    is_reasoning: bool = False


TOLERATED_EOF = "eof"
"""The finish word of an answer that ended without one, where its dialect takes that for an end."""


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """One payload of the provider. `finish` is its word for the end, "" before. `salvaged` counts
    the calls here that were found in its text, `reasoning_blocks` are whole ones that ended."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    salvaged: int = 0
    reasoning_blocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """Who answers, and what was changed of the request for him: the first part of an answer.
    `family` is whose reasoning the answer's is."""

    profile: str = ""
    upstream_model: str = ""
    family: str = ""
    wire: str = ""
    tries: int = 1
    fallback_from: str = ""
    dropped: tuple[str, ...] = ()
    downgraded: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    reasoning_dropped: tuple[tuple[str, int], ...] = ()
    queue_ms: int = 0  # That the call waited for its turn, and then for the head of the reply.
    ttfb_ms: int = 0


Burst = tuple[TextRun | ChatChunk | Served, ...]
"""All that arrived in one read. An empty burst is a sign of life without content."""
