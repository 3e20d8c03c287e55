"""Find who answers a path, and say what he is asked.

A checked `RequestHead` enters; a handler with the parameters of its path leaves, or the refusal:
404, 405 with `Allow`, 426. Paths are compared as sent, never decoded: only a `{name*}`, which may
hold slashes, raw or encoded, is decoded, once, and must then be a plain name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from codex_oss.deadline import Deadline
from codex_oss.errors import MethodNotAllowed, NotFound, UpgradeRequired
from codex_oss.server.head import RequestHead
from codex_oss.server.replies import HttpReply, error_reply
from codex_oss.server.streaming import StreamReply
from codex_oss.server.websocket import WebSocketReply

ID = "[A-Za-z0-9_-]{1,128}"
NAME_CHARS_MAX = 200
SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._:@+-]*"  # Never `..`, never empty.
NAME = re.compile(f"{SEGMENT}(?:/{SEGMENT})*")
PARAMETER = re.compile(r"\{([a-z_]+)(\*?)\}")
WEBSOCKET = "GET (websocket)"  # The method of a route that speaks it; no request can name it.


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that passed every check. Its `deadline` is cancelled when the caller leaves."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]  # Of a repeated name, the last.
    headers: Mapping[str, str]  # Lower-case names.
    body: bytes
    request_id: str
    deadline: Deadline
    client: str


Answer = HttpReply | StreamReply | WebSocketReply
Handler = Callable[[HttpRequest], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` may hold `{id}`, one segment, and end in `{name*}`, a name with slashes."""

    method: str
    pattern: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    handler: Handler
    params: Mapping[str, str]


class Router:
    """Of two routes that fit, the one listed first answers. HEAD is answered by GET routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, _expression(route.pattern)) for route in routes]

    def match(self, head: RequestHead) -> Match | HttpReply:
        """Return who answers, or the reply that says why nobody does."""
        found: dict[str, Match] = {}
        for route, expression in self._routes:
            if (path := expression.fullmatch(head.path)) is None:
                continue
            params = {name: unquote(value) for name, value in path.groupdict().items()}
            if all(map(_is_name, params.values())):
                found.setdefault(route.method, Match(route.handler, params))
        upgraded = found.pop(WEBSOCKET, None)
        if upgraded and head.wants_websocket:
            return upgraded
        if match := found.get("GET" if head.method == "HEAD" else head.method):
            return match
        return _refusal(head, found)


def _is_name(value: str) -> bool:
    return len(value) <= NAME_CHARS_MAX and NAME.fullmatch(value) is not None


def query_of(head: RequestHead) -> dict[str, str]:
    return dict(parse_qsl(head.query, keep_blank_values=True))


def _refusal(head: RequestHead, methods: Iterable[str]) -> HttpReply:
    if not methods:
        return error_reply(NotFound("there is no such path on this server", code="unknown_url"))
    if head.wants_websocket:
        error = UpgradeRequired("this path speaks HTTP only, no WebSocket", hint="send a POST")
        return error_reply(error, {"upgrade": "HTTP/1.1", "connection": "upgrade"})
    allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
    message = f"this path takes {' and '.join(allowed)} only"
    return error_reply(MethodNotAllowed(message), {"allow": ", ".join(allowed)})


def _expression(pattern: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression over the path as it was sent."""
    parts, end = [], 0
    for parameter in PARAMETER.finditer(pattern):
        value = ".+" if parameter[2] else ID
        parts += [re.escape(pattern[end : parameter.start()]), f"(?P<{parameter[1]}>{value})"]
        end = parameter.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]))
