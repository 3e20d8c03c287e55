"""Touch the operating system, once: files, time, processes, git, threads."""

from codex_oss.system.clock import SystemClock, new_id, random_bytes
from codex_oss.system.files import (
    DISK,
    Disk,
    FileLock,
    made_once,
    open_beneath,
    private_folder,
    read_bounded,
    write_all,
    write_atomic,
)
from codex_oss.system.git import Git, work_tree_above
from codex_oss.system.processes import (
    Completed,
    ProcessId,
    kill_group,
    minimal_env,
    run,
    send_signal,
    spawn_detached,
)
from codex_oss.system.threads import Pulse, Worker, ticking

__all__ = [
    "DISK",
    "Completed",
    "Disk",
    "FileLock",
    "Git",
    "ProcessId",
    "Pulse",
    "SystemClock",
    "Worker",
    "kill_group",
    "made_once",
    "minimal_env",
    "new_id",
    "open_beneath",
    "private_folder",
    "random_bytes",
    "read_bounded",
    "run",
    "send_signal",
    "spawn_detached",
    "ticking",
    "work_tree_above",
    "write_all",
    "write_atomic",
]
