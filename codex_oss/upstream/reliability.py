"""Try again, try another, or leave alone: each a `ChatModel` round a `ChatModel` (bridge 15).

A request enters, bursts leave. A call is only ever repeated before its first content: until then
nobody has seen anything of it. Where they stand in each other is decided in the wiring, in an order
one can read: fallback round retry round breaker round the provider. `in_time`, `Tries` and
`Breaker` are what they go by, for whoever asks a provider without being a model.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from codex_oss.chat import Burst, ChatModel, ChatRequest, Served
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import (
    BridgeError,
    ContextTooLong,
    UpstreamAuth,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamTruncated,
)
from codex_oss.upstream.content import up_to_content

RETRY_SECONDS_FIRST = 0.5
RETRY_SECONDS_MAX = 8.0  # Of our own; a provider may ask for more.
RETRY_AFTER_SECONDS_MAX = 60.0  # Nobody holds a turn open for a longer wait (bridge 15).
JITTER = 0.25
WAIT_STEP_SECONDS = 0.1  # So soon a wait notices that its caller left.
BYTES_PER_TOKEN = 3  # The same low guess as for a mission's prompt.
NO_OTHER_MODEL = (ContextTooLong, UpstreamAuth)
"""Failures that another model of the chain would not mend, or that a person must see."""

SICK = (UpstreamTimeout, UpstreamTruncated, UpstreamOverloaded)
"""Failures that speak against a provider's health, beside a plain `UpstreamError` (bridge 15)."""


@contextmanager
def in_time(deadline: Deadline, seconds_max: float) -> Iterator[Deadline]:
    """Yield the deadline of what must begin within this block; what began in time may go on."""
    starting = deadline.within(seconds_max, to_begin=True)
    try:
        yield starting
    except UpstreamTimeout as error:
        if deadline.is_over or not starting.is_over or not error.retryable:
            raise
        limit = f"{seconds_max:g} s (REQUEST_DEADLINE_SECONDS)"
        raise UpstreamTimeout(f"no answer began within {limit}") from error
    starting.lift()


class Starting:
    """Bounds everything up to the first content, all queueing, tries and fallbacks together; of a
    call that is not streamed, everything up to its start (bridge 15)."""

    def __init__(self, model: ChatModel, seconds_max: float) -> None:
        self._model = model
        self._seconds_max = seconds_max

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        with in_time(deadline, self._seconds_max) as starting:
            bursts = self._model.stream(request, starting)
            head, _ = up_to_content(bursts)
        yield from head
        yield from bursts


class Tries:
    """How often a call is made again, and after which wait: one that doubles, or as long as the
    provider says."""

    def __init__(self, retries_max: int, clock: Clock, chance: Callable[[], float]) -> None:
        self._retries_max = retries_max
        self._clock = clock
        self._chance = chance  # 0 to 1, for the jitter.

    def wait_or_raise(self, error: UpstreamError, tries: int, deadline: Deadline) -> None:
        """Wait after this many tries, or raise the error of the last where there is no other."""
        seconds = self._wait_after(error, tries)
        if seconds is None or seconds >= deadline.seconds_left():
            raise error
        self._wait(seconds, deadline)

    def _wait_after(self, error: UpstreamError, tries: int) -> float | None:
        """Return how long to wait before the next try, or `None` where there is none."""
        if not error.retryable or tries > self._retries_max:
            return None
        asked = error.retry_after_seconds
        if asked is not None and not error.is_guessed:
            return asked if asked <= RETRY_AFTER_SECONDS_MAX else None
        seconds = min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2 ** (tries - 1))
        return float(seconds * (1 + JITTER * self._chance()))

    def _wait(self, seconds: float, deadline: Deadline) -> None:
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            deadline.raise_if_cancelled()
            self._clock.sleep(min(left, WAIT_STEP_SECONDS))


class Retrying:
    """Asks the same model again."""

    def __init__(self, model: ChatModel, tries: Tries) -> None:
        self._model = model
        self._tries = tries

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        tries = 0
        while True:
            tries += 1
            bursts = self._model.stream(request, deadline)
            try:
                head, _ = up_to_content(bursts)
            except UpstreamError as error:
                self._tries.wait_or_raise(error, tries, deadline)
                continue
            yield from _told(head, tries)
            yield from bursts
            return


def _told(head: list[Burst], tries: int) -> Iterator[Burst]:
    """Yield the start of an answer, with how many tries it took."""
    if tries == 1:
        yield from head
        return
    served = False
    for burst in head:
        pieces = tuple(
            replace(piece, tries=tries) if isinstance(piece, Served) else piece for piece in burst
        )
        served = served or pieces != burst
        yield pieces
    if not served:
        yield (Served(tries=tries),)


@dataclass(frozen=True, slots=True)
class Choice:
    """A model of a chain. `window_tokens` is what it can read, `is_open` whether its breaker is."""

    name: str
    model: ChatModel
    window_tokens: int
    is_open: Callable[[], bool]


class FallingBack:
    """Asks the next model of a chain where one cannot answer. The first is always asked, the
    others only where they can read the request and are not left alone at the moment."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        assert choices, "a chain has a first model"
        self._choices = choices

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        first, *others = self._choices
        tokens = _size(request) // BYTES_PER_TOKEN if others else 0
        able = [c for c in others if c.window_tokens >= tokens and not c.is_open()]
        choices = [first, *able]
        for place, choice in enumerate(choices):
            bursts = choice.model.stream(request, deadline)
            try:
                head, _ = up_to_content(bursts)
            except UpstreamError as error:
                if isinstance(error, NO_OTHER_MODEL) or place == len(choices) - 1:
                    raise
                if deadline.is_over or _is_late_end(error):
                    raise
                if isinstance(error, UpstreamRejected) and error.code != "model_not_found":
                    raise
                continue
            if place:
                yield (Served(profile=choice.name, fallback_from=first.name),)
            yield from head
            yield from bursts
            return


def _is_late_end(error: UpstreamError) -> bool:
    """Whether an answer that had begun took too long: whoever is asked next would be later yet."""
    return isinstance(error, UpstreamTimeout) and not error.retryable


def _size(request: ChatRequest) -> int:
    return sum(len(m.text) + sum(len(c.arguments) for c in m.calls) for m in request.messages)


class Breaker:
    """Whether a model is left alone for a while: after some failures in a row, until one probe
    goes well. Shared by all calls to it."""

    def __init__(self, *, errors_max: int, cooldown_seconds: float, clock: Clock) -> None:
        self._errors_max = errors_max
        self._cooldown = cooldown_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._errors = 0
        self._open_until = 0.0
        self._last_error = ""
        self._is_probed = False

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused at this moment."""
        with self._lock:
            return self._is_open()

    def _is_open(self) -> bool:
        if self._errors < self._errors_max:
            return False
        return self._is_probed or self._clock.monotonic() < self._open_until

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Let the call in this block through, and count how it ended."""
        self.enter()
        ended: BridgeError | None = _Left("nobody waited for the end")
        try:
            yield
            ended = None
        except BridgeError as error:
            ended = error
            raise
        finally:
            self.leave(ended)

    def enter(self) -> None:
        """Let a call through, or raise how long it would have to wait. Of all that come after the
        cooldown one is let through, as the probe."""
        with self._lock:
            if self._is_open():
                left = max(1.0, self._open_until - self._clock.monotonic())
                raise UpstreamOverloaded(
                    f"this model failed {self._errors} times in a row and is left alone",
                    hint=f"try again in {left:.0f}s, or use another model",
                    retry_after_seconds=left,
                )
            self._is_probed = self._errors >= self._errors_max

    def leave(self, error: BridgeError | None) -> None:
        """Count how a call ended. Only the provider's own failures count: a refused request says
        nothing of its health."""
        with self._lock:
            self._is_probed = False
            if isinstance(error, SICK) or type(error) is UpstreamError:
                self._errors += 1
                self._last_error = type(error).__name__
                if self._errors >= self._errors_max:
                    self._open_until = self._clock.monotonic() + self._cooldown
            elif error is None or isinstance(error, UpstreamError):
                self._errors = 0

    def wait(self) -> tuple[int, str]:
        """Return how many seconds a call would have to wait, 0 for none, and the last error."""
        with self._lock:
            left = ceil(self._open_until - self._clock.monotonic())
            return (max(1, left) if self._is_open() else 0), self._last_error

    def health(self) -> dict[str, object]:
        """Return what `/health` says of it."""
        with self._lock:
            left = timedelta(seconds=self._open_until - self._clock.monotonic())
            until = (self._clock.now() + left).isoformat("T", "seconds")
            is_waiting = self._errors >= self._errors_max and left > timedelta()
            return {
                "state": "open" if self._is_open() else "closed",
                "errors": self._errors,
                "open_until": until if is_waiting else None,
                "last_error_class": self._last_error,
            }


class Breaking:
    """Asks a model only while its breaker lets it."""

    def __init__(self, model: ChatModel, breaker: Breaker) -> None:
        self._model = model
        self._breaker = breaker

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        with self._breaker.watching():
            yield from self._model.stream(request, deadline)


class _Left(BridgeError):
    """The caller left: says nothing about the model."""
