"""Other programs: started with an environment from a list, in a group of their own, ended whole.

An argv enters, `Completed` leaves, or `ProcessFailed` where nothing could be started. A process is
known by its number *and* its start time, for numbers are used again.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import IO

from codex_oss.deadline import Deadline
from codex_oss.errors import ProcessFailed
from codex_oss.system.files import read_bounded

POLL_SECONDS = 0.05  # A cancelled or ended child is noticed within this.
ENDING_POLL_SECONDS = 0.002  # Between a child's last output and its end lies less than this.
READ_BYTES = 65536  # As much as a pipe of Linux holds.
LAST_READS_MAX = 16  # Of what escaped from the group and still writes: 1 MiB, then we let go.
STARTTIME_FIELD = 18  # Of /proc/PID/stat (proc(5)): the 22nd, after pid, name and state.
DEAD = ("", "Z", "X")
STAT_BYTES_MAX = 4096  # /proc/PID/stat is one line of 52 short fields.


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left. One that was killed has its signal as negative exit code."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    truncated: bool = False


def minimal_env(**extra: str) -> dict[str, str]:
    """Return all that a child may know of our environment, and `extra`."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    } | extra


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str],
    input: bytes = b"",
    seconds_max: float,
    output_bytes_max: int,
    deadline: Deadline | None = None,
) -> Completed:
    """Run a program until it ends, or its time does (`timed_out`, also when it was cancelled).

    Whatever it started in its group ends with it. Of each of its two outputs the first
    `output_bytes_max` bytes are kept, also of one that was killed; the rest is read and dropped.
    """
    end = time.monotonic() + seconds_max
    stdin = subprocess.PIPE if input else subprocess.DEVNULL
    child = _start(argv, cwd, env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with child, _Pipes(child, input, output_bytes_max) as pipes:
        while not (ended := _has_ended(child)):
            if time.monotonic() >= end or (deadline and deadline.is_over):
                break
            pipes.move()
        _kill_group(child.pid)
        pipes.move_the_rest()
        exit_code = child.wait()
    out, err = pipes.stdout, pipes.stderr
    return Completed(
        exit_code, bytes(out.kept), bytes(err.kept), not ended, out.is_cut or err.is_cut
    )


def spawn_detached(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout_path: Path
) -> int:
    """Start a program that outlives us, its output appended to a file of 0600; return its pid."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        output = os.open(stdout_path, flags, 0o600)
    except OSError as error:
        raise ProcessFailed(f"cannot write to {stdout_path}: {error.strerror}") from error
    try:
        child = _start(argv, cwd, env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    finally:
        os.close(output)
    child.returncode = 0  # Nobody here waits for it: without this, Popen warns that we forgot.
    return child.pid


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, told from every other one that had or will have its number."""

    pid: int
    start: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Return the process that has this number at present; `ProcessLookupError` if none has."""
        found = _state_and_start(pid)
        if not found:
            raise ProcessLookupError(f"no process {pid}")
        return cls(pid, found[1], _boot())

    @property
    def is_alive(self) -> bool:
        """Whether it still runs. A zombie does not."""
        state, start = _state_and_start(self.pid) or ("", "")
        return state[:1] not in DEAD and (start, _boot()) == (self.start, self.boot)


def send_signal(process_id: ProcessId, signal_number: int) -> bool:
    """Send a signal to this very process; return False if it is gone, and nobody was touched."""
    if sys.platform == "darwin":
        if process_id.is_alive:
            os.kill(process_id.pid, signal_number)
            return True
        return False
    try:
        pinned = os.pidfd_open(process_id.pid)  # From here on its number cannot be used again.
    except ProcessLookupError:
        return False
    try:
        if process_id.is_alive:
            signal.pidfd_send_signal(pinned, signal_number)
            return True
        return False
    except ProcessLookupError:
        return False
    finally:
        os.close(pinned)


def terminate(process_id: ProcessId) -> bool:
    """Ask this very process to end; False if it is gone."""
    return send_signal(process_id, signal.SIGTERM)


def kill(process_id: ProcessId) -> bool:
    """End this very process, with its group if it leads one; False if it is gone."""
    try:
        leads = process_id.is_alive and os.getpgid(process_id.pid) == process_id.pid
    except ProcessLookupError:  # It ended between the two questions.
        return False
    if not leads:
        return send_signal(process_id, signal.SIGKILL)
    _kill_group(process_id.pid)
    return True


def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessFailed(
            f"cannot start {argv[0]}: {error.strerror}", hint="is it installed and on PATH?"
        ) from error


def _has_ended(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended, without reaping it: until then nobody else can get its group's number."""
    if sys.platform == "darwin":  # Has no `waitid` before Python 3.13.
        return child.poll() is not None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # Only zombies, or nobody, are left.
        os.killpg(pid, signal.SIGKILL)


class _Output:
    """The first bytes of what a pipe brings."""

    def __init__(self, bytes_max: int) -> None:
        self.kept = bytearray()
        self.is_cut = False
        self._bytes_max = bytes_max

    def take(self, data: bytes) -> None:
        room = self._bytes_max - len(self.kept)
        self.kept += data[:room]
        self.is_cut |= len(data) > room


class _Pipes:
    """A child's input and outputs, moved by turns so that none of them can block the others."""

    def __init__(
        self, child: "subprocess.Popen[bytes]", input: bytes, output_bytes_max: int
    ) -> None:
        assert child.stdout and child.stderr
        self.stdout, self.stderr = _Output(output_bytes_max), _Output(output_bytes_max)
        self._unsent = memoryview(input)
        self._selector = selectors.DefaultSelector()
        self._watch(child.stdout, selectors.EVENT_READ, partial(_read, output=self.stdout))
        self._watch(child.stderr, selectors.EVENT_READ, partial(_read, output=self.stderr))
        if child.stdin:
            self._watch(child.stdin, selectors.EVENT_WRITE, self._write)

    def __enter__(self) -> "_Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def move(self) -> None:
        """Move what can be moved, and wait a moment for the first of it."""
        self._move(POLL_SECONDS if self._selector.get_map() else ENDING_POLL_SECONDS)

    def move_the_rest(self) -> None:
        """Take what was written before the end. Who left the group may hold a pipe for ever."""
        for _ in range(LAST_READS_MAX):
            if not self._move(0):
                return

    def _watch(self, pipe: IO[bytes], event: int, step: Callable[[int], bool]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, event, (pipe, step))

    def _move(self, seconds_max: float) -> bool:
        ready = self._selector.select(seconds_max)
        for key, _ in ready:
            pipe, step = key.data
            if not step(key.fd):
                self._selector.unregister(pipe)
                pipe.close()
        return bool(ready)

    def _write(self, fd: int) -> bool:
        try:
            self._unsent = self._unsent[os.write(fd, self._unsent) :]
        except BrokenPipeError:  # It does not want the rest.
            return False
        return bool(self._unsent)


def _read(fd: int, output: _Output) -> bool:
    data = os.read(fd, READ_BYTES)
    output.take(data)
    return bool(data)


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """Return in which state this process is and when it started, in the kernel's words."""
    if sys.platform == "darwin":
        state, _, start = _answer_of("ps", "-o", "state=,lstart=", "-p", str(pid)).partition(" ")
        return (state, start.strip()) if start else None
    try:
        line = read_bounded(Path(f"/proc/{pid}/stat"), STAT_BYTES_MAX)
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = line[line.rindex(b")") + 2 :].decode().split()  # The name may hold anything.
    return state, fields[STARTTIME_FIELD]


@cache
def _boot() -> str:
    """Return the name of this start of the machine: start times count from it."""
    if sys.platform == "darwin":
        return _answer_of("sysctl", "-n", "kern.boottime")
    return read_bounded(Path("/proc/sys/kernel/random/boot_id"), STAT_BYTES_MAX).decode().strip()


def _answer_of(*argv: str) -> str:
    done = run(argv, env=minimal_env(), seconds_max=2, output_bytes_max=STAT_BYTES_MAX)
    return done.stdout.decode().strip()
