"""Lead all that a model says through sieves, delta by delta, that take markup out of it.

A sieve decides what a text means. Here is the rest: a delta stays a delta, literals that do not
concern a sieve are passed on unparsed, and what one holds back is said before the call, the finish
word or the failure that comes behind it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from codex_oss.chat.dialect import Dialect
from codex_oss.chat.literals import text_of
from codex_oss.chat.messages import Burst, ChatChunk, FunctionTool, Served, TextRun
from codex_oss.chat.salvage import Salvager
from codex_oss.chat.thinking import ThinkSplitter


class Sieve(Protocol):
    """Takes texts in their order and says what there is to say instead."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing that may still come concerns it."""

    def kind_of(self, raw: bytes, is_reasoning: bool) -> bool | None:
        """Return whether literals are reasoning, if they may be passed on as they are. `raw` is all
        of them, joined."""

    def take(self, text: str, is_reasoning: bool) -> Iterable[ChatChunk]:
        """Take one delta."""

    def end(self) -> Iterable[ChatChunk]:
        """The answer ends: return what was held back."""

    def give_up(self) -> Iterable[ChatChunk]:
        """A real call comes, or the answer breaks off: return what was held back, as it came."""


def sieves_of(dialect: Dialect, tools: Sequence[FunctionTool]) -> tuple[Sieve, ...]:
    """Return what an answer in this dialect is led through, in this order."""
    sieves: list[Sieve] = []
    if dialect.think_tags or dialect.think_open or dialect.strays_think_end:
        sieves.append(ThinkSplitter(dialect))
    if dialect.salvage and tools:
        sieves.append(Salvager(dialect.salvage, tools))
    return tuple(sieves)


def sieved(burst: Burst, sieve: Sieve, *, is_broken: bool) -> Burst:
    """Return what a sieve makes of a burst; `is_broken`: of the last one before a failure."""
    if sieve.is_idle:
        return burst
    said = [each for piece in burst for each in _pieces(piece, sieve)]
    return (*said, *sieve.give_up()) if is_broken else tuple(said)


def _pieces(
    piece: TextRun | ChatChunk | Served, sieve: Sieve
) -> Iterator[TextRun | ChatChunk | Served]:
    if isinstance(piece, Served) or sieve.is_idle:
        yield piece
        return
    if isinstance(piece, ChatChunk):
        yield from _of_chunk(piece, sieve)
        return
    kind = sieve.kind_of(b"".join(piece.literals), piece.is_reasoning)
    if kind is not None:
        yield piece if kind is piece.is_reasoning else TextRun(piece.literals, kind)
        return
    for literal in piece.literals:
        yield from sieve.take(text_of((literal,)), piece.is_reasoning)


def _of_chunk(chunk: ChatChunk, sieve: Sieve) -> Iterator[ChatChunk]:
    if chunk.reasoning:
        yield from sieve.take(chunk.reasoning, True)
    if chunk.text:
        yield from sieve.take(chunk.text, False)
    if chunk.calls:
        yield from sieve.give_up()
    if chunk.finish:
        yield from sieve.end()
    rest = replace(chunk, text="", reasoning="")
    if rest != ChatChunk():
        yield rest
