"""Bound how many provider calls run at once.

Callers enter and are let through in the order they came in; a call holds its slot to the end of
its stream, also when its reader is slow. More callers than `waiting_max` are refused at once.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from codex_oss.deadline import Deadline
from codex_oss.errors import Busy

RETRY_SECONDS = 5  # Told to a caller who finds the queue full.


class Slots:
    """At most `at_once` holders; the next slot goes to whoever has waited longest."""

    def __init__(self, at_once: int, waiting_max: int) -> None:
        self.at_once = at_once
        self.waiting_max = waiting_max
        self._free = at_once
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def in_use(self) -> int:
        return self.at_once - self._free

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @contextmanager
    def held(self, deadline: Deadline) -> Iterator[None]:
        """Wait for a slot and hold it. `Busy` if too many wait, or the deadline is over first."""
        turn = self._take_or_queue()
        try:
            with deadline.on_cancel(turn.set):
                turn.wait(min(deadline.seconds_left(), threading.TIMEOUT_MAX))
            deadline.raise_if_cancelled()
            if deadline.is_over:
                raise _busy("no slot for a provider call became free in time")
            yield
        finally:
            self._leave(turn)

    def _take_or_queue(self) -> threading.Event:
        turn = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                turn.set()
            elif len(self._waiting) >= self.waiting_max:
                raise _busy(f"{self.at_once} provider calls run and {self.waiting_max} wait")
            else:
                self._waiting.append(turn)
        return turn

    def _leave(self, turn: threading.Event) -> None:
        """Take `turn` out of the queue, or hand the slot it held to the next."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


def _busy(what: str) -> Busy:
    return Busy(
        f"{what}. Please try again in {RETRY_SECONDS}s.",
        hint="raise MAX_GLOBAL_UPSTREAM_CONCURRENCY or UPSTREAM_QUEUE_MAX",
        retry_after_seconds=RETRY_SECONDS,
    )
