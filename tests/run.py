"""Run every test file, each in a process of its own, the longest first.

    python3 tests/run.py [--require NAME,...] [--room ROOM] [--jobs N] [--seed N] [--long]

Failures are shown whole; the last line is `N passed, N failed, N skipped`; exit 1 on any failure.
`--require codex` turns the skip of a test that needs the Codex CLI into a failure, `--long` runs
the hundreds and thousands that are sampled otherwise, `--seed N` repeats the random ones.
"""

import argparse
import compileall
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
FILE_SECONDS_MAX = 600  # A file that hangs is killed and counts as failed.
RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)
COUNTS = re.compile(r"(failures|errors|skipped|expected failures|unexpected successes)=(\d+)")
SKIP_REASON = re.compile(r"\.\.\. skipped '(.*)'")
TIMES = TESTS.parent / ".dev" / "test-times"


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    output: str


def run_file(path: Path, environment: dict[str, str]) -> Outcome:
    started = time.monotonic()
    command = [sys.executable, "-B", str(path), "-v"]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=FILE_SECONDS_MAX,
            check=False,
        )
        output, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = f"{error.stdout!r}\nkilled after {FILE_SECONDS_MAX} s", -1
    return judge(path.name, output, code, time.monotonic() - started)


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
        is_long = 300 * ("codex" in path.name)
        return float(known.get(path.name, path.stat().st_size / 5000 + is_long))

    return sorted(files, key=seconds, reverse=True)


def environment(arguments: argparse.Namespace) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    kept |= {"CODEX_OSS_REQUIRE": arguments.require, "PYTHONHASHSEED": "random"}
    kept |= {"CODEX_OSS_SEED": str(arguments.seed)} if arguments.seed is not None else {}
    return kept | ({"CODEX_OSS_LONG": "1"} if arguments.long else {})


def outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    shared = environment(arguments)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(run_file, path, shared) for path in chosen(arguments.room)]
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
    # A good half of a file's time is waiting.
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="files at once")
    parser.add_argument("--seed", type=int, help="repeat random tests")
    parser.add_argument("--long", action="store_true", help="all cases, not a sample")
    arguments = parser.parse_args()
    # Hundreds of processes start; compiled once, each loads in a fifth of the time.
    compileall.compile_dir(TESTS.parent / "codex_oss", quiet=2)
    compileall.compile_dir(TESTS / "support", quiet=2)
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
