"""Say why a run ended as it did, and what it would do next at any event: `explain.v1`.

Events enter, JSON leaves. Nothing is remembered for it: the fold up to an event is what was known
there, and `decide` on that fold is what came next (event-log 9).
"""

from collections.abc import Sequence

from codex_oss.record import (
    Event,
    GateEvaluated,
    Json,
    PhaseChanged,
    RunRecord,
    ToolDenied,
    conditions,
    contradictions,
    fold,
    obligation_states,
    report,
    source_states,
    to_payload,
)
from codex_oss.runtime.decide import decide
from codex_oss.runtime.intents import Intent, LookAgain, Note

KEY_FACTS = (PhaseChanged, ToolDenied, GateEvaluated)


def explain(events: Sequence[Event], at: int | None = None) -> Json:
    """Explain a run as it stood at event `at`, or as it stands."""
    seen = [event for event in events if at is None or event.seq <= at]
    record = fold(seen)
    if record.mission is None:
        return _refused(seen)
    told = report(record)
    states, sources = obligation_states(record), source_states(record)
    closure = record.answer.closure
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
        "key_decisions": [_decision(e) for e in seen if isinstance(e.fact, KEY_FACTS)],
        "conditions": [
            {"name": name, "holds": holds, "events": list(closure.refs) if closure else []}
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


def _decision(event: Event) -> Json:
    return {
        "event_id": event.event_id,
        "type": event.event_type,
        "at_ms": event.elapsed_ms,
        **to_payload(event.fact),
    }


def _refused(seen: Sequence[Event]) -> Json:
    refusal = to_payload(seen[0].fact) if seen else {}
    return {
        "schema_version": "explain.v1",
        "mission_id": seen[0].mission_id if seen else "",
        "run_id": seen[0].run_id if seen else "",
        "status": "REFUSED" if seen else "NEW",
        "admission": refusal.get("admission", {}),
        "next": None,
    }
