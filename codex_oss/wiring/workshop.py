"""What every door of a project shares, made once, in an order one can read.

Settings enter, a `Workshop` leaves. What a test must choose (the models, the clock, the place of
our state) is an argument here; nothing below reaches for a global.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codex_oss.deadline import Clock
from codex_oss.errors import BadSettings, BridgeError
from codex_oss.layout import Layout, SourceTree, source_tree
from codex_oss.profiles import (
    OPENAI,
    GptNames,
    ModelProfile,
    ModelRegistry,
    parse_toml_profiles,
)
from codex_oss.redaction import Redactor
from codex_oss.settings import Settings
from codex_oss.system import (
    SystemClock,
    made_once,
    private_folder,
    random_bytes,
    read_bounded,
)
from codex_oss.wiring.models import REHEARSAL, Models, ModelShop

if TYPE_CHECKING:
    from codex_oss.missions import MissionDesk

REDACTION_KEY_BYTES = 32
FALLBACK_PROFILE = "kimi"
PROFILES_BYTES_MAX = 1 << 20  # Hundreds of them.
SECRET_CHARACTERS_MIN = 8  # A shorter live key would blank ordinary words.


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every door of a project shares."""

    settings: Settings
    project: Path
    layout: Layout
    registry: ModelRegistry
    redactor: Redactor
    open_desk: "Callable[[], MissionDesk]"
    shop: ModelShop
    models: Models
    clock: Clock

    @property
    def desk(self) -> "MissionDesk":
        """Return the desk of all missions, which is made when it is first asked for."""
        return self.open_desk()

    @property
    def source(self) -> SourceTree:
        return _source()


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
    registry = _registry(settings, layout)
    shop = ModelShop(settings, registry, redactor, clock)

    @cache
    def open_desk() -> "MissionDesk":
        from codex_oss.wiring.desk import wire_desk

        return wire_desk(
            settings,
            layout,
            project=project,
            registry=registry,
            shop=shop,
            models=models,
            redactor=redactor,
            clock=clock,
            source=_source,
        )

    turns = models or shop.for_turns
    return Workshop(settings, project, layout, registry, redactor, open_desk, shop, turns, clock)


@cache
def _source() -> SourceTree:
    """Return what this process runs: the product's files when it first asked. Only who begins a
    mission or serves pays for reading them."""
    return source_tree()


def default_profile(workshop: Workshop) -> ModelProfile:
    """Return the profile where a door names none: kimi with a key, else the rehearsal."""
    settings = workshop.settings
    if settings.oss_default_profile:
        return workshop.registry.resolve(settings.oss_default_profile)
    real = workshop.registry.resolve(FALLBACK_PROFILE)
    return real if not workshop.shop.fault(real) else workshop.registry.resolve(REHEARSAL)


def _registry(settings: Settings, layout: Layout) -> ModelRegistry:
    openai = replace(OPENAI, base_url=settings.openai_base_url)
    return ModelRegistry.of(
        settings,
        more=_profiles_of_file(settings.profiles_file, layout.profiles_file),
        gpt=GptNames(settings.gpt_model_strategy, settings.gpt_model_oss_fallback, openai),
        chains=settings.fallback_model_map_json,
        concurrency=settings.model_concurrency_json,
        salvage=settings.salvage_tool_calls,
    )


def _profiles_of_file(named: Path | None, usual: Path) -> tuple[ModelProfile, ...]:
    """Return the profiles of the file that was named, which must be there, or of the usual one."""
    file = named or usual
    try:
        text = read_bounded(file, PROFILES_BYTES_MAX).decode()
    except FileNotFoundError:
        if named:
            raise BadSettings(f"PROFILES_FILE: there is no file {named}") from None
        return ()
    except (OSError, UnicodeDecodeError, BridgeError) as error:
        raise BadSettings(f"{file} cannot be read: {error}", hint="it is TOML, in UTF-8") from error
    return parse_toml_profiles(text, file.name)


def _redactor(settings: Settings, layout: Layout) -> Redactor:
    private_folder(layout.redaction_key.parent)
    key = made_once(layout.redaction_key, lambda: random_bytes(REDACTION_KEY_BYTES))
    return Redactor({s for s in settings.secrets if len(s) >= SECRET_CHARACTERS_MIN}, key)
