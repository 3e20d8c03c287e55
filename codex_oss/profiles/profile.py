"""What is known of a model: who serves it, how much it reads, what it costs, what it may do.

Values only. Prices are micro-USD per million tokens, so that a cost is an integer and a sum of
costs is exact.
"""

from dataclasses import dataclass
from typing import Literal

from codex_oss.chat import GENERIC, Dialect, Usage

CAPABILITY_OF_LANE = {  # The least capability tier that a lane asks for (missions 4).
    "investigation": 1,
    "open_investigation": 2,
    "patch_proposal": 3,
    "implementation": 3,
    "critical_simulation": 4,
}
LANE_OF_ALIAS = {  # `mission-a<digit>-<profile>`.
    "2": "investigation",
    "3": "investigation",
    "4": "patch_proposal",
    "5": "implementation",
    "6": "critical_simulation",
}
Exposure = Literal["local", "remote"]
WireName = Literal["chat", "anthropic", "responses"]
ActionEncoding = Literal["native_tools", "json_action", "auto"]
"""How a mission's model says what it does; `auto`: by functions, until it shows that it cannot."""

WINDOW_TOKENS, OUTPUT_TOKENS = 32_768, 8_192  # Of a model of which nothing is known.
CAPABILITY_TIER, LANES = 3, ("investigation", "open_investigation")  # The same (missions 15).
SECONDS = 0  # A profile may raise the timeouts of the settings; this one leaves them alone.


@dataclass(frozen=True, slots=True)
class Provider:
    """Who serves a model. `key_env` is the name of a variable, never a key; "" needs none."""

    name: str
    base_url: str
    key_env: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """Micro-USD per million tokens. Where a price of the cache is not known, the input price holds.
    `long` are the prices of a call whose input is over `long_tokens`."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    long_tokens: int | None = None
    long: "Prices | None" = None


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """A model as we serve it. `prices` is `None` where they are not known, `exposure` says whether
    what it reads leaves this machine's network, the seconds are the least it is given.
    `concurrency` is `None` where only the common limit holds; `fallbacks` are names of profiles, in
    order, `limits` caps of a mission's budget. What a request to it must look like stands in
    `dialect`; of one that `is_unlisted` only the name is known."""

    name: str
    upstream_model: str
    provider: Provider
    context_window: int = WINDOW_TOKENS
    max_output_tokens: int = OUTPUT_TOKENS
    prices: Prices | None = None
    capability_tier: int = CAPABILITY_TIER
    lanes: tuple[str, ...] = LANES
    exposure: Exposure = "remote"
    first_byte_seconds: float = SECONDS
    idle_seconds: float = SECONDS
    wire: WireName = "chat"
    dialect: Dialect = GENERIC
    concurrency: int | None = None
    fallbacks: tuple[str, ...] = ()
    is_unlisted: bool = False
    limits: tuple[tuple[str, int], ...] = ()
    action_encoding: ActionEncoding = "auto"

    @property
    def family(self) -> str:
        """Whose reasoning it can be sent back."""
        return self.dialect.family

    @property
    def efforts(self) -> tuple[str, ...]:
        """Its own words for how long to think, rising; none where it has no such choice."""
        return self.dialect.efforts

    @property
    def modalities(self) -> tuple[str, ...] | None:
        """What it reads, or `None` where that is not known."""
        return self.dialect.modalities


def micro_usd(usd: float) -> int:
    """Return a price in USD per million tokens as we count it."""
    return round(usd * 1_000_000)


def cost_of(usage: Usage, prices: Prices | None) -> int | None:
    """Return micro-USD, rounded up, or `None` where the price is not known."""
    if prices is None:
        return None
    if prices.long and prices.long_tokens and usage.input_tokens > prices.long_tokens:
        prices = prices.long
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    total = (
        (usage.input_tokens - cached - written) * prices.input
        + cached * (prices.input if prices.cache_read is None else prices.cache_read)
        + written * (prices.input if prices.cache_write is None else prices.cache_write)
        + usage.output_tokens * prices.output
    )
    return -(-total // 1_000_000)
