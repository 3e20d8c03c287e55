"""`answer_graph.json` of an open investigation: what was to be seen and answered, and what is.

The record enters, JSON leaves. Its parts are functions of the record alone, so that a reader, a
rebuild and an audit get the same (event-log 8).
"""

from collections import Counter
from collections.abc import Iterable

from codex_oss.record.codec import canonical, sha256
from codex_oss.record.contradictions import contradictions
from codex_oss.record.coverage import obligation_states
from codex_oss.record.events import Event, Json
from codex_oss.record.plain import plain
from codex_oss.record.run_record import RunRecord
from codex_oss.record.sources import Look, SourceState, looks, source_states
from codex_oss.record.verdict import conditions
from codex_oss.record.views_closure import ending
from codex_oss.record.views_report import obligations, pretty
from codex_oss.record.views_trace import steps


def answer_graph(record: RunRecord, events: Iterable[Event]) -> str:
    sources = source_states(record)
    states = [plain(source) for source in sources]
    return pretty(
        {
            "schema_version": "answer_graph.v1",
            "mission_id": record.admitted.mission_id,
            "obligations": obligations(record),
            "source_states": states,
            "source_state_hash": sha256(canonical(states)),
            "plan": _plan(sources),
            "agenda": [_item(look) for look in looks(record)],
            "coverage": _coverage(record, sources),
            "contradictions": [plain(each) for each in contradictions(record)],
            "sufficiency": conditions(record),
            "trace_grading": dict(sorted(_labels(events).items())),
        }
    )


def _plan(sources: Iterable[SourceState]) -> list[Json]:
    """Return each required source once, with the questions that it is to answer."""
    wanted: dict[str, list[str]] = {}
    for source in sources:
        wanted.setdefault(source.path, []).append(source.obligation_id)
    return [{"path": path, "obligations": ids} for path, ids in wanted.items()]


def _item(look: Look) -> Json:
    return {
        "id": look.name,
        "kind": look.kind,
        "obligation_id": look.obligation_id,
        "call": look.call,
        "status": look.status,
    }


def _coverage(record: RunRecord, sources: tuple[SourceState, ...]) -> Json:
    required = [s for s in obligation_states(record) if s.obligation.required]
    met = conditions(record)
    return {
        "can_complete": all(met.values()),
        "recommended_status": ending(record).status,
        "sources_satisfied": sum(source.state == "read_satisfied" for source in sources),
        "sources_total": len(sources),
        "obligations_answered": sum(s.status == "answered" for s in required),
        "obligations_total": len(required),
        "missing_evidence": [m for s in required for m in s.missing_evidence],
    }


def _labels(events: Iterable[Event]) -> Counter[str]:
    return Counter(str(step["decision"]) for step in steps(events))
