"""The strict request head: each case whole, byte by byte, and with bytes that follow it."""

import unittest

from support import LONG, chance

from codex_oss.errors import BridgeError
from codex_oss.server.head import (
    FIELD_LINE_BYTES_MAX,
    FIELDS_MAX,
    HEAD_BYTES_MAX,
    REQUEST_LINE_BYTES_MAX,
    HeadReader,
    RequestHead,
)

HOST = b"Host: 127.0.0.1:4000\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST


def head_of(
    method: str = "GET", path: str = "/", query: str = "", length: int = 0, **changes
) -> RequestHead:
    headers = {"host": "127.0.0.1:4000"} | changes.pop("headers", {})
    return RequestHead(method, path, query, headers, False, length, changes.get("chunked", False))


GOOD = {
    GET: head_of(),
    b"GET /v1/models?a=1&b HTTP/1.1\r\n" + HOST: head_of(path="/v1/models", query="a=1&b"),
    b"GET /v1/models/ HTTP/1.1\r\n" + HOST: head_of(path="/v1/models"),
    b"GET /a%2Fb//c HTTP/1.1\r\n" + HOST: head_of(path="/a%2Fb//c"),
    b"brew /pot HTTP/1.1\r\n" + HOST: head_of("brew", "/pot"),
    b"GET http://127.0.0.1:4000/x?y HTTP/1.1\r\n" + HOST: head_of(path="/x", query="y"),
    b"GET HTTP://127.0.0.1:4000 HTTP/1.1\r\n" + HOST: head_of(),
    b"GET http://127.0.0.1:4000?q HTTP/1.1\r\n" + HOST: head_of(query="q"),
    GET + b"X-A:  b c \t\r\nX-E:\r\n": head_of(headers={"x-a": "b c", "x-e": ""}),
    GET + b"X-A: 1\r\nx-a: 2\r\n": head_of(headers={"x-a": "1, 2"}),
    GET + b"X-A: caf\xc3\xa9\r\n": head_of(headers={"x-a": "caf\u00c3\u00a9"}),
    POST + b"Content-Length: 007\r\n": head_of("POST", length=7, headers={"content-length": "007"}),
    POST + b"Transfer-Encoding: Chunked\r\n": head_of(
        "POST", headers={"transfer-encoding": "Chunked"}, chunked=True
    ),
    b"GET / HTTP/1.0\r\n": RequestHead("GET", "/", "", {}, True, 0, False),
}

BAD = {
    "HTTP/0.9": (b"GET /\r\n", 400),
    "an empty line first": (b"", 400),
    "another version": (b"GET / HTTP/2.0\r\n" + HOST, 400),
    "lower-case http": (b"GET / http/1.1\r\n" + HOST, 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST, 400),
    "a tab for a space": (b"GET\t/ HTTP/1.1\r\n" + HOST, 400),
    "a space at the end": (b"GET / HTTP/1.1 \r\n" + HOST, 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\n" + HOST, 400),
    "UTF-8 in the target": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST, 400),
    "a fragment": (b"GET /a#b HTTP/1.1\r\n" + HOST, 400),
    "asterisk form": (b"OPTIONS * HTTP/1.1\r\n" + HOST, 400),
    "authority form": (b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST, 400),
    "https": (b"GET https://127.0.0.1:4000/ HTTP/1.1\r\n" + HOST, 400),
    "another host in the target": (b"GET http://example.com/ HTTP/1.1\r\n" + HOST, 400),
    "a user in the target": (b"GET http://a@127.0.0.1:4000/ HTTP/1.1\r\n" + HOST, 400),
    "no host": (b"GET / HTTP/1.1\r\n", 400),
    "bare LF after the request line": (b"GET / HTTP/1.1\n" + HOST, 400),
    "bare LF after a header": (GET + b"A: b\n", 400),
    "bare CR in a value": (GET + b"A: b\rC: d\r\n", 400),
    "a folded line": (GET + b"A: b\r\n c\r\n", 400),
    "a folded first line": (b"GET / HTTP/1.1\r\n Host: 127.0.0.1:4000\r\n", 400),
    "space before the colon": (GET + b"A : b\r\n", 400),
    "tab before the colon": (GET + b"A\t: b\r\n", 400),
    "no name": (GET + b": b\r\n", 400),
    "no colon": (GET + b"A\r\n", 400),
    "a control character in a name": (GET + b"A\x01: b\r\n", 400),
    "a non-ASCII name": (GET + b"\xc3\xa9: b\r\n", 400),
    "NUL in a value": (GET + b"A: \0\r\n", 400),
    "DEL in a value": (GET + b"A: \x7f\r\n", 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    "two equal lengths": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
    "a list of lengths": (POST + b"Content-Length: 5, 5\r\n", 400),
    "+5": (POST + b"Content-Length: +5\r\n", 400),
    "-5": (POST + b"Content-Length: -5\r\n", 400),
    "5_0": (POST + b"Content-Length: 5_0\r\n", 400),
    "superscript two": (POST + b"Content-Length: \xb2\r\n", 400),
    "hexadecimal": (POST + b"Content-Length: 0x5\r\n", 400),
    "an empty length": (POST + b"Content-Length:\r\n", 400),
    "a length of 5,000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n", 400),
    "a bad length on GET": (GET + b"Content-Length: x\r\n", 400),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
    "two codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n", 501),
    "chunked twice": (POST + b"Transfer-Encoding: chunked\r\n" * 2, 501),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n", 501),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n", 501),
    "a POST without a length": (POST, 411),
}

LINE, FIELD = REQUEST_LINE_BYTES_MAX - len("GET / HTTP/1.1"), FIELD_LINE_BYTES_MAX - len("A: ")
AT_THE_LIMIT = (
    b"GET /" + b"a" * LINE + b" HTTP/1.1\r\n" + HOST,
    GET + b"A: " + b"a" * FIELD + b"\r\n",
    GET + b"A: b\r\n" * (FIELDS_MAX - 1),
)
OVER_THE_LIMIT = {
    "request line": (b"GET /" + b"a" * (LINE + 1) + b" HTTP/1.1\r\n" + HOST, 414),
    "unfinished request line": (b"a" * (REQUEST_LINE_BYTES_MAX + 2), 414),
    "header line": (GET + b"A: " + b"a" * (FIELD + 1) + b"\r\n", 431),
    "unfinished header line": (GET + b"A: " + b"a" * (FIELD + 3), 431),
    "headers": (GET + b"A: b\r\n" * FIELDS_MAX, 431),
    "all together": (
        GET + (b"A: " + b"a" * 60_000 + b"\r\n") * (HEAD_BYTES_MAX // 60_000 + 1),
        431,
    ),
}


def outcome(*pieces: bytes) -> tuple[RequestHead | int | None, bytes]:
    """Return the head or the status of the refusal, and what was left over."""
    reader, head = HeadReader(), None
    try:
        for piece in pieces:
            assert head is None
            head = reader.feed(piece)
    except BridgeError as error:
        return error.http_status, b""
    return head, reader.rest


def byte_by_byte(raw: bytes) -> list[bytes]:
    return [raw[at : at + 1] for at in range(len(raw))]


class Head(unittest.TestCase):
    def test_a_good_head_has_one_reading_however_it_arrives(self) -> None:
        for raw, expected in GOOD.items():
            with self.subTest(raw):
                whole = raw + b"\r\n"
                self.assertEqual(outcome(whole), (expected, b""))
                self.assertEqual(outcome(*byte_by_byte(whole)), (expected, b""))
                self.assertEqual(outcome(whole + b"GET \r\n\r\n\n"), (expected, b"GET \r\n\r\n\n"))
                self.assertEqual(outcome(whole[:-1]), (None, b""))

    def test_a_bad_head_is_refused_however_it_arrives(self) -> None:
        for name, (raw, status) in BAD.items():
            with self.subTest(name):
                self.assertEqual(outcome(raw + b"\r\n"), (status, b""))
                self.assertEqual(outcome(raw + b"\r\nrest"), (status, b""))
                if len(raw) < 1000:
                    head, reader = None, HeadReader()
                    with self.assertRaises(BridgeError) as refusal:
                        for piece in byte_by_byte(raw + b"\r\n"):
                            self.assertIsNone(head)
                            head = reader.feed(piece)
                    self.assertEqual(refusal.exception.http_status, status)

    def test_the_limits_hold_to_the_byte(self) -> None:
        for raw in AT_THE_LIMIT:
            self.assertIsInstance(outcome(raw + b"\r\n")[0], RequestHead, raw[:40])
        for name, (raw, status) in OVER_THE_LIMIT.items():
            with self.subTest(name):
                self.assertEqual(outcome(raw)[0], status)

    def test_a_bare_line_feed_is_refused_before_the_head_ends(self) -> None:
        self.assertEqual(outcome(b"GET / HTTP/1.1\n"), (400, b""))

    def test_close_is_wanted_by_http_1_0_and_by_the_option(self) -> None:
        for raw, wanted in (
            (GET, False),
            (GET + b"Connection: keep-alive\r\n", False),
            (GET + b"Connection: Upgrade, Close\r\n", True),
            (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True),
        ):
            head, _ = outcome(raw + b"\r\n")
            self.assertEqual(head.wants_close, wanted, raw)

    def test_continue_is_expected_by_exactly_that_word_in_http_1_1(self) -> None:
        for raw, expected in (
            (GET, False),
            (GET + b"Expect: 100-Continue\r\n", True),
            (GET + b"Expect: 100-continue\r\nExpect: 100-continue\r\n", False),
            (b"GET / HTTP/1.0\r\nExpect: 100-continue\r\n", False),
        ):
            head, _ = outcome(raw + b"\r\n")
            self.assertEqual(head.expects_continue, expected, raw)

    def test_random_bytes_are_a_head_or_a_refusal_and_the_cut_does_not_matter(self) -> None:
        random = chance("head")
        words = [*b"\r\n :\t\x00\xff/", *map(ord, "GETHTTP/1.1aZ0")]
        for _ in range(20_000 if LONG else 1_000):
            start = random.choice((b"", GET, POST))
            raw = start + bytes(random.choices(words, k=random.randrange(60))) + b"\r\n\r\n"
            at = random.randrange(len(raw))
            status_or_head, rest = outcome(raw)
            if isinstance(status_or_head, RequestHead) and at < len(raw) - len(rest):
                self.assertEqual(outcome(raw[:at], raw[at:]), (status_or_head, rest), raw)


if __name__ == "__main__":
    unittest.main()
