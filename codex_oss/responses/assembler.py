"""The answer of a model as Responses events: bursts in, one terminal event out, last.

Whatever comes in, an error of the provider too, the events end with `response.completed`,
`incomplete` or `failed`. What was said decides how, not the provider's finish word; only words
for a cut and for a failure count (bridge 13).
"""

from collections.abc import Iterable, Iterator

from codex_oss.chat import Burst, CallDelta, Served, TextRun, Usage, literal_of
from codex_oss.errors import (
    BridgeError,
    Cancelled,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTruncated,
)
from codex_oss.responses.drafts import MESSAGE, REASONING, CallsDraft, Event, TextDraft, TextKind
from codex_oss.responses.emitter import Events, ResponseEvent
from codex_oss.responses.reply import Reply, Status, Turn

CUT = {  # Finish word: why the response is incomplete.
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",  # GLM.
}
BROKEN: dict[str, type[UpstreamError]] = {  # Finish word: what went wrong at the provider.
    "error": UpstreamError,
    "network_error": UpstreamError,  # GLM.
    "insufficient_system_resource": UpstreamOverloaded,  # DeepSeek.
}
ACCEPTS_INCOMPLETE = (0, 169, 0)  # A Codex before it tries again after a cut by length.


def assemble(turn: Turn, bursts: Iterable[Burst]) -> Iterator[Events]:
    """Yield the events of one turn, a list a burst. The first comes before the provider is asked.

    `Cancelled` goes through: nobody is there to be answered.
    """
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
    yield events


class _Answer:
    """What was said so far: items that are done, one that is open, how it ended."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._reply = Reply(turn)
        self._open: TextDraft | CallsDraft | None = None
        self._has_content = False
        self._finish = ""
        self._usage: Usage | None = None

    def begin(self) -> Iterator[Event]:
        yield from self._reply.begin()

    def take(self, burst: Burst) -> Iterator[Event]:
        for chunk in burst:
            if isinstance(chunk, TextRun):
                kind = REASONING if chunk.is_reasoning else MESSAGE
                yield from self._say(kind, chunk.literals)
                continue
            if isinstance(chunk, Served):
                continue
            if chunk.reasoning:
                yield from self._say(REASONING, (literal_of(chunk.reasoning),))
            if chunk.text:
                yield from self._say(MESSAGE, (literal_of(chunk.text),))
            for delta in chunk.calls:
                yield from self._call(delta)
            self._finish = self._finish or chunk.finish
            self._usage = chunk.usage or self._usage

    def end(self) -> Iterator[Event]:
        """Close what is open and say how it ended, or raise why that is not known."""
        if not self._finish:
            raise UpstreamTruncated("the provider's stream ended without a finish word")
        if kind := BROKEN.get(self._finish):
            raise kind(f"the provider broke off: {self._finish}")
        reason = CUT.get(self._finish, "")
        if not (reason or self._has_content):
            raise UpstreamError("the model returned nothing")
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

    def _say(self, kind: TextKind, literals: tuple[bytes, ...]) -> Iterator[Event]:
        draft = self._open
        if not (isinstance(draft, TextDraft) and draft.kind is kind):
            yield from self._close("completed")
            self._open = draft = TextDraft(self._reply, kind)
            yield from draft.begin()
        self._has_content = self._has_content or kind is MESSAGE
        yield draft.say(literals)

    def _call(self, delta: CallDelta) -> Iterator[Event]:
        draft = self._open
        if not isinstance(draft, CallsDraft):
            yield from self._close("completed")
            self._open = draft = CallsDraft(self._reply)
        self._has_content = True
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
            tokens = self._turn.request.max_output_tokens or (usage and usage.output_tokens)
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
