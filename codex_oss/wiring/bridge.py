"""The bridge of a workshop: its routes, its gate, its port.

A `Workshop` enters, a `Bridge` that listens leaves. Loaded only by who serves: a mission alone
needs none of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from codex_oss.errors import Refused
from codex_oss.gateway import (
    MIGRATIONS,
    ConversationStore,
    Gateway,
    Log,
    Manner,
    SqliteConversations,
    StoredTurns,
    StoreLimits,
    SupportRules,
)
from codex_oss.profiles import ModelProfile
from codex_oss.responses import Style
from codex_oss.server import Gate, Limits, Listener
from codex_oss.system import (
    Database,
    Pulse,
    Worker,
    made_once,
    private_folder,
    random_bytes,
)
from codex_oss.upstream import WIRES_TABLE, SqliteWires
from codex_oss.wiring.health import UNKNOWN, Health, Launch
from codex_oss.wiring.workshop import Workshop, default_profile

if TYPE_CHECKING:
    from codex_oss.gateway import MissionTurns, SupportTurns

SEAL_KEY_BYTES = 32
STATE_MIGRATIONS = (MIGRATIONS[0], WIRES_TABLE, *MIGRATIONS[1:])  # In the order they came.
"""A database is as old as the number of these that it has seen: others follow at the end."""

PULSE_SECONDS = 0.25  # A client that left and a due sign of life are noticed within this.
LATER_SECONDS = 0.5  # A first turn that comes at once has the process for itself.


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that listens: `serve` answers until it is told to drain.

    What runs missions is opened by the first of them. `later` opens it soon after the start, so
    that the whole process is of one source, whatever is installed over it meanwhile.
    """

    workshop: Workshop
    listener: Listener
    pulse: Pulse
    later: tuple[Callable[[], object], ...] = ()

    @property
    def port(self) -> int:
        return self.listener.port

    def serve(self) -> None:
        opening = Worker(self._open_later, name="missions")
        try:
            with self.pulse.watching(self.workshop.shop.tidy):
                self.listener.serve()
            opening.join(0)  # Raises what kept missions from being opened, as it did for each turn.
        finally:
            self.pulse.stop()
            self.workshop.shop.close()

    def _open_later(self) -> None:
        self.workshop.clock.sleep(LATER_SECONDS)
        for opened in self.later:
            opened()


def wire_bridge(workshop: Workshop, log: Log, launch: Launch = UNKNOWN) -> Bridge:
    """Return the bridge of a workshop, bound to its port. `log` takes its lines."""
    settings, clock = workshop.settings, workshop.clock
    _ensure_a_usable_default(workshop)
    pulse = Pulse(PULSE_SECONDS)
    health = Health(workshop, launch, lambda: {"host": settings.proxy_host, "port": listener.port})
    manner = _manner(workshop)
    missions = cache(lambda: _missions(workshop))
    rules = support = None
    if settings.oss_support_modes:
        rules = SupportRules(str(workshop.project), settings.project_critical_roots)
        support = _support(workshop, manner, rules)
    database = _state(workshop, log)
    workshop.shop.remember_in(SqliteWires(database, clock))
    stored = StoredTurns(_conversations(workshop, database), settings.proxy_background_max, log)
    gateway = Gateway(
        registry=workshop.registry,
        models=workshop.models,
        relays=workshop.shop.relay,
        missions=missions,
        log=log,
        clock=clock,
        identity=health.facts,
        stored=stored,
        manner=manner,
        support=support,
        support_rules=rules,
        speaks_websocket=settings.responses_websocket,
        shut_down=lambda: listener.drain(settings.bridge_shutdown_drain_seconds),
    )
    listener = Listener(
        settings.proxy_host,
        settings.proxy_port,
        routes=gateway.routes(),
        gate=Gate(settings.local_key, extra_hosts=settings.proxy_allowed_hosts),
        limits=Limits(
            body_bytes_max=settings.proxy_max_body_bytes,
            connections_max=settings.proxy_max_connections,
            header_seconds=settings.proxy_header_timeout_seconds,
            body_seconds=settings.proxy_body_timeout_seconds,
            keepalive_seconds=settings.proxy_keepalive_seconds,
            write_seconds=settings.proxy_write_timeout_seconds,
            heartbeat_seconds=settings.sse_upstream_heartbeat_seconds,
        ),
        pulse=pulse,
        log=log,
        clock=clock,
    )
    return Bridge(workshop, listener, pulse, (missions, support) if support else (missions,))


def _missions(workshop: Workshop) -> "MissionTurns":
    from codex_oss.wiring.mission_turns import wire_mission_turns

    return wire_mission_turns(workshop)


def _support(
    workshop: Workshop, manner: Manner, rules: SupportRules
) -> "Callable[[], SupportTurns]":
    """Return what opens the support lane. A name in the settings that no model has is told at the
    start, not at the first turn."""
    settings = workshop.settings
    names = (settings.continuation_model, *settings.continuation_fallback_models)
    known = [workshop.registry.resolve(name) for name in names]
    writers = [each for each in known if each.wire != "responses"]  # That one is passed on only.

    def finalizers(profile: ModelProfile) -> list[ModelProfile]:
        """Return who can be asked and sees no more of a task than its own model does."""
        able = [
            each
            for each in writers
            if not workshop.shop.fault(each) and each.exposure in ("local", profile.exposure)
        ]
        return [*{each.name: each for each in (*able, profile)}.values()]

    @cache
    def opened() -> "SupportTurns":
        from codex_oss.wiring.mission_turns import wire_support_turns

        return wire_support_turns(workshop, manner, rules, finalizers)

    return opened


def _manner(workshop: Workshop) -> Manner:
    settings, layout = workshop.settings, workshop.layout
    style = Style(
        settings.reasoning_expose,
        settings.expose_empty_reasoning_item,
        settings.sse_chunk_size,
        settings.sse_function_args_chunk_size,
    )
    private_folder(layout.seal_key.parent)
    key = made_once(layout.seal_key, lambda: random_bytes(SEAL_KEY_BYTES))
    return Manner(
        key,
        style,
        settings.strip_tools,
        settings.force_single_tool_instructions,
        settings.sse_heartbeat_comment,
    )


def _state(workshop: Workshop, log: Log) -> Database:
    path = workshop.settings.proxy_state_db or workshop.layout.state_database
    database = Database(path, STATE_MIGRATIONS, workshop.clock)
    if database.set_aside:
        log({"level": "warning", "event": "state_set_aside", "file": database.set_aside.name})
    return database


def _conversations(workshop: Workshop, database: Database) -> ConversationStore:
    settings = workshop.settings
    limits = StoreLimits(
        settings.proxy_state_ttl_seconds,
        settings.proxy_state_max_responses,
        settings.proxy_state_max_bytes,
    )
    return SqliteConversations(database, limits, workshop.clock)


def _ensure_a_usable_default(workshop: Workshop) -> None:
    """Refuse to start where the chosen default profile cannot be asked (settings 2)."""
    profile = default_profile(workshop)
    fault = workshop.shop.fault(profile)
    if fault and not workshop.settings.allow_missing_opencode_key:
        raise Refused(
            f"the default profile {profile.name} cannot be used: {fault}",
            code="provider_not_configured",
            hint="put the key into .codex-oss/env/opencode-go.env, or ALLOW_MISSING_OPENCODE_KEY=1",
        )
