"""What a run has earned: a pure function of its record, first row that holds (missions 12.3).

COMPLETE needs twelve conditions, each recomputed from the record; the runtime lowers a status
that the model asked for and never raises one. `closing_reason` says why exploration is over.
"""

from dataclasses import dataclass

from codex_oss.contract import ReportDraft
from codex_oss.record.citations import is_zero_match
from codex_oss.record.contradictions import contradictions
from codex_oss.record.coverage import obligation_states
from codex_oss.record.exact_write import ends_without_model, exact_write
from codex_oss.record.findings import Finding, draft_of, findings, told
from codex_oss.record.group_verdict import group_conditions, group_status, is_group
from codex_oss.record.run_record import RunRecord
from codex_oss.record.sources import is_denied, required_sources, source_states

REPAIRS_IN_A_ROW_MAX = 2  # Then a run closes with what is proven (missions 8).
REPAIRS_MAX = 5
CUT_IN_A_ROW_MAX = 1  # What was cut off is asked for once more, and may be longer then.
FAILURES_IN_A_ROW_MAX = 3
WRITE_ATTEMPTS_MAX = 3
FALLBACK = "fallback_profile"
OTHERS_MAY_ANSWER = (
    *("server_error", "server_is_overloaded", "rate_limit_exceeded", "insufficient_quota"),
    "model_not_found",
)
"""Failures of a provider that say nothing of what it was asked."""

RESERVE_SECONDS_MIN, RESERVE_SECONDS_MAX = 2, 30  # Kept for closing (missions 10.2).
CONFIDENCES = ("LOW", "MEDIUM", "HIGH")
CANCELLED_BY = {"client": "client_disconnected", "runtime": "interrupted"}
SOURCE_PACK = "source_pack"
"""How a run comes in that mends what a raw model left: at most PARTIAL, and LOW (missions 14)."""

NOT_REPORTED = ("uninspected",)  # An output that a contract may require and no report has yet.

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


# ---- why a run closes ----------------------------------------------------------------------------


def reserve_seconds(time_budget_seconds: int) -> float:
    return max(RESERVE_SECONDS_MIN, min(RESERVE_SECONDS_MAX, time_budget_seconds / 10))


def closing_reason(record: RunRecord) -> str:
    """Return why the run must close, or "" while it may go on."""
    return early_end(record) or ("valid_report" if record.answer.draft else "") or out_of(record)


def early_end(record: RunRecord) -> str:
    """Return the word that ends a run at once, whatever the model still asked for."""
    loop = record.loop
    if loop.cancelled_by:
        return CANCELLED_BY.get(loop.cancelled_by, "cancelled")
    if loop.stopped:
        return "stopped_by_model"
    return "write_attempts" if loop.write_attempts >= WRITE_ATTEMPTS_MAX else ""


def out_of(record: RunRecord) -> str:
    """Return what a run has run out of: patience, provider, time, calls, tokens or room."""
    loop, budget, limits = record.loop, record.budget, record.contract.budget
    last_ms = 1000 * (limits.time_budget_seconds - reserve_seconds(limits.time_budget_seconds))
    tokens_max = limits.max_output_tokens_total
    is_last = budget.model_calls >= limits.max_model_calls
    is_given_up = loop.failed_in_a_row and (is_last or has_failed(record))
    stuck = f"budget_exhausted:{budget.exhausted[-1]}" if budget.exhausted else ""
    may_change = bool(next_profile(record))
    rows = (
        (ends_without_model(record), "exact_write_checked"),
        (repairs_spent(record) and not may_change, stuck or "action_parse_failed"),
        (is_given_up and not may_change, f"model_call_failed:{loop.last_failure}"),
        (budget.elapsed_ms >= last_ms, "deadline_reached"),
        (is_last, "model_call_limit_reached"),
        (
            tokens_max is not None and budget.output_tokens >= tokens_max,
            "budget_exhausted:output_tokens",
        ),
        ("cost" in budget.exhausted, "budget_exhausted:cost"),
        ("context" in budget.exhausted, "context_too_small"),
        ("log" in budget.exhausted, "log_limit"),
    )
    return next((reason for holds, reason in rows if holds), "")


def repairs_spent(record: RunRecord) -> bool:
    """Whether the model that is asked has shown that it does not speak the protocol."""
    loop = record.loop
    return (
        loop.faulty_in_a_row > REPAIRS_IN_A_ROW_MAX
        or loop.faulty > REPAIRS_MAX
        or loop.cut_in_a_row > CUT_IN_A_ROW_MAX
    )


def has_failed(record: RunRecord) -> bool:
    """Whether the provider of the model that is asked is not asked again."""
    loop = record.loop
    is_over = loop.failed_in_a_row >= FAILURES_IN_A_ROW_MAX
    return is_over or (loop.failed_in_a_row > 0 and not loop.last_failure_retryable)


def next_profile(record: RunRecord) -> str:
    """Return the profile that is to take the place of one that cannot go on, while there is one and
    there are calls left for it; "" while nothing calls for that (missions 15)."""
    tried = {each.detail for each in record.loop.recoveries if each.recovery_class == FALLBACK}
    left = [name for name in record.admitted.admitted.fallbacks if name not in tried]
    calls_max = record.contract.budget.max_model_calls
    if not left or early_end(record) or record.budget.model_calls >= calls_max:
        return ""
    is_sick = has_failed(record) and record.loop.last_failure in OTHERS_MAY_ANSWER
    return left[0] if is_sick or repairs_spent(record) else ""


def is_recovery(record: RunRecord) -> bool:
    """Whether this run only mends what a raw model left undone."""
    return record.admitted.admitted.route_class == SOURCE_PACK


# ---- what was earned -----------------------------------------------------------------------------


def conditions(record: RunRecord) -> dict[str, bool]:
    """Return the twelve conditions of COMPLETE, each as the record stands; of a group its own."""
    if is_group(record):
        return group_conditions(record)
    draft, known = draft_of(record), findings(record)
    limits = record.contract.sufficiency
    refs_min = limits.min_evidence_refs_per_claim
    required = [s for s in obligation_states(record) if s.obligation.required]
    return {
        "model_asked_for_complete": draft is not None
        and draft.status == "COMPLETE"
        and not is_recovery(record),
        "required_obligations_answered": all(s.status == "answered" for s in required),
        "required_sources_satisfied": all(
            s.state == "read_satisfied" for s in source_states(record)
        ),
        "findings_supported_and_verified": bool(known) and all(f.is_proven for f in known),
        "minimum_claims_and_refs": len(known) >= max(1, limits.min_main_claims)
        and all(len(set(f.evidence_refs)) >= refs_min for f in known),
        "required_outputs_present": not missing_fields(record),
        "no_contradiction": not contradictions(record),
        "no_open_uncertainty": not _has_open_uncertainty(record, draft),
        "every_tool_call_terminal": record.loop.open_tool is None,
        "exploration_floor_met": record.contract.objective_style != "open_investigation",
        "narrative_is_the_models": draft is not None,
        "log_verifies": not record.inconsistent and not record.unknown_events,
    }


def _has_open_uncertainty(record: RunRecord, draft: ReportDraft | None) -> bool:
    required = {o.id for o in record.contract.obligations if o.required}
    return any(u.obligation_id in required for u in (draft.uncertainties if draft else ()))


def missing_fields(record: RunRecord) -> tuple[str, ...]:
    """Return the required outputs that would be absent or, where that counts, empty: files or
    commands, one of them is enough."""
    wanted = record.contract.required_outputs
    missing = [name for name in wanted if name in NOT_REPORTED]
    if "findings" in wanted and not findings(record):
        missing.append("findings")
    if not record.evidence.files and not record.evidence.commands:
        missing += [name for name in ("files_inspected", "commands_run") if name in wanted]
    return tuple(missing)


def verdict(record: RunRecord) -> Verdict:
    """Say how the run ends, were it to end here. Citations must have been looked at before."""
    if is_group(record):
        return Verdict(*group_status(record, early_end(record)))
    reason, met = closing_reason(record), conditions(record)
    failed = [CONDITIONS[name] for name, holds in met.items() if not holds]
    draft = draft_of(record)
    asked = draft.status if draft else ""
    status, why = _status(record, reason, failed, asked)
    lowered = asked == "COMPLETE" and status != "COMPLETE"
    return Verdict(
        status=status,
        reason=why or reason or "interrupted",
        confidence=_confidence(record, draft, status),
        downgraded_from=asked if lowered else "",
        downgrade_reasons=tuple(failed) if lowered else (),
    )


def _status(record: RunRecord, reason: str, failed: list[str], asked: str) -> tuple[str, str]:
    """Return the status, and the reason where it is another than why the run closed. That a
    person is needed is said even if nothing is proven: it is the more useful answer."""
    is_report = reason == "valid_report"
    if reason == "deadline_reached" and record.contract.deadline_policy == "fail":
        return "FAILED", ""
    if asked == "FAILED":
        return "FAILED", ""
    if proposal := exact_write(record):
        return (
            ("FAILED", f"exact_write_failed:{proposal.fault}")
            if proposal.fault
            else ("PARTIAL", "")
        )
    needed = _needs_a_person(record)
    if needed is not None or asked == "ESCALATE":
        return "ESCALATE", (needed or "") if is_report else ""
    if not _is_anything_proven(record) and not (is_report and is_recovery(record)):
        return "FAILED", "report_validation_failed:nothing_proven" if is_report else ""
    if is_report and not failed:
        return "COMPLETE", ""
    lowered = is_report and asked == "COMPLETE"
    return "PARTIAL", f"objective_coverage_failed:{failed[0]}" if lowered else ""


def _needs_a_person(record: RunRecord) -> str | None:
    """Return why somebody must look at this run; "" where its end says that already."""
    stopped, known = record.loop.stopped, findings(record)
    if stopped and stopped.needs_human or record.loop.write_attempts >= WRITE_ATTEMPTS_MAX:
        return ""
    if any(f.status == "unverified" for f in known):
        return "report_validation_failed:forged_reference"
    if contradictions(record):
        return "contradiction_found"
    if any(is_denied(record, path) for path in required_sources(record)):
        return "blocked_source"
    return None


def _is_anything_proven(record: RunRecord) -> bool:
    return bool(told(record)) or any(is_zero_match(c) for c in record.evidence.commands)


def _confidence(record: RunRecord, draft: ReportDraft | None, status: str) -> str:
    """HIGH needs all findings supported, no partial extract behind them, and two references or a
    value that stands there literally. What contradicts itself, or cites the unseen, is LOW."""
    known = findings(record)
    is_sound = bool(known) and all(f.status != "unverified" for f in known)
    if draft is None or status == "FAILED" or not is_sound or is_recovery(record):
        return "LOW"
    if contradictions(record):
        return "LOW"
    caps = [draft.confidence]
    if any(citation.is_partial for f in known for citation in f.citations):
        caps.append(record.contract.sufficiency.confidence_cap_if_partial_extracts)
    if not all(_is_sure(f) for f in known):
        caps.append("MEDIUM")
    return min(caps, key=CONFIDENCES.index)


def _is_sure(finding: Finding) -> bool:
    has_two = len({(c.path, c.first_line, c.command) for c in finding.citations}) > 1
    return finding.status == "supported" and bool(finding.value or has_two)
