"""WebSocket frames, as values: every opcode, every cut, every fault with its code."""

import unittest
from collections.abc import Iterable, Iterator
from random import Random

from support import LONG, chance
from support.websockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_of,
    frame,
)

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

BYTES_MAX = 70_000
STREAMS = 10_000 if LONG else 300
LETTERS = "aZ0 \n\0é\u20ac\U0001f600"
CONVERSATION = (  # Frames, and what they say together.
    (frame(TEXT, b"Hello"), [Message("Hello")]),
    (frame(TEXT), [Message("")]),
    (
        frame(TEXT, b"Hel", final=False)
        + frame(PING, b"are you there")
        + frame(CONTINUATION, b"", final=False)
        + frame(PONG)
        + frame(CONTINUATION, b"lo"),
        [Ping(b"are you there"), Pong(b""), Message("Hello")],
    ),
    (frame(TEXT, "é€😀".encode(), mask=b"\0\0\0\0"), [Message("é€😀")]),
    (frame(TEXT, b"\xe2\x82", final=False) + frame(CONTINUATION, b"\xac"), [Message("€")]),
    (frame(TEXT, b"x" * 126), [Message("x" * 126)]),
    (frame(CLOSE, close_of(1000, "Ende é".encode())), [Close(1000)]),
)

Ending = tuple[list[Heard], int]


def heard(pieces: Iterable[bytes], bytes_max: int = BYTES_MAX) -> Ending:
    """Return what these say, and the code of the fault that ended it, or 0."""
    reader, said = FrameReader(bytes_max), []
    try:
        for piece in pieces:
            for one in reader.feed(piece):
                said.append(one)
                if isinstance(one, Close):
                    return said, 0
    except BadFrame as fault:
        return said, fault.code
    return said, 0


def cut(random: Random, raw: bytes) -> Iterator[bytes]:
    while raw:
        size = random.choice((1, 2, 3, 7, 50, 5000))
        yield raw[:size]
        raw = raw[size:]


class Reading(unittest.TestCase):
    def test_the_examples_of_the_rfc_are_read(self) -> None:
        for raw, said in (  # RFC 6455, 5.7.
            ("818537fa213d7f9f4d5158", Message("Hello")),
            ("898537fa213d7f9f4d5158", Ping(b"Hello")),
            ("8a8537fa213d7f9f4d5158", Pong(b"Hello")),
        ):
            self.assertEqual(heard([bytes.fromhex(raw)]), ([said], 0))

    def test_a_conversation_is_the_same_in_any_pieces(self) -> None:
        raw = b"".join(sent for sent, _ in CONVERSATION)
        expected = [one for _, said in CONVERSATION for one in said], 0
        self.assertEqual(heard([raw]), expected)
        self.assertEqual(heard(raw[at : at + 1] for at in range(len(raw))), expected)
        for at in range(len(raw)):
            self.assertEqual(heard([raw[:at], raw[at:]]), expected, at)

    def test_lengths_at_every_edge_are_read(self) -> None:
        for size in (0, 1, 124, 125, 126, 127, 65_535, 65_536, BYTES_MAX):
            text = "x" * size
            self.assertEqual(heard([frame(TEXT, text.encode())]), ([Message(text)], 0), size)

    def test_what_follows_a_message_is_kept_for_the_next(self) -> None:
        reader = FrameReader(BYTES_MAX)
        both = frame(TEXT, b"one") + frame(TEXT, b"two")
        self.assertEqual(list(reader.feed(both[:-1])), [Message("one")])
        self.assertEqual(list(reader.feed(both[-1:])), [Message("two")])


FAULTS = (  # What it is, its bytes, the code.
    ("a first reserved bit", b"\xc1\x80\0\0\0\0", 1002),
    ("a second reserved bit", b"\xa1\x80\0\0\0\0", 1002),
    ("a third reserved bit", b"\x91\x80\0\0\0\0", 1002),
    ("a frame without a mask", b"\x81\x05Hello", 1002),
    *((f"opcode {n}", frame(n), 1002) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ("a continuation of nothing", frame(CONTINUATION, b"x"), 1002),
    ("a continuation behind a whole message", frame(TEXT) + frame(CONTINUATION), 1002),
    ("a message inside a message", frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), 1002),
    ("bytes inside a message", frame(TEXT, b"x", final=False) + frame(BINARY), 1003),
    ("bytes", frame(BINARY, b"x"), 1003),
    ("a ping in pieces", frame(PING, b"x", final=False), 1002),
    ("a close in pieces", frame(CLOSE, final=False), 1002),
    ("a ping of 126 bytes", frame(PING, b"x" * 126), 1002),
    ("a pong of 65,536 bytes", frame(PONG, b"x" * 65_536), 1002),
    ("125 in two bytes", b"\x81\xfe\x00\x7d", 1002),
    ("65,535 in eight bytes", b"\x81\xff" + (65_535).to_bytes(8, "big"), 1002),
    ("a length with the highest bit", b"\x81\xff\x80" + bytes(7), 1009),
    ("a message over the limit", b"\x81\xff" + (BYTES_MAX + 1).to_bytes(8, "big"), 1009),
    (
        "pieces over the limit",
        frame(TEXT, b"x" * BYTES_MAX, final=False) + frame(CONTINUATION, b"x"),
        1009,
    ),
    ("a byte that is not UTF-8", frame(TEXT, b"\xff"), 1007),
    ("an overlong form", frame(TEXT, b"\xc0\xaf"), 1007),
    ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("a character beyond the last", frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    ("half a character", frame(TEXT, b"\xe2\x82"), 1007),
    ("a close with half a code", frame(CLOSE, b"\x03"), 1002),
    ("a close that is not UTF-8", frame(CLOSE, close_of(1000, b"\xff")), 1007),
    *(
        (f"close code {code}", frame(CLOSE, close_of(code)), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    ),
)


class Faults(unittest.TestCase):
    def test_each_fault_has_its_code_in_any_pieces(self) -> None:
        for what, raw, code in FAULTS:
            raw += bytes(8)  # The mask, where only lengths are given.
            with self.subTest(what):
                said, found = heard([frame(PING, b"before") + raw])
                self.assertEqual((said[0], found), (Ping(b"before"), code))
                if len(raw) < 1000:
                    self.assertEqual(heard(raw[at : at + 1] for at in range(len(raw)))[1], code)

    def test_what_is_too_large_is_refused_before_it_comes(self) -> None:
        announced = frame(TEXT, b"x" * (BYTES_MAX + 1))[:14]
        self.assertEqual(heard([announced]), ([], 1009))

    def test_every_code_that_a_peer_may_send_is_heard(self) -> None:
        for code in (1000, 1003, 1007, 1011, 1014, 3000, 4999):
            self.assertEqual(heard([frame(CLOSE, close_of(code))]), ([Close(code)], 0))
        self.assertEqual(heard([frame(CLOSE)]), ([Close(CloseCode.NONE_GIVEN)], 0))

    def test_words_of_a_fault_fit_into_a_close(self) -> None:
        for what, raw, code in FAULTS:
            try:
                list(FrameReader(BYTES_MAX).feed(raw + bytes(8)))
            except BadFrame as fault:
                self.assertLess(len(encode_close(fault.code, fault.why)), 127, what)
                self.assertEqual(fault.code, code)


class Writing(unittest.TestCase):
    def test_the_examples_of_the_rfc_are_written(self) -> None:
        self.assertEqual(encode_frame(Opcode.TEXT, b"Hello").hex(), "810548656c6c6f")
        self.assertEqual(encode_frame(Opcode.PING, b"Hello").hex(), "890548656c6c6f")
        for size, head in ((256, "817e0100"), (65_536, "817f0000000000010000")):
            self.assertEqual(encode_frame(Opcode.TEXT, bytes(size)).hex(), head + "00" * size)

    def test_the_shortest_length_is_chosen(self) -> None:
        sizes = {125: 2, 126: 4, 65_535: 4, 65_536: 10}
        heads = {size: len(encode_frame(Opcode.TEXT, bytes(size))) - size for size in sizes}
        self.assertEqual(heads, sizes)

    def test_a_close_says_code_and_words(self) -> None:
        self.assertEqual(encode_close(1001, "bridge stopped"), b"\x88\x10\x03\xe9bridge stopped")
        self.assertEqual(encode_close(CloseCode.NONE_GIVEN), b"\x88\x00")


class RandomStreams(unittest.TestCase):
    def test_random_conversations_are_understood_in_any_pieces(self) -> None:
        random = chance("frames")
        for number in range(STREAMS):
            raw, said = conversation(random)
            self.assertEqual(heard(cut(random, raw)), (said, 0), number)

    def test_random_damage_ends_the_same_way_in_any_pieces(self) -> None:
        random = chance("damage")
        for number in range(STREAMS):
            raw = bytearray(conversation(random)[0] if number % 4 else random.randbytes(60))
            for _ in range(random.randint(1, 3)):
                at = random.randrange(len(raw))
                raw[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
            ended = heard([bytes(raw)], 500)
            self.assertEqual(heard(cut(random, bytes(raw)), 500), ended, number)
            self.assertIn(ended[1], (0, 1002, 1003, 1007, 1009))


def conversation(random: Random) -> tuple[bytes, list[Heard]]:
    """Return frames and what they say: messages in pieces, control frames between them."""
    raw, said = b"", []
    for _ in range(random.randint(1, 4)):
        text = "".join(random.choices(LETTERS, k=random.choice((0, 1, 20, 200))))
        rest, opcode = text.encode(), TEXT
        while random.random() < 0.4:
            size = random.randint(0, len(rest))
            raw += frame(opcode, rest[:size], final=False, mask=random.randbytes(4))
            rest, opcode = rest[size:], CONTINUATION
            if random.random() < 0.5:
                payload, kind = (
                    random.randbytes(random.randint(0, 125)),
                    random.choice((Ping, Pong)),
                )
                raw += frame(PING if kind is Ping else PONG, payload)
                said.append(kind(payload))
        raw += frame(opcode, rest, mask=random.randbytes(4))
        said.append(Message(text))
    return raw, said


if __name__ == "__main__":
    unittest.main()
