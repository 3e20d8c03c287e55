"""What a call costs, at the prices that were recorded when its run was admitted.

A profile's facts and a `Usage` enter; micro-USD leave, or `None` where the price is not known.
"""

from codex_oss.chat import Usage
from codex_oss.profiles import Prices, cost_of
from codex_oss.record import ProfileFacts


def cost_microusd(profile: ProfileFacts, usage: Usage) -> int | None:
    if profile.input_price is None or profile.output_price is None:
        return None
    return cost_of(usage, Prices(profile.input_price, profile.output_price, profile.cached_price))
