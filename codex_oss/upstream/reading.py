"""Read what comes over a connection to a provider: the head of a reply, then its body.

A socket and a `Patience` enter; status, headers and the body's bytes as they arrive leave. A reply
that is late, cut or not HTTP raises, it never reads as an end.
"""

import io
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from codex_oss.errors import UpstreamError, UpstreamTruncated
from codex_oss.system import bound_reads, bound_writes
from codex_oss.upstream.framing import framing_of
from codex_oss.upstream.patience import Patience

READ_BYTES_MAX = 65_536  # One read is one burst and one write to the client.
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
LINE_BYTES_MAX = 65_536
HEAD_LINES_MAX = 100
INTERIM_HEADS_MAX = 8  # Replies of 1xx before the real one.


class ProviderStream(io.RawIOBase):
    """A provider's socket as a raw file that waits no longer than `Patience` allows."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self.patience = patience
        self.has_come = False  # Whether there was a byte.
        self._socket = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        if not self._is_tls:
            sock.settimeout(None)
        self._read_bound = 0.0

    def send(self, head: bytes, body: bytes) -> None:
        """Send both, in one packet where that costs no copy of a large body."""
        pieces = (head + body,) if len(body) < READ_BYTES_MAX else (head, body)
        try:
            # A provider may answer and hang up before it has read everything, as with 413: what
            # it says is worth more than our broken pipe.
            with suppress(ConnectionError):
                for piece in pieces:
                    self._send(memoryview(piece))
        except (OSError, ValueError) as error:
            raise self.patience.failure(error) from error

    def _send(self, rest: memoryview) -> None:
        while rest:
            seconds = self.patience.seconds_left()
            if self._is_tls:
                self._socket.settimeout(seconds)
            else:
                bound_writes(self._socket, seconds)
            with suppress(BlockingIOError):  # Whether that is too long is said above.
                rest = rest[self._socket.send(rest) :]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # What io passes.
        try:
            self._bound_read()
            came = self._socket.recv_into(buffer)
        except BlockingIOError as error:
            raise self.patience.failure(TimeoutError()) from error
        except (OSError, ValueError) as error:
            raise self.patience.failure(error) from error
        if came:
            self.has_come = True
        else:
            self.patience.deadline.raise_if_cancelled()
        return came

    def _bound_read(self) -> None:
        """Let the next read wait as long as it may: mostly, as long as the last one might."""
        seconds = self.patience.seconds_left()
        if self._is_tls:
            self._socket.settimeout(seconds)
        elif seconds != self._read_bound:
            bound_reads(self._socket, seconds)
            self._read_bound = seconds


class Head(NamedTuple):
    """The head of a reply: header names are lower-case, `read` takes from the body behind it."""

    status: int
    headers: Mapping[str, str]
    keeps_open: bool
    read: Callable[[int], bytes]


class ProviderReply:
    """Status, headers with lower-case names, and the body while it comes."""

    def __init__(self, head: Head, patience: Patience) -> None:
        self.status = head.status
        self.headers = head.headers
        self.queue_ms = self.ttfb_ms = 0  # What its caller waited, for a slot and for this head.
        self.framing = framing_of(head.headers)
        self.keeps_open = head.keeps_open
        self._read = head.read
        self._patience = patience

    def reads(self) -> Iterator[bytes]:
        """Yield the body, what each read brought. A body that was cut raises."""
        framing = self.framing
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


def read_head(wire: ProviderStream) -> Head:
    """Read the head of the reply, past those that only say that one will come."""
    stream = io.BufferedReader(wire)
    for _ in range(INTERIM_HEADS_MAX):
        line = stream.readline(LINE_BYTES_MAX)
        if not line:
            raise UpstreamTruncated("the provider hung up without an answer")
        if not (found := STATUS_LINE.fullmatch(line)):
            raise UpstreamError("the provider did not answer with HTTP/1")
        headers = _fields(stream)
        if (status := int(found[2])) >= 200:
            says_close = "close" in headers.get("connection", "").lower()
            return Head(status, headers, found[1] == b"1" and not says_close, stream.read1)
    raise UpstreamError("the provider sent nothing but interim replies")


def _fields(stream: io.BufferedIOBase) -> dict[str, str]:
    """Read header fields up to the empty line. Different values of one name are joined with a
    comma; a line that goes on with the one before it, which nobody may send any more, is skipped.
    Not by `http.client`, whose parser is that of e-mail and takes a tenth of a short answer's time.
    """
    fields: dict[str, str] = {}
    for _ in range(HEAD_LINES_MAX):
        line = stream.readline(LINE_BYTES_MAX)
        if not line.endswith(b"\n"):
            if len(line) < LINE_BYTES_MAX:
                raise UpstreamTruncated("the provider hung up inside the head of its answer")
            break
        if not (text := line.decode("latin-1").strip()):
            return fields
        name, _, value = text.partition(":")
        name, value = name.lower(), value.strip()
        if line[:1] not in b" \t" and fields.get(name) != value:
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
    raise UpstreamError("the head of the provider's reply is too large")
