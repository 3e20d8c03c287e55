"""How the lanes of models do: a card for each, folded from the runs there were.

One row a run enters, as its head tells it; `capability_scorecards.v1` leaves, and the state of each
lane (implementation 13). A run of the rehearsal, one that somebody called off, and one that only
mends or compares others say nothing of a model.
"""

from collections.abc import Iterable, Iterator, Mapping

from codex_oss.record.events import Json
from codex_oss.record.group_verdict import MEMBER
from codex_oss.record.run_record import RunRecord

WINDOW_RUNS = 20
SAMPLES_MIN = 3  # Below, a lane is a canary whatever its runs gave.
PROMOTED_SAMPLES_MIN, PROMOTED_PERCENT_MIN = 10, 70
RECENT_RUNS, RECENT_PERCENT_MIN = 10, 40
FAILED_IN_A_ROW_MAX = 3
REHEARSAL = "rehearsal"
CALLED_OFF = ("cancelled", "client_disconnected", "interrupted")

Row = Mapping[str, object]


def score_of(record: RunRecord) -> Json:
    """Return what the head of a run keeps for its scorecard; nothing where it says nothing."""
    ended, admitted = record.loop.finalized, record.admitted.admitted
    lane = str(admitted.admission.get("lane", ""))
    names = (admitted.profile.name, record.profile.name)
    is_plain = admitted.route_class in (admitted.door, MEMBER)
    if ended is None or not lane or not is_plain or ended.status_reason in CALLED_OFF:
        return {}
    if REHEARSAL in names or len(set(names)) > 1:
        return {}
    return {
        "alias": admitted.profile.name,
        "lane": lane,
        "wall_ms": record.budget.elapsed_ms,
        "is_measured": set(record.budget.usage_sources) <= {"upstream"},
        "denied": len(record.evidence.denials)
        + record.loop.write_attempts
        + len(record.answer.forged),
        "source": str(admitted.product.get("source_sha256", "")),
    }


def scorecards(rows: Iterable[Row]) -> Json:
    """Return `capability_scorecards.v1`. `rows` are the summaries of runs, newest first."""
    cards: dict[str, list[Row]] = {}
    for row in rows:
        score = row.get("score")
        if isinstance(score, dict) and score:
            cards.setdefault(f"{score['alias']}:{score['lane']}", []).append(row)
    found = {key: _card(runs[:WINDOW_RUNS]) for key, runs in sorted(cards.items())}
    return {"schema_version": "capability_scorecards.v1", "cards": found}


def lane_states(cards: Json, alias: str) -> dict[str, str]:
    """Return the state of each lane of a profile that has a card."""
    found = cards["cards"]
    assert isinstance(found, dict)
    mine = ((key.rpartition(":"), card) for key, card in found.items())
    return {lane: str(card["state"]) for (name, _, lane), card in mine if name == alias}


def _card(runs: list[Row]) -> Json:
    statuses = [str(run.get("status")) for run in runs]
    accepted = [status == "COMPLETE" for status in statuses]
    state, reasons = _state(runs, statuses, accepted)
    return {
        "state": state,
        "reasons": reasons,
        "samples": len(runs),
        "by_status": {status: statuses.count(status) for status in sorted(set(statuses))},
        "accepted": sum(accepted),
        "failed": statuses.count("FAILED"),
        "denied_actions": sum(_numbers(runs, "denied")),
        "unsafe_incidents": 0,
        "tokens_median": _median(_counts(runs, "tokens")),
        "wall_ms_median": _median(_numbers(runs, "wall_ms")),
        "window": WINDOW_RUNS,
        "last_at": str(runs[0].get("ended", "")),
        "source_hashes": sorted({str(_score(run).get("source", "")) for run in runs}),
        "basis": "measured" if all(_score(r).get("is_measured") for r in runs) else "estimated",
    }


def _state(runs: list[Row], statuses: list[str], accepted: list[bool]) -> tuple[str, list[str]]:
    """Return the first state whose rule holds."""
    recent = accepted[:RECENT_RUNS]
    if len(runs) < SAMPLES_MIN:
        return "canary", [f"{len(runs)} samples, at least {SAMPLES_MIN}"]
    if statuses[:FAILED_IN_A_ROW_MAX] == ["FAILED"] * FAILED_IN_A_ROW_MAX:
        return "downgraded", [f"{FAILED_IN_A_ROW_MAX} failed in a row"]
    if sum(recent) * 100 < RECENT_PERCENT_MIN * len(recent):
        return "downgraded", [f"{sum(recent)} of the last {len(recent)} accepted"]
    is_much = len(runs) >= PROMOTED_SAMPLES_MIN
    is_good = sum(accepted) * 100 >= PROMOTED_PERCENT_MIN * len(accepted)
    if is_much and is_good and all(_score(run).get("is_measured") for run in runs):
        return "promoted", [f"{sum(accepted)} of {len(runs)} accepted"]
    return "canary", [f"{sum(accepted)} of {len(runs)} accepted"]


def _score(run: Row) -> Row:
    score = run.get("score")
    return score if isinstance(score, dict) else {}


def _numbers(runs: list[Row], name: str) -> list[int]:
    return list(_ints(_score(run).get(name) for run in runs))


def _counts(runs: list[Row], name: str) -> list[int]:
    return list(_ints(run.get(name) for run in runs))


def _median(values: list[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def _ints(values: Iterable[object]) -> Iterator[int]:
    yield from (value if isinstance(value, int) else 0 for value in values)
