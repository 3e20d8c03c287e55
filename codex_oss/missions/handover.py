"""Runs that their client left, kept for some seconds for the same request to come again.

Whoever drives such a run waits here and is told whether somebody takes it up; who takes it waits
for nothing but the lock of the run (missions 10.5).
"""

import threading

RETURN_SECONDS = 10.0


class Handover:
    """The runs of this process that wait. Every method may be called from any thread."""

    def __init__(self, seconds_max: float = RETURN_SECONDS) -> None:
        self._seconds_max = seconds_max
        self._waiting: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def is_taken(self, run_id: str) -> bool:
        """Wait for somebody to take a run up, and say whether one did."""
        taken = self._waiting[run_id] = threading.Event()
        taken.wait(self._seconds_max)
        with self._lock:  # Who took it in the last moment has it.
            self._waiting.pop(run_id, None)
            return taken.is_set()

    def take(self, run_id: str) -> bool:
        """Take a run up that waits, and say whether it did."""
        with self._lock:
            waiting = self._waiting.pop(run_id, None)
            if waiting:
                waiting.set()
            return waiting is not None
