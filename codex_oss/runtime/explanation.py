"""Say why a run ended as it did, and what it would do next at any event: `explain.v1`.

Events enter, JSON leaves. Nothing is remembered for it: the fold up to an event is what was known
there, and `decide` on that fold is what came next (event-log 9).
"""

from collections.abc import Sequence

from codex_oss.record import (
    Event,
    Json,
    RunRecord,
    conditions,
    contradictions,
    decisions,
    obligation_states,
    reduce,
    report,
    source_states,
    to_payload,
)
from codex_oss.runtime.decide import decide
from codex_oss.runtime.intents import Intent, LookAgain, Note


def explain(events: Sequence[Event], at: int | None = None) -> Json:
    """Explain a run as it stood at event `at`, or as it stands."""
    seen = [event for event in events if at is None or event.seq <= at]
    record, deciders = _followed(seen)
    if record.mission is None:
        return _without_mission(seen, record)
    told = report(record)
    states, sources = obligation_states(record), source_states(record)
    taken = [row for event in seen for row in decisions(event)]
    return {
        "schema_version": "explain.v1",
        "mission_id": record.admitted.mission_id,
        "run_id": record.admitted.run_id,
        "at": record.last_seq,
        "status": record.status,
        "verdict": told["status"],
        "status_reason": told["status_reason"],
        "confidence": told["confidence"],
        "closure_source": told["report_source"],
        "phase_path": list(record.loop.phase_history),
        "decision_count": len(taken),
        "key_decisions": [
            {
                "type": row["decision_type"],
                "result": row["result"],
                "reason": row["reason"],
                "policy": row["policy"],
                "source": "event_log",
                "event_id": row["source_event_id"],
            }
            for row in taken
        ],
        "conditions": [
            {"name": name, "holds": holds, "events": [deciders[name]]}
            for name, holds in conditions(record).items()
        ],
        "required_sources": {
            "covered": sum(s.state == "read_satisfied" for s in sources),
            "total": len(sources),
        },
        "missing_evidence": [m for s in states for m in s.missing_evidence],
        "blocked_obligations": [s.obligation.id for s in states if s.status == "blocked_source"],
        "contradictions": [c.kind for c in contradictions(record)],
        "caveats": told["caveats"],
        "next": next_step(record),
    }


def _followed(seen: Sequence[Event]) -> tuple[RunRecord, dict[str, str]]:
    """Return the fold, and for each condition of COMPLETE the event since which it is as it is."""
    record, known, deciders = RunRecord(), dict[str, bool](), dict[str, str]()
    for event in seen:
        before, record = record, reduce(record, event)
        if record.mission is None or _judges_alike(before, record):
            continue
        now = conditions(record)
        changed = [name for name, holds in now.items() if known.get(name) is not holds]
        deciders |= dict.fromkeys(changed, event.event_id)
        known = now
    return record, deciders


def _judges_alike(one: RunRecord, other: RunRecord) -> bool:
    """Whether no part changed that a condition is judged by: most events change none."""
    return (
        one.mission is other.mission
        and one.evidence is other.evidence
        and one.answer is other.answer
        and one.loop.open_tool is other.loop.open_tool
        and one.inconsistent is other.inconsistent
        and one.unknown_events is other.unknown_events
    )


def next_step(record: RunRecord) -> Json | None:
    """Return what `decide` says, as JSON; `None` when the run is over."""
    return _intent(decide(record)) if record.is_open else None


def _intent(intent: Intent) -> Json:
    if isinstance(intent, Note):
        return {"intent": "Note", "event_type": type(intent.fact).__name__}
    if isinstance(intent, LookAgain):
        refs = [citation.ref for citation in intent.citations]
        return {"intent": "LookAgain", "refs": refs, "forged": list(intent.forged)}
    return {"intent": type(intent).__name__, "announced": to_payload(intent.announced)}


def _without_mission(seen: Sequence[Event], record: RunRecord) -> Json:
    first = to_payload(seen[0].fact) if seen else {}
    return {
        "schema_version": "explain.v1",
        "mission_id": seen[0].mission_id if seen else "",
        "run_id": seen[0].run_id if seen else "",
        "status": record.status,
        "admission": first.get("admission", {}),
        "inconsistent": [list(noted) for noted in record.inconsistent],
        "next": None,
    }
