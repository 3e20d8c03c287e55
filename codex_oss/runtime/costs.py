"""What a call costs, at the prices that were recorded when its run was admitted.

A profile's facts and a `Usage` enter; micro-USD leave, or `None` where the price is not known. What
the next answer may be long is a question of money too (missions 17).
"""

from decimal import Decimal

from codex_oss.chat import Usage
from codex_oss.contract import MissionV1
from codex_oss.profiles import Prices, cost_of
from codex_oss.record import PriceFacts, ProfileFacts, RunRecord

OUTPUT_TOKENS_MIN = 512  # A shorter answer holds no report: then nothing is asked any more.
MICROUSD = 1_000_000  # Of one USD, and tokens that a price is for.


def cost_microusd(profile: ProfileFacts, usage: Usage) -> int | None:
    return cost_of(usage, _prices(profile))


def cost_limit(contract: MissionV1) -> int | None:
    """Return what the contract lets its run cost, in micro-USD."""
    limit = contract.budget.max_cost_usd
    return None if limit is None else int(Decimal(limit) * MICROUSD)


def affordable_output(record: RunRecord, input_tokens: int, wanted: int) -> int:
    """Return how many tokens of these the next answer may have, so that all that was spent, this
    input and an answer of full length stay within the contract's money; 0 where that is too few."""
    limit, profile = cost_limit(record.contract), record.profile
    prices = _prices(profile)
    if limit is None or prices is None:
        return wanted
    if prices.long and prices.long_tokens and input_tokens > prices.long_tokens:
        prices = prices.long
    least = min(wanted, OUTPUT_TOKENS_MIN)
    dearest = max(prices.input, prices.cache_read or 0, prices.cache_write or 0)
    left = limit - (record.budget.cost_microusd or 0) - -(-input_tokens * dearest // MICROUSD)
    if prices.output and left >= 0:
        wanted = min(wanted, left * MICROUSD // prices.output)
    return wanted if left >= 0 and wanted >= least else 0


def _prices(profile: ProfileFacts) -> Prices | None:
    if profile.input_price is None or profile.output_price is None:
        return None
    return Prices(
        profile.input_price,
        profile.output_price,
        profile.cached_price,
        profile.written_price,
        profile.long_tokens,
        _long(profile.long),
    )


def _long(prices: PriceFacts | None) -> Prices | None:
    if prices is None:
        return None
    return Prices(prices.input, prices.output, prices.cached, prices.written)
