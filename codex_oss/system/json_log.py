"""A log of JSON lines for people who look after a bridge. It never fails what it speaks of.

A line enters, is stamped with the time, and is written at once; a file is rotated by size. What is
secret must not enter: callers log names, sizes and times, not texts (bridge 20).
"""

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from codex_oss.deadline import Clock

LINE_BYTES_MAX = 16_384
FILE_BYTES_MAX = 10 * 2**20
FILES_KEPT = 5


class JsonLog:
    """Writes to `path`, mode 0600, or to standard error where there is none."""

    def __init__(self, path: Path | None, clock: Clock, bytes_max: int = FILE_BYTES_MAX) -> None:
        self._path = path
        self._clock = clock
        self._bytes_max = bytes_max
        self._lock = threading.Lock()

    def write(self, line: dict[str, object]) -> None:
        stamped = {"ts": self._clock.now().isoformat(timespec="milliseconds"), **line}
        data = json.dumps(stamped, ensure_ascii=False, default=str).encode()
        if len(data) > LINE_BYTES_MAX:
            kept = {key: stamped[key] for key in ("ts", "level", "event") if key in stamped}
            data = json.dumps({**kept, "cut": len(data)}).encode()
        with self._lock, suppress(OSError):
            self._append(data + b"\n")

    def _append(self, data: bytes) -> None:
        if self._path is None:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
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
