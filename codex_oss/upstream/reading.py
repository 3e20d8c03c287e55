"""Read what comes over a connection to a provider: the head of a reply, then its body.

A socket and a `Patience` enter; status, headers and the body's bytes as they arrive leave. A reply
that is late, cut or not HTTP raises, it never reads as an end.
"""

import http.client
import io
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from codex_oss.errors import UpstreamError, UpstreamTruncated
from codex_oss.upstream.framing import framing_of
from codex_oss.upstream.patience import Patience

READ_BYTES_MAX = 65_536  # One read is one burst and one write to the client.
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
STATUS_LINE_BYTES_MAX = 8_192
INTERIM_HEADS_MAX = 8  # Replies of 1xx before the real one.


class ProviderStream(io.RawIOBase):
    """A provider's socket as a raw file that waits no longer than `Patience` allows."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self.patience = patience
        self.has_come = False  # Whether there was a byte.
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
        if came:
            self.has_come = True
        else:
            self.patience.deadline.raise_if_cancelled()
        return came


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
        if (status := int(found[2])) >= 200:
            headers = {name.lower(): value for name, value in fields.items()}
            says_close = "close" in headers.get("connection", "").lower()
            return Head(status, headers, found[1] == b"1" and not says_close, stream.read1)
    raise UpstreamError("the provider sent nothing but interim replies")
