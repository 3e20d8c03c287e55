"""The routes of the bridge on a real listener, in front of a scripted provider.

with ScriptedProvider() as provider, gateway(provider) as bridge:
    bridge.client.turn({"model": "scripted", "input": "hi"}).json
    bridge.lines[-1]["outcome"]            # The log line of that turn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from codex_oss.chat import ChatModel
from codex_oss.errors import Refused
from codex_oss.gateway import (
    ConversationStore,
    Gateway,
    Manner,
    MemoryConversations,
    MissionLane,
    Served,
    StoredTurns,
)
from codex_oss.profiles import ModelProfile, ModelRegistry, Prices, Provider, WireName
from codex_oss.responses import ResponsesRequest
from codex_oss.server import HttpRequest, Limits
from codex_oss.system import SystemClock
from codex_oss.upstream import (
    Breaker,
    Caller,
    HttpChatModel,
    HttpRelay,
    Lessons,
    Slots,
    Starting,
    TransportLimits,
    Tries,
    WaitingRoom,
)
from support import served as listening
from support.clients import Client, Event
from support.providers import ScriptedProvider

HEARTBEAT_SECONDS = 0.15
LIMITS = TransportLimits(connect=2, first_byte=5, idle=5, whole=30)


HELLO = {"model": "scripted", "input": "Say hello.", "stream": True}
WHOLE = {**HELLO, "stream": False}
TERMINALS = {"response.completed", "response.failed", "response.incomplete"}


class NoMissions:
    """Where the mission lane is not the subject: it says which lane came."""

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: MissionLane) -> Served:
        raise Refused(f"mission {lane.tier} {lane.profile.name}", code="mission_lane")


@dataclass
class Running:
    server: listening.Served
    lines: list[dict] = field(default_factory=list)
    """What the gateway logged, a line a turn."""

    @property
    def client(self) -> Client:
        return self.server.client

    def codex(self, version: str = "0.169.0", **headers: str) -> Client:
        """Return a caller that says it is Codex."""
        agent = {"User-Agent": f"codex_exec/{version} (Linux)", "originator": "codex_exec"}
        return Client(self.server.port, listening.KEY, **agent, **headers)


def scripted_profile(base_url: str, key_env: str = "") -> ModelProfile:
    return ModelProfile(
        name="scripted",
        upstream_model="acme/scripted-1",
        provider=Provider("acme", base_url, key_env),
        context_window=128_000,
        max_output_tokens=8_192,
        prices=Prices(1_000_000, 2_000_000),
    )


@contextmanager
def gateway(
    provider: ScriptedProvider,
    *,
    limits: TransportLimits = LIMITS,
    begin_seconds: float = 10,
    slots: Slots | None = None,
    key_env: str = "",
    key: str = "",
    model: ChatModel | None = None,
    store: ConversationStore | None = None,
    speaks_websocket: bool = False,
    wire: WireName = "chat",
    provider_name: str = "acme",
) -> Iterator[Running]:
    """Serve `provider`, or `model` in its place."""
    clock, shared, lines = SystemClock(), slots or Slots(64, WaitingRoom(64)), []
    profile = replace(
        scripted_profile(provider.base_url, key_env),
        wire=wire,
        provider=Provider(provider_name, provider.base_url, key_env),
    )

    def caller(wanted: ModelProfile) -> Caller:
        return Caller(
            wanted,
            key,
            limits=limits,
            slots=(shared,),
            redact=lambda text: text.replace("sk-secret", "[redacted]"),
            clock=clock,
        )

    def choose(wanted: ModelProfile) -> ChatModel:
        provided = HttpChatModel(wanted, caller(wanted), Lessons())
        return model or Starting(provided, begin_seconds)

    def relay(wanted: ModelProfile) -> HttpRelay:
        return HttpRelay(
            wanted,
            caller(wanted),
            tries=Tries(2, clock, lambda: -3.0),  # A quarter of the wait.
            breaker=Breaker(errors_max=1_000, cooldown_seconds=1, clock=clock),
            begin_seconds_max=begin_seconds,
        )

    routes = Gateway(
        registry=ModelRegistry((profile,), {}, profile.provider),
        models=choose,
        relays=relay,
        missions=NoMissions,
        log=lines.append,
        clock=clock,
        identity=lambda: {"pid": 1},
        speaks_websocket=speaks_websocket,
        manner=Manner(seal_key=b"k" * 32),
        stored=StoredTurns(store or MemoryConversations(), 2, lines.append),
        shut_down=lambda: running.server.listener.drain(0.2),
    ).routes()
    http = Limits(heartbeat_seconds=HEARTBEAT_SECONDS)
    with listening.served(*routes, limits=http) as server:
        running = Running(server, lines)
        yield running


def end_of(events: list[Event]) -> dict:
    """Return the response in the one terminal event, after which only [DONE] came."""
    terminals = [event for event in events if event.type in TERMINALS]
    assert len(terminals) == 1, terminals
    assert [event.data for event in events][-1] == "[DONE]" and events[-2] == terminals[0]
    numbers = [event.data["sequence_number"] for event in events[:-1]]
    assert numbers == list(range(len(numbers))), numbers
    return terminals[0].data["response"]
