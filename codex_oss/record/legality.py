"""Which fact may follow which: the rule that a fact would break at the end of a run, or "".

The log asserts it before an append; a stored event that breaks one marks the record as
inconsistent, which withholds every claim (event-log 7).
"""

import codex_oss.record.events as facts
from codex_oss.record.delivery_events import CommentaryDelivered, DeliveryFact, DesktopFact
from codex_oss.record.events import Event, Fact
from codex_oss.record.patch_events import PatchFact
from codex_oss.record.patching import illegal_step
from codex_oss.record.raising import illegal_raise
from codex_oss.record.run_record import LoopPart, RunRecord
from codex_oss.record.verdict import conditions

AFTER_THE_END = (
    facts.HeadSealed
    | facts.ProjectionWritten
    | facts.LogRecovered
    | facts.UnknownFact
    | DeliveryFact
)
OfOthers = facts.CancelRequested | facts.OverrideRecorded | CommentaryDelivered | DesktopFact
"""All that a process may append to an open run on which another one works."""


def out_of_order(record: RunRecord, event: Event) -> str:
    """Return the rule that an event breaks by standing where it stands."""
    if event.seq != record.last_seq + 1:
        return "seq_mismatch"
    return "" if event.prev_hash == record.last_hash else "prev_hash_mismatch"


def illegal(record: RunRecord, fact: Fact) -> str:
    """Return the rule that `fact` would break at the end of this run, or ""."""
    if record.mission is not None and isinstance(fact, PatchFact):
        return illegal_step(record, fact)
    if record.mission is None or record.loop.finalized:
        return _illegal_outside(record, fact)
    loop = record.loop
    match fact:
        case facts.MissionAdmitted() | facts.MissionRefused():
            return "admitted_once"
        case facts.ModelRequested():
            return _already_open(loop) or _illegal_request(record)
        case facts.ModelReplied() | facts.ModelFailed():
            is_open = loop.open_request and loop.open_request.call == fact.call
            return "" if is_open else "outcome_without_intent"
        case facts.ToolCallEmitted():
            is_next = not fact.response_id or _is_next(loop, fact.call_id)
            return _already_open(loop) or ("" if is_next else "call_not_in_queue")
        case facts.ToolDenied():
            return _without_intent(loop, fact.call_id)
        case facts.ToolObserved():
            return _without_intent(loop, fact.call_id) or _illegal_observation(record, fact)
        case (
            facts.ModelNarrationEmitted()
            | facts.ActionRejected()
            | facts.ClaimRecorded()
            | facts.ReportDrafted()
            | facts.ModelStopped()
        ):
            return "" if _is_next(loop, fact.call_id) else "call_not_in_queue"
        case facts.PhaseChanged():
            is_change = fact.from_ == loop.phase != fact.to
            return "" if is_change else "phase_mismatch"
        case facts.BudgetChanged():
            if fact.reason != "exhausted":
                return illegal_raise(record, fact)
            return "exhausted_twice" if fact.counter in record.budget.exhausted else ""
        case facts.RuntimeProgressEmitted():
            told = (f"redirect:{name}" for name, _ in record.budget.redirected)
            return "redirected_twice" if fact.progress_type in told else ""
        case facts.ReportValidated():
            is_there = fact.draft_event and fact.draft_event == record.answer.draft_event
            return "" if is_there else "no_such_draft"
        case facts.MissionFinalized():
            return _illegal_end(record, fact)
    return ""


def _illegal_outside(record: RunRecord, fact: Fact) -> str:
    """Before its admission, after its refusal and after its end little may happen to a run."""
    match record.status:
        case "NEW":
            is_opening = isinstance(fact, facts.MissionAdmitted | facts.MissionRefused)
            return "" if is_opening else "first_event"
        case "REFUSED":
            return "" if isinstance(fact, facts.HeadSealed) else "nothing_after_refusal"
        case "UNREADABLE":
            return "contract_does_not_parse"
    return "" if isinstance(fact, AFTER_THE_END) else "nothing_after_the_end"


def _already_open(loop: LoopPart) -> str:
    return "intent_already_open" if loop.open_request or loop.open_tool else ""


def _illegal_request(record: RunRecord) -> str:
    if record.loop.queue:
        return "calls_are_waiting"
    is_spent = record.budget.model_calls >= record.contract.budget.max_model_calls
    return "model_calls_below_zero" if is_spent else ""


def _without_intent(loop: LoopPart, call_id: str) -> str:
    is_open = loop.open_tool and loop.open_tool.call_id == call_id
    return "" if is_open else "outcome_without_intent"


def _is_next(loop: LoopPart, call_id: str) -> bool:
    return bool(loop.queue) and loop.queue[0].call_id == call_id


def _illegal_observation(record: RunRecord, fact: facts.ToolObserved) -> str:
    call = record.loop.open_tool
    assert call
    if fact.cached:
        found = record.evidence.original_of(call, fact.output_hash)
        return "" if found else "cached_without_original"
    is_spent = record.budget.tool_calls >= record.contract.budget.tool_budget
    return "tool_calls_below_zero" if call.response_id and is_spent else ""


def _illegal_end(record: RunRecord, fact: facts.MissionFinalized) -> str:
    if record.loop.open_request or record.loop.open_tool:
        return "finalized_with_open_intent"
    if fact.status != "COMPLETE":
        return ""
    gate, met = record.answer.closure, conditions(record)
    is_closed = gate is not None and gate.inputs == met and all(met.values())
    return "" if is_closed else "complete_without_closure_gate"
