"""Know how long a provider may keep us waiting, and what to say when it took longer.

Limits and the caller's `Deadline` enter; before each wait `seconds_left` says how long it may
last, and after a failed one `failure` says what it was. The rule it keeps: a cancelled deadline is
`Cancelled`, whatever the broken connection said.
"""

from dataclasses import dataclass, replace
from typing import Literal

from codex_oss.deadline import Deadline
from codex_oss.errors import BridgeError, UpstreamError, UpstreamTimeout

Phase = Literal["connect", "first_byte", "idle"]

SENTENCES = {
    "connect": "accepted no connection for {:g} s (UPSTREAM_CONNECT_TIMEOUT_SECONDS)",
    "first_byte": "did not answer for {:g} s (UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS)",
    "idle": "was silent for {:g} s (UPSTREAM_IDLE_TIMEOUT_SECONDS)",
    "whole": "was not done after {:g} s (UPSTREAM_STREAM_MAX_SECONDS)",
    "unstreamed": "was not done after {:g} s (UPSTREAM_TIMEOUT_SECONDS)",
}


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """How many seconds a call may take (settings 4)."""

    connect: float = 10.0
    first_byte: float = 30.0  # Of the body, from the connection on.
    idle: float = 30.0  # Between two reads of the body.
    whole: float = 1800.0
    unstreamed: float = 240.0  # Whole of a call whose answer comes in one piece.

    def at_least(self, first_byte: float, idle: float) -> "TransportLimits":
        """Return limits of which these two are raised where they are lower."""
        return replace(self, first_byte=max(self.first_byte, first_byte), idle=max(self.idle, idle))

    def first_byte_later(self, seconds: float) -> "TransportLimits":
        return replace(self, first_byte=self.first_byte + seconds)


class Patience:
    """The waits of one call. A phase ends with the next, and the whole with its own limit; of an
    answer that is not streamed the first byte is the last, so that only the whole counts."""

    def __init__(
        self, host: str, limits: TransportLimits, deadline: Deadline, *, is_streamed: bool = True
    ) -> None:
        self.deadline = deadline
        self._host = host
        self._limit_of_all = "whole" if is_streamed else "unstreamed"
        whole = getattr(limits, self._limit_of_all)
        self._limits = limits if is_streamed else replace(limits, first_byte=whole, idle=whole)
        self._whole = deadline.within(whole)
        self.enter("connect")

    def enter(self, phase: Phase) -> None:
        """Count the time of this phase from here on."""
        self._phase = phase
        if phase != "idle":  # That is counted anew at each wait.
            self._until = self._whole.within(getattr(self._limits, phase))

    def seconds_left(self) -> float:
        """Return the longest time that the next wait may take; raise `TimeoutError` if none."""
        if self._phase == "idle":
            left = min(self._limits.idle, self._whole.seconds_left())
        else:
            left = self._until.seconds_left()
        if not left:
            raise TimeoutError
        return left

    def failure(self, error: Exception) -> BridgeError:
        """Return what a wait that ended in `error` means to the caller."""
        self.deadline.raise_if_cancelled()
        if not isinstance(error, TimeoutError):
            return UpstreamError(f"the connection to {self._host} failed: {error}")
        if self.deadline.is_over:
            return UpstreamTimeout(f"the time for this request is over; {self._host} was not done")
        limit = self._limit_of_all if self._whole.is_over else self._phase
        told = SENTENCES[limit].format(getattr(self._limits, limit))
        late = UpstreamTimeout(f"{self._host} {told}")
        late.retryable = limit in ("connect", "first_byte")  # Bridge 14: a late middle is an end.
        return late
