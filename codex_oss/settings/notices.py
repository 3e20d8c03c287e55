"""Say what a person should know of his settings and nothing is refused for.

What was set enters, notices leave, each a `Fault` whose code is the name of `doctor`'s check. No
value is shown: a name that nobody knows may hold anything.
"""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from codex_oss.errors import Fault
from codex_oss.settings.later import LATER, NEVER

PREFIXES = tuple(
    "OSS_ CODEX_OSS_ CODEX_BRIDGE_ PROXY_ UPSTREAM_ SSE_ MISSION_ CONTINUATION_ CONTEXT_PACK_ "
    "CIRCUIT_BREAKER_".split()
)
OF_TESTS = ("CODEX_OSS_LIVE", "CODEX_OSS_LONG", "CODEX_OSS_REQUIRE", "CODEX_OSS_SEED")
WAITS_FOR = {row.name: row.waits_for for row in LATER}

SUPERSEDED = {
    "OSS_DIRECT_WRITE_HANDOFFS OSS_LEGACY_DIRECT_WRITES": (
        "a bounded write becomes an A5 mission and `mission promote`"
    ),
    "DIRECT_AGENT_LOOP_V2 OSS_PENDING_REPLAY_TERMINAL_REPLAYS OSS_TURN_DEADLINE_SECONDS": (
        "history is translated from the request itself; nothing is replayed"
    ),
    "OSS_FRESH_SERVER_SIDE_READ_FLOOR OSS_PROACTIVE_SERVER_SIDE_READ_FLOOR "
    "OSS_SERVER_SIDE_READ_FALLBACK OSS_SERVER_SIDE_READ_MAX_BYTES "
    "OSS_SERVER_SIDE_READ_FINALIZER_* OSS_SERVER_SIDE_TOOL_TIMEOUT_SECONDS": (
        "`context_pack_report` and the mission tools, with their scope"
    ),
    "OSS_PATCH_NARRATIVE_* WRITE_REPORT_DEADLINE_SECONDS CONTEXT_PACK_SYNTHESIS_MAX_CHARS "
    "CONTINUATION_STREAM": "mission budgets, CONTINUATION_DEADLINE_SECONDS",
    "SSE_HEARTBEAT_EVENT SSE_CONNECTION SSE_COMPACT_COMPLETED_FOR_TOOL_CALLS "
    "MISSION_SLOT_STALE_SECONDS": "fixed behaviour",
}
"""What older texts name, and what is there in its place; `*` is any ending (settings 10)."""


def notices_of(
    given: Mapping[str, str], known: Collection[str], file_only: Collection[str]
) -> Iterator[Fault]:
    """Yield a notice for each variable that was set and does nothing. `known` are all others;
    those of `file_only` count in the env file, where they became what they name."""
    for name in given:
        if replacement := _replacement(name):
            message = f"has no effect any more; instead: {replacement}"
            yield Fault(name, "settings.superseded", message)
        elif waits_for := WAITS_FOR.get(name):
            when = "" if waits_for == NEVER else f" in this version, which has no {waits_for} yet"
            yield Fault(name, "settings.no_effect", f"has no effect{when}")
        elif name in file_only:
            yield Fault(name, "settings.no_effect", "has an effect only in the env file")
        elif name.startswith(PREFIXES) and name not in known and name not in OF_TESTS:
            yield Fault(name, "settings.unknown", _unknown(name, known))


def _replacement(name: str) -> str:
    for patterns, replacement in SUPERSEDED.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return replacement
    return ""


def _unknown(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # Only a wrong name pays for loading it.

    near = get_close_matches(name, sorted(known), 1)
    return f"is no setting{f'; did you mean {near[0]}?' if near else ''}"
