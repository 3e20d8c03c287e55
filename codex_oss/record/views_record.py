"""The record itself, its claims and its outline as files, and the list of all files of a mission.

`VIEWS` names every projection; each is a function of the events up to `MissionFinalized`, so that
later deliveries leave a delivered report as it was (event-log 8).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import codex_oss.record.events as facts
from codex_oss.record.codec import canonical, sha256
from codex_oss.record.corroborating import corroboration_file
from codex_oss.record.coverage import obligation_states
from codex_oss.record.events import Event
from codex_oss.record.findings import findings
from codex_oss.record.plain import plain
from codex_oss.record.reducer import fold
from codex_oss.record.run_record import RunRecord
from codex_oss.record.sources import required_sources
from codex_oss.record.verdict import conditions
from codex_oss.record.views_graph import answer_graph
from codex_oss.record.views_group import report
from codex_oss.record.views_people import summary
from codex_oss.record.views_report import budget, ending, files_inspected, pretty, usage
from codex_oss.record.views_trace import decision_trace, ledger, trace, visible_commentary

RENDERER_VERSION = "2"
REPORT_FILE, SUMMARY_FILE, TRACE_FILE = "report.json", "summary.md", "trace.jsonl"
COMMENTARY_FILE = "visible_commentary.jsonl"


@dataclass(frozen=True, slots=True)
class Story:
    """A run up to its end: the events that files are made of, and their fold."""

    events: tuple[Event, ...]
    record: RunRecord


def story(events: Iterable[Event]) -> Story:
    """Return the part of a run that its files tell: nothing after `MissionFinalized`."""
    told: list[Event] = []
    for event in events:
        told.append(event)
        if isinstance(event.fact, facts.MissionFinalized):
            break
    return Story(tuple(told), fold(told))


def record_hash(record: RunRecord) -> str:
    return sha256(canonical(plain(record)))


def mission(record: RunRecord) -> str:
    return pretty(
        {
            **record.admitted.admitted.task_spec,
            "mission_id": record.admitted.mission_id,
            "x_digest": record.admitted.admitted.contract_sha256,
            "x_limits": record.admitted.admitted.limits,
        }
    )


def claim_graph(record: RunRecord) -> str:
    states = obligation_states(record)
    sources = dict.fromkeys((*required_sources(record), *record.contract.scope.allowed_paths))
    return pretty(
        {
            "version": "1.0",
            "claims": [
                {
                    "claim_id": f.id,
                    "text": f.claim,
                    "obligation_id": f.obligation_id,
                    "value": f.value,
                    "refs": list(f.evidence_refs),
                    "status": f.status,
                    "missing_tokens": list(f.missing_tokens),
                }
                for f in findings(record)
            ],
            "open_questions": [s.obligation.question for s in states if s.status != "answered"],
            "inspected_paths": [row["path"] for row in files_inspected(record)],
            "uninspected_allowed_paths": [p for p in sources if p not in record.evidence.files],
            "phase": record.loop.phase,
            "phase_history": list(record.loop.phase_history),
            "sufficiency": conditions(record),
        }
    )


def run_record(told: Story) -> str:
    record, admitted = told.record, told.record.admitted.admitted
    by_type: dict[str, list[str]] = {}
    for event in told.events:
        by_type.setdefault(event.event_type, []).append(event.event_id)
    return pretty(
        {
            "schema_version": "run_record.v1",
            "run_id": record.admitted.run_id,
            "mission_id": record.admitted.mission_id,
            "task_spec": admitted.task_spec,
            "route_authority": {"door": admitted.door, "alias": admitted.model_alias},
            "tool_calls": [c.command for c in record.evidence.commands],
            "evidence": [e.ref for c in record.evidence.commands for e in c.extracts],
            "claim_state": {f.id: f.status for f in findings(record)},
            "final_status": record.status,
            "event_ids_by_type": by_type,
            "source_event_hash": record.last_hash,
            "run_record_hash": record_hash(record),
            "inconsistent": [{"seq": s, "rule": r} for s, r in record.inconsistent],
            "unknown_events": [{"seq": s, "type": t} for s, t in record.unknown_events],
            "parts": plain(record),
        }
    )


def mission_summary(record: RunRecord) -> str:
    ended, admitted = ending(record), record.admitted
    return pretty(
        {
            "schema_version": "mission_summary.v1",
            "mission_id": admitted.mission_id,
            "run_id": admitted.run_id,
            "tier": record.contract.tier,
            "alias": admitted.admitted.model_alias,
            "objective": record.contract.objective,
            "status": ended.status,
            "status_reason": ended.reason,
            "confidence": ended.confidence,
            "findings": len(findings(record)),
            "budget": budget(record),
            "usage": usage(record),
            "started_at": admitted.started_at,
            "ended_at": record.last_at,
            "source_run_record_hash": record_hash(record),
        }
    )


def _open_graph(told: Story) -> str | None:
    is_open = told.record.contract.objective_style == "open_investigation"
    return answer_graph(told.record, told.events) if is_open else None


View = Callable[[Story], str | None]
VIEWS: Mapping[str, View] = {
    "mission.json": lambda told: mission(told.record),
    REPORT_FILE: lambda told: pretty(report(told.record)),
    SUMMARY_FILE: lambda told: summary(told.record),
    COMMENTARY_FILE: lambda told: visible_commentary(told.events),
    TRACE_FILE: lambda told: trace(told.events),
    "decision_trace.json": lambda told: decision_trace(told.events),
    "ledger.json": lambda told: ledger(told.record),
    "claim_graph.json": lambda told: claim_graph(told.record),
    "answer_graph.json": _open_graph,
    "corroboration.json": lambda told: corroboration_file(told.record),
    "mission_summary.json": lambda told: mission_summary(told.record),
    "run_record.json": run_record,
}
"""Every file of a mission, in the order of writing: `run_record.json` is last. A view gives `None`
where a run of this kind has no such file."""


def render(events: Iterable[Event]) -> dict[str, str]:
    """Return the text of every file of this run; none for a run that was refused."""
    told = story(events)
    if told.record.mission is None:
        return {}
    return {name: text for name, view in VIEWS.items() if (text := view(told)) is not None}
