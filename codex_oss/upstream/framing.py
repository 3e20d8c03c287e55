"""Take a reply's body out of its HTTP framing, and know whether it arrived whole.

Bytes of the connection enter, bytes of the body leave; `close` is called where the connection
ends, and raises unless the body was over. Chunks are read by us because `HTTPResponse.read1`
returns at most one of them: 20,168 reads for 20,000 deltas, where 25 suffice.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from codex_oss.errors import UpstreamError, UpstreamTruncated

CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
PLAIN_SIZES = re.compile(rb"[1-9a-fA-F][0-9a-fA-F]{0,7}(?:,[1-9a-fA-F][0-9a-fA-F]{0,7})*+")
CHUNK_LINE_START = re.compile(rb"(?:[0-9a-fA-F]{1,8}[ \t]*(?:;[^\r\n]*)?\r?)?")
CHUNK_LINE_BYTES_MAX = 256  # A size has 8 digits; extensions, which nobody uses, the rest.
TRAILER_BYTES_MAX = 16_384  # What may follow the last chunk; nobody needs it.
LENGTH = re.compile(r"[0-9]{1,15}")


class Framing(Protocol):
    @property
    def is_over(self) -> bool:
        """Whether the whole body has come."""

    @property
    def has_more(self) -> bool:
        """Whether something came that is no part of it."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in `data`."""

    def close(self) -> None:
        """Take note that the connection ended: `UpstreamTruncated` unless the body may end here."""


def framing_of(headers: Mapping[str, str]) -> Framing:
    """Return how the body of a reply with these lower-case headers is delimited."""
    coding = headers.get("transfer-encoding", "").strip().lower()
    if coding:
        if coding != "chunked":
            raise UpstreamError(f"the provider's transfer coding {coding[:40]!r} is not known")
        return Chunked()
    if (length := headers.get("content-length", "").strip()) == "":
        return UntilClosed()
    if not LENGTH.fullmatch(length):
        raise UpstreamError(f"the provider's content length {length[:40]!r} is not a number")
    return Counted(int(length))


class UntilClosed:
    """A body without a length: only its own finish word tells an end from a cut."""

    is_over = has_more = False  # Not before the connection is.

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> None:
        """Any end may be the end."""


class Counted:
    """A body of known length. What follows it is not read."""

    def __init__(self, length: int) -> None:
        self.missing = length
        self.has_more = False

    @property
    def is_over(self) -> bool:
        return self.missing == 0

    def feed(self, data: bytes) -> bytes:
        body = data[: self.missing]
        self.missing -= len(body)
        self.has_more = len(body) < len(data)
        return body

    def close(self) -> None:
        if self.missing:
            raise UpstreamTruncated(f"the provider's reply ended {self.missing} bytes too early")


class Chunked:
    """A chunked body. Bytes of a chunk leave as they come; framing that does not fit raises."""

    def __init__(self) -> None:
        self.is_over = self.has_more = False
        self._rest = b""  # An unfinished size line, line end or trailer.
        self._missing: int | None = None  # Bytes of the open chunk; None: a size line comes next.

    def feed(self, data: bytes) -> bytes:
        data, at = self._rest + data, 0
        pieces: list[bytes] = []
        may_be_plain = True  # Looked at once a read: behind the chunk that was open.
        while at < len(data) and not self.is_over:
            if self._missing is None and may_be_plain:
                may_be_plain = False
                chunks, at = _whole_chunks(data, at)
                pieces += chunks
                continue
            if self._missing is None:
                if not (line := CHUNK_LINE.match(data, at)):
                    _ensure_size_line_may_follow(data[at:])
                    break
                if not (size := int(line[1], 16)):
                    end = _end_of_trailer(data, line.end() - 2)
                    self.is_over, self.has_more = end > 0, 0 < end < len(data)
                    break
                self._missing, at = size, line.end()
            end = at + self._missing
            pieces.append(data[at:end])
            if len(data) < end + 2:
                came = min(end, len(data))
                self._missing, at = end - came, came
                break
            if data[end : end + 2] != b"\r\n":
                raise UpstreamTruncated("a chunk of the provider's reply is longer than it said")
            self._missing, at = None, end + 2
        self._rest = data[at:]
        return b"".join(pieces)

    def close(self) -> None:
        if not self.is_over:
            raise UpstreamTruncated("the provider's reply was cut: its last chunk did not come")


def _whole_chunks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Return the chunks from here on that came whole, and where they end: all at once, or none
    where a chunk itself holds a line end, or a size line more than a size. The loop reads those."""
    parts = data[at:].split(b"\r\n")
    end = (len(parts) - 1) & ~1  # Size and chunk, each with its line end.
    end -= 2 * (parts[max(0, end - 2) : end] == [b"0", b""])  # The end of the body is no chunk.
    sizes, chunks = parts[:end:2], parts[1:end:2]
    if not chunks or not PLAIN_SIZES.fullmatch(b",".join(sizes)):
        return [], at
    if [int(size, 16) for size in sizes] != list(map(len, chunks)):
        return [], at
    return chunks, at + sum(map(len, parts[:end])) + 2 * end


def _ensure_size_line_may_follow(start: bytes) -> None:
    if len(start) > CHUNK_LINE_BYTES_MAX or not CHUNK_LINE_START.fullmatch(start):
        raise UpstreamTruncated(f"the provider's chunk size is not a number: {start[:20]!r}")


def _end_of_trailer(data: bytes, line_end: int) -> int:
    """Return where the empty line ends that ends the body, 0 before it has come. What stands before
    it is dropped."""
    if (found := data.find(b"\r\n\r\n", line_end)) >= 0:
        return found + 4
    if len(data) - line_end > TRAILER_BYTES_MAX:
        raise UpstreamTruncated("what follows the provider's last chunk does not end")
    return 0
