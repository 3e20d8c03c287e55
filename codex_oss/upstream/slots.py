"""Bound how many provider calls run at once, and how many wait.

Callers enter and are let through in the order they came in; a call holds its slot to the end of
its stream, also when its reader is slow. Who finds no place to wait is refused at once.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from codex_oss.deadline import Deadline
from codex_oss.errors import Busy

RETRY_SECONDS = 5  # Told to a caller who finds the queue full.


class WaitingRoom:
    """Places for those who wait, at whichever slots they do."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Take a place, and say whether there was one."""
        with self._lock:
            has_room = self.taken < self.places
            self.taken += has_room
            return has_room

    def leave(self) -> None:
        with self._lock:
            self.taken -= 1


class Slots:
    """At most `at_once` holders; the next slot goes to whoever has waited longest."""

    def __init__(self, at_once: int, room: WaitingRoom) -> None:
        self.at_once = at_once
        self._room = room
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
            elif self._room.enter():
                self._waiting.append(turn)
            else:
                raise _busy(f"{self.at_once} provider calls run and {self._room.places} wait")
        return turn

    def _leave(self, turn: threading.Event) -> None:
        """Take `turn` out of the queue, or hand the slot it held to the next."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._room.leave()
            elif self._waiting:
                self._waiting.popleft().set()
                self._room.leave()
            else:
                self._free += 1


def _busy(what: str) -> Busy:
    return Busy(
        f"{what}. Please try again in {RETRY_SECONDS}s.",
        hint="raise MAX_GLOBAL_UPSTREAM_CONCURRENCY or UPSTREAM_QUEUE_MAX",
        retry_after_seconds=RETRY_SECONDS,
    )
