"""The life of a listener: connections that go on, pipelines, full houses, drain and stop."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
import unittest
from contextlib import suppress

from support import ROOT
from support.served import answers, echo, read_all, served, streaming, until

from codex_oss.errors import Refused, UpstreamTimeout
from codex_oss.server import HttpReply, HttpRequest, Limits, Route
from codex_oss.server.binding import bind
from codex_oss.system import SystemClock


class Connections(unittest.TestCase):
    def test_pipelined_requests_are_answered_in_order(self) -> None:
        with served() as server:
            requests = [
                server.request("POST", "/v1/responses", b"%d" % n, Connection=None)
                for n in range(50)
            ]
            last = server.request("GET", "/healthz")
            came = server.raw(b"".join([*requests, last]))
            bodies = [answer.json.get("body") for answer in came]
            self.assertEqual(bodies, [*map(str, range(50)), None])
            ids = {answer.headers["x-request-id"] for answer in came}
            self.assertEqual(len(ids), 51)

    def test_a_request_may_come_in_any_pieces(self) -> None:
        with served() as server:
            raw = server.request("POST", "/v1/responses", b"hello")
            for at in (1, 20, len(raw) - 6, len(raw) - 3):
                [answer] = server.raw(raw[:at], raw[at:])
                self.assertEqual(answer.json["body"], "hello")

    def test_http_1_0_gets_one_answer_and_the_end(self) -> None:
        with served() as server:
            raw = server.request("GET", "/v1/models", None, Connection="keep-alive")
            came = server.raw(raw.replace(b"HTTP/1.1", b"HTTP/1.0") * 2)
            self.assertEqual([answer.status for answer in came], [200])

    def test_head_gets_the_head_of_get(self) -> None:
        with served() as server:
            get, head = (
                server.bytes(server.request(method, "/v1/models")).partition(b"\r\n\r\n")
                for method in ("GET", "HEAD")
            )
            without_id = [line for line in get[0].split(b"\r\n") if b"request-id" not in line]
            self.assertTrue(set(without_id) <= set(head[0].split(b"\r\n")))
            self.assertEqual((head[2], bool(get[2])), (b"", True))

    def test_a_request_is_handed_over_as_it_was_checked(self) -> None:
        seen: list[HttpRequest] = []

        def take(request: HttpRequest) -> HttpReply:
            self.assertEqual(request.deadline.seconds_left(), float("inf"))
            seen.append(request)
            return HttpReply(200, b"[]", {"x-lane": "plain"})

        with served(Route("POST", "/v1/responses/{id}/cancel", take)) as server:
            answer = server.client.post("/v1/responses/r_1/cancel/?a=b", b"x", Originator="codex")
        [request] = seen
        self.assertEqual((answer.body, answer.headers["x-lane"]), (b"[]", "plain"))
        self.assertEqual(
            (request.method, request.path, request.params, request.query, request.body),
            ("POST", "/v1/responses/r_1/cancel", {"id": "r_1"}, {"a": "b"}, b"x"),
        )
        self.assertEqual(request.headers["originator"], "codex")
        self.assertEqual(answer.headers["x-request-id"], request.request_id)
        self.assertRegex(request.client, r"^127\.0\.0\.1:\d+$")

    def test_an_error_of_a_handler_is_its_answer_and_the_connection_goes_on(self) -> None:
        def late(request: HttpRequest) -> HttpReply:
            raise UpstreamTimeout("no byte in 30 s", hint="raise it")

        with served(Route("POST", "/v1/responses", late)) as server:
            post = server.request("POST", "/v1/responses", b"{}", Connection=None)
            came = server.raw(post + server.request("GET", "/healthz"))
            self.assertEqual([answer.status for answer in came], [504, 200])
            self.assertEqual(
                came[0].error,
                {
                    "message": "no byte in 30 s. Hint: raise it",
                    "type": "server_error",
                    "param": None,
                    "code": "server_error",
                },
            )
            self.assertEqual(server.log, [])

    def test_a_large_body_arrives_whole(self) -> None:
        with served() as server:
            body = os.urandom(3_000_000)
            answer = server.client.post("/v1/responses", body)
            self.assertEqual(answer.json["body"], body.decode("latin-1"))

    def test_64_callers_at_once_are_all_served(self) -> None:
        with served() as server:
            clients = [server.connect() for _ in range(64)]
            for client in clients:
                client.sendall(server.request("GET", "/v1/models"))
            came = [answers(read_all(client))[0].status for client in clients]
            for client in clients:
                client.close()
            self.assertEqual(came, [200] * 64)

    def test_more_callers_than_can_be_told_are_just_closed(self) -> None:
        with served(limits=Limits(connections_max=1)) as server:
            first = server.connect()
            self.assertTrue(until(lambda: len(server.connections) == 1))
            others = [server.connect() for _ in range(80)]
            for client in others:
                client.recv(1, socket.MSG_PEEK)  # All are told or closed before the first leaves.
            for client in others:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
            came = [answers(read_all(client)) for client in others]
            told = [answer[0].status for answer in came if answer]
            self.assertEqual(set(told), {503})
            self.assertIn(len(told), range(40, 65))
            for client in (first, *others):
                client.close()


class Binding(unittest.TestCase):
    def test_a_port_that_is_taken_is_refused_with_a_hint(self) -> None:
        clock = SystemClock()
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as taken:
                taken.bind((host, 0))
                taken.listen()
                with self.assertRaises(Refused) as refusal:
                    bind("127.0.0.1", taken.getsockname()[1], print, print, clock)
            self.assertEqual(refusal.exception.code, "port_unavailable")
            self.assertIn("PROXY_PORT", refusal.exception.hint)

    def test_the_name_service_is_not_asked_and_the_queue_is_long(self) -> None:
        for server in bind("127.0.0.1", 0, print, print, SystemClock()):
            self.assertFalse(hasattr(server, "server_name"))
            self.assertGreaterEqual(server.request_queue_size, 128)
            server.server_close()

    def test_without_descriptors_accepting_pauses_and_does_not_spin(self) -> None:
        slept: list[float] = []

        class Counting(SystemClock):
            def sleep(self, seconds: float) -> None:
                slept.append(seconds)

        servers = bind("127.0.0.1", 0, print, print, Counting())
        listening, servers[0].socket = servers[0].socket, _Exhausted()
        with self.assertRaises(OSError):
            servers[0].get_request()
        self.assertEqual(len(slept), 1)
        servers[0].socket = listening
        for server in servers:
            server.server_close()


class _Exhausted:
    def accept(self) -> None:
        raise OSError(errno.EMFILE, "too many open files")


ENDED_BY_A_SIGNAL = """
import signal, threading, time
from codex_oss.server import Gate, Limits, Listener
from codex_oss.system import Pulse, on_interrupt

def kill_myself():
    time.sleep(0.3)  # Until the main thread waits.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

kwargs = dict(routes=(), gate=Gate("key"), limits=Limits(), pulse=Pulse(1), log=print)
listener = Listener("127.0.0.1", 0, **kwargs)
with on_interrupt(lambda: listener.drain(0)):
    threading.Thread(target=kill_myself, daemon=True).start()
    listener.serve()
"""


class Stopping(unittest.TestCase):
    def test_a_drain_waits_for_the_running_turn_and_takes_no_other(self) -> None:
        began, end = threading.Event(), threading.Event()

        def slow(request: HttpRequest) -> HttpReply:
            began.set()
            end.wait(5)
            return HttpReply(200, {"why": request.deadline.cancelled_because})

        routes = Route("POST", "/v1/responses", slow), Route("GET", "/v1/models", echo)
        with served(*routes) as server, server.connect() as client:
            client.sendall(server.request("POST", "/v1/responses", b"{}"))
            self.assertTrue(began.wait(5))
            server.listener.drain(10)
            refused = server.client.post("/v1/responses", {})
            self.assertEqual((refused.status, refused.error["code"]), (503, "stopping"))
            self.assertEqual(server.client.get("/v1/models").status, 200)
            self.assertEqual(server.client.get("/healthz").json, {"ok": True})
            ready = server.client.get("/readyz")
            self.assertEqual((ready.status, ready.json), (503, {"ok": False}))
            end.set()
            [answer] = answers(read_all(client))
            self.assertEqual(answer.json, {"why": ""})
            server.thread.join(5)
            self.assertFalse(server.thread.is_alive())
            with self.assertRaises(ConnectionRefusedError):
                server.connect()

    def test_after_the_drain_each_stream_still_writes_its_end(self) -> None:
        def until_cancelled(request: HttpRequest):
            woken = threading.Event()
            yield ["began"]
            with request.deadline.on_cancel(woken.set):
                woken.wait(5)
            yield [request.deadline.cancelled_because]

        with served(streaming(until_cancelled)) as server:
            with server.client.stream({}) as events:
                came = iter(events.file)
                while b"began" not in next(came):
                    pass
                started = time.monotonic()
                server.stop(0.1)
                self.assertIn(b"data: bridge stopped\n", list(came))
                self.assertLess(time.monotonic() - started, 2)

    def test_a_second_word_ends_the_drain_at_once(self) -> None:
        began = threading.Event()

        def until_cancelled(request: HttpRequest) -> HttpReply:
            woken = threading.Event()
            with request.deadline.on_cancel(woken.set):
                began.set()
                woken.wait(5)
            request.deadline.raise_if_cancelled()
            raise AssertionError

        with served(Route("POST", "/v1/responses", until_cancelled)) as server:
            with server.connect(server.request("POST", "/v1/responses", b"{}")) as client:
                self.assertTrue(began.wait(5))
                started = time.monotonic()
                server.listener.drain(60)
                server.stop(0)
                self.assertLess(time.monotonic() - started, 2)
                self.assertEqual(answers(read_all(client))[0].error["message"], "bridge stopped")

    def test_idle_and_half_read_connections_do_not_hold_the_end_up(self) -> None:
        with served() as server:
            idle = server.connect(server.request("GET", "/healthz", Connection=None))
            head = server.connect(b"GET / HT")
            turn = server.request("POST", "/v1/responses", b"{}", Expect="100-continue")
            body = server.connect(turn.removesuffix(b"{}"))
            self.assertTrue(body.recv(4096).startswith(b"HTTP/1.1 100"))
            self.assertTrue(until(lambda: len(server.connections) == 3))
            self.assertTrue(idle.recv(4096))
            started = time.monotonic()
            server.stop(60)
            self.assertLess(time.monotonic() - started, 1)
            for client in (idle, head, body):
                client.close()
            self.assertEqual(server.connections, set())

    def test_a_signal_that_the_waiting_thread_does_not_notice_ends_it_all_the_same(self) -> None:
        """One that comes between CPython's last look for signals and its wait interrupts nothing,
        like one that the system delivers to another thread: this is the second."""
        with subprocess.Popen([sys.executable, "-c", ENDED_BY_A_SIGNAL], cwd=ROOT) as child:
            try:
                self.assertEqual(child.wait(5), 0)
            finally:
                child.kill()

    def test_a_handler_may_end_the_listener_that_runs_it(self) -> None:
        with served(Route("POST", "/admin/shutdown", lambda r: stop())) as server:

            def stop() -> HttpReply:
                server.listener.drain(5)
                return HttpReply(202, {})

            self.assertEqual(server.client.post("/admin/shutdown", {}).status, 202)
            server.thread.join(2)
            self.assertFalse(server.thread.is_alive())


class Importing(unittest.TestCase):
    def test_asking_our_own_daemon_does_not_load_a_server(self) -> None:
        program = (
            "import sys; from codex_oss.server import ask, prove, stream\n"
            "print([m for m in ('http.server', 'http.client', 'email', 'ssl') if m in sys.modules])"
        )
        seen = subprocess.run(
            [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual((seen.stdout, seen.stderr), ("[]\n", ""))

    def test_the_pure_modules_load_nothing_that_acts(self) -> None:
        acts = "socket select selectors http.server subprocess threading logging tempfile shutil"
        program = (
            "import sys, types\n"
            "room = types.ModuleType('codex_oss.server'); room.__path__ = ['codex_oss/server']\n"
            "import codex_oss; sys.modules['codex_oss.server'] = room\n"
            "import codex_oss.server.head, codex_oss.server.gate, codex_oss.server.bodies\n"
            f"print([m for m in {acts.split()} if m in sys.modules])"
        )
        seen = subprocess.run(
            [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual((seen.stdout, seen.stderr), ("[]\n", ""))

    def test_the_door_exports_what_it_names(self) -> None:
        import codex_oss.server as door

        for name in door.__all__:
            self.assertTrue(getattr(door, name), name)
        with self.assertRaises(AttributeError):
            getattr(door, "nothing")  # noqa: B009  Not an attribute on purpose.


if __name__ == "__main__":
    unittest.main()
