"""Say what comes next. The same record gets the same answer, on any day, in any process.

The order of the questions is the policy: what was announced is done first; then limits; then the
calls the model already made; then closing, if there is a reason; else the next look-up or call.
"""

from codex_oss.chat import FunctionCall
from codex_oss.contract import (
    TOOLS,
    ActionFault,
    ClaimAction,
    ReportAction,
    StopAction,
    ToolAction,
    parse_action,
)
from codex_oss.record import (
    ActionRejected,
    BudgetChanged,
    ClaimRecorded,
    EvidenceVerified,
    Fact,
    GateEvaluated,
    MissionFinalized,
    ModelNarrationEmitted,
    ModelRequested,
    ModelStopped,
    PhaseChanged,
    ReportDrafted,
    ReportValidated,
    RunRecord,
    ToolCallEmitted,
    ToolDenied,
    canonical,
    closing_reason,
    conditions,
    final_message,
    findings,
    reserve_seconds,
    resolve,
    sha256,
    source_states,
    verdict,
)
from codex_oss.runtime.intents import CallModel, Intent, LookAgain, Note, RunTool
from codex_oss.runtime.phases import is_asked_once_more, newly_exhausted, phase_of
from codex_oss.runtime.prompt import PROMPT_VERSION, RUNTIME_CALLS, offered, prompt_for

CLAIMS_MAX = 40
_CLASSES = {tool.name: tool.tool_class for tool in TOOLS}
EXCERPT_CHARACTERS_MAX = 200
URGENT = ("cancelled", "client_disconnected", "stopped_by_model", "write_attempts")
"""Reasons to close at once, whatever the model still asked for."""


def decide(record: RunRecord) -> Intent:
    loop = record.loop
    if loop.open_tool:
        return _run_or_deny(record, loop.open_tool)
    if loop.open_request:
        return CallModel(loop.open_request)
    if exhausted := newly_exhausted(record):
        counter, amount = exhausted
        return Note(BudgetChanged(counter, amount, amount, "exhausted"))
    phase, cause = phase_of(record)
    if phase != loop.phase:
        return Note(PhaseChanged(loop.phase, phase, cause, _refs(record)))
    reason = closing_reason(record)
    if loop.queue and reason not in URGENT:
        return _take(record, loop.queue[0])
    if reason and not is_asked_once_more(record):
        return _close(record)
    if source := _unread_source(record):
        return Note(source)
    return _ask(record)


def _run_or_deny(record: RunRecord, call: ToolCallEmitted) -> Intent:
    if record.loop.phase == "REPORT":
        rule = "exploration is over: call final_report"
        return Note(ToolDenied(call.call_id, call.tool_name, "phase_closed", rule))
    return RunTool(call)


def _refs(record: RunRecord) -> tuple[str, ...]:
    commands = record.evidence.commands
    return tuple(dict.fromkeys([e.ref for c in commands for e in c.extracts] + [
        f"command:{c.index}" for c in commands if not c.extracts
    ]))  # fmt: skip


# ---- what the model said -------------------------------------------------------------------------


def _take(record: RunRecord, call: FunctionCall) -> Intent:
    """Turn one call of the last reply into the fact that it is."""
    number = record.budget.model_calls
    if not call.name:
        return Note(_rejected(record, call, _text_fault(record, call.arguments)))
    match parse_action(call.name, call.arguments, offered(record)):
        case ActionFault() as fault:
            return Note(_rejected(record, call, fault))
        case ClaimAction(claim):
            if len(record.answer.claims) >= CLAIMS_MAX:
                full = ActionFault("bad_argument", f"at most {CLAIMS_MAX} claims a run", "")
                return Note(_rejected(record, call, full))
            text = canonical([claim.claim, list(claim.evidence_refs)])
            return Note(
                ClaimRecorded(
                    sha256(text)[7:17],
                    call.call_id,
                    claim.claim,
                    claim.obligation_id,
                    claim.value,
                    claim.evidence_refs,
                )
            )
        case ReportAction(draft):
            return Note(ReportDrafted(number, call.call_id, draft.to_json()))
        case StopAction(reason, needs_human):
            return Note(ModelStopped(number, call.call_id, reason, needs_human))
        case ToolAction() as action:
            if record.loop.narrated != call.call_id:
                return Note(_narrated(call, action, number))
            return Note(emitted(call.call_id, action, f"reply_{number}"))


def _text_fault(record: RunRecord, text: str) -> ActionFault:
    example = 'final_report({"report": {"status": "PARTIAL", ...}})'
    if not text.strip():
        return ActionFault("empty_reply", "you answered nothing: call a function", example)
    return ActionFault("prose_report", "you answered in prose: call a function", example)


def _rejected(record: RunRecord, call: FunctionCall, fault: ActionFault) -> ActionRejected:
    return ActionRejected(
        call=record.budget.model_calls,
        call_id=call.call_id,
        code=fault.code,
        message=fault.message,
        excerpt=call.arguments[:EXCERPT_CHARACTERS_MAX],
        example=fault.example,
        repair_round=record.loop.rejected_in_a_row + 1,
    )


def _narrated(call: FunctionCall, action: ToolAction, number: int) -> ModelNarrationEmitted:
    subject = subject_of(action)
    text = f"The model chose {action.name} on {subject} as the next investigation step."
    reason = action.remarks.get("reason", "")
    return ModelNarrationEmitted(text, True, True, number, call.call_id, reason)


def subject_of(action: ToolAction) -> str:
    """Return what a sentence about this call names: its file, folder or pattern."""
    path = action.arguments.get("path")
    if "pattern" in action.arguments:
        return f"{action.arguments['pattern']!r}" + (f" in {path}" if path else "")
    return str(path or ".")


def emitted(call_id: str, action: ToolAction, response_id: str) -> ToolCallEmitted:
    """Return the announcement of a tool call."""
    arguments = canonical(action.arguments)
    return ToolCallEmitted(
        call_id=call_id,
        tool_name=action.name,
        arguments_hash=sha256(arguments),
        tool_class=_CLASSES[action.name],
        response_id=response_id,
        arguments=arguments.decode(),
        subject=subject_of(action),
    )


# ---- the next look-up or call --------------------------------------------------------------------


def _unread_source(record: RunRecord) -> ToolCallEmitted | None:
    """Return the reading of a required source that the runtime does by itself, first."""
    if record.contract.evidence_collection_mode != "prefetch_floor":
        return None
    if "read" not in record.contract.scope.allowed_tool_classes or record.budget.exhausted:
        return None
    for source in source_states(record):
        if source.state == "missing" and source.prefetch:
            action = parse_action(
                "rtk_read", canonical({"path": source.path}).decode(), ("rtk_read",)
            )
            assert isinstance(action, ToolAction), action
            call_id = f"{RUNTIME_CALLS}{len(record.evidence.commands)}"
            return emitted(call_id, action, "")
    return None


def _ask(record: RunRecord) -> Intent:
    purpose = "explore"
    if record.loop.phase == "REPORT":
        purpose = "report"
    elif record.loop.rejected_in_a_row:
        purpose = "repair"
    prompt = prompt_for(record, purpose)
    if not prompt.fits:
        return Note(BudgetChanged("context", prompt.tokens, prompt.tokens, "exhausted"))
    limits, call = record.contract.budget, record.budget.model_calls + 1
    last_ms = 1000 * (limits.time_budget_seconds - reserve_seconds(limits.time_budget_seconds))
    return Note(
        ModelRequested(
            call=call,
            purpose=purpose,
            profile=record.admitted.admitted.profile.name,
            encoding="native_tools",
            request_sha256=prompt.digest,
            prompt_version=PROMPT_VERSION,
            messages=len(prompt.request.messages),
            tools_sha256=prompt.tools_digest,
            est_input_tokens=prompt.tokens,
            max_output_tokens=prompt.request.max_output_tokens or 0,
            deadline_ms=int(last_ms),
            attempt=record.loop.failed_in_a_row + 1,
            asked_at_ms=record.budget.elapsed_ms,
        )
    )


# ---- closing -------------------------------------------------------------------------------------


def _close(record: RunRecord) -> Intent:
    answer = record.answer
    if answer.checked is None:
        return _look_again(record)
    if answer.draft and answer.validated is None:
        return Note(_validated(record))
    if answer.closure is None:
        met = conditions(record)
        ended = verdict(record)
        failed = tuple(name for name, holds in met.items() if not holds)
        return Note(GateEvaluated("closure", dict(met), ended.status, failed, _basis(record)))
    return Note(_finalized(record))


def _basis(record: RunRecord) -> tuple[str, ...]:
    """Return the events that the closure rests on: the draft, and the last one before it."""
    events = (record.answer.draft_event, f"evt_{record.last_seq:06}")
    return tuple(event for event in events if event)


def _look_again(record: RunRecord) -> Intent:
    refs = tuple(dict.fromkeys(ref for f in findings(record) for ref in f.evidence_refs))
    citations = [resolve(record, ref) for ref in refs]
    forged = tuple(ref for ref, found in zip(refs, citations, strict=True) if found is None)
    if not refs:
        return Note(EvidenceVerified(()))
    return LookAgain(tuple(c for c in citations if c), forged)


def _validated(record: RunRecord) -> Fact:
    known = {o.id for o in record.contract.obligations}
    faults = [
        f"{f.id}: unresolvable reference" for f in findings(record) if f.status == "unverified"
    ]
    faults += [
        f"{f.id}: unknown obligation {f.obligation_id!r}"
        for f in findings(record)
        if f.obligation_id and f.obligation_id not in known
    ]
    ended = verdict(record)
    return ReportValidated(
        draft_event=record.answer.draft_event,
        ok=not faults and not ended.downgraded_from,
        faults=tuple(faults),
        downgraded_from=ended.downgraded_from,
        reasons=ended.downgrade_reasons,
    )


def _finalized(record: RunRecord) -> MissionFinalized:
    ended = verdict(record)
    text = final_message(record, ended)
    return MissionFinalized(
        status=ended.status,
        confidence=ended.confidence,
        summary_hash=sha256(text.encode()),
        final_text=text,
        status_reason=ended.reason,
    )
