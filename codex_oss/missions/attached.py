"""A run that the same request began before: told from its beginning, and then as it goes on.

The log of a run enters, its events leave, whoever writes them. Nothing is spent for a request that
comes twice; only where nobody works on the run any more is it taken up (missions 4).
"""

from collections.abc import Callable, Generator

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import Cancelled
from codex_oss.log import LogFollower
from codex_oss.missions.results import MissionResult, result_of
from codex_oss.missions.run import Run
from codex_oss.missions.telling import Delivery
from codex_oss.record import Event, HeadSealed, MissionFinalized, RunRecord, reduce

LOOK_SECONDS = 0.1


class AttachedRun:
    """`take_up` returns the run to go on with, or `None` while somebody else does."""

    def __init__(
        self,
        run_id: str,
        mission_id: str,
        follower: LogFollower,
        take_up: Callable[[], Run | None],
        clock: Clock,
        deadline: Deadline,
    ) -> None:
        self.run_id, self.mission_id = run_id, mission_id
        self._follower, self._take_up = follower, take_up
        self._clock, self._deadline = clock, deadline
        self._record = RunRecord()
        self._ended: RunRecord | None = None
        self._outcome = "delivered"
        self.delivery = Delivery(clock)

    def events(self) -> Generator[Event, None, None]:
        """Yield every event up to the run's end. Who stops pulling leaves the run alone."""
        while True:
            for event in self._follower.news():
                self._take(event)
                yield event
            if self._is_over:
                return
            self._deadline.raise_if_cancelled()
            if run := self._take_up():
                yield from self._gone_on(run)
                return
            self._clock.sleep(LOOK_SECONDS)

    def _gone_on(self, run: Run) -> Generator[Event, None, None]:
        run.delivery = self.delivery
        for event in run.events():
            self._take(event)
            yield event
        self._outcome = run.outcome

    def _take(self, event: Event) -> None:
        self._record = reduce(self._record, event)
        if isinstance(event.fact, MissionFinalized):
            self._ended = self._record  # What a report tells, whatever comes after it.

    @property
    def _is_over(self) -> bool:
        return isinstance(self._record.delivery.sealed, HeadSealed)

    def result(self) -> MissionResult:
        if self._ended is None:
            raise Cancelled("the run goes on without this request")
        return result_of(self._ended, self._outcome)
