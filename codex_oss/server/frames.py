"""Take a client's WebSocket frames apart, and put ours together (RFC 6455, sections 5 to 8).

Bytes enter as they come; whole messages and control frames leave, or the fault with which the
connection must end. Everything that may follow what is in `MAY_COME`. Text only, no extensions
(bridge.md 17).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Opcode(IntEnum):
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA

    @property
    def is_control(self) -> bool:
        return self >= Opcode.CLOSE


class CloseCode(IntEnum):
    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NOT_TEXT = 1003
    NONE_GIVEN = 1005  # Never on the wire.
    BAD_TEXT = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011


MAY_COME = {  # By whether a message is under way.
    False: (Opcode.TEXT, Opcode.CLOSE, Opcode.PING, Opcode.PONG),
    True: (Opcode.CONTINUATION, Opcode.CLOSE, Opcode.PING, Opcode.PONG),
}
CONTROL_BYTES_MAX = 125
LENGTHS = {126: (2, 126), 127: (8, 1 << 16)}  # Bytes of a longer length, and the least it may be.
MASK_BYTES = 4
PEER_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))  # 7.4 and IANA.


@dataclass(frozen=True, slots=True)
class Message:
    """What a client said, whole, in however many frames it came."""

    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    code: int


Heard = Message | Ping | Pong | Close


class BadFrame(Exception):
    """What no client may send. The connection ends with this code and these words."""

    def __init__(self, code: CloseCode, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


@dataclass(slots=True)
class _Frame:
    """A frame whose payload is coming in."""

    opcode: Opcode
    is_final: bool
    mask: bytes
    bytes_left: int


class FrameReader:
    """Gathers what one client says. After a `BadFrame` it is of no use."""

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        self._came = bytearray()
        self._frame: _Frame | None = None
        self._message: bytearray | None = None
        self._control = bytearray()

    def feed(self, data: bytes) -> Iterator[Heard]:
        """Yield what these bytes complete, in its order."""
        self._came += data
        while frame := self._frame or self._begin():
            self._frame = frame
            self._take_payload(frame)
            if frame.bytes_left:
                return
            self._frame = None
            if frame.opcode.is_control:
                payload = bytes(self._control)
                self._control.clear()
                yield _control(frame.opcode, payload)
            elif frame.is_final:
                assert self._message is not None
                text, self._message = _decoded(self._message), None
                yield Message(text)

    def _begin(self) -> _Frame | None:
        """Return the next frame once its head is there."""
        if len(self._came) < 2:
            return None
        opcode = self._checked_opcode(*self._came[:2])
        length = self._came[1] & 0x7F
        more, least = LENGTHS.get(length, (0, 0))
        end = 2 + more + MASK_BYTES
        if len(self._came) < end:
            return None
        if more:
            length = int.from_bytes(self._came[2 : 2 + more], "big")
        if length < least:
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "a length in more bytes than it needs")
        if not opcode.is_control:
            self._ensure_message_fits(length)
        mask = bytes(self._came[end - MASK_BYTES : end])
        frame = _Frame(opcode, self._came[0] >= 0x80, mask, length)
        del self._came[:end]
        return frame

    def _checked_opcode(self, first: int, second: int) -> Opcode:
        """Return what the first two bytes of a frame say it is."""
        if first & 0x70:
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "a reserved bit, and no extension was agreed")
        if not second & 0x80:
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "a frame of a client is not masked")
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError:
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "an unknown opcode") from None
        if opcode.is_control and (first < 0x80 or second & 0x7F > CONTROL_BYTES_MAX):
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "a control frame that is cut or too long")
        if opcode is Opcode.BINARY:
            raise BadFrame(CloseCode.NOT_TEXT, "messages are text here")
        if opcode not in MAY_COME[self._message is not None]:
            raise BadFrame(CloseCode.PROTOCOL_ERROR, "a continuation of nothing, or none of one")
        return opcode

    def _ensure_message_fits(self, length: int) -> None:
        if self._message is None:
            self._message = bytearray()
        if len(self._message) + length > self._message_bytes_max:
            said = f"a message is larger than {self._message_bytes_max} bytes"
            raise BadFrame(CloseCode.TOO_BIG, said)

    def _take_payload(self, frame: _Frame) -> None:
        piece = self._came[: frame.bytes_left]
        del self._came[: len(piece)]
        target = self._control if frame.opcode.is_control else self._message
        assert target is not None
        target += _masked(piece, frame.mask)
        frame.bytes_left -= len(piece)
        turned = len(piece) % MASK_BYTES
        frame.mask = frame.mask[turned:] + frame.mask[:turned]


def encode_frame(opcode: Opcode, payload: bytes = b"") -> bytes:
    """Return one whole frame of a server, which masks nothing."""
    size = len(payload)
    if size <= CONTROL_BYTES_MAX:
        return bytes((0x80 | opcode, size)) + payload
    marker, more = (126, 2) if size < 1 << 16 else (127, 8)
    return bytes((0x80 | opcode, marker)) + size.to_bytes(more, "big") + payload


def encode_close(code: int, why: str = "") -> bytes:
    if code == CloseCode.NONE_GIVEN:
        return encode_frame(Opcode.CLOSE)
    return encode_frame(Opcode.CLOSE, code.to_bytes(2, "big") + why.encode("ascii"))


def _control(opcode: Opcode, payload: bytes) -> Ping | Pong | Close:
    if opcode is Opcode.CLOSE:
        return Close(_close_code(payload))
    return Ping(payload) if opcode is Opcode.PING else Pong(payload)


def _close_code(payload: bytes) -> int:
    if not payload:
        return CloseCode.NONE_GIVEN
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not any(code in known for known in PEER_CLOSE_CODES):
        raise BadFrame(CloseCode.PROTOCOL_ERROR, "a close code that may not be sent")
    _decoded(payload[2:])
    return code


def _decoded(payload: bytes | bytearray) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise BadFrame(CloseCode.BAD_TEXT, "text that is not UTF-8") from None


def _masked(payload: bytearray, mask: bytes) -> bytes:
    """Return `payload` under the mask, all of it at once: a loop over bytes takes 100 times as
    long."""
    size = len(payload)
    key = (mask * (size // MASK_BYTES + 1))[:size]
    order = sys.byteorder
    masked = int.from_bytes(payload, order) ^ int.from_bytes(key, order)
    return masked.to_bytes(size, order)
