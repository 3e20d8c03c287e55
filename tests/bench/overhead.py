"""What the bridge costs: streams beside a direct connection, cold starts, the log, a mission.

    python3 tests/bench/overhead.py [--quick] [--json] [--only abcdefgh] [--peers [VENV]]
    python3 tests/bench/overhead.py --install-peers

A report, never a test: it exits 0 however slow the day is. Compare the ratios: absolute times of
a shared machine are worth little, those of one run against each other are.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

import cold  # noqa: E402
import event_log  # noqa: E402
import goals  # noqa: E402
import mission  # noqa: E402
import peers  # noqa: E402
import streams  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of the load or less")
    parser.add_argument("--json", action="store_true", help="one JSON document, no tables")
    parser.add_argument("--only", default="abcdefgh", help="workloads, by their letters")
    parser.add_argument(
        "--peers", nargs="?", const=peers.VENV, type=Path, metavar="VENV", help="other bridges too"
    )
    parser.add_argument("--install-peers", action="store_true", help="by pip, into .dev/peers")
    arguments = parser.parse_args()
    if arguments.install_peers:
        peers.install()
        return
    wanted, quick = set(arguments.only) - {","}, arguments.quick
    show = (lambda *_: None) if arguments.json else print_table
    show("", [["machine", machine()]])
    rows, cold_ms, log, steps = [], {}, {}, {}
    if wanted & set("abcde"):
        scale = streams.QUICK if quick else streams.FULL
        rows = streams.measure(scale, wanted, arguments.peers)
        show("(a) to (e), median of the rounds", dict_cells(map(asdict, rows)))
        show("the bridge as a multiple of", dict_cells(streams.ratios(rows)))
    if "f" in wanted:
        cold_ms = cold.measure(5 if quick else 20)
        show("(f) cold starts, median ms", value_cells(cold_ms))
    if "g" in wanted:
        log = event_log.measure(10_000 if quick else 100_000)
        show("(g) event log", value_cells(log))
    if "h" in wanted:
        steps = mission.measure(steps=100, rounds=2 if quick else 5)
        show("(h) a mission of 100 steps", value_cells(steps))
    judged = goals.goals(rows, cold_ms, log, steps)
    show("goals", dict_cells(map(asdict, judged)))
    if not arguments.json:
        print(f"\n{goals.summary(judged)}")
        return
    found = {
        "machine": machine(),
        "quick": quick,
        "streams": [asdict(row) for row in rows],
        "ratios": streams.ratios(rows),
        "cold_ms": cold_ms,
        "event_log": log,
        "mission": steps,
        "goals": [asdict(goal) for goal in judged],
    }
    print(json.dumps(found, indent=2))


def machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python " + (
        platform.python_version()
    )


def dict_cells(rows: Iterable[Mapping[str, object]]) -> list[list[str]]:
    found = list(rows)
    return [list(found[0]), *([cell(value) for value in row.values()] for row in found)]


def value_cells(values: dict[str, float]) -> list[list[str]]:
    return [[name, cell(value)] for name, value in values.items()]


def cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "-" if value is None else str(value)


def print_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{title}" if title else "")
    for row in rows:
        print("  " + "  ".join(text.rjust(w) for text, w in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
