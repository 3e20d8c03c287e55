"""A mission as Responses events: each visible sentence a message of its own, the report the last.

Sentences enter as they come true, a list of events for each leaves. Every message is complete when
it is sent, because Codex shows and keeps what is done, and nothing before (codex-facts 7).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from codex_oss.chat import Usage, literal_of
from codex_oss.errors import BridgeError, BrokenPromise, Cancelled
from codex_oss.responses.drafts import Event, MessageDraft
from codex_oss.responses.emitter import Events
from codex_oss.responses.reply import Reply, Turn


@dataclass(frozen=True, slots=True)
class Commentary:
    """One sentence of a mission under way, with the event that it speaks of."""

    text: str
    visible_event: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FinalReport:
    """The last message of a mission, and the tokens of all its model calls."""

    text: str
    usage: Usage


def narrate(turn: Turn, told: Iterable[Commentary | FinalReport]) -> Iterator[Events]:
    """Yield the events of a mission turn. The report ends it, whatever its verdict is: an error
    code would have Codex run the mission again."""
    reply = Reply(turn)
    yield list(reply.begin())
    try:
        for each in told:
            match each:
                case Commentary(text, event):
                    marks = {"phase": "commentary", "oss_visible_event": event}
                    yield list(_message(reply, text, marks))
                case FinalReport(text, usage):
                    message = _message(reply, text, {"phase": "final_answer"})
                    yield [*message, reply.end("completed", usage)]
                    return
        raise BrokenPromise("the mission ended without a report")
    except Cancelled:
        raise
    except BridgeError as error:
        yield [reply.end("failed", None, error=error)]


def _message(reply: Reply, text: str, marks: Mapping[str, object]) -> Iterator[Event]:
    draft, chars = MessageDraft(reply, marks), reply.turn.style.text_chars
    yield from draft.begin()
    pieces = (text[start : start + chars] for start in range(0, len(text), chars))
    yield draft.say(tuple(map(literal_of, pieces)))
    yield from draft.close("completed")
