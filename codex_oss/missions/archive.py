"""What is known of the runs of a project, read from their logs and heads alone.

Never from a file of a mission: those are projections. A mission id stands for its newest run.
Nothing here takes a lock or appends; only `rebuild` writes, and only projections.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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
from codex_oss.missions.status import status_of
from codex_oss.record import Event, Json, RunRecord, fold, scorecards
from codex_oss.system import DISK, Disk, FileLock


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run as its log tells it. `state` is open (somebody works on it), interrupted, refused,
    unreadable, final, or damaged: then these are the events before the `fault`."""

    run_id: str
    mission_id: str
    events: tuple[Event, ...]
    record: RunRecord
    state: str
    fault: str = ""


class RunArchive:
    """All runs of one project."""

    def __init__(self, layout: Layout, heads: HeadStore, clock: Clock, disk: Disk = DISK) -> None:
        self._layout = layout
        self._heads = heads
        self._clock = clock
        self._disk = disk

    def load(self, name: str) -> LoggedRun:
        """Return a run; damage is refused, and a torn tail was never part of it."""
        run = self.shown(name)
        if run.fault:
            hint = f"run: codex-oss log verify {run.run_id}"
            raise LogCorrupt(f"{run.run_id} is {run.fault}", hint=hint)
        return run

    def shown(self, name: str) -> LoggedRun:
        """Return a run to look at: a damaged one as far as its log is good."""
        run_id = self.find(name)
        events: list[Event] = []
        verdict = self._judge(run_id, events.append)
        is_good = verdict.verdict in READABLE
        record = fold(events)
        mission_id = events[0].mission_id if events else ""
        state = self._state(run_id, record.status) if is_good else "damaged"
        fault = "" if is_good else f"{verdict.verdict}: {verdict.rule}"
        return LoggedRun(run_id, mission_id, tuple(events), record, state, fault)

    def examined(self, run_id: str) -> tuple[LogVerdict, Head | None, tuple[Event, ...]]:
        """Return what a log is worth, its head, and its events up to the first damage."""
        events: list[Event] = []
        try:
            verdict = self._judge(run_id, events.append)
        except StorageUnsafe as error:
            verdict = LogVerdict(run_id, "unreadable", rule=error.message)
        return verdict, self._heads.read(run_id), tuple(events)

    def status(self, name: str) -> Json:
        """Say where a run stands; of a damaged one as far as its log is good."""
        run_id, now = self.find(name), self._clock.now()
        verdict, _, events = self.examined(run_id)
        record = fold(events)
        is_good = verdict.verdict in READABLE
        state = self._state(run_id, record.status) if is_good else "damaged"
        owner = self._lock(run_id).holder if state == "open" else ""
        return status_of(run_id, events, record, state, owner, now)

    def verify(self, name: str, witness: str = "") -> LogVerdict:
        """Judge the bytes of a log against its head, and the head that a report printed."""
        return self._timed(self._layout.run(self.find(name)), witness)

    def verify_path(self, path: Path, witness: str = "") -> LogVerdict:
        """Judge a log wherever it lies. Only one of this project has a head here."""
        folder = path if path.is_dir() else path.parent
        return self._timed(folder.resolve(), witness)

    def _timed(self, folder: Path, witness: str) -> LogVerdict:
        started = self._clock.monotonic()
        try:
            verdict = self._judge(folder.name, lambda event: None, witness, folder)
        except StorageUnsafe as error:
            verdict = LogVerdict(folder.name, "unreadable", rule=error.message)
        return replace(verdict, ms=round((self._clock.monotonic() - started) * 1000))

    def _judge(
        self,
        run_id: str,
        each: Callable[[Event], object],
        witness: str = "",
        folder: Path | None = None,
    ) -> LogVerdict:
        home = self._layout.runs.resolve() / run_id
        folder = folder or home
        is_ours = folder.resolve() == home
        head = self._heads.read(run_id) if is_ours else None
        blobs = BlobStore(folder / "blobs", head.purged if head else ())
        reader = LogReader(log_lines(folder / "events.jsonl", self._disk), blobs.text)
        verdict = judge(run_id if is_ours else "", reader, head, witness, each)
        return replace(verdict, purged_blobs=blobs.purged_seen)

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
        return next(self._runs_of(mission_id), run_id) == run_id

    def _runs_of(self, mission_id: str) -> Iterator[str]:
        for run_id, head in self.runs():
            if (head.mission_id if head else self._named_in(run_id)) == mission_id:
                yield run_id

    def _named_in(self, run_id: str) -> str:
        """Return the mission that the first event of a log names, for a run without a head."""
        with suppress(StorageUnsafe):
            blobs = BlobStore(self._layout.blobs(run_id))
            lines = log_lines(self._layout.events(run_id), self._disk)
            for event in LogReader(lines, blobs.text):
                return event.mission_id
        return ""

    def find(self, name: str) -> str:
        """Return the run id of a run, or of the newest run of a mission."""
        if name.startswith("run_") and self._layout.run(name).is_dir():
            return name
        for run_id in self._runs_of(name):
            return run_id
        hint = "run: codex-oss mission list"
        if (gone := self._removed(name)) is not None:
            why = f"{name} was removed at {gone.gc['at']}: {gone.gc['reason']}"
            raise NotFound(f"{why}; it had {gone.count} events, head {gone.head}", hint=hint)
        raise NotFound(f"there is no mission or run {name!r} here", hint=hint)

    def _removed(self, name: str) -> Head | None:
        """Return the head that a removed run left, of a mission the newest."""
        for run_id in self._heads.run_ids():
            head = self._heads.read(run_id)
            if head and head.gc and name in (run_id, head.mission_id):
                return head
        return None

    def list(self) -> Iterator[Json]:
        """Yield every run, newest first, from its head; from its log where that is not ours."""
        for run_id, head in self.runs():
            if head:
                state = self._state(run_id, str(head.summary.get("status", "")))
                row: Json = {"run_id": run_id, "mission_id": head.mission_id, "state": state}
                yield row | head.summary
            else:
                found = self.status(run_id)
                yield {name: found[name] for name in ("run_id", "mission_id", "state", "status")}

    def runs(self) -> Iterator[tuple[str, Head | None]]:
        """Yield every run, newest first, with its head if there is one of ours. One that was
        removed is no run any more; one whose process died before it had a head is none yet."""
        folders = {path.name for path in self._layout.runs.glob("run_*")}
        for run_id in sorted(folders | set(self._heads.run_ids()), reverse=True):
            head = self._heads.read(run_id)
            if self._has_begun(run_id) if head is None else run_id in folders or not head.gc:
                yield run_id, head

    def _has_begun(self, run_id: str) -> bool:
        log = self._layout.events(run_id)
        return log.is_symlink() or (log.exists() and log.lstat().st_size > 0)

    def scorecards(self, heads: Iterable[Head] | None = None) -> Json:
        """Return how the lanes of models do, by all runs of this project."""
        known = self.heads() if heads is None else heads
        return scorecards(head.summary for head in known)

    def heads(self) -> Iterator[Head]:
        for _, head in self.runs():
            if head:
                yield head

    def live_runs(self, heads: Iterable[Head] | None = None) -> int:
        """Return how many runs some process works on at this moment."""
        known = self.heads() if heads is None else heads
        return sum(self.is_held(head.run_id) for head in known if not head.sealed)

    def is_held(self, run_id: str) -> bool:
        """Whether some process works on this run."""
        return self._lock(run_id).is_held

    def _lock(self, run_id: str) -> FileLock:
        return FileLock(self._layout.run_lock(run_id), self._clock)

    def _state(self, run_id: str, status: str) -> str:
        if status in ("REFUSED", "UNREADABLE"):
            return status.lower()
        if self.is_held(run_id):
            return "open"
        return "interrupted" if status in ("NEW", "OPEN") else "final"
