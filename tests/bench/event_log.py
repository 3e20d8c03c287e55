"""Workload (g): the event log beside the bare system calls, and what reading it back costs."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from support.facts import lines, long_run, short_run

from codex_oss.log import HeadStore, LogReader, MissionEventLog, judge, log_lines
from codex_oss.record import RuntimeProgressEmitted, fold
from codex_oss.system import SystemClock

APPENDS = 400
WAITING = RuntimeProgressEmitted("waiting", "Still waiting for the model (8 s of 180 s).")
RUN_ID = "run_bench"
VERIFIED_EVENTS = 100_000
APPEND_P50 = "durable append: times the bare calls, p50"
REDUCE = "reduce, events/s"
VERIFY = f"verify {VERIFIED_EVENTS:,} events, s"
VERIFYING = """
import sys; sys.path[:0] = {path!r}
import event_log
print(*event_log.verified({log!r}))
"""


def measure(events: int) -> dict[str, float]:
    with TemporaryDirectory(prefix="codex-oss-bench-") as folder:
        bare, ours = appends(Path(folder))
        log = Path(folder) / "run_long" / "events.jsonl"
        log.parent.mkdir()
        kept = tuple(lines(long_run(events)))
        with log.open("wb") as file:
            file.writelines(line.data for line in kept)
        code = VERIFYING.format(path=sys.path, log=str(log))
        said = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, check=True)
    verify, megabytes = map(float, said.stdout.split())
    folded = [line.event for line in kept]
    middle, mean = statistics.median, statistics.mean
    return {
        "write and fdatasync, ms p50": middle(bare) * 1e3,
        "durable append, ms p50": middle(ours) * 1e3,
        APPEND_P50: middle(ours) / middle(bare),
        "durable append: times the bare calls, mean": mean(ours) / mean(bare),
        REDUCE: events / seconds(lambda: fold(folded)),
        VERIFY: verify * VERIFIED_EVENTS / events,
        f"verify {events:,} events: peak MB of its process": megabytes,
    }


def appends(folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of bare appends of a line and of the log's own of the same line, taken by
    turns: the disk of this moment is the same for both."""
    clock = SystemClock()
    heads = HeadStore(folder / "heads", folder / "head.key")
    run = folder / RUN_ID
    log = MissionEventLog(
        run, "mission_bench", heads=heads, clock=clock, redact=lambda payload: payload
    )
    log.create({})
    for fact in (*short_run()[:2], WAITING):
        log.append(fact)
    line = (run / "events.jsonl").read_bytes().splitlines(keepends=True)[-1]
    fd = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def bare() -> None:
        os.write(fd, line)
        os.fdatasync(fd)

    try:
        taken = [(seconds(bare), seconds(lambda: log.append(WAITING))) for _ in range(APPENDS)]
    finally:
        os.close(fd)
    return [each for each, _ in taken], [each for _, each in taken]


def verified(log: str) -> tuple[float, float]:
    """Return how long a log takes to verify, and what this process then has needed."""
    reader = LogReader(log_lines(Path(log)), lambda digest, private: "")
    took = seconds(lambda: judge(RUN_ID, reader, None))
    assert reader.damage is None, reader.damage
    lines = Path("/proc/self/status").read_text().splitlines()
    return took, next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
