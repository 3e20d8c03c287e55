"""A WebSocket client of our own: what it sends is chosen to the byte, what it gets is checked.

with WebSocketClient(server.client) as client:
    client.say("hello")
    client.send(frame(PING, b"x"), frame(CLOSE, b"\\x03\\xe8"))
    client.rest()                          # [(TEXT, b"..."), ..., (CLOSE, b"...")], until the end.
"""

import socket
import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha1

from support.clients import Client

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NONCE = "dGhlIHNhbXBsZSBub25jZQ=="  # Of RFC 6455, 1.3.
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": NONCE,
}

Frame = tuple[int, bytes]


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes = b"\x37\xfa\x21\x3d"
) -> bytes:
    """Return a frame of a client, byte by byte as the RFC writes it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", final << 7 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", final << 7 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", final << 7 | opcode, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def close_of(code: int, why: bytes = b"") -> bytes:
    return struct.pack("!H", code) + why


class WebSocketClient:
    def __init__(self, client: Client, sent_ahead: bytes = b"", buffer_bytes: int = 0) -> None:
        self.socket = socket.socket()
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", client.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(client.head("GET", "/v1/responses", None, UPGRADE) + sent_ahead)
        self.file = self.socket.makefile("rb")
        self.shake_hands()

    def shake_hands(self) -> None:
        status = self.file.readline()
        assert status == b"HTTP/1.1 101 Switching Protocols\r\n", status + self.file.read()
        lines = iter(self.file.readline, b"\r\n")
        headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in lines)
        accept = b64encode(sha1((NONCE + GUID).encode()).digest()).decode().lower()
        assert headers["sec-websocket-accept"] == accept, headers
        assert headers["upgrade"] == "websocket" and headers["connection"] == "upgrade", headers
        assert "sec-websocket-extensions" not in headers, headers

    def __enter__(self) -> "WebSocketClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def say(self, text: str) -> None:
        self.send(frame(TEXT, text.encode()))

    def read(self) -> Frame | None:
        """Return the next frame of the server, None at its end. A server masks and cuts nothing."""
        if not (head := self.file.read(2)):
            return None
        assert head[0] & 0xF0 == 0x80 and head[1] < 0x80, head
        size = head[1]
        if size > 125:
            extended = self.file.read(2 if size == 126 else 8)
            size = int.from_bytes(extended, "big")
            assert size > (125 if len(extended) == 2 else 65_535), size
        payload = self.file.read(size)
        assert len(payload) == size, "the stream ends inside a frame"
        return head[0] & 0x0F, payload

    def frames(self) -> Iterator[Frame]:
        while got := self.read():
            yield got

    def hear(self) -> str:
        """Return the next message. Pings are not answered."""
        for opcode, payload in self.frames():
            if opcode != PING:
                assert opcode == TEXT, (opcode, payload)
                return payload.decode()
        raise AssertionError("the server hung up")

    def rest(self) -> list[Frame]:
        """Return all frames up to the end. A Close is the last, and is answered."""
        got = []
        for opcode, payload in self.frames():
            assert not got or got[-1][0] != CLOSE, "a frame behind the Close"
            got.append((opcode, payload))
            if opcode == CLOSE:
                with suppress(BrokenPipeError):  # A test may have shut this side.
                    self.socket.sendall(frame(CLOSE, payload))
        return got

    def hang_up(self) -> None:
        self.file.close()
        self.socket.close()

    def reset(self) -> None:
        """End as a process does that is killed with unread bytes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()
