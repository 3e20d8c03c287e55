"""Whether a mission may run: every check with the value it looked at, all of them at once.

A contract and the `AdmissionFacts` that somebody measured enter; an `Admission` leaves, which
stands in the first event of the run, so that a reader can judge it again (missions 4). No check
stops another: a refusal tells everything that is wrong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from codex_oss.contract import TOOLS, MissionV1, contract_digest
from codex_oss.profiles import CAPABILITY_OF_LANE
from codex_oss.record import Json, ProfileFacts
from codex_oss.runtime.checks import Result, judged

WINDOW_TOKENS_MIN = {
    **dict.fromkeys(CAPABILITY_OF_LANE, 32_768),
    "investigation": 8_192,
    "open_investigation": 16_384,
}
OF_GROUP = ("contract", "enforcement", "risk", "scope", "scope_path", "capacity", "storage")
_LANE_OF_TIER = {"A4": "patch_proposal", "A5": "implementation", "A6": "critical_simulation"}


def lane_of(mission: MissionV1) -> str:
    is_open = mission.objective_style == "open_investigation"
    reading = "open_investigation" if is_open else "investigation"
    return _LANE_OF_TIER.get(mission.tier, reading)


@dataclass(frozen=True, slots=True)
class AdmissionFacts:
    """What was measured before the decision. `alias_tier` is 0 where no alias was asked for;
    `refused_paths` are (path, code) of the scope's entries that no rule lets in. A scope that
    `may_be_empty` names a file that is to be made; a packed report that `has_searches` needs no
    file. `requested` is the profile in whose place this
    one is to go on, `lane_states` says how the profile's lanes are by its scorecard."""

    profile: ProfileFacts
    model_alias: str
    alias_tier: int
    capability_tier: int
    profile_lanes: tuple[str, ...]
    provider_fault: str
    readable_files: int
    readable_bytes: int
    absent_paths: tuple[str, ...]
    critical_files: int
    refused_paths: tuple[tuple[str, str], ...]
    live_runs: int
    free_bytes: int
    storage_fault: str
    may_be_empty: bool = False
    has_searches: bool = False
    warnings: tuple[str, ...] = ()
    wire: str = "chat"
    denied_files: int = 0
    retry_after_seconds: int = 0
    last_error: str = ""
    requested: Json | None = None
    lane_states: Mapping[str, str] = field(default_factory=dict)

    @property
    def strength(self) -> Json:
        """Return what a profile that stands in for another is compared by."""
        return {
            "profile": self.profile.name,
            "capability_tier": self.capability_tier,
            "context_window": self.profile.context_window,
            "encoding": self.profile.action_encoding,
            "exposure": self.profile.exposure,
        }


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    result: Result
    input: Json
    reason: str = ""
    hint: str = ""

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "result": self.result,
            "input": self.input,
            "reason": self.reason,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Admission:
    """`admission.v1`. `approval` says who allowed the profile to stand in for another:
    not_required, configured or explicit."""

    decision: Literal["admitted", "refused", "busy"]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    lane: str
    facts: AdmissionFacts
    tool_classes: tuple[str, ...]
    approval: str = "not_required"

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.result in ("deny", "busy"))

    def to_json(self) -> Json:
        profile, requested = self.facts.profile, self.facts.requested
        return {
            "schema_version": "admission.v1",
            "decision": self.decision,
            "checks": [check.to_json() for check in self.checks],
            "warnings": list(self.warnings),
            "profile": profile.name,
            "lane": self.lane,
            "route": self.facts.model_alias,
            "requested_model_alias": self.facts.model_alias,
            "resolved_model_alias": profile.name,
            "resolved_upstream_model": profile.upstream_model,
            "provider_route": profile.provider,
            "capability_tier": self.facts.capability_tier,
            "tool_classes": list(self.tool_classes),
            "fallback_from": requested["profile"] if requested else "",
            "fallback_approval": self.approval,
            "capability_route_decision": {
                "alias": profile.name,
                "lane": self.lane,
                "state": self.facts.lane_states.get(self.lane, "canary"),
            },
        }


def admit(mission: MissionV1, facts: AdmissionFacts, *, is_group: bool = False) -> Admission:
    """Judge a contract by what was measured. Of a group only what no member is asked itself."""
    inputs = [pair for pair in _inputs(mission, facts) if not is_group or pair[0] in OF_GROUP]
    checks = tuple(_judged(name, seen) for name, seen in inputs)
    results = {check.result for check in checks}
    decision: Literal["admitted", "refused", "busy"] = "admitted"
    if "deny" in results:
        decision = "refused"
    elif "busy" in results:
        decision = "busy"
    warnings = (*facts.warnings, *(f"{c.id}: {c.reason}" for c in checks if c.result == "warn"))
    is_weaker = any(check.id == "downgrade" and check.result == "warn" for check in checks)
    approval = "explicit" if is_weaker else "configured" if facts.requested else "not_required"
    classes = mission.scope.allowed_tool_classes
    return Admission(decision, checks, warnings, lane_of(mission), facts, classes, approval)


def _judged(name: str, seen: Json) -> Check:
    found = judged(name, seen)
    return Check(name, found.result, seen, found.reason, found.hint)


def _inputs(mission: MissionV1, facts: AdmissionFacts) -> Iterator[tuple[str, Json]]:
    """Yield the name of each check with what it is to judge."""
    yield "contract", {"sha256": contract_digest(mission)}
    for path, value in mission.unenforced:
        yield "enforcement", {"path": path, "value": value}
    yield from _of_profile(mission, facts)
    yield from _of_scope(mission, facts)
    if mission.is_packed and not mission.is_exact:
        seen: Json = {"tier": mission.tier, "named": _named_sources(mission)}
        yield "packed_sources", seen | {"has_searches": facts.has_searches}
    scope, profile = mission.scope, facts.profile
    opened = list(scope.exposed_classes)
    seen = {"exposure": profile.exposure, "local_only": scope.local_only, "opened": opened}
    yield "data_exposure", seen
    built = sorted({tool.tool_class for tool in TOOLS})
    yield "tool_classes", {"wanted": list(scope.allowed_tool_classes), "built": built}
    known = profile.output_price is not None
    yield "cost", {"max_cost_usd": mission.budget.max_cost_usd, "price_known": known}
    lane = lane_of(mission)
    state = facts.lane_states.get(lane, "canary")
    yield (
        "scorecard",
        {
            "alias": profile.name,
            "lane": lane,
            "state": state,
            "is_fallback": facts.requested is not None,
        },
    )
    yield "capacity", {"live_runs": facts.live_runs}
    yield "storage", {"fault": facts.storage_fault, "free_bytes": facts.free_bytes}


def _of_profile(mission: MissionV1, facts: AdmissionFacts) -> Iterator[tuple[str, Json]]:
    profile, lane = facts.profile, lane_of(mission)
    yield "profile_known", {"asked": facts.model_alias, "profile": profile.name}
    alias: Json = {"alias": facts.model_alias, "alias_tier": facts.alias_tier}
    yield "tier_alias", alias | {"tier": mission.tier, "profile": profile.name}
    strength = Strength(profile, facts.profile_lanes, facts.capability_tier, facts.wire)
    yield from _of_lane(lane, strength)
    waiting: Json = {
        "retry_after_seconds": facts.retry_after_seconds,
        "last_error": facts.last_error,
    }
    yield "provider", {"fault": facts.provider_fault, **waiting}
    policy = str(mission.document.get("fallback_policy", ""))
    both: Json = {"requested": facts.requested or facts.strength, "chosen": facts.strength}
    yield "downgrade", both | {"fallback_policy": policy}
    allowed = mission.scope.critical_path_read_allowed
    seen: Json = {"risk_tier": mission.risk_tier, "tier": mission.tier}
    yield "risk", seen | {"critical_path_read_allowed": allowed}


def _of_lane(lane: str, strength: "Strength") -> Iterator[tuple[str, Json]]:
    """Yield what a lane asks of a profile, whatever the contract."""
    profile = strength.profile
    yield "child_model", {"model": profile.upstream_model, "provider": profile.provider}
    yield "lane", {"lane": lane, "offered": list(strength.lanes)}
    yield "capability", {"tier": strength.capability_tier, "least": CAPABILITY_OF_LANE[lane]}
    yield "encoding", {"wire": strength.wire, "encoding": profile.action_encoding}
    yield "window", {"tokens": profile.context_window, "least": WINDOW_TOKENS_MIN[lane]}


@dataclass(frozen=True, slots=True)
class Strength:
    """What a profile brings to a lane."""

    profile: ProfileFacts
    lanes: tuple[str, ...]
    capability_tier: int
    wire: str


def why_not(lane: str, strength: Strength, fault: str = "") -> tuple[str, ...]:
    """Return why a profile is not admitted to a lane, whatever the contract; nothing if it is."""
    found = [judged(name, seen) for name, seen in _of_lane(lane, strength)]
    found.append(judged("provider", {"fault": fault}))
    return tuple(each.reason for each in found if each.result == "deny")


def _of_scope(mission: MissionV1, facts: AdmissionFacts) -> Iterator[tuple[str, Json]]:
    scope = mission.scope
    seen: Json = {
        "files": facts.readable_files,
        "bytes": facts.readable_bytes,
        "denied": facts.denied_files,
        "is_whole_project": "." in scope.allowed_roots,
        "allow_broad_read_scope": scope.allow_broad_read_scope,
        "may_be_empty": facts.may_be_empty or mission.tier == "A0",
    }
    yield "scope", seen
    if facts.absent_paths:
        yield "scope_paths", {"absent": list(facts.absent_paths)}
    for path, code in facts.refused_paths:
        yield "scope_path", {"path": path, "code": code}
    if facts.critical_files:
        allowed = scope.critical_path_read_allowed
        yield (
            "scope_critical",
            {"files": facts.critical_files, "critical_path_read_allowed": allowed},
        )


def _named_sources(mission: MissionV1) -> list[str]:
    """Return the files that the runtime reads for a model that cannot look by itself."""
    required = (source.path for each in mission.obligations for source in each.source_requirements)
    return list(dict.fromkeys((*mission.scope.allowed_paths, *mission.must_inspect, *required)))
