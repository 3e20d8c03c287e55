"""Serve a turn by passing it on to a provider that speaks the Responses API itself.

The body as the caller sent it enters, the provider's reply leaves as it comes, an event at a time.
Nothing of it is kept here: its ids are the provider's, who knows what they mean (bridge 5).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from codex_oss.chat import Served, to_json
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, Cancelled, UpstreamTruncated
from codex_oss.gateway.counters import Line
from codex_oss.gateway.lanes import RelayLane
from codex_oss.gateway.plain import unless_left
from codex_oss.gateway.receipts import TurnEntry, ending_of, facts_of
from codex_oss.gateway.relayed_events import NOTHING, Json, RelayedEvents, json_object
from codex_oss.gateway.turns import TurnEncoder, client_version, new_turn
from codex_oss.profiles import OPENAI, ModelProfile
from codex_oss.responses import Body, Receipt, assemble, failure, parse_request, relayed_body
from codex_oss.server import HttpReply, HttpRequest, StreamReply
from codex_oss.upstream import RelayRequest

GOES_ON = (
    "openai-beta originator user-agent x-client-request-id"
    " session-id thread-id session_id thread_id".split()  # The last two: Codex before 0.140.
)
KEEPALIVE = b'event: keepalive\ndata: {"type":"keepalive"}\n\n'
TO_OPENAI_ONLY = "x-codex-turn-metadata"  # It tells of the caller's folders.


class Relay(Protocol):
    """A provider of the same API, as this lane needs it."""

    def reads(self, request: RelayRequest, deadline: Deadline) -> Iterator[Served | bytes]:
        """Yield who serves, then the body of a good reply as it comes, or raise what was said."""


Relays = Callable[[ModelProfile], Relay]


class RelayTurns:
    """`key` opens our own envelopes, which the provider cannot read."""

    def __init__(self, relays: Relays, clock: Clock, key: bytes) -> None:
        self._relays = relays
        self._clock = clock
        self._key = key

    def begin(self, body: Body, http: HttpRequest, lane: RelayLane, path: str) -> "RelayedTurn":
        """Return the turn at this path of the provider, or raise what cannot be passed on."""
        profile = lane.profile
        sent, dropped = relayed_body(body, profile.upstream_model, self._key)
        receipt = replace(lane.receipt, dropped=dropped)
        headers, is_streamed = _headers(http.headers, profile), body.values.get("stream") is True
        request = RelayRequest(path, headers, sent, is_streamed)
        reads = self._relays(profile).reads(request, http.deadline)
        return RelayedTurn(body, http, profile, receipt, reads, self._clock)


class RelayedTurn:
    """One turn, while its reply passes: itself the encoder of its events, which are bytes."""

    def __init__(
        self,
        body: Body,
        http: HttpRequest,
        profile: ModelProfile,
        receipt: Receipt,
        reads: Iterator[Served | bytes],
        clock: Clock,
    ) -> None:
        self._asked = body.values
        self._is_streamed = body.values.get("stream") is True
        self._http = http
        self._profile = profile
        self._receipt = receipt
        self._reads = reads
        self._clock = clock
        self._events = RelayedEvents()
        self._end: Json = NOTHING
        self._error: BridgeError | None = None

    def reply(self, entry: TurnEntry) -> HttpReply | StreamReply:
        """Return the provider's reply, which `entry` follows to its end."""
        headers = {"x-oss-lane": self._receipt.lane}
        passing = self._stream() if self._is_streamed else self._whole()
        watched = entry.watch(passing, self._facts, is_streamed=self._is_streamed)
        if self._is_streamed:
            return StreamReply(self, watched, headers)
        headers["x-oss-upstream-model"] = self._receipt.upstream_model
        return HttpReply(200, b"".join(data for burst in watched for data in burst), headers)

    def encode(self, events: list[bytes]) -> bytes:
        return b"".join(events)

    def beat(self) -> bytes:
        """Return a comment, and for Codex, whom that does not keep waiting (codex-facts 7), an
        event of a type that nobody reads: none of ours fits between the provider's numbers."""
        if self._events.end:
            return b""
        return KEEPALIVE if client_version(self._http) else b": waiting\n\n"

    def fail(self, error: BridgeError) -> bytes:
        """Return the end of a stream that has none."""
        if self._events.end:
            return b""
        if not self._events.begun:
            return self._never_begun(error)
        for_codex = client_version(self._http) is not None
        told = {"status": "failed", "error": failure(error, for_codex=for_codex)}
        event = {
            "type": "response.failed",
            "sequence_number": self._events.count,
            "response": {**self._events.begun, **told, "oss_receipt": self._receipt.to_json()},
        }
        return f"event: response.failed\ndata: {to_json(event)}\n\ndata: [DONE]\n\n".encode()

    def _never_begun(self, error: BridgeError) -> bytes:
        """Return a whole stream of ours, which says nothing but that it failed."""
        request = parse_request(Body({"model": self._asked["model"], "input": "-"}))
        turn = new_turn(request, self._receipt, self._http, self._clock)
        encoder = TurnEncoder(turn)
        return encoder.encode(next(assemble(turn, ()))) + encoder.fail(error)

    def _stream(self) -> Iterator[list[bytes]]:
        """Yield whole events, the last of which is an end, whatever happens."""
        try:
            for data in self._body():
                if whole := self._events.feed(data):
                    yield [whole]
                    self._end = self._events.end  # Taken, once the next is asked for.
            raise UpstreamTruncated("the provider's stream ended without a last event")
        except Cancelled:
            raise
        except BridgeError as error:
            if not self._end:
                self._error = error
                yield [self.fail(error)]

    def _whole(self) -> Iterator[list[bytes]]:
        try:
            body = b"".join(self._body())
        except BridgeError as error:
            self._error = error
            raise
        self._end = json_object(body)
        yield [body]

    def _body(self) -> Iterator[bytes]:
        for piece in unless_left(self._reads):
            if isinstance(piece, Served):
                self._receipt = self._receipt.merge(piece)
            else:
                yield piece

    def _facts(self) -> Line:
        """Return what the log says of it, once it is over."""
        items, tools = self._asked.get("input"), self._asked.get("tools")
        facts = facts_of(
            self._receipt,
            stream=self._is_streamed,
            items=len(items) if isinstance(items, list) else 1,
            tools=len(tools) if isinstance(tools, list) else 0,
        )
        if not (self._end or self._error) or isinstance(self._error, Cancelled):
            return facts
        return facts | ending_of(self._end, self._error, self._profile)


def _headers(theirs: Mapping[str, str], profile: ModelProfile) -> dict[str, str]:
    names = [*GOES_ON, TO_OPENAI_ONLY] if profile.provider.name == OPENAI.name else GOES_ON
    told = ((name, theirs[name]) for name in names if name in theirs)
    return {name: value for name, value in told if value.isascii() and value.isprintable()}
