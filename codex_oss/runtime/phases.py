"""In which phase a run is, and which budget ended it: derived from the record, never asserted.

PLAN while nothing was observed, EXPLORE while a required source is open, NARROW while a required
obligation has no supported claim, VERIFY when all are claimed, REPORT when the run can close or
was told to (missions 10.4).
"""

from dataclasses import replace

from codex_oss.record import (
    RunRecord,
    closing_reason,
    obligation_states,
    reserve_seconds,
    source_states,
)

OBSERVATION_BYTES_MIN = 1024  # Less is not worth a call (missions 1.2).
EVENTS_MAX = 95_000  # 95 % of what a log may hold (event-log 2).


def phase_of(record: RunRecord) -> tuple[str, str]:
    """Return the phase the run is in, and why."""
    if is_asked_once_more(record):
        return "NARROW", "hollow_report"
    reason = closing_reason(record)
    if reason:
        return "REPORT", reason
    if record.budget.exhausted:
        return "REPORT", f"budget_exhausted:{record.budget.exhausted[-1]}"
    if not record.evidence.commands and not record.evidence.denials:
        return "PLAN", "nothing_observed"
    if any(state.state == "missing" for state in source_states(record)):
        return "EXPLORE", "required_source_unread"
    required = [s for s in obligation_states(record) if s.obligation.required]
    if all(state.claim_ids for state in required):
        return "VERIFY", "all_claimed"
    return "NARROW", "obligation_without_claim"


def is_asked_once_more(record: RunRecord) -> bool:
    """Whether the model has its one round to mend a report that claimed more than it earned."""
    validated = record.answer.validated
    if not (validated and validated.downgraded_from and record.answer.drafts == 1):
        return False
    undrafted = replace(record, answer=replace(record.answer, draft=None))
    return not closing_reason(undrafted) and not record.budget.exhausted


def newly_exhausted(record: RunRecord) -> tuple[str, int] | None:
    """Return the first counter that has reached its limit and was not yet said to, with it."""
    spent, limits = record.budget, record.contract.budget
    explore_ms = 1000 * (
        limits.time_budget_seconds - 2 * reserve_seconds(limits.time_budget_seconds)
    )
    left = limits.max_total_observation_bytes - spent.observation_bytes
    counters = (
        ("tool_calls", spent.tool_calls, spent.tool_calls >= limits.tool_budget),
        ("observation_bytes", spent.observation_bytes, left < OBSERVATION_BYTES_MIN),
        ("exploration_time_ms", spent.elapsed_ms, spent.elapsed_ms >= explore_ms),
        ("model_calls", spent.model_calls, spent.model_calls >= limits.max_model_calls - 1),
        ("duplicates", spent.duplicates, spent.duplicates > limits.max_duplicate_actions),
        (
            "low_information",
            spent.low_information,
            spent.low_information > limits.max_low_information_actions,
        ),
        (
            "broad_searches",
            spent.broad_searches,
            spent.broad_searches > limits.max_broad_searches,
        ),
        ("log", record.last_seq, record.last_seq >= EVENTS_MAX),
    )
    for name, amount, is_reached in counters:
        if is_reached and name not in spent.exhausted:
            return name, amount
    return None
