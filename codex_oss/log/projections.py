"""Files of a mission, written from its log and checked against it. Nothing here is authority.

Each is written whole (temporary file, sync, rename) in the order of `VIEWS`, `run_record.json`
last; delete the folder and `write_projections` makes the same bytes again (event-log 8).
"""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_oss.errors import BridgeError
from codex_oss.record import (
    RENDERER_VERSION,
    Event,
    ProjectionWritten,
    record_hash,
    render,
    sha256,
    story,
)
from codex_oss.system import DISK, Disk, private_folder, read_bounded, write_atomic

PROJECTION_BYTES_MAX = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """One file against the log: same, drifted, missing or renderer_changed."""

    file: str
    state: str


def write_projections(
    folder: Path, events: Sequence[Event], disk: Disk = DISK
) -> Iterator[ProjectionWritten]:
    """Write every file of this run and yield what was written."""
    source = record_hash(story(events).latest)
    private_folder(folder, disk)
    for name, text in render(events).items():
        data = text.encode()
        write_atomic(folder / name, data, disk)
        yield ProjectionWritten(
            projection_name=name,
            path=f"{folder.name}/{name}",
            source_run_record_hash=source,
            sha256=sha256(data),
            renderer_version=RENDERER_VERSION,
        )


def check_projections(folder: Path, events: Sequence[Event]) -> tuple[ProjectionState, ...]:
    """Compare every file with its rendering, byte for byte. Writes nothing."""
    written = {
        event.fact.projection_name: event.fact.renderer_version
        for event in events
        if isinstance(event.fact, ProjectionWritten)
    }
    newest = max(written.values(), key=int, default=RENDERER_VERSION)
    return tuple(
        ProjectionState(name, _state(folder / name, text, written.get(name, newest)))
        for name, text in render(events).items()
    )


def found_files(folder: Path) -> tuple[int, Mapping[str, bytes]]:
    """Return the mode of a mission's folder, 0 where there is none, and what lies in it. What is no
    regular file of a bounded size is there, and empty."""
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return 0, {}
    if not stat.S_ISDIR(mode):
        return 0, {}
    files = {}
    for path in sorted(folder.iterdir()):
        try:
            files[path.name] = read_bounded(path, PROJECTION_BYTES_MAX)
        except (OSError, BridgeError):
            files[path.name] = b""
    return stat.S_IMODE(mode), files


def _state(path: Path, text: str, renderer_version: str) -> str:
    """Compare one file. What another renderer wrote, or did not write yet, is no drift."""
    is_ours = renderer_version == RENDERER_VERSION
    try:
        data = read_bounded(path, PROJECTION_BYTES_MAX)
    except FileNotFoundError:
        return "missing" if is_ours else "renderer_changed"
    if data == text.encode():
        return "same"
    return "drifted" if is_ours else "renderer_changed"
