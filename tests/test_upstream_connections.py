"""Connections to a provider: used again, replaced where they were closed, led through a proxy."""

import socket
import ssl
import threading
import time
import unittest
from pathlib import Path

from support import needs, scratch
from support.clocks import HandWoundClock
from support.providers import make_certificate
from support.proxies import proxy
from support.served import until

from codex_oss.deadline import Deadline
from codex_oss.errors import BadSettings, UpstreamError, UpstreamTimeout
from codex_oss.system import SystemClock
from codex_oss.upstream import IdleConnections, TransportLimits
from codex_oss.upstream.endpoint import Endpoint, parse_endpoint
from codex_oss.upstream.idle import CONNECTIONS_MAX
from codex_oss.upstream.patience import Patience
from codex_oss.upstream.proxies import Proxy, parse_proxy, proxy_for
from codex_oss.upstream.transport import Transport

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
END = b"0\r\n\r\n"
COUNTED = HEAD + b"Content-Length: 2\r\n\r\nhi"
Piece = bytes | float | None
"""Bytes to send, seconds to wait, or `None`: hang up."""


class KeepAlive:
    """A server that answers each request with its next script, on connections it keeps open."""

    def __init__(self, *scripts: tuple[Piece, ...], tls: ssl.SSLContext | None = None) -> None:
        self.scripts = list(scripts)
        self.served: list[int] = []  # Which connection each request came on.
        self.open = 0
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self) -> "KeepAlive":
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self.serve, args=(sock, number), daemon=True).start()

    def serve(self, sock: socket.socket, number: int) -> None:
        self.open += 1
        try:
            sock = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
            while self.take(sock):
                self.served.append(number)
                for piece in self.scripts.pop(0):
                    if piece is None:
                        return
                    if isinstance(piece, bytes):
                        sock.sendall(piece)
                    else:
                        time.sleep(piece)
        except OSError:
            return
        finally:
            self.open -= 1
            sock.close()

    def take(self, sock: socket.socket) -> bytes:
        """Return a whole request of these tests, b"" at the end."""
        came = b""
        while not came.endswith(b"\r\n\r\n{}") and (data := sock.recv(65536)):
            came += data
        return came


class Calls(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = HandWoundClock()

    def transport(self, server: KeepAlive, **more: object) -> Transport:
        endpoint = Endpoint("https" if server.tls else "http", "127.0.0.1", server.port, "/v1")
        made = Transport(endpoint, idle=IdleConnections(self.clock), **more)  # type: ignore[arg-type]
        self.addCleanup(made.close)
        return made

    def ask(self, transport: Transport, limits: TransportLimits | None = None) -> bytes:
        deadline = Deadline(SystemClock(), 20)
        patience = Patience("h", limits or TransportLimits(2, 2, 2, 5), deadline)
        with transport.post("/x", {}, b"{}", patience) as reply:
            return b"".join(reply.reads())


class UsedAgain(Calls):
    def test_a_connection_serves_one_call_after_the_other(self) -> None:
        scripts = [(CHUNKED, 0.02, END), (COUNTED,), (CHUNKED + END,)]
        with KeepAlive(*scripts) as server:
            transport = self.transport(server)
            self.assertEqual([self.ask(transport) for _ in scripts], [b"hi"] * 3)
        self.assertEqual(server.served, [1, 1, 1])

    def test_two_calls_at_once_have_two(self) -> None:
        with KeepAlive((COUNTED,), (COUNTED,), (COUNTED,)) as server:
            transport = self.transport(server)
            patience = Patience("h", TransportLimits(2, 2, 2, 5), Deadline(SystemClock(), 20))
            with transport.post("/x", {}, b"{}", patience) as reply:
                self.ask(transport)
                self.assertEqual(b"".join(reply.reads()), b"hi")
            self.ask(transport)
        self.assertEqual(server.served, [1, 2, 1])

    def test_what_cannot_be_used_again_is_not(self) -> None:
        closes = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi"
        older = COUNTED.replace(b"HTTP/1.1", b"HTTP/1.0")
        for first in (
            (closes,),
            (older,),
            (HEAD + b"\r\nhi", None),
            (COUNTED + b"more",),
            (COUNTED, 0.02, b"HTTP/1.1 408 Late\r\n\r\n"),
            (CHUNKED + END + b"more",),
            (COUNTED, None),
        ):
            with self.subTest(first), KeepAlive(first, (COUNTED,)) as server:
                transport = self.transport(server)
                self.assertEqual(self.ask(transport), b"hi")
                time.sleep(0.05)
                self.assertEqual(self.ask(transport), b"hi")
                self.assertEqual(server.served, [1, 2])

    def test_a_reply_whose_rest_was_not_read_is_read_before_the_next(self) -> None:
        for rest, served in ((END, [1, 1]), (b"2\r\nxx\r\n", [1, 2])):
            with KeepAlive((CHUNKED, 0.03, rest), (COUNTED,)) as server:
                transport = self.transport(server)
                patience = Patience("h", TransportLimits(2, 2, 2, 5), Deadline(SystemClock(), 20))
                with transport.post("/x", {}, b"{}", patience) as reply:
                    self.assertEqual(next(reply.reads()), b"hi")
                time.sleep(0.08)
                self.assertEqual(self.ask(transport), b"hi")
                self.assertEqual(server.served, served)

    def test_after_half_a_minute_it_is_closed(self) -> None:
        with KeepAlive((COUNTED,), (COUNTED,), (COUNTED,)) as server:
            transport = self.transport(server)
            self.ask(transport)
            self.clock.seconds += 29
            self.ask(transport)
            self.clock.seconds += 31
            self.ask(transport)
            self.assertTrue(until(lambda: server.open == 1))
            self.clock.seconds += 29
            transport.tidy()
            self.assertEqual(server.open, 1)
            self.clock.seconds += 2
            transport.tidy()
            self.assertTrue(until(lambda: server.open == 0))
        self.assertEqual(server.served, [1, 1, 2])

    def test_no_more_are_kept_than_there_is_room_for(self) -> None:
        idle = IdleConnections(self.clock)
        pairs = [socket.socketpair() for _ in range(CONNECTIONS_MAX + 3)]
        for ours, theirs in pairs:
            self.addCleanup(theirs.close)
            idle.put(ours, Done())
        self.assertEqual([ours.fileno() for ours, _ in pairs[:3]], [-1, -1, -1])
        idle.close()
        self.assertIsNone(idle.take())

    def test_a_call_that_breaks_off_leaves_none_behind(self) -> None:
        with KeepAlive((CHUNKED, 5.0), (COUNTED,)) as server:
            transport = self.transport(server)
            with self.assertRaises(UpstreamTimeout):
                self.ask(transport, TransportLimits(1, 1, 0.1, 1))
            self.assertEqual(self.ask(transport), b"hi")
        self.assertEqual(server.served, [1, 2])


class Done:
    """The framing of a reply that is over."""

    is_over, has_more = True, False

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> None: ...


class Replaced(Calls):
    def test_one_that_was_closed_meanwhile_is_replaced_once(self) -> None:
        with KeepAlive((COUNTED,), (None,), (COUNTED,)) as server:
            transport = self.transport(server)
            self.assertEqual([self.ask(transport) for _ in range(2)], [b"hi", b"hi"])
        self.assertEqual(server.served, [1, 1, 2])

    def test_a_fresh_one_that_fails_is_a_failure(self) -> None:
        with KeepAlive((COUNTED,), (None,), (None,)) as server:
            transport = self.transport(server)
            self.ask(transport)
            with self.assertRaisesRegex(UpstreamError, "hung up without an answer"):
                self.ask(transport)
        self.assertEqual(server.served, [1, 1, 2])

    def test_one_that_answers_half_or_late_is_not_asked_again(self) -> None:
        for second, error in (((b"HTTP/1.1 2", None), UpstreamError), ((1.0,), UpstreamTimeout)):
            with KeepAlive((COUNTED,), second) as server:
                transport = self.transport(server)
                self.ask(transport)
                with self.assertRaises(error):
                    self.ask(transport, TransportLimits(1, 0.2, 1, 1))
                self.assertEqual(server.served, [1, 1])


@needs("openssl")
class Proxied(Calls):
    def setUp(self) -> None:
        super().setUp()
        folder: Path = self.enterContext(scratch())
        key, certificate = make_certificate(folder)
        self.ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ours.load_cert_chain(certificate, key)
        self.theirs = ssl.create_default_context(cafile=str(certificate))

    def test_a_provider_is_asked_through_a_tunnel_that_sees_nothing(self) -> None:
        with KeepAlive((COUNTED,), (COUNTED,), tls=self.ours) as server, proxy() as (port, asked):
            way = Proxy("127.0.0.1", port, "Basic bmFtZTpwdw==")
            transport = self.transport(server, tls=self.theirs, proxy=way)
            self.assertEqual([self.ask(transport), self.ask(transport)], [b"hi", b"hi"])
        place = f"127.0.0.1:{server.port}"
        who = "Proxy-Authorization: Basic bmFtZTpwdw=="
        self.assertEqual(
            asked, [f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{who}\r\n\r\n".encode()]
        )
        self.assertEqual(server.served, [1, 1])

    def test_a_proxy_that_refuses_is_told_with_what_to_check(self) -> None:
        with KeepAlive(tls=self.ours) as server:
            for status in (b"407 Proxy Authentication Required", b"502 Bad Gateway"):
                with proxy(status) as (port, _):
                    transport = self.transport(server, proxy=Proxy("127.0.0.1", port))
                    with self.assertRaises(UpstreamError) as caught:
                        self.ask(transport)
                    self.assertIn(f"status {status[:3].decode()}", caught.exception.message)
                    self.assertIn("HTTPS_PROXY", caught.exception.hint)
        self.assertEqual(server.served, [])


class Ways(unittest.TestCase):
    def test_which_providers_are_asked_through_the_proxy(self) -> None:
        for url, exceptions, is_proxied in (
            ("https://opencode.ai/v1", "", True),
            ("https://opencode.ai/v1", "example.org", True),
            ("https://opencode.ai/v1", "opencode.ai", False),
            ("https://api.opencode.ai/v1", "opencode.ai", False),
            ("https://api.opencode.ai/v1", ".opencode.ai", False),
            ("https://api.opencode.ai/v1", "*.OpenCode.ai", False),
            ("https://notopencode.ai/v1", "opencode.ai", True),
            ("https://opencode.ai/v1", "opencode.ai:8443", True),
            ("https://opencode.ai:8443/v1", "x, opencode.ai:8443", False),
            ("https://opencode.ai/v1", "*", False),
            ("https://[2001:db8::1]/v1", "2001:db8::1", False),
            ("https://10.0.0.7/v1", "", True),
            ("https://127.0.0.1/v1", "", False),
            ("https://localhost/v1", "", False),
            ("https://[::1]/v1", "", False),
            ("http://127.0.0.1:1/v1", "", False),
        ):
            with self.subTest(url, exceptions=exceptions):
                found = proxy_for(parse_endpoint(url), "http://proxy:3128", exceptions.split(","))
                self.assertEqual(found, Proxy("proxy", 3128) if is_proxied else None)
        self.assertIsNone(proxy_for(parse_endpoint("https://opencode.ai/v1"), "", ()))

    def test_how_a_proxy_is_written(self) -> None:
        for url, expected in (
            ("http://proxy:3128", Proxy("proxy", 3128)),
            ("proxy:3128", Proxy("proxy", 3128)),
            ("http://proxy/", Proxy("proxy", 80)),
            ("http://[::1]:8080", Proxy("::1", 8080)),
            ("http://name:p%40w@proxy:1", Proxy("proxy", 1, "Basic bmFtZTpwQHc=")),
        ):
            self.assertEqual(parse_proxy(url), expected)
        for url in (
            "https://proxy:1",
            "socks5://secret@proxy",
            "http://",
            "http://a b",
            "http://x:y",
        ):
            with self.assertRaises(BadSettings) as caught:
                parse_proxy(url)
            self.assertNotIn("secret", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
