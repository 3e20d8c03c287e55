"""Clocks that a test winds by hand."""

from datetime import UTC, datetime, timedelta


class HandWoundClock:
    """Stands still until it is told to go on. Sleeping is going on."""

    def __init__(self, step_seconds: float = 0.0) -> None:
        self.seconds = 1000.0
        self.step_seconds = step_seconds

    def monotonic(self) -> float:
        self.seconds += self.step_seconds
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
