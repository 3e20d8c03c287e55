"""The record itself, its claims and its outline as files, and the list of all files of a mission.

`VIEWS` names every projection. What a report tells is a function of the events up to
`MissionFinalized`, so that later deliveries leave it as it was; how it was delivered, and the
record, are of all events but those that tell of writing files (event-log 8).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce as fold_left

import codex_oss.record.events as facts
from codex_oss.record.codec import canonical, sha256
from codex_oss.record.corroborating import corroboration_file
from codex_oss.record.coverage import obligation_states
from codex_oss.record.events import Event
from codex_oss.record.findings import findings
from codex_oss.record.plain import plain
from codex_oss.record.reducer import fold, reduce
from codex_oss.record.run_record import RunRecord, evolved
from codex_oss.record.sources import required_sources
from codex_oss.record.spending import budget, usage
from codex_oss.record.verdict import conditions
from codex_oss.record.views_closure import ending
from codex_oss.record.views_delivery import commentary_delivery
from codex_oss.record.views_graph import answer_graph
from codex_oss.record.views_group import report
from codex_oss.record.views_people import summary
from codex_oss.record.views_report import files_inspected, pretty
from codex_oss.record.views_trace import decision_trace, ledger, trace, visible_commentary

RENDERER_VERSION = "3"
REPORT_FILE, SUMMARY_FILE, TRACE_FILE = "report.json", "summary.md", "trace.jsonl"
COMMENTARY_FILE, DELIVERY_FILE = "visible_commentary.jsonl", "commentary_delivery.json"


PARTS = ("mission", "loop", "evidence", "answer", "budget", "patch", "delivery")
WRITING = facts.HeadSealed | facts.ProjectionWritten
"""Events that tell of files and heads: no file depends on them."""


@dataclass(frozen=True, slots=True)
class Story:
    """What files are made of: the events up to the end of a run with their fold, and all that is
    known since, with the hash of the last event that counts."""

    events: tuple[Event, ...]
    record: RunRecord
    all_events: tuple[Event, ...]
    latest: RunRecord
    source_hash: str


def story(events: Iterable[Event]) -> Story:
    """Return what a run tells. A report is of the run up to its end, whatever came after it."""
    known = tuple(events)
    ends = (at for at, e in enumerate(known, 1) if isinstance(e.fact, facts.MissionFinalized))
    end = next(ends, len(known))
    record = fold(known[:end])
    latest = fold_left(reduce, known[end:], record)
    counted = [event.event_hash for event in known if not isinstance(event.fact, WRITING)]
    return Story(known[:end], record, known, latest, counted[-1] if counted else "")


def parts(record: RunRecord) -> dict[str, object]:
    """Return the record as JSON, without what writing its files changes."""
    delivery = evolved(record.delivery, sealed=None, files_written=0)
    record = evolved(record, delivery=delivery)
    return {name: plain(getattr(record, name)) for name in PARTS}


def record_hash(record: RunRecord) -> str:
    noted = {"inconsistent": record.inconsistent, "unknown_events": record.unknown_events}
    return sha256(canonical({**parts(record), **noted}))


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
    record, admitted = told.latest, told.latest.admitted.admitted
    by_type: dict[str, list[str]] = {}
    for event in told.all_events:
        if not isinstance(event.fact, WRITING):
            by_type.setdefault(event.event_type, []).append(event.event_id)
    delivery = record.delivery
    return pretty(
        {
            "schema_version": "run_record.v1",
            "run_id": record.admitted.run_id,
            "mission_id": record.admitted.mission_id,
            "task_spec": admitted.task_spec,
            "route_authority": {
                "door": admitted.door,
                "alias": admitted.model_alias,
                "route_class": admitted.route_class,
                "profile": record.profile.name,
            },
            "desktop_observation": {
                "captures": delivery.captures,
                "messages_observed": delivery.messages_observed,
                "messages_matched": delivery.messages_matched,
                "calls_adopted": delivery.calls_adopted,
            },
            "tool_calls": [c.command for c in record.evidence.commands],
            "implementation": {"promotion_state": record.promotion_state},
            "evidence": [e.ref for c in record.evidence.commands for e in c.extracts],
            "final_status": record.status,
            "claim_state": {
                "findings": {f.id: f.status for f in findings(record)},
                "gates": [plain(gate) for gate in delivery.claim_gates],
            },
            "projection_state": {
                "renderer_version": RENDERER_VERSION,
                "files": list(VIEWS),
            },
            "event_ids_by_type": by_type,
            "source_event_hash": told.source_hash,
            "run_record_hash": record_hash(record),
            "inconsistent": [{"seq": s, "rule": r} for s, r in record.inconsistent],
            "unknown_events": [{"seq": s, "type": t} for s, t in record.unknown_events],
            "parts": parts(record),
        }
    )


def mission_summary(told: Story) -> str:
    record = told.record
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
            "counts": _counts(record),
            "budget": budget(record),
            "usage": usage(record),
            "started_at": admitted.started_at,
            "ended_at": record.last_at,
            "source_run_record_hash": record_hash(told.latest),
        }
    )


def _counts(record: RunRecord) -> dict[str, int]:
    known, evidence = findings(record), record.evidence
    return {
        "findings": len(known),
        "supported": sum(finding.status == "supported" for finding in known),
        "files": len(evidence.files),
        "commands": len(evidence.commands),
        "denials": len(evidence.denials),
        "events": record.last_seq,
    }


def _open_graph(told: Story) -> str | None:
    is_open = told.record.contract.objective_style == "open_investigation"
    return answer_graph(told.record, told.events) if is_open else None


View = Callable[[Story], str | None]
VIEWS: Mapping[str, View] = {
    "mission.json": lambda told: mission(told.record),
    REPORT_FILE: lambda told: pretty(report(told.record)),
    SUMMARY_FILE: lambda told: summary(told.record),
    COMMENTARY_FILE: lambda told: visible_commentary(told.events),
    DELIVERY_FILE: lambda told: commentary_delivery(
        told.all_events, told.record.admitted.mission_id, told.record.admitted.admitted.door
    ),
    TRACE_FILE: lambda told: trace(told.events),
    "decision_trace.json": lambda told: decision_trace(told.events),
    "ledger.json": lambda told: ledger(told.record),
    "claim_graph.json": lambda told: claim_graph(told.record),
    "answer_graph.json": _open_graph,
    "corroboration.json": lambda told: corroboration_file(told.record),
    "mission_summary.json": mission_summary,
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
