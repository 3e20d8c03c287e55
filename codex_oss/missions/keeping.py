"""What is kept of old runs and what is not: a plan, and then exactly that plan.

The runs of a project enter; the steps that clean it up leave, each with its reason, and are taken
one by one. A log is removed whole or not at all, and its head stays and says so. Never touched are
runs that somebody works on, damaged or unreadable ones, those whose head is not ours, a patch that
waits for its review, one promoted a short time ago, and runs that are named (event-log 10).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import BridgeError, StorageUnsafe
from codex_oss.layout import Layout
from codex_oss.log import GOOD, BlobStore, Head, HeadStore
from codex_oss.missions.archive import RunArchive
from codex_oss.record import Event, Json, PromotionFinished, RunRecord, fold
from codex_oss.system import FileLock, remove, remove_tree

OPEN_MAX = timedelta(hours=24)  # Then a run without an owner is closed (event-log 6).
PROMOTED_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept: the newest `runs` and all that are younger than `age`; private texts for
    `private_age`; and the runs that `names` names, with all they have."""

    age: timedelta
    runs: int
    private_age: timedelta
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `remove` a run, `close` it, `purge` its private texts, or clear away its
    `torn` ends or a `lock` that nobody holds."""

    kind: str
    run_id: str
    mission_id: str
    reason: str
    paths: tuple[Path, ...] = ()

    def to_json(self, root: Path) -> Json:
        return {
            "kind": self.kind,
            "run_id": self.run_id,
            "mission_id": self.mission_id,
            "reason": self.reason,
            "bytes": sum(map(_size, self.paths)),
            "paths": [path.relative_to(root).as_posix() for path in self.paths],
        }


class Housekeeper:
    """Plans and takes the steps for one project."""

    def __init__(
        self,
        layout: Layout,
        heads: HeadStore,
        archive: RunArchive,
        clock: Clock,
        close: Callable[[str], object],
    ) -> None:
        self._layout, self._heads, self._archive = layout, heads, archive
        self._clock, self._close = clock, close

    def plan(self, keeping: Keeping) -> tuple[Step, ...]:
        """Return what would be done at this moment. Nothing is changed."""
        named = {self._archive.find(name) for name in keeping.names}
        return tuple(
            step
            for place, (run_id, head) in enumerate(self._archive.runs())
            if head and run_id not in named
            for step in self._steps(head, place >= keeping.runs, keeping)
        )

    def _steps(self, head: Head, is_beyond: bool, keeping: Keeping) -> Iterator[Step]:
        run_id, mission_id = head.run_id, head.mission_id
        if head.gc:  # Whoever began to remove it did not come to the end.
            yield Step("remove", run_id, mission_id, "half removed", self._all_of(head))
            return
        verdict, _, events = self._archive.examined(run_id)
        if verdict.verdict not in GOOD or self._archive.is_held(run_id):
            return
        record, now = fold(events), self._clock.now()
        age = now - _at(record, run_id, now)
        if record.is_open:
            if age > OPEN_MAX:
                yield Step("close", run_id, mission_id, f"nobody worked on it for {_told(age)}")
        elif record.status != "UNREADABLE":
            if is_beyond and age > keeping.age and not _is_needed(record, events, now):
                paths = self._all_of(head)
                yield Step("remove", run_id, mission_id, f"{_told(age)} old", paths)
            elif age > keeping.private_age:
                yield from self._leftovers(head)

    def _leftovers(self, head: Head) -> Iterator[Step]:
        run_id, mission_id, log = head.run_id, head.mission_id, self._layout.events(head.run_id)
        private = self._private(run_id)
        torn = tuple(sorted(log.parent.glob(f"{log.name}.torn-*")))
        if private:
            texts = f"{len(private)} private texts of an ended run"
            yield Step("purge", run_id, mission_id, texts, tuple(private.values()))
        if torn:
            yield Step("torn", run_id, mission_id, "bytes that were never acknowledged", torn)
        if (lock := self._layout.run_lock(run_id)).exists():
            yield Step("lock", run_id, mission_id, "a lock that nobody holds", (lock,))

    def _private(self, run_id: str) -> dict[str, Path]:
        return BlobStore(self._layout.blobs(run_id)).private_blobs()

    def _all_of(self, head: Head) -> tuple[Path, ...]:
        """Return the folders of a run; the files of a mission are those of its newest run."""
        folders = [self._layout.run(head.run_id)]  # Last: while it is there, it is not forgotten.
        if self._archive.is_newest(head.run_id, head.mission_id):
            folders.insert(0, self._layout.mission(head.mission_id))
        return tuple(folder for folder in folders if folder.exists())

    def take(self, step: Step) -> str:
        """Take one step and return `done`, or why it was not: somebody took the run up since."""
        if step.kind == "close":
            return self._closed(step.run_id)
        lock = FileLock(self._layout.run_lock(step.run_id), self._clock)
        head = self._heads.read(step.run_id)
        try:
            if head is None or not lock.path.parent.exists() or not lock.acquire(0):
                return "not done: the run is in use"
        except StorageUnsafe as error:
            return f"not done: {error.message}"
        try:
            self._note(head, step)
            for path in step.paths:
                is_folder = path.is_dir() and not path.is_symlink()  # A link goes, not its target.
                remove_tree(path) if is_folder else remove(path)
            remove(lock.path)  # An ended run needs none, and this look at it made one.
        finally:
            lock.release()
        return "done"

    def _closed(self, run_id: str) -> str:
        try:
            self._close(run_id)
        except BridgeError as error:
            return f"not done: {error.message}"
        return "done"

    def _note(self, head: Head, step: Step) -> None:
        """Say in the head what is about to be missing, so that no crash makes it look lost."""
        if step.kind == "remove":
            at = self._clock.now().isoformat(timespec="seconds")
            self._heads.write(replace(head, gc={"at": at, "reason": step.reason}))
        elif step.kind == "purge":
            purged = dict.fromkeys((*head.purged, *self._private(head.run_id)))
            self._heads.write(replace(head, purged=tuple(purged)))


def _at(record: RunRecord, run_id: str, now: datetime) -> datetime:
    """Return when something last happened; without an event, when the run was named."""
    if record.last_at:
        return datetime.fromisoformat(record.last_at)
    try:
        return datetime.strptime(f"{run_id.split('_')[1]}+0000", "%Y%m%dt%H%M%Sz%z")
    except ValueError:
        return now


def _is_needed(record: RunRecord, events: Sequence[Event], now: datetime) -> bool:
    """Whether somebody may still come back to its patch."""
    promoted = [
        datetime.fromisoformat(event.created_at)
        for event in events
        if isinstance(event.fact, PromotionFinished)
    ]
    if record.promotion_state == "promoted" and now - promoted[-1] < PROMOTED_KEPT:
        return True
    return record.promotion_state == "awaiting_review"


def _told(age: timedelta) -> str:
    return f"{age.days} days" if age.days else f"{age.seconds // 3600} hours"


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(_size(each) for each in path.iterdir() if not each.is_symlink())
    return path.lstat().st_size if path.exists() else 0
