"""What is told of sources that the runtime read, beside a report on them or in its place.

What was to be read and the result of its run enter, lines for people leave: each source with its
length and digest, what is missing, and never a conclusion of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codex_oss.contract import MissionV1, SupportTask
from codex_oss.errors import BridgeError
from codex_oss.missions import MissionResult
from codex_oss.record import Json, one_line

COMPLETED = "Synthesis status: DETERMINISTIC_SERVER_SIDE_READ_COMPLETION"
MISSING_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Pack:
    """What is to be read for a task, and what of it cannot be."""

    mission: MissionV1
    searches: tuple[tuple[str, str], ...]
    sizes: Mapping[str, int]
    missing: tuple[tuple[str, str], ...]


def sources_text(pack: Pack, result: MissionResult, owed: Sequence[str] = ()) -> str:
    """Return each source with its length and digest, and what was not read of the rest."""
    told = result.report
    files = _rows(told["files_inspected"])
    lines = [
        f"- {each['path']}: {pack.sizes.get(str(each['path']), 0)} bytes, sha256 {each['sha256']},"
        f" {each['lines_shown']} of {each['total_lines']} lines shown"
        for each in files
    ]
    lines += [
        f"- {args['path']}: {each['matches']} matches of {args['pattern']}"
        for each in _rows(told["commands_run"])
        for args in _rows([each["args"]])
        if each["tool"] == "rtk_grep"
    ]
    missing = [f"- {path}: {code}" for path, code in pack.missing]
    codes = {path: row["code"] for row in _rows(told["denials"]) for path in _texts(row["paths"])}
    read = {each["path"] for each in files}
    for path in pack.mission.scope.allowed_paths:
        if path not in read and pack.sizes.get(path):
            missing.append(f"- {path}: {codes.get(path, 'not_read')}")
    if (hidden := len(missing) - MISSING_SHOWN) > 0:
        missing = [*missing[:MISSING_SHOWN], f"- and {hidden} more"]
    missing += [f"- no conclusion on: {one_line(each)}" for each in owed]
    none = ["- none"]
    return "\n".join(("**Sources**", *(lines or none), "", "**Missing**", *(missing or none)))


def without_conclusions(
    task: SupportTask, pack: Pack, result: MissionResult, why: BridgeError
) -> str:
    return "\n".join(
        (
            COMPLETED,
            f"What failed: {why.message}; then the report: {result.status_reason}.",
            "",
            "**Outcome**: PARTIAL, confidence LOW. The sources were read, and no model drew"
            " conclusions from them.",
            "",
            sources_text(pack, result, task.deliverables or (task.goal,)),
            "",
            f"Run: {result.run_id} ({result.status})",
            f"Artifacts: {result.artifacts}",
            f"Log head: {result.head} ({result.events} events)",
        )
    )


def _rows(value: object) -> list[Json]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return list(map(str, value)) if isinstance(value, list) else []
