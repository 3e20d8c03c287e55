"""Read a log as a stranger would: event by event, up to the first thing that is not one.

The lines of a log enter, its events leave, one at a time, so that a long log costs no more memory
than a short one. What ends them early is either a *torn tail*, which was never acknowledged, or
*damage*. This module writes nothing (event-log 6).
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from codex_oss.errors import LogCorrupt, StorageUnsafe
from codex_oss.record import Event, LineFault, ReadBlob, decode
from codex_oss.system import DISK, Disk

LOG_BYTES_MAX = 128 * 2**20
OF_A_LINE = ("event_hash_mismatch", "event_json_invalid", "not_canonical")
"""Rules that are told with the number of their line: nothing else of it can be trusted."""


@dataclass(frozen=True, slots=True)
class Damage:
    """The first line that is not what was written."""

    line: int
    offset: int
    rule: str


class LogReader:
    """The events of some lines that follow `before`. What stands in `size`, `torn`, `damage` and
    `blobs` is true when all of them are read."""

    def __init__(
        self, lines: Iterable[bytes], read_blob: ReadBlob, before: Event | None = None
    ) -> None:
        self._lines = lines
        self._blob = read_blob
        self._before = before
        self.size = 0
        self.torn = b""
        self.damage: Damage | None = None
        self.blobs = 0

    def __iter__(self) -> Iterator[Event]:
        before, lines = self._before, iter(self._lines)
        for line in lines:
            try:
                before = decode(line, before, self._read_blob)
            except LineFault as fault:
                self._stop(line, next(lines, b""), before, fault.rule)
                return
            self.size += len(line)
            yield before

    def _read_blob(self, digest: str, private: bool) -> str:
        self.blobs += 1
        return self._blob(digest, private)

    def _stop(self, line: bytes, after: bytes, before: Event | None, rule: str) -> None:
        """A last line without its end was never acknowledged, nor was one that has the zeros of
        sectors that a crash left unwritten; any other is damage."""
        if not after and (not line.endswith(b"\n") or b"\0" in line):
            self.torn = line
        else:
            number = before.seq + 1 if before else 1
            named = f"{rule}:{number}" if rule in OF_A_LINE else rule
            self.damage = Damage(number, self.size, named)


def log_lines(path: Path, disk: Disk = DISK) -> Iterator[bytes]:
    """Yield the lines of a log. No link is followed, nothing but a regular file is read."""
    try:
        fd = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        why = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise StorageUnsafe(f"the log of {path.parent.name} cannot be read: {why}") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):  # Of a folder Python makes no file to read from.
        os.close(fd)
        raise StorageUnsafe(f"the log of {path.parent.name} is not a regular file")
    with os.fdopen(fd, "rb") as file:
        if found.st_uid != os.geteuid():
            raise StorageUnsafe(f"the log of {path.parent.name} is of user {found.st_uid}")
        if found.st_size > LOG_BYTES_MAX:
            raise StorageUnsafe(f"the log of {path.parent.name} has {found.st_size} bytes")
        yield from file


class LogFollower:
    """What stands in a log, and then what others append to it. Nothing is written."""

    def __init__(self, path: Path, read_blob: ReadBlob, disk: Disk = DISK) -> None:
        self._path, self._read_blob, self._disk = path, read_blob, disk
        self._size = 0
        self._last: Event | None = None

    def news(self) -> tuple[Event, ...]:
        """Return the events since the last time. A line that is still being written comes later."""
        fd = self._disk.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            raw = os.pread(fd, max(0, os.fstat(fd).st_size - self._size), self._size)
        finally:
            os.close(fd)
        reader = parse_log(raw, self._read_blob, self._last)
        events = tuple(reader)
        if reader.damage:
            name = self._path.parent.name
            hint = f"run: codex-oss log verify {name}"
            raise LogCorrupt(f"{name} is damaged: {reader.damage.rule}", hint=hint)
        self._size += reader.size
        self._last = events[-1] if events else self._last
        return events


def parse_log(raw: bytes, read_blob: ReadBlob, before: Event | None = None) -> LogReader:
    """Return a reader of bytes that follow `before`."""
    return LogReader(_lines(raw), read_blob, before)


def _lines(raw: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(raw):
        end = raw.find(b"\n", start) + 1 or len(raw)
        yield raw[start:end]
        start = end
