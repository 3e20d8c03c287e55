"""What a run has earned: a pure function of its record, first row that holds (missions 12.3).

COMPLETE needs twelve conditions, each recomputed from the record; the runtime lowers a status
that the model asked for and never raises one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from codex_oss.contract import REPORT_FIELDS, ReportDraft
from codex_oss.record.citations import is_zero_match
from codex_oss.record.closing import (
    WRITE_ATTEMPTS_MAX,
    closing_reason,
    early_end,
    is_recovery,
    stopped_by,
)
from codex_oss.record.contradictions import contradictions
from codex_oss.record.coverage import obligation_states
from codex_oss.record.exact_answer import is_answered_exactly
from codex_oss.record.exact_write import exact_write
from codex_oss.record.exploration import is_explored_enough
from codex_oss.record.findings import Finding, draft_of, findings, told
from codex_oss.record.group_verdict import group_conditions, group_status, is_group
from codex_oss.record.run_record import RunRecord
from codex_oss.record.shapes import stands
from codex_oss.record.sources import is_denied, required_sources, source_states

CONFIDENCES = ("LOW", "MEDIUM", "HIGH")

EXCEEDS_CAP = "complete_status_exceeds_runtime_cap"
"""Why a status goes down where every condition is met, and a person must decide all the same."""

CONDITIONS = {
    "model_asked_for_complete": EXCEEDS_CAP,
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


# ---- what was earned -----------------------------------------------------------------------------


def conditions(record: RunRecord) -> dict[str, bool]:
    """Return the twelve conditions of COMPLETE, each as the record stands; of a group its own."""
    if is_group(record):
        return group_conditions(record)
    draft, known = draft_of(record), findings(record)
    limits = record.contract.sufficiency
    refs_min, is_exact = limits.min_evidence_refs_per_claim, is_answered_exactly(record)
    required = [s for s in obligation_states(record) if s.obligation.required]
    return {
        "model_asked_for_complete": asked_for(record) == "COMPLETE" and not is_recovery(record),
        "required_obligations_answered": all(s.status == "answered" for s in required),
        "required_sources_satisfied": all(
            s.state == "read_satisfied" for s in source_states(record)
        ),
        "findings_supported_and_verified": (bool(known) or is_exact)
        and all(f.is_proven for f in known),
        "minimum_claims_and_refs": len(known) >= (0 if is_exact else max(1, limits.min_main_claims))
        and all(f.places >= refs_min for f in known),
        "required_outputs_present": not missing_fields(record),
        "no_contradiction": not contradictions(record),
        "no_open_uncertainty": not _has_open_uncertainty(record, draft),
        "every_tool_call_terminal": record.loop.open_tool is None,
        "exploration_floor_met": is_explored_enough(record),
        "narrative_is_the_models": draft is not None or record.answer.is_fast,
        "log_verifies": not record.inconsistent and not record.unknown_events,
    }


def asked_for(record: RunRecord) -> str:
    """Return the status that was asked for: by the model, or by a search that answers all."""
    draft = draft_of(record)
    return draft.status if draft else "COMPLETE" if record.answer.is_fast else ""


def _has_open_uncertainty(record: RunRecord, draft: ReportDraft | None) -> bool:
    """Whether the draft doubts what it must answer. A doubt without an id is about the only
    obligation, as a finding is; who asks for a person doubts the whole."""
    if draft is None:
        return False
    obligations = record.contract.obligations
    required = {o.id for o in obligations if o.required}
    if required and len(obligations) == 1:
        required.add("")
    doubted = {uncertainty.obligation_id for uncertainty in draft.uncertainties}
    return draft.escalation.needed or not required.isdisjoint(doubted)


def missing_fields(record: RunRecord) -> tuple[str, ...]:
    """Return the required outputs that would be absent or, where that counts, empty: files or
    commands, one of them is enough."""
    if record.contract.is_exact:
        return ()
    spec = record.contract.objective_spec
    wanted = (*record.contract.required_outputs, *(spec.required_outputs if spec else ()))
    missing = [name for name in wanted if name not in REPORT_FIELDS]
    must_list = record.contract.sufficiency.must_list_uninspected_areas or "uninspected" in wanted
    if must_list and not record.admitted.admitted.areas:
        missing.append("uninspected")
    if "findings" in wanted and not findings(record):
        missing.append("findings")
    if not record.evidence.files and not record.evidence.commands:
        missing += [name for name in ("files_inspected", "commands_run") if name in wanted]
    return (*dict.fromkeys(missing), *_missing_of_objective(record))


def _missing_of_objective(record: RunRecord) -> Iterator[str]:
    """Yield the values and shapes of an objective that no cited span holds."""
    spec = record.contract.objective_spec
    cited = [citation for f in told(record) for citation in f.citations] if spec else []
    values = (*spec.required_values, spec.target.value) if spec else ()
    for value in filter(None, dict.fromkeys(values)):
        if not any(value in citation.text for citation in cited):
            yield f"required_value:{value}"
    for shape in spec.required_evidence_shapes if spec else ():
        if not any(stands(shape, citation.path, citation.shown) for citation in cited):
            yield f"evidence_shape:{shape}"


def verdict(record: RunRecord) -> Verdict:
    """Say how the run ends, were it to end here. Citations must have been looked at before."""
    if is_group(record):
        return Verdict(*group_status(record, early_end(record)))
    reason, met = closing_reason(record), conditions(record)
    failed = [CONDITIONS[name] for name, holds in met.items() if not holds]
    draft, asked = draft_of(record), asked_for(record)
    status, why = _status(record, reason, failed, asked)
    lowered = asked == "COMPLETE" and status != "COMPLETE"
    return Verdict(
        status=status,
        reason=why or reason or "interrupted",
        confidence=_confidence(record, draft, status),
        downgraded_from=asked if lowered else "",
        downgrade_reasons=(tuple(failed) or (EXCEEDS_CAP,)) if lowered else (),
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
    if reason := stopped_by(record):
        return reason
    if stopped and stopped.needs_human or record.loop.write_attempts >= WRITE_ATTEMPTS_MAX:
        return ""
    if record.answer.forged or any(f.status == "unverified" for f in known):
        return "report_validation_failed:forged_reference"
    if contradictions(record):
        return "contradiction_found"
    if any(is_denied(record, path) for path in required_sources(record)):
        return "blocked_source"
    if record.contract.risk_tier == "critical":
        return "critical_path_detected"  # A person decides on everything critical (missions 4).
    return None


def _is_anything_proven(record: RunRecord) -> bool:
    return (
        bool(told(record))
        or is_answered_exactly(record)
        or any(is_zero_match(c) for c in record.evidence.commands)
    )


def _confidence(record: RunRecord, draft: ReportDraft | None, status: str) -> str:
    """HIGH needs all findings supported, no partial extract behind them, and two references or a
    value that stands there literally. What contradicts itself, or cites the unseen, is LOW."""
    if is_answered_exactly(record) and status == "COMPLETE":
        return "HIGH"
    known = findings(record)
    is_sound = bool(known) and all(f.status != "unverified" for f in known)
    is_sound = is_sound and not record.answer.forged
    is_reported = draft is not None or record.answer.is_fast
    if not is_reported or status == "FAILED" or not is_sound or is_recovery(record):
        return "LOW"
    if contradictions(record):
        return "LOW"
    spec = record.contract.objective_spec
    caps = [draft.confidence if draft else "HIGH", spec.confidence_cap if spec else "HIGH"]
    if any(citation.is_partial for f in known for citation in f.citations):
        caps.append(record.contract.sufficiency.confidence_cap_if_partial_extracts)
    if not all(_is_sure(f) for f in known):
        caps.append("MEDIUM")
    return min(caps, key=CONFIDENCES.index)


def _is_sure(finding: Finding) -> bool:
    return finding.status == "supported" and bool(finding.value or finding.places > 1)
