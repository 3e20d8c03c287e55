"""Files that are whole, durable, private and really where they seem to be.

Paths and bytes enter; what leaves is bytes, descriptors and locks. Everything that must survive a
power cut goes through a `Disk`, so that a test can let its n-th step fail; nothing here follows a
symbolic link that somebody else could have put there.
"""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from codex_oss.deadline import Clock
from codex_oss.errors import Busy, StorageUnsafe, TooLarge
from codex_oss.system.clock import SystemClock, new_id

LOCK_SECONDS_MAX = 5.0  # Holders of our locks write one line or one small file.
LOCK_POLL_SECONDS = 0.01  # `flock` has no wait with a limit.
HOLDER_BYTES_MAX = 4096  # Who holds a lock is one short line.
MADE_BYTES_MAX = 4096  # What is made once is a key.
READ_ONLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Disk:
    """The calls that change a disk for good, one line each. A test lets the n-th one fail."""

    def open(
        self, path: str | Path, flags: int, mode: int = 0o600, dir_fd: int | None = None
    ) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=dir_fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        if sys.platform == "darwin":  # `fsync` returns there while the drive still caches.
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def sync_folder(self, path: str | Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, src: str | Path, dst: str | Path) -> None:
        Path(src).replace(dst)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)


DISK = Disk()


def write_atomic(path: Path, data: bytes, disk: Disk = DISK, mode: int = 0o600) -> None:
    """Put `data` at `path` durably and whole. Whatever fails, the old content or the new is there.

    A symbolic link at `path` is replaced, not followed.
    """
    temporary = path.with_name(f".{path.name}.{new_id(8)}.tmp")
    fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        try:
            write_all(fd, data, disk)
            disk.sync(fd)
        finally:
            os.close(fd)
        disk.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):  # Renamed, as it should be.
            temporary.unlink()
    disk.sync_folder(path.parent)


def write_all(fd: int, data: bytes, disk: Disk = DISK) -> None:
    """Write every byte: a full disk first writes a part, and says why on the next call."""
    rest = memoryview(data)
    while rest:
        written = disk.write(fd, rest)
        if not written:
            raise OSError(errno.EIO, "the disk takes no more bytes and does not say why")
        rest = rest[written:]


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """Return a whole regular file. No link is followed, no pipe or device is waited for."""
    fd = _opened(path, READ_ONLY)
    try:
        found = os.fstat(fd)
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(bytes_max + 1)
    finally:
        os.close(fd)
    if len(data) > bytes_max:
        raise TooLarge(f"{path}: {max(found.st_size, len(data))} bytes, at most {bytes_max}")
    return data


def _opened(path: Path, flags: int) -> int:
    """Open a regular file and nothing that was put in its place."""
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _unsafe(path, "a symbolic link", "put the file itself there") from error
        if error.errno in (errno.EISDIR, errno.ENXIO):  # A folder or a socket.
            raise _unsafe(path, "not a regular file", "move it away") from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _unsafe(path, "not a regular file", "move it away")
    return fd


def read_tail(path: Path, bytes_max: int) -> bytes:
    """Return the last bytes of a file that may be of any length, b"" if it is missing."""
    try:
        fd = os.open(path, READ_ONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(fd, bytes_max, max(0, os.fstat(fd).st_size - bytes_max))
    finally:
        os.close(fd)


def remove(path: Path) -> None:
    """Remove a file; one that is missing is removed already."""
    path.unlink(missing_ok=True)


def private_folder(path: Path, disk: Disk = DISK) -> Path:
    """Return `path` as a folder of ours that nobody else can write; make it, 0700, if missing."""
    try:
        path.mkdir(0o700)
    except FileExistsError:
        pass  # Whatever it is, it is looked at below.
    except FileNotFoundError as error:
        if path.parent.is_dir():  # A file system that makes no folders, as /proc is one.
            raise _unsafe(path, "in a place where nothing can be made", "use another") from error
        private_folder(path.parent, disk)
        return private_folder(path, disk)
    else:
        disk.sync_folder(path)
        disk.sync_folder(path.parent)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise _unsafe(path, "a symbolic link", "put the folder itself there")
    if not stat.S_ISDIR(found.st_mode):
        raise _unsafe(path, "not a folder", "move it away")
    if found.st_uid != os.geteuid():
        raise _unsafe(path, f"owned by user {found.st_uid}", "use a folder of your own")
    if found.st_mode & 0o022:
        raise _unsafe(path, "writable for others", f"run: chmod go-w '{path}'")
    return path


def _unsafe(path: Path, what: str, hint: str) -> StorageUnsafe:
    return StorageUnsafe(f"{path} is {what}", hint=hint)


def open_beneath(root_fd: int, path: str) -> int:
    """Open a relative POSIX path for reading; any symbolic link on the way is `OSError` ELOOP.

    Folders open too, and a pipe opens without waiting: ask `os.fstat` what it is, then read.
    """
    *folders, name = path.split("/")
    if ".." in (*folders, name):
        raise OSError(errno.EINVAL, "leads out of its folder", path)
    fd = os.dup(root_fd)
    try:
        for folder in folders:
            fd, above = _open_step(fd, folder, os.O_DIRECTORY), fd
            os.close(above)
        return _open_step(fd, name, 0)
    finally:
        os.close(fd)


def _open_step(folder_fd: int, name: str, flags: int) -> int:
    try:
        return os.open(name, READ_ONLY | flags, dir_fd=folder_fd)
    except NotADirectoryError as error:  # What Linux says of a link where a folder must be.
        if stat.S_ISLNK(os.lstat(name, dir_fd=folder_fd).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from error
        raise


class FileLock:
    """An exclusive lock between processes and threads; the kernel frees it when its holder dies.

    Its file stays: if somebody removed it, two could hold it. What stands in it is for people and
    for the next holder.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self._fd: int | None = None

    def acquire(self, seconds_max: float) -> bool:
        """Wait for the lock, at most this long, and return whether it is ours."""
        give_up = self._clock.monotonic() + seconds_max
        while True:
            fd = _opened(self.path, READ_ONLY | os.O_RDWR | os.O_CREAT)
            if _lock(fd, fcntl.LOCK_EX):
                self._fd = fd
                return True
            os.close(fd)
            if self._clock.monotonic() >= give_up:
                return False
            self._clock.sleep(LOCK_POLL_SECONDS)

    def release(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            fcntl.flock(fd, fcntl.LOCK_UN)  # A child between fork and exec holds a copy of it.
            os.close(fd)

    def __enter__(self) -> "FileLock":
        if not self.acquire(LOCK_SECONDS_MAX):
            holder = f" by {self.holder}" if self.holder else ""
            raise Busy(
                f"{self.path.name} is held{holder}, waited {LOCK_SECONDS_MAX:g} s",
                hint="try again when it has ended",
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """Whether anybody holds it at this moment, this object included. What is no file of ours is
        held by nobody, and taken by nobody."""
        try:
            fd = _opened(self.path, READ_ONLY)
        except (FileNotFoundError, StorageUnsafe):
            return False
        try:
            return not _lock(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)

    @property
    def holder(self) -> str:
        """What the last holder said of itself."""
        try:
            return read_bounded(self.path, HOLDER_BYTES_MAX).decode(errors="replace")
        except (FileNotFoundError, StorageUnsafe, TooLarge):
            return ""

    def write_holder(self, text: str) -> None:
        """Say who holds it. Only for the one that does."""
        assert self._fd is not None, "write_holder() without the lock"
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)


def free_bytes(path: Path) -> int:
    """Return how many bytes a process of ours may still write on the file system of `path`."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def made_once(path: Path, make: Callable[[], bytes], disk: Disk = DISK) -> bytes:
    """Return what stands at `path`; the first of all processes that asks puts it there."""
    with FileLock(path.with_name(f"{path.name}.lock")):
        try:
            return read_bounded(path, MADE_BYTES_MAX)
        except FileNotFoundError:
            data = make()
            write_atomic(path, data, disk)
            return data


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
