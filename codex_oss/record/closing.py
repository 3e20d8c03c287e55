"""Why a run closes: what was said to end it, and what it has run out of.

The record enters, a word of missions 12.3 leaves, "" while the run may go on. Each reason is a row.
"""

from codex_oss.record.contradictions import contradictions
from codex_oss.record.exact_write import ends_without_model
from codex_oss.record.run_record import RunRecord

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

CANCELLED_BY = {"client": "client_disconnected", "runtime": "interrupted"}

SOURCE_PACK = "source_pack"
"""How a run comes in that mends what a raw model left: at most PARTIAL, and LOW (missions 14)."""

CRITICAL_FLAG = "critical_term:"
"""How the risk flag of a path begins that a project calls critical."""


def reserve_seconds(time_budget_seconds: int) -> float:
    return max(RESERVE_SECONDS_MIN, min(RESERVE_SECONDS_MAX, time_budget_seconds / 10))


def closing_reason(record: RunRecord) -> str:
    """Return why the run must close, or "" while it may go on."""
    is_reported = record.answer.draft is not None or record.answer.is_fast
    reported = "valid_report" if is_reported else ""
    return early_end(record) or reported or stopped_by(record) or out_of(record)


def stopped_by(record: RunRecord) -> str:
    """Return the optional stop condition of the contract that holds: both are for a person."""
    wanted = record.contract.stop_conditions
    flags = (flag for command in record.evidence.commands for flag in command.risk_flags)
    denied = (denial.code for denial in record.evidence.denials)
    is_critical = "critical_path" in denied or any(f.startswith(CRITICAL_FLAG) for f in flags)
    rows = (
        ("critical_path_detected", is_critical),
        ("contradiction_found", bool(contradictions(record))),
    )
    return next((name for name, holds in rows if name in wanted and holds), "")


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
