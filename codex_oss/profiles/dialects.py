"""What families of models, providers and wires are picky about: a row each, with its reason.

A model's name, its provider and its wire enter, a `Dialect` leaves: the family's row, then what the
provider and the wire change of it. Each row says what would show that it is needed no longer; the
live tests run these probes, and three passes remove a row.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from codex_oss.chat import EFFORTS, GENERIC, SALVAGE_FORMS, Dialect
from codex_oss.profiles.profile import WireName

ANTHROPIC_OUTPUT_TOKENS_MAX = 32_000  # This wire must say a number: what most of its models take.


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are picky about the same. `names` finds them by what providers call them."""

    dialect: Dialect
    names: str
    reason: str
    removed_when: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a provider or a wire is picky about, whichever model it serves."""

    name: str
    change: Callable[[Dialect], Dialect]
    reason: str
    removed_when: str


_KIMI = Dialect(
    family="kimi-k2",
    call_ids="kimi",
    replay="tool_chain",
    missing_reasoning="as_text",
    temperatures=(1.0,),
    output_tokens_default=16_000,
    schemas="subset",
    thinking_switch="thinking",
    salvage=("kimi",),
)

FAMILIES = (
    Family(
        Dialect(
            family="deepseek-v4",
            replay="always",
            replay_needs_tools=True,
            missing_reasoning="empty",
            tool_choices=("none",),
            efforts=("low", "high", "max"),
            effort_words={
                "minimal": "low",
                "medium": "high",
                "xhigh": "high",
                "ultra": "max",
            },
            thinking_switch="thinking",
            salvage=("dsml",),
        ),
        r"deepseek-?v4",
        "a turn with tools whose history lacks `reasoning_content` is refused, and so is a choice"
        " of tool while thinking; there are three efforts",
        "turn 2 without `reasoning_content` is 200; a named `tool_choice` is 200 while thinking",
    ),
    Family(
        _KIMI,
        r"kimi-k2(?![.-]?7)",
        "calls of a tool loop need the reasoning that led to them and ids `functions.NAME:N`; other"
        " temperatures, `$ref`, tuples and boolean schemas are refused; answers stop early unless a"
        " length is asked",
        "a 3-turn tool loop with foreign ids and a `$ref` schema works",
    ),
    Family(
        replace(
            _KIMI,
            family="kimi-k3",
            replay="always",
            thinking_switch="",
            temperatures=(),
            refused=frozenset({"thinking", "temperature"}),
        ),
        r"kimi-k(2[.-]?7|3)",
        "thinking cannot be switched off and every assistant message needs its own; no temperature;"
        " ids of calls repeat from turn to turn",
        "`thinking: disabled` is 200; ids differ between turns",
    ),
    Family(
        Dialect(
            family="glm",
            replay="preferred",
            strays_think_end=True,
            thinking_switch="thinking",
        ),
        r"glm-?(4\.[5-9]|5)",
        "a stray `</think>` stands before some answers; finish is `stop` with calls",
        "20 streamed tool calls arrive whole, none with a stray tag",
    ),
    Family(
        Dialect(
            family="minimax",
            replay="inline",
            think_tags=True,
            tool_choices=("none",),
            max_tokens_field="max_completion_tokens",
            extra={"reasoning_split": True},
            salvage=("minimax",),
        ),
        r"minimax",
        "thinking comes in tags or in `reasoning_details`, and is wanted back there; no choice of"
        " tool; failures are told by `base_resp` in a good reply",
        "each shape is 200 without the flag",
    ),
    Family(
        Dialect(
            family="qwen",
            replay="tool_chain",
            thinking_switch="enable_thinking",
            extra={"preserve_thinking": True},
            salvage=("function", "tool_call"),
        ),
        r"qwen-?3",
        "reasoning of the tool loop is kept only if asked for; one system message; calls leak as"
        " XML",
        "no XML in 50 tool turns; a second system message is 200",
    ),
    Family(
        Dialect(family="mimo", replay="always", missing_reasoning="empty"),
        r"mimo",
        "an assistant message without `reasoning_content` is refused",
        "turn 2 without the field is 200",
    ),
    Family(
        Dialect(family="longcat", replay="preferred"),
        r"longcat",
        "the catalogue names a reasoning field: it plans better with what it thought",
        "turn 2 without the field is 200",
    ),
    Family(
        Dialect(family="hy", replay="preferred"),
        r"(?<![a-z])hy[34]",
        "the same",
        "turn 2 without the field is 200",
    ),
    Family(
        Dialect(family="preview", replay="preferred"),
        r"omen-alpha|ox-alpha|space-bunny",
        "models under test at OpenCode Go: the catalogue names a reasoning field, no more is known",
        "turn 2 without the field is 200",
    ),
    Family(
        Dialect(family="relayed"),
        r"grok-[4-9]|gpt-[0-9.]+-luna|muse-spark",
        "served over the Responses wire at OpenCode Go: requests are passed on as they are",
        "the chat wire accepts the model",
    ),
    Family(
        Dialect(
            family="gpt-oss",
            replay="tool_chain",
            think_tags=True,
            efforts=("low", "medium", "high"),
            salvage=SALVAGE_FORMS,
        ),
        r"gpt-oss",
        "servers differ in what they parse of its thinking and its calls",
        "per server: the probe passes without the flag",
    ),
    Family(
        Dialect(family="gemma", replay="tool_chain", think_tags=True, salvage=SALVAGE_FORMS),
        r"gemma",
        "the same",
        "per server: the probe passes without the flag",
    ),
    Family(
        Dialect(
            family="openai",
            takes_late_system=True,
            max_tokens_field="max_completion_tokens",
            efforts=EFFORTS[:6],
            takes_cache_key=True,
        ),
        r"^(gpt-|chatgpt|o[0-9])",
        "documented: a system message may stand anywhere, lengths are `max_completion_tokens`, and"
        " `prompt_cache_key` finds the cache",
        "never: documented",
    ),
    Family(
        GENERIC,
        r"",
        "nothing is dropped beforehand; a field that is refused is left out from then on",
        "-",
    ),
)
"""By name; the first that fits. Where one fits, `all` of bridge.md 19 is `fit`'s normal form."""


def _at_opencode_go(dialect: Dialect) -> Dialect:
    return replace(dialect, eof_ok=True, names_results=True)


def _at_local_server(dialect: Dialect) -> Dialect:
    replay = "tool_chain" if dialect.replay == "none" else dialect.replay
    return replace(dialect, replay=replay, think_tags=True, salvage=SALVAGE_FORMS)


PROVIDERS = (
    Change(
        "opencode_go",
        _at_opencode_go,
        "streams of whole tool calls end without a finish word (reported opencodex#2260); results"
        " need the name of their tool (reported Reasonix#4497)",
        "a finish word in each of 50 tool turns; 200 without `name`",
    ),
    *(
        Change(
            name,
            _at_local_server,
            "what it parses of thinking and calls depends on how it was started",
            "per server: the probe passes without the flag",
        )
        for name in ("ollama", "vllm", "llama.cpp")
    ),
)


def _on_anthropic(dialect: Dialect) -> Dialect:
    """Return a dialect with the family's facts and none of its chat habits."""
    longest = dialect.output_tokens_max or ANTHROPIC_OUTPUT_TOKENS_MAX
    return Dialect(
        family=dialect.family,
        model=dialect.model,
        modalities=dialect.modalities,
        output_tokens_max=dialect.output_tokens_max,
        output_tokens_default=min(longest, ANTHROPIC_OUTPUT_TOKENS_MAX),
        refused=frozenset({"presence_penalty", "frequency_penalty"}),
        replay="blocks",
        response_formats=(),
        thinking_switch="thinking" if dialect.thinking_switch else "",
        thinking_tokens_max=dialect.thinking_tokens_max,
    )


WIRES = (
    Change(
        "anthropic",
        _on_anthropic,
        "documented: a length is required, thinking comes and goes back in signed blocks, a shape"
        " of the answer can only be asked for in words",
        "never: documented",
    ),
)


def family_of(model: str) -> Family:
    """Return the row of a model, by its name at whatever provider."""
    return next(family for family in FAMILIES if re.search(family.names, model, re.IGNORECASE))


def named_family(name: str) -> Family:
    """Return the row of a family by its own name."""
    return next(family for family in FAMILIES if family.dialect.family == name)


def placed(dialect: Dialect, provider: str, wire: WireName) -> Dialect:
    """Return a family's dialect as a provider has it on a wire."""
    for change in (*PROVIDERS, *WIRES):
        if change.name in (provider, wire):
            dialect = change.change(dialect)
    return dialect


def on_wire(dialect: Dialect, provider: str, wire: WireName) -> Dialect:
    """Return the dialect that a model has on another wire, as far as its rows know it."""
    known = replace(
        named_family(dialect.family).dialect,
        model=dialect.model,
        modalities=dialect.modalities,
        output_tokens_max=dialect.output_tokens_max,
        efforts=dialect.efforts,
        thinking_tokens_max=dialect.thinking_tokens_max,
    )
    return placed(known, provider, wire)
