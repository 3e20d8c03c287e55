"""Time that is left, and the word that ends it early.

A `Clock` and a number of seconds enter; what leaves is how long something may still take, and
whether it was cancelled. Nothing here waits or starts a thread: whoever blocks registers with
`on_cancel` how to wake it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from math import inf
from typing import Protocol

from codex_oss.errors import Cancelled


class Clock(Protocol):
    """The one way to know or spend time. Tests wind it by hand."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""

    def now(self) -> datetime:
        """Return the wall time, with its offset."""

    def sleep(self, seconds: float) -> None: ...


class Deadline:
    """When something must be over, and whether somebody called it off before.

    What `within` returns ends no later than this one and is cancelled with it: one word ends a turn
    and all its parts. Cancelling a part leaves the whole alone.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: float = inf,
        outer: "Deadline | None" = None,
        *,
        to_begin: bool = False,
    ) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self._outer = outer
        self._is_to_begin = to_begin
        self._cancel = _Cancellation()

    def within(self, seconds: float, *, to_begin: bool = False) -> "Deadline":
        """Return a deadline that is over in `seconds`, or when this one is. One `to_begin` bounds
        only when something begins, not how long it takes."""
        inner = Deadline(self._clock, seconds, self, to_begin=to_begin)
        self._cancel.register(lambda: inner.cancel(self._cancel.why))
        return inner

    @property
    def once_begun(self) -> "Deadline":
        """Return what bounds what has begun: the deadline round one that is `to_begin`."""
        return self._outer.once_begun if self._is_to_begin and self._outer else self

    def lift(self) -> None:
        """Drop the seconds of this one: what was in time may go on as long as the whole may."""
        self._end = inf

    def seconds_left(self) -> float:
        """Return what is left, never below 0; 0 once cancelled."""
        if self._cancel.why:
            return 0.0
        left = max(0.0, self._end - self._clock.monotonic())
        return min(left, self._outer.seconds_left()) if self._outer else left

    @property
    def is_over(self) -> bool:
        return self.seconds_left() == 0.0

    @property
    def cancelled_because(self) -> str:
        """Return why it was called off, or "" while it was not."""
        return self._cancel.why

    def cancel(self, why: str) -> None:
        """Call it off, from any thread. The first reason stays."""
        self._cancel.call_off(why)

    def raise_if_cancelled(self) -> None:
        if self._cancel.why:
            raise Cancelled(self._cancel.why)

    @contextmanager
    def on_cancel(self, act: Callable[[], None]) -> Iterator[None]:
        """Have `act` wake whoever blocks inside this block, at most once, from any thread."""
        self._cancel.register(act)
        try:
            yield
        finally:
            self._cancel.forget(act)


class _Cancellation:
    """Reason and wake-up calls. `list.append` and `list.pop` are atomic, so no lock is needed:
    a call that registers while the reason comes in is made by whoever pops it first."""

    def __init__(self) -> None:
        self.why = ""
        self.acts: list[Callable[[], None]] = []

    def register(self, act: Callable[[], None]) -> None:
        self.acts.append(act)
        if self.why:
            self.call_off(self.why)

    def forget(self, act: Callable[[], None]) -> None:
        with suppress(ValueError):  # Popped already: it was called off.
            self.acts.remove(act)

    def call_off(self, why: str) -> None:
        self.why = self.why or why
        with suppress(IndexError):  # Another thread popped the last one.
            while self.acts:
                self.acts.pop()()
