"""Measure what admission judges: scope, provider, capacity, storage, as they are at this moment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from codex_oss.contract import MissionV1
from codex_oss.errors import BridgeError, Fault
from codex_oss.layout import Layout
from codex_oss.profiles import ModelProfile, Prices
from codex_oss.record import EXACT_WRITE, Json, PriceFacts, ProfileFacts
from codex_oss.runtime import AdmissionFacts, Strength
from codex_oss.system import free_bytes, private_folder
from codex_oss.tools import ScopeSurvey


@dataclass(frozen=True, slots=True)
class Order:
    """What a door asks for: a contract, the profile that is to work on it, and how it came in.
    `pack` are further limits of a packed report: `excerpt_bytes_max`, and `searches` that the
    runtime makes first, as (pattern, path)."""

    mission: MissionV1
    profile: ModelProfile
    model_alias: str
    alias_tier: int
    door: str
    warnings: tuple[Fault, ...] = ()
    run_key: str = ""
    route_class: str = ""
    pack: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """The readable files of a scope with their bytes, and what it names and cannot be read."""

    files: Mapping[str, int]
    missing: tuple[tuple[str, str], ...]


def profile_facts(profile: ModelProfile) -> ProfileFacts:
    """Return what the log keeps of a profile, its prices above all."""
    prices = profile.prices
    return ProfileFacts(
        name=profile.name,
        upstream_model=profile.upstream_model,
        exposure=profile.exposure,
        context_window=profile.context_window,
        max_output_tokens=profile.max_output_tokens,
        provider=profile.provider.name,
        input_price=prices.input if prices else None,
        cached_price=prices.cache_read if prices else None,
        output_price=prices.output if prices else None,
        written_price=prices.cache_write if prices else None,
        long_tokens=prices.long_tokens if prices else None,
        long=_price_facts(prices.long) if prices and prices.long else None,
        family=profile.family,
        action_encoding=profile.action_encoding,
    )


def _price_facts(prices: Prices) -> PriceFacts:
    return PriceFacts(prices.input, prices.output, prices.cache_read, prices.cache_write)


def strength_of(profile: ModelProfile) -> Strength:
    """Return what a profile brings to a lane."""
    facts = profile_facts(profile)
    return Strength(facts, profile.lanes, profile.capability_tier, profile.wire)


def reductions(order: Order, seconds_max: int | None) -> list[Json]:
    """Return what profile and settings leave of the contract's budget, limit by limit. Where they
    say the same, both are the reason."""
    asked = asdict(order.mission.budget)
    caps = [(name, most, "profile_cap") for name, most in order.profile.limits]
    caps += [("time_budget_seconds", seconds_max, "request_deadline")] if seconds_max else []
    cuts: dict[str, Json] = {}
    for name, most, reason in caps:
        wanted, cut = asked[name], cuts.get(name)
        if wanted is not None and wanted <= most or cut and most > int(str(cut["effective"])):
            continue
        if cut and cut["effective"] == most:
            reason = f"{cut['reason']}+{reason}"
        cuts[name] = {"limit": name, "requested": wanted, "effective": most, "reason": reason}
    return list(cuts.values())


def renamed(order: Order, mission_id: str) -> Order:
    """Return the order with a word on another name than the contract's: that one is bound to
    another contract already."""
    asked = order.mission.mission_id
    if mission_id == asked:
        return order
    told = f"another contract has this id: this one runs as {mission_id}"
    warning = Fault("$.mission_id", "mission_id_renamed", told, got=asked)
    return replace(order, warnings=(*order.warnings, warning))


def find_facts(
    order: Order,
    survey: ScopeSurvey,
    layout: Layout,
    provider_fault: Callable[[ModelProfile], str],
    live_runs: int,
    seconds_max: int | None = None,
) -> AdmissionFacts:
    """Return everything that `admit` looks at."""
    storage_fault, free = _storage(layout)
    return AdmissionFacts(
        profile=profile_facts(order.profile),
        model_alias=order.model_alias,
        alias_tier=order.alias_tier,
        capability_tier=order.profile.capability_tier,
        profile_lanes=order.profile.lanes,
        provider_fault=provider_fault(order.profile),
        wire=order.profile.wire,
        denied_files=survey.denied,
        readable_files=survey.readable_files,
        readable_bytes=survey.bytes,
        absent_paths=survey.absent,
        critical_files=survey.critical,
        refused_paths=tuple((denied.path, denied.code) for denied in survey.refused),
        live_runs=live_runs,
        free_bytes=free,
        storage_fault=storage_fault,
        may_be_empty=order.route_class == EXACT_WRITE,
        has_searches=bool(order.pack.get("searches")),
        warnings=(
            *(f"{fault.code}: {fault}" for fault in order.warnings),
            *(
                f"budget_reduced: {cut['limit']} {cut['requested']} -> {cut['effective']}"
                f" ({cut['reason']})"
                for cut in reductions(order, seconds_max)
            ),
        ),
    )


def _storage(layout: Layout) -> tuple[str, int]:
    """Return why no log can be kept here, or "", and how many bytes are free for one."""
    try:
        layout.make()
        for folder in (layout.runs, layout.heads):
            if not os.access(private_folder(folder), os.W_OK):
                return f"{folder} may only be read", 0
        return "", free_bytes(layout.runs)
    except (OSError, BridgeError) as error:
        return str(error), 0


def without_floats(value: object) -> object:
    """Return JSON with its floats as text: a log has none, and an `x_` key may hold any JSON."""
    match value:
        case float():
            return repr(value)
        case dict():
            return {key: without_floats(item) for key, item in value.items()}
        case list():
            return [without_floats(item) for item in value]
    return value
