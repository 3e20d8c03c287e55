"""What the runtime notes of itself before it goes on: ways round a failure, and contradictions.

The record enters, the first fact that is not yet noted leaves. Nothing is decided here: each note
says what the record already holds, once, so that who follows a run learns of it in time.
"""

from codex_oss.record import (
    ContradictionRecorded,
    Fact,
    RunRecord,
    RuntimeRecoveryRecorded,
    closing_reason,
    contradictions,
)

SWITCH, LONGER = "protocol_switch", "output_limit_raised"
CONTRADICTIONS_NOTED_MAX = 40


def unnoted(record: RunRecord) -> Fact | None:
    return _contradiction(record) or _recovery(record)


def _contradiction(record: RunRecord) -> Fact | None:
    noted = {(c.kind, c.obligation_id, c.sides) for c in record.answer.contradictions}
    if len(noted) >= CONTRADICTIONS_NOTED_MAX:
        return None
    for each in contradictions(record):
        if (each.kind, each.obligation_id, each.sides) not in noted:
            return ContradictionRecorded(each.kind, each.obligation_id, each.sides)
    return None


def _recovery(record: RunRecord) -> Fact | None:
    """Return that the run goes on in JSON, or with a longer answer, if it goes on at all."""
    loop, profile = record.loop, record.profile
    call = f"model_call:{record.budget.model_calls}"
    noted = {(each.recovery_class, each.call_id) for each in loop.recoveries}
    switched = {each.detail for each in loop.recoveries if each.recovery_class == SWITCH}
    if loop.queue or closing_reason(record):
        return None
    is_new = loop.is_json and profile.action_encoding != "json_action"
    if is_new and profile.name not in switched:
        why = "two replies in a row were no action: actions are asked for in JSON"
        return RuntimeRecoveryRecorded(call, SWITCH, "recovered", why, False, profile.name)
    if loop.cut_in_a_row and (LONGER, call) not in noted:
        why = "the answer was cut off: it is asked for once more, and may be longer"
        return RuntimeRecoveryRecorded(call, LONGER, "recovered", why, False)
    return None
