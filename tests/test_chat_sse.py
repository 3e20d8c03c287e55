"""Server-sent events of a provider, in every way that they can be framed and cut."""

import unittest

from support import chance

from codex_oss.chat import SseDecoder
from codex_oss.errors import UpstreamError

FRAMINGS = (  # What is sent, what it says.
    (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    (b"data:a\r\n\r\ndata:  b\r\n\r\n", [b"a", b" b"]),
    (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
    (b"data: a\ndata: b\ndata:c\n\n", [b"a\nb\nc"]),
    (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
    (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    (b": comment\n\ndata: a\n: comment\n\n", [b"a"]),
    (b"event: x\nid: 7\nretry: 1\ndata: a\n\nevent: only\n\n", [b"a"]),
    (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    (b"data: \xef\xbb\xbf\n\n", [b"\xef\xbb\xbf"]),
    (b"data: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    (b"data\n\ndata:\n\ndatum: x\n\ndata: a\n\n", [b"a"]),
    ("data: \u6f22\U0001f600\n\n".encode(), ["\u6f22\U0001f600".encode()]),
    (b"data: whole\n\ndata: no blank line", [b"whole", b"no blank line"]),
    (b"data: whole\n\ndata: one line end\n", [b"whole", b"one line end"]),
    (b"", []),
)


def payloads(reads: list[bytes]) -> list[bytes]:
    decoder = SseDecoder()
    return [payload for data in reads for payload in decoder.feed(data)] + decoder.finish()


class Sse(unittest.TestCase):
    def test_every_framing_says_the_same_whole_byte_by_byte_and_cut_in_two(self) -> None:
        for stream, said in FRAMINGS:
            with self.subTest(stream):
                self.assertEqual(payloads([stream]), said)
                self.assertEqual(payloads([bytes([byte]) for byte in stream]), said)
                for cut in range(len(stream)):
                    self.assertEqual(payloads([stream[:cut], b"", stream[cut:]]), said, cut)

    def test_line_ends_do_not_matter_to_random_streams(self) -> None:
        random = chance("sse")
        lines = ["data: a", "data:b", ": c", "event: d", "", "", "data:  e"]
        for _ in range(200):
            text = "\n".join(random.choices(lines, k=random.randrange(12))) + "\n\n"
            ends = {payloads_of(text, end) for end in ("\n", "\r", "\r\n")}
            self.assertEqual(len(ends), 1, text)

    def test_a_lone_event_is_there_as_soon_as_its_blank_line_is(self) -> None:
        for end in (b"\n", b"\r", b"\r\n"):
            decoder = SseDecoder()
            self.assertEqual(decoder.feed(b"data: a" + end), [])
            self.assertEqual(decoder.feed(end), [b"a"])

    def test_an_event_without_end_is_refused_before_it_fills_the_memory(self) -> None:
        decoder = SseDecoder()
        with self.assertRaisesRegex(UpstreamError, "8 MiB"):
            for _ in range(200):
                decoder.feed(b"x" * 65_536)


def payloads_of(text: str, end: str) -> tuple[bytes, ...]:
    stream = text.replace("\n", end).encode()
    return tuple(payloads([stream[:7], stream[7:]]))


if __name__ == "__main__":
    unittest.main()
