"""All routes of the bridge: a checked request in, a reply out.

What is not built in this version says so with 501, on its own path, so that nobody takes a missing
route for a wrong address.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from codex_oss import __version__
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, NotFound, NotSupported
from codex_oss.gateway.continuation import Asked, continued, resolve
from codex_oss.gateway.lanes import Lane, MissionLane, PlainLane, lane_for
from codex_oss.gateway.plain import Models, PlainTurns
from codex_oss.gateway.receipts import Log, TurnLog
from codex_oss.gateway.socket_turns import SocketTurns
from codex_oss.gateway.stored import StoredTurns
from codex_oss.gateway.turns import Served, new_turn, reply_to
from codex_oss.profiles import ModelRegistry
from codex_oss.responses import Receipt, ResponsesRequest, parse_request, warm
from codex_oss.server import WEBSOCKET, Handler, HttpReply, HttpRequest, Route, StreamReply

NOT_BUILT = (  # Method, pattern, what is not offered.
    ("POST", "/v1/responses/compact", "compaction is"),
    ("POST", "/v1/responses/input_tokens", "counting tokens is"),
)


class Missions(Protocol):
    """The mission lane, as the routes need it."""

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: MissionLane) -> Served:
        """Admit a mission, or raise why not: nothing is refused once events are asked for."""


class Gateway:
    """`identity` returns what `/health` says of process, source and project; `shut_down` begins
    to drain and returns at once."""

    def __init__(
        self,
        *,
        registry: ModelRegistry,
        models: Models,
        missions: Missions,
        log: Log,
        clock: Clock,
        identity: Callable[[], Mapping[str, object]],
        shut_down: Callable[[], None],
        stored: StoredTurns,
        speaks_websocket: bool = False,
    ) -> None:
        self._registry = registry
        self._plain = PlainTurns(models, clock)
        self._missions = missions
        self._turns = TurnLog(log, clock)
        self._clock = clock
        self._identity = identity
        self._shut_down = shut_down
        self._stored = stored
        self._speaks_websocket = speaks_websocket

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/responses", self.respond),
            Route("POST", "/responses", self.respond),
            *(Route(method, path, _not_built(what)) for method, path, what in NOT_BUILT),
            Route("GET", "/v1/responses/{id}", self._stored.show),
            Route("DELETE", "/v1/responses/{id}", self._stored.delete),
            Route("GET", "/v1/responses/{id}/input_items", self._stored.input_items),
            Route("POST", "/v1/responses/{id}/cancel", self._stored.cancel),
            *self._sockets(),
            Route("GET", "/v1/models", self.list_models),
            Route("GET", "/models", self.list_models),
            Route("GET", "/v1/models/{name*}", self.show_model),
            Route("GET", "/health", self.show_health),
            Route("GET", "/v1/health", self.show_health),
            Route("POST", "/admin/shutdown", self.shut_down),
            Route("POST", "/v1/chat/completions", _chat_is_not_spoken),
        )

    def _sockets(self) -> tuple[Route, ...]:
        if not self._speaks_websocket:
            return ()
        turns = SocketTurns(self.serve, self.warm_up, self._stored.store)
        return (Route(WEBSOCKET, "/v1/responses", turns.agree),)

    def respond(self, http: HttpRequest) -> HttpReply | StreamReply:
        """Serve one turn. All that can be refused is refused before the first byte of a stream."""
        asked = resolve(http.body, self._stored.store)
        if asked.is_background:
            http = replace(http, deadline=Deadline(self._clock))
            return self._stored.start(asked, self.serve(http, asked), http.deadline)
        turn, events = self.serve(http, asked)
        return reply_to(turn, events)

    def serve(self, http: HttpRequest, asked: Asked) -> Served:
        """Begin one turn, or raise why it is refused; either way there is a line for it."""
        entry = self._turns.begin(http)
        try:
            request = continued(parse_request(asked.body), asked)
            lane = lane_for(request, self._registry)
            turn, events = self._begin(request, http, lane)
        except BridgeError as error:
            entry.refuse(error)
            raise
        events = entry.follow(turn, lane.profile, events)
        if request.store and not asked.is_background:
            events = self._stored.remember(asked, turn, events)
        return turn, events

    def warm_up(self, http: HttpRequest, asked: Asked) -> Served:
        """Answer a request that wants no answer, without a lane and without a model."""
        request = continued(parse_request(asked.body), asked)
        turn = new_turn(request, Receipt(lane="plain"), http, self._clock)
        return turn, warm(turn)

    def _begin(self, request: ResponsesRequest, http: HttpRequest, lane: Lane) -> Served:
        match lane:
            case PlainLane(profile):
                return self._plain.begin(request, http, profile)
            case MissionLane():
                return self._missions.begin(request, http, lane)

    def list_models(self, http: HttpRequest) -> HttpReply:
        """Answer in OpenAI's form, whatever form is asked for: Codex then goes on without our
        catalogue."""
        models = [self._model(name) for name in self._registry.names()]
        return HttpReply(200, {"object": "list", "data": models})

    def show_model(self, http: HttpRequest) -> HttpReply:
        name = http.params["name"]
        if name not in self._registry.names():
            raise NotFound(f"there is no model {name}", hint="GET /v1/models lists all of them")
        return HttpReply(200, self._model(name))

    def _model(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": 0, "owned_by": "opencode-bridge"}

    def show_health(self, http: HttpRequest) -> HttpReply:
        own: dict[str, object] = {
            "ok": True,
            "service": "opencode-bridge",
            "bridge_version": __version__,
            "time": self._clock.now().isoformat("T", "seconds"),
            "model_aliases": list(self._registry.names()),
            "counters": self._turns.counters(),
        }
        return HttpReply(200, {**own, **self._identity()})

    def shut_down(self, http: HttpRequest) -> HttpReply:
        self._shut_down()
        return HttpReply(202, {"ok": True, "state": "draining"})


def _chat_is_not_spoken(http: HttpRequest) -> HttpReply:
    raise NotFound(
        "this server speaks the Responses API only, not Chat Completions",
        code="unknown_url",
        hint="POST /v1/responses",
    )


def _not_built(what: str) -> Handler:
    def answer(http: HttpRequest) -> HttpReply:
        raise NotSupported(f"{what} not offered by this version of the bridge")

    return answer
