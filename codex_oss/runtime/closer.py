"""Ask for words where a run ends with claims and without a report: the last calls of a run.

The record enters; leaves the next step of closing with a closer, `None` where there is nothing to
tell, nobody to ask or no room to ask in. A closer adds no claim, and no status (missions 12.4).
"""

from codex_oss.record import (
    CLOSER,
    RunRecord,
    RuntimeRecoveryRecorded,
    closers,
    closing_reason,
    narrative,
    reserve_seconds,
    told,
)
from codex_oss.runtime.intents import ChangeProfile, Intent, Note

MAY_BE_TOLD = ("action_parse_failed", "model_call_failed", "budget_exhausted", "context_too_small")
"""Ends after which there may be calls and time left to ask in."""


def closer_step(record: RunRecord) -> Intent | str | None:
    """Return the intent to change to the next closer, or the purpose of a call that is due."""
    if not _is_wanted(record):
        return None
    tried = [each for each in record.loop.recoveries if each.recovery_class == CLOSER]
    asked = len(record.answer.narrated)
    if sum(each.status == "recovered" for each in tried) > asked:
        return CLOSER
    left = closers(record)[len(tried) :]
    if not left:
        return None
    name = left[0] or record.admitted.admitted.profile.name
    if name != record.profile.name:
        return ChangeProfile(name, CLOSER)
    return Note(_same_again(record, name))


def _is_wanted(record: RunRecord) -> bool:
    answer, budget, limits = record.answer, record.budget, record.contract.budget
    if answer.draft or answer.is_fast or record.contract.is_packed or narrative(record):
        return False
    if closing_reason(record).split(":")[0] not in MAY_BE_TOLD or "cost" in budget.exhausted:
        return False
    seconds = limits.time_budget_seconds
    has_time = budget.elapsed_ms < 1000 * (seconds - reserve_seconds(seconds))
    return has_time and budget.model_calls < limits.max_model_calls and bool(told(record))


def _same_again(record: RunRecord, name: str) -> RuntimeRecoveryRecorded:
    reason = f"{closing_reason(record)}: claims without a report, told in a fresh context"
    call = f"model_call:{record.budget.model_calls}"
    return RuntimeRecoveryRecorded(call, CLOSER, "recovered", reason, False, name)
