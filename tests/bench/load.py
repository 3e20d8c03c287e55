"""Load one server with equal requests and measure each stream from outside.

A `Load` enters, a `Measured` leaves. One thread, one selector: what the client costs is the same
for every target, and a stream's first delta is timed where its bytes arrive.
"""

import selectors
import socket
import statistics
import time
from dataclasses import dataclass, field

READ_BYTES = 262_144
SECONDS_MAX = 120.0  # For a whole load: a target that hangs must not hold the benchmark.


@dataclass(frozen=True)
class Load:
    """What is sent, how often, how many at once, and how a good stream is told."""

    port: int
    request: bytes  # Head and body.
    streams: int
    at_once: int
    deltas: int  # In a good stream, at least: one peer sends an empty one first.
    delta_mark: bytes  # Stands once in each delta.
    end_mark: bytes  # Stands in a stream that ended well.
    apart_seconds: float = 0.0  # Between two beginnings.


@dataclass
class Stream:
    started: float
    ended: float = 0.0
    arrived: list[float] = field(default_factory=list)
    """When each delta came."""
    has_ended: bool = False
    tail: bytes = b""

    def feed(self, data: bytes, load: Load) -> None:
        # A mark may be cut by the read before: look again at the end of that one, less than a mark.
        keep = max(len(load.delta_mark), len(load.end_mark)) - 1
        seen, data = self.tail, self.tail + data
        came = data.count(load.delta_mark) - seen.count(load.delta_mark)
        self.has_ended = self.has_ended or load.end_mark in data
        self.tail = data[-keep:]
        if came:
            self.arrived += [time.perf_counter()] * came


@dataclass(frozen=True)
class Measured:
    """Seconds of each good stream, of the whole load, and how many failed. `arrived` is when the
    deltas of each good stream came, in seconds from its start."""

    first_delta: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    seconds: float = 0.0
    deltas: int = 0
    failed: int = 0
    arrived: list[list[float]] = field(default_factory=list)

    def late_ms(self, percent: int, every_seconds: float) -> float | None:
        """Return how late deltas came that were due one every so many seconds."""
        numbered = (pair for each in self.arrived for pair in enumerate(each, 1))
        return percentile_ms([at - every_seconds * n for n, at in numbered], percent)

    def first_delta_ms(self, percent: int) -> float | None:
        return percentile_ms(self.first_delta, percent)

    def whole_ms(self, percent: int) -> float | None:
        return percentile_ms(self.whole, percent)


def percentile_ms(seconds: list[float], percent: int) -> float | None:
    """Return a percentile in milliseconds, `None` where no stream was good."""
    if not seconds:
        return None
    if len(seconds) == 1:
        return seconds[0] * 1e3
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1e3


def run(load: Load) -> Measured:
    selector = selectors.DefaultSelector()
    due = began = time.perf_counter()
    waiting, done = load.streams, []
    while len(done) < load.streams and time.perf_counter() - began < SECONDS_MAX:
        while waiting and len(selector.get_map()) < load.at_once and time.perf_counter() >= due:
            waiting -= 1
            due += load.apart_seconds
            selector.register(*start(load))
        pause = due - time.perf_counter() if waiting else 1.0
        for key, _ in selector.select(min(1.0, max(0.001, pause))):
            if not advance(key, selector, load):
                done.append(key.data)
    good = [stream for stream in done if stream.has_ended and len(stream.arrived) >= load.deltas]
    return Measured(
        [stream.arrived[0] - stream.started for stream in good],
        [stream.ended - stream.started for stream in good],
        time.perf_counter() - began,
        sum(len(stream.arrived) for stream in done),
        load.streams - len(good),
        [[at - stream.started for at in stream.arrived] for stream in good],
    )


def start(load: Load) -> tuple[socket.socket, int, Stream]:
    stream = Stream(time.perf_counter())
    sock = socket.create_connection(("127.0.0.1", load.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(load.request)
    sock.setblocking(False)
    return sock, selectors.EVENT_READ, stream


def advance(key: selectors.SelectorKey, selector: selectors.BaseSelector, load: Load) -> bool:
    """Read what is there and return whether the stream goes on."""
    try:
        data = key.fileobj.recv(READ_BYTES)
    except ConnectionError:
        data = b""
    if data:
        key.data.feed(data, load)
        return True
    key.data.ended = time.perf_counter()
    selector.unregister(key.fileobj)
    key.fileobj.close()
    return False
