"""What a person reads while a mission runs: each sentence is a function of one event.

Text or deliberate silence is decided here for every fact, so that the live stream, the file and a
rebuild agree (missions 13). The voice is the runtime's first person, one fact, no promise; of the
model only its stated reason is quoted, and the name of what it looks for. File bodies, prompts and
reasoning never stand here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, assert_never

import codex_oss.record.events as facts
import codex_oss.record.patch_events as patch
from codex_oss.record.delivery_events import DeliveryFact
from codex_oss.record.events import Event, Fact
from codex_oss.record.patch_events import PatchFact
from codex_oss.record.words import one_line

MESSAGE_CHARACTERS_MAX = 500
TITLE_CHARACTERS_MAX = 120
REASON_CHARACTERS_MAX = 200
SUBJECT_CHARACTERS_MAX = 120
REFS_MAX = 8

Voice = Literal["silent", "detailed", "summary"]
"""Whether a sentence is shown in `summary` mode, only in `detailed`, or never."""

END_EVENT_TYPES = {
    "COMPLETE": "mission_completed",
    "PARTIAL": "mission_partial",
    "ESCALATE": "mission_escalated",
    "FAILED": "mission_failed",
}
ENDS = (*END_EVENT_TYPES.values(), "mission_cancelled")
EVIDENCE_RECOVERIES = ("closer", "source_pack")
REDACTED = "[redacted:"  # How the token begins that stands for a secret.


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of commentary, bound to the event that it is a function of."""

    seq: int
    event_id: str
    timestamp: str
    mission_id: str
    run_id: str
    event_type: str
    title: str
    message: str
    voice: Voice
    source: str = "runtime"
    model: str = ""
    decision: str = ""
    phase: str = ""
    refs: tuple[str, ...] = ()
    severity: str = "info"

    @property
    def is_end(self) -> bool:
        return self.event_type in ENDS

    def to_json(self) -> facts.Json:
        """Return `visible_commentary_event.v1`."""
        return {
            "schema_version": "visible_commentary_event.v1",
            "mission_id": self.mission_id,
            "run_id": self.run_id,
            "seq": self.seq,
            "event_id": self.event_id,
            "timestamp": self.timestamp,
            "phase": self.phase,
            "event_type": self.event_type,
            "title": self.title,
            "message": self.message,
            "source": self.source,
            "model": self.model,
            "runtime_decision": self.decision,
            "evidence_refs": list(self.refs[:REFS_MAX]),
            "artifact_refs": [],
            "severity": self.severity,
            "safe_for_user": True,
            "redactions_applied": self.message.count(REDACTED),
            "metadata": {"shown_in": self.voice},
        }


@dataclass(frozen=True, slots=True)
class _Words:
    event_type: str
    message: str
    voice: Voice = "summary"
    source: str = "runtime"
    model: str = ""
    decision: str = ""
    phase: str = ""
    refs: tuple[str, ...] = ()
    severity: str = "info"


def commentary_for(event: Event) -> Sentence | None:
    """Return the sentence of this event, or `None` where it is silent."""
    words = _words(event.fact)
    if words is None:
        return None
    if isinstance(event.fact, facts.MissionAdmitted):
        words = _named(words, event.fact.requested_mission_id, event.mission_id)
    return Sentence(
        seq=event.seq,
        event_id=event.event_id,
        timestamp=event.created_at,
        mission_id=event.mission_id,
        run_id=event.run_id,
        event_type=words.event_type,
        title=words.event_type.replace("_", " ").capitalize()[:TITLE_CHARACTERS_MAX],
        message=one_line(words.message, MESSAGE_CHARACTERS_MAX),
        voice=words.voice,
        source=words.source,
        model=words.model,
        decision=words.decision,
        phase=words.phase,
        refs=words.refs,
        severity=words.severity,
    )


def _named(words: _Words, asked: str, given: str) -> _Words:
    """Add under which other id than its own a mission runs."""
    if asked == given:
        return words
    told = f"{words.message} The id {asked} is another contract's: this one runs as {given}."
    return replace(words, message=told)


def _words(fact: Fact) -> _Words | None:
    if isinstance(fact, PatchFact):
        return _patch_words(fact)
    if isinstance(fact, DeliveryFact):
        return None
    match fact:
        case facts.MissionAdmitted():
            return _Words("mission_started", "I'm loading the compiled MissionV1 contract.")
        case facts.MissionRefused():
            return _Words("mission_failed", _refusal(fact), severity="error")
        case facts.PhaseChanged():
            return _phase(fact)
        case facts.BudgetChanged():
            return _Words("runtime_redirect", _limit(fact), "detailed", decision="redirected")
        case facts.OverrideRecorded():
            text = f"A person decided: {fact.action.replace('_', ' ')}."
            return _Words("runtime_redirect", text, "detailed", decision="redirected")
        case facts.RunResumed():
            text = "I took this run up again from its event log."
            return _Words("runtime_wait", text, "detailed")
        case facts.RuntimeProgressEmitted():
            return _progress(fact)
        case facts.RuntimeRecoveryRecorded():
            return _recovery(fact)
        case facts.MissionFinalized():
            return _end(fact)
        case facts.ModelRequested():
            text = _ASKING.get(fact.purpose, _ASKING["explore"])
            return _Words("model_action_requested", text, model=fact.profile)
        case facts.ModelFailed():
            text = f"The model call failed ({fact.code}): {fact.message}"
            return _Words("model_action_failed", text, severity="warning")
        case facts.ActionRejected():
            text = f"The model's answer was not an action I can run ({fact.code})."
            return _Words("model_action_invalid", text, decision="repaired", severity="warning")
        case facts.ModelNarrationEmitted():
            return _Words("tool_action_planned", _narration(fact), source="model")
        case facts.ClaimRecorded():
            about = f" about {fact.obligation_id}" if fact.obligation_id else ""
            text = f"The model noted a claim{about}, with {len(fact.evidence_refs)} references."
            return _Words("coverage_update", text, "detailed", "model", refs=fact.evidence_refs)
        case facts.ReportDrafted():
            text = "The model handed in its report; I'm checking every reference in it."
            return _Words("model_report_received", text)
        case facts.ModelStopped():
            text = f'The model stopped: "{one_line(fact.reason, REASON_CHARACTERS_MAX)}"'
            return _Words("runtime_redirect", text, source="model")
        case facts.ToolCallEmitted():
            subject = one_line(fact.subject, SUBJECT_CHARACTERS_MAX)
            text = f"I'm running {fact.tool_name} on {subject}."
            return _Words("tool_action_started", text, decision="allowed")
        case facts.ToolDenied():
            where = f" on {one_line(fact.path, SUBJECT_CHARACTERS_MAX)}" if fact.path else ""
            text = f"I denied {fact.tool_name}{where}: {fact.code}."
            return _Words("tool_action_denied", text, decision="blocked", severity="warning")
        case facts.ToolObserved():
            return _observation(fact)
        case facts.ContradictionRecorded():
            about = f" on {fact.obligation_id}" if fact.obligation_id else ""
            text = f"The evidence{about} disagrees: {' and '.join(fact.sides)}."
            return _Words("coverage_update", text, severity="warning")
        case facts.EvidenceVerified():
            held = sum(r.verification in ("verified", "moved") for r in fact.results)
            text = f"I looked at the cited lines again: {held} of {len(fact.results)} hold."
            return _Words("coverage_update", text, "detailed")
        case facts.ReportValidated():
            if not fact.downgraded_from:
                return None
            reasons = ", ".join(fact.reasons)
            text = f"The report asked for {fact.downgraded_from} and has not earned it: {reasons}."
            return _Words("report_downgraded", text, decision="downgraded", severity="warning")
        case facts.CorroborationRecorded():
            text = (
                f"I compared {len(fact.members)} runs: {len(fact.agreed)} claims agree, "
                f"{len(fact.contradicted)} are disputed, {len(fact.single_source)} stand alone."
            )
            return _Words("coverage_update", text)
        case (
            facts.CancelRequested()
            | facts.GateEvaluated()
            | facts.HeadSealed()
            | facts.LogRecovered()
            | facts.ModelReplied()
            | facts.ProjectionWritten()
            | facts.RunInterrupted()
            | facts.UnknownFact()
        ):
            return None
        case _:
            assert_never(fact)


_ASKING = {
    "explore": "I'm asking the OSS model for the next safe investigation action.",
    "repair": "I'm asking the OSS model to correct its last action.",
    "report": "I'm asking the OSS model for its report.",
}


def _progress(fact: facts.RuntimeProgressEmitted) -> _Words | None:
    if not fact.visible:
        return None
    if fact.progress_type.startswith("redirect:"):
        return _Words("runtime_redirect", fact.text, decision="redirected")
    return _Words("runtime_wait", fact.text)


def _limit(fact: facts.BudgetChanged) -> str:
    name = fact.counter.replace("_", " ")
    if fact.reason == "exhausted":
        return f"The budget for {name} is used up; I'm asking for the report."
    return f"The limit of {name} is {fact.after}; it was {fact.before}."


def _recovery(fact: facts.RuntimeRecoveryRecorded) -> _Words:
    what = fact.recovery_class.replace("_", " ")
    text = f"I went on after a failure, by {what} ({fact.status}): {fact.reason}."
    if fact.recovery_class in EVIDENCE_RECOVERIES:
        return _Words("evidence_recovered", text, severity="warning")
    return _Words("runtime_redirect", text, "detailed", decision="redirected")


def _patch_words(fact: PatchFact) -> _Words | None:
    match fact:
        case patch.PatchIntentProposed():
            text = f"The model proposed a change ({fact.proposal_kind}, attempt {fact.attempt})."
            return _Words("patch_intent_received", text)
        case patch.PatchBuilt():
            text = f"I built the patch: {len(fact.changed_files)} files, {fact.bytes} bytes."
            return _Words("patch_validation_started", text)
        case patch.PatchChecked():
            if fact.status == "VALID":
                return _Words("patch_validation_passed", "The patch passed every check.")
            codes = ", ".join(fault.code for fault in fact.errors)
            text = f"The patch did not pass ({fact.status}): {codes}."
            return _Words("patch_validation_failed", text, severity="warning")
        case patch.PatchApplyStarted():
            text = f"I'm applying the patch in isolation: {len(fact.files)} files."
            return _Words("isolated_apply_started", text)
        case patch.VerificationJudged():
            if fact.verdict == "passed":
                return _Words("verification_passed", "The patch passed its verification.")
            text = f"The verification ended {fact.verdict}: {', '.join(fact.reasons)}."
            return _Words("verification_failed", text, severity="warning")
        case patch.RepairRequested():
            text = f"I'm asking the model to repair its patch, round {fact.round}: {fact.cause}."
            return _Words("runtime_redirect", text, decision="repaired")
        case (
            patch.WorktreeCreated()
            | patch.ProposalRejected()
            | patch.SemanticReviewed()
            | patch.PatchAppliedByRuntime()
            | patch.VerificationStarted()
            | patch.VerificationRan()
            | patch.RollbackRecorded()
            | patch.ReviewPacketBuilt()
            | patch.ReviewRecorded()
            | patch.PromotionStarted()
            | patch.PromotionFinished()
            | patch.PromotionUndone()
            | patch.RollbackStarted()
            | patch.MissionDiscarded()
            | patch.WorktreeRemoved()
        ):
            return None
        case _:
            assert_never(fact)


def _refusal(fact: facts.MissionRefused) -> str:
    checks = fact.admission.get("checks")
    denied = [
        str(check.get("reason"))
        for check in (checks if isinstance(checks, list) else ())
        if isinstance(check, dict) and check.get("result") in ("deny", "busy")
    ]
    return f"I refused this mission: {', '.join(denied)}."


def _phase(fact: facts.PhaseChanged) -> _Words:
    refs = ", ".join(fact.refs[:REFS_MAX]) or "none yet"
    if len(fact.refs) > REFS_MAX:
        refs += f" and {len(fact.refs) - REFS_MAX} more"
    text = f"Current phase is {fact.to}. Evidence refs now available: {refs}."
    return _Words("coverage_update", text, phase=fact.to, refs=fact.refs)


def _end(fact: facts.MissionFinalized) -> _Words:
    kind = END_EVENT_TYPES.get(fact.status, "mission_failed")
    if fact.status_reason in ("cancelled", "client_disconnected"):
        kind = "mission_cancelled"
    text = f"The mission ended {fact.status} ({fact.status_reason}), confidence {fact.confidence}."
    return _Words(kind, text, phase="REPORT")


def _narration(fact: facts.ModelNarrationEmitted) -> str:
    reason = one_line(fact.reason, REASON_CHARACTERS_MAX)
    return f'{fact.text} It says: "{reason}"' if reason else fact.text


def _observation(fact: facts.ToolObserved) -> _Words:
    tool = fact.command.split(" ", 1)[0]
    if fact.cached:
        text = f"{tool} was asked for again; I served it from the log."
        decision = "cache_hit" if fact.recalled else "duplicate"
        return _Words("tool_result_summary", text, decision=decision)
    text = (
        f"I finished {tool}; exit_code={fact.exit_code}. "
        "The runtime refreshed coverage from the new evidence."
    )
    return _Words("tool_result_summary", text, refs=tuple(e.ref for e in fact.extracts))


def shown_live(
    sentences: Iterable[Sentence], mode: str, events_max: int
) -> Iterator[tuple[Sentence, str]]:
    """Yield what a stream shows, with its text: at most `events_max`, then how many more there
    were, and always the closing sentence (missions 13). All sentences are taken, shown or not:
    whoever tells them works as they are taken."""
    shown, kept_back = 0, list[Sentence]()
    for sentence in sentences:
        is_wanted = sentence.is_end or sentence.voice == "summary" or mode == "detailed"
        if mode == "off" or not events_max or not is_wanted:
            continue
        if sentence.is_end:
            if events_max > 1 and kept_back:
                yield kept_back[-1], _more(kept_back)
            yield sentence, sentence.message
        elif shown < events_max - 2:
            shown += 1
            yield sentence, sentence.message
        else:
            kept_back.append(sentence)


def _more(kept_back: list[Sentence]) -> str:
    if len(kept_back) == 1:
        return kept_back[0].message
    return f"{len(kept_back)} more updates are in visible_commentary.jsonl."
