"""Bodies by length and by chunks: each whole, byte by byte, and with bytes that follow it."""

import unittest

from support import LONG, chance

from codex_oss.errors import BridgeError
from codex_oss.server.bodies import Body, ChunkedBody, CountedBody

BYTES_MAX = 1000
GOOD_CHUNKS = {
    b"0\r\n\r\n": b"",
    b"5\r\nhello\r\n0\r\n\r\n": b"hello",
    b"00000005\r\nhello\r\n1\r\n!\r\n00\r\n\r\n": b"hello!",
    b"9\r\n\r\n0\r\n\r\nab\r\n0\r\n\r\n": b"\r\n0\r\n\r\nab",
    b"3E8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n": b"x" * 1000,
}
BAD_CHUNKS = {
    "an extension": (b"5;a=b\r\nhello\r\n0\r\n\r\n", 400),
    "a space after the size": (b"5 \r\nhello\r\n0\r\n\r\n", 400),
    "a space before the size": (b" 5\r\nhello\r\n0\r\n\r\n", 400),
    "a sign": (b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "0x": (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "an underscore": (b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", 400),
    "no digit": (b"\r\nhello\r\n0\r\n\r\n", 400),
    "nine digits": (b"000000005\r\nhello\r\n0\r\n\r\n", 400),
    "a size of 64 bits": (b"ffffffffffffffff\r\n", 400),
    "bare LF after the size": (b"5\nhello\r\n0\r\n\r\n", 400),
    "bare LF after the chunk": (b"5\r\nhello\n0\r\n\r\n", 400),
    "a chunk that is longer": (b"5\r\nhello!\r\n0\r\n\r\n", 400),
    "a trailer": (b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n", 400),
    "a size over the limit": (b"ffffffff\r\n", 413),
    "one byte too many": (b"3e9\r\n", 413),
    "one byte too many in all": (b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\n", 413),
}


def outcome(body: Body, *pieces: bytes) -> tuple[bytes, bytes] | int | None:
    """Return body and rest, the status of the refusal, or None while something is missing."""
    is_whole = False
    try:
        for piece in pieces:
            assert not is_whole
            is_whole = body.feed(piece)
    except BridgeError as error:
        return error.http_status
    return (bytes(body.gathered), body.rest) if is_whole else None


def chunked(*pieces: bytes) -> tuple[bytes, bytes] | int | None:
    return outcome(ChunkedBody(BYTES_MAX), *pieces)


def byte_by_byte(raw: bytes) -> list[bytes]:
    return [raw[at : at + 1] for at in range(len(raw))]


class Bodies(unittest.TestCase):
    def test_chunks_are_joined_however_they_arrive(self) -> None:
        for raw, body in GOOD_CHUNKS.items():
            with self.subTest(raw[:40]):
                self.assertEqual(chunked(raw), (body, b""))
                self.assertEqual(chunked(*byte_by_byte(raw)), (body, b""))
                self.assertEqual(chunked(raw + b"GET /"), (body, b"GET /"))
                self.assertEqual(chunked(b"", raw[:-1]), None)

    def test_other_chunks_are_refused_however_they_arrive(self) -> None:
        for name, (raw, status) in BAD_CHUNKS.items():
            with self.subTest(name):
                self.assertEqual(chunked(raw), status)
                self.assertEqual(chunked(*byte_by_byte(raw)), status)

    def test_a_bad_size_is_refused_at_its_first_bad_byte(self) -> None:
        for raw in (b"5;", b"x", b"5\n", b"123456789", b"5\rx", b"\n"):
            self.assertEqual(chunked(raw), 400, raw)

    def test_random_chunks_give_their_bytes_back_at_every_cut(self) -> None:
        random = chance("chunks")
        for _ in range(2_000 if LONG else 100):
            parts = [random.randbytes(random.randint(1, 40)) for _ in range(random.randrange(5))]
            sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            for at in range(len(sent)):
                self.assertEqual(chunked(sent[:at], sent[at:]), (b"".join(parts), b""), sent)

    def test_a_length_takes_so_many_bytes_and_leaves_the_rest(self) -> None:
        self.assertEqual(outcome(CountedBody(5), b"hel", b"loGET /"), (b"hello", b"GET /"))
        self.assertEqual(outcome(CountedBody(5), *byte_by_byte(b"hello")), (b"hello", b""))
        self.assertEqual(outcome(CountedBody(5), b"hell"), None)


if __name__ == "__main__":
    unittest.main()
