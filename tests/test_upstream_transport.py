"""The way to a provider over real sockets: its limits, its cuts, its ends, and cancelling."""

import http.server
import socket
import ssl
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support import needs, scratch
from support.providers import full_backlog, make_certificate

from codex_oss.deadline import Deadline
from codex_oss.errors import (
    BadSettings,
    Cancelled,
    UpstreamError,
    UpstreamTimeout,
    UpstreamTruncated,
)
from codex_oss.profiles import ModelProfile, Provider
from codex_oss.system import SystemClock
from codex_oss.upstream import Caller
from codex_oss.upstream.endpoint import Endpoint, parse_endpoint
from codex_oss.upstream.patience import Patience, TransportLimits
from codex_oss.upstream.transport import Transport

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PATIENT = TransportLimits(2, 2, 2, 5)
Script = Callable[[socket.socket], None]


@contextmanager
def server(script: Script, read_first: bool = True) -> Iterator[int]:
    """Serve each connection with `script` and yield the port."""

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    def one(sock: socket.socket) -> None:
        with sock:
            try:
                if read_first:
                    sock.recv(65536)
                script(sock)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def sends(*pieces: bytes | float) -> Script:
    """Return a script that sends each piece; a number is a pause."""

    def script(sock: socket.socket) -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                sock.sendall(piece)
            else:
                time.sleep(piece)

    return script


def new_deadline(seconds: float = 20) -> Deadline:
    return Deadline(SystemClock(), seconds)


def exchange(
    port: int,
    limits: TransportLimits = PATIENT,
    deadline: Deadline | None = None,
    body: bytes = b"{}",
) -> tuple[int, list[bytes]]:
    transport = Transport(Endpoint("http", "127.0.0.1", port, "/v1"))
    with transport.post("/x", {}, body, patience(limits, deadline)) as reply:
        return reply.status, list(reply.reads())


def patience(limits: TransportLimits = PATIENT, deadline: Deadline | None = None) -> Patience:
    return Patience("127.0.0.1", limits, deadline or new_deadline())


def failure(port: int, **arguments: object) -> tuple[str, str, float]:
    """Return the class and the message of what an exchange raises, and after how long."""
    started = time.monotonic()
    try:
        exchange(port, **arguments)  # type: ignore[arg-type]
    except (UpstreamError, Cancelled) as error:
        return type(error).__name__, error.message, time.monotonic() - started
    raise AssertionError("nothing was raised")


class Replies(unittest.TestCase):
    def test_bodies_of_every_framing_arrive_as_they_come(self) -> None:
        cases = (
            sends(CHUNKED + b"1\r\na\r\n", 0.05, b"1\r\nb\r\n0\r\n\r\n"),
            sends(HEAD + b"Content-Length: 2\r\n\r\na", 0.05, b"b and more"),
            sends(HEAD + b"\r\na", 0.05, b"b"),
            sends(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 \r\n\r\na", 0.05, b"b"),
        )
        for script in cases:
            with server(script) as port:
                self.assertEqual(exchange(port), (200, [b"a", b"b"]))

    def test_a_cut_body_raises(self) -> None:
        cases = (
            CHUNKED + b"ff\r\ndata: 2 and th",
            CHUNKED + b"1\r\na\r\n",
            HEAD + b"Content-Length: 50\r\n\r\ndata",
        )
        for wire in cases:
            with self.subTest(wire[-20:]), server(sends(wire)) as port:
                self.assertEqual(failure(port)[0], UpstreamTruncated.__name__)

    def test_what_is_not_http_raises(self) -> None:
        cases = (
            (b"", "hung up without an answer"),
            (b"SSH-2.0-x\r\n", "did not answer with HTTP"),
            (b"HTTP/2 200\r\n\r\n", "did not answer with HTTP"),
            (b"HTTP/1.1 200 OK" + b"x" * 70_000, "did not answer with HTTP"),
            (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "head of the provider's reply"),
            (b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000, "head of the provider's reply"),
            (b"HTTP/1.1 102 Wait\r\n\r\n" * 50, "interim"),
            (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", "transfer coding"),
        )
        for wire, words in cases:
            with self.subTest(words), server(sends(wire, 0.2)) as port:
                self.assertIn(words, failure(port)[1])

    def test_an_answer_given_before_all_was_read_is_heard(self) -> None:
        refusal = b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"
        for pause in (0.0, 0.2):
            with self.subTest(pause), server(sends(refusal, pause), read_first=False) as port:
                self.assertEqual(exchange(port, body=b"x" * 8_000_000), (413, [b"no"]))

    def test_the_start_of_a_body_is_bounded_and_forgives_its_end(self) -> None:
        for wire, expected in ((b"abcdef", b"abc"), (b"ab", b"ab"), (b"", b"")):
            with server(sends(HEAD + b"Content-Length: 9\r\n\r\n" + wire)) as port:
                transport = Transport(Endpoint("http", "127.0.0.1", port, ""))
                with transport.post("/", {}, b"", patience()) as reply:
                    self.assertEqual(reply.start(3), expected)

    def test_the_head_of_the_request_is_what_providers_expect(self) -> None:
        seen: list[bytes] = []

        def script(sock: socket.socket) -> None:
            seen.append(sock.recv(65536))

        for headers in ({"Authorization": "Bearer sk-1", "user-agent": "codex"}, {}):
            with server(script, read_first=False) as port:
                endpoint = parse_endpoint(f"http://localhost:{port}/zen/v1/")
                with self.assertRaises(UpstreamError):
                    with Transport(endpoint).post("/chat", headers, b"{}", patience()):
                        pass
        head, body = seen[0].split(b"\r\n\r\n")
        self.assertEqual(body, b"{}")
        self.assertEqual(head.split(b"\r\n")[0], b"POST /zen/v1/chat HTTP/1.1")
        for line in (b"Accept-Encoding: identity", b"Authorization: Bearer sk-1"):
            self.assertIn(line, head.split(b"\r\n"))
        agents = [each for each in seen[0].split(b"\r\n") if b"gent:" in each]
        self.assertEqual(agents, [b"user-agent: codex"])
        self.assertNotIn(b"Authorization", seen[1])
        self.assertIn(b"User-Agent: opencode-bridge\r\n", seen[1])


class Limits(unittest.TestCase):
    def test_each_limit_ends_the_call_and_says_its_name_and_value(self) -> None:
        drip: list[bytes | float] = [piece for _ in range(40) for piece in (b"1\r\na\r\n", 0.05)]
        cases = (
            (sends(2.0), TransportLimits(2, 0.2, 2), "did not answer for 0.2 s"),
            (sends(CHUNKED, 2.0), TransportLimits(2, 0.2, 2), "did not answer for 0.2 s"),
            (sends(CHUNKED, b"1\r\na\r\n", 2.0), TransportLimits(2, 2, 0.2), "silent for 0.2 s"),
            (sends(CHUNKED, *drip), TransportLimits(2, 2, 1, 0.3), "not done after 0.3 s"),
        )
        for script, limits, words in cases:
            with self.subTest(words), server(script) as port:
                name, message, seconds = failure(port, limits=limits)
                self.assertEqual(name, UpstreamTimeout.__name__)
                self.assertIn(words, message)
                self.assertLess(seconds, 1)

    def test_a_head_that_drips_is_bounded_as_a_whole(self) -> None:
        drip = [piece for byte in HEAD for piece in (bytes([byte]), 0.05)]
        with server(sends(*drip)) as port:
            _, message, seconds = failure(port, limits=TransportLimits(2, 0.3, 2))
        self.assertIn("did not answer for 0.3 s", message)
        self.assertLess(seconds, 1)

    def test_the_deadline_of_the_caller_ends_any_phase(self) -> None:
        for script in (sends(2.0), sends(CHUNKED, b"1\r\na\r\n", 2.0)):
            with server(script) as port:
                name, message, seconds = failure(port, deadline=new_deadline(0.2))
            self.assertEqual((name, seconds < 1), (UpstreamTimeout.__name__, True))
            self.assertIn("time for this request is over", message)

    def test_a_provider_that_accepts_nothing(self) -> None:
        with full_backlog() as port:
            name, message, seconds = failure(port, limits=TransportLimits(0.2, 2, 2))
        self.assertIn("accepted no connection for 0.2 s", message)
        self.assertLess(seconds, 1)

    def test_a_provider_that_is_not_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        name, message, _ = failure(port)
        self.assertEqual(name, UpstreamError.__name__)
        self.assertIn("127.0.0.1 failed", message)


class Cancelling(unittest.TestCase):
    def test_a_word_from_another_thread_ends_any_phase_at_once(self) -> None:
        cases = (
            sends(3.0),
            sends(CHUNKED, 3.0),
            sends(CHUNKED, b"1\r\na\r\n", 3.0),
            sends(HEAD + b"\r\na", 3.0),
        )
        for script in cases:
            with server(script) as port:
                self.assert_cancelled_at_once(port)

    def test_also_while_connecting(self) -> None:
        with full_backlog() as port:
            self.assert_cancelled_at_once(port)

    def assert_cancelled_at_once(self, port: int) -> None:
        deadline = new_deadline()
        threading.Timer(0.2, deadline.cancel, ("the client left",)).start()
        name, message, seconds = failure(port, deadline=deadline)
        self.assertEqual((name, message), (Cancelled.__name__, "the client left"))
        self.assertLess(seconds, 0.6)

    def test_nothing_is_sent_once_it_was_said(self) -> None:
        deadline = new_deadline()
        deadline.cancel("too late")
        with server(sends(CHUNKED + b"0\r\n\r\n")) as port:
            self.assertEqual(failure(port, deadline=deadline)[:2], ("Cancelled", "too late"))

    def test_leaving_the_block_hangs_up(self) -> None:
        left = threading.Event()

        def script(sock: socket.socket) -> None:
            sock.sendall(CHUNKED + b"1\r\na\r\n")
            if sock.recv(1) == b"":
                left.set()

        with server(script) as port:
            transport = Transport(Endpoint("http", "127.0.0.1", port, ""))
            with transport.post("/", {}, b"", patience()) as reply:
                self.assertEqual(next(reply.reads()), b"a")
            self.assertTrue(left.wait(1))


class Encrypted(unittest.TestCase):
    @needs("openssl")
    def test_a_certificate_is_checked_and_a_cancelled_read_wakes(self) -> None:
        with scratch() as folder:
            key, certificate = make_certificate(folder)
            ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ours.load_cert_chain(certificate, key)
            with tls_server(ours) as port:
                endpoint = Endpoint("https", "127.0.0.1", port, "")
                with self.assertRaisesRegex(UpstreamError, "CERTIFICATE_VERIFY_FAILED"):
                    with Transport(endpoint).post("/", {}, b"", patience()):
                        pass
                trusting = ssl.create_default_context(cafile=str(certificate))
                deadline = new_deadline()
                with Transport(endpoint, trusting).post(
                    "/", {}, b"", patience(deadline=deadline)
                ) as reply:
                    reads = reply.reads()
                    self.assertEqual(next(reads), b"a")
                    threading.Timer(0.2, deadline.cancel, ("enough",)).start()
                    started = time.monotonic()
                    with self.assertRaises(Cancelled):
                        next(reads)
                    self.assertLess(time.monotonic() - started, 0.6)


class Endpoints(unittest.TestCase):
    def test_base_urls(self) -> None:
        good = (
            ("https://opencode.ai/zen/go/v1", "opencode.ai", "/zen/go/v1"),
            ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443", ""),
            ("http://127.0.0.1:11434/v1/", "127.0.0.1:11434", "/v1"),
            ("http://[::1]:80/v1", "[::1]", "/v1"),
            ("http://localhost", "localhost", ""),
        )
        for url, authority, path in good:
            endpoint = parse_endpoint(url)
            self.assertEqual((endpoint.authority, endpoint.path), (authority, path))

    def test_urls_that_would_leak_a_key_or_are_none(self) -> None:
        bad = (
            "http://opencode.ai/v1",
            "http://127.0.0.1.evil.example/v1",
            "ftp://127.0.0.1/",
            "https://user:pw@host/v1",
            "https:///v1",
            "https://host:99999/v1",
            "https://host/a b",
            "https://host/\r\nX: y",
            "//host",
            "",
        )
        for url in bad:
            with self.subTest(url), self.assertRaises(BadSettings) as caught:
                parse_endpoint(url)
            self.assertNotIn("pw", caught.exception.message)

    def test_a_key_that_would_add_a_header_line(self) -> None:
        profile = ModelProfile("p", "m", Provider("acme", "https://h/v1"))
        shared = {"limits": PATIENT, "slots": (), "redact": str}
        for key in ("sk\r\nX: y", "sk-é", "sk\n"):
            with self.assertRaises(BadSettings):
                Caller(profile, key, clock=SystemClock(), **shared)


class TlsReply(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.wfile.write(CHUNKED + b"1\r\na\r\n")
        self.connection.recv(1)

    def log_message(self, *_: object) -> None:
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that does not trust us hangs up in the handshake."""


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    with QuietServer(("127.0.0.1", 0), TlsReply) as listener:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        yield listener.server_port
        listener.shutdown()


if __name__ == "__main__":
    unittest.main()
