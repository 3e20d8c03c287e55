"""The command that lists the models: every profile with its aliases, and the reason why not."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from codex_oss.cli.output import Console, Result, table
from codex_oss.cli.workshops import open_workshop
from codex_oss.missions import strength_of
from codex_oss.profiles import LANE_OF_ALIAS, ModelProfile, Prices
from codex_oss.record import Json, lane_states
from codex_oss.runtime import why_not

HEAD = ("PROFILE", "MODEL", "PROVIDER", "WINDOW", "USD IN/OUT", "ALIASES")
MICROUSD = 1_000_000


def profiles_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="one of them, by any of its names")


def profiles(arguments: Namespace, console: Console) -> Result:
    workshop = open_workshop(arguments, console)
    registry, fault = workshop.registry, workshop.shop.fault
    cards = workshop.desk.archive.scorecards()
    wanted = registry.resolve(arguments.name) if arguments.name else None
    rows = [
        _row(profile, names, fault(profile), lane_states(cards, profile.name))
        for profile, names in registry.profiles()
        if wanted in (None, profile)
    ]
    text = table(HEAD, map(_cells, rows))
    if wanted:
        text += "".join(f"\n{line}" for line in _reasons(rows[0]))
    return Result({"schema_version": "profiles.v1", "profiles": rows}, text)


def _row(profile: ModelProfile, names: tuple[str, ...], fault: str, states: dict[str, str]) -> Json:
    return {
        "name": profile.name,
        "upstream_model": profile.upstream_model,
        "provider": profile.provider.name,
        "wire": profile.wire,
        "exposure": profile.exposure,
        "context_window": profile.context_window,
        "max_output_tokens": profile.max_output_tokens,
        "prices": _prices(profile.prices),
        "capability_tier": profile.capability_tier,
        "action_encoding": profile.action_encoding,
        "lanes": list(profile.lanes),
        "fallbacks": list(profile.fallbacks),
        "fault": fault,
        "names": list(names),
        "aliases": list(_aliases(profile, fault)),
        "lane_states": states,
    }


def _aliases(profile: ModelProfile, fault: str) -> Iterator[Json]:
    """Yield the mission aliases, each with its lane and why it is not admitted."""
    for digit, lane in LANE_OF_ALIAS.items():
        reasons = list(why_not(lane, strength_of(profile), fault))
        alias = f"mission-a{digit}-{profile.name}"
        yield {"alias": alias, "lane": lane, "is_admitted": not reasons, "reasons": reasons}


def _prices(prices: Prices | None) -> Json | None:
    """Return USD per million tokens as text, which keeps every digit."""
    if prices is None:
        return None
    named = {"input": prices.input, "output": prices.output, "cache_read": prices.cache_read,
             "cache_write": prices.cache_write}  # fmt: skip
    return {name: None if value is None else _usd(value) for name, value in named.items()}


def _usd(micro: int) -> str:
    whole, rest = divmod(micro, MICROUSD)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def _cells(row: Json) -> tuple[str, ...]:
    prices, aliases = row["prices"], row["aliases"]
    paid = f"{prices['input']}/{prices['output']}" if isinstance(prices, dict) else "unknown"
    tiers = (
        [a["alias"][9] for a in aliases if a["is_admitted"]] if isinstance(aliases, list) else []
    )
    told = " ".join(f"a{digit}" for digit in tiers) or str(row["fault"] or "none")
    name, model, provider = (str(row[key]) for key in ("name", "upstream_model", "provider"))
    return name, model, provider, str(row["context_window"]), paid, told


def _reasons(row: Json) -> Iterator[str]:
    aliases = row["aliases"]
    for each in aliases if isinstance(aliases, list) else []:
        why = "; ".join(each["reasons"])
        yield f"{each['alias']} ({each['lane']}): {'yes' if each['is_admitted'] else why}"
