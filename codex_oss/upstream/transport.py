"""Carry one request to one provider, and its reply back, in the time allowed.

A path, a body and a `Patience` enter; status, headers and the body's bytes as they arrive
leave. A reply that is late, cut or not HTTP raises, it never reads as an end. The key goes to the
one host this transport was made for, and no redirect is followed. A cancelled deadline shuts the
socket down: nothing else wakes a blocked reader (measured; closing the reply waits for it).
"""

import http.client
import io
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial

from codex_oss.errors import UpstreamError, UpstreamTruncated
from codex_oss.upstream.endpoint import Endpoint
from codex_oss.upstream.framing import framing_of
from codex_oss.upstream.patience import Patience

READ_BYTES_MAX = 65_536  # One read is one burst and one write to the client.
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
STATUS_LINE_BYTES_MAX = 8_192
INTERIM_HEADS_MAX = 8  # Replies of 1xx before the real one.


class Transport:
    """The way to one provider. Threads may share it: each exchange has its own connection."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None = None) -> None:
        self.endpoint = endpoint
        self._tls = tls

    @contextmanager
    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, patience: Patience
    ) -> "Iterator[ProviderReply]":
        """Send JSON and yield the reply once its head is here. Leaving the block hangs up."""
        patience.enter("connect")
        with ExitStack() as stack:
            wire = ProviderStream(self._connect(stack, patience), patience)
            patience.enter("first_byte")
            wire.send(self._head(path, headers, len(body)), body)
            del body  # It may be large, and the reply long.
            yield _reply_on(wire)

    def _connect(self, stack: ExitStack, patience: Patience) -> socket.socket:
        """Return a connection that a cancelled deadline shuts and `stack` closes."""
        endpoint = self.endpoint
        try:
            sock = _open(endpoint, stack, patience)
            if endpoint.scheme == "https":
                sock = _encrypt(sock, endpoint.host, self._tls or _tls(), stack, patience)
        except (OSError, ValueError) as error:
            raise patience.failure(error) from error
        patience.deadline.raise_if_cancelled()
        return sock

    def _head(self, path: str, headers: Mapping[str, str], body_bytes: int) -> bytes:
        fields = {
            "Host": self.endpoint.authority,
            "Content-Length": str(body_bytes),
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "opencode-bridge",
            "Connection": "close",
            **headers,
        }
        lines = (f"{name}: {value}" for name, value in fields.items())
        head = (f"POST {self.endpoint.path}{path} HTTP/1.1", *lines, "")
        return "".join(f"{line}\r\n" for line in head).encode("ascii")


class ProviderStream(io.RawIOBase):
    """A provider's socket as a raw file that waits no longer than `Patience` allows."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self.patience = patience
        self._socket = sock

    def send(self, head: bytes, body: bytes) -> None:
        """Send both, in one packet where that costs no copy of a large body."""
        pieces = (head + body,) if len(body) < READ_BYTES_MAX else (head, body)
        try:
            self._socket.settimeout(self.patience.seconds_left())
            # A provider may answer and hang up before it has read everything, as with 413: what
            # it says is worth more than our broken pipe.
            with suppress(ConnectionError):
                for piece in pieces:
                    self._socket.sendall(piece)
        except (OSError, ValueError) as error:
            raise self.patience.failure(error) from error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # What io passes.
        try:
            self._socket.settimeout(self.patience.seconds_left())
            came = self._socket.recv_into(buffer)
        except (OSError, ValueError) as error:
            raise self.patience.failure(error) from error
        if not came:
            self.patience.deadline.raise_if_cancelled()
        return came


class ProviderReply:
    """Status, headers with lower-case names, and the body while it comes."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        read: Callable[[int], bytes],
        patience: Patience,
    ) -> None:
        self.status = status
        self.headers = headers
        self.queue_ms = self.ttfb_ms = 0  # What its caller waited, for a slot and for this head.
        self._read = read
        self._patience = patience
        self._framing = framing_of(headers)

    def reads(self) -> Iterator[bytes]:
        """Yield the body, what each read brought. A body that was cut raises."""
        framing = self._framing
        while not framing.is_over and (data := self._read(READ_BYTES_MAX)):
            self._patience.enter("idle")
            if body := framing.feed(data):
                yield body
        framing.close()

    def whole(self, bytes_max: int) -> bytes:
        """Return the body; one that is longer raises."""
        pieces, size = [], 0
        for data in self.reads():
            pieces.append(data)
            size += len(data)
            if size > bytes_max:
                raise UpstreamError(f"its reply is over {bytes_max >> 20} MiB")
        return b"".join(pieces)

    @property
    def is_compressed(self) -> bool:
        """Whether it comes in a form that we said we do not read."""
        return self.headers.get("content-encoding", "identity").strip().lower() != "identity"

    def start(self, bytes_max: int) -> bytes:
        """Return what came of the body, at most `bytes_max`: for a status that says enough."""
        body = b""
        if self.is_compressed:
            return body
        with suppress(UpstreamError):
            for data in self.reads():
                body += data
                if len(body) >= bytes_max:
                    break
        return body[:bytes_max]


def _open(endpoint: Endpoint, stack: ExitStack, patience: Patience) -> socket.socket:
    """Return a connection to the first address that takes one. Name look-up is not timed."""
    last = OSError("the name has no address")
    addresses = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        sock = stack.enter_context(socket.socket(family, kind, protocol))
        stack.enter_context(patience.deadline.on_cancel(partial(_shut_down, sock)))
        sock.settimeout(patience.seconds_left())
        try:
            sock.connect(address)
        except OSError as error:
            last = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    raise last


def _encrypt(
    sock: socket.socket, host: str, tls: ssl.SSLContext, stack: ExitStack, patience: Patience
) -> ssl.SSLSocket:
    """Return the connection inside TLS, the provider's certificate checked."""
    inside = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    stack.enter_context(inside)
    stack.enter_context(patience.deadline.on_cancel(partial(_shut_down, inside)))
    inside.settimeout(patience.seconds_left())
    inside.do_handshake()
    return inside


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _shut_down(sock: socket.socket) -> None:
    """Wake whoever reads or writes. Not `SSLSocket.shutdown`: it takes the session from under a
    reader."""
    with suppress(OSError):  # Not connected yet, or gone already.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _reply_on(wire: ProviderStream) -> ProviderReply:
    """Read the head of the reply, past those that only say that one will come."""
    stream = io.BufferedReader(wire)
    for _ in range(INTERIM_HEADS_MAX):
        line = stream.readline(STATUS_LINE_BYTES_MAX)
        if not line:
            raise UpstreamTruncated("the provider hung up without an answer")
        if not (found := STATUS_LINE.fullmatch(line)):
            raise UpstreamError("the provider did not answer with HTTP/1")
        try:
            fields = http.client.parse_headers(stream)
        except http.client.HTTPException as error:
            raise UpstreamError(
                f"the head of the provider's reply is too large: {error}"
            ) from error
        if (status := int(found[1])) >= 200:
            headers = {name.lower(): value for name, value in fields.items()}
            return ProviderReply(status, headers, stream.read1, wire.patience)
    raise UpstreamError("the provider sent nothing but interim replies")
