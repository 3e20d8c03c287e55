"""The contract of a report on files that the runtime reads itself, for a legacy handoff.

A task and the paths that are to be read enter, an A1 contract leaves: its scope is these paths and
nothing else. A step of the task like `grep X in Y` is a search instead of a reading.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from posixpath import normpath

from codex_oss.contract.mission import SCHEMA_VERSION, MissionV1
from codex_oss.contract.parsing import parse_mission
from codex_oss.contract.support import SupportTask
from codex_oss.contract.tiers import MODES
from codex_oss.errors import BadMission

TIER = "A1"
OBSERVATION_BYTES_MIN = 1_024
FILE_BYTES_MAX = 1_000_000  # Of a file that is read to be compared.
EXACT_WRITE_FIELD = "x_exact_write"
"""Where a contract holds the text that a file is to have: {path, content, sha256}."""

MODEL_CALLS = 1  # One report, and no second one: what it lacks is mended or said.

_SEARCH = re.compile(
    r"\bgrep (?:-\w+ )*(?P<quote>[\"'`]?)(?P<pattern>\S[^\n]{0,200}?)(?P=quote)"
    r" in (?P<tick>`?)(?P<path>[^\s`,;]+)(?P=tick)",
    re.IGNORECASE,
)


def searches_in(task: SupportTask, most: int) -> tuple[tuple[str, str], ...]:
    """Return the searches that the task's words name, as (pattern, path), as far as their paths
    are declared."""
    found = (
        (each["pattern"], normpath(each["path"].rstrip(".")))
        for each in _SEARCH.finditer(task.words)
    )
    declared = [normpath(path) for path in task.read_only_paths]
    kept = (pair for pair in found if any(_is_below(pair[1], path) for path in declared))
    return tuple(dict.fromkeys(kept))[:most]


def _is_below(path: str, folder: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def scope_of(task: SupportTask) -> MissionV1:
    """Return the contract whose scope is all that the task declares, or raise what is wrong."""
    paths = list(task.read_only_paths)
    return _parsed(task, {"allowed_roots": paths, "allowed_paths": paths})


def packed_mission(
    task: SupportTask,
    files: Sequence[str],
    searches: Sequence[tuple[str, str]] = (),
    *,
    bytes_max: int,
    seconds: int,
) -> MissionV1:
    """Return the contract in which these files are read, and these searches made."""
    scope = {
        "allowed_paths": list(files),
        "allowed_roots": list(roots := dict.fromkeys(path for _, path in searches)),
        "allow_broad_read_scope": "." in roots,  # The task says so itself, and we search it once.
        "max_files_to_inspect": max(1, len(files)),
        "max_total_observation_bytes": max(OBSERVATION_BYTES_MIN, bytes_max),
        "time_budget_seconds": seconds,
    }
    return _parsed(task, scope)


def exact_write_mission(task: SupportTask, *, seconds: int) -> MissionV1:
    """Return the contract under which the file is read that the task's text is for. The text stands
    in it with its digest, which tells later whether a secret had to be taken out."""
    (path,), content = task.owned_paths, task.exact_content or ""
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    text = {"path": normpath(path), "content": content, "sha256": f"sha256:{digest}"}
    scope = {
        "allowed_paths": [path],
        "max_total_observation_bytes": FILE_BYTES_MAX,
        "time_budget_seconds": seconds,
        EXACT_WRITE_FIELD: text,
    }
    return _parsed(replace(task, deliverables=()), scope)


def _parsed(task: SupportTask, scope: dict[str, object]) -> MissionV1:
    parsed = parse_mission(
        {
            "schema_version": SCHEMA_VERSION,
            "tier": TIER,
            "mode": MODES[TIER],
            "objective": task.goal,
            "forbidden_roots": list(task.forbidden_paths),
            "answer_obligations": list(task.deliverables),
            "max_model_calls": MODEL_CALLS,
            **scope,
        }
    )
    if parsed.mission is None:
        raise BadMission(
            "the legacy handoff cannot be taken: " + "; ".join(map(str, parsed.faults)),
            code=parsed.faults[0].code,
            faults=parsed.faults,
        )
    return parsed.mission
