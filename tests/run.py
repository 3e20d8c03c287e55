"""Run every test file, each in a process of its own, the longest first.

    python3 tests/run.py [--require NAME,...] [--room ROOM] [--jobs N] [--seed N] [--long] [--all]

Failures are shown whole; the last line is `N passed, N failed, N skipped`; exit 1 on any failure.
`--require codex` turns the skip of a test that needs the Codex CLI into a failure, `--long` runs
the hundreds and thousands that are sampled otherwise, `--all` those too that take minutes, `--seed
N` repeats the random ones.
"""

import argparse
import compileall
import gc
import multiprocessing
import os
import re
import runpy
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

TESTS = Path(__file__).resolve().parent
FILE_SECONDS_MAX = 600  # A file that hangs is killed and counts as failed.
ALL_SECONDS_MAX = 3_600  # The same with --all, where one takes 13 minutes on a busy machine.
RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)
COUNTS = re.compile(r"(failures|errors|skipped|expected failures|unexpected successes)=(\d+)")
SKIP_REASON = re.compile(r"\.\.\. skipped '(.*)'")
TIMES = TESTS.parent / ".dev" / "test-times"
PROCESSES = multiprocessing.get_context("forkserver")
ONE_AT_A_TIME = threading.Lock()  # Each start asks how all others do, and an end is told but once.
LOADED = [
    "unittest",
    "support",
    "codex_oss.cli",
    "codex_oss.rehearsal",
    "codex_oss.wiring.bridge",
    "support.commands",
]


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    output: str


def run_file(path: Path) -> Outcome:
    """Run one file in a process of its own, forked from one that has loaded the product."""
    started = time.monotonic()
    seconds_max = ALL_SECONDS_MAX if os.environ.get("CODEX_OSS_LONG") == "all" else FILE_SECONDS_MAX
    with tempfile.NamedTemporaryFile("r", errors="replace") as said:
        process = PROCESSES.Process(target=be_file, args=(path, Path(said.name)))
        with ONE_AT_A_TIME:
            process.start()
        is_late = not wait([process.sentinel], seconds_max)
        if is_late:
            process.kill()
        with ONE_AT_A_TIME:
            process.join()
        output = said.read() + f"\nkilled after {seconds_max} s" * is_late
    return judge(path.name, output, process.exitcode or 0, time.monotonic() - started)


def be_file(path: Path, output: Path) -> None:
    """Be the process of a file: what it says goes to another, whole."""
    with output.open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.argv[:] = [str(path), "-v"]
    gc.freeze()  # What is loaded stays: no collection looks through it.
    runpy.run_path(str(path), run_name="__main__")


def judge(name: str, output: str, code: int, seconds: float) -> Outcome:
    """Read unittest's own summary. A file that dies or runs nothing is one failure."""
    ran = RAN.findall(output)
    total = sum(map(int, ran))
    tail = output[output.rfind("\nRan ") :] if ran else ""
    counts = Counter({key: int(number) for key, number in COUNTS.findall(tail)})
    failed = counts["failures"] + counts["errors"] + counts["unexpected successes"]
    if code and not failed or not total and not counts["skipped"]:
        failed = max(1, failed)
    skipped = counts["skipped"]
    return Outcome(name, max(0, total - failed - skipped), failed, skipped, seconds, output)


def chosen(room: str) -> list[Path]:
    """Return the files to run, the longest of the last time first."""
    known = dict(line.split() for line in TIMES.read_text().splitlines()) if TIMES.exists() else {}
    files = TESTS.glob(f"test_{room}*.py")

    def seconds(path: Path) -> float:
        is_long = 300 * ("codex" in path.name or "endurance" in path.name)
        return float(known.get(path.name, path.stat().st_size / 5000 + is_long))

    return sorted(files, key=seconds, reverse=True)


def environment(arguments: argparse.Namespace) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    kept |= {"CODEX_OSS_REQUIRE": arguments.require}
    kept |= {"CODEX_OSS_SEED": str(arguments.seed)} if arguments.seed is not None else {}
    length = "all" if arguments.all else "1" if arguments.long else ""
    return kept | ({"CODEX_OSS_LONG": length} if length else {})


def outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(run_file, path) for path in chosen(arguments.room)]
        for done in as_completed(running):
            yield done.result()


def show(outcome: Outcome) -> None:
    mark = "FAIL" if outcome.failed else "ok"
    print(f"{mark:4} {outcome.name:44} {outcome.passed:4} passed {outcome.seconds:6.1f} s", end="")
    print(f"  {outcome.skipped} skipped" if outcome.skipped else "", flush=True)
    for reason in sorted(set(SKIP_REASON.findall(outcome.output))):
        print(f"     skipped: {reason}")
    if outcome.failed:
        print(f"\n{outcome.output.rstrip()}\n", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--require", default="", metavar="NAME,...", help="a skip is a failure")
    parser.add_argument("--room", default="", help="only the tests of this room")
    # Two thirds of a file's time are waiting, for the disk mostly.
    parser.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1), help="files at once")
    parser.add_argument("--seed", type=int, help="repeat random tests")
    parser.add_argument("--long", action="store_true", help="all cases, not a sample")
    parser.add_argument("--all", action="store_true", help="even the cases that take minutes")
    arguments = parser.parse_args()
    kept = environment(arguments)
    os.environ.clear()
    os.environ.update(kept)
    # To compile and to load the product takes longer than most files: it is done once.
    compileall.compile_dir(TESTS.parent / "codex_oss", quiet=2, workers=0)
    compileall.compile_dir(TESTS / "support", quiet=2)
    PROCESSES.set_forkserver_preload(LOADED)
    everything = []
    for outcome in outcomes(arguments):
        show(outcome)
        everything.append(outcome)
    if TIMES.parent.is_dir():
        TIMES.write_text("".join(f"{o.name} {o.seconds:.1f}\n" for o in everything))
    totals = [sum(getattr(o, key) for o in everything) for key in ("passed", "failed", "skipped")]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not everything else 0


if __name__ == "__main__":
    sys.exit(main())
