"""Read the head of a request, strictly: what two readers could understand differently is refused.

Bytes enter as they come; a `RequestHead` leaves with its last line, or the error that says what
is wrong. This is RFC 9112 without its tolerances (bridge.md 3.7 and 3.9). A repeated field is
joined with ", " (RFC 9110, 5.3), so that a doubled Host, Content-Length, Content-Type or
Authorization equals nothing that is allowed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codex_oss.errors import (
    BadRequest,
    BridgeError,
    HeadTooLarge,
    LengthRequired,
    NotSupported,
    TargetTooLong,
)

REQUEST_LINE_BYTES_MAX = 8 * 1024
FIELD_LINE_BYTES_MAX = 64 * 1024
FIELDS_MAX = 100
HEAD_BYTES_MAX = 256 * 1024  # 100 lines of 64 KiB, a thousand times, would not fit in memory.

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.([01])")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)")
ABSOLUTE_FORM = re.compile(r"http://([^/?]*)(.*)", re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,18}")  # Not `isdigit`, which takes "²".


def malformed(what: str) -> BadRequest:
    return BadRequest(f"malformed request: {what}", code="malformed_request")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A head that has one reading. Names of headers are in lower case."""

    method: str
    path: str  # As sent: never decoded, but without one trailing slash.
    query: str
    headers: Mapping[str, str]
    is_http_1_0: bool
    content_length: int  # 0 where there is no body, or a chunked one.
    is_chunked: bool

    @property
    def has_body(self) -> bool:
        return self.is_chunked or self.content_length > 0

    @property
    def expects_continue(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue" and not self.is_http_1_0

    @property
    def wants_close(self) -> bool:
        """Whether this is the connection's last request."""
        return self.is_http_1_0 or "close" in options_of(self.headers.get("connection", ""))

    @property
    def wants_websocket(self) -> bool:
        """Whether it asks to speak another protocol; in HTTP/1.0 nobody can (RFC 9110, 7.8)."""
        asks = "websocket" in options_of(self.headers.get("upgrade", ""))
        return asks and self.method == "GET" and not self.is_http_1_0


def options_of(value: str) -> frozenset[str]:
    """Return the members of a comma-separated header, in lower case."""
    return frozenset(option.strip() for option in value.lower().split(","))


class HeadReader:
    """Gathers one head. What came behind it stands in `rest`."""

    def __init__(self) -> None:
        self.rest = b""
        self._came = bytearray()
        self._line_start = self._searched = 0
        self._lines: list[bytes] = []

    def feed(self, data: bytes) -> RequestHead | None:
        """Return the head once it is whole. A fault is raised as soon as it is in."""
        self._came += data
        while (end := self._came.find(b"\n", self._searched)) >= 0:
            line = bytes(self._came[self._line_start : end])
            self._line_start = self._searched = end + 1
            if not line.endswith(b"\r"):
                raise malformed("a line ends in LF without CR")
            if line == b"\r":
                self.rest = bytes(self._came[end + 1 :])
                return _parse(self._lines)
            self._ensure_line_fits(len(line) - 1)
            self._lines.append(line[:-1])
            if len(self._lines) > 1 + FIELDS_MAX:
                raise HeadTooLarge(f"there are more than {FIELDS_MAX} headers")
        self._searched = len(self._came)
        self._ensure_line_fits(len(self._came) - self._line_start - 1)
        return None

    def _ensure_line_fits(self, line_bytes: int) -> None:
        """Refuse a line of so many bytes, finished or not."""
        if not self._lines and line_bytes > REQUEST_LINE_BYTES_MAX:
            raise TargetTooLong(f"the request line is longer than {REQUEST_LINE_BYTES_MAX} bytes")
        if line_bytes > FIELD_LINE_BYTES_MAX:
            raise HeadTooLarge(f"a header line is longer than {FIELD_LINE_BYTES_MAX} bytes")
        if self._line_start > HEAD_BYTES_MAX:
            raise HeadTooLarge(f"the headers are longer than {HEAD_BYTES_MAX} bytes together")


def _parse(lines: list[bytes]) -> RequestHead:
    request_line, field_lines = lines[:1], lines[1:]
    if not request_line or not (request := REQUEST_LINE.fullmatch(request_line[0])):
        raise malformed("the first line is not `METHOD TARGET HTTP/1.1`")
    method, target, version = (part.decode("ascii") for part in request.groups())
    headers = parse_fields(field_lines)
    if version == "1" and "host" not in headers:
        raise malformed("HTTP/1.1 without a Host header")
    path, query = _split_target(target, headers.get("host", ""))
    content_length, is_chunked = _body_framing(method, version, headers)
    return RequestHead(method, path, query, headers, version == "0", content_length, is_chunked)


def parse_fields(lines: list[bytes]) -> dict[str, str]:
    """Return header lines, without their line ends, by name in lower case."""
    headers: dict[str, str] = {}
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        if not field:
            raise malformed(_field_fault(line))
        name, value = field[1].decode("ascii").lower(), field[2].strip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _field_fault(line: bytes) -> str:
    name, colon, _ = line.partition(b":")
    if line[:1] in b" \t":
        return "a folded header line"
    if not colon:
        return "a header line without a colon"
    if name[-1:] in b" \t":
        return "no name, or a space, before the colon of a header"
    if not re.fullmatch(TOKEN, name):
        return "a header name with a character that names do not have"
    return "a control character in the value of a header"


def _split_target(target: str, host: str) -> tuple[str, str]:
    """Return path and query of an origin-form or absolute-form target."""
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        authority, target = absolute.groups()
        if authority.lower() != host.lower():
            raise malformed("the target names another host than the Host header")
        target = target if target.startswith("/") else f"/{target}"
    if not target.startswith("/") or "#" in target:
        raise malformed("the target is neither a path nor an http:// address")
    path, _, query = target.partition("?")
    return (path[:-1] if len(path) > 1 and path.endswith("/") else path), query


def _body_framing(method: str, version: str, headers: Mapping[str, str]) -> tuple[int, bool]:
    """Return the body's length and whether it is chunked instead."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or version == "0":
            raise malformed("a Transfer-Encoding beside a Content-Length, or in HTTP/1.0")
        if coding.lower() != "chunked":
            raise _unknown_coding()
        return 0, True
    if length is None:
        if method == "POST":
            raise LengthRequired("a POST needs a Content-Length")
        return 0, False
    if not LENGTH.fullmatch(length):
        raise malformed("Content-Length is not one plain number")
    return int(length), False


def _unknown_coding() -> BridgeError:
    return NotSupported(
        "this Transfer-Encoding is not known here", hint="send a Content-Length, or `chunked` alone"
    )
