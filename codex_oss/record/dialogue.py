"""The part of the fold that is about the model: asked, answered, failed, and what it chose.

A record and a fact enter, the record after it leaves. Only the reducer calls this.
"""

import codex_oss.record.events as facts
from codex_oss.chat import FunctionCall
from codex_oss.record.events import Event
from codex_oss.record.run_record import (
    Answered,
    AnswerPart,
    BudgetPart,
    Claim,
    LoopPart,
    RunRecord,
    Said,
    evolved,
)

CALLS_PER_REPLY_MAX = 4  # Later calls of one reply are answered `not_run` (missions 8).
WAITING_NAMES = ("final_report",)  # Beside other calls the calls run and the report waits.
NATIVE = "native_tools"
CLOSER = "closer"  # The purpose of a call for words, and the class of the recovery that it is.
MISSPOKEN_MAX = 2  # In a row: then a run goes on in JSON, for good (missions 8).
WELL_SPOKEN = ("truncated_output", "phase_closed", "tool_class", "no_such_tool_here")
"""Faults that say nothing against the encoding: what was said was understood."""

SCALE_PERCENT_MIN, SCALE_PERCENT_MAX = 50, 200  # Of our estimate of tokens (missions 9).


def asked(record: RunRecord, fact: facts.ModelRequested) -> RunRecord:
    return evolved(record, loop=evolved(record.loop, open_request=fact))


def unchecked(record: RunRecord) -> RunRecord:
    """Whoever asked again had time in which files changed: cited lines are looked at anew. Not
    before the answer, since the prompt that was announced is still to be made of this record."""
    if record.answer.checked is None:
        return record
    return evolved(record, answer=evolved(record.answer, checked=None, closure=None))


def replied(record: RunRecord, fact: facts.ModelReplied) -> RunRecord:
    request = record.loop.open_request
    assert request, "illegal() let an outcome without intent through"
    if request.purpose == CLOSER:
        budget = spent(record.budget, fact.usage, fact.cost_microusd)
        return _narrated(record, request, fact.text or " ", budget)
    record = unchecked(record)
    said = Said(
        fact.call,
        fact.text,
        fact.tool_calls,
        is_cut=fact.finish_reason == "length",
        is_text=fact.encoding != NATIVE,
        profile=request.profile,
        reasoning=fact.reasoning,
    )
    loop = evolved(
        record.loop,
        open_request=None,
        queue=_waiting(fact),
        is_json=record.loop.is_json or request.encoding != NATIVE,
        transcript=(*record.loop.transcript, said),
        has_acted=False,
        failed_in_a_row=0,
    )
    budget = spent(record.budget, fact.usage, fact.cost_microusd)
    if fact.usage.source == "upstream" and request.est_input_tokens:
        unscaled = request.est_input_tokens * 100 // record.budget.estimate_scale_percent or 1
        scale = fact.usage.input * 100 // unscaled
        scale = max(SCALE_PERCENT_MIN, min(SCALE_PERCENT_MAX, scale))
        budget = evolved(budget, estimate_scale_percent=scale)
    return evolved(record, loop=loop, budget=budget)


def _waiting(fact: facts.ModelReplied) -> tuple[FunctionCall, ...]:
    """Return the calls of a reply that are to be taken. One action in JSON stands alone with its
    claims; of function calls the first few are run, and a report waits for those beside it."""
    if not fact.tool_calls:  # Plain text is answered like a call without an id.
        return (FunctionCall("", "", fact.text),)
    if fact.encoding != NATIVE:
        return fact.tool_calls
    calls = fact.tool_calls[:CALLS_PER_REPLY_MAX]
    return tuple(call for call in calls if call.name not in WAITING_NAMES) or calls[:1]


def spent(budget: BudgetPart, usage: facts.CallUsage, cost_microusd: int | None) -> BudgetPart:
    """Return the budget after one more call. Once a cost is not known, the sum never is."""
    cost = None
    if budget.cost_microusd is not None and cost_microusd is not None:
        cost = budget.cost_microusd + cost_microusd
    return evolved(
        budget,
        model_calls=budget.model_calls + 1,
        input_tokens=budget.input_tokens + usage.input,
        output_tokens=budget.output_tokens + usage.output,
        cached_tokens=budget.cached_tokens + usage.cached,
        reasoning_tokens=budget.reasoning_tokens + usage.reasoning,
        usage_sources=(*budget.usage_sources, usage.source),
        cost_microusd=cost,
    )


def _narrated(
    record: RunRecord, request: facts.ModelRequested, text: str, budget: BudgetPart
) -> RunRecord:
    """A closer's words are no turn of the dialogue: it is over."""
    told = (*record.answer.narrated, (request.profile, text))
    return evolved(
        record,
        loop=evolved(record.loop, open_request=None),
        answer=evolved(record.answer, narrated=told),
        budget=budget,
    )


def failed(record: RunRecord, fact: facts.ModelFailed) -> RunRecord:
    request = record.loop.open_request
    assert request, "illegal() let an outcome without intent through"
    if request.purpose == CLOSER:
        budget = spent(record.budget, fact.usage, request.est_cost_microusd)
        return _narrated(record, request, "", budget)
    loop = evolved(
        record.loop,
        open_request=None,
        failed_in_a_row=record.loop.failed_in_a_row + 1,
        last_failure=fact.code,
        last_failure_retryable=fact.retryable,
    )
    budget = spent(record.budget, fact.usage, request.est_cost_microusd)
    return evolved(unchecked(record), loop=loop, budget=budget)


def recovered(loop: LoopPart, fact: facts.RuntimeRecoveryRecorded) -> LoopPart:
    """Another model begins anew: what the one before it did wrong is not counted against it."""
    loop = evolved(loop, recoveries=(*loop.recoveries, fact))
    if fact.profile is None or fact.recovery_class == CLOSER:
        return loop
    fresh = ("failed_in_a_row", "faulty_in_a_row", "faulty", "misspoken_in_a_row", "cut_in_a_row")
    return evolved(loop, is_json=False, **dict.fromkeys(fresh, 0))


def rejected(record: RunRecord, fact: facts.ActionRejected) -> RunRecord:
    note: facts.Json = {
        "error": fact.code,
        "message": fact.message,
        "you_wrote": fact.excerpt,
        "example": fact.example,
    }
    loop = taken(record.loop, fact.call_id, Answered(fact.call_id, note=note), acted=False)
    is_write = fact.code == "no_such_tool_here"
    is_misspoken = loop.faulty > record.loop.faulty and fact.code not in WELL_SPOKEN
    misspoken = loop.misspoken_in_a_row + is_misspoken
    is_cut = loop.faulty > record.loop.faulty and fact.code == "truncated_output"
    loop = evolved(
        loop,
        write_attempts=loop.write_attempts + is_write,
        misspoken_in_a_row=misspoken,
        cut_in_a_row=loop.cut_in_a_row + is_cut,
        is_json=loop.is_json or misspoken >= MISSPOKEN_MAX,
    )
    return evolved(record, loop=loop)


def claimed(record: RunRecord, fact: facts.ClaimRecorded) -> RunRecord:
    claim = Claim(fact.claim_id, fact.text, fact.obligation_id, fact.value, fact.evidence_refs)
    others = tuple(c for c in record.answer.claims if c.claim_id != claim.claim_id)
    is_known = len(others) < len(record.answer.claims)
    answered = Answered(fact.call_id, note={"recorded": fact.claim_id})
    low = record.budget.low_information + is_known
    return evolved(
        record,
        loop=taken(record.loop, fact.call_id, answered, acted=True),
        answer=evolved(record.answer, claims=(*others, claim)),
        budget=evolved(record.budget, low_information=low),
    )


def drafted(record: RunRecord, event: Event, fact: facts.ReportDrafted) -> RunRecord:
    answer = evolved(
        record.answer,
        draft=fact,
        draft_event=event.event_id,
        drafts=record.answer.drafts + 1,
        checked=None,
        validated=None,
        closure=None,
    )
    return evolved(record, loop=taken(record.loop, fact.call_id, acted=True), answer=answer)


def stopped(record: RunRecord, fact: facts.ModelStopped) -> RunRecord:
    loop = taken(record.loop, fact.call_id, acted=True)
    return evolved(record, loop=evolved(loop, stopped=fact))


def checked(answer: AnswerPart, fact: facts.EvidenceVerified) -> AnswerPart:
    """Remember what was looked at again, and for good what had never been shown."""
    unseen = (result.ref for result in fact.results if result.verification == "forged")
    forged = tuple(dict.fromkeys((*answer.forged, *unseen)))
    return evolved(answer, checked=fact.results, forged=forged)


def validated(record: RunRecord, fact: facts.ReportValidated) -> RunRecord:
    """Remember the judgment, and tell the model of it where its report has not earned it."""
    loop, draft = record.loop, record.answer.draft
    if fact.downgraded_from and draft:
        note: facts.Json = {
            "report": f"not accepted as {fact.downgraded_from}",
            "failed": list(fact.reasons),
            "faults": list(fact.faults),
        }
        answered = Answered(draft.call_id, note=note)
        loop = evolved(loop, transcript=(*loop.transcript, answered))
    return evolved(record, loop=loop, answer=evolved(record.answer, validated=fact))


def taken(loop: LoopPart, call_id: str, answer: Answered | None = None, *, acted: bool) -> LoopPart:
    """Take a call off the queue, remember what came of it, and count the reply as faulty if it
    was the last one and none of them was an action."""
    queue = tuple(call for call in loop.queue if call.call_id != call_id)
    has_acted = loop.has_acted or acted
    is_faulty = not queue and not has_acted
    return evolved(
        loop,
        queue=queue,
        transcript=(*loop.transcript, answer) if answer else loop.transcript,
        narrated="",
        has_acted=has_acted,
        faulty_in_a_row=0 if has_acted else loop.faulty_in_a_row + is_faulty,
        misspoken_in_a_row=0 if has_acted else loop.misspoken_in_a_row,
        cut_in_a_row=0 if has_acted else loop.cut_in_a_row,
        faulty=loop.faulty + is_faulty,
    )
