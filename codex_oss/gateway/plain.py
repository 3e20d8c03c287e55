"""Serve a plain turn: translated both ways, and nothing done in between.

A request and its profile enter, the events of the provider's answer leave.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from codex_oss.chat import ChatModel
from codex_oss.deadline import Clock
from codex_oss.errors import Cancelled, UpstreamError
from codex_oss.gateway.lanes import PlainLane
from codex_oss.gateway.turns import Manner, Served, translated
from codex_oss.profiles import ModelProfile
from codex_oss.responses import ResponsesRequest, assemble
from codex_oss.server import CLIENT_LEFT, HttpRequest

Models = Callable[[ModelProfile], ChatModel]
Piece = TypeVar("Piece")


class PlainTurns:
    def __init__(self, models: Models, clock: Clock, manner: Manner) -> None:
        self._models = models
        self._clock = clock
        self._manner = manner

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: PlainLane) -> Served:
        """Translate, or raise what cannot be. The provider is asked with the second event."""
        turn, chat = translated(request, http, lane, self._clock, self._manner)
        bursts = self._models(lane.profile).stream(chat, http.deadline)
        return turn, assemble(turn, unless_left(bursts))


def unless_left(bursts: Iterable[Piece]) -> Iterator[Piece]:
    """Yield from `bursts`. A turn that was called off while its caller still waits, because the
    bridge stops, ends with an error after which Codex tries again."""
    try:
        yield from bursts
    except Cancelled as error:
        if error.message == CLIENT_LEFT:
            raise
        raise UpstreamError(error.message) from error
