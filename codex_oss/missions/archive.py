"""What is known of the runs of a project, read from their logs and heads alone.

Never from a file of a mission: those are projections. A mission id stands for its newest run.
Nothing here takes a lock or appends; only `rebuild` writes, and only projections.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import LogCorrupt, NotFound, Refused, StorageUnsafe
from codex_oss.layout import Layout
from codex_oss.log import (
    READABLE,
    BlobStore,
    Head,
    HeadStore,
    LogReader,
    LogVerdict,
    ProjectionState,
    check_projections,
    judge,
    log_lines,
    write_projections,
)
from codex_oss.record import Event, Json, RunRecord, fold
from codex_oss.system import DISK, Disk, FileLock


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run as its log tells it. `state` is running, interrupted, refused, unreadable
    or final."""

    run_id: str
    mission_id: str
    events: tuple[Event, ...]
    record: RunRecord
    state: str


class RunArchive:
    """All runs of one project."""

    def __init__(self, layout: Layout, heads: HeadStore, clock: Clock, disk: Disk = DISK) -> None:
        self._layout = layout
        self._heads = heads
        self._clock = clock
        self._disk = disk

    def load(self, name: str) -> LoggedRun:
        """Return a run; damage is refused, and a torn tail was never part of it."""
        run_id = self.find(name)
        events: list[Event] = []
        verdict = judge(run_id, self._reader(run_id), self._heads.read(run_id), each=events.append)
        if verdict.verdict not in READABLE:
            raise LogCorrupt(
                f"{run_id} is {verdict.verdict}: {verdict.rule}",
                hint=f"run: codex-oss log verify {run_id}",
            )
        record = fold(events)
        mission_id = events[0].mission_id if events else ""
        state = self._state(run_id, record.status)
        return LoggedRun(run_id, mission_id, tuple(events), record, state)

    def examined(self, run_id: str) -> tuple[LogVerdict, Head | None, tuple[Event, ...]]:
        """Return what a log is worth, its head, and its events up to the first damage."""
        events: list[Event] = []
        head = self._heads.read(run_id)
        try:
            verdict = judge(run_id, self._reader(run_id), head, each=events.append)
        except StorageUnsafe as error:
            verdict = LogVerdict(run_id, "unreadable", rule=error.message)
        return verdict, head, tuple(events)

    def verify(self, name: str, witness: str = "") -> LogVerdict:
        """Judge the bytes of a log against its head, and the head that a report printed."""
        run_id = self.find(name)
        started = self._clock.monotonic()
        try:
            verdict = judge(run_id, self._reader(run_id), self._heads.read(run_id), witness)
        except StorageUnsafe as error:
            verdict = LogVerdict(run_id, "unreadable", rule=error.message)
        return replace(verdict, ms=round((self._clock.monotonic() - started) * 1000))

    def check(self, name: str, folder: Path | None = None) -> tuple[ProjectionState, ...]:
        """Say of each file whether it is what the log says. Writes nothing."""
        run, folder = self._with_folder(name, folder)
        return check_projections(folder, run.events)

    def rebuild(self, name: str, folder: Path | None = None) -> tuple[ProjectionState, ...]:
        """Write every file again, and return how each was before."""
        run, folder = self._with_folder(name, folder)
        before = check_projections(folder, run.events)
        for _ in write_projections(folder, run.events, self._disk):
            continue
        return before

    def _with_folder(self, name: str, folder: Path | None) -> tuple[LoggedRun, Path]:
        """Return a run and where its files are: a mission's are those of its newest run, so that
        another run's have no place but the one that is named."""
        run = self.load(name)
        if folder or self.is_newest(run.run_id, run.mission_id):
            return run, folder or self._layout.mission(run.mission_id)
        newest = self.find(run.mission_id)
        raise Refused(
            f"the files of {run.mission_id} are those of its newest run, {newest}",
            code="not_the_newest_run",
            hint=f"run: codex-oss log rebuild {run.run_id} --to DIR",
        )

    def is_newest(self, run_id: str, mission_id: str) -> bool:
        """Whether no newer run of this mission is known."""
        newest = (head.run_id for head in self.heads() if head.mission_id == mission_id)
        return next(newest, run_id) == run_id

    def find(self, name: str) -> str:
        """Return the run id of a run, or of the newest run of a mission."""
        if name.startswith("run_") and self._layout.run(name).is_dir():
            return name
        for head in self.heads():
            if head.mission_id == name:
                return head.run_id
        hint = "run: codex-oss mission list"
        raise NotFound(f"there is no mission or run {name!r} here", hint=hint)

    def list(self) -> Iterator[Json]:
        """Yield every run, newest first, from its head file."""
        for head in self.heads():
            state = self._state(head.run_id, str(head.summary.get("status", "")))
            row: Json = {"run_id": head.run_id, "mission_id": head.mission_id, "state": state}
            yield row | head.summary

    def heads(self) -> Iterator[Head]:
        for run_id in self._heads.run_ids():
            head = self._heads.read(run_id)
            if head:
                yield head

    def live_runs(self) -> int:
        """Return how many runs some process works on at this moment."""
        return sum(self._is_held(head.run_id) for head in self.heads() if not head.sealed)

    def _reader(self, run_id: str) -> LogReader:
        blobs = BlobStore(self._layout.blobs(run_id), self._disk)
        return LogReader(log_lines(self._layout.events(run_id), self._disk), blobs.text)

    def _is_held(self, run_id: str) -> bool:
        return FileLock(self._layout.run_lock(run_id), self._clock).is_held

    def _state(self, run_id: str, status: str) -> str:
        if status in ("REFUSED", "UNREADABLE"):
            return status.lower()
        if self._is_held(run_id):
            return "running"
        return "interrupted" if status in ("NEW", "OPEN") else "final"
