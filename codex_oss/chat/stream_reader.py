"""One answer of a provider, read as it comes: bytes in, `Burst`s out.

What a payload means is a wire's: a subclass says it. Here is what holds for all: payloads of one
read are one burst, a run of chunks that fit a learned frame is a `TextRun`, halves of surrogate
pairs are joined, a dialect's sieves see all that was said, and a failure is raised only after
everything that came before it was returned. An answer ends with a finish word or the wire's last
payload; any other end is an `UpstreamTruncated`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from codex_oss.chat.calls import CallGatherer, json_object
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.frames import UNKNOWN, frame_of, key_pattern
from codex_oss.chat.literals import SurrogateJoiner, mended
from codex_oss.chat.messages import (
    TOLERATED_EOF,
    Burst,
    ChatChunk,
    FunctionTool,
    TextRun,
)
from codex_oss.chat.payloads import is_cut
from codex_oss.chat.sieve import Sieve, sieved, sieves_of
from codex_oss.chat.sse import SseDecoder
from codex_oss.errors import UpstreamError, UpstreamTruncated

RUNS_MAX = 3  # Reasoning, text, and one more: where chunks change often, each is read by itself.
LAST_PAYLOADS = 4  # Finish word, usage, the mark of the end, and one to spare.


class StreamReader(ABC):
    """`feed` until the bytes end or it `is_over`, then `finish`."""

    keys: tuple[str, ...]
    """Under which a payload has its text or its reasoning."""

    def __init__(self, dialect: Dialect, tools: Sequence[FunctionTool]) -> None:
        self.is_over = False
        self._sse = SseDecoder()
        self._frame = UNKNOWN
        self._key = key_pattern(*self.keys)
        self._text, self._reasoning = SurrogateJoiner(), SurrogateJoiner()
        self._has_finish_word = False
        self._failure: UpstreamError | None = None
        self._sieves: tuple[Sieve, ...] = sieves_of(dialect, tools)
        self._called = CallGatherer() if dialect.eof_ok else None

    def feed(self, data: bytes) -> Burst:
        """Return what these bytes complete."""
        self._raise_failure()
        return self._burst(self._sse.feed(data))

    def finish(self) -> Burst:
        """Return what the end of the stream completes, or raise if it is no end."""
        rest = self._sse.finish()
        if not self.is_over and any(map(is_cut, rest)):
            raise UpstreamTruncated("the provider's stream was cut inside a chunk")
        burst = self._burst(rest)
        self._raise_failure()
        if self.is_over or self._has_finish_word:
            return burst
        if not self._has_only_whole_calls():
            raise UpstreamTruncated("the provider's stream ended without a finish word")
        return (*burst, *self._sieved((ChatChunk(finish=TOLERATED_EOF),)))

    def read_whole(self, body: bytes) -> Burst:
        """Return what a reply that was not streamed says, or raise the provider's error."""
        chunk = self._whole(body)
        text, reasoning = mended(chunk.text), mended(chunk.reasoning)
        finish = chunk.finish or "stop"
        return self._sieved((replace(chunk, text=text, reasoning=reasoning, finish=finish),))

    @abstractmethod
    def _read(self, payload: bytes) -> ChatChunk:
        """Return what a payload says, or raise the provider's error. The last one sets `is_over`.
        Text may begin or end with half of a surrogate pair."""

    @abstractmethod
    def _plain(self, payload: bytes) -> ChatChunk:
        """Return what a payload of text or reasoning says, and remember nothing of it."""

    @abstractmethod
    def _whole(self, body: bytes) -> ChatChunk:
        """Return what a whole reply says."""

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    def _has_only_whole_calls(self) -> bool:
        calls = self._called.calls if self._called else ()
        return bool(calls) and all(json_object(call.arguments) is not None for call in calls)

    def _burst(self, payloads: list[bytes]) -> Burst:
        burst: list[TextRun | ChatChunk] = []
        run: list[bytes] = []
        is_reasoning = self._frame.is_reasoning
        at, end = 0, 0 if self.is_over else len(payloads)
        tries_left = RUNS_MAX
        while at < end and not self.is_over:
            if literals := self._known(payloads[at:end] if tries_left else payloads[at : at + 1]):
                tries_left -= bool(tries_left)
                run += literals
                at += len(literals)
                continue
            try:
                piece = self._parsed(payloads[at])
            except UpstreamError as failure:
                self.is_over, self._failure = True, failure
                break
            at += 1
            if run and not (isinstance(piece, bytes) and is_reasoning is self._frame.is_reasoning):
                burst.append(TextRun(tuple(run), is_reasoning))
                run = []
            if isinstance(piece, bytes):
                is_reasoning = self._frame.is_reasoning
                run.append(piece)
            else:
                burst.append(piece)
        if run:
            burst.append(TextRun(tuple(run), is_reasoning))
        return self._sieved(tuple(burst)) if self._sieves else tuple(burst)

    def _known(self, payloads: list[bytes]) -> list[bytes]:
        """Return the literals of the first of these payloads that differ from an earlier one in
        their text only: of all but a few at the end, if that holds for all."""
        frame = self._frame
        first = frame.literal(payloads[0])
        if first is None:
            return []
        end = len(payloads)
        last = max(1, end - LAST_PAYLOADS)
        while end > last and not frame.fits(payloads[end - 1]):
            end -= 1
        return (frame.literals(payloads[:end]) if end > 1 else []) or [first]

    def _sieved(self, burst: Burst) -> Burst:
        for sieve in self._sieves:
            burst = sieved(burst, sieve, is_broken=self._failure is not None)
        return burst

    def _parsed(self, payload: bytes) -> bytes | ChatChunk:
        chunk = self._read(payload)
        if not (self._text.held or self._reasoning.held):
            learned = frame_of(payload, chunk, self._key, self._plain)
            if learned:
                self._frame, literal = learned
                return literal
        return self._joined(chunk)

    def _joined(self, chunk: ChatChunk) -> ChatChunk:
        self._has_finish_word = self._has_finish_word or bool(chunk.finish)
        if self._called:
            for delta in chunk.calls:
                self._called.take(delta)
        ends_text = bool(chunk.calls or chunk.finish or self.is_over)
        text = self._text.take(chunk.text, is_last=ends_text)
        reasoning = self._reasoning.take(chunk.reasoning, is_last=ends_text or bool(text))
        if self._text.held or self._reasoning.held:
            self._frame = UNKNOWN  # The other half must be joined, and so be parsed.
        if (text, reasoning) == (chunk.text, chunk.reasoning):
            return chunk
        return replace(chunk, text=text, reasoning=reasoning)
