"""The answer of a model as Responses events: bursts in, one terminal event out, last.

Whatever comes in, an error of the provider too, the events end with `response.completed`,
`incomplete` or `failed`. What was said decides how, not the provider's finish word; only words
for a cut and for a failure count (bridge 13).
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from codex_oss.chat import (
    TOLERATED_EOF,
    Burst,
    CallDelta,
    Served,
    TextRun,
    Usage,
    literal_of,
)
from codex_oss.errors import (
    BridgeError,
    Cancelled,
    UpstreamError,
    UpstreamRejected,
    UpstreamTruncated,
)
from codex_oss.responses.call_drafts import CallsDraft
from codex_oss.responses.compaction import summarize
from codex_oss.responses.drafts import Event, MessageDraft, ReasoningDraft
from codex_oss.responses.emitter import Events, ResponseEvent
from codex_oss.responses.endings import NO_END, NOTHING_SAID, cut_by
from codex_oss.responses.reply import Reply, Status, Turn

ACCEPTS_INCOMPLETE = (0, 169, 0)  # A Codex before it tries again after a cut by length.


def assemble(turn: Turn, bursts: Iterable[Burst]) -> Iterator[Events]:
    """Yield the events of one turn, a list a burst. The first comes before the provider is asked.

    `Cancelled` goes through: nobody is there to be answered.
    """
    if turn.request.compacts:
        yield from summarize(turn, bursts)
        return
    answer = _Answer(turn)
    yield list(answer.begin())
    events: Events = []
    try:
        for burst in bursts:
            for event in answer.take(burst):
                events.append(event)
            if events:
                yield events
                events = []
        for event in answer.end():
            events.append(event)
    except Cancelled:
        raise
    except BridgeError as error:  # What was said before it in the same burst is still said.
        events.append(answer.fail(error))
    finally:
        _hang_up(bursts)
    yield events


def _hang_up(bursts: Iterable[Burst]) -> None:
    """Let go of the provider, who may still be speaking. The error that ended the turn refers to
    these bursts, so that only the garbage collector would, some time later."""
    if isinstance(bursts, Generator):
        bursts.close()


class _Answer:
    """What was said so far: items that are done, one that is open, how it ended."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._reply = Reply(turn)
        self._open: MessageDraft | ReasoningDraft | CallsDraft | None = None
        self._shows_reasoning = (
            turn.style.reasoning != "sealed" or turn.style.shows_sealed_reasoning
        )
        self._has_text = self._has_calls = False
        self._finish = ""
        self._usage: Usage | None = None

    def begin(self) -> Iterator[Event]:
        yield from self._reply.begin()

    def take(self, burst: Burst) -> Iterator[Event]:
        for chunk in burst:
            if isinstance(chunk, TextRun):
                say = self._think if chunk.is_reasoning else self._say
                yield from say(chunk.literals)
                continue
            if isinstance(chunk, Served):
                yield from self._begin_again(chunk)
                continue
            if chunk.reasoning or chunk.reasoning_blocks:
                said = (literal_of(chunk.reasoning),) if chunk.reasoning else ()
                yield from self._think(said, chunk.reasoning_blocks)
            if chunk.text:
                yield from self._say((literal_of(chunk.text),))
            for delta in chunk.calls:
                yield from self._call(delta)
            self._finish = self._finish or chunk.finish
            self._usage = chunk.usage or self._usage
            if chunk.salvaged:
                self._reply.salvage(chunk.salvaged)

    def end(self) -> Iterator[Event]:
        """Close what is open and say how it ended, or raise why that is not known."""
        if self._finish == TOLERATED_EOF:
            self._tolerate()
        reason = cut_by(self._finish)
        if not (reason or self._has_text or self._has_calls):
            raise UpstreamError(NOTHING_SAID)
        yield from self._close("incomplete" if reason else "completed")
        if error := self._refusal(reason):
            yield self._end("failed", error=error)
        elif reason:
            yield self._end("incomplete", reason=reason)
        else:
            yield self._end("completed")

    def fail(self, error: BridgeError) -> Event:
        """Say why there is no end, and list what was open."""
        return self._end("failed", error=error)

    def _tolerate(self) -> None:
        """Take the end of the stream for the end of the answer, if it ends with whole calls."""
        if not (isinstance(self._open, CallsDraft) and self._open.is_whole):
            raise UpstreamTruncated(NO_END)
        self._reply.receipt = replace(self._reply.receipt, eof_tolerated=True)

    def _begin_again(self, served: Served) -> Iterator[Event]:
        """Note who answers. Thinking of a try before that led to nothing is an item of its own."""
        if isinstance(self._open, ReasoningDraft):
            yield from self._close("completed")
            self._open = None
        self._reply.heed(served)

    def _say(self, literals: tuple[bytes, ...]) -> Iterator[Event]:
        draft = self._open
        if not isinstance(draft, MessageDraft):
            yield from self._close("completed")
            self._open = draft = MessageDraft(self._reply)
            yield from draft.begin()
            self._has_text = True
        yield draft.say(literals)

    def _think(self, literals: tuple[bytes, ...], blocks: tuple[str, ...] = ()) -> Iterator[Event]:
        if not self._shows_reasoning:
            return
        draft = self._open
        if not isinstance(draft, ReasoningDraft):
            yield from self._close("completed")
            self._open = draft = ReasoningDraft(self._reply)
            yield from draft.begin()
        yield from draft.think(literals, blocks)

    def _call(self, delta: CallDelta) -> Iterator[Event]:
        draft = self._open
        if not isinstance(draft, CallsDraft):
            yield from self._close("completed")
            self._open = draft = CallsDraft(self._reply)
        self._has_calls = True
        yield from draft.take(delta)

    def _close(self, status: str) -> Iterator[Event]:
        if self._open:
            yield from self._open.close(status)

    def _refusal(self, reason: str) -> BridgeError | None:
        """Return what a Codex client is told instead of `incomplete`, after which it would ask the
        same again (codex-facts 8)."""
        version = self._turn.codex_version
        if version and reason == "content_filter":
            return UpstreamRejected("the provider's content filter stopped this answer")
        if version and reason and version < ACCEPTS_INCOMPLETE:
            usage = self._usage
            tokens = self._turn.request.asked.max_output_tokens or (usage and usage.output_tokens)
            limit = f"output limit of {tokens} tokens" if tokens else "output limit"
            return UpstreamRejected(f"{limit} reached")
        return None

    def _end(
        self, status: Status, *, reason: str = "", error: BridgeError | None = None
    ) -> ResponseEvent:
        unfinished = self._open.unfinished() if self._open else ()
        return self._reply.end(
            status, self._usage, unfinished=unfinished, reason=reason, error=error
        )
