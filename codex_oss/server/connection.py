"""Read whole requests from one client's socket and write whole replies to it, in good time.

Bytes enter, heads and bodies leave; replies enter, bytes leave. The socket always blocks, since
`streaming` peeks at it; the kernel bounds how long a read or a write may wait.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import Cancelled, TooSlow
from codex_oss.server.bodies import Body, ChunkedBody, CountedBody, body_too_large
from codex_oss.server.head import HeadReader, RequestHead, malformed
from codex_oss.server.replies import HttpReply, render_head
from codex_oss.server.streaming import CLIENT_LEFT
from codex_oss.system import bound_reads, bound_writes

READ_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 256 * 1024  # Linux doubles it: with one burst, under 1 MiB waits (3.12).
MIB = 1024 * 1024
LINGER_SECONDS = 2.0  # A reset would destroy the answer to whoever is still sending.
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener bears (settings.md 3)."""

    body_bytes_max: int = 32 * MIB
    connections_max: int = 1024
    header_seconds: float = 10
    body_seconds: float = 30  # The longest gap, and the whole; 1 s for each MiB on top.
    keepalive_seconds: float = 60
    write_seconds: float = 30
    heartbeat_seconds: float = 5


class Connection:
    """One client and his requests, one after the other."""

    def __init__(self, client: socket.socket, limits: Limits, clock: Clock) -> None:
        self.client = client
        self.is_last = False  # Whether the request in hand is the last one of this connection.
        self.wants_payload = True  # HEAD does not.
        self._limits = limits
        self._clock = clock
        self._unread = b""
        self._is_fresh = True
        self._is_read = False  # Whether the request in hand was read to its end.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        # A timeout of Python's bounds the whole of a write instead of the time without progress.
        bound_writes(client, limits.write_seconds)

    @property
    def may_go_on(self) -> bool:
        """Whether what comes next on this connection is the beginning of a request."""
        return self._is_read and not self.is_last

    def read_head(self) -> RequestHead | None:
        """Return the next head, or None where the client has no further request."""
        self._is_read = False
        reader = HeadReader()
        if not (data := self._unread or self._first_bytes()):
            self._is_read = True
            return None
        deadline = Deadline(self._clock, self._limits.header_seconds)
        while (head := reader.feed(data)) is None:
            if not (data := self._receive(deadline.seconds_left())):
                raise malformed("it ends inside its head")
        self._unread = reader.rest
        self._is_fresh = False
        self._is_read = not head.has_body
        self.wants_payload = head.method != "HEAD"
        self.is_last = self.is_last or head.wants_close
        return head

    def read_body(self, head: RequestHead) -> bytes:
        """Return the body of a request that passed every other check."""
        if not head.has_body:
            return b""
        if head.content_length > self._limits.body_bytes_max:
            raise body_too_large(self._limits.body_bytes_max)
        if head.expects_continue and not self._unread:
            self.send(CONTINUE)
        body: Body = CountedBody(head.content_length)
        if head.is_chunked:
            body = ChunkedBody(self._limits.body_bytes_max)
        self._gather(body)
        self._is_read = True
        return bytes(body.gathered)

    def take_over(self) -> bytes:
        """Leave the rest of the connection to another protocol; return what came of it."""
        self.is_last, self._is_read = True, False
        unread, self._unread = self._unread, b""
        bound_reads(self.client, inf)
        return unread

    def render(self, reply: HttpReply, request_id: str) -> bytes:
        """Return a whole reply. It says so if the connection ends with it."""
        payload = reply.payload()
        headers = {"content-type": "application/json", **reply.headers}
        headers["content-length"] = str(len(payload))
        head = render_head(reply.status, headers, request_id, closes=not self.may_go_on)
        return head + payload if self.wants_payload else head

    def send(self, data: bytes) -> None:
        try:
            self.client.sendall(data)
        except OSError as error:
            raise Cancelled(CLIENT_LEFT) from error

    def shut(self) -> None:
        """Wake whoever reads or writes here, from any thread."""
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def linger(self) -> None:
        """Throw away what the client still sends, so that he gets to read his answer."""
        if self._is_read and not self._unread and not self._has_more():
            return
        deadline = Deadline(self._clock, LINGER_SECONDS)
        with suppress(OSError, Cancelled, TooSlow):
            self.client.shutdown(socket.SHUT_WR)
            while self._receive(deadline.seconds_left()):
                pass

    def _has_more(self) -> bool:
        with suppress(OSError):  # Nothing there, or nobody.
            return self.client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        return False

    def _first_bytes(self) -> bytes:
        """Wait for a request to begin."""
        if self._is_fresh:
            return self._receive(self._limits.header_seconds)
        try:
            return self._receive(self._limits.keepalive_seconds)
        except TooSlow:
            return b""  # An idle client would take a 408 for the answer to his next request.

    def _gather(self, body: Body) -> None:
        seconds, started, came = self._limits.body_seconds, self._clock.monotonic(), 0
        data = self._unread
        while not body.feed(data):
            came += len(data)
            spent = self._clock.monotonic() - started
            if not (data := self._receive(min(seconds, seconds + came / MIB - spent))):
                raise malformed("it ends inside its body")
        self._unread = body.rest

    def _receive(self, seconds_max: float) -> bytes:
        """Return what has come, b"" at its end."""
        try:
            if seconds_max <= 0:
                raise BlockingIOError
            bound_reads(self.client, seconds_max)
            return self.client.recv(READ_BYTES)
        except BlockingIOError as error:
            raise TooSlow("the request did not arrive in time") from error
        except OSError as error:
            raise Cancelled(CLIENT_LEFT) from error
