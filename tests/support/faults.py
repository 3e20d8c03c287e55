"""A disk whose n-th step fails, counted over all its steps."""

import errno
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from codex_oss.system import Disk


class DiskFull(OSError):
    """What the failing step raises; told apart from a real one."""


class FailingDisk(Disk):
    """Fails at the n-th step of these kinds, and at every later one: a full disk stays full.

    `kind` is ENOSPC or EIO, or "short" for a write that takes half of its bytes. `steps` is how
    many steps were taken, so that a test can tell when a run got through.
    """

    def __init__(self, fail_at: int, kind: str = "ENOSPC") -> None:
        self.fail_at = fail_at
        self.kind = kind
        self.steps = 0
        self._count: Iterator[int] = count(1)

    def open(
        self, path: str | Path, flags: int, mode: int = 0o600, dir_fd: int | None = None
    ) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._step()
        return super().open(path, flags, mode, dir_fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.kind == "short" and self.steps + 1 == self.fail_at:
            self.steps += 1
            return super().write(fd, data[: len(data) // 2])
        self._step()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._step()

    def sync_folder(self, path: str | Path) -> None:
        self._step()

    def replace(self, src: str | Path, dst: str | Path) -> None:
        self._step()
        super().replace(src, dst)

    def truncate(self, fd: int, size: int) -> None:
        self._step()
        super().truncate(fd, size)

    @property
    def has_failed(self) -> bool:
        return self.steps >= self.fail_at

    def _step(self) -> None:
        self.steps += 1
        if self.steps >= self.fail_at and self.kind != "short":
            raise DiskFull(getattr(errno, self.kind), self.kind)


class QuickDisk(Disk):
    """A real disk without the wait: for tests that are about bytes, not about power cuts."""

    def sync(self, fd: int) -> None:
        return

    def sync_folder(self, path: str | Path) -> None:
        return
