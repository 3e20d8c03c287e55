"""One run in this process, from its opening to its files.

Its events leave, each durable before it is seen; what it gave is told at the end, whatever became
of the files.
"""

from collections.abc import Callable, Generator, Iterator
from weakref import finalize

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, Cancelled
from codex_oss.log import MissionEventLog
from codex_oss.missions.loop import MissionRun
from codex_oss.missions.results import MissionResult, result_of
from codex_oss.missions.telling import Delivery
from codex_oss.record import Event, Fact, GateEvaluated, MissionFinalized, RunRecord
from codex_oss.system import FileLock


class Run:
    """A run whose lock this process holds until its events are pulled or it is closed."""

    def __init__(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        loop: MissionRun,
        deadline: Deadline,
        write_files: Callable[[tuple[Event, ...]], Iterator[Fact]],
        clock: Clock,
    ) -> None:
        self._log, self._lock, self._opening = log, lock, opening
        self._loop, self._deadline, self._write_files = loop, deadline, write_files
        self.delivery = Delivery(clock)
        self.outcome = "delivered"
        self._ended: RunRecord | None = None
        finalize(self, lock.release)  # Of a run that nobody ever pulled no generator ends.

    @property
    def run_id(self) -> str:
        return self._log.run_id

    @property
    def mission_id(self) -> str:
        return self._log.mission_id

    def events(self) -> Generator[Event, None, None]:
        """Yield every event, durable before it is seen. Whoever stops pulling ends the run: it
        still closes with a verdict and its files."""
        steps = self._steps()
        try:
            for event in steps:  # noqa: UP028 - `yield from` would close `steps` with us.
                yield event
        finally:
            self._deadline.cancel("client left")
            try:
                for _ in steps:
                    pass
            finally:
                self._lock.release()

    def _steps(self) -> Iterator[Event]:
        yield from self._opening
        for event in self._loop.run():
            if isinstance(event.fact, MissionFinalized):
                self._ended = self._log.record  # What a report tells, whatever comes after it.
            yield event
            if self.delivery.is_due or is_closing(event):
                yield from self._tell_of_delivery()
        if self._loop.is_given_away:
            return
        try:
            yield from self._tell_of_delivery(is_last=True)
            for fact in self._write_files(self._log.events):
                yield from self._log.append(fact)
        except (OSError, BridgeError) as error:
            self.outcome = _without_files(self.run_id, error)

    def _tell_of_delivery(self, *, is_last: bool = False) -> Iterator[Event]:
        for fact in self.delivery.facts(is_last=is_last):
            yield from self._log.append(fact)

    def result(self) -> MissionResult:
        if self._loop.is_given_away:
            raise Cancelled("the run goes on for who asked for it again")
        return result_of(self._ended or self._log.record, self.outcome)


def is_closing(event: Event) -> bool:
    """Whether the report comes next: it is to say how much of the run was told."""
    return isinstance(event.fact, GateEvaluated) and event.fact.gate == "closure"


def _without_files(run_id: str, error: OSError | BridgeError) -> str:
    """Say honestly that the files are not all there: the log is, and they can be made of it."""
    why = error.strerror if isinstance(error, OSError) else error.message
    return f"delivered, but files could not be written ({why}): codex-oss log rebuild {run_id}"
