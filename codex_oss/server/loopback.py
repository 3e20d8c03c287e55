"""Ask our own daemon, and nobody who merely holds its port.

Method, path and JSON enter; a `Reply`, or the events of a stream, leave. A key is sent only to
who has just proved that he holds it. Whatever is not an answer of ours is an `OSError`, as a
refused connection is: there is no bridge of ours. Raw sockets, because importing http.client
takes 8 to 35 ms of the 150 that a cold `status` may take.
"""

import hmac
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from codex_oss.deadline import Deadline
from codex_oss.errors import BadRequest, Refused
from codex_oss.server.gate import health_proof
from codex_oss.server.head import HEAD_BYTES_MAX, parse_fields
from codex_oss.server.replies import HttpReply
from codex_oss.system import SystemClock, random_bytes

READ_BYTES = 64 * 1024
REPLY_BYTES_MAX = 16 * 1024 * 1024  # Reports and catalogues of ours are far below.
EVENT_BYTES_MAX = 8 * 1024 * 1024
IDLE_SECONDS_MAX = 30.0  # By then six signs of life of a stream are missing.
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [^\r\n]*")
LENGTH = re.compile(r"[0-9]{1,9}")

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # Lower-case names.
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One block of a stream. `data` is a JSON document, or `[DONE]`."""

    type: str
    data: str


def ask(
    host: str,
    port: int,
    method: str,
    path: str,
    *,
    key: str = "",
    body: Document | None = None,
    seconds: float = 2.0,
) -> Reply:
    """Return the whole reply, whatever its status. With a key, the other side is proved first."""
    with _exchange(host, port, method, path, key, body, seconds) as incoming:
        status, headers = incoming.read_head()
        return Reply(status, headers, b"" if method == "HEAD" else incoming.read_body(headers))


def prove(host: str, port: int, key: str, *, seconds: float = 2.0) -> bool:
    """Say whether who listens there holds `key` and knows his port; `ConnectionRefusedError` if
    nobody listens."""
    challenge = random_bytes(16).hex()
    try:
        reply = ask(host, port, "GET", f"/healthz?challenge={challenge}", seconds=seconds)
    except ConnectionRefusedError:
        raise
    except OSError:
        return False
    right = HttpReply(200, {"ok": True, "proof": health_proof(key, challenge, port)})
    return reply.status == right.status and hmac.compare_digest(reply.body, right.payload())


def stream(
    host: str, port: int, path: str, *, key: str, body: Document, seconds: float = 10.0
) -> Iterator[StreamEvent]:
    """Yield the events of a streamed reply as they come; `seconds` are for its head. A refusal is
    raised as `Refused`, with its words and code. Closing this hangs up."""
    with _exchange(host, port, "POST", path, key, body, seconds) as incoming:
        _, headers = incoming.read_head()
        if not headers.get("content-type", "").startswith("text/event-stream"):
            raise _refusal(incoming.read_body(headers))
        for block in incoming.read_blocks():
            if event := _parse_event(block):
                yield event


@contextmanager
def _exchange(
    host: str,
    port: int,
    method: str,
    path: str,
    key: str,
    body: Document | None,
    seconds: float,
) -> Iterator["_Incoming"]:
    """Send a request on a connection of its own and yield what comes back."""
    deadline = Deadline(SystemClock(), seconds)
    if key and not prove(host, port, key, seconds=seconds):
        raise _not_ours("another program holds this port")
    with socket.create_connection((host, port), timeout=deadline.seconds_left()) as client:
        client.sendall(_request(host, port, method, path, key, body))
        yield _Incoming(client, deadline)


def _request(
    host: str, port: int, method: str, path: str, key: str, body: Document | None
) -> bytes:
    name = f"[{host}]" if ":" in host else host
    lines = [f"{method} {path} HTTP/1.1", f"Host: {name}:{port}", "Connection: close"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    payload = b"" if body is None else json.dumps(body).encode("ascii")
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + payload


class _Incoming:
    """What the other side sends: no more than is allowed, and no longer."""

    def __init__(self, client: socket.socket, deadline: Deadline) -> None:
        self._client = client
        self._deadline = deadline
        self._came = bytearray()

    def read_head(self) -> tuple[int, Mapping[str, str]]:
        while (end := self._came.find(b"\r\n\r\n")) < 0:
            if len(self._came) > HEAD_BYTES_MAX or not self._receive(self._deadline.seconds_left()):
                raise _not_ours("no HTTP/1.1 reply came")
        status_line, *lines = bytes(self._came[:end]).split(b"\r\n")
        del self._came[: end + 4]
        if not (status := STATUS_LINE.fullmatch(status_line)):
            raise _not_ours("no HTTP/1.1 reply came")
        try:
            return int(status[1]), parse_fields(lines)
        except BadRequest as error:
            raise _not_ours(error.message) from error

    def read_body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "")
        if not LENGTH.fullmatch(length) or int(length) > REPLY_BYTES_MAX:
            raise _not_ours("a reply without a length, or longer than any of ours")
        while len(self._came) < int(length):
            if not self._receive(self._deadline.seconds_left()):
                raise _not_ours("a reply that was cut")
        return bytes(self._came[: int(length)])

    def read_blocks(self) -> Iterator[bytes]:
        """Yield what stands before each empty line, until the other side closes."""
        while True:
            while (end := self._came.find(b"\n\n")) < 0:
                if len(self._came) > EVENT_BYTES_MAX:
                    raise _not_ours("an event longer than any of ours")
                if not self._receive(IDLE_SECONDS_MAX):
                    if self._came:
                        raise _not_ours("a stream that was cut")
                    return
            yield bytes(self._came[:end])
            del self._came[: end + 2]

    def _receive(self, seconds_max: float) -> bool:
        """Take what has come; return whether the other side is still there."""
        if seconds_max <= 0:
            raise TimeoutError("timed out")
        self._client.settimeout(seconds_max)
        data = self._client.recv(READ_BYTES)
        self._came += data
        return bool(data)


def _parse_event(block: bytes) -> StreamEvent | None:
    """Return the event of a block, None where it is only a comment."""
    try:
        lines = block.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _not_ours("a stream that is not UTF-8") from error
    fields = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    return StreamEvent(fields.get("event", ""), fields["data"]) if "data" in fields else None


def _refusal(body: bytes) -> Exception:
    try:
        error = json.loads(body)["error"]
        return Refused(str(error["message"]), code=str(error["code"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return _not_ours("a reply that is neither a stream nor an error of ours")


def _not_ours(what: str) -> ConnectionError:
    return ConnectionError(f"no answer of a bridge: {what}")
