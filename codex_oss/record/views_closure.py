"""How a run ended, in the words of its report: answer, status, source, attempts, envelope.

The record enters; each member leaves that says how the run was closed (missions 12.1 and 12.3).
"""

from codex_oss.record.closing import SOURCE_PACK, is_recovery
from codex_oss.record.closing_words import closings, narrative
from codex_oss.record.contradictions import contradictions
from codex_oss.record.coverage import obligation_states
from codex_oss.record.dialogue import CLOSER
from codex_oss.record.events import Json
from codex_oss.record.findings import HELD, draft_of, told
from codex_oss.record.run_record import RunRecord
from codex_oss.record.verdict import Verdict, verdict


def ending(record: RunRecord) -> Verdict:
    """Return how the run ended, as its last event says, or how it would end here."""
    now, said = verdict(record), record.loop.finalized
    if said is None:
        return now
    lowered, why = now.downgraded_from, now.downgrade_reasons
    return Verdict(said.status, said.status_reason, said.confidence, lowered, why)


def escalation(record: RunRecord, ended: Verdict) -> Json:
    draft = draft_of(record)
    if draft and draft.escalation.needed:
        return draft.escalation.to_json()
    is_needed = ended.status == "ESCALATE"
    return {"needed": is_needed, "reason": ended.reason if is_needed else "", "questions": []}


def report_source(record: RunRecord, ended: Verdict) -> str:
    if record.answer.is_fast:
        return "deterministic_fast_path"
    if narrative(record):
        return "model_narrated_runtime_closed"
    if record.answer.draft is None:
        return "runtime_answer_graph"
    if is_recovery(record):
        return "source_pack_recovery"
    return "model_report_downgraded" if ended.downgraded_from else "model_report"


def closure_attempts(record: RunRecord) -> list[Json]:
    """Return what was tried to close the run: the reports that were handed in, and what was done
    where none was good enough."""
    validated, drafts = record.answer.validated, record.answer.drafts
    lowered = list(validated.reasons) if validated and validated.downgraded_from else []
    tried = [("model_report", drafts, lowered)] if drafts else []
    for each in record.loop.recoveries:
        if each.recovery_class == SOURCE_PACK:
            tried.append((each.recovery_class, 1, [each.reason] if each.reason else []))
    rows: list[Json] = [
        {"source": name, "attempts": n, "failed": failed} for name, n, failed in tried
    ]
    for profile, outcome in closings(record):
        failed = [] if outcome == "accepted" else [outcome]
        rows.append({"source": CLOSER, "attempts": 1, "failed": failed, "profile": profile})
    return rows


def envelope(record: RunRecord, ended: Verdict) -> Json:
    """Return the end of the run in the words of missions 12.3, first row that holds."""
    states = [s for s in obligation_states(record) if s.obligation.required]
    status = {s.status for s in states}
    results = record.answer.checked or ()
    is_answered = bool(states) and status == {"answered"}
    is_blocked = "blocked_source" in status
    rows = {
        "answer_status": (
            (is_answered, "ANSWERED"),
            (is_blocked, "BLOCKED"),
            ("answered" in status or told(record), "PARTIALLY_ANSWERED"),
            (True, "UNANSWERED"),
        ),
        "evidence_status": (
            (contradictions(record), "CONTRADICTED"),
            (is_answered, "SUFFICIENT"),
            (is_blocked, "BLOCKED"),
            (record.evidence.commands, "PARTIAL"),
            (True, "INSUFFICIENT"),
        ),
        "verification_status": (
            (results and all(r.verification in HELD for r in results), "SATISFIED"),
            (True, "INCOMPLETE"),
        ),
        "closure_status": (
            (ended.status == "FAILED", "FAILED"),
            (record.answer.is_fast, "DETERMINISTIC_FAST_PATH"),
            (record.answer.draft, "MODEL_CLOSED"),
            (narrative(record) and record.contract.closer_model, "CLOSER_MODEL_CLOSED"),
            (narrative(record), "MODEL_NARRATED_RUNTIME_CLOSED"),
            (True, "RUNTIME_CLOSED"),
        ),
        "quality_status": (
            (ended.status == "COMPLETE" and record.answer.is_fast, "EARNED_RUNTIME_COMPLETE"),
            (ended.status == "COMPLETE", "EARNED_COMPLETE"),
            (ended.status == "FAILED", "FAILED"),
            (record.answer.draft, "TRUTHFUL_PARTIAL"),
            (True, "RUNTIME_RESCUED"),
        ),
    }
    chosen = {name: next(word for holds, word in row if holds) for name, row in rows.items()}
    return {**chosen, "final_status": ended.status}
