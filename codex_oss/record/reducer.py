"""Fold events into the record: one branch a fact, no default branch, no clock.

`reduce` is total over every prefix of a legal log. `illegal` says which rule an event would break;
the log asserts it before an append, and a stored event that breaks one marks the record as
inconsistent, which withholds every claim (event-log 7).
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce as fold_left
from typing import assert_never

import codex_oss.record.events as facts
from codex_oss.chat import FunctionCall
from codex_oss.contract import parse_mission
from codex_oss.record.events import Event, Fact
from codex_oss.record.run_record import (
    Answered,
    BudgetPart,
    Claim,
    Command,
    LoopPart,
    MissionPart,
    RunRecord,
    Said,
)

CALLS_PER_REPLY_MAX = 4  # Later calls of one reply are answered `not_run` (missions 8).
WAITING_NAMES = ("final_report",)  # Beside other calls the calls run and the report waits.


def fold(events: Iterable[Event]) -> RunRecord:
    return fold_left(reduce, events, RunRecord())


def reduce(record: RunRecord, event: Event) -> RunRecord:
    """Return the record after `event`. An illegal event is noted and changes nothing else."""
    rule = illegal(record, event.fact)
    if rule:
        noted = (*record.inconsistent, (event.seq, rule))
        return replace(record, inconsistent=noted, last_seq=event.seq, last_hash=event.event_hash)
    record = _apply(record, event)
    budget = record.budget
    if event.elapsed_ms != budget.elapsed_ms and not record.loop.finalized:
        budget = replace(budget, elapsed_ms=event.elapsed_ms)
    return replace(
        record,
        budget=budget,
        last_seq=event.seq,
        last_hash=event.event_hash,
        last_at=event.created_at,
    )


AFTER_THE_END = (
    facts.HeadSealed,
    facts.ProjectionWritten,
    facts.LogRecovered,
    facts.UnknownFact,
)


def illegal(record: RunRecord, fact: Fact) -> str:
    """Return the rule that `fact` would break at the end of this run, or ""."""
    loop = record.loop
    opening = isinstance(fact, facts.MissionAdmitted | facts.MissionRefused)
    if opening != (record.status == "NEW"):
        return "first_event" if not opening else "admitted_once"
    if loop.refused and not isinstance(fact, facts.HeadSealed):
        return "nothing_after_refusal"
    if loop.finalized and not isinstance(fact, AFTER_THE_END):
        return "nothing_after_the_end"
    match fact:
        case facts.ModelRequested() | facts.ToolCallEmitted():
            is_open = bool(loop.open_request or loop.open_tool)
            return "intent_already_open" if is_open else ""
        case facts.ModelReplied() | facts.ModelFailed():
            is_open = bool(loop.open_request and loop.open_request.call == fact.call)
            return "" if is_open else "outcome_without_intent"
        case facts.ToolObserved() | facts.ToolDenied():
            is_open = bool(loop.open_tool and loop.open_tool.call_id == fact.call_id)
            return "" if is_open else "outcome_without_intent"
        case facts.MissionFinalized():
            return _illegal_end(record, fact)
    return ""


def _illegal_end(record: RunRecord, fact: facts.MissionFinalized) -> str:
    if record.loop.open_request or record.loop.open_tool:
        return "finalized_with_open_intent"
    gate = record.answer.closure
    if fact.status == "COMPLETE" and not (gate and gate.inputs and all(gate.inputs.values())):
        return "complete_without_closure_gate"
    return ""


def _apply(record: RunRecord, event: Event) -> RunRecord:
    loop, fact = record.loop, event.fact
    match fact:
        case facts.MissionAdmitted():
            return _admitted(record, event, fact)
        case facts.MissionRefused():
            return replace(record, loop=replace(loop, refused=True))
        case facts.PhaseChanged():
            history = (*loop.phase_history, fact.to)
            return replace(record, loop=replace(loop, phase=fact.to, phase_history=history))
        case facts.BudgetChanged():
            exhausted = (*record.budget.exhausted, fact.counter)
            return replace(record, budget=replace(record.budget, exhausted=exhausted))
        case facts.CancelRequested():
            by, reason = loop.cancelled_by or fact.by, loop.cancel_reason or fact.reason
            return replace(record, loop=replace(loop, cancelled_by=by, cancel_reason=reason))
        case facts.RunResumed():
            return _resumed(record)
        case facts.RuntimeProgressEmitted():
            return record
        case facts.GateEvaluated():
            if fact.gate != "closure":
                return record
            return replace(record, answer=replace(record.answer, closure=fact))
        case facts.MissionFinalized():
            over = replace(
                loop, finalized=fact, finalized_seq=event.seq, finalized_hash=event.event_hash
            )
            return replace(record, loop=over)
        case facts.HeadSealed():
            sealed = (*record.delivery.sealed, fact)
            return replace(record, delivery=replace(record.delivery, sealed=sealed))
        case facts.LogRecovered():
            torn = record.delivery.recovered_bytes + fact.torn_bytes
            return replace(record, delivery=replace(record.delivery, recovered_bytes=torn))
        case facts.ModelRequested():
            return replace(record, loop=replace(loop, open_request=fact))
        case facts.ModelReplied():
            return _replied(record, fact)
        case facts.ModelFailed():
            return _failed(record, fact)
        case facts.ActionRejected():
            return _rejected(record, fact)
        case facts.ModelNarrationEmitted():
            return replace(record, loop=replace(loop, narrated=fact.call_id))
        case facts.ClaimRecorded():
            return _claimed(record, fact)
        case facts.ReportDrafted():
            return _drafted(record, event, fact)
        case facts.ModelStopped():
            return replace(record, loop=replace(_taken(loop, fact.call_id), stopped=fact))
        case facts.ToolCallEmitted():
            return replace(record, loop=replace(loop, open_tool=fact))
        case facts.ToolDenied():
            return _denied(record, fact)
        case facts.ToolObserved():
            return _observed(record, event, fact)
        case facts.EvidenceVerified():
            return replace(record, answer=replace(record.answer, checked=fact.results))
        case facts.ReportValidated():
            return replace(record, answer=replace(record.answer, validated=fact))
        case facts.ProjectionWritten():
            written = (*record.delivery.projections, fact)
            return replace(record, delivery=replace(record.delivery, projections=written))
        case facts.UnknownFact():
            unknown = (*record.unknown_events, (event.seq, fact.event_type))
            return replace(record, unknown_events=unknown)
        case _:
            assert_never(fact)


def _admitted(record: RunRecord, event: Event, fact: facts.MissionAdmitted) -> RunRecord:
    contract = parse_mission(fact.task_spec).mission
    if contract is None:
        return replace(record, inconsistent=((event.seq, "contract_does_not_parse"),))
    mission = MissionPart(fact, contract, event.run_id, event.mission_id, event.created_at)
    cost = 0 if fact.profile.output_price is not None else None
    return replace(record, mission=mission, budget=replace(record.budget, cost_microusd=cost))


def _resumed(record: RunRecord) -> RunRecord:
    """What was announced without an outcome is UNKNOWN: a request is counted and asked again, a
    read-only call simply runs (event-log 6)."""
    resumes = replace(record.delivery, resumes=record.delivery.resumes + 1)
    request = record.loop.open_request
    if request is None:
        return replace(record, delivery=resumes)
    budget = replace(
        record.budget,
        model_calls=record.budget.model_calls + 1,
        input_tokens=record.budget.input_tokens + request.est_input_tokens,
        usage_sources=(*record.budget.usage_sources, "estimated"),
    )
    loop = replace(record.loop, open_request=None)
    return replace(record, loop=loop, budget=budget, delivery=resumes)


def _replied(record: RunRecord, fact: facts.ModelReplied) -> RunRecord:
    request = record.loop.open_request
    assert request, "illegal() let an outcome without intent through"
    calls = fact.tool_calls[:CALLS_PER_REPLY_MAX]
    working = tuple(call for call in calls if call.name not in WAITING_NAMES)
    queue = working or calls[:1]
    if not fact.tool_calls:  # Plain text is answered like a call without an id.
        queue = (FunctionCall("", "", fact.text),)
    loop = replace(
        record.loop,
        open_request=None,
        queue=queue,
        transcript=(*record.loop.transcript, Said(fact.call, fact.text, fact.tool_calls)),
        failed_in_a_row=0,
    )
    budget = _spend(record, fact.usage, fact.cost_microusd)
    if fact.usage.source == "upstream" and request.est_input_tokens:
        unscaled = request.est_input_tokens * 100 // record.budget.estimate_scale_percent or 1
        scale = max(50, min(200, fact.usage.input * 100 // unscaled))
        budget = replace(budget, estimate_scale_percent=scale)
    return replace(record, loop=loop, budget=budget)


def _spend(record: RunRecord, usage: facts.CallUsage, cost_microusd: int | None) -> BudgetPart:
    budget = record.budget
    known = budget.cost_microusd is not None and cost_microusd is not None
    return replace(
        budget,
        model_calls=budget.model_calls + 1,
        input_tokens=budget.input_tokens + usage.input,
        output_tokens=budget.output_tokens + usage.output,
        cached_tokens=budget.cached_tokens + usage.cached,
        reasoning_tokens=budget.reasoning_tokens + usage.reasoning,
        usage_sources=(*budget.usage_sources, usage.source),
        cost_microusd=(budget.cost_microusd or 0) + (cost_microusd or 0) if known else None,
    )


def _failed(record: RunRecord, fact: facts.ModelFailed) -> RunRecord:
    loop = replace(
        record.loop,
        open_request=None,
        failed_in_a_row=record.loop.failed_in_a_row + 1,
        last_failure=fact.code,
        last_failure_retryable=fact.retryable,
    )
    cost = 0 if record.budget.cost_microusd is not None else None
    return replace(record, loop=loop, budget=_spend(record, fact.usage, cost))


def _taken(loop: LoopPart, call_id: str, answer: Answered | None = None) -> LoopPart:
    """Take a call off the queue and remember what came of it."""
    queue = tuple(call for call in loop.queue if call.call_id != call_id)
    transcript = (*loop.transcript, answer) if answer else loop.transcript
    return replace(loop, queue=queue, transcript=transcript, narrated="")


def _rejected(record: RunRecord, fact: facts.ActionRejected) -> RunRecord:
    note: facts.Json = {"error": fact.code, "message": fact.message, "example": fact.example}
    loop = _taken(record.loop, fact.call_id, Answered(fact.call_id, note=note))
    is_write = fact.code == "no_such_tool_here"
    loop = replace(
        loop,
        rejected_in_a_row=loop.rejected_in_a_row + 1,
        rejected=loop.rejected + 1,
        write_attempts=loop.write_attempts + is_write,
    )
    return replace(record, loop=loop)


def _claimed(record: RunRecord, fact: facts.ClaimRecorded) -> RunRecord:
    claim = Claim(
        fact.claim_id, fact.text, fact.obligation_id, fact.value, fact.evidence_refs
    )  # fmt: skip
    claims = tuple(c for c in record.answer.claims if c.claim_id != claim.claim_id)
    answered = Answered(fact.call_id, note={"recorded": fact.claim_id})
    loop = replace(_taken(record.loop, fact.call_id, answered), rejected_in_a_row=0)
    return replace(record, loop=loop, answer=replace(record.answer, claims=(*claims, claim)))


def _drafted(record: RunRecord, event: Event, fact: facts.ReportDrafted) -> RunRecord:
    answer = replace(
        record.answer,
        draft=fact,
        draft_event=event.event_id,
        drafts=record.answer.drafts + 1,
        checked=None,
        validated=None,
        closure=None,
    )
    loop = replace(_taken(record.loop, fact.call_id), rejected_in_a_row=0)
    return replace(record, loop=loop, answer=answer)


def _denied(record: RunRecord, fact: facts.ToolDenied) -> RunRecord:
    note: facts.Json = {"tool": fact.tool_name, "denied": fact.code, "rule": fact.rule}
    note |= {"allowed": fact.allowed} if fact.allowed else {}
    loop = _taken(record.loop, fact.call_id, Answered(fact.call_id, note=note))
    loop = replace(loop, open_tool=None)
    if fact.code == "phase_closed":  # Told to report, and going on: no better than prose.
        rejected = loop.rejected_in_a_row + 1
        loop = replace(loop, rejected_in_a_row=rejected, rejected=loop.rejected + 1)
    else:
        loop = replace(loop, rejected_in_a_row=0)
    evidence = replace(record.evidence, denials=(*record.evidence.denials, fact))
    budget = replace(record.budget, low_information=record.budget.low_information + 1)
    return replace(record, loop=loop, evidence=evidence, budget=budget)


def _observed(record: RunRecord, event: Event, fact: facts.ToolObserved) -> RunRecord:
    call = record.loop.open_tool
    assert call, "illegal() let an outcome without intent through"
    known = record.evidence.commands
    command = _command(len(known), event.seq, call, fact)
    if fact.cached:
        index = next(c.index for c in known if _is_same(c, call))
    else:
        index = command.index
    loop = _taken(record.loop, fact.call_id, Answered(fact.call_id, observation=index))
    loop = replace(loop, open_tool=None, rejected_in_a_row=0)
    evidence = record.evidence
    if not fact.cached:
        read = tuple(e.path for e in fact.extracts if e.path not in evidence.files)
        files = (*evidence.files, *dict.fromkeys(read))
        evidence = replace(evidence, commands=(*known, command), files=files)
    budget, delivery = record.budget, record.delivery
    budget = replace(
        budget,
        tool_calls=budget.tool_calls + (not fact.cached and not command.by_runtime),
        observation_bytes=budget.observation_bytes + fact.bytes,
        duplicates=budget.duplicates + fact.cached,
        low_information=budget.low_information + _says_nothing_new(record, fact),
        broad_searches=budget.broad_searches + _is_broad(fact, call),
    )
    delivery = replace(delivery, redactions=delivery.redactions + fact.redactions)
    return replace(record, loop=loop, evidence=evidence, budget=budget, delivery=delivery)


def _command(
    index: int, seq: int, call: facts.ToolCallEmitted, fact: facts.ToolObserved
) -> Command:
    return Command(
        index=index,
        seq=seq,
        call_id=fact.call_id,
        tool_name=call.tool_name,
        arguments=call.arguments,
        command=fact.command,
        exit_code=fact.exit_code,
        text=fact.text,
        output_hash=fact.output_hash,
        complete=fact.complete,
        truncated=fact.truncated,
        extracts=fact.extracts,
        matches=fact.matches,
        match_count=fact.match_count,
        redactions=fact.redactions,
        cached=fact.cached,
        by_runtime=not call.response_id,
        next=fact.next,
        risk_flags=fact.risk_flags,
    )


def _is_same(command: Command, call: facts.ToolCallEmitted) -> bool:
    return (command.tool_name, command.arguments) == (call.tool_name, call.arguments)


def _says_nothing_new(record: RunRecord, fact: facts.ToolObserved) -> bool:
    if fact.cached or fact.exit_code >= 2:
        return True
    shown = [e for c in record.evidence.commands for e in c.extracts]
    return bool(fact.extracts) and all(
        any(_covers(old, new) for old in shown) for new in fact.extracts
    )


def _covers(old: facts.Extract, new: facts.Extract) -> bool:
    same = (old.path, old.file_sha256) == (new.path, new.file_sha256)
    return same and old.start_line <= new.start_line and new.end_line <= old.end_line


BROAD_MATCHES = 100  # A search of the whole scope with more says little (missions 10.3).


def _is_broad(fact: facts.ToolObserved, call: facts.ToolCallEmitted) -> bool:
    return (
        call.tool_name == "rtk_grep"
        and fact.match_count > BROAD_MATCHES
        and not json.loads(call.arguments).get("path")
    )
