"""Fold events into the record: one branch a fact, no default branch, no clock.

`reduce` is total: over every prefix of a legal log it gives the record of that moment, and an
event that breaks a rule is noted and changes nothing else.
"""

from collections.abc import Iterable
from functools import reduce as fold_left
from typing import assert_never

import codex_oss.record.dialogue as dialogue
import codex_oss.record.events as facts
import codex_oss.record.observing as observing
from codex_oss.contract import parse_mission
from codex_oss.record.corroborating import folded
from codex_oss.record.delivering import delivered
from codex_oss.record.delivery_events import DeliveryFact
from codex_oss.record.events import Event
from codex_oss.record.legality import illegal, out_of_order
from codex_oss.record.patch_events import PatchFact
from codex_oss.record.patching import patched
from codex_oss.record.raising import lowered, raised
from codex_oss.record.run_record import NOTED_MAX, MissionPart, RunRecord, evolved

PROGRESS_LIMITS = ("duplicates", "low_information", "broad_searches")


def fold(events: Iterable[Event]) -> RunRecord:
    return fold_left(reduce, events, RunRecord())


def reduce(record: RunRecord, event: Event) -> RunRecord:
    """Return the record after `event`. An illegal event is noted and changes nothing else."""
    rule = out_of_order(record, event) or illegal(record, event.fact)
    if rule:
        noted = (*record.inconsistent, (event.seq, rule))[:NOTED_MAX]
        return evolved(record, inconsistent=noted, last_seq=event.seq, last_hash=event.event_hash)
    record = _apply(record, event)
    budget = record.budget
    if not record.loop.finalized:
        budget = evolved(
            budget,
            elapsed_ms=event.elapsed_ms,
            log_bytes=budget.log_bytes + event.line_bytes,
            blob_bytes=budget.blob_bytes + event.blob_bytes,
        )
    return evolved(
        record,
        budget=budget,
        last_seq=event.seq,
        last_hash=event.event_hash,
        last_at=event.created_at,
    )


def _apply(record: RunRecord, event: Event) -> RunRecord:
    loop, fact = record.loop, event.fact
    if isinstance(fact, PatchFact):
        return patched(record, fact)
    if isinstance(fact, DeliveryFact):
        return evolved(record, delivery=delivered(record.delivery, fact))
    match fact:
        case facts.MissionAdmitted():
            return _admitted(record, event, fact)
        case facts.MissionRefused():
            return evolved(record, loop=evolved(loop, refused=True))
        case facts.PhaseChanged():
            history = (*loop.phase_history, fact.to)
            return evolved(record, loop=evolved(loop, phase=fact.to, phase_history=history))
        case facts.BudgetChanged():
            if fact.reason != "exhausted":
                return raised(record, fact)
            exhausted = (*record.budget.exhausted, fact.counter)
            return evolved(record, budget=evolved(record.budget, exhausted=exhausted))
        case facts.OverrideRecorded():
            record = evolved(record, loop=evolved(loop, overrides=(*loop.overrides, fact)))
            return _cancelled(record, "person", fact.reason) if fact.action == "abort" else record
        case facts.CancelRequested():
            return _cancelled(record, fact.by or "person", fact.reason)
        case facts.RunInterrupted():
            return evolved(record, loop=evolved(loop, interrupted=fact.reason or "interrupted"))
        case facts.RunResumed():
            return _resumed(record)
        case facts.RuntimeProgressEmitted():
            return _redirected(record, fact)
        case facts.RuntimeRecoveryRecorded():
            return evolved(record, loop=dialogue.recovered(loop, fact))
        case facts.GateEvaluated():
            part = {"closure": "closure", "fast_path": "fast_path"}.get(fact.gate)
            if part is None:
                return record
            return evolved(record, answer=evolved(record.answer, **{part: fact}))
        case facts.MissionFinalized():
            over = evolved(
                loop, finalized=fact, finalized_seq=event.seq, finalized_hash=event.event_hash
            )
            return evolved(record, loop=over)
        case facts.HeadSealed():
            return evolved(record, delivery=evolved(record.delivery, sealed=fact))
        case facts.LogRecovered():
            torn = record.delivery.recovered_bytes + fact.torn_bytes
            return evolved(record, delivery=evolved(record.delivery, recovered_bytes=torn))
        case facts.ModelRequested():
            return dialogue.asked(record, fact)
        case facts.ModelReplied():
            return dialogue.replied(record, fact)
        case facts.ModelFailed():
            return dialogue.failed(record, fact)
        case facts.ActionRejected():
            return dialogue.rejected(record, fact)
        case facts.ModelNarrationEmitted():
            return evolved(record, loop=evolved(loop, narrated=fact.call_id))
        case facts.ClaimRecorded():
            return dialogue.claimed(record, fact)
        case facts.ReportDrafted():
            return dialogue.drafted(record, event, fact)
        case facts.ModelStopped():
            return dialogue.stopped(record, fact)
        case facts.ToolCallEmitted():
            return evolved(record, loop=evolved(loop, open_tool=fact))
        case facts.ToolDenied():
            return observing.denied(record, fact)
        case facts.ToolObserved():
            return observing.observed(record, event, fact)
        case facts.ContradictionRecorded():
            known = (*record.answer.contradictions, fact)
            return evolved(record, answer=evolved(record.answer, contradictions=known))
        case facts.EvidenceVerified():
            return evolved(record, answer=dialogue.checked(record.answer, fact))
        case facts.ReportValidated():
            return dialogue.validated(record, fact)
        case facts.CorroborationRecorded():
            return folded(record, fact)
        case facts.ProjectionWritten():
            written = record.delivery.files_written + 1
            return evolved(record, delivery=evolved(record.delivery, files_written=written))
        case facts.UnknownFact():
            unknown = (*record.unknown_events, (event.seq, fact.event_type))[:NOTED_MAX]
            return evolved(record, unknown_events=unknown)
        case _:
            assert_never(fact)


# ---- a run as a whole ----------------------------------------------------------------------------


def _admitted(record: RunRecord, event: Event, fact: facts.MissionAdmitted) -> RunRecord:
    contract = parse_mission(fact.task_spec).mission
    if contract is None:
        return evolved(record, inconsistent=((event.seq, "contract_does_not_parse"),))
    contract = lowered(contract, fact.limits.get("effective"))
    mission = MissionPart(fact, contract, event.run_id, event.mission_id, event.created_at)
    cost = 0 if fact.profile.output_price is not None else None
    return evolved(record, mission=mission, budget=evolved(record.budget, cost_microusd=cost))


def _cancelled(record: RunRecord, by: str, reason: str) -> RunRecord:
    """The first word stays."""
    if record.loop.cancelled_by:
        return record
    return evolved(record, loop=evolved(record.loop, cancelled_by=by, cancel_reason=reason))


def _resumed(record: RunRecord) -> RunRecord:
    """What was announced without an outcome is UNKNOWN: a request is counted with what its input
    costs and asked again, a read-only call simply runs (event-log 6)."""
    delivery = evolved(record.delivery, resumes=record.delivery.resumes + 1)
    record = evolved(record, loop=evolved(record.loop, interrupted=""))
    request = record.loop.open_request
    if request is None:
        return evolved(record, delivery=delivery)
    estimated = facts.CallUsage(
        request.est_input_tokens, 0, 0, 0, request.est_input_tokens, "estimated"
    )
    budget = dialogue.spent(record.budget, estimated, request.est_cost_microusd)
    loop = evolved(record.loop, open_request=None)
    return evolved(dialogue.unchecked(record), loop=loop, budget=budget, delivery=delivery)


def _redirected(record: RunRecord, fact: facts.RuntimeProgressEmitted) -> RunRecord:
    kind, _, name = fact.progress_type.partition(":")
    if kind != "redirect" or name not in PROGRESS_LIMITS:
        return record
    told = (name, getattr(record.budget, name))
    redirected = (*record.budget.redirected, told)
    return evolved(record, budget=evolved(record.budget, redirected=redirected))
