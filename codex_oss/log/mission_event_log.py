"""The one module that writes `events.jsonl`: append a fact durably, read what others appended.

A fact enters `append`; the event it became leaves after its line is written and synced, never
before. A failed or short write, or a failed sync, closes the log for this process: nobody knows
what it left behind, so nothing is tried again and no success is reported (event-log 4).
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from codex_oss.deadline import Clock
from codex_oss.errors import BrokenPromise, LogBusy, LogClosed, LogCorrupt
from codex_oss.log.blobs import BlobStore
from codex_oss.log.heads import Head, HeadStore
from codex_oss.log.reading import LOG_BYTES_MAX, LogReader, log_lines, parse_log
from codex_oss.log.verify import judge
from codex_oss.record import (
    Event,
    Fact,
    HeadSealed,
    Json,
    Line,
    LineFault,
    LogRecovered,
    MissionFinalized,
    OfOthers,
    PatchAppliedByRuntime,
    Place,
    PromotionFinished,
    PromotionUndone,
    Redact,
    RollbackRecorded,
    RunRecord,
    encode,
    fold,
    illegal,
    reduce,
    score_of,
    sha256,
)
from codex_oss.system import DISK, Disk, FileLock, private_folder, write_atomic

LOCK_SECONDS_MAX = 5.0
EVENTS_MAX = 100_000  # A run closes long before, in the room that is left (event-log 2).
HEAD_EVERY_EVENTS = 16
OUTCOMES = (
    *(MissionFinalized, HeadSealed, PatchAppliedByRuntime),
    *(PromotionFinished, PromotionUndone, RollbackRecorded),
)
"""After these the head is written at once: an effect that cannot be repeated has ended."""


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


def legal_line(record: RunRecord, fact: Fact, place: Place, redact: Redact) -> Line:
    """Return the line that a fact becomes, or raise which promise of ours it would break."""
    rule = illegal(record, fact)
    if rule:
        raise BrokenPromise(f"illegal_event:{rule}: {type(fact).__name__}")
    try:
        return encode(fact, place, redact)
    except LineFault as fault:
        raise BrokenPromise(f"{type(fact).__name__} cannot be logged: {fault.rule}") from fault


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
        place = Place(
            before=self.events[-1] if self.events else None,
            run_id=self._run_id,
            mission_id=self._mission_id,
            created_at=self._clock.now().isoformat(timespec="milliseconds"),
            elapsed_ms=round((self._clock.monotonic() - self._started) * 1000),
        )
        event = legal_line(self.record, fact, place, lambda payload: payload).event
        self.events = (*self.events, event)
        self.record = reduce(self.record, event)
        return (event,)

    def poll(self) -> tuple[Event, ...]:
        return ()


class MissionEventLog:
    """One run's log on disk. It is made or opened first; only then may it be appended to."""

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
        self._blobs = BlobStore(folder / "blobs", disk=disk)
        self._heads, self._clock, self._redact, self._disk = heads, clock, redact, disk
        self._size = 0
        self._elapsed_before_ms = 0
        self._opened = clock.monotonic()
        self._purged: tuple[str, ...] = ()
        self._is_open = False
        self._is_guest = False

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)

    @property
    def _last(self) -> Event | None:
        return self._events[-1] if self._events else None

    # ---- opening ---------------------------------------------------------------------------------

    def create(self, summary: Json) -> None:
        """Make an empty log and its head: from here on a missing log is seen as cut."""
        with self._storing():
            private_folder(self._path.parent, self._disk)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            os.close(self._disk.open(self._path, flags))
            self._disk.sync_folder(self._path.parent)
            self._heads.write(Head(self.run_id, self.mission_id, 0, 0, "", summary=summary))
        self._is_open = True

    def read(self) -> LogReader:
        """Return a reader of all that stands in the log. Nothing is written."""
        return LogReader(log_lines(self._path, self._disk), self._blobs.text)

    def open(self) -> None:
        """Take the log up for appending. What was never acknowledged is set aside and said;
        nothing is appended to a log that is not, or may not be, what was written."""
        with self._storing(), self._locked():
            private_folder(self._path.parent, self._disk)
            head = self._heads.read(self.run_id)
            self._purged = head.purged if head else ()
            self._blobs = BlobStore(self._path.parent / "blobs", self._purged, self._disk)
            reader = self.read()
            events: list[Event] = []
            verdict = judge(self.run_id, reader, head, each=events.append)
            if not verdict.is_good:
                raise LogCorrupt(
                    f"{self.run_id} is {verdict.verdict}: {verdict.rule}",
                    hint=f"run: codex-oss log verify {self.run_id}",
                )
            self._take(events, reader.size)
            last = self._last
            self._elapsed_before_ms = last.elapsed_ms if last else 0
            self._opened = self._clock.monotonic()
            if reader.torn:
                with self._file() as fd:
                    self._recover(fd, reader.torn)
        self._is_open = True

    def visit(self) -> None:
        """Open the log of a run on which another process may work: only to `offer` and `poll`. The
        time of a run goes on while its owner waits."""
        self.open()
        self._is_guest = True
        if last := self._last:
            waited = self._clock.now() - datetime.fromisoformat(last.created_at)
            self._elapsed_before_ms += max(0, round(waited.total_seconds() * 1000))

    def _recover(self, fd: int, torn: bytes) -> tuple[Event, ...]:
        """Set a torn tail aside and say so, if there is a run to say it of."""
        kept = f"{self._path.name}.torn-{len(self._events) + 1}"
        write_atomic(self._path.with_name(kept), torn, self._disk)
        self._disk.truncate(fd, self._size)
        self._disk.sync(fd)
        recovered = LogRecovered(len(torn), sha256(torn), kept)
        return () if illegal(self.record, recovered) else (self._write(fd, recovered),)

    # ---- appending -------------------------------------------------------------------------------

    def append(self, fact: Fact) -> tuple[Event, ...]:
        self._ensure_open()
        if self._is_guest:
            raise BrokenPromise(f"illegal_event:not_the_owner: {type(fact).__name__}")
        with self._storing(), self._locked(), self._file() as fd:
            news = self._catch_up(fd)
            return (*news, self._write(fd, fact))

    def offer(self, fact: OfOthers) -> tuple[Event, ...]:
        """Append what a process may say that does not own the run, unless it is too late for it,
        and return what is new either way."""
        self._ensure_open()
        with self._storing(), self._locked(), self._file() as fd:
            news = self._catch_up(fd)
            return news if illegal(self.record, fact) else (*news, self._write(fd, fact))

    def poll(self) -> tuple[Event, ...]:
        self._ensure_open()
        with self._storing():
            if self._path.stat().st_size == self._size:
                return ()
            with self._locked(), self._file() as fd:
                return self._catch_up(fd)

    def _catch_up(self, fd: int) -> tuple[Event, ...]:
        """Take what others appended. One that died while it wrote left a torn tail."""
        size = os.fstat(fd).st_size
        if size == self._size:
            return ()
        raw = os.pread(fd, max(0, size - self._size), self._size)
        reader = parse_log(raw, self._blobs.text, self._last)
        events = tuple(reader)
        self._take(events, reader.size)
        if reader.damage:
            self._is_open = False
            raise LogCorrupt(
                f"{self.run_id} is damaged: {reader.damage.rule}",
                hint=f"run: codex-oss log verify {self.run_id}",
            )
        return (*events, *self._recover(fd, reader.torn)) if reader.torn else events

    def _write(self, fd: int, fact: Fact) -> Event:
        line = legal_line(self.record, fact, self._place(), self._redact)
        if line.event.seq > EVENTS_MAX or self._size + len(line.data) > LOG_BYTES_MAX:
            raise LogClosed(
                f"the log of {self.run_id} is full: {self._size} bytes, {len(self._events)} events",
                hint=f"run: codex-oss show-summary {self.run_id}",
            )
        for blob in line.blobs:
            self._blobs.put(blob)
        self._is_open = False
        if self._disk.write(fd, line.data) != len(line.data):
            raise OSError(errno.EIO, "the disk took a part of the line")
        self._disk.sync(fd)
        self._take((line.event,), len(line.data))
        if line.event.seq % HEAD_EVERY_EVENTS == 0 or isinstance(fact, OUTCOMES):
            self._write_head(line.event)
        self._is_open = True
        return line.event

    def _place(self) -> Place:
        last = self._last
        ran_ms = round((self._clock.monotonic() - self._opened) * 1000)
        return Place(
            before=last,
            run_id=self.run_id,
            mission_id=self.mission_id,
            created_at=self._clock.now().isoformat(timespec="milliseconds"),
            elapsed_ms=max(self._elapsed_before_ms + ran_ms, last.elapsed_ms if last else 0),
        )

    def _write_head(self, event: Event) -> None:
        self._heads.write(
            Head(
                self.run_id,
                self.mission_id,
                count=event.seq,
                bytes=self._size,
                head=event.event_hash,
                sealed=self.record.delivery.sealed is not None,
                summary=head_summary(self.record),
                purged=self._purged,
            )
        )

    def _take(self, events: Sequence[Event], size: int) -> None:
        for event in events:
            self.record = reduce(self.record, event)
        self._events += events
        self._size += size

    # ---- the file --------------------------------------------------------------------------------

    def _ensure_open(self) -> None:
        if not self._is_open:
            raise LogClosed(
                f"the log of {self.run_id} is closed: a write failed, or it was never opened",
                hint=f"run: codex-oss log verify {self.run_id}",
            )

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Close the log for this process where the disk fails inside this block."""
        try:
            yield
        except OSError as error:
            self._is_open = False
            raise LogClosed(
                f"writing the log of {self.run_id} failed: {error.strerror}",
                hint="free space or repair the disk, then: codex-oss mission resume",
            ) from error

    @contextmanager
    def _file(self) -> Iterator[int]:
        fd = self._disk.open(self._path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._lock.acquire(LOCK_SECONDS_MAX):
            raise LogBusy(
                f"the log of {self.run_id} is locked for more than {LOCK_SECONDS_MAX:g} s",
                hint="try again",
            )
        try:
            yield
        finally:
            self._lock.release()


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
        "run_key": admitted.run_key,
        "objective": record.contract.objective[:120],
        "started": record.mission.started_at,
        "ended": record.last_at,
        "tokens": record.budget.input_tokens + record.budget.output_tokens,
        "cost_microusd": record.budget.cost_microusd,
        "score": score_of(record),
    }
