"""A Chat Completions provider on loopback that plays a script and checks every request.

    with ScriptedProvider() as provider:
        provider.call("exec_command", {"cmd": "ls"})
        provider.say("There are two files.")
        ...                                    # point the code under test at provider.base_url
    provider.requests[1].messages[-1]          # what it was asked, in order

A request that no real provider would take (an unpaired call, an empty `tools`, a developer role)
is answered with 400 and fails the test where the `with` ends.
"""

import http.server
import json
import re
import select
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from support import program
from support.chat_rules import faults_of

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass(frozen=True)
class Pause:
    """Silence inside a reply. It ends early when the client hangs up."""

    seconds: float


@dataclass(frozen=True)
class Reply:
    """What goes over the wire: each `bytes` is one HTTP chunk."""

    pieces: tuple[bytes | Pause, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: SSE)
    is_chunked: bool = True  # Otherwise the body ends with the connection, or with its length.
    cut_at: int | None = None  # Hang up after so many bytes behind the head.
    before: float = 0.0  # Seconds of silence before the head.

    def cut(self, at: int) -> "Reply":
        return replace(self, cut_at=at)

    def after(self, seconds: float) -> "Reply":
        return replace(self, before=seconds)

    def spaced(self, seconds: float) -> "Reply":
        """Return the same reply with a pause behind each chunk."""
        pieces = (part for piece in self.pieces for part in (piece, Pause(seconds)))
        return replace(self, pieces=tuple(pieces))

    @property
    def body(self) -> bytes:
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))


def event(document: object) -> bytes:
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


def delta(finish: str | None = None, **fields: object) -> bytes:
    """Return one chunk of a stream, as most providers write it."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]})


def stream(deltas: Iterable[bytes], finish: str = "stop", usage: object = USAGE) -> Reply:
    """Return a whole stream: role, deltas, finish word, usage, `[DONE]`."""
    counted = [event({"choices": [], "usage": usage})] if usage else []
    head, end = delta(role="assistant", content=""), delta(finish)
    return Reply((head, *deltas, end, *counted, event("[DONE]")))


def text(words: str, *, reasoning: str = "", finish: str = "stop", usage: object = USAGE) -> Reply:
    """Return a reply that says `words`, one delta a word."""
    thought = [delta(reasoning_content=reasoning)] if reasoning else []
    said = [delta(content=word) for word in re.findall(r"\s*\S+\s*?|\s+", words)]
    return stream([*thought, *said], finish, usage)


def calls(*wanted: tuple[str, object], preface: str = "") -> Reply:
    """Return a reply that calls each (name, arguments); the arguments come in two pieces."""
    deltas = [delta(content=preface)] if preface else []
    for index, (name, arguments) in enumerate(wanted):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": name, "arguments": ""}
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        deltas.append(delta(tool_calls=[head]))
        for piece in (written[: len(written) // 2], written[len(written) // 2 :]):
            deltas.append(delta(tool_calls=[{"index": index, "function": {"arguments": piece}}]))
    return stream(deltas, "tool_calls")


def failure(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply((raw,), status, {**JSON, **(headers or {})})


def whole_json(words: str, finish: str = "stop") -> Reply:
    """Return the answer of a server that ignores `stream`."""
    choice = {"index": 0, "message": {"role": "assistant", "content": words}}
    document = {"object": "chat.completion", "choices": [{**choice, "finish_reason": finish}]}
    return Reply((json.dumps(document | {"usage": USAGE}).encode(),), 200, JSON)


@dataclass
class Asked:
    """One request as it came, and when its client hung up (seconds of `time.monotonic`)."""

    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict
    hung_up_at: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict]:
        return self.body["messages"]


Step = Reply | Callable[[Asked], Reply]


class ScriptedProvider:
    """Plays its steps in order, one a request; `always` answers when none are left."""

    def __init__(self, always: Step | None = None, checks: bool = True) -> None:
        self.requests: list[Asked] = []
        self.faults: list[str] = []
        self.always = always
        self.checks = checks
        self.steps: deque[Step] = deque()
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.provider = self

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def then(self, *steps: Step) -> None:
        self.steps.extend(steps)

    def say(self, words: str) -> None:
        self.then(text(words))

    def call(self, name: str, arguments: object) -> None:
        self.then(calls((name, arguments)))

    def __enter__(self) -> "ScriptedProvider":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        if kind is None and self.faults:
            raise AssertionError("the provider was asked wrongly:\n" + "\n".join(self.faults))

    def answer_to(self, asked: Asked) -> Reply:
        with self.lock:
            self.requests.append(asked)
            wrong = faults_of(asked.path, asked.headers, asked.body) if self.checks else []
            if not self.steps and self.always is None:
                wrong.append(f"request {len(self.requests)}: the script is at its end")
            self.faults += wrong
            step = failure(400, {"error": {"message": wrong[0]}}) if wrong else self.always
            if self.steps and not wrong:
                step = self.steps.popleft()
        return step(asked) if callable(step) else step


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    provider: ScriptedProvider

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what many tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(self.path, headers, raw, json.loads(raw))
        self.close_connection = True
        try:
            self.play(self.server.provider.answer_to(self.asked))
        except ConnectionError:
            self.asked.hung_up_at = self.asked.hung_up_at or time.monotonic()
        finally:
            self.asked.over.set()

    def play(self, reply: Reply) -> None:
        self.pause(reply.before)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.is_chunked:
            self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        sent = 0
        for piece in (*reply.pieces, b""):
            if isinstance(piece, Pause):
                self.pause(piece.seconds)
                continue
            data = b"%x\r\n%s\r\n" % (len(piece), piece) if reply.is_chunked else piece
            if reply.cut_at is not None and sent + len(data) > reply.cut_at:
                self.wfile.write(data[: reply.cut_at - sent])
                return
            self.wfile.write(data)
            sent += len(data)

    def pause(self, seconds: float) -> None:
        """Wait, and notice at once when the client is gone."""
        if seconds and select.select([self.connection], [], [], seconds)[0]:
            if self.connection.recv(1, socket.MSG_PEEK) == b"":
                self.asked.hung_up_at = time.monotonic()
                raise ConnectionAbortedError

    def log_message(self, *_: object) -> None:
        """Keep the tests' output to what the tests say."""


@contextmanager
def full_backlog() -> Iterator[int]:
    """Yield a port of loopback whose queue is full: a connection to it hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [program("openssl") or "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate
