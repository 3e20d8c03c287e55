"""Every model that is known without configuration, a row a model.

Rows of OpenCode Go are facts of its catalogue as `opencode-ai` 1.18.33 ships it. A window is the
input's limit where the catalogue has one.
"""

from dataclasses import replace

from codex_oss.chat import EFFORTS, Dialect
from codex_oss.profiles.dialects import family_of, placed
from codex_oss.profiles.names import is_gpt_name
from codex_oss.profiles.profile import (
    CAPABILITY_OF_LANE,
    ModelProfile,
    Prices,
    Provider,
    WireName,
    micro_usd,
)
from codex_oss.profiles.providers import OPENCODE_GO

REHEARSAL = "rehearsal"
SHORT_NAMES = {"kimi-k2.6": "kimi", "deepseek-v4-pro": "deepseek", "deepseek-v4-flash": "flash"}
OLDER_NAMES = {  # Names that configurations of the older bridge hold.
    "oss_kimi_rapid": "kimi",
    "oss_deepseek_pro": "deepseek",
    "oss_flash_support": "flash",
}

# Model, window and longest answer in tokens, capability tier, USD per million tokens of input,
# output, cached input and input written to the cache, what it reads beside text, how its thinking
# is set: `switch`, words, most tokens.
_Row = tuple[str, int, int, int, str, str, str]
_CHAT: tuple[_Row, ...] = (
    ("deepseek-v4-flash", 1_000_000, 384_000, 3, "0.15 0.6 0.003", "", "low high max"),
    (
        "deepseek-v4-flash-vision-exp",
        1_000_000,
        384_000,
        3,
        "0.15 0.6 0.003",
        "image",
        "switch low high max",
    ),
    ("deepseek-v4-pro", 1_000_000, 384_000, 4, "0.66 1.98 0.022", "", "high max"),
    ("deepseek-v4.1-flash", 1_000_000, 384_000, 3, "0.15 0.6 0.003", "image", "low high max"),
    ("glm-5", 202_752, 32_768, 4, "1 3.2 0.2", "", ""),
    ("glm-5.1", 202_752, 32_768, 4, "1.4 4.4 0.26", "", ""),
    ("glm-5.2", 1_000_000, 131_072, 4, "1.4 4.4 0.26", "", "high max"),
    ("glm-5.3", 1_000_000, 131_072, 4, "1.4 4.4 0.26", "", "low high max"),
    ("glm-5.3-flash", 1_000_000, 131_072, 3, "0.15 0.5 0.03", "image file", "low high max"),
    ("hy3", 192_000, 128_000, 3, "0.14 0.58 0.035", "", "none low high"),
    ("hy4-preview", 1_024_000, 64_000, 3, "0.834 2.501 0.042", "", "none high"),
    ("kimi-k2.5", 262_144, 65_536, 3, "0.6 3 0.1", "image", ""),
    ("kimi-k2.6", 262_144, 65_536, 4, "0.95 4 0.16", "image", ""),
    ("kimi-k2.7-code", 262_144, 262_144, 4, "0.95 4 0.19", "image", ""),
    ("kimi-k3", 1_048_576, 131_072, 4, "3 15 0.3", "image", "max"),
    ("longcat-2.0", 1_000_000, 131_072, 3, "0.3 1.2 0.006", "", "switch"),
    ("longcat-2.5-preview-free", 1_000_000, 131_072, 3, "0 0 0", "image", "switch"),
    ("mimo-v2-omni", 262_144, 128_000, 3, "0.4 2 0.08", "image file", ""),
    ("mimo-v2-pro", 1_048_576, 128_000, 4, "1 3 0.2", "", ""),
    ("mimo-v2.5", 1_000_000, 128_000, 3, "0.14 0.28 0.0028", "image", ""),
    ("mimo-v2.5-pro", 1_048_576, 128_000, 4, "0.435 0.87 0.003625", "", ""),
    ("mimo-v2.6-flash", 1_048_576, 131_072, 3, "0.14 0.28 0.0028", "image", ""),
    ("mimo-v2.6-pro", 1_048_576, 131_072, 4, "0.435 0.87 0.003625", "image", ""),
    ("omen-alpha", 500_000, 128_000, 3, "0.2 0.66 0.04", "image", "low high"),
    ("ox-alpha-free", 1_000_000, 131_072, 3, "0 0 0", "image", "low high max"),
    ("qwen3.5-plus", 262_144, 65_536, 3, "0.2 1.2 0.02 0.25", "image", "switch 81920"),
    ("qwen3.6-plus", 1_000_000, 65_536, 3, "0.5 3 0.05 0.625", "image", "switch 81920"),
    ("qwen3.7-max", 1_000_000, 65_536, 4, "2.5 7.5 0.5 3.125", "", "switch 262144"),
    ("qwen3.7-plus", 1_000_000, 65_536, 3, "0.4 1.6 0.04 0.5", "image", "switch 262144"),
    (
        "qwen3.8-max",
        1_000_000,
        131_072,
        4,
        "2 6 0.25 2.5",
        "image",
        "switch low medium xhigh 262144",
    ),
    ("space-bunny-free", 524_288, 524_288, 3, "0 0 0 0", "image", "low medium high xhigh max"),
)
_ANTHROPIC: tuple[_Row, ...] = (
    ("minimax-m2.5", 204_800, 65_536, 3, "0.3 1.2 0.06 0.375", "", ""),
    ("minimax-m2.7", 204_800, 131_072, 3, "0.3 1.2 0.06 0.375", "", ""),
    ("minimax-m3", 1_000_000, 131_072, 4, "0.3 1.2 0.06", "image", "switch"),
    (
        "qwen3.8-flash",
        1_000_000,
        131_072,
        3,
        "0.15 0.47 0.016 0.2",
        "image",
        "switch low medium xhigh",
    ),
)
_RESPONSES: tuple[_Row, ...] = (
    (
        "gpt-5.6-luna",
        922_000,
        128_000,
        3,
        "0.2 1.2 0.02 0.25",
        "image file",
        "none low medium high xhigh max",
    ),
    (
        "gpt-6-luna",
        922_000,
        128_000,
        3,
        "0.1 0.5 0.01 0.125",
        "image file",
        "none low medium high xhigh max",
    ),
    ("grok-4.5", 500_000, 500_000, 4, "2 6 0.3", "image", "low medium high"),
    ("grok-4.6", 500_000, 500_000, 4, "2 6 0.5", "image", "low medium high xhigh"),
    ("grok-4.7", 500_000, 500_000, 4, "2 6 0.5", "image file", "low medium high xhigh"),
    (
        "muse-spark-1.2-contributor",
        1_048_576,
        131_072,
        3,
        "0.1 0.2 0.002",
        "image file",
        "minimal low medium high xhigh",
    ),
    (
        "muse-spark-1.3-contributor",
        1_048_576,
        131_072,
        3,
        "0.1 0.2 0.002",
        "image file",
        "minimal low medium high xhigh",
    ),
)
_LONG_PRICES = {  # Of a call with more tokens of input than this.
    "gpt-5.6-luna": (272_000, "0.4 1.8 0.04 0.5"),
    "gpt-6-luna": (272_000, "0.2 0.75 0.02 0.25"),
    "grok-4.5": (200_000, "4 12 0.6"),
    "grok-4.6": (200_000, "4 12 1"),
    "grok-4.7": (200_000, "4 12 1"),
    "mimo-v2-pro": (256_000, "2 6 0.4"),
    "minimax-m3": (512_000, "0.6 2.4 0.12"),
    "qwen3.6-plus": (256_000, "2 6 0.2 2.5"),
    "qwen3.7-plus": (256_000, "1.2 4.8 0.12 1.5"),
}
_TAKES_SCHEMAS = frozenset(  # As the shape of an answer; the others take `json_object`.
    "deepseek-v4-flash deepseek-v4-flash-vision-exp deepseek-v4-pro deepseek-v4.1-flash"
    " glm-5.2 glm-5.3 glm-5.3-flash gpt-5.6-luna gpt-6-luna grok-4.5 grok-4.6 grok-4.7"
    " kimi-k2.7-code kimi-k3 muse-spark-1.2-contributor muse-spark-1.3-contributor"
    " omen-alpha ox-alpha-free qwen3.8-flash qwen3.8-max".split()
)
_NOT_STREAMED_WITH_TOOLS = ("glm-5.2",)  # Deltas of calls get lost (reported pi PR#6356).


def built_in(opencode_go: Provider = OPENCODE_GO) -> tuple[ModelProfile, ...]:
    """Return all built-in profiles, those of OpenCode Go at this provider."""
    rehearsal = ModelProfile(
        name=REHEARSAL,
        upstream_model=REHEARSAL,
        provider=Provider(REHEARSAL, ""),
        context_window=128_000,
        max_output_tokens=16_000,
        prices=Prices(0, 0, 0),
        capability_tier=4,
        lanes=tuple(CAPABILITY_OF_LANE),
        exposure="local",
    )
    return (
        rehearsal,
        *(_profile(opencode_go, row, "chat") for row in _CHAT),
        *(_profile(opencode_go, row, "anthropic") for row in _ANTHROPIC),
        *(_profile(opencode_go, row, "responses") for row in _RESPONSES),
    )


def _profile(provider: Provider, row: _Row, wire: WireName) -> ModelProfile:
    model, window, longest, tier, prices, _, _ = row
    # Missions run on the wires that are translated.
    lanes = CAPABILITY_OF_LANE.items() if wire != "responses" else ()
    return ModelProfile(
        name=SHORT_NAMES.get(model, f"ocg-{model}" if is_gpt_name(model) else model),
        upstream_model=model,
        provider=provider,
        context_window=window,
        max_output_tokens=longest,
        prices=_prices(prices, *_LONG_PRICES.get(model, ())),
        capability_tier=tier,
        lanes=tuple(lane for lane, least in lanes if tier >= least),
        wire=wire,
        dialect=placed(_dialect(row), provider.name, wire),
    )


def _dialect(row: _Row) -> Dialect:
    model, _, longest, _, _, reads, thinking = row
    words, family = thinking.split(), family_of(model).dialect
    return replace(
        family,
        model=model,
        modalities=("text", *reads.split()),
        output_tokens_max=longest,
        efforts=tuple(effort for effort in EFFORTS if effort in words),
        thinking_switch=(family.thinking_switch or "thinking") if "switch" in words else "",
        thinking_tokens_max=next((int(word) for word in words if word.isdigit()), None),
        response_formats=("json_schema", "json_object")[model not in _TAKES_SCHEMAS :],
        streams_tools=model not in _NOT_STREAMED_WITH_TOOLS,
    )


def _prices(usd: str, long_tokens: int | None = None, long_usd: str = "") -> Prices:
    long = _prices(long_usd) if long_usd else None
    fields = zip(("input", "output", "cache_read", "cache_write"), usd.split(), strict=False)
    known = {name: micro_usd(float(price)) for name, price in fields}
    return Prices(**known, long_tokens=long_tokens, long=long)


BUILT_IN = built_in()
