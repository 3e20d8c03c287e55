"""Choose how a turn is served: a request and the models in, its lane out.

The order of bridge 5, first match wins: a mission alias, a model that speaks this API itself, a
name that is refused, a handoff block in the task text, an older form of one, and otherwise a plain
turn. A history that is made short is a plain turn always: what it tells of a mission is past.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from codex_oss.contract import SupportTask, extract_handoff, mode_of, support_task_of
from codex_oss.errors import BadRequest
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.responses import Receipt, ResponsesRequest, task_text


@dataclass(frozen=True, slots=True)
class PlainLane:
    """Translated, and the caller's own tools do the work. `fallback_from` is the GPT name in whose
    place this model answers."""

    profile: ModelProfile
    fallback_from: str = ""

    @property
    def receipt(self) -> Receipt:
        return _receipt("plain", self.profile, self.fallback_from)


@dataclass(frozen=True, slots=True)
class MissionLane:
    """The runtime answers. `tier` is the alias's; "" where the block itself brought it here.
    `fallback_from` as above."""

    profile: ModelProfile
    tier: str = ""
    fallback_from: str = ""


@dataclass(frozen=True, slots=True)
class RelayLane:
    """Passed on to a provider that speaks the Responses API itself. `fallback_from` as above."""

    profile: ModelProfile
    fallback_from: str = ""

    @property
    def receipt(self) -> Receipt:
        return _receipt("passthrough", self.profile, self.fallback_from)


@dataclass(frozen=True, slots=True)
class SupportLane:
    """A legacy handoff to a raw model, in the mode that its table says (bridge 18)."""

    profile: ModelProfile
    mode: str
    task: SupportTask
    fallback_from: str = ""

    @property
    def receipt(self) -> Receipt:
        return replace(_receipt("support", self.profile, self.fallback_from), mode=self.mode)


@dataclass(frozen=True, slots=True)
class SupportRules:
    """What the choice of a support mode needs to know of the project."""

    project_root: str = ""
    critical_roots: tuple[str, ...] = ()


Lane = PlainLane | MissionLane | SupportLane


def relay_lane_for(model: str, registry: ModelRegistry) -> RelayLane | None:
    """Return the lane of a request that is not read but passed on, or raise that its name is
    refused, whatever else it says. A name that no model has is told by whoever reads the request,
    with all its other faults."""
    with suppress(BadRequest):
        profile = registry.resolve(model)
        if profile.wire == "responses" and not registry.mission_alias(model):
            return RelayLane(profile, registry.fallback_from(model))
    return None


def lane_for(
    request: ResponsesRequest, registry: ModelRegistry, support: SupportRules | None = None
) -> Lane:
    """Return the lane, or raise what a name that no model has gets, or a broken handoff: never a
    stream. Without `support` a legacy handoff is ordinary text."""
    if alias := registry.mission_alias(request.model):
        tier, profile = alias
        return PlainLane(profile) if request.compacts else MissionLane(profile, tier)
    profile = registry.resolve(request.model)
    plain = PlainLane(profile, registry.fallback_from(request.model))
    if request.compacts:
        return plain
    text = task_text(request)
    root = support.project_root if support else ""
    handed = extract_handoff(text, project_root=root)
    if handed.handoff_type == "mission_v1":
        return MissionLane(profile, fallback_from=plain.fallback_from)
    if support and (task := support_task_of(text, handed, root)):
        mode = mode_of(task, support.critical_roots)
        return SupportLane(profile, mode, task, plain.fallback_from)
    return plain


def _receipt(lane: str, profile: ModelProfile, fallback_from: str) -> Receipt:
    """Return what is told of a raw model's answer before it is asked."""
    return Receipt(
        lane=lane,
        profile=profile.name,
        upstream_model=profile.upstream_model,
        wire=profile.wire,
        fallback_from=fallback_from,
    )
