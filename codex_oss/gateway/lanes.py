"""Choose how a turn is served: a request and the models in, its lane out.

The order of bridge 5, first match wins: a mission alias, a name that is refused, a handoff block
in the task text, an older form of one, and otherwise a plain turn. A history that is made short is
a plain turn always: what it tells of a mission is past.
"""

from dataclasses import dataclass

from codex_oss.contract import SupportTask, extract_handoff, mode_of, support_task_of
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.responses import ResponsesRequest, task_text


@dataclass(frozen=True, slots=True)
class PlainLane:
    """Translated, and the caller's own tools do the work."""

    profile: ModelProfile


@dataclass(frozen=True, slots=True)
class MissionLane:
    """The runtime answers. `tier` is the alias's; "" where the block itself brought it here."""

    profile: ModelProfile
    tier: str = ""


@dataclass(frozen=True, slots=True)
class SupportLane:
    """A legacy handoff to a raw model, in the mode that its table says (bridge 18)."""

    profile: ModelProfile
    mode: str
    task: SupportTask


@dataclass(frozen=True, slots=True)
class SupportRules:
    """What the choice of a support mode needs to know of the project."""

    project_root: str = ""
    critical_roots: tuple[str, ...] = ()


Lane = PlainLane | MissionLane | SupportLane


def lane_for(
    request: ResponsesRequest, registry: ModelRegistry, support: SupportRules | None = None
) -> Lane:
    """Return the lane, or raise what a name that no model has gets, or a broken handoff: never a
    stream. Without `support` a legacy handoff is ordinary text."""
    if alias := registry.mission_alias(request.model):
        tier, profile = alias
        return PlainLane(profile) if request.compacts else MissionLane(profile, tier)
    profile = registry.resolve(request.model)
    if request.compacts:
        return PlainLane(profile)
    text = task_text(request)
    root = support.project_root if support else ""
    handed = extract_handoff(text, project_root=root)
    if handed.handoff_type == "mission_v1":
        return MissionLane(profile)
    if support and (task := support_task_of(text, handed, root)):
        return SupportLane(profile, mode_of(task, support.critical_roots), task)
    return PlainLane(profile)
