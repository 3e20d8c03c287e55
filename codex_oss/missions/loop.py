"""The loop whose memory is its log.

A run's log enters, the events that it brings leave, each durable before it is seen. Resuming is
the same call again: the events before are the log's to tell.
"""

from collections.abc import Callable, Iterator

from codex_oss.deadline import Deadline
from codex_oss.log import EventLog
from codex_oss.missions.perform import Performer
from codex_oss.record import CancelRequested, Event, HeadSealed, RunInterrupted
from codex_oss.runtime import decide


class MissionRun:
    """Drives one run to its end. `deadline` is the word of this process to end it early.

    `is_taken_up` waits for somebody else to go on with a run that its client left, and says
    whether one does: then this one stops where it stands. Without it the run ends.
    """

    def __init__(
        self,
        log: EventLog,
        performer: Performer,
        deadline: Deadline,
        is_taken_up: Callable[[], bool] | None = None,
    ) -> None:
        self._log = log
        self._performer = performer
        self._deadline = deadline
        self._is_taken_up = is_taken_up
        self.is_given_away = False

    def run(self) -> Iterator[Event]:
        log = self._log
        while log.record.is_open:
            yield from self._heed()
            if self.is_given_away:
                return
            for fact in self._performer.perform(log.record, decide(log.record)):
                yield from log.poll() if fact is None else log.append(fact)
                yield from self._heed()
                if self.is_given_away:
                    return
        yield from self._seal()

    def _heed(self) -> Iterator[Event]:
        """Tell the log of a cancel in this process, and this process of one in the log."""
        loop, why = self._log.record.loop, self._deadline.cancelled_because
        if loop.cancelled_by and not why:
            self._deadline.cancel(loop.cancel_reason or "cancelled")
        elif why and not loop.cancelled_by and self._log.record.is_open:
            by = "client" if why.startswith("client") else "person"
            if by == "client" and self._is_taken_up:
                yield from self._log.append(RunInterrupted(why))
                self.is_given_away = self._is_taken_up()
            if not self.is_given_away:
                yield from self._log.append(CancelRequested(by, why))

    def _seal(self) -> Iterator[Event]:
        """Write the head of the end outside the log, once."""
        record = self._log.record
        if record.loop.finalized and not record.delivery.sealed:
            seq, hash_ = record.loop.finalized_seq, record.loop.finalized_hash
            yield from self._log.append(HeadSealed(seq, hash_, "final"))
