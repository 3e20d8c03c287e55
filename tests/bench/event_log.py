"""Workload (g): the event log beside the bare system calls, and what reading it back costs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from support.facts import short_run

from codex_oss.log import HeadStore, MemoryEventLog, MissionEventLog, parse_log
from codex_oss.record import (
    Event,
    Place,
    RuntimeProgressEmitted,
    encode,
    fold,
    to_payload,
)
from codex_oss.system import SystemClock

APPENDS = 300
WAITING = RuntimeProgressEmitted("waiting", "Still waiting for the model (8 s of 180 s).")
MIXED = short_run()


def measure(events: int) -> dict[str, float]:
    with TemporaryDirectory(prefix="codex-oss-bench-") as folder:
        bare, ours = appends_a_second(Path(folder))
    raw = rendered(events)
    mixed = mixed_run()
    runs = max(1, events // len(mixed))
    verify = seconds(lambda: parse_log(raw, lambda blob: ""))
    return {
        "append/s, write and fdatasync": bare,
        "append/s, durable event": ours,
        "durable append: times the bare calls": bare / ours,
        "reduce, events/s": runs * len(mixed) / seconds(lambda: [fold(mixed) for _ in range(runs)]),
        f"verify {events:,} events, s": verify,
    }


def appends_a_second(folder: Path) -> tuple[float, float]:
    """Return the rates of bare appends of a line, and of the log's own of the same line."""
    clock = SystemClock()
    heads = HeadStore(folder / "heads", folder / "head.key")
    run = folder / "run_bench"
    log = MissionEventLog(
        run, "mission_bench", heads=heads, clock=clock, redact=lambda payload: payload
    )
    log.create({})
    for fact in MIXED[:2]:
        log.append(fact)
    line = b"x" * (len((run / "events.jsonl").read_bytes()) // 2)
    fd = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def bare() -> None:
        for _ in range(APPENDS):
            os.write(fd, line[:600])
            os.fdatasync(fd)

    def ours() -> None:
        for _ in range(APPENDS):
            log.append(WAITING)

    try:
        return APPENDS / seconds(bare), APPENDS / seconds(ours)
    finally:
        os.close(fd)


def mixed_run() -> tuple[Event, ...]:
    """Return a run that holds every kind of event once or more."""
    log = MemoryEventLog(SystemClock())
    for fact in MIXED:
        log.append(fact)
    return log.events


def rendered(events: int) -> bytes:
    """Return the bytes of a log of so many events."""
    lines, before = [], ""
    for seq in range(1, events + 1):
        fact = MIXED[0] if seq == 1 else WAITING
        place = Place(
            seq=seq,
            run_id="run_bench",
            mission_id="mission_bench",
            created_at="2026-01-02T00:00:00.000+00:00",
            elapsed_ms=seq,
            prev_hash=before,
        )
        line = encode(fact, to_payload(fact), place)
        before = line.event.event_hash
        lines.append(line.data)
    return b"".join(lines)


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
