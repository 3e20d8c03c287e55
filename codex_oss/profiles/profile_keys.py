"""The keys of a profile that a user writes, and of the dialect in it: what each must be.

A key that is in no table is a fault: a misspelt limit must not pass for a set one (bridge 6).
"""

import ipaddress
import re
from collections.abc import Callable, Collection
from typing import get_args
from urllib.parse import urlsplit

from codex_oss.chat import EFFORTS, SALVAGE_FORMS, Replay
from codex_oss.profiles.dialects import FAMILIES
from codex_oss.profiles.profile import CAPABILITY_OF_LANE, ActionEncoding, WireName
from codex_oss.profiles.providers import PRESETS

USD_MAX = 100_000  # A million tokens: beyond it somebody wrote another unit.
MODALITIES = ("text", "image", "file")
LANE_NAMES = {lane: lane for lane in CAPABILITY_OF_LANE} | {  # Older names beside ours.
    "scout": "investigation",
    "review": "investigation",
    "docs_support": "investigation",
    "bounded_write": "implementation",
}

CAPABILITIES = ("tool_call", "json_output", "reasoning_replay")
"""What a profile may say that its model cannot do, in short for what its dialect says at length."""

LIMITS = (
    *("tool_budget", "time_budget_seconds", "max_model_calls", "max_output_tokens_total"),
    *("max_files_to_inspect", "max_total_observation_bytes"),
)
"""What of a mission's budget a profile may lower."""

Check = Callable[[object], bool]
Key = tuple[str, Check]
"""What is expected, in words, and whether a value is that."""

_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}").fullmatch
_is_variable = re.compile(r"[A-Z][A-Z0-9_]{0,63}").fullmatch
_is_field = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch
_PRICES = ("input", "output", "cache_read", "cache_write")


def is_at(url: str, place: str) -> bool:
    """Return whether what is sent there stays at this place, "loopback" or "private"."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback if place == "loopback" else address.is_private


def _integer(low: int, high: int) -> Key:
    told = f"an integer from {low:,} to {high:,}"
    return told, lambda value: type(value) is int and low <= value <= high


def _text(told: str, holds: Callable[[str], object]) -> Key:
    return told, lambda value: isinstance(value, str) and bool(holds(value))


def _one_of(words: Collection[str]) -> Key:
    return _text(f"one of {', '.join(words)}", words.__contains__)


def _list_of(told: str, holds: Callable[[str], object]) -> Key:
    def check(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(x, str) and holds(x) for x in value)

    return f"a list of {told}", check


def _words_of(words: Collection[str]) -> Key:
    return _list_of(", ".join(words), words.__contains__)


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_plain = parts.port != 0 and not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_at(url, "loopback"))
    return bool(parts.hostname) and is_plain and is_safe


def _are_prices(value: object) -> bool:
    if not isinstance(value, dict) or not {"input", "output"} <= value.keys() <= set(_PRICES):
        return False
    return all(type(usd) in (int, float) and 0 <= usd <= USD_MAX for usd in value.values())


def _are_temperatures(value: object) -> bool:
    return isinstance(value, list) and all(
        type(each) in (int, float) and 0 <= each <= 2 for each in value
    )


def _are_effort_words(value: object) -> bool:
    return isinstance(value, dict) and {*value.keys(), *map(str, value.values())} <= set(EFFORTS)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _are_capabilities(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in CAPABILITIES and isinstance(is_able, bool) for name, is_able in value.items()
    )


def _are_limits(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in LIMITS and type(most) is int and most >= 1 for name, most in value.items()
    )


_SWITCH: Key = ("true or false", _is_boolean)

DIALECT_KEYS: dict[str, Key] = {
    "takes_late_system": _SWITCH,
    "names_results": _SWITCH,
    "call_ids": _one_of(("plain", "kimi")),
    "replay": _one_of(get_args(Replay)),
    "replay_needs_tools": _SWITCH,
    "missing_reasoning": _one_of(("omit", "empty", "as_text")),
    "reasoning_field": _one_of(("reasoning_content", "reasoning")),
    "refused": _list_of("names of body fields", _is_field),
    "tool_choices": _words_of(("none", "required", "named")),
    "schemas": _one_of(("any", "subset")),
    "response_formats": _words_of(("json_schema", "json_object")),
    "max_tokens_field": _one_of(("max_tokens", "max_completion_tokens")),
    "output_tokens_default": _integer(1, 100_000_000),
    "temperatures": ("a list of numbers from 0 to 2", _are_temperatures),
    "effort_words": (f"an object, each of {', '.join(EFFORTS)} to one", _are_effort_words),
    "thinking_switch": _one_of(("", "thinking", "enable_thinking")),
    "thinking_tokens_max": _integer(1_024, 100_000_000),
    "takes_cache_key": _SWITCH,
    "think_tags": _SWITCH,
    "think_open": _SWITCH,
    "strays_think_end": _SWITCH,
    "salvage": _words_of(SALVAGE_FORMS),
    "eof_ok": _SWITCH,
    "streams_tools": _SWITCH,
}
"""Flags of a `Dialect` that a profile may set; what is left out is as its family has it."""


def _is_dialect(value: object) -> bool:
    return isinstance(value, dict) and all(
        key in DIALECT_KEYS and DIALECT_KEYS[key][1](each) for key, each in value.items()
    )


KEYS: dict[str, Key] = {
    "provider": _one_of(tuple(PRESETS)),
    "base_url": _text("https://HOST/PATH, or http to this machine", _is_base_url),
    "key_env": _text("the name of a variable, in capitals", _is_variable),
    "upstream_model": _text("1 to 200 characters", lambda name: 1 <= len(name) <= 200),
    "wire": _one_of(get_args(WireName)),
    "family": _one_of([family.dialect.family for family in FAMILIES]),
    "dialect": (f"an object of {', '.join(DIALECT_KEYS)}", _is_dialect),
    "context_window": _integer(1_024, 100_000_000),
    "max_output_tokens": _integer(1, 100_000_000),
    "efforts": _words_of(EFFORTS),
    "modalities": _words_of(MODALITIES),
    "prices": (f"USD per million tokens of {', '.join(_PRICES)}", _are_prices),
    "capability_tier": _integer(1, 5),
    "lanes": _words_of(tuple(LANE_NAMES)),
    "exposure": _one_of(("local", "remote")),
    "first_byte_seconds": _integer(1, 3_600),
    "idle_seconds": _integer(1, 3_600),
    "concurrency": _integer(1, 1_024),
    "capabilities": (
        f"an object of {', '.join(CAPABILITIES)}, each true or false",
        _are_capabilities,
    ),
    "limits": (f"an object of {', '.join(LIMITS)}, each 1 or more", _are_limits),
    "fallbacks": _list_of("names of models", _is_name),
    "action_encoding": _one_of(get_args(ActionEncoding)),
}
"""Keys of a profile."""
