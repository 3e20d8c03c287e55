"""HTTP as bytes on a socket, so that a test sees exactly what the bridge wrote, and when.

client = Client(port, key)
client.get("/v1/models").json
with client.stream({"model": "m", "input": "hi", "stream": True}) as events:
    for event in events: ...               # Event(type, data, at)

Every response and event that it reads must be valid against the public schema.
"""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from support.schema import faults_of_event, faults_of_response

SECONDS_MAX = 20.0  # Nothing in a test takes longer; a hang must not hold the suite.


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # Lower-case names.
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json["error"]


@dataclass(frozen=True)
class Event:
    """One block of a stream. `data` is "[DONE]" or the object; `at` is `time.monotonic`."""

    type: str
    data: dict | str
    at: float


class EventStream:
    """The events of an open reply, as they come."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.file = sock.makefile("rb")
        self.status, self.headers = _read_head(self.file)

    def __iter__(self) -> Iterator[Event]:
        assert self.status == 200, (self.status, self.file.read())
        name = ""
        for line in _lines(self.file, self.headers):
            field, _, value = line.rstrip(b"\r\n").partition(b": ")
            if field == b"event":
                name = value.decode()
            elif field == b"data":
                text, at = value.decode(), time.monotonic()
                yield Event(name, text if text == "[DONE]" else _valid(json.loads(text)), at)
                name = ""

    def hang_up(self) -> None:
        """Close as a killed client does."""
        self.file.close()
        self.socket.close()


class Client:
    """A caller of the bridge with its key. `headers` replace or, with None, remove the usual."""

    def __init__(self, port: int, key: str, **headers: str | None) -> None:
        self.port = port
        self.headers: dict[str, str | None] = {
            "Host": f"127.0.0.1:{port}",
            "Authorization": f"Bearer {key}",
            "Connection": "close",
            **headers,
        }

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, document: object, **headers: str | None) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.ask("POST", path, body, **headers)

    def turn(self, document: object) -> Answer:
        answer = self.post("/v1/responses", document)
        if answer.status == 200 and "json" in answer.headers["content-type"]:
            assert not (faults := faults_of_response(answer.json)), faults
        return answer

    def events(self, document: object) -> list[Event]:
        with self.stream(document) as events:
            return list(events)

    @contextmanager
    def stream(self, document: object) -> Iterator[EventStream]:
        raw = self.head("POST", "/v1/responses", json.dumps(document).encode(), {})
        with self.send(raw) as sock:
            events = EventStream(sock)
            try:
                yield events
            finally:
                events.hang_up()

    def ask(self, method: str, path: str, body: bytes | None, **headers: str | None) -> Answer:
        with self.send(self.head(method, path, body, headers)) as sock:
            file = sock.makefile("rb")
            status, fields = _read_head(file)
            rest = b"" if method == "HEAD" else b"".join(_lines(file, fields))
            return Answer(status, fields, rest)

    def send(self, raw: bytes) -> socket.socket:
        """Return the connection on which these bytes went out."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS_MAX)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(raw)
        return sock

    def head(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str | None]
    ) -> bytes:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        typed = {} if body is None else {"Content-Type": "application/json"}
        sized = {} if body is None else {"Content-Length": str(len(body))}
        fields = {**self.headers, **typed, **sized, **named}
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + (body or b"")


def _valid(event: dict) -> dict:
    """Return an event of the API as it is, if it is valid. Some servers of tests have others."""
    if event.get("type", "").startswith("response."):
        assert not (faults := faults_of_event(event)), faults
    return event


def _read_head(file) -> tuple[int, dict[str, str]]:
    status = int(file.readline().split(b" ")[1])
    headers = {}
    while line := file.readline().rstrip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return status, headers


def _lines(file, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the lines of a body in any framing; the last need not be whole."""
    if headers.get("transfer-encoding") != "chunked":
        left = int(headers.get("content-length", "-1"))
        while left and (line := file.readline(left if left > 0 else -1)):
            left -= len(line)
            yield line
        return
    rest = b""
    while size := int(file.readline().split(b";")[0], 16):
        *whole, rest = (rest + file.read(size)).split(b"\n")
        yield from (line + b"\n" for line in whole)
        file.readline()
    file.readline()
    yield from filter(None, [rest])
