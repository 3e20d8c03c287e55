"""All routes of the bridge: a checked request in, a reply out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from codex_oss import __version__
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import NotFound, Refused
from codex_oss.gateway.conversations import ConversationStore, chain_of
from codex_oss.gateway.lanes import (
    Lane,
    MissionLane,
    PlainLane,
    SupportLane,
    SupportRules,
    lane_for,
    relay_lane_for,
)
from codex_oss.gateway.plain import Models, PlainTurns
from codex_oss.gateway.receipts import Log, TurnEntry, TurnLog
from codex_oss.gateway.recent_calls import RecentCalls
from codex_oss.gateway.relay import RelayedTurn, Relays, RelayTurns
from codex_oss.gateway.socket_turns import SocketTurns
from codex_oss.gateway.stored import StoredTurns
from codex_oss.gateway.turns import Manner, Served, new_turn, reply_to
from codex_oss.profiles import ModelRegistry, codex_catalog
from codex_oss.responses import (
    Body,
    Events,
    Past,
    Receipt,
    ResponseEvent,
    ResponsesRequest,
    compaction_object,
    input_tokens_object,
    parse_body,
    parse_request,
    warm,
    whole,
)
from codex_oss.server import WEBSOCKET, HttpReply, HttpRequest, Route, StreamReply

TRANSPORT_CONTRACT = "oss_responses_stream.v1"  # Of what a stream looks like (bridge 12).
ITEM_DONE = "response.output_item.done"


class Missions(Protocol):
    """The mission lane, as the routes need it."""

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: MissionLane) -> Served:
        """Admit a mission, or raise why not: nothing is refused once events are asked for."""


class Support(Protocol):
    """The support lane, as the routes need it."""

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane) -> Served: ...


class Gateway:
    """`identity` returns what `/health` says of process, source and project; `shut_down` begins
    to drain and returns at once. `missions` and `support` return what serves their lanes, which is
    asked for at the first turn of each; without `support_rules` a legacy handoff is ordinary
    text."""

    def __init__(
        self,
        *,
        registry: ModelRegistry,
        models: Models,
        relays: Relays,
        missions: Callable[[], Missions],
        log: Log,
        clock: Clock,
        identity: Callable[[], Mapping[str, object]],
        shut_down: Callable[[], None],
        stored: StoredTurns,
        manner: Manner,
        support: Callable[[], Support] | None = None,
        support_rules: SupportRules | None = None,
        speaks_websocket: bool = False,
    ) -> None:
        self._registry = registry
        self._plain = PlainTurns(models, clock, manner)
        self._relays = RelayTurns(relays, clock, manner.seal_key)
        self._missions = missions
        self._support = support
        self._support_rules = support_rules
        self._turns = TurnLog(log, clock, registry.resolve)
        self._clock = clock
        self._identity = identity
        self._shut_down = shut_down
        self._stored = stored
        self._manner = manner
        self._calls = RecentCalls(clock)
        self._speaks_websocket = speaks_websocket

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/responses", self.respond),
            Route("POST", "/responses", self.respond),
            Route("POST", "/v1/responses/compact", self.compact),
            Route("POST", "/v1/responses/input_tokens", self.count_tokens),
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
        alone, entry = Deadline(self._clock), self._turns.begin(http)
        with entry.refusing():
            body = parse_body(http.body)
            relayed = self._relayed(body, http, "/responses")
        if relayed:
            return relayed.reply(entry)
        turn, events = self._served(http, body, entry, self._stored.store, alone)
        if turn.request.background:
            return self._stored.start((turn, events), alone)
        return reply_to(turn, events, self._manner)

    def serve(self, http: HttpRequest, store: ConversationStore) -> Served:
        """Begin one turn of a WebSocket, or raise why it is refused."""
        entry = self._turns.begin(http)
        with entry.refusing():
            body = parse_body(http.body)
            if relay_lane_for(body.model, self._registry):
                raise Refused(
                    f"{body.model} is passed on to its provider, over HTTP only",
                    code="not_over_websocket",
                    hint="POST /v1/responses, or supports_websockets = false in config.toml",
                )
        return self._served(http, body, entry, store)

    def _served(
        self,
        http: HttpRequest,
        body: Body,
        entry: TurnEntry,
        store: ConversationStore,
        alone: Deadline | None = None,
    ) -> Served:
        """Begin one turn, or raise why it is refused; either way there is a line for it. A
        background turn obeys `alone`, and nobody's leaving."""
        with entry.refusing():
            request = parse_request(body, self._past(store))
            if request.background and alone:
                http = replace(http, deadline=alone)
            lane = lane_for(request, self._registry, self._support_rules)
            turn, events = self._begin(request, http, lane)
        events = self._heeding(events)
        if request.store and not request.background:
            events = self._stored.remember(turn, events)
        return turn, entry.follow(turn, lane.profile, events)

    def _relayed(self, body: Body, http: HttpRequest, path: str) -> RelayedTurn | None:
        """Return the turn of a model that speaks this API itself, at this path of its provider."""
        lane = relay_lane_for(body.model, self._registry)
        return self._relays.begin(body, http, lane, path) if lane else None

    def warm_up(self, http: HttpRequest, store: ConversationStore) -> Served:
        """Answer a request that wants no answer, without a lane and without a model."""
        request = parse_request(http.body, self._past(store), warms=True)
        return (turn := new_turn(request, Receipt(lane="plain"), http, self._clock)), warm(turn)

    def compact(self, http: HttpRequest) -> HttpReply | StreamReply:
        """Answer with one sealed summary of the history (bridge 17), or the provider's own."""
        entry = self._turns.begin(http)
        with entry.refusing():
            body = parse_body(http.body)
            relayed = self._relayed(body, http, "/responses/compact")
        if relayed:
            return relayed.reply(entry)
        with entry.refusing():
            request = parse_request(body, self._past(self._stored.store), compacts=True)
            lane = lane_for(request, self._registry)
            assert isinstance(lane, PlainLane), "what is made short is a plain turn"
            turn, events = self._plain.begin(request, http, lane)
        return HttpReply(200, compaction_object(whole(entry.follow(turn, lane.profile, events))))

    def count_tokens(self, http: HttpRequest) -> HttpReply:
        request = parse_request(http.body, self._past(self._stored.store))
        return HttpReply(200, input_tokens_object(request))

    def _past(self, store: ConversationStore) -> Past:
        """Return what a request may refer to."""
        return Past(
            key=self._manner.seal_key,
            chain=lambda response_id: chain_of(store, response_id),
            item=store.find_item,
            call=self._calls.find,
        )

    def _heeding(self, events: Iterator[Events]) -> Iterator[Events]:
        """Pass events on, and keep the calls that they tell."""
        for burst in events:
            for event in burst:
                if isinstance(event, ResponseEvent) and event.type == ITEM_DONE:
                    self._calls.heed(event)
            yield burst

    def _begin(self, request: ResponsesRequest, http: HttpRequest, lane: Lane) -> Served:
        match lane:
            case PlainLane():
                return self._plain.begin(request, http, lane)
            case MissionLane():
                return self._missions().begin(request, http, lane)
            case SupportLane():
                assert self._support, "a lane that is switched off takes no turn"
                return self._support().begin(request, http, lane)

    def list_models(self, http: HttpRequest) -> HttpReply:
        """Answer in OpenAI's form, or in that of the Codex that says its version (bridge 6)."""
        version = http.query.get("client_version", "")
        if version or http.query.get("format") == "codex":
            return HttpReply(200, {"models": codex_catalog(version, self._registry)})
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
            "transport_contract": TRANSPORT_CONTRACT,
            **self._turns.health(),
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
