"""Who holds a port: so that a message can name what is in the way."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from codex_oss.errors import TooLarge
from codex_oss.system.files import read_bounded

LISTENS = "0A"  # A state in /proc/net/tcp (proc(5)).
TABLE_BYTES_MAX = 4 << 20  # 25,000 sockets.
NAME_BYTES_MAX = 64


def who_listens(port: int) -> str:
    """Return "NAME, pid N" of who listens on this TCP port, "" where the system does not say."""
    if sys.platform == "darwin":
        return ""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # Another user's process, or one that has just ended.
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                name = read_bounded(process / "comm", NAME_BYTES_MAX).decode(errors="replace")
                return f"{name.strip()}, pid {process.name}"
    return ""


def _listening(port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen there."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError, TooLarge):
            for line in read_bounded(Path(table), TABLE_BYTES_MAX).decode().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                    yield inode
