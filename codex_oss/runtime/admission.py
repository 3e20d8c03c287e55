"""Whether a mission may run: every check with the value it looked at, all of them at once.

A contract and the `AdmissionFacts` that somebody measured enter; an `Admission` leaves, which
stands in the first event of the run, so that a reader can judge it again (missions 4). No check
stops another: a refusal tells everything that is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from codex_oss.contract import TOOLS, MissionV1, contract_digest
from codex_oss.record import Json, ProfileFacts

FILES_WITHOUT_LEAVE_MAX = 2_000  # More readable files take allow_broad_read_scope.
WINDOW_TOKENS_MIN = 8_192
RUNS_MAX = 4  # At once, for a project, through all doors.
BUSY_SECONDS = 30
FREE_BYTES_MIN = 64 * 2**20

LANES = {
    "A4": ("patch_proposal", 3),
    "A5": ("implementation", 3),
    "A6": ("critical_simulation", 4),
}
INVESTIGATION = ("investigation", 1)
"""The lane of a tier, and the capability that it takes; a tier without a row investigates."""

Result = Literal["pass", "warn", "deny", "busy"]


@dataclass(frozen=True, slots=True)
class AdmissionFacts:
    """What was measured before the decision. `alias_tier` is 0 where no alias was asked for;
    `refused_paths` are (path, code) of the scope's entries that no rule lets in. A scope that
    `may_be_empty` names a file that is to be made; a packed report that `has_searches` needs no
    file."""

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


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    result: Result
    input: object
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
    """`admission.v1`."""

    decision: Literal["admitted", "refused", "busy"]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    profile: str
    lane: str
    route: str

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.result in ("deny", "busy"))

    def to_json(self) -> Json:
        return {
            "schema_version": "admission.v1",
            "decision": self.decision,
            "checks": [check.to_json() for check in self.checks],
            "warnings": list(self.warnings),
            "profile": self.profile,
            "lane": self.lane,
            "route": self.route,
        }


def admit(mission: MissionV1, facts: AdmissionFacts) -> Admission:
    """Judge a contract by what was measured."""
    checks = tuple(_checks(mission, facts))
    results = {check.result for check in checks}
    decision: Literal["admitted", "refused", "busy"] = "admitted"
    if "deny" in results:
        decision = "refused"
    elif "busy" in results:
        decision = "busy"
    warnings = (*facts.warnings, *(f"{c.id}: {c.reason}" for c in checks if c.result == "warn"))
    lane, _ = LANES.get(mission.tier, INVESTIGATION)
    return Admission(decision, checks, warnings, facts.profile.name, lane, facts.model_alias)


def _checks(mission: MissionV1, facts: AdmissionFacts) -> Iterator[Check]:
    yield Check("contract", "pass", contract_digest(mission))
    for path, value in mission.unenforced:
        hint = f"leave {path} at its default"
        yield Check("enforcement", "deny", {path: value}, f"not_enforced_yet:{path}", hint)
    yield _tier_alias(mission, facts)
    yield from _lane(mission, facts)
    yield _least(
        "window", facts.profile.context_window, WINDOW_TOKENS_MIN, "context_too_small", "tokens"
    )
    fault = facts.provider_fault
    hint = "set the provider's key, or use another profile (codex-oss mission run --profile)"
    yield Check("provider", "deny" if fault else "pass", fault, fault, hint if fault else "")
    yield from _scope(mission, facts)
    yield from _packed(mission, facts)
    yield _exposure(mission, facts)
    yield _tool_classes(mission)
    yield _cost(mission, facts)
    full = facts.live_runs >= RUNS_MAX
    why = f"capacity: {facts.live_runs} runs at once, try again in {BUSY_SECONDS}s"
    yield Check("capacity", "busy" if full else "pass", facts.live_runs, why if full else "")
    yield _storage(facts)


def _tier_alias(mission: MissionV1, facts: AdmissionFacts) -> Check:
    wanted = int(mission.tier[1:])
    read_only = wanted <= 3
    alias = facts.alias_tier
    fits = not alias or (read_only == (alias <= 3) and wanted <= alias)
    seen = {"alias": facts.model_alias, "tier": mission.tier}
    if fits:
        return Check("tier_alias", "pass", seen)
    hint = f"ask for mission-a{wanted}-{facts.profile.name}"
    return Check("tier_alias", "deny", seen, "tier_alias_mismatch", hint)


def _lane(mission: MissionV1, facts: AdmissionFacts) -> Iterator[Check]:
    lane, capability_min = LANES.get(mission.tier, INVESTIGATION)
    seen = {"lane": lane, "offered": list(facts.profile_lanes)}
    is_offered = lane in facts.profile_lanes
    hint = "run: codex-oss mission run --help, for the profiles there are"
    yield (
        Check("lane", "pass", seen)
        if is_offered
        else Check("lane", "deny", seen, "lane_not_offered", hint)
    )
    yield _least("capability", facts.capability_tier, capability_min, "capability_too_low", "tier")


def _least(name: str, value: int, least: int, code: str, unit: str) -> Check:
    if value >= least:
        return Check(name, "pass", value)
    return Check(name, "deny", value, code, f"{value} {unit}, at least {least}")


def _scope(mission: MissionV1, facts: AdmissionFacts) -> Iterator[Check]:
    count: Json = {"files": facts.readable_files, "bytes": facts.readable_bytes}
    if not facts.readable_files and not facts.may_be_empty:
        hint = "name folders or files that exist: allowed_roots, allowed_paths"
        yield Check(
            "scope", "deny", {**count, "absent": list(facts.absent_paths)}, "scope_empty", hint
        )
    elif (
        facts.readable_files > FILES_WITHOUT_LEAVE_MAX and not mission.scope.allow_broad_read_scope
    ):
        hint = (
            f"{facts.readable_files} readable files, at most {FILES_WITHOUT_LEAVE_MAX} unless"
            " allow_broad_read_scope is true"
        )
        yield Check("scope", "deny", count, "broad_scope", hint)
    else:
        yield Check("scope", "pass", count)
    if facts.absent_paths:
        yield Check("scope_paths", "warn", list(facts.absent_paths), "path_absent")
    for path, code in facts.refused_paths:
        leads_out = code in ("symlink_escape", "symlink_out_of_scope")
        hint = "name a path that may be read"
        yield Check("scope_path", "deny", path, "scope_escape" if leads_out else code, hint)
    if facts.critical_files and not mission.scope.critical_path_read_allowed:
        why = f"critical_path: {facts.critical_files} files are left out"
        yield Check("scope_critical", "warn", facts.critical_files, why)


def _packed(mission: MissionV1, facts: AdmissionFacts) -> Iterator[Check]:
    """Judge whether the runtime has something to read for a model that cannot look by itself."""
    if not mission.is_packed:
        return
    required = (source.path for each in mission.obligations for source in each.source_requirements)
    named = list(dict.fromkeys((*mission.scope.allowed_paths, *mission.must_inspect, *required)))
    if named or facts.has_searches:
        yield Check("packed_sources", "pass", named)
    else:
        hint = f"{mission.tier} reads the files that allowed_paths names: name some, or ask for A2"
        yield Check("packed_sources", "deny", named, "nothing_to_read", hint)


def _exposure(mission: MissionV1, facts: AdmissionFacts) -> Check:
    exposure, opened = facts.profile.exposure, list(mission.scope.exposed_classes)
    seen = {"exposure": exposure, "local_only": mission.scope.local_only, "opened": opened}
    if mission.scope.local_only and exposure != "local":
        hint = "use a profile on this machine, or drop data_exposure.local_only"
        return Check("data_exposure", "deny", seen, "exposure_not_allowed", hint)
    if opened and exposure != "local":
        return Check("data_exposure", "warn", seen, "opened_classes_leave_this_machine")
    return Check("data_exposure", "pass", seen)


def _tool_classes(mission: MissionV1) -> Check:
    wanted, built = mission.scope.allowed_tool_classes, {tool.tool_class for tool in TOOLS}
    if built.issuperset(wanted):
        return Check("tool_classes", "pass", list(wanted))
    hint = f"there are {', '.join(sorted(built))}"
    return Check("tool_classes", "deny", list(wanted), "tool_class_not_allowed", hint)


def _cost(mission: MissionV1, facts: AdmissionFacts) -> Check:
    limit, known = mission.budget.max_cost_usd, facts.profile.output_price is not None
    seen = {"max_cost_usd": limit, "price_known": known}
    if limit is None or known:
        return Check("cost", "pass", seen)
    hint = "give the profile its prices, or leave max_cost_usd out"
    return Check("cost", "deny", seen, "price_unknown", hint)


def _storage(facts: AdmissionFacts) -> Check:
    fault = facts.storage_fault
    if not fault and facts.free_bytes < FREE_BYTES_MIN:
        fault = f"{facts.free_bytes} bytes free, at least {FREE_BYTES_MIN}"
    if not fault:
        return Check("storage", "pass", facts.free_bytes)
    return Check("storage", "deny", facts.free_bytes, "storage_unavailable", fault)
