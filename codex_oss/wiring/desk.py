"""The desk of a project: missions, with everything that they need.

The shared parts of a workshop enter, its desk leaves. Loaded at the first mission, or by a bridge
that has begun to serve: the rooms of missions are a third of all that there is to load.
"""

from collections.abc import Callable
from pathlib import Path

from codex_oss import __version__
from codex_oss.contract import MissionV1, PathRules
from codex_oss.deadline import Clock
from codex_oss.layout import Layout, SourceTree
from codex_oss.missions import MissionDesk
from codex_oss.profiles import ModelRegistry
from codex_oss.redaction import Redactor
from codex_oss.settings import Settings
from codex_oss.tools import Guard
from codex_oss.wiring.models import Models, ModelShop


def wire_desk(
    settings: Settings,
    layout: Layout,
    *,
    project: Path,
    registry: ModelRegistry,
    shop: ModelShop,
    models: Models | None,
    redactor: Redactor,
    clock: Clock,
    source: Callable[[], SourceTree],
) -> MissionDesk:
    """Return the desk. `models` answer in the place of the shop's."""

    def guard_for(mission: MissionV1) -> Guard:
        rules = PathRules(
            mission.scope, settings.project_critical_roots, settings.project_critical_terms
        )
        return Guard(project, rules, redactor)

    is_set = "REQUEST_DEADLINE_SECONDS" in settings.given
    return MissionDesk(
        layout,
        project=project,
        registry=registry,
        models=models or shop.for_missions,
        provider_fault=shop.fault,
        provider_wait=shop.wait,
        seconds_max=settings.request_deadline_seconds if is_set else None,
        guard_for=guard_for,
        redactor=redactor,
        clock=clock,
        product=lambda: {"version": __version__, "source_sha256": source().sha256},
        progress_seconds=settings.sse_visible_progress_seconds,
        bursts_ahead_max=settings.stream_queue_maxsize,
    )
