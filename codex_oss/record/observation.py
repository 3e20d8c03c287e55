"""What a file says that a desktop has shown, held against the log of the run.

A transcript as JSON enters, facts leave: that it was captured, each of its messages, and what may
be claimed. How it came here is said by whoever read it and never by the file: what is imported is
diagnostic and counts for no claim, whatever it calls itself (event-log 3.3 and 9).
"""

from collections.abc import Iterable, Iterator

from codex_oss.record.delivery_events import (
    OUR_CAPTURES,
    ClaimGateEvaluated,
    DesktopFact,
    DesktopMessageObserved,
    DesktopTranscriptCaptured,
    is_observed,
)
from codex_oss.record.events import Event, Json
from codex_oss.record.visible_commentary import commentary_for

IMPORT = "file_import"
RAW_KIND, DESKTOP = "raw_desktop_export", "codex_desktop_spawned"
MESSAGES_MAX = 1_000
TEXT_CHARACTERS_MAX = 2_000
PROGRESS_MIN = 3  # Sentences that a person must have seen before the end (proofs 7).
GOLD = "desktop-gold"


def observed_in(
    transcript: Json, sha256: str, events: Iterable[Event], capture_method: str = IMPORT
) -> Iterator[DesktopFact]:
    """Yield what a transcript tells. A message is matched with the sentence whose event it names,
    if its text is the same and it comes in order, before the final one."""
    spoken = {e.event_id: s.message for e in events if (s := commentary_for(e))}
    agent_id = _text(transcript, "agent_id")
    yield DesktopTranscriptCaptured(
        agent_id=agent_id,
        thread_id=_text(transcript, "thread_id"),
        transcript_kind=_text(transcript, "transcript_kind"),
        consumer_kind=_text(transcript, "consumer_kind"),
        capture_method=capture_method,
        sha256=sha256,
    )
    last, is_over = "", False
    for message in _messages(transcript):
        is_final = message.get("final") is True or message.get("phase") == "final_answer"
        text, named = _text(message, "text"), _named_event(message)
        is_same = bool(named) and spoken.get(named) == text and named > last and not is_over
        last, is_over = named if is_same else last, is_over or is_final
        yield DesktopMessageObserved(
            agent_id=agent_id,
            message_id=_text(message, "id"),
            text=text,
            pre_final=not is_over,
            final=is_final,
            matched_event_id=named if is_same else "",
            capture_method=capture_method,
        )


def desktop_gold(transcript: Json, mission_id: str, events: Iterable[Event]) -> ClaimGateEvaluated:
    """Say why these events of one transcript do not show that a person saw the run work. Those of
    one run alone never do."""
    known = [event for event in events if isinstance(event.fact, DesktopFact)]
    reasons = tuple(_missing(transcript, mission_id, known))
    return ClaimGateEvaluated(
        target=GOLD,
        status="UNCONFIRMED",
        allowed_claims=(),
        disallowed_claims=reasons or ("three_missions_needed",),
        basis_event_ids=tuple(event.event_id for event in known),
    )


def _missing(transcript: Json, mission_id: str, known: list[Event]) -> Iterator[str]:
    facts = [event.fact for event in known]
    messages = [fact for fact in facts if isinstance(fact, DesktopMessageObserved)]
    if _text(transcript, "consumer_kind") != DESKTOP:
        yield "consumer_kind_not_codex_desktop_spawned"
    if not _text(transcript, "transcript_kind"):
        yield "raw_desktop_transcript_kind_missing"
    elif _text(transcript, "transcript_kind") != RAW_KIND:
        yield "transcript_is_not_raw_desktop_export"
    if _text(transcript, "mission_id") not in ("", mission_id):
        yield "desktop_transcript_mission_id_mismatch"
    if sum(m.pre_final and is_observed(m) for m in messages) < PROGRESS_MIN:
        yield "desktop_progress_before_final_missing"
    named = [_named_event(message) for message in _messages(transcript)]
    if not any(named):
        yield "desktop_progress_event_identity_missing"
    if sum(map(bool, named)) > sum(bool(m.matched_event_id) for m in messages):
        yield "desktop_progress_event_reconciliation_missing"
    if not any(m.final for m in messages):
        yield "desktop_final_missing"
    captures = (f.capture_method for f in facts if isinstance(f, DesktopTranscriptCaptured))
    if not any(method in OUR_CAPTURES for method in captures):
        yield "desktop_transcript_not_trusted_for_gold"


def _messages(transcript: Json) -> list[Json]:
    found = transcript.get("messages")
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict)][:MESSAGES_MAX]


def _named_event(message: Json) -> str:
    event = message.get("oss_visible_event")
    return _text(event, "event_id") if isinstance(event, dict) else ""


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    return found[:TEXT_CHARACTERS_MAX] if isinstance(found, str) else ""
