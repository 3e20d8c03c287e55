"""Cut what came in one piece into the deltas that a stream would have had.

A burst of whole texts and calls enters, the same burst in pieces leaves: joined they are equal to
the character.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from codex_oss.chat import Burst, CallDelta, ChatChunk, TextRun, literal_of


@dataclass(frozen=True, slots=True)
class PieceSizes:
    """Characters of a delta: `SSE_CHUNK_SIZE` and `SSE_FUNCTION_ARGS_CHUNK_SIZE`."""

    text: int = 256
    arguments: int = 1024


SIZES = PieceSizes()


def in_pieces(burst: Burst, sizes: PieceSizes) -> Burst:
    """Return what a provider said at once, as deltas."""
    return tuple(
        piece
        for whole in burst
        for piece in (_cut(whole, sizes) if isinstance(whole, ChatChunk) else (whole,))
    )


def _cut(whole: ChatChunk, sizes: PieceSizes) -> Iterator[TextRun | ChatChunk]:
    """Yield reasoning, text and calls in the order of a stream, and last all that is no text."""
    if whole.reasoning:
        yield TextRun(_literals(whole.reasoning, sizes.text), is_reasoning=True)
    if whole.reasoning_blocks:
        yield ChatChunk(reasoning_blocks=whole.reasoning_blocks)
    if whole.text:
        yield TextRun(_literals(whole.text, sizes.text))
    for index, call in enumerate(whole.calls):
        first, *others = _pieces(call.arguments, sizes.arguments) or [""]
        yield ChatChunk(calls=(replace(call, index=index, arguments=first),))
        for arguments in others:
            yield ChatChunk(calls=(CallDelta(index, arguments=arguments),))
    yield replace(whole, text="", reasoning="", calls=(), reasoning_blocks=())


def _literals(text: str, size: int) -> tuple[bytes, ...]:
    return tuple(map(literal_of, _pieces(text, size)))


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
