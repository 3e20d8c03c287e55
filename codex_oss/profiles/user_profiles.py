"""Profiles that a user writes: JSON or TOML in, `ModelProfile`s out.

All faults of a text are told at once, each with the profile and the key that it is about. What a
profile does not say is as its family and its provider have it (bridge 6).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from codex_oss.chat import EFFORTS, Dialect
from codex_oss.errors import BadSettings, Fault
from codex_oss.profiles.built_in import REHEARSAL
from codex_oss.profiles.dialects import family_of, named_family, placed
from codex_oss.profiles.profile import (
    CAPABILITY_TIER,
    LANES,
    OUTPUT_TOKENS,
    SECONDS,
    WINDOW_TOKENS,
    ModelProfile,
    Prices,
    Provider,
    WireName,
    micro_usd,
)
from codex_oss.profiles.profile_keys import DIALECT_KEYS, KEYS, LANE_NAMES, is_at
from codex_oss.profiles.providers import PRESETS

Json = Mapping[str, Any]
"""Of a text whose every value was held against the tables of keys."""

UNABLE: Mapping[str, tuple[str, Any]] = {
    "reasoning_replay": ("replay", "none"),
    "json_output": ("response_formats", ()),
}
"""What a dialect says of a model that lacks a capability."""

_is_name = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}").fullmatch


def parse_profiles(text: str, source: str = "PROFILES_JSON") -> tuple[ModelProfile, ...]:
    """Return the profiles of a JSON text, none for an empty one, or raise `BadSettings` with every
    fault."""
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadSettings(f"{source} is not JSON: {error}") from None
    return _profiles(document, source)


def parse_toml_profiles(text: str, source: str) -> tuple[ModelProfile, ...]:
    """Do the same for a TOML text, a table a profile. `source` is the name of its file."""
    import tomllib  # Only who has such a file pays for loading it.

    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSettings(f"{source} is not TOML: {error}") from None
    return _profiles(document, source)


def _profiles(document: object, source: str) -> tuple[ModelProfile, ...]:
    if not isinstance(document, dict):
        raise BadSettings(f"{source}: expected an object, profiles by name")
    faults = [
        fault
        for name, body in document.items()
        for fault in _faults(name, body, f"{source}.{name}")
    ]
    if faults:
        raise BadSettings("; ".join(map(str, faults)), faults=faults)
    return tuple(_profile(name, body) for name, body in document.items())


def _faults(name: str, body: object, path: str) -> Iterator[Fault]:
    if not _is_name(name) or name == REHEARSAL:
        told = f"expected 1 to 48 of a-z, 0-9, `.`, `_`, `-` as name, and not {REHEARSAL}"
        yield Fault(path, "bad_value", told)
    if not isinstance(body, dict):
        yield Fault(path, "wrong_type", "expected an object")
        return
    bad = {key for key, value in body.items() if key not in KEYS or not KEYS[key][1](value)}
    for key in (key for key in body if key in bad):
        yield from _faults_of(key, body[key], f"{path}.{key}")
    if bad:
        return
    if not (url := _provider(body).base_url):
        yield Fault(f"{path}.base_url", "missing", "expected one: this provider has none")
    elif body.get("exposure") == "local" and not is_at(url, "private"):
        yield Fault(f"{path}.exposure", "bad_value", "base_url leaves the local network")


def _faults_of(key: str, value: object, path: str) -> Iterator[Fault]:
    """Yield what is wrong with one key: of a dialect, each of its flags that is."""
    expected = KEYS[key][0] if key in KEYS else f"one of the keys {', '.join(KEYS)}"
    flags = value if key == "dialect" and isinstance(value, dict) else {}
    for flag, each in flags.items():
        known = DIALECT_KEYS.get(flag)
        if not known:
            yield Fault(f"{path}.{flag}", "bad_value", f"expected {expected}")
        elif not known[1](each):
            yield Fault(f"{path}.{flag}", "bad_value", f"expected {known[0]}")
    if not flags:
        yield Fault(path, "bad_value", f"expected {expected}")


def _profile(name: str, body: Json) -> ModelProfile:
    provider = _provider(body)
    wire: WireName = body.get("wire", "chat")
    stays_here = is_at(provider.base_url, "private") and body.get("exposure") != "remote"
    calls = body.get("capabilities", {}).get("tool_call", True)
    lanes = [LANE_NAMES[lane] for lane in body.get("lanes", LANES)]
    return ModelProfile(
        name=name,
        upstream_model=body.get("upstream_model", name),
        provider=provider,
        context_window=body.get("context_window", WINDOW_TOKENS),
        max_output_tokens=body.get("max_output_tokens", OUTPUT_TOKENS),
        prices=_prices(body.get("prices")),
        capability_tier=body.get("capability_tier", CAPABILITY_TIER),
        # Missions run on the wires that are translated.
        lanes=tuple(dict.fromkeys(lanes)) if wire != "responses" else (),
        exposure="local" if stays_here else "remote",
        first_byte_seconds=body.get("first_byte_seconds", SECONDS),
        idle_seconds=body.get("idle_seconds", SECONDS),
        wire=wire,
        dialect=_dialect(name, body, provider, wire),
        concurrency=body.get("concurrency"),
        fallbacks=tuple(body.get("fallbacks", ())),
        limits=tuple(body.get("limits", {}).items()),
        action_encoding=body.get("action_encoding", "auto" if calls else "json_action"),
    )


def _prices(usd: Mapping[str, float] | None) -> Prices | None:
    if usd is None:
        return None
    micro = {key: micro_usd(price) for key, price in usd.items()}
    cache = micro.get("cache_read"), micro.get("cache_write")
    return Prices(micro["input"], micro["output"], *cache)


def _provider(body: Json) -> Provider:
    preset = PRESETS[body.get("provider", "openai_compatible")]
    return Provider(
        preset.name, body.get("base_url", preset.base_url), body.get("key_env", preset.key_env)
    )


def _dialect(name: str, body: Json, provider: Provider, wire: WireName) -> Dialect:
    """Return the family's dialect with the facts of this profile, where it is served, with what
    the profile says of it."""
    model = body.get("upstream_model", name)
    family = named_family(body["family"]) if "family" in body else family_of(model)
    efforts = body.get("efforts", family.dialect.efforts)
    modalities = body.get("modalities")
    dialect = replace(
        family.dialect,
        model=name,
        modalities=None if modalities is None else tuple(modalities),
        output_tokens_max=body.get("max_output_tokens"),
        efforts=tuple(effort for effort in EFFORTS if effort in efforts),
    )
    able = body.get("capabilities", {})
    unable = {flag: what for name, (flag, what) in UNABLE.items() if not able.get(name, True)}
    flags = {flag: _frozen(flag, value) for flag, value in body.get("dialect", {}).items()}
    return replace(placed(dialect, provider.name, wire), **{**unable, **flags})


def _frozen(flag: str, value: Any) -> Any:
    if isinstance(value, list):
        return frozenset(value) if flag == "refused" else tuple(value)
    return value
