"""Say what is answered, and put it into bytes: one shape for every error, the same headers always.

An `HttpReply` or a `BridgeError` enters, the bytes of a head and a body leave. No header can be
added through a value, and nothing names what runs here (bridge.md 2, 3.14 and 3.15).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from codex_oss.errors import BadMission, BridgeError, Fault, Refused

ERROR_CHARS_MAX = 600
MISSION_CHARS_MAX = 4_000  # All faults of a refused mission, which its author mends at once.
LINE_BREAKERS = frozenset("\r\n\0")
ALWAYS = "cache-control: no-store\r\nx-content-type-options: nosniff\r\n"
ERROR_TYPES = {401: "authentication_error", 429: "rate_limit_error"}  # Others by their hundred.


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply. A `dict` is sent as JSON, `bytes` are JSON already unless a header differs."""

    status: int
    body: bytes | dict[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ensure_single_lines(self.headers)

    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":")).encode("ascii")


def ensure_single_lines(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        assert LINE_BREAKERS.isdisjoint(name + value), f"header {name!r} holds a line end"


def error_reply(error: BridgeError, headers: Mapping[str, str] | None = None) -> HttpReply:
    """Return what a caller is told of `error`, before any stream has begun."""
    said: dict[str, object] = {
        "message": error_message(error),
        "type": _error_type(error.http_status),
        "param": error.faults[0].path or None if error.faults else None,
        "code": error.code,
    }
    if error.faults:
        said["faults"] = [_shown(fault) for fault in error.faults]
    wait = error.retry_after_seconds
    retry = {} if wait is None else {"retry-after": str(math.ceil(wait))}
    return HttpReply(error.http_status, {"error": said}, {**retry, **(headers or {})})


def error_message(error: BridgeError) -> str:
    """Return one line that ends in the hint, if there is one. What is too long is cut before it."""
    is_mission = bool(error.faults) and isinstance(error, (BadMission, Refused))
    room = MISSION_CHARS_MAX if is_mission else ERROR_CHARS_MAX
    hint = f". Hint: {' '.join(error.hint.split())}" if error.hint else ""
    text = " ".join(error.message.split()).removesuffix("." if hint else "")
    if len(text) + len(hint) > room:
        text = text[: room - len(hint) - 1] + "…"
    return text + hint


def _shown(fault: Fault) -> dict[str, str]:
    """Leave out the raw input, which is not redacted."""
    return {name: told for name, told in fault.to_json().items() if name != "got"}


def _error_type(status: int) -> str:
    default = "server_error" if status >= 500 else "invalid_request_error"
    return ERROR_TYPES.get(status, default)


def render_head(status: int, headers: Mapping[str, str], request_id: str, *, closes: bool) -> bytes:
    """Return status line and headers, up to the empty line."""
    named = {**headers, "connection": "close"} if closes else headers
    fields = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    phrase = HTTPStatus(status).phrase
    head = f"HTTP/1.1 {status} {phrase}\r\n{fields}x-request-id: {request_id}\r\n{ALWAYS}\r\n"
    return head.encode("ascii", "replace")
