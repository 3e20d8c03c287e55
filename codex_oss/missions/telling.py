"""Tell a run to whoever waits for it, and keep how far each of its sentences got.

A run enters; leave the sentences that are shown of it, each with its text, as they come true. That
one got out is known when the next is asked for: whoever writes it to a client has done so by then.
The log learns of it in a few events, not in one for each (event-log 3.3, missions 13).
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from codex_oss.deadline import Clock
from codex_oss.record import CommentaryDelivered, Event, Sentence, commentary_for, shown_live

TOLD_EVERY_SECONDS = 10.0


class Delivery:
    """What of a run's sentences got to its consumer since the log was last told of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due = clock.monotonic() + TOLD_EVERY_SECONDS
        self._emitted: list[int] = []
        self._begun = 0

    def begin(self, seq: int) -> None:
        """Hand the sentence of an event on."""
        self._begun = seq

    def arrive(self) -> None:
        """Know that it was taken."""
        self._emitted.append(self._begun)
        self._begun = 0

    @property
    def is_due(self) -> bool:
        return bool(self._emitted) and self._clock.monotonic() >= self._due

    def facts(self, *, is_last: bool = False) -> Iterator[CommentaryDelivered]:
        """Yield what the log was not told yet. What is under way when nobody is left to take it
        has failed."""
        self._due = self._clock.monotonic() + TOLD_EVERY_SECONDS
        if self._emitted:
            seqs, self._emitted = tuple(self._emitted), []
            yield CommentaryDelivered(seqs[0], seqs[-1], "sse_emitted", len(seqs), 0, "", seqs)
        if is_last and self._begun:
            seq, self._begun = self._begun, 0
            yield CommentaryDelivered(seq, seq, "failed", 0, 1, "client_left", (seq,))


class Told(Protocol):
    """A run as those see it who tell it."""

    @property
    def delivery(self) -> Delivery: ...

    def events(self) -> Generator[Event, None, None]: ...


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """How much of a mission is told (settings: OSS_VISIBLE_TRACE and its kin)."""

    mode: str = "summary"
    events_max: int = 40
    characters_max: int = 500


def telling(
    run: Told, style: TraceStyle, heed: Callable[[Event], object] = lambda event: None
) -> Generator[tuple[Sentence, str], None, None]:
    """Yield what is shown of a run. `heed` gets every event, before its sentence."""
    with closing(run.events()) as events:
        for sentence, text in shown_live(_sentences(events, heed), style.mode, style.events_max):
            run.delivery.begin(sentence.seq)
            yield sentence, text[: style.characters_max]
            run.delivery.arrive()


def _sentences(events: Iterator[Event], heed: Callable[[Event], object]) -> Iterator[Sentence]:
    for event in events:
        heed(event)
        if sentence := commentary_for(event):
            yield sentence
