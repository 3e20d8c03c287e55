"""In which phase a run is, and which limit ended it: derived from the record, never asserted.

PLAN while nothing was observed, EXPLORE while a required source is open, NARROW while a required
obligation has no supported claim, VERIFY when all are claimed, REPORT when the run can close or
was told to (missions 10.4). Every limit of a run is a row of one of the two tables here.
"""

from codex_oss.record import (
    EXCEEDS_CAP,
    Look,
    RunRecord,
    closing_reason,
    early_end,
    explored_all_it_may,
    looks,
    obligation_states,
    out_of,
    reserve_seconds,
    source_states,
    was_tried,
)

OBSERVATION_BYTES_MIN = 1024  # Less is not worth a call (missions 1.2).
EVENTS_MAX = 95_000  # 95 % of what a log may hold: in the rest it is closed (event-log 2).
LOG_BYTES_MAX = 128 * 2**20 * 95 // 100
BLOB_BYTES_MAX = 256 * 2**20 * 95 // 100


def phase_of(record: RunRecord) -> tuple[str, str]:
    """Return the phase the run is in, and why."""
    is_mending = is_asked_once_more(record)
    reason = "" if is_mending else closing_reason(record)
    if reason:
        return "REPORT", reason
    if record.budget.exhausted:
        return "REPORT", f"budget_exhausted:{record.budget.exhausted[-1]}"
    if is_mending:
        return "NARROW", "hollow_report"
    if record.contract.is_packed and not open_looks(record) and not open_searches(record):
        return "REPORT", "sources_packed"
    if explored_all_it_may(record):
        return "REPORT", "explored_enough"
    required = [s for s in obligation_states(record) if s.obligation.required]
    is_answered = all(state.status == "answered" for state in required)
    if is_answered and "obligations_answered" in record.contract.stop_conditions:
        return "REPORT", "obligations_answered"
    if not record.contract.phase_policy_enabled:
        return "EXPLORE", "phases_are_off"
    if not record.evidence.commands and not record.evidence.denials:
        return "PLAN", "nothing_observed"
    if any(state.state == "missing" for state in source_states(record)):
        return "EXPLORE", "required_source_unread"
    if all(state.claim_ids for state in required):
        return "VERIFY", "all_claimed"
    return "NARROW", "obligation_without_claim"


def is_asked_once_more(record: RunRecord) -> bool:
    """Whether the model has its one round to mend a report that claimed more than it earned: as
    long as calls and time remain (missions 12.3)."""
    validated = record.answer.validated
    if not (validated and validated.downgraded_from and record.answer.drafts == 1):
        return False
    if validated.reasons == (EXCEEDS_CAP,):
        return False  # Nothing that the model could mend.
    return not early_end(record) and not out_of(record)


def open_looks(record: RunRecord) -> tuple[Look, ...]:
    """Return the looks at required sources that the runtime is to take by itself, each once,
    before the first question: that costs bytes and no tools."""
    if record.contract.evidence_collection_mode != "prefetch_floor":
        return ()
    wanted = {look.call_key: look for look in looks(record) if look.is_for_runtime}
    return tuple(look for look in wanted.values() if not was_tried(record, look))


def open_searches(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Return the searches, as (pattern, path), that the runtime is to make by itself for a packed
    report, each once."""
    asked = record.admitted.admitted.limits.get("searches")
    wanted = (
        [(str(pattern), str(path)) for pattern, path in asked] if isinstance(asked, list) else []
    )
    made = {(c.asked.get("pattern"), c.path) for c in record.evidence.commands if c.by_runtime}
    denied = {d.path for d in record.evidence.denials if d.by_runtime and d.tool_name == "rtk_grep"}
    return tuple(s for s in dict.fromkeys(wanted) if s not in made and s[1] not in denied)


def newly_exhausted(record: RunRecord) -> tuple[str, int] | None:
    """Return the first counter that has reached its limit and was not yet said to, with it."""
    spent, limits = record.budget, record.contract.budget
    seconds = limits.time_budget_seconds
    explore_ms = int(1000 * (seconds - 2 * reserve_seconds(seconds)))
    bytes_max = limits.max_total_observation_bytes - OBSERVATION_BYTES_MIN + 1
    counters: tuple[tuple[str, int, int], ...] = (
        ("tool_calls", spent.tool_calls, limits.tool_budget),
        ("observation_bytes", spent.observation_bytes, bytes_max),
        ("exploration_time_ms", spent.elapsed_ms, explore_ms),
        *_calls_left_to_make(record),
        *((name, _progress(record)[name][0], amount + 1) for name, amount in _told(record)),
        ("log", record.last_seq, EVENTS_MAX),
        ("log", spent.log_bytes, LOG_BYTES_MAX),
        ("log", spent.blob_bytes, BLOB_BYTES_MAX),
    )
    if record.contract.is_packed:  # Nothing is explored that could end early.
        counters = tuple(row for row in counters if row[0] == "log")
    for name, amount, limit in counters:
        if amount >= limit and name not in spent.exhausted:
            return name, amount
    return None


def _calls_left_to_make(record: RunRecord) -> tuple[tuple[str, int, int], ...]:
    """Return the row of the model calls, of which the last is the report's. What the last but one
    asked for is done first: with two calls a model can still look once."""
    limit = record.contract.budget.max_model_calls - 1
    return () if record.loop.queue else (("model_calls", record.budget.model_calls, limit),)


def newly_passed(record: RunRecord) -> tuple[str, int, int] | None:
    """Return the first progress limit that was passed and that the model was not yet told of: its
    name, the count and the limit. One more after that ends exploration (missions 10.3)."""
    known = dict(record.budget.redirected)
    for name, (amount, limit) in _progress(record).items():
        if amount > limit and name not in known and not record.loop.queue:
            return name, amount, limit
    return None


def _told(record: RunRecord) -> tuple[tuple[str, int], ...]:
    """Return the progress limits that the model was told of and asked on since, each with the
    count of that moment."""
    return () if record.loop.queue else record.budget.redirected


def _progress(record: RunRecord) -> dict[str, tuple[int, int]]:
    spent, limits = record.budget, record.contract.budget
    if not record.contract.progress_policy_enabled:
        return {}
    return {
        "duplicates": (spent.duplicates, limits.max_duplicate_actions),
        "low_information": (spent.low_information, limits.max_low_information_actions),
        "broad_searches": (spent.broad_searches, limits.max_broad_searches),
    }
