"""Every model of a process: what stands between a turn and its provider, outermost first.

A plain turn meets `Starting` (its time to begin), `FallingBack`, then for each model of the chain
`Retrying`, `Breaking`, and the provider with its slots. A mission asks one model: its tries are
events of its own, and whoever may stand in for it is the mission's to decide. What is relayed has
no chain: another model would not read it.
`Insisting`, `Retrying`, `Breaking`, and the provider with its slots. A mission asks one model: its
tries are events of its own, and whoever may stand in for it is the mission's to decide.
"""

from collections.abc import Callable
from functools import partial

from codex_oss.chat import ChatModel
from codex_oss.deadline import Clock
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.redaction import Redactor
from codex_oss.settings import Settings
from codex_oss.system import random_bytes
from codex_oss.upstream import (
    Breaker,
    Breaking,
    Caller,
    Choice,
    FallingBack,
    HttpChatModel,
    HttpRelay,
    IdleConnections,
    Insisting,
    Lessons,
    PieceSizes,
    Retrying,
    Slots,
    Starting,
    Transport,
    TransportLimits,
    Tries,
    WaitingRoom,
    WireMemory,
    parse_endpoint,
    proxy_for,
)

REHEARSAL = "rehearsal"
BREAKERS_MAX = 1_000  # Whoever asks may make names up: of a provider's models we list but some.

Models = Callable[[ModelProfile], ChatModel]


class ModelShop:
    """Makes the models of profiles; breakers, slots and lessons are shared by all calls."""

    def __init__(
        self, settings: Settings, registry: ModelRegistry, redactor: Redactor, clock: Clock
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._redactor = redactor
        self._clock = clock
        self._room = WaitingRoom(settings.upstream_queue_max)
        self._everybody = Slots(settings.max_global_upstream_concurrency, self._room)
        self._slots: dict[str, Slots] = {}
        self._breakers: dict[str, Breaker] = {}
        self._transports: dict[str, Transport] = {}
        self._lessons = Lessons()
        self._limits = TransportLimits(
            connect=settings.upstream_connect_timeout_seconds,
            first_byte=settings.upstream_first_byte_timeout_seconds,
            idle=settings.upstream_idle_timeout_seconds,
            whole=settings.upstream_stream_max_seconds,
            unstreamed=settings.upstream_timeout_seconds,
        )
        self._sizes = PieceSizes(settings.sse_chunk_size, settings.sse_function_args_chunk_size)
        self._tries = Tries(settings.upstream_retries, clock, _chance)

    def for_turns(self, profile: ModelProfile) -> ChatModel:
        """Return the model of a plain turn, with its tries and its chain."""
        if profile.name == REHEARSAL:
            return _rehearsal()
        chain = [self._choice(each) for each in (profile, *self._fallbacks(profile))]
        return Starting(FallingBack(chain), self._settings.request_deadline_seconds)

    def for_missions(self, profile: ModelProfile) -> ChatModel:
        """Return the model of a mission: it obeys the plain lane's time to begin only where that
        was set (missions 10.2)."""
        if profile.name == REHEARSAL:
            return _rehearsal()
        model = Breaking(self._provider(profile), self._breaker(profile))
        if "REQUEST_DEADLINE_SECONDS" in self._settings.given:
            return Starting(model, self._settings.request_deadline_seconds)
        return model

    def relay(self, profile: ModelProfile) -> HttpRelay:
        """Return the way of what is passed on to a provider of the same API."""
        return HttpRelay(
            profile,
            self._caller(profile),
            tries=self._tries,
            breaker=self._breaker(profile),
            begin_seconds_max=self._settings.request_deadline_seconds,
        )

    def remember_in(self, wires: WireMemory) -> None:
        """Keep what is learned of wires there."""
        self._lessons.remember_in(wires)

    def fault(self, profile: ModelProfile) -> str:
        """Return why this profile's provider cannot be asked, or ""."""
        name = profile.provider.key_env
        if name and not self._settings.provider_key(name):
            return f"provider_not_configured: {name} is not set"
        return ""

    def wait(self, profile: ModelProfile) -> tuple[int, str]:
        """Return for how many seconds a model is left alone at this moment, and after which
        error; 0 where it is not."""
        breaker = self._breakers.get(profile.name)
        return breaker.wait() if breaker else (0, "")

    def tidy(self) -> None:
        """Hang up where nothing was asked for a while. Waits for nobody."""
        for transport in list(self._transports.values()):
            transport.tidy()

    def close(self) -> None:
        """Hang up on all providers."""
        for transport in self._transports.values():
            transport.close()

    def health(self) -> dict[str, object]:
        """Return what `/health` says of models: breakers, slots, lessons."""
        slots, breakers = list(self._slots.items()), list(self._breakers.items())
        return {
            "model_health": {name: breaker.health() for name, breaker in breakers},
            "concurrency": {
                "max_global": self._everybody.at_once,
                "in_use": self._everybody.in_use,
                "waiting": self._room.taken,
                "models": {name: each.in_use for name, each in slots},
            },
            "learned": self._lessons.to_json(),
        }

    def _choice(self, profile: ModelProfile) -> Choice:
        breaker = self._breaker(profile)
        retrying = Retrying(Breaking(self._provider(profile), breaker), self._tries)
        is_open = partial(getattr, breaker, "is_open")
        return Choice(profile.name, Insisting(retrying), profile.context_window, is_open)

    def _provider(self, profile: ModelProfile) -> HttpChatModel:
        return HttpChatModel(
            profile,
            self._caller(profile),
            self._lessons,
            streams=self._settings.upstream_stream,
            sizes=self._sizes,
        )

    def _caller(self, profile: ModelProfile) -> Caller:
        return Caller(
            profile,
            self._settings.provider_key(profile.provider.key_env),
            limits=self._limits,
            slots=(*self._own_slots(profile), self._everybody),
            redact=lambda text: self._redactor.redact(text).text,
            clock=self._clock,
            transport=self._transport(profile.provider.base_url),
        )

    def _transport(self, base_url: str) -> Transport:
        """Return the way to a provider, by which connections are used again."""
        if base_url not in self._transports:
            endpoint, settings = parse_endpoint(base_url), self._settings
            proxy = proxy_for(endpoint, settings.https_proxy, settings.no_proxy)
            made = Transport(endpoint, proxy=proxy, idle=IdleConnections(self._clock))
            self._transports.setdefault(base_url, made)
        return self._transports[base_url]

    def _fallbacks(self, profile: ModelProfile) -> list[ModelProfile]:
        """Return the chain behind a profile: those that can be asked, and over a wire that is
        translated."""
        known = (self._registry.resolve(name) for name in profile.fallbacks)
        return [each for each in known if each.wire != "responses" and not self.fault(each)]

    def _own_slots(self, profile: ModelProfile) -> tuple[Slots, ...]:
        if profile.concurrency is None:
            return ()
        made = Slots(profile.concurrency, self._room)
        return (self._slots.setdefault(profile.upstream_model, made),)

    def _breaker(self, profile: ModelProfile) -> Breaker:
        if len(self._breakers) >= BREAKERS_MAX and profile.name not in self._breakers:
            self._breakers.pop(list(self._breakers)[0], None)
        made = Breaker(
            errors_max=self._settings.circuit_breaker_errors,
            cooldown_seconds=self._settings.circuit_breaker_cooldown,
            clock=self._clock,
        )
        return self._breakers.setdefault(profile.name, made)


def _rehearsal() -> ChatModel:
    """Return the model without a provider. A tenth of a bridge's start would go into its tables,
    and most bridges never ask it."""
    from codex_oss.rehearsal import RehearsalModel

    return RehearsalModel()


def _chance() -> float:
    return random_bytes(1)[0] / 255
