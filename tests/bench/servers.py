"""Start the processes of a benchmark, and read from outside what they cost.

CPU time comes from /proc/PID/stat (ticks of 10 ms: a load must take many), peak memory from
/proc/PID/status. Linux only; elsewhere both are None.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    pid: int
    port: int

    @property
    def cpu_seconds(self) -> float | None:
        """Return user and system time of all its threads, also of those that ended."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    @property
    def peak_mb(self) -> float | None:
        """Return the most memory that it had since `forget_peak`."""
        return self._memory_mb("VmHWM")

    @property
    def resident_mb(self) -> float | None:
        return self._memory_mb("VmRSS")

    def forget_peak(self) -> None:
        with suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _memory_mb(self, name: str) -> float | None:
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


@contextmanager
def started(
    argv: list[str], env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[Server]:
    """Run a server whose first line holds its port as its last number; kill it afterwards. What it
    writes later is not read: it must be little."""
    child = subprocess.Popen(
        [sys.executable, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # Where the bridge says its port.
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
    )
    with child:
        try:
            line = child.stdout.readline()
            digits = "".join(c if c.isdigit() else " " for c in line).split()
            assert digits, f"{argv} did not say its port: {line!r}"
            yield Server(child.pid, int(digits[-1]))
        finally:
            child.kill()
