"""Workload (h): what a step of a mission costs beside its model and its tools.

A model that answers at once reads one file after the other, each step a model call and a tool call.
A step's cost is all the time between its events without the tool's own, which the events tell: the
runtime, and what its durable appends wait for the disk, which is told apart. Whether it grows is
what the first and the last quarter say.
"""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from support.missions import ScriptedModel, calls, desk_of, order, report, workshop, write_tree

from codex_oss.deadline import Deadline
from codex_oss.record import ToolObserved
from codex_oss.system import Disk

STEP_MS = "ms a step, without the disk's syncs, p50"
STEP_AND_SYNC_MS = "ms a step, p50"
GROWTH = "last quarter of the steps: times the first"
LINES = 40  # Of each file that is read.


class TimedDisk(Disk):
    """Counts the seconds that it waits for."""

    seconds = 0.0

    def sync(self, fd: int) -> None:
        began = time.perf_counter()
        super().sync(fd)
        self.seconds += time.perf_counter() - began

    def sync_folder(self, path: str | Path) -> None:
        began = time.perf_counter()
        super().sync_folder(path)
        self.seconds += time.perf_counter() - began


@dataclass(frozen=True)
class Step:
    """Milliseconds of one step beside its model and its tool."""

    whole_ms: float
    sync_ms: float
    cpu_ms: float
    """Of the whole process, the tool included."""

    @property
    def own_ms(self) -> float:
        return self.whole_ms - self.sync_ms


def measure(steps: int, rounds: int) -> dict[str, float]:
    """Return the medians of the round with the quietest machine."""
    rounds_of_steps = []
    for _ in range(rounds):
        with TemporaryDirectory(prefix="codex-oss-bench-") as folder:
            rounds_of_steps.append(run(Path(folder), steps))
    found = min(rounds_of_steps, key=lambda each: middle(each, "own_ms"))
    quarter = max(1, steps // 4)
    first, last = middle(found[:quarter], "own_ms"), middle(found[-quarter:], "own_ms")
    return {
        STEP_AND_SYNC_MS: middle(found, "whole_ms"),
        STEP_MS: middle(found, "own_ms"),
        "CPU ms a step, with its tool, p50": middle(found, "cpu_ms"),
        "first quarter of the steps, ms": first,
        "last quarter of the steps, ms": last,
        GROWTH: last / first,
    }


def middle(steps: list[Step], name: str) -> float:
    return statistics.median(getattr(step, name) for step in steps)


def run(folder: Path, count: int) -> list[Step]:
    names = [f"src/part_{n}.py" for n in range(count)]
    text = "".join(f"VALUE_{n} = {n}\n" for n in range(LINES))
    project = write_tree(folder, {name: f"# {name}\n{text}" for name in names})
    reads = [calls(("rtk_read", {"path": name})) for name in names]
    model = ScriptedModel(*reads, report(("Nothing.", []), status="PARTIAL"))
    shop, disk = workshop(project, model), TimedDisk()
    wanted = order(
        shop,
        tool_budget=count,
        max_model_calls=count + 10,
        max_files_to_inspect=count,
        max_total_observation_bytes=5_000_000,
        time_budget_seconds=600,
    )
    mission = desk_of(shop, model, disk=disk).begin(wanted, Deadline(shop.clock))
    steps, before = [], (time.perf_counter(), disk.seconds, time.process_time())
    for event in mission.events():
        if isinstance(event.fact, ToolObserved):
            now = (time.perf_counter(), disk.seconds, time.process_time())
            whole, sync, cpu = ((b - a) * 1e3 for a, b in zip(before, now, strict=True))
            steps.append(Step(whole - event.fact.duration_ms, sync, cpu))
            before = now
    assert len(steps) == count, f"the mission took {len(steps)} steps of {count}"
    return steps[1:]  # The opening of the run is no step.
