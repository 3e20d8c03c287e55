"""Say what comes next. The same record gets the same answer, on any day, in any process.

The order of the questions is the policy: what was announced is done first; then limits; then the
calls the model already made; then closing, if there is a reason; else the next look-up or call.
"""

from collections.abc import Iterable
from dataclasses import replace

from codex_oss.chat import FunctionCall, Usage
from codex_oss.contract import (
    TOOLS,
    ActionFault,
    Claim,
    ClaimAction,
    ReportAction,
    ReportDraft,
    StopAction,
    ToolAction,
    example_of,
    parse_action,
    read_json_report,
    read_spoken,
    read_text_report,
)
from codex_oss.record import (
    ActionRejected,
    BudgetChanged,
    ClaimRecorded,
    EvidenceVerified,
    Fact,
    GateEvaluated,
    Json,
    MissionFinalized,
    ModelNarrationEmitted,
    ModelRequested,
    ModelStopped,
    PhaseChanged,
    ReportDrafted,
    ReportValidated,
    RunRecord,
    RuntimeProgressEmitted,
    Said,
    ToolCallEmitted,
    canonical,
    closing_reason,
    conditions,
    early_end,
    final_message,
    findings,
    next_profile,
    reserve_seconds,
    resolve,
    sha256,
    verdict,
)
from codex_oss.runtime.closer import closer_step
from codex_oss.runtime.costs import cost_microusd
from codex_oss.runtime.encodings import encoding_of, offered
from codex_oss.runtime.fast import fast_gate, open_fast_search
from codex_oss.runtime.intents import CallModel, ChangeProfile, Intent, LookAgain, Note, RunTool
from codex_oss.runtime.noticing import unnoted
from codex_oss.runtime.phases import (
    is_asked_once_more,
    newly_exhausted,
    newly_passed,
    open_looks,
    open_searches,
    phase_of,
)
from codex_oss.runtime.prompt import PROMPT_VERSION, prompt_for
from codex_oss.runtime.standing import ref_of
from codex_oss.runtime.transcript import RUNTIME_CALLS

CLAIMS_MAX = 40
CLAIM_ID_DIGITS = 10
ANSWER_CHARACTERS_MAX = 1_200  # Of a report's answer.
EXCERPT_CHARACTERS_MAX = 200
_CLASSES = {tool.name: tool.tool_class for tool in TOOLS}


def decide(record: RunRecord) -> Intent:
    loop = record.loop
    if loop.open_tool:
        return RunTool(loop.open_tool)
    if loop.open_request:
        return CallModel(loop.open_request)
    if exhausted := newly_exhausted(record):
        counter, amount = exhausted
        return Note(BudgetChanged(counter, amount, amount, "exhausted"))
    if passed := newly_passed(record):
        return Note(_redirect(*passed))
    phase, cause = phase_of(record)
    if phase != loop.phase:
        return Note(PhaseChanged(loop.phase, phase, cause, _refs(record)))
    if noted := unnoted(record):
        return Note(noted)
    if loop.queue and not early_end(record):
        return Note(_taken(record, loop.queue[0]))
    if name := next_profile(record):
        return ChangeProfile(name)
    if closing_reason(record) and not is_asked_once_more(record):
        match closer_step(record):
            case None:
                return _close(record)
            case str(purpose):
                return _ask(record, purpose)
            case step:
                return step
    if search := open_fast_search(record):
        return Note(_prefetch(record, "rtk_grep", search))
    if gate := fast_gate(record):
        return Note(gate)
    if waiting := open_looks(record):
        return Note(_prefetch(record, waiting[0].tool, dict(waiting[0].arguments)))
    if searches := open_searches(record):
        pattern, path = searches[0]
        wanted: Json = {"pattern": pattern, "path": path, "fixed_strings": True}
        return Note(_prefetch(record, "rtk_grep", wanted))
    return _ask(record, _purpose(record))


def _redirect(name: str, amount: int, limit: int) -> RuntimeProgressEmitted:
    what = name.replace("_", " ")
    text = f"{amount} {what}, at most {limit}: I'm pointing the model to what is still open."
    return RuntimeProgressEmitted(f"redirect:{name}", text)


def _refs(record: RunRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref_of(command) for command in record.evidence.commands))


# ---- what the model said -------------------------------------------------------------------------


def _taken(record: RunRecord, call: FunctionCall) -> Fact:
    """Return the fact that one call of the last reply is."""
    number = record.budget.model_calls
    if not call.name:
        return _of_text(record, call)
    action = parse_action(
        call.name,
        call.arguments,
        offered(record),
        example_path=_example_path(record),
        encoding=encoding_of(record),
    )
    match action:
        case ActionFault() as fault:
            return _rejected(record, call, _cut_off(record) or fault)
        case ClaimAction(claim):
            wrong = _claim_fault(record, claim)
            return _rejected(record, call, wrong) if wrong else _claimed(call, claim)
        case ReportAction(draft):
            wrong = _obligation_fault(record, draft.findings)
            drafted = ReportDrafted(number, call.call_id, draft.to_json())
            return _rejected(record, call, wrong) if wrong else drafted
        case StopAction(reason, needs_human):
            return ModelStopped(number, call.call_id, reason, needs_human)
        case ToolAction() as action:
            if record.loop.narrated != call.call_id:
                return _narrated(call, action, number)
            return emitted(call.call_id, action, f"reply_{number}")


def _of_text(record: RunRecord, call: FunctionCall) -> Fact:
    """Return what a reply without a call is: the report, where there is no function for it."""
    text = call.arguments
    if not record.contract.is_packed or not text.strip() or _cut_off(record):
        return _rejected(record, call, _text_fault(record, text))
    if record.contract.is_exact:
        draft = _exact_answer(record, text.strip())
    else:
        draft = read_text_report(text, [o.id for o in record.contract.obligations])
    wrong = _obligation_fault(record, draft.findings)
    if wrong:
        return _rejected(record, call, wrong)
    return ReportDrafted(record.budget.model_calls, call.call_id, draft.to_json())


def _exact_answer(record: RunRecord, text: str) -> ReportDraft:
    """Return the whole reply as the answer. One that is a report of its own, and not what is
    wanted, says by itself what it claims."""
    spec = record.contract.objective_spec
    is_wanted = spec is not None and text in spec.required_values
    reported = None if is_wanted else read_json_report(text)
    return reported or ReportDraft("COMPLETE", "HIGH", text[:ANSWER_CHARACTERS_MAX])


def _example_path(record: RunRecord) -> str:
    """Return a path of this mission, for the example that goes with a fault."""
    scope = record.contract.scope
    roots = [f"{root}/FILE" for root in scope.allowed_roots]
    return next(iter((*record.evidence.files, *scope.allowed_paths, *roots)), "FILE")


def _claimed(call: FunctionCall, claim: Claim) -> ClaimRecorded:
    text = canonical([claim.claim, list(claim.evidence_refs)])
    return ClaimRecorded(
        claim_id=sha256(text).removeprefix("sha256:")[:CLAIM_ID_DIGITS],
        call_id=call.call_id,
        text=claim.claim,
        obligation_id=claim.obligation_id,
        value=claim.value,
        evidence_refs=claim.evidence_refs,
    )


def _claim_fault(record: RunRecord, claim: Claim) -> ActionFault | None:
    if len(record.answer.claims) >= CLAIMS_MAX:
        return ActionFault("bad_argument", f"at most {CLAIMS_MAX} claims a run", "")
    unseen = [ref for ref in claim.evidence_refs if resolve(record, ref) is None]
    if unseen:
        return ActionFault("bad_argument", f"never shown in this run: {', '.join(unseen)}", "")
    return _obligation_fault(record, (claim,))


def _obligation_fault(record: RunRecord, claims: Iterable[Claim]) -> ActionFault | None:
    """Say which obligation there is not: a claim that names none is linked to none."""
    known = ("", *(o.id for o in record.contract.obligations))
    for claim in claims:
        if claim.obligation_id not in known:
            message = f"no obligation `{claim.obligation_id}`; there is {', '.join(known[1:])}"
            return ActionFault("bad_argument", message, "")
    return None


def _cut_off(record: RunRecord) -> ActionFault | None:
    """Say of a reply that reached its limit that it was cut, and not what that made of it."""
    replies = [entry for entry in record.loop.transcript if isinstance(entry, Said)]
    if not replies[-1].is_cut:
        return None
    return ActionFault("truncated_output", "your answer was cut off: say it in fewer words", "")


def _text_fault(record: RunRecord, text: str) -> ActionFault:
    """Say what is wrong with a text in place of an action."""
    if cut_off := _cut_off(record):
        return cut_off
    encoding, names = encoding_of(record), offered(record)
    fault = read_spoken(text)
    assert isinstance(fault, ActionFault), "a text that means calls would have been taken for them"
    wanted = "final_report" if record.loop.phase == "REPORT" else ""
    example = example_of(wanted, names, _example_path(record), encoding)
    if encoding == "json_action":
        return replace(fault, example=example)
    code = "prose_report" if fault.code == "no_json" else fault.code
    return ActionFault(code, _NATIVE_MESSAGES.get(fault.code, fault.message), example)


_NATIVE_MESSAGES = {
    "empty_reply": "you answered nothing: call a function",
    "no_json": "you answered in prose: call a function",
}


def _rejected(record: RunRecord, call: FunctionCall, fault: ActionFault) -> ActionRejected:
    return ActionRejected(
        call=record.budget.model_calls,
        call_id=call.call_id,
        code=fault.code,
        message=fault.message,
        excerpt=call.arguments[:EXCERPT_CHARACTERS_MAX],
        example=fault.example,
        repair_round=record.loop.faulty_in_a_row + 1,
    )


def _narrated(call: FunctionCall, action: ToolAction, number: int) -> ModelNarrationEmitted:
    subject = subject_of(action)
    text = f"The model chose {action.name} on {subject} as the next investigation step."
    reason = action.remarks.get("reason", "")
    return ModelNarrationEmitted(text, True, True, number, call.call_id, reason)


def subject_of(action: ToolAction) -> str:
    """Return what a sentence about this call names: its file, folder, pattern or revision."""
    path = action.arguments.get("path")
    if "pattern" in action.arguments:
        return f"'{action.arguments['pattern']}'" + (f" in {path}" if path else "")
    named = action.arguments.get("rev") or path
    return "the project" if named in (None, ".") else str(named)


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
        target_question=action.remarks.get("target_question", ""),
    )


# ---- the next look-up or call --------------------------------------------------------------------


def _prefetch(record: RunRecord, tool: str, arguments: Json) -> ToolCallEmitted:
    """Return the look at a required source that the runtime takes by itself, first."""
    action = parse_action(tool, canonical(arguments).decode(), (tool,))
    assert isinstance(action, ToolAction), action
    evidence = record.evidence
    number = len(evidence.commands) + len(evidence.denials)
    return emitted(f"{RUNTIME_CALLS}{number}", action, "")


def _purpose(record: RunRecord) -> str:
    if record.loop.faulty_in_a_row:
        return "repair"
    return "report" if record.loop.phase == "REPORT" else "explore"


def _ask(record: RunRecord, purpose: str) -> Intent:
    prompt = prompt_for(record, purpose)
    if not prompt.fits:
        return Note(BudgetChanged("context", prompt.tokens, prompt.tokens, "exhausted"))
    if not prompt.is_affordable:
        spent = record.budget.cost_microusd or 0
        return Note(BudgetChanged("cost", spent, spent, "exhausted"))
    profile = record.profile
    seconds = record.contract.budget.time_budget_seconds
    return Note(
        ModelRequested(
            call=record.budget.model_calls + 1,
            purpose=purpose,
            profile=profile.name,
            encoding=encoding_of(record),
            request_sha256=prompt.digest,
            prompt_version=PROMPT_VERSION,
            messages=len(prompt.request.messages),
            tools_sha256=prompt.tools_digest,
            est_input_tokens=prompt.tokens,
            max_output_tokens=prompt.request.max_output_tokens or 0,
            deadline_ms=int(1000 * (seconds - reserve_seconds(seconds))),
            attempt=record.loop.failed_in_a_row + 1,
            asked_at_ms=record.budget.elapsed_ms,
            est_cost_microusd=cost_microusd(profile, Usage(prompt.tokens, 0)),
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
    known, ended = findings(record), verdict(record)
    faults = tuple(f"{f.id}: unresolvable reference" for f in known if f.status == "unverified")
    return ReportValidated(
        draft_event=record.answer.draft_event,
        ok=not faults and not ended.downgraded_from,
        faults=faults,
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
