"""Bodies in every framing: whole, byte by byte, cut at every byte, and malformed."""

import unittest

from support import LONG, chance

from codex_oss.errors import UpstreamError, UpstreamTruncated
from codex_oss.upstream.framing import CHUNK_LINE_BYTES_MAX, Chunked, Counted, framing_of

PIECES = (b"data: 1\n\n", b"x", b"\r\n\r\n0\r\n\r\n", bytes(range(256)), b"y" * 5000)
MALFORMED = (
    b"g\r\nx",
    b"-1\r\nx",
    b"+1\r\nx\r\n",
    b"0x1\r\nx\r\n",
    b"1_0\r\n",
    b" 1\r\nx\r\n",
    b"\r\nx",
    b"1\nx\r\n",
    b"1\r\nxy\r\n",
    b"1\r\nx\n\n",
    b"123456789\r\n",
    b"1;" + b"e" * CHUNK_LINE_BYTES_MAX,
    b"0\r\n" + b"t: x\r\n" * 4000,
)


def chunked(pieces: tuple[bytes, ...], trailer: bytes = b"") -> bytes:
    sized = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return sized + b"0\r\n" + trailer + b"\r\n"


class ChunkedBodies(unittest.TestCase):
    def test_a_body_is_the_same_in_whatever_pieces_it_comes(self) -> None:
        random = chance("chunks")
        wire = chunked(PIECES, b"X-Checksum: 1\r\n")
        splits = [[], list(range(len(wire)))]
        splits += [
            sorted(random.choices(range(len(wire)), k=random.randrange(9)))
            for _ in range(3000 if LONG else 100)
        ]
        for places in splits:
            framing = Chunked()
            ends = zip([0, *places], [*places, len(wire)], strict=True)
            body = b"".join(framing.feed(wire[start:end]) for start, end in ends)
            self.assertEqual((body, framing.is_over), (b"".join(PIECES), True), places)
            framing.close()

    def test_plain_chunks_are_the_same_read_at_once_and_one_by_one(self) -> None:
        random = chance("plain chunks")
        for _ in range(2000 if LONG else 100):
            sizes = random.choices((1, 2, 15, 16, 255, 300), k=random.randrange(1, 30))
            pieces = tuple(random.choice((b"x", b"\r", b"\n")) * size for size in sizes)
            wire = chunked(pieces) + random.choice((b"", b"rest"))
            one_by_one, at_once, middle = Chunked(), Chunked(), random.randrange(len(wire))
            singly = b"".join(one_by_one.feed(wire[at : at + 1]) for at in range(len(wire)))
            body = at_once.feed(wire[:middle]) + at_once.feed(wire[middle:])
            self.assertEqual((body, at_once.is_over), (b"".join(pieces), True))
            self.assertEqual(body, singly)

    def test_bytes_of_an_unfinished_chunk_do_not_wait_for_its_end(self) -> None:
        self.assertEqual(Chunked().feed(b"ff\r\ndata: 1\n\n"), b"data: 1\n\n")

    def test_a_cut_at_every_byte_raises(self) -> None:
        wire = chunked((b"data: 1\n\n", b"data: 2\n\n"), b"A: b\r\n")
        for length in range(len(wire)):
            framing = Chunked()
            framing.feed(wire[:length])
            with self.assertRaises(UpstreamTruncated, msg=str(length)):
                framing.close()

    def test_extensions_are_read_over(self) -> None:
        self.assertEqual(Chunked().feed(b"1;a=b\r\nx\r\n1 \r\ny\r\n0\r\n\r\n"), b"xy")

    def test_what_is_not_a_chunk_raises_whole_and_byte_by_byte(self) -> None:
        for wire in MALFORMED:
            for step in (1, len(wire)):
                framing = Chunked()
                with self.subTest(wire[:20], step=step), self.assertRaises(UpstreamTruncated):
                    for at in range(0, len(wire), step):
                        framing.feed(wire[at : at + step])


class OtherBodies(unittest.TestCase):
    def test_a_counted_body_ends_with_its_last_byte(self) -> None:
        framing = Counted(5)
        self.assertEqual(framing.feed(b"abc"), b"abc")
        with self.assertRaisesRegex(UpstreamTruncated, "2 bytes too early"):
            framing.close()
        self.assertEqual((framing.feed(b"defg"), framing.is_over), (b"de", True))
        framing.close()

    def test_headers_say_how_the_body_ends(self) -> None:
        kinds = (
            ({"transfer-encoding": "Chunked ", "content-length": "3"}, "Chunked"),
            ({"content-length": "3"}, "Counted"),
            ({"content-length": "0"}, "Counted"),
            ({}, "UntilClosed"),
        )
        for headers, kind in kinds:
            self.assertEqual(type(framing_of(headers)).__name__, kind)
        self.assertTrue(framing_of({"content-length": "0"}).is_over)

    def test_headers_that_no_body_can_have_raise(self) -> None:
        bad = [{"transfer-encoding": "gzip, chunked"}]
        bad += [{"content-length": n} for n in ("-1", "1_0", "+1", "1, 1", "\u0661", "9" * 16)]
        for headers in bad:
            with self.subTest(headers), self.assertRaises(UpstreamError):
                framing_of(headers)


if __name__ == "__main__":
    unittest.main()
