"""Touch the operating system, once: files, time, processes, git, threads.

The database is loaded when it is asked for: sqlite3 takes 4 ms, and most commands keep no state.
"""

from typing import TYPE_CHECKING

from codex_oss.system.clock import SystemClock, new_id, random_bytes
from codex_oss.system.descriptors import allow_descriptors
from codex_oss.system.files import (
    DISK,
    Disk,
    FileLock,
    free_bytes,
    made_once,
    open_beneath,
    private_folder,
    read_bounded,
    read_tail,
    remove,
    write_all,
    write_atomic,
)
from codex_oss.system.git import Changed, Commit, Git, is_revision, work_tree_above
from codex_oss.system.interrupts import on_interrupt
from codex_oss.system.json_log import JsonLog
from codex_oss.system.ports import who_listens
from codex_oss.system.processes import (
    Completed,
    ProcessId,
    kill,
    minimal_env,
    run,
    send_signal,
    spawn_detached,
    terminate,
)
from codex_oss.system.scratch import remove_scratch, remove_tree, scratch_file, scratch_folder
from codex_oss.system.sockets import bound_reads, bound_writes
from codex_oss.system.threads import Pulse, Worker, start, ticking

if TYPE_CHECKING:
    from codex_oss.system.database import Database

__all__ = [
    "DISK",
    "Changed",
    "Commit",
    "Completed",
    "Database",
    "Disk",
    "FileLock",
    "Git",
    "JsonLog",
    "ProcessId",
    "Pulse",
    "SystemClock",
    "Worker",
    "allow_descriptors",
    "bound_reads",
    "bound_writes",
    "free_bytes",
    "is_revision",
    "kill",
    "made_once",
    "minimal_env",
    "new_id",
    "on_interrupt",
    "open_beneath",
    "private_folder",
    "random_bytes",
    "read_bounded",
    "read_tail",
    "remove",
    "remove_scratch",
    "remove_tree",
    "run",
    "scratch_file",
    "scratch_folder",
    "send_signal",
    "spawn_detached",
    "start",
    "terminate",
    "ticking",
    "who_listens",
    "work_tree_above",
    "write_all",
    "write_atomic",
]


def __getattr__(name: str) -> object:
    if name != "Database":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from codex_oss.system.database import Database

    return Database
