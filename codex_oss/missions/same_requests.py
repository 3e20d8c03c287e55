"""The same request again: the run that it began before, if it goes on or ended a moment ago.

An order's run key enters, a run that tells its log leaves. A request is the same by its turn and
its contract, so that what Codex asks again after a broken stream is spent for once (missions 4).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from codex_oss.contract import contract_digest
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import Refused
from codex_oss.layout import Layout
from codex_oss.log import BlobStore, Head, LogFollower
from codex_oss.missions.archive import LoggedRun, RunArchive
from codex_oss.missions.attached import LOOK_SECONDS, AttachedRun
from codex_oss.missions.facts import Order
from codex_oss.missions.handover import Handover
from codex_oss.missions.run import Run
from codex_oss.record import canonical, sha256
from codex_oss.system import Disk, FileLock

ANSWER_KEPT_SECONDS = 900  # After its end a run answers the same request again.
TAKE_SECONDS_MAX = 2.0  # Until who had a run has let go of it.
EPOCH = "1970-01-01T00:00:00+00:00"  # When a log without an event ended.


def run_key_of(order: Order) -> str:
    """Return what the same request has in common with itself, the model that it names and the
    contract with it; "" where nothing of the request says so (missions 4). One cache key may stand
    for all that a client ever asks: another model's report is no answer to it."""
    if not order.run_key:
        return ""
    digest = contract_digest(order.mission)
    return sha256(canonical([order.run_key, order.model_alias, digest]))


class SameRequests:
    """The runs of one project, by what asked for them."""

    def __init__(
        self,
        layout: Layout,
        archive: RunArchive,
        handover: Handover,
        resume: Callable[[str, Deadline], Run],
        *,
        clock: Clock,
        disk: Disk,
    ) -> None:
        self._layout, self._archive, self.handover = layout, archive, handover
        self._resume, self._clock, self._disk = resume, clock, disk

    def begun(self, run_key: str, heads: Iterable[Head]) -> LoggedRun | None:
        """Return which of these runs this request began before, if it goes on or ended a moment
        ago."""
        names = (head.run_id for head in heads if head.summary.get("run_key") == run_key)
        for run in (self._archive.load(name) for name in names if run_key):
            ended = datetime.fromisoformat(run.record.last_at or EPOCH)
            is_fresh = (self._clock.now() - ended).total_seconds() <= ANSWER_KEPT_SECONDS
            if run.state == "open" or (run.state != "refused" and run.events and is_fresh):
                return run
        return None

    def attached(self, run: LoggedRun, deadline: Deadline) -> AttachedRun:
        blobs = BlobStore(self._layout.blobs(run.run_id), disk=self._disk)
        follower = LogFollower(self._layout.events(run.run_id), blobs.text, self._disk)
        take_up = partial(self._taken_up, run.run_id, deadline)
        return AttachedRun(run.run_id, run.mission_id, follower, take_up, self._clock, deadline)

    def _taken_up(self, run_id: str, deadline: Deadline) -> Run | None:
        """Return the run to go on with it, if nobody does, or if who did is waiting for that."""
        patience = Deadline(self._clock, TAKE_SECONDS_MAX if self.handover.take(run_id) else 0)
        lock = FileLock(self._layout.run_lock(run_id), self._clock)
        while lock.is_held and not patience.is_over:
            self._clock.sleep(LOOK_SECONDS)
        try:
            return None if lock.is_held else self._resume(run_id, deadline)
        except Refused as error:
            if error.code in ("run_is_active", "already_final"):
                return None
            raise
