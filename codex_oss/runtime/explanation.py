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
    denials,
    findings,
    is_group,
    obligation_states,
    plain,
    reduce,
    report,
    source_states,
    to_payload,
)
from codex_oss.runtime.decide import decide
from codex_oss.runtime.intents import ChangeProfile, Intent, LookAgain, Note

OF_PATCHES = ("semantic_review", "verification", "readiness", "rollback")
"""Members that only a run with a patch can fill."""

PROPOSING_TIERS = ("A4", "A5", "A6")
CRITICAL_CODES = (
    *("critical_path", "forged_reference", "no_such_tool_here", "secret_path", "internal_path"),
    *("symlink_escape", "symlink_out_of_scope", "forbidden_topic"),
)
"""Denials that say something of who asked, and not only of what was left."""


def explain(events: Sequence[Event], at: int | None = None) -> Json:
    """Explain a run as it stood at event `at`, or as it stands."""
    seen = [event for event in events if at is None or event.seq <= at]
    record, deciders = _followed(seen)
    if record.mission is None:
        return _without_mission(seen, record)
    told = report(record)
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
        **_decided([row for event in seen for row in decisions(event)]),
        "conditions": [
            {"name": name, "holds": holds, "events": [deciders[name]]}
            for name, holds in conditions(record).items()
        ],
        **_covered(record),
        "caveats": told["caveats"],
        "critical_violations": _violations(record),
        **dict.fromkeys(OF_PATCHES),
        "can_propose": record.contract.tier in PROPOSING_TIERS and bool(findings(record)),
        "summary": _in_a_sentence(record, told),
        "next": next_step(record),
    }


def _decided(taken: Sequence[Json]) -> Json:
    return {
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
    }


def _covered(record: RunRecord) -> Json:
    """Return what was to be seen and answered, and what of it was. A score counts required sources
    and obligations alike, in percent: there are no floats in what a log says."""
    states, sources = obligation_states(record), source_states(record)
    required = [s for s in states if s.obligation.required]
    seen = sum(s.state == "read_satisfied" for s in sources)
    done = seen + sum(s.status == "answered" for s in required)
    wanted = len(sources) + len(required)
    return {
        "required_sources": {"covered": seen, "total": len(sources)},
        "missing_evidence": [m for s in states for m in s.missing_evidence],
        "blocked_obligations": [s.obligation.id for s in states if s.status == "blocked_source"],
        "contradictions": [c.kind for c in contradictions(record)],
        "evidence_shapes": [plain(source) for source in sources],
        "coverage_gaps": [
            {"obligation_id": s.obligation.id, "status": s.status, "missing": s.missing_evidence}
            for s in required
            if s.status != "answered"
        ],
        "coverage_score": 100 * done // wanted if wanted else 100,
    }


def _violations(record: RunRecord) -> list[Json]:
    """Return what a run tried and must not: each code with its count."""
    return [
        {"code": row["code"], "count": row["count"]}
        for row in denials(record)
        if row["code"] in CRITICAL_CODES
    ]


def _in_a_sentence(record: RunRecord, told: Json) -> str:
    missing = [name for name, holds in conditions(record).items() if not holds]
    lacks = f"; not met: {', '.join(missing)}" if missing else "; all conditions are met"
    ended = "ended" if record.loop.finalized else "would end"
    return (
        f"The run {ended} {told['status']} ({told['status_reason']}), confidence"
        f" {told['confidence']}{lacks}."
    )


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
    return _intent(decide(record)) if record.is_open and not is_group(record) else None


def _intent(intent: Intent) -> Json:
    if isinstance(intent, Note):
        return {"intent": "Note", "event_type": type(intent.fact).__name__}
    if isinstance(intent, LookAgain):
        refs = [citation.ref for citation in intent.citations]
        return {"intent": "LookAgain", "refs": refs, "forged": list(intent.forged)}
    if isinstance(intent, ChangeProfile):
        return {"intent": "ChangeProfile", "profile": intent.name}
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
