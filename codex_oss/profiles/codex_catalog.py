"""The models as Codex wants them listed: which it can use, how much they read, what they are told.

A registry and the version of the Codex that asks enter, entries leave. One entry that Codex cannot
load makes it drop the whole catalogue, so each is held against what was measured of that version
(codex-facts 10) before it leaves.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from codex_oss.chat import EFFORTS
from codex_oss.errors import BrokenPromise
from codex_oss.profiles.built_in import REHEARSAL, SHORT_NAMES
from codex_oss.profiles.codex_instructions import MISSIONS, WORKING
from codex_oss.profiles.model_registry import ModelRegistry
from codex_oss.profiles.profile import ModelProfile

Entry = dict[str, object]
Version = tuple[int, ...]

NEWEST = (0, 169, 0)  # The newest Codex that was measured: an unknown version counts as this one.
KNOWS_MAX = (0, 140, 0)  # From here on `max` and `ultra` are words for an effort.
INSTRUCTIONS_CHARACTERS = (1_500, 8_000)
OUTPUT_TOKENS_KEPT = 10_000  # Of one tool's output: what Codex's own models have.

_EFFORTS = {
    "none": "Answers without thinking",
    "minimal": "Thinks as little as possible",
    "low": "Thinks briefly",
    "medium": "Thinks for a while",
    "high": "Thinks at length",
    "xhigh": "Thinks at great length",
    "max": "Thinks as long as it can",
    "ultra": "Thinks as long as it can",
}


def codex_catalog(client_version: str, registry: ModelRegistry) -> list[Entry]:
    """Return an entry for every name of the registry, or raise `BrokenPromise` with those that
    this Codex would not load. Names that are another one's alias are hidden."""
    version = parse_version(client_version)
    names = sorted(registry.names(), key=_rank)
    entries = [_entry(name, n, registry, version) for n, name in enumerate(names)]
    if faults := list(catalog_faults(entries, version)):
        raise BrokenPromise(f"a catalogue that Codex would not load: {'; '.join(faults[:5])}")
    return entries


def parse_version(text: str) -> Version:
    """Return the version of a Codex, the newest known one for a text that is none."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else NEWEST


def catalog_faults(entries: list[Entry], version: Version) -> Iterator[str]:
    """Yield why Codex of this version would not load these entries."""
    for entry in entries:
        for key, holds in _REQUIRED.items():
            if key not in entry:
                yield f"{entry.get('slug')} has no {key}"
            elif not holds(entry[key]):
                yield f"{entry.get('slug')} has {key} {str(entry[key])[:60]!r}"
        words = set(EFFORTS if version >= KNOWS_MAX else EFFORTS[: EFFORTS.index("max")])
        for word in {*_efforts_in(entry)} - words:
            yield f"{entry.get('slug')} has an effort {word!r}"


def _rank(name: str) -> tuple[bool, str]:
    """Put the names that a person should see first: Codex shows five to an agent that spawns."""
    return name not in SHORT_NAMES.values(), name


def _entry(name: str, rank: int, registry: ModelRegistry, version: Version) -> Entry:
    mission, profile = registry.mission_alias(name), registry.resolve(name)
    is_seen = name == profile.name and name != REHEARSAL
    efforts = _efforts(profile, version)
    reads = profile.modalities or ("text",)
    return {
        "slug": name,
        "display_name": name,
        "description": f"{profile.upstream_model} at {profile.provider.name}",
        "supported_reasoning_levels": [
            {"effort": effort, "description": _EFFORTS[effort]} for effort in efforts
        ],
        "default_reasoning_level": _default_effort(efforts),
        "shell_type": "unified_exec",
        "visibility": "list" if is_seen else "hide",
        "supported_in_api": True,
        "priority": rank,
        "support_verbosity": False,
        "supports_reasoning_summaries": True,
        "supports_parallel_tool_calls": True,
        "truncation_policy": {"mode": "tokens", "limit": OUTPUT_TOKENS_KEPT},
        "experimental_supported_tools": [],
        "base_instructions": MISSIONS if mission else WORKING,
        "context_window": profile.context_window,
        "max_context_window": profile.context_window,
        "apply_patch_tool_type": None if mission else "freeform",
        "input_modalities": [kind for kind in ("text", "image") if kind in reads],
        "supports_search_tool": False,
        "multi_agent_version": "v1",
        "web_search_tool_type": "text",
    }


def _efforts(profile: ModelProfile, version: Version) -> tuple[str, ...]:
    last = len(EFFORTS) if version >= KNOWS_MAX else EFFORTS.index("max")
    return tuple(effort for effort in profile.efforts if effort in EFFORTS[:last])


def _default_effort(efforts: tuple[str, ...]) -> str | None:
    """Return the highest up to `high`, else the lowest there is."""
    moderate = [effort for effort in efforts if EFFORTS.index(effort) <= EFFORTS.index("high")]
    return next(iter((*moderate[-1:], *efforts)), None)


def _efforts_in(entry: Mapping[str, object]) -> Iterator[str]:
    levels, default = entry.get("supported_reasoning_levels"), entry.get("default_reasoning_level")
    if isinstance(levels, list):
        yield from (str(level["effort"]) for level in levels if isinstance(level, dict))
    if default is not None:
        yield str(default)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _one_of(*values: object) -> Callable[[object], bool]:
    return lambda value: value in values


def _are_levels(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(level, dict) and {"effort", "description"} <= level.keys() for level in value
    )


def _is_policy(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.get("mode") in ("bytes", "tokens")
        and _is_count(value.get("limit"))
    )


def _are_modalities(value: object) -> bool:
    return isinstance(value, list) and set(value) <= {"text", "image"}


def _are_instructions(value: object) -> bool:
    shortest, longest = INSTRUCTIONS_CHARACTERS
    return isinstance(value, str) and shortest <= len(value) <= longest


_REQUIRED: dict[str, Callable[[object], bool]] = {
    "slug": _is_text,
    "display_name": _is_text,
    "supported_reasoning_levels": _are_levels,
    "shell_type": _one_of("default", "local", "unified_exec", "disabled", "shell_command"),
    "visibility": _one_of("list", "hide", "none"),
    "supported_in_api": _is_flag,
    "priority": _is_count,
    "support_verbosity": _is_flag,
    "truncation_policy": _is_policy,
    "experimental_supported_tools": lambda value: isinstance(value, list),
    "base_instructions": _are_instructions,
    "supports_reasoning_summaries": _is_flag,  # This and the next up to 0.140.
    "supports_parallel_tool_calls": _is_flag,
    "context_window": _is_count,
    "max_context_window": _is_count,
    "apply_patch_tool_type": _one_of("freeform", None),
    "input_modalities": _are_modalities,
}
"""What Codex must find in an entry, and the values of it that were seen to load."""
