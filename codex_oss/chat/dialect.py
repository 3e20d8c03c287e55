"""What one model at one provider is picky about: the flags that `fit`, wires and readers go by.

No code asks for a model's name; a family is a row of flags, the defaults are the generic row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Replay = Literal["none", "always", "tool_chain", "preferred", "blocks", "inline"]
"""Which of its own reasoning a model is sent back (bridge 10). `always`: with every assistant
message; `tool_chain`: with those after the last user message; `preferred`: wherever we have it;
`blocks`: as signed blocks; `inline`: as `reasoning_details`, or in tags before the text."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")
"""The words for how long to think, rising."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Defaults take everything and need nothing.

    `refused` are body fields that are never sent, those a 400 taught among them; `extra` are fields
    that always are. `modalities` is `None` where it is not known what the model reads,
    `output_tokens_max` where its longest answer is not. `efforts` are the model's own words,
    rising; `effort_words` says what a caller's word means to it, where that is not the next lower.
    """

    family: str = "generic"
    model: str = "this model"
    modalities: tuple[str, ...] | None = None
    output_tokens_max: int | None = None
    refused: frozenset[str] = frozenset()
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    takes_late_system: bool = False
    names_results: bool = False
    call_ids: Literal["plain", "kimi"] = "plain"
    replay: Replay = "none"
    replay_needs_tools: bool = False
    missing_reasoning: Literal["omit", "empty", "as_text"] = "omit"
    reasoning_field: str = "reasoning_content"

    tool_choices: tuple[str, ...] = ("none", "required", "named")
    schemas: Literal["any", "subset"] = "any"
    response_formats: tuple[str, ...] = ("json_schema", "json_object")
    max_tokens_field: str = "max_tokens"
    output_tokens_default: int | None = None
    temperatures: tuple[float, ...] = ()
    efforts: tuple[str, ...] = ()
    effort_words: Mapping[str, str] = field(default_factory=dict, hash=False)
    thinking_switch: Literal["", "thinking", "enable_thinking"] = ""
    thinking_tokens_max: int | None = None
    takes_cache_key: bool = False

    think_tags: bool = False
    think_open: bool = False
    strays_think_end: bool = False
    salvage: tuple[str, ...] = ()
    eof_ok: bool = False
    streams_tools: bool = True


GENERIC = Dialect()
