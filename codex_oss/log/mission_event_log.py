"""The one module that opens `events.jsonl`: append a fact durably, read what others appended.

A fact enters `append`; the event it became leaves after its line is written and synced, never
before. Redaction comes before the hash. A failed or short write, or a failed sync, closes the log
for this process: nobody knows what it left behind, so nothing is tried again and no success is
reported (event-log 4).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from codex_oss.deadline import Clock
from codex_oss.errors import BrokenPromise, LogBusy, LogClosed, LogCorrupt, StorageUnsafe
from codex_oss.log.blobs import BlobStore
from codex_oss.log.heads import Head, HeadStore
from codex_oss.log.verify import LogContent, parse_log
from codex_oss.record import (
    LINE_BYTES_MAX,
    Event,
    Fact,
    HeadSealed,
    Json,
    LogRecovered,
    MissionFinalized,
    Place,
    RunRecord,
    encode,
    fold,
    illegal,
    reduce,
    sha256,
    to_fact,
    to_payload,
)
from codex_oss.system import DISK, Disk, FileLock, private_folder, read_bounded, write_atomic

LOG_BYTES_MAX = 128 * 2**20
LOCK_SECONDS_MAX = 5.0
HEAD_EVERY_EVENTS = 16

Redact = Callable[[Json], Json]
"""A payload to the same payload without secrets, keys included."""


class EventLog(Protocol):
    """A run's memory. `record` is always the fold of what stands in it."""

    @property
    def record(self) -> RunRecord: ...

    @property
    def events(self) -> tuple[Event, ...]: ...

    def append(self, fact: Fact) -> tuple[Event, ...]:
        """Return what is new and durable: what others appended since, then `fact`'s event."""

    def poll(self) -> tuple[Event, ...]:
        """Return what others appended since."""


class MemoryEventLog:
    """The same without a disk: for tests, and to ask what a run would do next."""

    def __init__(self, clock: Clock, events: tuple[Event, ...] = (), run_id: str = "run_m") -> None:
        self._clock = clock
        self._run_id = events[0].run_id if events else run_id
        self._mission_id = events[0].mission_id if events else "mission_m"
        self._started = clock.monotonic() - (events[-1].elapsed_ms / 1000 if events else 0)
        self.events = events
        self.record = fold(events)

    def append(self, fact: Fact) -> tuple[Event, ...]:
        rule = illegal(self.record, fact)
        if rule:
            raise BrokenPromise(f"illegal_event:{rule}")
        place = Place(
            seq=self.record.last_seq + 1,
            run_id=self._run_id,
            mission_id=self._mission_id,
            created_at=self._clock.now().isoformat(timespec="milliseconds"),
            elapsed_ms=round((self._clock.monotonic() - self._started) * 1000),
            prev_hash=self.record.last_hash,
        )
        event = encode(fact, to_payload(fact), place).event
        self.events = (*self.events, event)
        self.record = reduce(self.record, event)
        return (event,)

    def poll(self) -> tuple[Event, ...]:
        return ()


class MissionEventLog:
    """One run's log on disk. `read` first; only then may it be appended to."""

    def __init__(
        self,
        folder: Path,
        mission_id: str,
        *,
        heads: HeadStore,
        clock: Clock,
        redact: Redact,
        disk: Disk = DISK,
    ) -> None:
        self.run_id = folder.name
        self.mission_id = mission_id
        self.record = RunRecord()
        self._events: list[Event] = []
        self._path = folder / "events.jsonl"
        self._lock = FileLock(folder / "events.lock", clock)
        self._blobs = BlobStore(folder / "blobs", disk)
        self._heads, self._clock, self._redact, self._disk = heads, clock, redact, disk
        self._size = 0
        self._elapsed_before_ms = 0
        self._opened = clock.monotonic()
        self._is_open = False

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)

    def create(self, summary: Json) -> None:
        """Make an empty log and its head: from here on a missing log is seen as cut."""
        private_folder(self._path.parent, self._disk)
        fd = self._disk.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        os.close(fd)
        self._disk.sync_folder(self._path.parent)
        self._heads.write(Head(self.run_id, self.mission_id, 0, 0, "", summary=summary))
        self._is_open = True

    def read(self) -> LogContent:
        """Return what stands in the log, without writing anything."""
        return parse_log(read_log(self._path), self._blobs.text)

    def open(self) -> None:
        """Take the log up for appending. What was never acknowledged is set aside and said;
        damage is refused: nothing is appended to a log that is not what was written."""
        with self._locked():
            content = self.read()
            if content.damage or self._is_cut(content):
                rule = content.damage.rule if content.damage else "truncated"
                hint = f"run: codex-oss log verify {self.run_id}"
                raise LogCorrupt(f"{self.run_id} is damaged: {rule}", hint=hint)
            self._take(content.events, content.size)
            recovered = self._set_aside(content) if content.torn else None
        self._elapsed_before_ms = self.record.budget.elapsed_ms
        self._opened = self._clock.monotonic()
        self._is_open = True
        if recovered:
            self.append(recovered)

    def _is_cut(self, content: LogContent) -> bool:
        head = self._heads.read(self.run_id)
        return head is not None and head.count > len(content.events)

    def _set_aside(self, content: LogContent) -> LogRecovered:
        kept = f"{self._path.name}.torn-{len(content.events) + 1}"
        write_atomic(self._path.with_name(kept), content.torn, self._disk)
        fd = self._disk.open(self._path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            self._disk.truncate(fd, content.size)
            self._disk.sync(fd)
        finally:
            os.close(fd)
        return LogRecovered(len(content.torn), sha256(content.torn), kept)

    def append(self, fact: Fact) -> tuple[Event, ...]:
        if not self._is_open:
            raise LogClosed(
                f"the log of {self.run_id} is closed: a write failed, or it was never opened",
                hint=f"run: codex-oss log verify {self.run_id}",
            )
        with self._locked():
            news = self._catch_up()
            rule = illegal(self.record, fact)
            if rule:
                raise BrokenPromise(f"illegal_event:{rule}: {type(fact).__name__}")
            self._is_open = False
            try:
                event = self._write(fact)
            except OSError as error:
                raise LogClosed(
                    f"writing the log of {self.run_id} failed: {error.strerror}",
                    hint="free space or repair the disk, then: codex-oss mission resume",
                ) from error
            self._is_open = True
            return (*news, event)

    def poll(self) -> tuple[Event, ...]:
        if self._path.stat().st_size == self._size:
            return ()
        with self._locked():
            return self._catch_up()

    def _write(self, fact: Fact) -> Event:
        payload = to_payload(fact)
        clean = self._redact(payload)
        if clean != payload:
            fact = to_fact(type(fact).__name__, clean)
        line = encode(fact, clean, self._place())
        assert len(line.data) <= LINE_BYTES_MAX, f"{type(fact).__name__}: {len(line.data)} bytes"
        for blob in line.blobs:
            self._blobs.put(blob)
        fd = self._disk.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        try:
            if self._disk.write(fd, line.data) != len(line.data):
                raise OSError(0, "the disk took a part of the line")
            self._disk.sync(fd)
        finally:
            os.close(fd)
        self._take((line.event,), len(line.data))
        if (
            isinstance(fact, MissionFinalized | HeadSealed)
            or line.event.seq % HEAD_EVERY_EVENTS == 0
        ):
            self._write_head(line.event, sealed=isinstance(fact, HeadSealed))
        return line.event

    def _place(self) -> Place:
        ran_ms = round((self._clock.monotonic() - self._opened) * 1000)
        elapsed_ms = max(self._elapsed_before_ms + ran_ms, self.record.budget.elapsed_ms)
        return Place(
            seq=self.record.last_seq + 1,
            run_id=self.run_id,
            mission_id=self.mission_id,
            created_at=self._clock.now().isoformat(timespec="milliseconds"),
            elapsed_ms=elapsed_ms,
            prev_hash=self.record.last_hash,
        )

    def _write_head(self, event: Event, sealed: bool) -> None:
        summary = head_summary(self.record)
        self._heads.write(
            Head(
                self.run_id,
                self.mission_id,
                event.seq,
                self._size,
                event.event_hash,
                sealed,
                summary,
            )
        )

    def _take(self, events: tuple[Event, ...], size: int) -> None:
        for event in events:
            self.record = reduce(self.record, event)
        self._events += events
        self._size += size

    def _catch_up(self) -> tuple[Event, ...]:
        fd = self._disk.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            raw = os.pread(fd, os.fstat(fd).st_size - self._size, self._size)
        finally:
            os.close(fd)
        content = parse_log(raw, self._blobs.text, self._events[-1] if self._events else None)
        if content.torn or content.damage:
            self._is_open = False
            raise LogClosed(
                f"another writer left a torn line in the log of {self.run_id}",
                hint="run: codex-oss mission resume",
            )
        self._take(content.events, content.size)
        return content.events

    def _locked(self) -> "_Locked":
        return _Locked(self._lock, self.run_id)


class _Locked:
    def __init__(self, lock: FileLock, run_id: str) -> None:
        self._lock, self._run_id = lock, run_id

    def __enter__(self) -> None:
        if not self._lock.acquire(LOCK_SECONDS_MAX):
            raise LogBusy(
                f"the log of {self._run_id} is locked for more than {LOCK_SECONDS_MAX:g} s",
                hint="try again",
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def read_log(path: Path) -> bytes:
    """Return the bytes of a log. No link is followed, nothing but a regular file is read."""
    try:
        return read_bounded(path, LOG_BYTES_MAX)
    except FileNotFoundError as error:
        raise StorageUnsafe(f"there is no log at {path.parent.name}") from error


def head_summary(record: RunRecord) -> Json:
    """Return what a list of missions shows of a run."""
    if record.mission is None:
        return {"status": record.status}
    admitted = record.mission.admitted
    return {
        "tier": record.contract.tier,
        "status": record.status,
        "alias": admitted.model_alias,
        "contract": admitted.contract_sha256,
        "objective": record.contract.objective[:120],
        "started": record.mission.started_at,
        "ended": record.last_at,
        "tokens": record.budget.input_tokens + record.budget.output_tokens,
        "cost_microusd": record.budget.cost_microusd,
    }
