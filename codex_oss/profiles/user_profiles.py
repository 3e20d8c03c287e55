"""Profiles that a user writes: the text of `PROFILES_JSON` in, `ModelProfile`s out.

All faults are told at once, each with the profile and the key that it is about. A key that is not
in `KEYS` is a fault: a misspelt limit must not pass for a set one (bridge 6).
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from codex_oss.errors import BadSettings, Fault
from codex_oss.profiles.built_in import PRESETS, REHEARSAL
from codex_oss.profiles.profile import (
    CAPABILITY_OF_LANE,
    CAPABILITY_TIER,
    LANES,
    OUTPUT_TOKENS,
    SECONDS,
    WINDOW_TOKENS,
    ModelProfile,
    Prices,
    Provider,
)

USD_MAX = 100_000  # A million tokens: beyond it somebody wrote another unit.

Json = Mapping[str, object]
Check = Callable[[object], bool]

_SOURCE = "PROFILES_JSON"
_LANES = {lane: lane for lane in CAPABILITY_OF_LANE} | {  # Older names beside ours.
    "scout": "investigation",
    "review": "investigation",
    "docs_support": "investigation",
    "bounded_write": "implementation",
}
_is_name = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}").fullmatch
_is_variable = re.compile(r"[A-Z][A-Z0-9_]{0,63}").fullmatch


def parse_profiles(text: str) -> tuple[ModelProfile, ...]:
    """Return the profiles, none for an empty text, or raise `BadSettings` with every fault."""
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadSettings(f"{_SOURCE} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadSettings(f"{_SOURCE}: expected an object, profiles by name")
    faults = [fault for name, body in document.items() for fault in _faults(name, body)]
    if faults:
        raise BadSettings("; ".join(map(str, faults)), faults=faults)
    return tuple(_profile(name, body) for name, body in document.items())


def _integer(low: int, high: int) -> tuple[str, Check]:
    told = f"an integer from {low:,} to {high:,}"
    return told, lambda value: type(value) is int and low <= value <= high


def _text(told: str, holds: Callable[[str], object]) -> tuple[str, Check]:
    return told, lambda value: isinstance(value, str) and bool(holds(value))


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_plain = parts.port != 0 and not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_at(url, "loopback"))
    return bool(parts.hostname) and is_plain and is_safe


def _is_at(url: str, place: str) -> bool:
    """Return whether what is sent there stays at this place, "loopback" or "private"."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback if place == "loopback" else address.is_private


def _are_prices(value: object) -> bool:
    if not isinstance(value, dict) or not {"input", "output"} <= value.keys():
        return False
    return value.keys() <= {"input", "output", "cache_read"} and all(
        type(usd) in (int, float) and 0 <= usd <= USD_MAX for usd in value.values()
    )


def _are_lanes(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) and x in _LANES for x in value)


KEYS: dict[str, tuple[str, Check]] = {
    "provider": _text(f"one of {', '.join(PRESETS)}", PRESETS.__contains__),
    "base_url": _text("https://HOST/PATH, or http to this machine", _is_base_url),
    "key_env": _text("the name of a variable, in capitals", _is_variable),
    "upstream_model": _text("1 to 200 characters", lambda name: 1 <= len(name) <= 200),
    "wire": _text("chat", "chat".__eq__),
    "context_window": _integer(1_024, 100_000_000),
    "max_output_tokens": _integer(1, 100_000_000),
    "prices": ("USD per million tokens of input, output and cache_read", _are_prices),
    "capability_tier": _integer(1, 5),
    "lanes": (f"a list of {', '.join(_LANES)}", _are_lanes),
    "exposure": _text("local or remote", ("local", "remote").__contains__),
    "first_byte_seconds": _integer(1, 3_600),
    "idle_seconds": _integer(1, 3_600),
}


def _faults(name: str, body: object) -> Iterator[Fault]:
    path = f"{_SOURCE}.{name}"
    if not _is_name(name) or name == REHEARSAL:
        told = f"expected 1 to 48 of a-z, 0-9, `.`, `_`, `-` as name, and not {REHEARSAL}"
        yield Fault(path, "bad_value", told)
    if not isinstance(body, dict):
        yield Fault(path, "wrong_type", "expected an object")
        return
    bad = [key for key, value in body.items() if key not in KEYS or not KEYS[key][1](value)]
    for key in bad:
        expected = KEYS[key][0] if key in KEYS else f"one of the keys {', '.join(KEYS)}"
        yield Fault(f"{path}.{key}", "bad_value", f"expected {expected}")
    if bad:
        return
    if not (url := _provider(body).base_url):
        yield Fault(f"{path}.base_url", "missing", "expected one: this provider has none")
    elif body.get("exposure") == "local" and not _is_at(url, "private"):
        yield Fault(f"{path}.exposure", "bad_value", "base_url leaves the local network")


def _provider(body: Json) -> Provider:
    preset = PRESETS[str(body.get("provider", "openai_compatible"))]
    return Provider(
        preset.name,
        str(body.get("base_url", preset.base_url)),
        str(body.get("key_env", preset.key_env)),
    )


def _profile(name: str, body: Json) -> ModelProfile:
    """Build what `_faults` found nothing wrong with."""
    provider = _provider(body)
    stays_here = _is_at(provider.base_url, "private") and body.get("exposure") != "remote"
    return ModelProfile(
        name=name,
        upstream_model=str(body.get("upstream_model", name)),
        provider=provider,
        context_window=_number(body, "context_window", WINDOW_TOKENS),
        max_output_tokens=_number(body, "max_output_tokens", OUTPUT_TOKENS),
        prices=_prices(body.get("prices")),
        capability_tier=_number(body, "capability_tier", CAPABILITY_TIER),
        lanes=_lanes(body.get("lanes")),
        exposure="local" if stays_here else "remote",
        first_byte_seconds=_number(body, "first_byte_seconds", SECONDS),
        idle_seconds=_number(body, "idle_seconds", SECONDS),
    )


def _number(body: Json, key: str, default: int) -> int:
    value = body.get(key)
    return value if isinstance(value, int) else default


def _prices(usd: object) -> Prices | None:
    if not isinstance(usd, dict):
        return None
    return Prices(**{name: round(price * 1_000_000) for name, price in usd.items()})


def _lanes(names: object) -> tuple[str, ...]:
    if not isinstance(names, list):
        return LANES
    return tuple(dict.fromkeys(_LANES[name] for name in names))
