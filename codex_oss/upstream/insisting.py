"""Ask once more where a model says nothing: a `ChatModel` round a `ChatModel` (bridge 13).

Thinking alone is no answer, and some models think and then stop. What they thought was shown when
it came; the end of such a try is held back, and its tokens count with those of the next.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace

from codex_oss.chat import Burst, ChatChunk, ChatModel, ChatRequest, Served, TextRun, Usage
from codex_oss.deadline import Deadline
from codex_oss.upstream.content import has_content

Piece = TextRun | ChatChunk | Served

WHOLE = ("stop", "tool_calls", "function_call")
"""Words of an answer that ended by itself; after any other the same request would end the same."""


class Insisting:
    """Asks twice at most."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        first = _Try()
        for burst in self._model.stream(request, deadline):
            yield first.shown(burst)
        if first.is_answered or first.finish not in WHOLE:
            yield tuple(first.held)
            return
        for burst in self._model.stream(request, deadline):
            yield tuple(map(first.followed_by, burst))


@dataclass(slots=True)
class _Try:
    """What a try said so far. `held` is what stands behind the last of its content."""

    held: list[Piece] = field(default_factory=list)
    is_answered: bool = False
    finish: str = ""
    tries: int = 1
    told: Served | None = None  # Who serves, once that was shown.
    usage: Usage | None = None

    def shown(self, burst: Burst) -> Burst:
        """Return what can be shown already: all of it, once there is an answer."""
        if self.is_answered:
            return burst
        shown: list[Piece] = []
        for piece in (part for each in burst for part in _parts(each)):
            self._heed(piece)
            self.held.append(piece)
            if self.is_answered or has_content((piece,)):
                shown += self.held
                self.held.clear()
        self.told = next((each for each in shown if isinstance(each, Served)), self.told)
        return tuple(shown)

    def followed_by(self, piece: Piece) -> Piece:
        """Return a piece of the next try, with what this one took."""
        if isinstance(piece, Served):
            lost = () if self.told else piece.reasoning_dropped  # Counted once.
            return replace(piece, tries=self.tries + piece.tries, reasoning_dropped=lost)
        if isinstance(piece, ChatChunk) and piece.usage and self.usage:
            both = zip(astuple(self.usage), astuple(piece.usage), strict=True)
            return replace(piece, usage=Usage(*map(sum, both)))
        return piece

    def _heed(self, piece: Piece) -> None:
        if isinstance(piece, Served):
            self.tries = max(self.tries, piece.tries)
        elif isinstance(piece, TextRun):
            self.is_answered |= not piece.is_reasoning
        else:
            self.is_answered |= bool(piece.text or piece.calls)
            self.finish = self.finish or piece.finish
            self.usage = piece.usage or self.usage


def _parts(piece: Piece) -> tuple[Piece, ...]:
    """Part the end of an answer from what it says: a reply that is not streamed has both in one."""
    if not isinstance(piece, ChatChunk) or not (piece.finish or piece.usage):
        return (piece,)
    end = ChatChunk(finish=piece.finish, usage=piece.usage)
    rest = replace(piece, finish="", usage=None)
    return (end,) if rest == ChatChunk() else (rest, end)
