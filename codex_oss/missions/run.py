"""One run in this process, from its opening to its files.

Its events leave, each durable before it is seen; what it gave is told at the end, whatever became
of the files.
"""

from collections.abc import Callable, Generator, Iterator
from weakref import finalize

from codex_oss.deadline import Deadline
from codex_oss.errors import BridgeError, Cancelled
from codex_oss.log import MissionEventLog
from codex_oss.missions.loop import MissionRun
from codex_oss.missions.results import MissionResult, result_of
from codex_oss.record import Event, Fact
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
    ) -> None:
        self._log, self._lock, self._opening = log, lock, opening
        self._loop, self._deadline, self._write_files = loop, deadline, write_files
        self.delivery = "delivered"
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
        yield from self._loop.run()
        if self._loop.is_given_away:
            return
        try:
            for fact in self._write_files(self._log.events):
                yield from self._log.append(fact)
        except (OSError, BridgeError) as error:
            self.delivery = _without_files(self.run_id, error)

    def result(self) -> MissionResult:
        if self._loop.is_given_away:
            raise Cancelled("the run goes on for who asked for it again")
        return result_of(self._log.record, self.delivery)


def _without_files(run_id: str, error: OSError | BridgeError) -> str:
    """Say honestly that the files are not all there: the log is, and they can be made of it."""
    why = error.strerror if isinstance(error, OSError) else error.message
    return f"delivered, but files could not be written ({why}): codex-oss log rebuild {run_id}"
