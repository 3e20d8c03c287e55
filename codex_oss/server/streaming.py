"""Write a stream to a client whom two threads serve: his request's own, and the pulse.

A `StreamReply` enters: events, and the encoder that makes bytes of them. Each list of events is
one write. The pulse gives a sign of life where the events are silent, and cancels the request's
deadline when the client has gone. Bytes are made where they are written, under one lock, so that
an encoder may number them.
"""

import select
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, Cancelled
from codex_oss.server.replies import ensure_single_lines

CLIENT_LEFT = "client left"
HUNG_UP: int = getattr(select, "POLLRDHUP", 0)  # Of Linux; with 0 only a broken connection is seen.
MORE_COMES: int = getattr(socket, "MSG_MORE", 0)  # Linux waits 0.2 s for it, and sends one packet.
EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8"}

Event = TypeVar("Event")
Encode = Callable[[], bytes]


class Encoder(Protocol[Event]):
    """What makes bytes of events. Never called by two threads at once."""

    def encode(self, events: list[Event]) -> bytes: ...

    def beat(self) -> bytes:
        """Return one sign of life, or nothing where none may stand."""

    def fail(self, error: BridgeError) -> bytes:
        """Return the end of a stream that broke off, or nothing where it has ended."""


class StreamReply:
    """A reply that is written while it comes into being: the first event is asked for, and the
    work behind it begins, after the headers are out. A generator of events is closed when the
    stream ends, however that happens."""

    def __init__(
        self,
        encoder: Encoder[Event],
        events: Iterator[list[Event]],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.headers = {**EVENT_STREAM, **(headers or {})}
        ensure_single_lines(self.headers)
        self.beat: Encode = encoder.beat
        self.fail = encoder.fail
        self.bursts: Iterator[Encode] = (partial(encoder.encode, burst) for burst in events)
        self._events: Iterator[object] = events

    def close(self) -> None:
        if isinstance(self._events, Generator):
            self._events.close()


class Outlet:
    """The writing side of a socket that two threads serve: one that may wait, and the pulse."""

    def __init__(self, client: socket.socket, deadline: Deadline, clock: Clock) -> None:
        self._client = client
        self._deadline = deadline
        self._clock = clock
        self._lock = threading.Lock()
        self._unsent = b""  # The rest of an offer that did not fit into the socket.
        self.written_at = clock.monotonic()

    def send(self, encode: Encode, flags: int = 0) -> None:
        """Write all of it; `Cancelled` if nobody takes it within the socket's time, and nothing
        follows what may have been cut."""
        with self._lock:
            data, self._unsent = self._unsent + encode(), b""
            try:
                if data:
                    self._client.sendall(data, flags)
            except OSError as error:
                with suppress(OSError):
                    self._client.shutdown(socket.SHUT_RDWR)
                self._deadline.cancel(CLIENT_LEFT)
                raise Cancelled(CLIENT_LEFT) from error
            self.written_at = self._clock.monotonic()

    def offer(self, encode: Encode) -> None:
        """Write what fits, without ever waiting for anybody; the rest goes before what follows."""
        if not self._lock.acquire(blocking=False):
            return  # Somebody is writing: that is life enough.
        try:
            self._unsent = self._unsent or encode()
            if self._unsent:
                sent = self._client.send(self._unsent, socket.MSG_DONTWAIT)
                self._unsent = self._unsent[sent:]
                self.written_at = self._clock.monotonic()
        except BlockingIOError:
            return  # The client has not yet read what he has: he is not short of signs of life.
        except OSError:
            self._deadline.cancel(CLIENT_LEFT)
        finally:
            self._lock.release()


class EventStream:
    """The client's side of one `StreamReply`."""

    def __init__(
        self,
        client: socket.socket,
        beat: Encode,
        deadline: Deadline,
        clock: Clock,
        silence_seconds_max: float,
    ) -> None:
        self._client = client
        self._encode_beat = beat
        self._deadline = deadline
        self._clock = clock
        self._silence_seconds_max = silence_seconds_max
        self._outlet = Outlet(client, deadline, clock)
        self.send = self._outlet.send

    def beat(self) -> None:
        """Look after the client, without ever waiting for anybody."""
        if has_left(self._client):
            self._deadline.cancel(CLIENT_LEFT)
        elif self._clock.monotonic() >= self._outlet.written_at + self._silence_seconds_max:
            self._outlet.offer(self._encode_beat)


def has_left(client: socket.socket) -> bool:
    """Say whether the other end closed. The socket must be a blocking one: Python waits for
    data before it looks at the flags of a socket that has a timeout."""
    try:
        if client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
            return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    return _is_shut_behind_what_came(client)


def _is_shut_behind_what_came(client: socket.socket) -> bool:
    """Say whether the other end closed after bytes that nobody has read: a next request, sent
    ahead, would hide that he left."""
    ends = select.poll()
    ends.register(client, HUNG_UP)
    return bool(ends.poll(0))


def cancel_if_left(client: socket.socket, deadline: Deadline) -> None:
    """Be the beat of a turn that is not streamed."""
    if has_left(client):
        deadline.cancel(CLIENT_LEFT)
