"""A real `python3 bridge.py` and bytes that can be read in two ways (bridge 3), from outside."""

import socket
import threading
import unittest
from collections.abc import Iterator

from support import LONG
from support.attacks import Attack
from support.served import read_all

SMUGGLED = b'{"model": "scripted", "input": "smuggled"}'


class Smuggling(Attack):
    """Two readers of one stream of bytes must not find two different requests in it."""

    def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(self) -> None:
        inner = self.head("POST", "/v1/responses", SMUGGLED)
        head = self.head(
            "POST", "/v1/responses", b"", Content_Length=None, Connection="keep-alive"
        ).removesuffix(b"\r\n")
        for status, lines, body in smuggling(len(inner)):
            with self.subTest(lines + body[:20]):
                [answer] = self.raw(head + lines + b"\r\n" + body + inner)
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.headers["connection"], "close")

    def test_a_head_that_is_no_head_is_refused(self) -> None:
        good = self.head("POST", "/v1/responses", SMUGGLED, Connection="keep-alive")
        inner = self.head("POST", "/v1/responses", SMUGGLED)
        for raw in (
            good.replace(b"\r\n", b"\n"),
            good.replace(b"\r\n", b"\r"),
            good.replace(b"Host:", b"Host\0:"),
            good.replace(b"Host:", b"Host :"),
            good.replace(b"Host:", b"\tHost:"),
            good.replace(b"Host:", b": x\r\nHost:"),
            good.replace(b"Host:", b"X: a\0b\r\nHost:"),
            good.replace(b"Host:", b"X: a\rb\r\nHost:"),
            good.replace(b"Host:", b"X\xc3\xa9: a\r\nHost:"),
            good.replace(b"Host:", b"Host: 127.0.0.1\r\n folded\r\nX:"),
            good.replace(b" HTTP/1.1", b""),
            good.replace(b" HTTP/1.1", b" HTTP/2.0"),
            good.replace(b" HTTP/1.1", b" HTTP/1.1 "),
            good.replace(b" HTTP/1.1", b" http/1.1"),
            good.replace(b"POST ", b"POST  "),
            good.replace(b"POST /", b"POST \t/"),
            good.replace(b"POST ", b"PO ST "),
            good.replace(b"/v1/responses", b"/v1/resp\0nses"),
            good.replace(b"/v1/responses", b"/v1/responses#x"),
            good.replace(b"/v1/responses", b"v1/responses"),
            good.replace(b"/v1/responses", b"*"),
            good.replace(b"/v1/responses", b"http://evil.example/v1/responses"),
            good.replace(b"POST /v1/responses", b"CONNECT 127.0.0.1:22"),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"\r\n" + good,
        ):
            with self.subTest(raw[:60]):
                [answer] = self.raw(raw + inner)
                self.assertEqual((answer.status, answer.headers["connection"]), (400, "close"))

    def test_a_body_is_never_run_as_a_request(self) -> None:
        inner = self.head("POST", "/v1/responses", SMUGGLED)
        for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PATCH"):
            outer = self.head(method, "/v1/models", inner, Connection="keep-alive")
            with self.subTest(method), self.bridge.client.send(outer) as client:
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(client).count(b"HTTP/1.1 "), 1)

    def test_another_protocol_is_not_changed_to(self) -> None:
        settings = {"HTTP2_Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
        for upgrade in ("h2c", "HTTP/2.0", "TLS/1.2", "websocket, h2c", "WEBSOCKET"):
            for method, path, status in (
                ("GET", "/v1/models", 200),
                ("GET", "/v1/responses", 426 if "socket" in upgrade.lower() else 405),
            ):
                answer = self.bridge.client.ask(
                    method, path, None, Upgrade=upgrade, Connection="Upgrade, close", **settings
                )
                self.assertEqual(answer.status, status, (upgrade, path))

    def test_a_thousand_pipelined_requests_are_a_thousand_answers(self) -> None:
        one = self.head("GET", "/v1/models/rehearsal", None, Connection=None)
        count = 1000 if LONG else 200
        with self.bridge.client.send(b"") as client:
            sender = threading.Thread(target=client.sendall, args=(one * count,))
            sender.start()
            came = b""
            while came.count(b'"owned_by"') < count:
                came += client.recv(65_536)
            sender.join()
        self.assertEqual(came.count(b"HTTP/1.1 200 OK\r\n"), count)


def smuggling(size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield status, headers and body of what a front end and we could read differently."""
    chunked, end = b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"
    length = b"Content-Length: %d\r\n" % size
    for status, lines in (
        (400, chunked + length),
        (400, length + chunked),
        (400, length + b"Content-Length: 0\r\n"),
        (400, length * 2),
        (400, b"Content-Length: 0, %d\r\n" % size),
        (400, b"Content-Length: +5\r\n"),
        (400, b"Content-Length: -0\r\n"),
        (400, b"Content-Length: 0x5\r\n"),
        (400, b"Content-Length: 5_0\r\n"),
        (400, b"Content-Length: 5 0\r\n"),
        (400, b"Content-Length: 1e1\r\n"),
        (400, b"Content-Length: \xc2\xb2\r\n"),
        (400, b"Content-Length:\r\n"),
        (400, b"Content-Length: 9999999999999999999\r\n"),
        (400, b"Content-Length : 5\r\n"),
        (400, b"Content-Length:\r\n 5\r\n"),
        (400, b"X: y\nContent-Length: 5\r\n"),
        (400, b"X: y\rContent-Length: 5\r\n"),
        (411, b"Content_Length: 5\r\n"),
        (411, b"X-Content-Length: 5\r\n"),
        (411, b"Connection: Content-Length\r\n"),
        (400, b"Transfer-Encoding : chunked\r\n"),
        (400, b"Transfer-Encoding\t: chunked\r\n"),
        (400, b" Transfer-Encoding: chunked\r\n"),
        (400, b"Transfer-Encoding: \x0bchunked\r\n"),
        (400, b"Transfer-Encoding:\r\n chunked\r\n"),
        (400, b"X: y\nTransfer-Encoding: chunked\r\n"),
        (400, b"Transfer-Encoding: chunked\x00\r\n"),
        (501, chunked * 2),
        (501, b"Transfer-Encoding: xchunked\r\n"),
        (501, b"Transfer-Encoding: chunked, identity\r\n"),
        (501, b"Transfer-Encoding: identity, chunked\r\n"),
        (501, b"Transfer-Encoding: gzip\r\n"),
        (501, b'Transfer-Encoding: "chunked"\r\n'),
        (501, b"Transfer-Encoding:\r\n"),
        (501, b"Transfer-Encoding: chunked;q=1\r\n"),
        (411, b"Transfer_Encoding: chunked\r\n"),
    ):
        yield status, lines, b""
    for body in (
        b"0\n\r\n",
        b"5\nhello\r\n" + end,
        b"5\r\nhello\n" + end,
        b"5\r\nhello" + end,
        b"5;a=b\r\nhello\r\n" + end,
        b"5;\nhello\r\n" + end,
        b"5 \r\nhello\r\n" + end,
        b" 5\r\nhello\r\n" + end,
        b"+5\r\nhello\r\n" + end,
        b"-5\r\nhello\r\n" + end,
        b"0x5\r\nhello\r\n" + end,
        b"\r\n" + end,
        b"000000005\r\nhello\r\n" + end,
        b"5\r\nhello!\r\n" + end,
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
    ):
        yield 400, chunked, body
    yield 413, chunked, b"ffffffff\r\n"
    yield 413, b"Content-Length: 999999999999999999\r\n", b""


if __name__ == "__main__":
    unittest.main()
