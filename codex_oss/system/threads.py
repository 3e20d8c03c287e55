"""Threads, and the two ways in which time comes into a stream.

One `Pulse` a process beats for all streams; `ticking` turns the silence of a slow iterator into
items; a `Worker` is one piece of work on a thread of its own. Nobody else starts a thread.
"""

import _thread
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TypeVar

AHEAD_MAX = 64  # Items read before they are asked for, where nobody says another number.
LEAVE_SECONDS_MAX = 2.0  # For a cancelled reader to return; one that looks up a name cannot.
LEAVE_POLL_SECONDS = 0.01

Item = TypeVar("Item")
Tick = TypeVar("Tick")


class Pulse:
    """One thread for all streams of the process, which calls each watched `beat` once a period.

    A beat must not block. One that raises is called no more, and what it raised comes out of its
    own `watching`: the other streams live on.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._watches: set[_Watch] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, beat: Callable[[], None]) -> Iterator[None]:
        """Have `beat` called while this block runs, and never after it."""
        watch = _Watch(beat)
        with self._lock:
            self._watches.add(watch)
        try:
            yield
        finally:
            with self._lock:
                self._watches.discard(watch)
            watch.end()
        if watch.error:
            raise watch.error

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            with self._lock:
                watches = tuple(self._watches)
            for watch in watches:
                watch.call()


class _Watch:
    def __init__(self, beat: Callable[[], None]) -> None:
        self.error: Exception | None = None
        self._beat: Callable[[], None] | None = beat
        self._lock = threading.Lock()

    def call(self) -> None:
        with self._lock:
            try:
                if self._beat:
                    self._beat()
            except Exception as error:  # A border: its owner gets it when the block ends.
                self.error, self._beat = error, None

    def end(self) -> None:
        with self._lock:
            self._beat = None


def ticking(
    items: Iterable[Item],
    every_seconds: float,
    tick: Tick,
    cancel: Callable[[], None],
    ahead_max: int = AHEAD_MAX,
) -> Generator[Item | Tick, None, None]:
    """Yield from `items`, and `tick` after every `every_seconds` of silence.

    A thread of its own reads `items`, at most `ahead_max` ahead. Left before their end, this calls
    `cancel`, which must make a blocked read return, and waits for that thread.
    """
    box: queue.Queue[tuple[Item] | Exception | None] = queue.Queue(ahead_max)
    over = threading.Event()

    def read() -> None:
        end: Exception | None = None
        try:
            for item in items:
                box.put((item,))
                if over.is_set():
                    return
        except Exception as error:  # A border: whoever reads this generator gets it.
            end = error
        box.put(end)

    reader = Worker(read, name="ticking")
    try:
        while not over.is_set():
            try:
                got = box.get(timeout=every_seconds)
            except queue.Empty:
                yield tick
                continue
            if isinstance(got, tuple):
                yield got[0]
                continue
            over.set()
            if got:
                raise got
    finally:
        if not over.is_set():
            over.set()
            cancel()
            _leave(reader, box)


def _leave(reader: "Worker", box: "queue.Queue[Item]") -> None:
    """Take what the reader still brings, until it has seen that nobody wants more."""
    give_up = monotonic() + LEAVE_SECONDS_MAX
    while not reader.join(LEAVE_POLL_SECONDS) and monotonic() < give_up:
        with suppress(queue.Empty):
            box.get_nowait()


def start(work: Callable[[], None]) -> None:
    """Have `work`, which must not raise, done by a thread of its own that does not keep the process
    alive. `threading` waits until it has begun: two more switches for each caller of a server.
    `RuntimeError` where there is no room for a thread."""
    _thread.start_new_thread(work, ())


class Worker:
    """One piece of work on a thread of its own, which does not keep the process alive."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._error: Exception | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, seconds_max: float) -> bool:
        """Wait for its end and return whether it came. What the work raised is raised here."""
        self._thread.join(seconds_max)
        if self._error:
            raise self._error
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # A border: whoever joins gets it.
            self._error = error
