"""What the measurements must reach, and whether those of one run do.

All that one run found enters; rows leave, with its own figures. What was not measured in this run
has no figure, and says why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import bodies
import event_log
import mission
import streams

RELAY, LITELLM = "codex-relay", "litellm"
AT_ONCE = ("a1", "a16", "a64")


@dataclass(frozen=True)
class Goal:
    """`found` is `None` where this run did not measure it."""

    what: str
    wanted: str
    found: float | None
    reached: Literal["yes", "no", ""]


def goals(
    rows: Sequence[streams.Row],
    cold: Mapping[str, float],
    log: Mapping[str, float],
    steps: Mapping[str, float],
) -> list[Goal]:
    return [
        *_of_streams({(row.workload, row.target): row for row in rows}),
        _at_most("cold start: `status`, ms", 150, cold.get("status, no bridge")),
        _at_most("cold start: bridge ready, ms", 300, cold.get("bridge ready")),
        _at_most("durable append, p50: times write+fdatasync", 1.3, log.get(event_log.APPEND_P50)),
        _at_least("reduce, events a second", 80_000, log.get(event_log.REDUCE)),
        _at_most("verify 100,000 events, s", 2, log.get(event_log.VERIFY)),
        _at_most("mission step, ms", 5, steps.get(mission.STEP_AND_SYNC_MS)),
        _at_most("mission step without the disk's syncs, ms", 5, steps.get(mission.STEP_MS)),
        _at_most("mission steps: last quarter, times the first", 1.3, steps.get(mission.GROWTH)),
        Goal(
            "512 live idle streams",
            "none dropped, 120 MB: tests/test_bridge_endurance.py",
            None,
            "",
        ),
    ]


def _of_streams(rows: Mapping[tuple[str, str], streams.Row]) -> Iterator[Goal]:
    def beside(workload: str, other: str, figure: str) -> float | None:
        """Return ours as a multiple of another's."""
        ours, theirs = rows.get((workload, "bridge")), rows.get((workload, other))
        pair = (getattr(ours, figure, None), getattr(theirs, figure, None))
        return streams.quotient(*pair)

    def added(workload: str, figure: str) -> float | None:
        ours, direct = rows.get((workload, "bridge")), rows.get((workload, "direct"))
        return streams.difference(getattr(ours, figure, None), getattr(direct, figure, None))

    def own(workload: str, figure: str) -> float | None:
        return getattr(rows.get((workload, "bridge")), figure, None)

    for name in AT_ONCE:
        what = f"CPU a delta, ({name[0]}) {name[1:]} at once: times "
        yield _at_most(f"{what}codex-relay", 0.8, beside(name, RELAY, "cpu_ms_per_stream"))
        yield _at_most(f"{what}LiteLLM", 1 / 60, beside(name, LITELLM, "cpu_ms_per_stream"))
    for name in ("a1", "b"):
        what = f"first delta, p50, ({name[0]}): "
        yield _at_most(f"{what}times codex-relay", 1, beside(name, RELAY, "first_p50_ms"))
        yield _at_most(f"{what}ms behind direct", 1.5, added(name, "first_p50_ms"))
    yield _at_most("delta, p95, (b): ms behind direct", 5, added("b", "late_p95_ms"))
    yield _at_most(
        "Codex-like turn (c), CPU: times codex-relay", 1, beside("c", RELAY, "cpu_ms_per_stream")
    )
    single, double = own("c", "cpu_ms_per_stream"), own("2c", "cpu_ms_per_stream")
    yield _at_most(
        "double the history of (c), CPU: times (c)", 2.2, streams.quotient(double, single)
    )
    yield _at_most("memory after (a), 64 at once, MB", 45, own("a64", "peak_mb"))
    yield _at_most("memory during (c): times its body", 3, _times_body(own("c", "grown_mb")))
    failed = [row.failed for row in rows.values() if row.target == "bridge"]
    yield _at_most("failed streams of all", 0, sum(failed) if failed else None)


def _times_body(grown_mb: float | None) -> float | None:
    body = bodies.codex_turn("text-5", streams.CODEX_PAIRS)
    return streams.quotient(grown_mb, len(bodies.http_request("/", 0, "", body)) / 2**20)


def _at_most(what: str, limit: float, found: float | None) -> Goal:
    return _judged(what, f"at most {limit:.3g}", found, lambda value: value <= limit)


def _at_least(what: str, limit: float, found: float | None) -> Goal:
    return _judged(what, f"at least {limit:,.0f}", found, lambda value: value >= limit)


def _judged(what: str, wanted: str, found: float | None, holds: Callable[[float], bool]) -> Goal:
    return Goal(what, wanted, found, "" if found is None else "yes" if holds(found) else "no")


def summary(goals: Iterable[Goal]) -> str:
    counts = [goal.reached for goal in goals]
    reached, missed, open_ = (counts.count(each) for each in ("yes", "no", ""))
    return f"{reached} goals reached, {missed} missed, {open_} not measured in this run"
