"""Hold a conversation with a client who speaks WebSocket (RFC 6455), on two threads.

A handshake enters and the owner of the conversation is found. His thread reads messages and
writes turns; the pulse answers pings, sends ours, notices who has left, and ends what is over. A
turn is the same `StreamReply` as over HTTP, a message for each event. Every conversation ends
with exactly one Close, and nothing is written behind it.
"""

import re
import socket
import threading
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from math import inf
from typing import assert_never

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BadRequest, BridgeError, Cancelled, UpgradeRequired
from codex_oss.server.connection import READ_BYTES, Connection, Limits
from codex_oss.server.frames import (
    BadFrame,
    Close,
    CloseCode,
    FrameReader,
    Heard,
    Message,
    Opcode,
    Ping,
    Pong,
    encode_close,
    encode_frame,
)
from codex_oss.server.head import options_of
from codex_oss.server.replies import HttpReply, error_reply
from codex_oss.server.streaming import CLIENT_LEFT, Encode, Outlet, StreamReply

VERSION = "13"
KEY = re.compile(r"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64.
KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3.
PING_SECONDS = 20.0
LIFE_SECONDS_MAX = 3600.0
LIVED = "a WebSocket lasts 60 minutes at most"
CLOSING_SECONDS_MAX = 2.0  # For the client's own Close, once he has ours.
WAITING_MAX = 16  # Messages during a turn: who sends more is not waiting for answers.


@dataclass(frozen=True, slots=True)
class WebSocketReply:
    """`serve` gets the conversation, on the connection's own thread, and ends it by returning."""

    headers: Mapping[str, str]
    serve: Callable[["WebSocket"], None]


def answer_handshake(
    headers: Mapping[str, str], serve: Callable[["WebSocket"], None]
) -> WebSocketReply | HttpReply:
    """Return the answer to these headers of a request that passed every other check."""
    upgrade = {"upgrade": "websocket", "connection": "Upgrade"}
    if headers.get("sec-websocket-version") != VERSION:
        error = UpgradeRequired(f"only version {VERSION} of the WebSocket protocol is spoken here")
        return error_reply(error, {**upgrade, "sec-websocket-version": VERSION})
    key = headers.get("sec-websocket-key", "")
    if "upgrade" not in options_of(headers.get("connection", "")) or not KEY.fullmatch(key):
        raise BadRequest(
            "not the handshake of a WebSocket: `Connection: Upgrade` or its key is missing",
            code="bad_handshake",
        )
    accept = b64encode(sha1((key + KEY_SUFFIX).encode("ascii")).digest()).decode("ascii")
    return WebSocketReply({**upgrade, "sec-websocket-accept": accept}, serve)


class WebSocket:
    """One conversation. All but `beat` is for the thread that owns it.

    `turn` is entered for each message, for as long as it is worked on. Where no turn may begin it
    cancels the deadline.
    """

    def __init__(
        self,
        connection: Connection,
        deadline: Deadline,
        clock: Clock,
        limits: Limits,
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.deadline = deadline
        """Cancelled when the client leaves, after 60 minutes, and when the bridge stops: then the
        turn under way writes how it ended, and no other begins."""
        self._connection, self._client = connection, connection.client
        self._clock, self._limits, self._turn = clock, limits, turn
        self._outlet = Outlet(connection.client, deadline, clock)
        self._reader = FrameReader(limits.body_bytes_max)
        self._reading = threading.Lock()
        self._waiting: deque[str] = deque()
        self._pongs: deque[bytes] = deque(maxlen=1)  # RFC 6455, 5.5.3: the last is enough.
        self._relayed: StreamReply | None = None
        self._is_busy = False  # Whether a turn is under way.
        self._close = b""  # The Close, once it is due.
        self._is_closed = False  # Whether nothing may be written any more.
        now = clock.monotonic()
        self._ping_due = now + PING_SECONDS
        self._life_end = now + LIFE_SECONDS_MAX
        self._hang_up_at = inf
        self._take(connection.take_over())

    def messages(self) -> Iterator[str]:
        """Yield what the client says, one after the other, until the conversation is over. What
        comes while one is being answered waits."""
        while self._listen():
            with self._turn():
                self._is_busy = True  # Before the look at the deadline: so `_owed` sees it.
                if self.deadline.cancelled_because:
                    return
                yield self._waiting.popleft()
                self._is_busy = False

    def send(self, text: str) -> None:
        """Write one message; `Cancelled` if nobody takes it."""
        self._write(lambda: encode_frame(Opcode.TEXT, text.encode("utf-8")))

    def relay(self, reply: StreamReply) -> None:
        """Write a streamed turn, a message for each event, and its signs of life."""
        self._relayed = reply
        with closing(reply):
            for encode in reply.bursts:
                self._write(partial(_messages, encode))
        self._relayed = None

    def fail(self, error: BridgeError) -> None:
        """End the turn that was being relayed, if one was."""
        if reply := self._relayed:
            self._write(lambda: _messages(partial(reply.fail, error)))

    def close(self, code: CloseCode) -> None:
        """Write the one Close: with this code, unless the conversation was over before."""
        why = self.deadline.cancelled_because
        self._end(CloseCode.GOING_AWAY if why else code, why)
        with suppress(Cancelled):
            self._outlet.send(self._owed)

    def beat(self) -> None:
        """Hear what came and say what is due, without ever waiting for anybody."""
        if self._reading.acquire(blocking=False):
            try:
                self._receive(socket.MSG_DONTWAIT)
            finally:
                self._reading.release()
        now = self._clock.monotonic()
        if now >= self._life_end:
            self.deadline.cancel(LIVED)
        if now >= self._hang_up_at:
            self._connection.shut()
        self._outlet.offer(self._owed)

    def _listen(self) -> bool:
        """Wait for a message; return whether there is one."""
        while True:
            self._outlet.offer(self._owed)
            with self._reading:
                if self.deadline.cancelled_because or self._waiting:
                    return not self.deadline.cancelled_because
                self._receive()

    def _receive(self, flags: int = 0) -> None:
        try:
            data = self._client.recv(READ_BYTES, flags)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self.deadline.cancel(CLIENT_LEFT)

    def _take(self, data: bytes) -> None:
        try:
            for heard in self._reader.feed(data):
                self._hear(heard)
        except BadFrame as fault:
            self._end(fault.code, fault.why)
            self.deadline.cancel(CLIENT_LEFT)

    def _hear(self, heard: Heard) -> None:
        match heard:
            case Message(text):
                self._waiting.append(text)
                too_long = sum(map(len, self._waiting)) > self._limits.body_bytes_max
                if too_long or len(self._waiting) > WAITING_MAX:
                    raise BadFrame(CloseCode.POLICY, "too much waits for one answer")
            case Ping(payload):
                self._pongs.append(encode_frame(Opcode.PONG, payload))
            case Pong():
                pass
            case Close(code):
                self._end(code)
                self.deadline.cancel(CLIENT_LEFT)
            case _:
                assert_never(heard)

    def _end(self, code: int, why: str = "") -> None:
        """Have the Close written. The first one counts."""
        self._close = self._close or encode_close(code, why)

    def _write(self, encode: Encode) -> None:
        def unless_over() -> bytes:
            if self._close:
                raise Cancelled(CLIENT_LEFT)
            return encode()

        self._outlet.send(unless_over)

    def _owed(self) -> bytes:
        """Return what is due on top of the turns. Never called by two threads at once."""
        if self._is_closed:
            return b""
        now = self._clock.monotonic()
        owed = [self._pongs.popleft()] if self._pongs else []
        if now >= self._ping_due:
            self._ping_due = now + PING_SECONDS
            owed.append(encode_frame(Opcode.PING))
        if self._relayed and now >= self._outlet.written_at + self._limits.heartbeat_seconds:
            owed.append(_messages(self._relayed.beat))
        if self.deadline.cancelled_because and not self._is_busy:
            self._end(CloseCode.GOING_AWAY, self.deadline.cancelled_because)
        if self._close:
            self._is_closed, self._hang_up_at = True, now + CLOSING_SECONDS_MAX
            owed.append(self._close)
        return b"".join(owed)


def _messages(encode: Encode) -> bytes:
    """Return a message for the data of each server-sent event. `[DONE]`, whose block has no first
    line before it, is for streams only."""
    data = (block.partition(b"\ndata: ")[2] for block in encode().split(b"\n\n"))
    return b"".join(encode_frame(Opcode.TEXT, text) for text in data if text)
