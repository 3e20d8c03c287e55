"""Asking our own daemon: only ours, never for long, and no key for a stranger."""

import json
import re
import socket
import threading
import time
import unittest
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from support import ROOT  # noqa: F401  Puts the checkout on the path.
from support.served import KEY, served, streaming, until

from codex_oss.errors import BadRequest, Refused
from codex_oss.server import (
    HttpReply,
    HttpRequest,
    Reply,
    Route,
    StreamEvent,
    ask,
    health_proof,
    prove,
    stream,
)

HOST = "127.0.0.1"
SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


Answer = Callable[[bytes, int], Iterable[bytes]]  # Request and own port to pieces of a reply.


@contextmanager
def program(answer: Answer, *, holds: bool = False) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a program that answers like this, and what it heard."""
    heard: list[bytes] = []
    over = threading.Event()

    def serve() -> None:
        while True:
            client, _ = server.accept()
            with client:
                if over.is_set():
                    return
                heard.append(client.recv(65_536))
                with suppress(OSError):
                    for piece in answer(heard[-1], server.getsockname()[1]):
                        client.sendall(piece)
                        time.sleep(0.01)
                over.wait(5 if holds else 0)

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            over.set()
            socket.create_connection(server.getsockname()).close()
            thread.join(5)


def stranger(*pieces: bytes, holds: bool = False):
    return program(lambda request, port: pieces, holds=holds)


def prover(proof: Callable[[str, int], bytes], *pieces: bytes):
    """Return a program that answers a challenge with `proof`, and then with these bytes."""

    def answer(request: bytes, port: int) -> Iterable[bytes]:
        if challenge := re.search(rb"challenge=([0-9a-f]{32})", request):
            return [whole(proof(challenge[1].decode(), port))]
        return pieces

    return program(answer)


def proof_of(challenge: str, port: int) -> bytes:
    return b'{"ok":true,"proof":"%s"}' % health_proof(KEY, challenge, port).encode()


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


NOT_OURS = {
    "nothing": b"",
    "another protocol": b"220 smtp.test ESMTP\r\n",
    "no version": b"HTTP 200 OK\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a cut body": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 60_000,
    "a huge body": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
}


class Asking(unittest.TestCase):
    def test_our_daemon_is_asked_with_and_without_a_key(self) -> None:
        with served() as server:
            for host in (HOST, "localhost", "::1"):
                self.assertEqual(ask(host, server.port, "GET", "/healthz").body, b'{"ok":true}')
            reply = ask(HOST, server.port, "POST", "/v1/responses", key=KEY, body={"a": "\u00e9"})
            self.assertEqual(json.loads(json.loads(reply.body)["body"]), {"a": "\u00e9"})
            self.assertEqual(reply.headers["connection"], "close")
            self.assertEqual(ask(HOST, server.port, "GET", "/v1/models").status, 401)
            self.assertEqual(ask(HOST, server.port, "HEAD", "/v1/models", key=KEY).body, b"")
            self.assertEqual(ask(HOST, server.port, "POST", "/admin", key=KEY).status, 404)

    def test_a_reply_may_come_in_pieces(self) -> None:
        raw = whole(b"hello")
        with stranger(*(raw[at : at + 1] for at in range(len(raw)))) as (port, _):
            expected = Reply(200, {"content-length": "5"}, b"hello")
            self.assertEqual(ask(HOST, port, "GET", "/"), expected)

    def test_whatever_is_not_ours_is_an_os_error(self) -> None:
        for name, raw in NOT_OURS.items():
            with self.subTest(name), stranger(raw) as (port, _), self.assertRaises(OSError):
                ask(HOST, port, "GET", "/")
        with self.assertRaises(ConnectionRefusedError):
            ask(HOST, _free_port(), "GET", "/")

    def test_no_stranger_is_waited_for(self) -> None:
        for pieces in ((), (b"HTTP/1.1 200 OK\r\n",), (b"H",) * 60):
            with stranger(*pieces, holds=True) as (port, _):
                started = time.monotonic()
                with self.assertRaises(TimeoutError):
                    ask(HOST, port, "GET", "/", seconds=0.3)
                self.assertLess(time.monotonic() - started, 0.6)


class Proving(unittest.TestCase):
    def test_only_the_right_key_is_proved(self) -> None:
        with served() as server:
            self.assertTrue(prove(HOST, server.port, KEY))
            self.assertFalse(prove(HOST, server.port, KEY + "x"))
        with self.assertRaises(ConnectionRefusedError):
            prove(HOST, _free_port(), KEY)

    def test_a_stranger_proves_nothing_and_never_hears_the_key(self) -> None:
        proofs = [b"", *NOT_OURS.values(), whole(b'{"ok":true}'), whole(b'{"ok":true,"proof":""}')]
        for raw in proofs:
            with self.subTest(raw[:60]), stranger(raw) as (port, heard):
                self.assertFalse(prove(HOST, port, KEY))
                with self.assertRaises(ConnectionError):
                    ask(HOST, port, "POST", "/admin/shutdown", key=KEY)
                with self.assertRaises(ConnectionError):
                    next(stream(HOST, port, "/v1/responses", key=KEY, body={}))
                self.assertNotIn(KEY.encode(), b"".join(heard))
                self.assertEqual(len(heard), 3)

    def test_a_proof_is_for_one_challenge_one_port_and_nothing_else(self) -> None:
        with prover(proof_of) as (port, _):
            self.assertTrue(prove(HOST, port, KEY))
        for lie in (
            lambda challenge, port: proof_of("0" * 32, port),
            lambda challenge, port: proof_of(challenge, port + 1),
            lambda challenge, port: proof_of(challenge, port).replace(b"}", b',"more":1}'),
        ):
            with prover(lie) as (port, _):
                self.assertFalse(prove(HOST, port, KEY))


class Streaming(unittest.TestCase):
    def test_events_arrive_as_they_are_written(self) -> None:
        go = threading.Event()

        def events(request: HttpRequest) -> Iterator[list[str]]:
            yield ["one", "two"]
            go.wait(5)
            yield ["x" * 200_000, "[DONE]"]

        with served(streaming(events)) as server:
            came = stream(HOST, server.port, "/v1/responses", key=KEY, body={})
            self.assertEqual(next(came), StreamEvent("line", "one"))
            self.assertEqual(next(came), StreamEvent("line", "two"))
            go.set()
            self.assertEqual([event.data[-6:] for event in came], ["xxxxxx", "[DONE]"])

    def test_leaving_hangs_up(self) -> None:
        ends: list[str] = []

        def events(request: HttpRequest) -> Iterator[list[str]]:
            try:
                while True:
                    time.sleep(0.01)
                    yield ["more"]
            finally:
                ends.append("closed")

        with served(streaming(events)) as server:
            came = stream(HOST, server.port, "/v1/responses", key=KEY, body={})
            next(came)
            came.close()
            self.assertTrue(until(lambda: ends == ["closed"]))

    def test_a_refusal_is_raised_in_its_own_words(self) -> None:
        def refuse(request: HttpRequest) -> HttpReply:
            raise BadRequest("no model", hint="name one", code="model_not_found")

        with served(Route("POST", "/v1/responses", refuse)) as server:
            with self.assertRaises(Refused) as refusal:
                next(stream(HOST, server.port, "/v1/responses", key=KEY, body={}))
        self.assertEqual(refusal.exception.message, "no model. Hint: name one")
        self.assertEqual(refusal.exception.code, "model_not_found")

    def test_a_cut_stream_is_an_error_after_its_last_whole_event(self) -> None:
        for cut in (b"event: a\ndata: b", b"data: \xff\n\n", b"data: " + b"x" * 9_000_000):
            with prover(proof_of, SSE_HEAD + b"data: whole\n\n", cut) as (port, _):
                came = stream(HOST, port, "/v1/responses", key=KEY, body={})
                self.assertEqual(next(came), StreamEvent("", "whole"))
                with self.assertRaises(ConnectionError):
                    next(came)

    def test_another_reply_than_a_stream_is_an_error(self) -> None:
        for body in (b"{}", b'{"error":1}', b"[" * 100_000, b"\xff"):
            with prover(proof_of, whole(body)) as (port, _), self.assertRaises(ConnectionError):
                next(stream(HOST, port, "/v1/responses", key=KEY, body={}))

    def test_comments_are_not_events(self) -> None:
        with prover(proof_of, SSE_HEAD + b": alive\n\ndata: [DONE]\n\n: bye\n\n") as (port, _):
            came = stream(HOST, port, "/v1/responses", key=KEY, body={})
            self.assertEqual(list(came), [StreamEvent("", "[DONE]")])


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
