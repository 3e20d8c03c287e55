"""The composition root: every object of a bridge made once, in an order one can read.

Settings enter, a `MissionDesk` or a whole `Bridge` leaves. What a test must choose (the models, the
clock, the place of our state) is an argument here; nothing below reaches for a global.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from codex_oss import __version__
from codex_oss.chat import ChatModel
from codex_oss.contract import MissionV1, PathRules
from codex_oss.deadline import Clock
from codex_oss.errors import Refused
from codex_oss.layout import Layout, SourceTree, source_tree
from codex_oss.missions import MissionDesk
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.redaction import Redactor
from codex_oss.rehearsal import RehearsalModel
from codex_oss.settings import SETTINGS, Settings
from codex_oss.system import Pulse, SystemClock, made_once, private_folder, random_bytes
from codex_oss.tools import Guard
from codex_oss.upstream import HttpChatModel, Slots, TransportLimits

if TYPE_CHECKING:
    from codex_oss.gateway import Log
    from codex_oss.server import Listener

REDACTION_KEY_BYTES = 32
PULSE_SECONDS = 0.25  # A client that left and a due sign of life are noticed within this.
REHEARSAL = "rehearsal"
FALLBACK_PROFILE = "kimi"
SECRET_CHARACTERS_MIN = 8  # A shorter live key would blank ordinary words.

Models = Callable[[ModelProfile], ChatModel]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every door of a project shares."""

    settings: Settings
    project: Path
    layout: Layout
    registry: ModelRegistry
    redactor: Redactor
    desk: MissionDesk
    models: Models
    source: SourceTree
    clock: Clock


def wire_workshop(
    settings: Settings,
    *,
    state: Path | None = None,
    models: Models | None = None,
    clock: Clock | None = None,
) -> Workshop:
    """Return a project's workshop. `state` is where our folder lies when not in the project."""
    project = settings.codex_oss_project
    assert project, "settings_here() names a project"
    clock = clock or SystemClock()
    layout = Layout(state or project)
    layout.make()
    redactor = _redactor(settings, layout)
    registry = ModelRegistry.of(settings)
    source = source_tree()
    plain, patient = (models, models) if models else _models(settings, redactor, clock)

    def guard_for(mission: MissionV1) -> Guard:
        rules = PathRules(
            mission.scope, settings.project_critical_roots, settings.project_critical_terms
        )
        return Guard(project, rules, redactor)

    desk = MissionDesk(
        layout,
        project=project,
        registry=registry,
        models=patient,
        provider_fault=lambda profile: _provider_fault(settings, profile),
        guard_for=guard_for,
        redactor=redactor,
        clock=clock,
        product={"version": __version__, "source_sha256": source.sha256},
        progress_seconds=settings.sse_visible_progress_seconds,
    )
    return Workshop(settings, project, layout, registry, redactor, desk, plain, source, clock)


def default_profile(workshop: Workshop) -> ModelProfile:
    """Return the profile where a door names none: kimi with a key, else the rehearsal."""
    settings = workshop.settings
    if settings.oss_default_profile:
        return workshop.registry.resolve(settings.oss_default_profile)
    real = workshop.registry.resolve(FALLBACK_PROFILE)
    usable = not _provider_fault(settings, real)
    return real if usable else workshop.registry.resolve(REHEARSAL)


def _redactor(settings: Settings, layout: Layout) -> Redactor:
    private_folder(layout.redaction_key.parent)
    key = made_once(layout.redaction_key, lambda: random_bytes(REDACTION_KEY_BYTES))
    secrets = [str(getattr(settings, row.name.lower())) for row in SETTINGS if row.is_secret]
    secrets.append(settings.local_key)
    return Redactor({s for s in secrets if len(s) >= SECRET_CHARACTERS_MIN}, key)


def _models(settings: Settings, redactor: Redactor, clock: Clock) -> tuple[Models, Models]:
    """Return the models of plain turns and of missions. They share their slots; a mission has its
    own budget of time, and obeys the plain lane's only where somebody set it (missions 10.2)."""
    slots = Slots(settings.max_global_upstream_concurrency, settings.upstream_queue_max)
    plain = TransportLimits(
        connect=settings.upstream_connect_timeout_seconds,
        first_byte=settings.upstream_first_byte_timeout_seconds,
        idle=settings.upstream_idle_timeout_seconds,
        first_content=settings.request_deadline_seconds,
        whole=settings.upstream_stream_max_seconds,
    )
    is_explicit = "REQUEST_DEADLINE_SECONDS" in settings.given
    patient = plain if is_explicit else replace(plain, first_content=inf)

    def model(profile: ModelProfile, limits: TransportLimits) -> ChatModel:
        if profile.name == REHEARSAL:
            return RehearsalModel()
        return HttpChatModel(
            profile,
            settings.provider_key(profile.provider.key_env),
            limits=limits,
            slots=slots,
            redact=lambda text: redactor.redact(text).text,
            clock=clock,
        )

    return partial(model, limits=plain), partial(model, limits=patient)


def _provider_fault(settings: Settings, profile: ModelProfile) -> str:
    """Return why this profile's provider cannot be asked, or ""."""
    name = profile.provider.key_env
    if name and not settings.provider_key(name):
        return f"provider_not_configured: {name} is not set"
    return ""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that listens: `serve` answers until it is told to drain."""

    workshop: Workshop
    listener: "Listener"
    pulse: Pulse

    @property
    def port(self) -> int:
        return self.listener.port

    def serve(self) -> None:
        try:
            self.listener.serve()
        finally:
            self.pulse.stop()


def wire_bridge(workshop: Workshop, log: "Log") -> Bridge:
    """Return the bridge of a workshop, bound to its port. `log` takes its lines."""
    from codex_oss.gateway import Gateway, MissionTurns, TraceStyle  # A mission alone needs none.
    from codex_oss.server import Gate, Limits, Listener

    settings, clock = workshop.settings, workshop.clock
    _ensure_a_usable_default(workshop)
    pulse = Pulse(PULSE_SECONDS)
    style = TraceStyle(
        settings.oss_visible_trace,
        settings.oss_visible_trace_max_events,
        settings.oss_visible_trace_max_event_chars,
        settings.oss_inline_report_json,
    )
    started = clock.monotonic()
    gateway = Gateway(
        registry=workshop.registry,
        models=workshop.models,
        missions=MissionTurns(workshop.desk, str(workshop.project), style, clock),
        log=log,
        clock=clock,
        identity=lambda: _identity(workshop, clock.monotonic() - started),
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
    return Bridge(workshop, listener, pulse)


def _ensure_a_usable_default(workshop: Workshop) -> None:
    """Refuse to start where the chosen default profile cannot be asked (settings 2)."""
    profile = default_profile(workshop)
    fault = _provider_fault(workshop.settings, profile)
    if fault and not workshop.settings.allow_missing_opencode_key:
        raise Refused(
            f"the default profile {profile.name} cannot be used: {fault}",
            code="provider_not_configured",
            hint="put the key into .codex-oss/env/opencode-go.env, or ALLOW_MISSING_OPENCODE_KEY=1",
        )


def _identity(workshop: Workshop, uptime_seconds: float) -> Mapping[str, object]:
    """Return what `/health` says of this process (bridge 20)."""
    current = source_tree()
    changed = workshop.source.changed_files(current)
    return {
        "pid": os.getpid(),
        "uptime_seconds": int(uptime_seconds),
        "project_root": str(workshop.project),
        "source_sha256": workshop.source.sha256,
        "runtime_identity": {
            "runtime_source_tree": {
                "startup_sha256": workshop.source.sha256,
                "current_sha256": current.sha256,
                "fresh": not changed,
                "changed_files": list(changed),
                "total_files": len(current.files),
            }
        },
        "gpt_model_strategy": workshop.settings.gpt_model_strategy,
        "has_opencode_key": bool(workshop.settings.upstream_key),
        "live_missions": workshop.desk.archive.live_runs(),
    }
