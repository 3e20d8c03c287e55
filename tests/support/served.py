"""A listener of ours on a free port, and callers who send exactly the bytes they are told to.

with served(Route("GET", "/v1/models", answer)) as server:
    server.client.get("/v1/models")          # A well-behaved caller, with the key.
    server.raw(b"GET / HTTP/1.1\n\n")        # All answers, until the server hangs up.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from codex_oss.errors import BridgeError
from codex_oss.server import Gate, HttpReply, HttpRequest, Limits, Listener, Route, StreamReply
from codex_oss.system import Pulse, SystemClock
from support.clients import SECONDS_MAX, Answer, Client

KEY = "sk-oss-the-key-of-this-test"
PULSE_SECONDS = 0.05


def echo(request: HttpRequest) -> HttpReply:
    return HttpReply(200, {"path": request.path, "body": request.body.decode("latin-1")})


ROUTES = (
    Route("POST", "/v1/responses", echo),
    Route("GET", "/v1/models", echo),
    Route("GET", "/v1/models/{name*}", lambda request: HttpReply(200, dict(request.params))),
    Route("GET", "/v1/responses/{id}", lambda request: HttpReply(200, dict(request.params))),
    Route("DELETE", "/v1/responses/{id}", lambda request: HttpReply(200, dict(request.params))),
)


class Lines:
    """An encoder that says what it is given, one event a line."""

    def encode(self, events: list[str]) -> bytes:
        return b"".join(b"event: line\ndata: %s\n\n" % event.encode() for event in events)

    def beat(self) -> bytes:
        return b"event: beat\ndata: {}\n\n"

    def fail(self, error: BridgeError) -> bytes:
        return b"event: failed\ndata: %s\n\n" % error.code.encode()


def streaming(events: Callable[[HttpRequest], Iterator[list[str]]]) -> Route:
    """Return a turn at /v1/responses that streams these."""
    return Route("POST", "/v1/responses", lambda request: StreamReply(Lines(), events(request), {}))


@dataclass
class Served:
    listener: Listener
    thread: threading.Thread
    log: list[dict[str, object]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def client(self) -> Client:
        return Client(self.port, KEY)

    @property
    def connections(self) -> set[object]:
        return self.listener._connections

    @property
    def turns(self) -> set[object]:
        return self.listener._running

    def request(self, method: str, path: str, body: bytes | None = None, **headers) -> bytes:
        """Return the bytes of a good request, but for `headers`."""
        return self.client.head(method, path, body, headers)

    def connect(self, raw: bytes = b"") -> socket.socket:
        return self.client.send(raw)

    def raw(self, *pieces: bytes) -> list[Answer]:
        """Send the pieces apart and return all answers, once the server has hung up."""
        return answers(self.bytes(*pieces))

    def bytes(self, *pieces: bytes) -> bytes:
        with self.connect() as client:
            for piece in pieces:
                client.sendall(piece)
                time.sleep(0.02 if len(pieces) > 1 else 0)
            return read_all(client)

    def stop(self, seconds: float = 0) -> None:
        self.listener.drain(seconds)
        self.thread.join(SECONDS_MAX)
        assert not self.thread.is_alive()


@contextmanager
def served(
    *routes: Route, limits: Limits | None = None, clock: SystemClock | None = None, **gate
) -> Iterator[Served]:
    pulse, log = Pulse(PULSE_SECONDS), []
    listener = Listener(
        "127.0.0.1",
        0,
        routes=routes or ROUTES,
        gate=Gate(KEY, **gate),
        limits=limits or Limits(),
        pulse=pulse,
        log=log.append,
        clock=clock,
    )
    server = Served(listener, threading.Thread(target=listener.serve), log)
    server.thread.start()
    try:
        yield server
    finally:
        server.stop()
        pulse.stop()


def read_all(client: socket.socket) -> bytes:
    with client.makefile("rb") as file:
        return file.read()


def answers(came: bytes) -> list[Answer]:
    """Take apart what a server wrote until it hung up. None of it may answer a HEAD."""
    found = []
    while came:
        head, _, came = came.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert status_line.startswith("HTTP/1.1 "), status_line
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", len(came)))
        found.append(Answer(int(status_line.split(" ")[1]), headers, came[:length]))
        came = came[length:]
    return found


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def running_threads() -> int:
    """Count them as the system does: not all of the product's are known to `threading`."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that another thread does; return whether it came."""
    give_up = time.monotonic() + seconds
    while not holds() and time.monotonic() < give_up:
        time.sleep(0.005)
    return holds()
