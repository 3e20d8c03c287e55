"""The composition root: every object of a bridge made once, in an order one can read.

Settings enter, a `MissionDesk` or a whole `Bridge` leaves. What a test must choose (the models, the
clock, the place of our state) is an argument here; nothing below reaches for a global.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codex_oss import __version__
from codex_oss.chat import ChatModel
from codex_oss.contract import MissionV1, PathRules
from codex_oss.deadline import Clock
from codex_oss.layout import Layout, SourceTree, source_tree
from codex_oss.missions import MissionDesk
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.redaction import Redactor
from codex_oss.rehearsal import RehearsalModel
from codex_oss.settings import SETTINGS, Settings
from codex_oss.system import SystemClock, made_once, private_folder, random_bytes
from codex_oss.tools import Guard
from codex_oss.upstream import HttpChatModel, Slots, TransportLimits

REDACTION_KEY_BYTES = 32
REHEARSAL = "rehearsal"
FALLBACK_PROFILE = "kimi"
SECRET_CHARACTERS_MIN = 8  # A shorter live key would blank ordinary words.


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every door of a project shares."""

    settings: Settings
    project: Path
    layout: Layout
    registry: ModelRegistry
    redactor: Redactor
    desk: MissionDesk
    models: Callable[[ModelProfile], ChatModel]
    source: SourceTree
    clock: Clock


def wire_workshop(
    settings: Settings,
    *,
    state: Path | None = None,
    models: Callable[[ModelProfile], ChatModel] | None = None,
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
    choose = models or _models(settings, redactor, clock)

    def guard_for(mission: MissionV1) -> Guard:
        rules = PathRules(
            mission.scope, settings.project_critical_roots, settings.project_critical_terms
        )
        return Guard(project, rules, redactor)

    desk = MissionDesk(
        layout,
        project=project,
        registry=registry,
        models=choose,
        provider_fault=lambda profile: _provider_fault(settings, profile),
        guard_for=guard_for,
        redactor=redactor,
        clock=clock,
        product={"version": __version__, "source_sha256": source.sha256},
        progress_seconds=settings.sse_visible_progress_seconds,
    )
    return Workshop(settings, project, layout, registry, redactor, desk, choose, source, clock)


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


def _models(
    settings: Settings, redactor: Redactor, clock: Clock
) -> Callable[[ModelProfile], ChatModel]:
    slots = Slots(settings.max_global_upstream_concurrency, settings.upstream_queue_max)
    limits = TransportLimits(
        connect=settings.upstream_connect_timeout_seconds,
        first_byte=settings.upstream_first_byte_timeout_seconds,
        idle=settings.upstream_idle_timeout_seconds,
        first_content=settings.request_deadline_seconds,
        whole=settings.upstream_stream_max_seconds,
    )

    def choose(profile: ModelProfile) -> ChatModel:
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

    return choose


def _provider_fault(settings: Settings, profile: ModelProfile) -> str:
    """Return why this profile's provider cannot be asked, or ""."""
    name = profile.provider.key_env
    if name and not settings.provider_key(name):
        return f"provider_not_configured: {name} is not set"
    return ""
