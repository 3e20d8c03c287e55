"""What a run has earned: a pure function of its record, first row that holds (missions 12.3).

COMPLETE needs twelve conditions, each recomputed from the record; the runtime lowers a status
that the model asked for and never raises one. `closing_reason` says why exploration is over.
"""

from dataclasses import dataclass

from codex_oss.contract import ReportDraft
from codex_oss.record.citations import is_zero_match
from codex_oss.record.findings import (
    Finding,
    contradictions,
    draft_of,
    findings,
    obligation_states,
    source_states,
)
from codex_oss.record.run_record import RunRecord

REPAIRS_IN_A_ROW_MAX = 2  # Then a run closes with what is proven (missions 8).
REPAIRS_MAX = 5
FAILURES_IN_A_ROW_MAX = 3
WRITE_ATTEMPTS_MAX = 3
RESERVE_SECONDS_MIN, RESERVE_SECONDS_MAX = 2, 30  # Kept for closing (missions 10.2).
CONFIDENCES = ("LOW", "MEDIUM", "HIGH")

CONDITIONS = {
    "model_asked_for_complete": "complete_status_exceeds_runtime_cap",
    "required_obligations_answered": "complete_missing_required_answer",
    "required_sources_satisfied": "complete_before_required_sources",
    "findings_supported_and_verified": "complete_with_weak_findings",
    "minimum_claims_and_refs": "complete_with_empty_findings",
    "required_outputs_present": "complete_with_missing_fields",
    "no_contradiction": "complete_with_contradiction",
    "no_open_uncertainty": "complete_with_open_uncertainty",
    "every_tool_call_terminal": "complete_with_open_tool_call",
    "exploration_floor_met": "complete_before_exploration_floor",
    "narrative_is_the_models": "complete_without_model_narrative",
    "log_verifies": "complete_on_damaged_log",
}
"""The twelve conditions of COMPLETE, in order, and the reason a status goes down without one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    status: str
    reason: str
    confidence: str
    downgraded_from: str = ""
    downgrade_reasons: tuple[str, ...] = ()


def reserve_seconds(time_budget_seconds: int) -> float:
    return max(RESERVE_SECONDS_MIN, min(RESERVE_SECONDS_MAX, time_budget_seconds / 10))


def closing_reason(record: RunRecord) -> str:
    """Return why the run must close, or "" while it may go on. The first reason that holds."""
    loop, budget, limits = record.loop, record.budget, record.contract.budget
    seconds_left = limits.time_budget_seconds - budget.elapsed_ms / 1000
    output_left = (
        limits.max_output_tokens_total or budget.output_tokens + 1
    ) - budget.output_tokens
    failed = loop.failed_in_a_row and (
        not loop.last_failure_retryable or loop.failed_in_a_row >= FAILURES_IN_A_ROW_MAX
    )
    repairs_spent = loop.rejected_in_a_row > REPAIRS_IN_A_ROW_MAX or loop.rejected > REPAIRS_MAX
    rows = (
        (
            loop.cancelled_by,
            "client_disconnected" if loop.cancelled_by == "client" else "cancelled",
        ),
        (loop.stopped, "stopped_by_model"),
        (loop.write_attempts >= WRITE_ATTEMPTS_MAX, "write_attempts"),
        (record.answer.draft, "valid_report"),
        (repairs_spent and budget.exhausted, f"budget_exhausted:{_last(budget.exhausted)}"),
        (repairs_spent, "action_parse_failed"),
        (failed, f"model_call_failed:{loop.last_failure}"),
        (seconds_left <= reserve_seconds(limits.time_budget_seconds), "deadline_reached"),
        (budget.model_calls >= limits.max_model_calls, "model_call_limit_reached"),
        (output_left <= 0, "budget_exhausted:output_tokens"),
        ("context" in budget.exhausted, "context_too_small"),
        ("log" in budget.exhausted, "log_limit"),
    )
    return next((reason for holds, reason in rows if holds), "")


def _last(names: tuple[str, ...]) -> str:
    return names[-1] if names else ""


def conditions(record: RunRecord) -> dict[str, bool]:
    """Return the twelve conditions of COMPLETE, each as the record stands."""
    draft, known = draft_of(record), findings(record)
    limits = record.contract.sufficiency
    refs_min = limits.min_evidence_refs_per_claim
    required = [s for s in obligation_states(record) if s.obligation.required]
    return {
        "model_asked_for_complete": draft is not None and draft.status == "COMPLETE",
        "required_obligations_answered": all(s.status == "answered" for s in required),
        "required_sources_satisfied": all(
            s.state == "read_satisfied" for s in source_states(record)
        ),
        "findings_supported_and_verified": bool(known) and all(_is_proven(f) for f in known),
        "minimum_claims_and_refs": len(known) >= max(1, limits.min_main_claims)
        and all(len(f.evidence_refs) >= refs_min for f in known),
        "required_outputs_present": not missing_fields(record),
        "no_contradiction": not contradictions(record),
        "no_open_uncertainty": not _open_uncertainties(record, draft),
        "every_tool_call_terminal": record.loop.open_tool is None,
        "exploration_floor_met": record.contract.objective_style != "open_investigation",
        "narrative_is_the_models": draft is not None,
        "log_verifies": not record.inconsistent and not record.unknown_events,
    }


def _is_proven(finding: Finding) -> bool:
    looked_at = len(finding.checked) == len(finding.evidence_refs)
    held = all(result.verification in ("verified", "moved") for result in finding.checked)
    return finding.status == "supported" and looked_at and held


def _open_uncertainties(record: RunRecord, draft: ReportDraft | None) -> tuple[str, ...]:
    required = {o.id for o in record.contract.obligations if o.required}
    uncertainties = draft.uncertainties if draft else ()
    return tuple(u.text for u in uncertainties if u.obligation_id in required)


def missing_fields(record: RunRecord) -> tuple[str, ...]:
    """Return the required outputs that would be absent or, where that counts, empty."""
    shown = {
        "findings": bool(findings(record)),
        "files_inspected": bool(record.evidence.files),
        "commands_run": bool(record.evidence.commands),
    }
    missing = [name for name in record.contract.required_outputs if not shown.get(name, True)]
    if len({"files_inspected", "commands_run"} & set(missing)) == 1:
        missing = [name for name in missing if name == "findings"]
    return tuple(missing)


def verdict(record: RunRecord) -> Verdict:
    """Say how the run ends, were it to end here. Citations must have been looked at before."""
    reason, met = closing_reason(record), conditions(record)
    failed = [name for name, holds in met.items() if not holds]
    draft = draft_of(record)
    asked = draft.status if draft else ""
    status = _status(record, reason, failed, asked)
    if reason == "valid_report" and status == "FAILED":
        reason = "report_validation_failed:nothing_proven"
    elif reason == "valid_report" and asked == "COMPLETE" and status == "PARTIAL":
        reason = f"objective_coverage_failed:{CONDITIONS[failed[0]]}"
    lowered = asked == "COMPLETE" and status != "COMPLETE"
    return Verdict(
        status=status,
        reason=reason or "interrupted",
        confidence=_confidence(record, draft),
        downgraded_from=asked if lowered else "",
        downgrade_reasons=tuple(CONDITIONS[name] for name in failed) if lowered else (),
    )


def _status(record: RunRecord, reason: str, failed: list[str], asked: str) -> str:
    if reason == "deadline_reached" and record.contract.deadline_policy == "fail":
        return "FAILED"
    if _needs_a_person(record, asked):
        return "ESCALATE"
    if not _anything_proven(record):
        return "FAILED"
    return "COMPLETE" if not failed and reason == "valid_report" else "PARTIAL"


def _anything_proven(record: RunRecord) -> bool:
    return any(f.status in ("supported", "weak") for f in findings(record)) or any(
        is_zero_match(command) for command in record.evidence.commands
    )


def _needs_a_person(record: RunRecord, asked: str) -> bool:
    stopped = record.loop.stopped
    required = {s.path for s in source_states(record)}
    blocked = any(denial.path in required for denial in record.evidence.denials)
    forged = any(f.status == "unverified" and f.evidence_refs for f in findings(record))
    return (
        asked == "ESCALATE"
        or bool(stopped and stopped.needs_human)
        or record.loop.write_attempts >= WRITE_ATTEMPTS_MAX
        or blocked
        or forged
        or bool(contradictions(record))
    )


def _confidence(record: RunRecord, draft: ReportDraft | None) -> str:
    known = findings(record)
    if draft is None or not known:
        return "LOW"
    asked = draft.confidence if draft.confidence in CONFIDENCES else "LOW"
    cap = "HIGH"
    if any(citation.is_partial for f in known for citation in f.citations):
        cap = record.contract.sufficiency.confidence_cap_if_partial_extracts
    if not all(f.status == "supported" and (f.value or len(f.citations) > 1) for f in known):
        cap = min(cap, "MEDIUM", key=CONFIDENCES.index)
    return min(asked, cap, key=CONFIDENCES.index)
