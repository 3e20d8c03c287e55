"""The checks of admission: each a function of what was looked at, and of nothing else.

A check's name and its input as JSON enter, a `Judgment` leaves: what stands in a log can be judged
again by whoever reads it (missions 4).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from codex_oss.profiles import OPENCODE_GO, is_gpt_name

FILES_WITHOUT_LEAVE_MAX = 2_000  # More readable files take allow_broad_read_scope.
RUNS_MAX = 4  # At once, for a project, through all doors.
BUSY_SECONDS = 30
PROVIDER_BUSY_SECONDS_MAX = 60  # Whoever has to wait longer for a provider is refused.
FREE_BYTES_MIN = 64 * 2**20
BRIDGE_PROVIDER = "opencode_bridge"  # Asking ourselves would be a mission in a circle.
LINKS_OUT = ("symlink_escape", "symlink_out_of_scope")
PROFILES_HINT = "run: codex-oss profiles, for what there is"

Result = Literal["pass", "warn", "deny", "busy"]
Seen = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Judgment:
    """`reason` begins with the code of the refusal."""

    result: Result
    reason: str = ""
    hint: str = ""


PASS = Judgment("pass")


def judged(check: str, seen: Seen) -> Judgment:
    """Return what a check makes of its input."""
    return RULES[check](seen)


def _contract(seen: Seen) -> Judgment:
    return PASS if seen.get("sha256") else Judgment("deny", "invalid_mission")


def _enforcement(seen: Seen) -> Judgment:
    path = _text(seen, "path")
    return Judgment(
        "deny", f"not_enforced_yet:{path}", f"README, Not enforced yet, says what {path} may be"
    )


def _profile_known(seen: Seen) -> Judgment:
    return PASS if seen.get("profile") else Judgment("deny", "unknown_profile", PROFILES_HINT)


def _child_model(seen: Seen) -> Judgment:
    model, provider = _text(seen, "model"), _text(seen, "provider")
    if provider == BRIDGE_PROVIDER or (is_gpt_name(model) and provider != OPENCODE_GO.name):
        return Judgment("deny", "gpt_child_forbidden", "name an open model: codex-oss profiles")
    return PASS


def _tier_alias(seen: Seen) -> Judgment:
    alias, tier = _count(seen, "alias_tier"), _text(seen, "tier")
    wanted = int(tier[1:])
    if not alias or ((wanted <= 3) == (alias <= 3) and wanted <= alias):
        return PASS
    hint = f"ask for mission-a{max(2, wanted)}-{_text(seen, 'profile')}"
    return Judgment("deny", "tier_alias_mismatch", hint)


def _lane(seen: Seen) -> Judgment:
    if seen.get("lane") in _texts(seen, "offered"):
        return PASS
    return Judgment("deny", "lane_not_offered", PROFILES_HINT)


def _capability(seen: Seen) -> Judgment:
    return _least(seen, "tier", "capability_too_low")


def _window(seen: Seen) -> Judgment:
    return _least(seen, "tokens", "context_too_small")


def _least(seen: Seen, unit: str, code: str) -> Judgment:
    value, least = _count(seen, unit), _count(seen, "least")
    if value >= least:
        return PASS
    return Judgment("deny", code, f"{value} {unit}, at least {least}")


def _encoding(seen: Seen) -> Judgment:
    if seen.get("wire") in ("chat", "anthropic"):
        return PASS
    hint = "use a profile whose wire is translated: chat or anthropic"
    return Judgment("deny", "no_action_encoding", hint)


def _provider(seen: Seen) -> Judgment:
    if fault := _text(seen, "fault"):
        hint = "set the provider's key, or use another profile (codex-oss mission run --profile)"
        return Judgment("deny", fault, hint)
    if not (seconds := _count(seen, "retry_after_seconds")):
        return PASS
    reason = f"provider_unavailable: {_text(seen, 'last_error')}, try again in {seconds}s"
    is_soon = seconds <= PROVIDER_BUSY_SECONDS_MAX
    return Judgment("busy" if is_soon else "deny", reason, "or use another profile")


def _downgrade(seen: Seen) -> Judgment:
    lost = ", ".join(weaknesses(_part(seen, "requested"), _part(seen, "chosen")))
    if not lost:
        return PASS
    if seen.get("fallback_policy") == "allow_weaker":
        return Judgment("warn", f"weaker than asked for: {lost}")
    hint = "fallback_policy allow_weaker lets a weaker model go on"
    return Judgment("deny", f"capability_downgrade_refused: {lost}", hint)


def weaknesses(requested: Seen, chosen: Seen) -> Iterator[str]:
    """Yield in what a profile is weaker than another: capability, window, encoding, exposure."""
    for name in ("capability_tier", "context_window"):
        if _count(chosen, name) < _count(requested, name):
            yield f"{name} {_count(chosen, name)} instead of {_count(requested, name)}"
    for name, worse in (("encoding", "json_action"), ("exposure", "remote")):
        if chosen.get(name) == worse != requested.get(name, worse):
            yield f"{name} {worse} instead of {requested.get(name)}"


def _risk(seen: Seen) -> Judgment:
    tier = _text(seen, "tier")
    if seen.get("risk_tier") != "critical" or tier in ("A0", "A6"):
        return PASS
    if tier in ("A4", "A5"):
        return Judgment("deny", "critical_write_needs_a6", "take tier A6, or a lower risk_tier")
    if seen.get("critical_path_read_allowed") is True:
        return Judgment("warn", "critical: the mission ends ESCALATE at best")
    hint = "set critical_path_read_allowed with its reason, or a lower risk_tier"
    return Judgment("deny", "critical_read_not_allowed", hint)


def _scope(seen: Seen) -> Judgment:
    files = _count(seen, "files")
    if not files and seen.get("may_be_empty") is not True:
        hint = "name folders or files that exist: allowed_roots, allowed_paths"
        return Judgment("deny", "scope_empty", hint)
    is_broad = seen.get("is_whole_project") is True or files > FILES_WITHOUT_LEAVE_MAX
    if not is_broad or seen.get("allow_broad_read_scope") is True:
        return PASS
    hint = (
        f"{files} readable files; the whole project, or more than {FILES_WITHOUT_LEAVE_MAX} files,"
        " needs allow_broad_read_scope true"
    )
    return Judgment("deny", "broad_scope", hint)


def _scope_paths(seen: Seen) -> Judgment:
    return Judgment("warn", "path_absent") if _texts(seen, "absent") else PASS


def _scope_path(seen: Seen) -> Judgment:
    code = _text(seen, "code")
    code = "scope_escape" if code in LINKS_OUT else code
    return Judgment("deny", code, "name a path that may be read")


def _scope_critical(seen: Seen) -> Judgment:
    files = _count(seen, "files")
    if not files or seen.get("critical_path_read_allowed") is True:
        return PASS
    return Judgment("warn", f"critical_path: {files} files are left out")


def _packed_sources(seen: Seen) -> Judgment:
    if _texts(seen, "named") or seen.get("has_searches") is True:
        return PASS
    tier = _text(seen, "tier")
    hint = f"{tier} reads the files that allowed_paths names: name some, or ask for A2"
    return Judgment("deny", "nothing_to_read", hint)


def _data_exposure(seen: Seen) -> Judgment:
    is_local = seen.get("exposure") == "local"
    if seen.get("local_only") is True and not is_local:
        hint = "use a profile on this machine, or drop data_exposure.local_only"
        return Judgment("deny", "exposure_not_allowed", hint)
    if _texts(seen, "opened") and not is_local:
        return Judgment("warn", "opened_classes_leave_this_machine")
    return PASS


def _tool_classes(seen: Seen) -> Judgment:
    built = _texts(seen, "built")
    if set(built).issuperset(_texts(seen, "wanted")):
        return PASS
    return Judgment("deny", "tool_class_not_allowed", f"there are {', '.join(built)}")


def _cost(seen: Seen) -> Judgment:
    if seen.get("max_cost_usd") is None or seen.get("price_known") is True:
        return PASS
    return Judgment("deny", "price_unknown", "give the profile its prices, or no max_cost_usd")


def _scorecard(seen: Seen) -> Judgment:
    match seen.get("state"):
        case "blocked":
            alias = f"{_text(seen, 'alias')}:{_text(seen, 'lane')}"
            return Judgment("deny", "lane_blocked", f"{alias} had an unsafe incident")
        case "downgraded" if seen.get("is_fallback") is True:
            return Judgment("deny", "lane_downgraded", "it runs when it is named itself")
        case "downgraded":
            return Judgment("warn", "lane_downgraded: few of its last runs were accepted")
    return PASS


def _capacity(seen: Seen) -> Judgment:
    runs = _count(seen, "live_runs")
    if runs < RUNS_MAX:
        return PASS
    return Judgment("busy", f"capacity: {runs} runs at once, try again in {BUSY_SECONDS}s")


def _storage(seen: Seen) -> Judgment:
    fault, free = _text(seen, "fault"), _count(seen, "free_bytes")
    if not fault and free < FREE_BYTES_MIN:
        fault = f"{free} bytes free, at least {FREE_BYTES_MIN}"
    return Judgment("deny", "storage_unavailable", fault) if fault else PASS


RULES: Mapping[str, Callable[[Seen], Judgment]] = {
    "contract": _contract,
    "enforcement": _enforcement,
    "profile_known": _profile_known,
    "child_model": _child_model,
    "tier_alias": _tier_alias,
    "lane": _lane,
    "capability": _capability,
    "encoding": _encoding,
    "window": _window,
    "provider": _provider,
    "downgrade": _downgrade,
    "risk": _risk,
    "scope": _scope,
    "scope_paths": _scope_paths,
    "scope_path": _scope_path,
    "scope_critical": _scope_critical,
    "packed_sources": _packed_sources,
    "data_exposure": _data_exposure,
    "tool_classes": _tool_classes,
    "cost": _cost,
    "scorecard": _scorecard,
    "capacity": _capacity,
    "storage": _storage,
}
"""Every check there is. A name that is not here cannot be judged."""


def _text(seen: Seen, name: str) -> str:
    value = seen.get(name)
    return value if isinstance(value, str) else ""


def _count(seen: Seen, name: str) -> int:
    value = seen.get(name)
    return value if isinstance(value, int) else 0


def _texts(seen: Seen, name: str) -> list[str]:
    value = seen.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []


def _part(seen: Seen, name: str) -> Seen:
    value = seen.get(name)
    return value if isinstance(value, Mapping) else {}
