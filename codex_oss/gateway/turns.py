"""Begin a turn and put its events into a reply: what every lane shares.

A lane hands back a `Served`, who asked and the events of the answer; a whole reply or a stream
leaves, the same events either way.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from codex_oss.chat import ChatRequest
from codex_oss.deadline import Clock
from codex_oss.gateway.lanes import PlainLane, SupportLane
from codex_oss.responses import (
    Encoder,
    Events,
    Receipt,
    ResponsesRequest,
    Style,
    Turn,
    codex_version,
    to_chat_request,
    whole,
)
from codex_oss.server import HttpReply, HttpRequest, StreamReply
from codex_oss.system import new_id

COMMENT = b": heartbeat\n\n"

Served = tuple[Turn, Iterator[Events]]
"""The turn, and its events as they come true: nothing is asked of a model before the first."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How this bridge answers: what its settings say of style, and what it seals with."""

    seal_key: bytes = b""
    style: Style = Style()
    strips_tools: bool = False
    one_call: bool = False
    comments: bool = False  # Beside signs of life: for what counts bytes, not events.


def new_turn(
    request: ResponsesRequest,
    receipt: Receipt,
    http: HttpRequest,
    clock: Clock,
    manner: Manner = Manner(),
    family: str = "",
) -> Turn:
    return Turn(
        request,
        receipt,
        response_id=f"resp_{new_id(32)}",
        now=lambda: int(clock.now().timestamp()),
        codex_version=client_version(http),
        family=family,
        seal_key=manner.seal_key,
        style=manner.style,
    )


def translated(
    request: ResponsesRequest,
    http: HttpRequest,
    lane: PlainLane | SupportLane,
    clock: Clock,
    manner: Manner,
    *,
    strips_tools: bool = False,
) -> tuple[Turn, ChatRequest]:
    """Return a raw model's turn and what it is asked, or raise what cannot be translated."""
    profile = lane.profile
    chat, receipt = to_chat_request(
        request,
        profile.dialect,
        strips_tools=strips_tools or manner.strips_tools,
        one_call=manner.one_call,
        receipt=lane.receipt,
    )
    return new_turn(request, receipt, http, clock, manner, profile.family), chat


def client_version(http: HttpRequest) -> tuple[int, ...] | None:
    """Return which Codex asks, or `None` for another client."""
    return codex_version(http.headers.get("originator", ""), http.headers.get("user-agent", ""))


def reply_to(turn: Turn, events: Iterator[Events], manner: Manner) -> HttpReply | StreamReply:
    """Return the stream of these events, or their fold. A whole reply that failed raises why."""
    headers = {"x-oss-lane": turn.receipt.lane}
    if turn.request.stream:
        return StreamReply(TurnEncoder(turn, comments=manner.comments), events, headers)
    answer = whole(events)
    receipt = answer["oss_receipt"]
    if isinstance(receipt, dict) and (served := receipt.get("upstream_model")):
        headers["x-oss-upstream-model"] = served
    return HttpReply(200, answer, headers)


class TurnEncoder:
    """The encoder of one turn, which knows for whom it ends one that broke off."""

    def __init__(self, turn: Turn, *, comments: bool = False) -> None:
        encoder = Encoder()
        self.encode = encoder.encode
        self.beat = partial(_commented, encoder.beat) if comments else encoder.beat
        self.fail = partial(encoder.fail, for_codex=turn.codex_version is not None)


def _commented(beat: Callable[[], bytes]) -> bytes:
    """Return a sign of life behind a comment, or nothing where none may stand."""
    sign = beat()
    return COMMENT + sign if sign else sign
