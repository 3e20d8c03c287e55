"""How a run went, step by step: trace, decisions, ledger and commentary as files.

Events or the record enter, the text of one file leaves.
"""

import json
from collections.abc import Iterable, Iterator

import codex_oss.record.events as facts
from codex_oss.record.closing import FALLBACK
from codex_oss.record.events import Event, Json
from codex_oss.record.run_record import RunRecord, arguments_of
from codex_oss.record.sources import BUDGET_DENIALS, STEP_DENIALS
from codex_oss.record.spending import usage
from codex_oss.record.views_report import denials, files_inspected, pretty
from codex_oss.record.visible_commentary import commentary_for


def json_lines(rows: Iterable[Json]) -> str:
    return "".join(json.dumps(r, sort_keys=True, ensure_ascii=False) + "\n" for r in rows)


def visible_commentary(events: Iterable[Event]) -> str:
    """Return `visible_commentary.jsonl`: every sentence, shown or not."""
    return json_lines(s.to_json() for event in events if (s := commentary_for(event)))


def trace(events: Iterable[Event]) -> str:
    """Return `trace.jsonl`: what was asked, allowed, denied and given back."""
    return json_lines(steps(events))


_STEP: Json = {
    "schema_version": "trace_step.v1",
    "tool": "",
    "arguments": {},
    "code": "",
    "exit_code": None,
    "bytes": 0,
    "refs": [],
    "tokens": 0,
    "reason": "",
}
"""Every member of a step that it does not say itself."""


def steps(events: Iterable[Event]) -> Iterator[Json]:
    """Yield what was asked and what came of it, as `trace_step.v1`."""
    phase = "PLAN"
    call: facts.ToolCallEmitted | None = None
    for event in events:
        fact = event.fact
        if isinstance(fact, facts.PhaseChanged):
            phase = fact.to
        if isinstance(fact, facts.ToolCallEmitted):
            call = fact
        step = _step(fact, call)
        if step is not None:
            place = {"seq": event.seq, "event_id": event.event_id, "at": event.created_at}
            yield {**_STEP, **place, "phase": phase, **step}


def _step(fact: facts.Fact, call: facts.ToolCallEmitted | None) -> Json | None:
    match fact:
        case facts.ToolObserved() if call:
            return _called(call) | {
                "decision": _decision_on(call, fact),
                "exit_code": fact.exit_code,
                "bytes": fact.bytes,
                "refs": [extract.ref for extract in fact.extracts],
            }
        case facts.ToolDenied() if call:
            denied: Json = {"decision": "blocked", "code": fact.code, "reason": fact.rule}
            return _called(call) | denied
        case facts.ModelReplied():
            return {"kind": "model", "decision": "allowed", "tokens": fact.usage.total}
        case facts.ModelFailed():
            return {"kind": "model", "decision": "blocked", "code": fact.code}
        case facts.ActionRejected():
            return {"kind": "action", "decision": "repaired", "code": fact.code}
        case facts.BudgetChanged():
            return {"kind": "budget", "decision": "redirected", "code": fact.counter}
        case facts.RuntimeProgressEmitted() if fact.progress_type.startswith("redirect:"):
            code = fact.progress_type.partition(":")[2]
            return {"kind": "budget", "decision": "redirected", "code": code}
        case facts.ReportValidated() if fact.downgraded_from:
            return {"kind": "report", "decision": "downgraded", "reason": ", ".join(fact.reasons)}
        case _:
            return None


def _called(call: facts.ToolCallEmitted) -> Json:
    return {"kind": "tool", "tool": call.tool_name, "arguments": arguments_of(call.arguments)}


def _decision_on(call: facts.ToolCallEmitted, fact: facts.ToolObserved) -> str:
    if fact.cached:
        return "cache_hit" if fact.recalled else "duplicate"
    return "allowed" if call.response_id else "runtime_prefetch"


def decision_trace(events: Iterable[Event]) -> str:
    """Return `decision_trace.json`: each decision with its input and the event that holds it."""
    told = list(events)
    return pretty(
        {
            "decision_trace_version": "1.0",
            "mission_id": told[0].mission_id if told else "",
            "decisions": [row for event in told for row in decisions(event)],
        }
    )


def decisions(event: Event) -> Iterator[Json]:
    """Yield the decision that an event holds, if it holds one."""
    fact = event.fact
    match fact:
        case facts.MissionAdmitted():
            yield _decision(event, "entry_validation", "admitted", "admission.v1", fact.admission)
            yield from _judged_at_entry(event, fact.admission)
        case facts.MissionRefused():
            yield _decision(event, "entry_validation", "refused", "admission.v1", fact.admission)
            yield from _judged_at_entry(event, fact.admission)
        case facts.BudgetChanged():
            change: Json = {"before": fact.before, "after": fact.after}
            yield _decision(event, "scheduler", fact.reason, "budget", change, fact.counter)
        case facts.RuntimeRecoveryRecorded() if fact.recovery_class == FALLBACK:
            asked_for: Json = {"call": fact.call_id, "profile": fact.detail}
            yield _decision(
                event, "fallback", fact.status, "fallback_policy", asked_for, fact.reason
            )
        case facts.PhaseChanged():
            taken: Json = {"from": fact.from_, "to": fact.to, "cause": fact.cause}
            yield _decision(event, "phase_transition", fact.to, "phases", taken, fact.cause)
        case facts.ToolDenied():
            asked: Json = {"path": fact.path, "rule": fact.rule}
            is_budget = fact.code in (*BUDGET_DENIALS, *STEP_DENIALS)
            kind, policy = ("scheduler", "budget") if is_budget else ("scope_validation", "guard")
            yield _decision(event, kind, fact.code, policy, asked, fact.rule)
        case facts.GateEvaluated():
            reason = ", ".join(fact.reasons)
            yield _decision(event, fact.gate, fact.result, "verdict", fact.inputs, reason)
        case _:
            return


ENTRY_DECISIONS = {
    "risk": "risk_tier",
    "scope": "scope_validation",
    "data_exposure": "data_exposure",
}
"""Checks of an admission that are decisions of their own."""


def _judged_at_entry(event: Event, admission: Json) -> Iterator[Json]:
    checks = admission.get("checks")
    for check in checks if isinstance(checks, list) else ():
        if isinstance(check, dict) and check.get("id") in ENTRY_DECISIONS:
            kind, seen = ENTRY_DECISIONS[check["id"]], check.get("input")
            taken = seen if isinstance(seen, dict) else {}
            result, reason = str(check.get("result")), str(check.get("reason"))
            yield _decision(event, kind, result, "admission.v1", taken, reason)


def _decision(
    event: Event, kind: str, result: str, policy: str, taken: Json, reason: str = ""
) -> Json:
    return {
        "decision_type": kind,
        "result": result,
        "policy": policy,
        "reason": reason,
        "source_event_id": event.event_id,
        "input": taken,
        "timestamp": event.created_at,
    }


def ledger(record: RunRecord) -> str:
    """Return `ledger.json`: what was spent and shown."""
    commands = record.evidence.commands
    return pretty(
        {
            "schema_version": "ledger.v1",
            "mission_id": record.admitted.mission_id,
            "files_inspected": files_inspected(record),
            "commands_run": [c.command for c in commands],
            "denials": denials(record),
            "tool_budget_remaining": record.contract.budget.tool_budget - record.budget.tool_calls,
            "total_bytes_read": record.budget.observation_bytes,
            "redactions_applied": record.delivery.redactions,
            "duplicate_actions_blocked": record.budget.duplicates,
            "risk_flags": sorted({flag for c in commands for flag in c.risk_flags}),
            "usage": usage(record),
            "evidence": [e.ref for c in commands for e in c.extracts],
        }
    )
