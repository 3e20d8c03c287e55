"""A log of JSON lines for people who look after a bridge. It never fails what it speaks of.

A line enters, is stamped with the time, and is written at once; a file is rotated by size. What is
secret must not enter: callers log names, sizes and times, not texts (bridge 20).
"""

import json
import os
import select
import sys
import threading
from contextlib import suppress
from datetime import UTC
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import StorageUnsafe

LINE_BYTES_MAX = 16_384
FIELD_BYTES_MAX = 512  # Of a field in a line that had to be cut: no name, size or time is longer.
FILE_BYTES_MAX = 10 * 2**20
FILES_KEPT = 5
LEVELS = ("debug", "info", "warning", "error")


class JsonLog:
    """Writes to `path`, mode 0600, or to standard error where there is none. Whatever is below
    `level` is left out. A path where no log can be written is refused here, and not later."""

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        bytes_max: int = FILE_BYTES_MAX,
        level: str = "info",
    ) -> None:
        self._path = path
        self._clock = clock
        self._bytes_max = bytes_max
        self._left_out = frozenset(LEVELS[: LEVELS.index(level)])
        self._lock = threading.Lock()
        if path:
            _ensure_writable(path)

    def write(self, line: dict[str, object]) -> None:
        if line.get("level") in self._left_out:
            return
        ts = self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        stamped = {"ts": ts, **line}
        data = _encoded(stamped)
        if len(data) > LINE_BYTES_MAX:
            data = _encoded({**_short_fields(stamped), "cut": len(data)})
        with self._lock, suppress(OSError):
            self._append(data + b"\n")

    def _append(self, data: bytes) -> None:
        if self._path is None:
            _say(data)
            return
        fd = _opened(self._path)
        try:
            os.write(fd, data)
            is_full = os.fstat(fd).st_size > self._bytes_max
        finally:
            os.close(fd)
        if is_full:
            self._rotate(self._path)

    def _rotate(self, path: Path) -> None:
        for number in range(FILES_KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        path.replace(path.with_name(f"{path.name}.1"))


def _ensure_writable(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(_opened(path))
    except OSError as error:
        raise StorageUnsafe(
            f"no log can be written to {path}: {error.strerror}",
            hint="PROXY_LOG_PATH names a file, not a link, in a folder where you may write",
        ) from error


def _say(data: bytes) -> None:
    """Write to standard error as much as it takes at once: a pipe that nobody empties must not
    hold a turn, and whoever started us may have closed it."""
    if sys.stderr is None:
        return
    fd, takes = sys.stderr.fileno(), select.poll()
    takes.register(fd, select.POLLOUT)
    for at in range(0, len(data), select.PIPE_BUF):
        if not takes.poll(0):
            return
        os.write(fd, data[at : at + select.PIPE_BUF])


def _opened(path: Path) -> int:
    """Open a file, and neither a link nor, for ever, a pipe that nobody reads."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def _encoded(line: dict[str, object]) -> bytes:
    return json.dumps(line, ensure_ascii=False, default=str).encode(errors="backslashreplace")


def _short_fields(line: dict[str, object]) -> dict[str, object]:
    """Return what of a line fits: its short fields, the first ones first."""
    kept: dict[str, object] = {}
    room = LINE_BYTES_MAX - FIELD_BYTES_MAX
    for name, value in line.items():
        size = len(_encoded({name: value}))
        if size <= FIELD_BYTES_MAX and size <= room:
            kept[name] = value
            room -= size
    return kept
