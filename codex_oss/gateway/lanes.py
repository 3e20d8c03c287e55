"""Choose how a turn is served: a request and the models in, its lane out.

The order of bridge 5, first match wins: a mission alias, a name that is refused, a handoff block
in the task text, and otherwise a plain turn. A history that is made short is a plain turn always:
what it tells of a mission is past.
"""

from dataclasses import dataclass

from codex_oss.contract import extract_handoff
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


Lane = PlainLane | MissionLane


def lane_for(request: ResponsesRequest, registry: ModelRegistry) -> Lane:
    """Return the lane, or raise what a name that no model has gets: never a stream."""
    if alias := registry.mission_alias(request.model):
        tier, profile = alias
        return PlainLane(profile) if request.compacts else MissionLane(profile, tier)
    profile = registry.resolve(request.model)
    if request.compacts:
        return PlainLane(profile)
    if extract_handoff(task_text(request)).handoff_type == "mission_v1":
        return MissionLane(profile)
    return PlainLane(profile)
