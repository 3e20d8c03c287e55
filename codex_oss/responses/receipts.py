"""What the bridge changed of a turn or left out, as its response object tells it (bridge 1)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from codex_oss.chat import Served


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who answered, after how many tries, and the names of what was left out, weakened or mended.
    `mode` is how the support lane served it. What is at its default is nothing to tell."""

    lane: str = ""
    mode: str = ""
    profile: str = ""
    upstream_model: str = ""
    wire: str = ""
    tries: int = 1
    fallback_from: str = ""
    dropped: tuple[str, ...] = ()
    downgraded: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    salvaged: int = 0
    reasoning_dropped: Mapping[str, int] = field(default_factory=dict)
    eof_tolerated: bool = False
    usage_estimated: bool = False
    stored: bool | None = None
    queue_ms: int = 0  # Both are for the log: how long a turn took is no change of it.
    ttfb_ms: int = 0

    def merge(self, served: Served) -> "Receipt":
        """Return the receipt with what the one who answers says of it."""
        lost = Counter(self.reasoning_dropped) + Counter(dict(served.reasoning_dropped))
        return replace(
            self,
            profile=served.profile or self.profile,
            upstream_model=served.upstream_model or self.upstream_model,
            wire=served.wire or self.wire,
            tries=max(self.tries, served.tries),
            fallback_from=served.fallback_from or self.fallback_from,
            dropped=_both(self.dropped, served.dropped),
            downgraded=_both(self.downgraded, served.downgraded),
            repaired=_both(self.repaired, served.repaired),
            reasoning_dropped=dict(lost),
            queue_ms=self.queue_ms + served.queue_ms,
            ttfb_ms=served.ttfb_ms or self.ttfb_ms,
        )

    def to_json(self) -> dict[str, object]:
        told = ((name, getattr(self, name), usual) for name, usual in _USUAL.items())
        return {name: value for name, value, usual in told if value != usual}


NOTHING = Receipt()
_TIMES = ("queue_ms", "ttfb_ms")
_USUAL = {
    each.name: getattr(NOTHING, each.name) for each in fields(Receipt) if each.name not in _TIMES
}


def _both(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ours + theirs))
