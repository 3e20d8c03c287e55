"""Listen on loopback, a thread for each connection, and answer every request, whatever happens.

Sockets enter, `HttpRequest`s go to the routes, replies leave; the order of bridge.md 3.1 stands in
`_reply`. This is a border: what nobody foresaw becomes a 500 with the request's id, and one log
line that holds no text of the caller.
"""

import selectors
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import (
    BadRequest,
    BridgeError,
    BrokenPromise,
    Cancelled,
    TooManyConnections,
)
from codex_oss.server.binding import bind, connections_that_fit
from codex_oss.server.connection import Connection, Limits
from codex_oss.server.frames import CloseCode
from codex_oss.server.gate import CHALLENGE, Gate, check_media
from codex_oss.server.replies import HttpReply, error_reply, render_head
from codex_oss.server.router import Answer, HttpRequest, Route, Router, query_of
from codex_oss.server.streaming import MORE_COMES, EventStream, StreamReply, cancel_if_left
from codex_oss.server.websocket import WebSocket, WebSocketReply
from codex_oss.system import Pulse, SystemClock, new_id

REFUSED_AT_ONCE_MAX = 64  # Above the cap: so many are told, the others just closed.
WAIT_SECONDS = 0.02  # Between two looks at something that ends in another thread.
# Of a quiet port. CPython runs a signal's handler between two waits: one that comes just before a
# wait would not be heard until a client connects (6 of 3,000 SIGTERMs under load, 3.11).
QUIET_SECONDS_MAX = 0.25
TERMINALS_SECONDS_MAX = 5.0  # For cancelled turns to write how they ended.
HANG_UP_SECONDS_MAX = 1.0  # For threads to notice that their socket was shut.
STOPPED = "bridge stopped"
FRAMES_MAX = 8  # Of a log line; a recursion has thousands.

Log = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class _Turn:
    request_id: str
    deadline: Deadline
    client: str


class Listener:
    """One bridge's port. `log` takes lifecycle lines and must not raise."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        routes: Iterable[Route],
        gate: Gate,
        limits: Limits,
        pulse: Pulse,
        log: Log,
        clock: Clock | None = None,
    ) -> None:
        self._limits, self._pulse, self._log = limits, pulse, log
        self._clock = clock or SystemClock()
        self._connections: set[Connection] = set()
        self._connections_max = connections_that_fit(limits.connections_max)
        self._running: set[Deadline] = set()
        self._conversations: set[Deadline] = set()  # Of WebSockets, also between their turns.
        self._drain: Deadline | None = None
        self._servers = bind(host, port, self._converse, self._failed, self._clock)
        self._woken, self._wake = socket.socketpair()
        self.port = self._servers[0].port
        self._gate = replace(gate, port=self.port)
        health = Route("GET", "/healthz", self._health), Route("GET", "/readyz", self._health)
        self._router = Router((*health, *routes))
        if self._connections_max < limits.connections_max:
            self._warn_of_few_descriptors()

    def serve(self) -> None:
        """Answer until `drain` is over, then hang up on everybody."""
        with selectors.DefaultSelector() as selector:
            for server in self._servers:
                selector.register(server, selectors.EVENT_READ, server.take)
            selector.register(self._woken, selectors.EVENT_READ, partial(self._woken.recv, 64))
            while not (self._drain and (self._drain.is_over or not self._running)):
                for key, _ in selector.select(WAIT_SECONDS if self._drain else QUIET_SECONDS_MAX):
                    key.data()
        for server in self._servers:
            server.server_close()
        self._cancel_turns()
        self._hang_up()

    def drain(self, seconds: float) -> None:
        """Begin no further turn; let `serve` return when the running ones have ended, or cancel
        them in `seconds`. Returns at once, also in a signal handler; the last call counts."""
        self._drain = Deadline(self._clock, seconds)
        with suppress(OSError):  # Awake already, or over.
            self._wake.send(b".", socket.MSG_DONTWAIT)

    def _converse(self, client: socket.socket, address: str) -> None:
        """Answer the requests of one connection, one after the other."""
        connection = Connection(client, self._limits, self._clock)
        self._connections.add(connection)
        try:
            over = len(self._connections) - self._connections_max
            if over > REFUSED_AT_ONCE_MAX:
                return
            if over > 0:
                self._refuse(connection)
            else:
                while self._exchange(connection, address):
                    pass
            connection.linger()
        finally:
            self._connections.discard(connection)

    def _refuse(self, connection: Connection) -> None:
        error = TooManyConnections(
            f"there are {self._connections_max} open connections",
            hint="close some, or raise PROXY_MAX_CONNECTIONS",
        )
        with suppress(Cancelled):
            connection.send(connection.render(error_reply(error), _new_request_id()))

    def _exchange(self, connection: Connection, address: str) -> bool:
        """Answer one request; return whether another may follow."""
        turn = _Turn(_new_request_id(), Deadline(self._clock), address)
        try:
            answer = self._answer(connection, turn)
            match answer:
                case StreamReply():
                    self._stream(connection, answer, turn)
                case WebSocketReply():
                    self._talk(connection, answer, turn)
                case bytes():
                    connection.send(answer)
        except Cancelled:
            return False
        finally:
            self._running.discard(turn.deadline)
            self._conversations.discard(turn.deadline)
        return bool(answer) and connection.may_go_on

    def _answer(self, connection: Connection, turn: _Turn) -> bytes | StreamReply | WebSocketReply:
        """Return what to send, b"" if there was no request. Nothing gets past this."""
        try:
            reply = self._reply(connection, turn)
            if not isinstance(reply, HttpReply):
                return reply or b""
            return connection.render(reply, turn.request_id)
        except BridgeError as error:
            refusal = error_reply(error)
        except Exception as error:  # A border: the caller gets an answer, the log the place.
            refusal = error_reply(self._unforeseen(error, turn.request_id))
        return connection.render(refusal, turn.request_id)

    def _reply(self, connection: Connection, turn: _Turn) -> Answer | None:
        if (head := connection.read_head()) is None:
            return None
        self._gate.check(head)
        match = self._router.match(head)
        if isinstance(match, HttpReply):
            return match
        check_media(head)
        body = connection.read_body(head)  # Half a request is no turn that a drain waits for.
        self._running.add(turn.deadline)  # Before the look at `_drain`: one side sees the other.
        if self._drain:
            connection.is_last = True
            if head.method not in ("GET", "HEAD"):
                raise TooManyConnections("the bridge is stopping", code="stopping")
        request = HttpRequest(
            method=head.method,
            path=head.path,
            params=match.params,
            query=query_of(head),
            headers=head.headers,
            body=body,
            request_id=turn.request_id,
            deadline=turn.deadline,
            client=turn.client,
        )
        with self._pulse.watching(partial(cancel_if_left, connection.client, turn.deadline)):
            return match.handler(request)

    def _stream(self, connection: Connection, reply: StreamReply, turn: _Turn) -> None:
        """Write a reply that ends with the connection."""
        connection.is_last = True
        silence_seconds_max = self._limits.heartbeat_seconds
        stream = EventStream(
            connection.client, reply.beat, turn.deadline, self._clock, silence_seconds_max
        )
        head = render_head(200, reply.headers, turn.request_id, closes=True)
        try:
            with closing(reply), self._pulse.watching(stream.beat):
                stream.send(lambda: head, MORE_COMES)
                for encode in reply.bursts if connection.wants_payload else ():
                    stream.send(encode)
        except Cancelled:
            return
        except Exception as error:  # A border: no second head may follow what was sent.
            stream.send(partial(reply.fail, self._unforeseen(error, turn.request_id)))

    def _talk(self, connection: Connection, reply: WebSocketReply, turn: _Turn) -> None:
        """Let the owner of a WebSocket have his conversation, and close it."""
        self._conversations.add(turn.deadline)
        self._running.discard(turn.deadline)  # A drain waits for its turns, not for its end.
        connection.send(render_head(101, reply.headers, turn.request_id, closes=False))
        under_way = partial(self._under_way, turn.deadline)
        conversation = WebSocket(connection, turn.deadline, self._clock, self._limits, under_way)
        with self._pulse.watching(conversation.beat):
            code = CloseCode.NORMAL
            try:
                reply.serve(conversation)
            except Cancelled:
                pass
            except Exception as error:  # A border: the client gets an end, the log the place.
                code = CloseCode.INTERNAL
                with suppress(Cancelled):
                    conversation.fail(self._unforeseen(error, turn.request_id))
            conversation.close(code)

    @contextmanager
    def _under_way(self, deadline: Deadline) -> Iterator[None]:
        """Have a drain wait for what is done in this block, or call it off if there is one."""
        self._running.add(deadline)  # Before the look at `_drain`, as in `_reply`.
        try:
            if self._drain:
                deadline.cancel(STOPPED)
            yield
        finally:
            self._running.discard(deadline)

    def _health(self, request: HttpRequest) -> HttpReply:
        challenge = request.query.get("challenge")
        is_ready = request.path == "/healthz" or not self._drain
        answer: dict[str, object] = {"ok": is_ready}
        if challenge is not None:
            if not CHALLENGE.fullmatch(challenge):
                raise BadRequest("a challenge is 32 hexadecimal digits", code="bad_challenge")
            answer["proof"] = self._gate.proof(challenge)
        return HttpReply(200 if is_ready else 503, answer)

    def _failed(self, error: BaseException) -> None:
        """Take what came out of a connection's thread, or kept it from starting."""
        self._unforeseen(error, _new_request_id())

    def _warn_of_few_descriptors(self) -> None:
        line = {"level": "warning", "event": "few_descriptors"}
        given = {"connections_max": self._connections_max, "asked": self._limits.connections_max}
        hint = "raise the limit of open files (ulimit -n), or lower PROXY_MAX_CONNECTIONS"
        self._log({**line, **given, "hint": hint})

    def _unforeseen(self, error: BaseException, request_id: str) -> BrokenPromise:
        """Log where it happened, and return what the caller is told."""
        line = {"level": "error", "event": "internal_error", "request_id": request_id}
        self._log({**line, "error": type(error).__name__, "where": _where(error)})
        return BrokenPromise(
            f"something went wrong in the bridge (request {request_id})",
            hint="the bridge's log has a line with this id",
        )

    def _cancel_turns(self) -> None:
        for deadline in (*self._running, *self._conversations):
            deadline.cancel(STOPPED)
        patience = Deadline(self._clock, TERMINALS_SECONDS_MAX)
        self._wait_until_empty(self._running, patience)
        self._wait_until_empty(self._conversations, patience)

    def _hang_up(self) -> None:
        for connection in tuple(self._connections):
            connection.shut()
        patience = Deadline(self._clock, HANG_UP_SECONDS_MAX)
        self._wait_until_empty(self._connections, patience)
        self._woken.close()
        self._wake.close()

    def _wait_until_empty(
        self, things: set[Deadline] | set[Connection], patience: Deadline
    ) -> None:
        while things and not patience.is_over:
            self._clock.sleep(WAIT_SECONDS)


def _new_request_id() -> str:
    return f"req_{new_id(24)}"


def _where(error: BaseException) -> str:
    """Return modules and lines, innermost last: neither folders nor values."""
    frames, trace = [], error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-FRAMES_MAX:])
