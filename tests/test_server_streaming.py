"""Streams over real sockets: silence, clients who leave, clients who do not read."""

import socket
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support import LONG
from support.served import (
    Lines,
    Served,
    open_descriptors,
    read_all,
    running_threads,
    served,
    streaming,
    until,
)

from codex_oss.deadline import Deadline
from codex_oss.errors import BrokenPromise, Cancelled
from codex_oss.server import HttpReply, HttpRequest, Limits, Route
from codex_oss.server.streaming import EventStream, StreamReply
from codex_oss.system import SystemClock

FAST = Limits(heartbeat_seconds=0.2, write_seconds=0.5)


class Work:
    """A turn that writes `first` and is then silent until it is cancelled, as an upstream is."""

    def __init__(self, first: str = "first") -> None:
        self.first = first
        self.ends: list[str] = []
        self.closed = 0

    def __call__(self, request: HttpRequest) -> Iterator[list[str]]:
        woken = threading.Event()
        try:
            yield [self.first]
            with request.deadline.on_cancel(woken.set):
                woken.wait(10)
            self.ends.append(request.deadline.cancelled_because)
            request.deadline.raise_if_cancelled()
            yield ["in time"]
        finally:
            self.closed += 1

    def is_over(self) -> bool:
        return self.closed > 0


def flood(pulled: list[int], size: int) -> Callable[[HttpRequest], Iterator[list[str]]]:
    def events(request: HttpRequest) -> Iterator[list[str]]:
        for number in range(1000):
            pulled.append(number)
            yield [f"{number:04} " + "x" * (size - 5)]

    return events


@contextmanager
def slow_reader(server: Served) -> Iterator[socket.socket]:
    """Yield a client who asked for a stream and takes little of it at once."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(server.request("POST", "/v1/responses", b"{}"))
        yield client


class Streams(unittest.TestCase):
    def test_the_head_leaves_before_the_first_event_is_asked_for(self) -> None:
        go = threading.Event()

        def events(request: HttpRequest) -> Iterator[list[str]]:
            go.wait(5)
            yield ["a", "b"]
            yield []
            yield ["c"]

        with served(streaming(events)) as server:
            with server.connect(server.request("POST", "/v1/responses", b"{}")) as client:
                head = client.recv(4096)
                self.assertTrue(head.endswith(b"\r\n\r\n"), head)
                go.set()
                rest = read_all(client)
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[0], "HTTP/1.1 200 OK")
        self.assertIn("content-type: text/event-stream; charset=utf-8", lines)
        self.assertIn("connection: close", lines)
        self.assertIn("cache-control: no-store", lines)
        self.assertFalse(
            [line for line in lines if line.startswith(("content-length", "transfer"))]
        )
        self.assertEqual(rest, Lines().encode(["a", "b", "c"]))

    def test_silence_is_broken_by_signs_of_life_and_words_put_them_off(self) -> None:
        def events(request: HttpRequest) -> Iterator[list[str]]:
            for _ in range(4):
                time.sleep(0.1)
                yield ["busy"]
            time.sleep(0.75)
            yield ["end"]

        with served(streaming(events), limits=FAST) as server:
            with server.client.stream({}) as stream:
                came = [line.decode()[7:-1] for line in stream.file if line.startswith(b"event: ")]
        self.assertEqual(came[:4], ["line"] * 4)
        self.assertIn(came[4:], (["beat"] * 2 + ["line"], ["beat"] * 3 + ["line"]))

    def test_a_fault_of_the_owner_ends_the_stream_in_his_words_and_is_logged(self) -> None:
        def events(request: HttpRequest) -> Iterator[list[str]]:
            yield ["a"]
            raise KeyError("secret")

        with served(streaming(events)) as server:
            [answer] = server.raw(server.request("POST", "/v1/responses", b"{}"))
            said = Lines().encode(["a"]) + Lines().fail(BrokenPromise("x"))
            self.assertEqual((answer.status, answer.body), (200, said))
            [line] = server.log
            self.assertEqual(line["error"], "KeyError")
            self.assertEqual(line["request_id"], answer.headers["x-request-id"])
            self.assertNotIn("secret", str(line))

    def test_bytes_behind_the_request_do_not_cost_the_end_of_the_stream(self) -> None:
        def events(request: HttpRequest) -> Iterator[list[str]]:
            yield ["first"]
            time.sleep(0.1)
            yield ["x" * 200_000, "last"]

        with served(streaming(events)) as server, slow_reader(server) as client:
            time.sleep(0.05)
            client.sendall(b"\r\n")  # As old clients do behind a body.
            time.sleep(0.2)
            self.assertTrue(read_all(client).endswith(b"data: last\n\n"))

    def test_a_client_killed_in_mid_stream_ends_the_work_50_times(self) -> None:
        works: list[Work] = []
        held: list[Iterator[list[str]]] = []  # So that only a `close` can end them.

        def begin(request: HttpRequest) -> Iterator[list[str]]:
            works.append(Work())
            held.append(works[-1](request))
            return held[-1]

        def leave() -> None:
            with server.client.stream({}) as stream:
                self.assertEqual(stream.file.readline(), b"event: line\n")
            self.assertTrue(until(works[-1].is_over, 1.0))
            self.assertEqual(works[-1].ends, ["client left"])

        with served(streaming(begin)) as server:
            leave()  # The first one loads what is loaded once.
            self.assertTrue(until(lambda: not server.connections))
            threads, descriptors = running_threads(), open_descriptors()
            for _ in range(1000 if LONG else 50):
                leave()
            self.assertTrue(until(lambda: not server.connections))
            self.assertTrue(until(lambda: running_threads() <= threads))
            self.assertLessEqual(open_descriptors(), descriptors)
            self.assertEqual(server.log, [])

    def test_a_reset_is_a_client_who_left(self) -> None:
        work = Work()
        with served(streaming(work)) as server:
            client = server.connect(server.request("POST", "/v1/responses", b"{}"))
            came = b""
            while b"first" not in came:
                came += client.recv(4096)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            self.assertTrue(until(work.is_over, 1.0))
            self.assertEqual((work.ends, server.log), (["client left"], []))

    def test_a_client_who_leaves_a_turn_that_is_not_streamed_cancels_it(self) -> None:
        seen: list[str] = []

        def turn(request: HttpRequest) -> HttpReply:
            woken = threading.Event()
            with request.deadline.on_cancel(woken.set):
                woken.wait(5)
            seen.append(request.deadline.cancelled_because)
            return HttpReply(200, {})

        with served(Route("POST", "/v1/responses", turn)) as server:
            client = server.connect(server.request("POST", "/v1/responses", b"{}"))
            time.sleep(0.1)
            self.assertEqual(seen, [])
            client.close()
            self.assertTrue(until(lambda: seen == ["client left"], 0.5))
            self.assertTrue(until(lambda: not server.connections))

    def test_a_client_who_sent_his_next_request_ahead_and_leaves_is_noticed(self) -> None:
        began, seen = threading.Event(), list[str]()

        def slow(request: HttpRequest) -> HttpReply:
            woken = threading.Event()
            with request.deadline.on_cancel(woken.set):
                began.set()
                woken.wait(5)
            seen.append(request.deadline.cancelled_because)
            return HttpReply(200, {})

        with served(Route("POST", "/v1/responses", slow)) as server:
            turn = server.request("POST", "/v1/responses", b"{}", Connection=None)
            with server.connect(turn) as client:
                self.assertTrue(began.wait(5))
                client.sendall(turn)
            self.assertTrue(until(lambda: seen == ["client left"], 0.5))
            self.assertTrue(until(lambda: not server.connections))

    def test_a_slow_reader_gets_every_event_and_little_waits_for_him(self) -> None:
        pulled: list[int] = []
        with served(streaming(flood(pulled, 16_384)), limits=FAST) as server:
            with slow_reader(server) as client:
                self.assertTrue(until(lambda: len(pulled) > 1))
                time.sleep(0.3)
                self.assertLess(len(pulled) * 16_384, 1024 * 1024)
                _, _, came = read_all(client).partition(b"\r\n\r\n")
        events = [block[-16_384:-16_379] for block in came.split(b"\n\n") if b": line" in block]
        self.assertEqual(events, [b"%04d " % number for number in range(1000)])

    def test_who_does_not_read_at_all_is_a_client_who_left(self) -> None:
        pulled: list[int] = []
        ends: list[str] = []

        held: list[Iterator[list[str]]] = []

        def events(request: HttpRequest) -> Iterator[list[str]]:
            try:
                yield from flood(pulled, 65_536)(request)
            finally:
                ends.append(request.deadline.cancelled_because)

        def begin(request: HttpRequest) -> Iterator[list[str]]:
            held.append(events(request))
            return held[-1]

        with served(streaming(begin), limits=FAST) as server:
            with server.connect(server.request("POST", "/v1/responses", b"{}")):
                started = time.monotonic()
                self.assertTrue(until(lambda: bool(ends)))
                self.assertEqual(ends, ["client left"])
                self.assertLess(time.monotonic() - started, 3)
            self.assertEqual(server.log, [])

    def test_many_idle_streams_share_the_one_pulse(self) -> None:
        with served(streaming(Work()), limits=FAST) as server:
            before = running_threads()
            post = server.request("POST", "/v1/responses", b"{}")
            clients = [server.connect(post) for _ in range(32)]
            self.assertTrue(until(lambda: len(server.turns) == 32))
            self.assertEqual(running_threads(), before + 32)
            for client in clients:
                came = b""
                while b"event: beat" not in came:
                    came += client.recv(4096)
            for client in clients:
                client.close()
            self.assertTrue(until(lambda: running_threads() == before))


class HandWoundClock(SystemClock):
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


class Writing(unittest.TestCase):
    """`EventStream` on a socket pair and a clock that stands still."""

    def setUp(self) -> None:
        self.theirs, self.ours = socket.socketpair()
        self.addCleanup(self.theirs.close)
        self.addCleanup(self.ours.close)
        self.clock = HandWoundClock()
        self.deadline = Deadline(self.clock)
        self.stream = EventStream(self.ours, self.encode_beat, self.deadline, self.clock, 5)
        self.beats = 0

    def encode_beat(self) -> bytes:
        self.beats += 1
        return b"beat %d;" % self.beats

    def test_a_beat_is_written_only_after_silence(self) -> None:
        for seconds, came in ((4.9, b""), (0.1, b"beat 1;"), (4.9, b""), (0.1, b"beat 2;")):
            self.clock.seconds += seconds
            self.stream.beat()
            self.assertEqual(self.available(), came)
        self.clock.seconds += 4
        self.stream.send(lambda: b"word;")
        self.clock.seconds += 4
        self.stream.beat()
        self.assertEqual(self.available(), b"word;")

    def test_a_beat_does_not_wait_for_a_writer(self) -> None:
        def encode() -> bytes:
            self.clock.seconds += 100
            beating = threading.Thread(target=self.stream.beat)
            beating.start()
            beating.join(1)
            self.assertFalse(beating.is_alive())
            return b"word;"

        self.stream.send(encode)
        self.assertEqual((self.available(), self.beats), (b"word;", 0))

    def test_a_beat_that_fits_in_part_is_finished_before_the_next_word(self) -> None:
        self.stream._encode_beat = lambda: b"beat" * 250_000
        self.clock.seconds += 5
        self.stream.beat()
        for _ in range(3):
            self.clock.seconds += 5
            self.stream.beat()
        self.assertEqual(self.deadline.cancelled_because, "")
        came = bytearray()
        reader = threading.Thread(target=lambda: came.extend(read_all(self.theirs)))
        reader.start()
        self.stream.send(lambda: b"word;")
        self.ours.shutdown(socket.SHUT_WR)
        reader.join(5)
        self.assertEqual(bytes(came), b"beat" * 250_000 + b"word;")

    def test_where_no_beat_may_stand_nothing_is_written(self) -> None:
        self.stream._encode_beat = lambda: b""
        self.clock.seconds += 50
        self.stream.beat()
        self.assertEqual((self.available(), self.deadline.cancelled_because), (b"", ""))

    def test_bytes_that_the_client_sent_ahead_are_not_an_end(self) -> None:
        self.theirs.sendall(b"next request")
        self.stream.beat()
        self.assertEqual(self.deadline.cancelled_because, "")
        self.assertEqual(self.ours.recv(100), b"next request")

    def test_bytes_that_the_client_sent_ahead_do_not_hide_that_he_left(self) -> None:
        self.theirs.sendall(b"next request")
        self.theirs.close()
        self.stream.beat()
        self.assertEqual(self.deadline.cancelled_because, "client left")

    def test_a_client_who_left_cancels_the_deadline_from_either_side(self) -> None:
        self.theirs.close()
        self.stream.beat()
        self.assertEqual(self.deadline.cancelled_because, "client left")
        with self.assertRaises(Cancelled):
            self.stream.send(lambda: b"word")

    def test_a_socket_that_is_gone_does_not_hurt_the_pulse(self) -> None:
        self.ours.close()
        self.stream.beat()
        self.assertEqual(self.deadline.cancelled_because, "client left")

    def test_numbers_follow_the_order_of_writing(self) -> None:
        numbers = iter(range(10**6))
        encode = lambda: b"%d," % next(numbers)  # noqa: E731
        self.stream._encode_beat = encode
        self.stream._silence_seconds_max = 0
        stop, came = threading.Event(), bytearray()

        def beat() -> None:
            while not stop.is_set():
                self.stream.beat()

        threads = [threading.Thread(target=beat) for _ in range(2)]
        reader = threading.Thread(target=lambda: came.extend(read_all(self.theirs)))
        for thread in (*threads, reader):
            thread.start()
        for _ in range(500):
            self.stream.send(encode)
        stop.set()
        for thread in threads:
            thread.join()
        self.ours.shutdown(socket.SHUT_WR)
        reader.join(5)
        got = [int(number) for number in bytes(came).split(b",") if number]
        self.assertEqual(got, list(range(len(got))))
        self.assertGreaterEqual(len(got), 500)

    def test_closing_a_reply_closes_what_feeds_it(self) -> None:
        closed: list[str] = []

        def events() -> Iterator[list[str]]:
            try:
                yield ["a"]
            finally:
                closed.append("closed")

        started = events()
        next(started)
        StreamReply(Lines(), started).close()
        self.assertEqual(closed, ["closed"])
        StreamReply(Lines(), iter([["a"]])).close()

    def available(self) -> bytes:
        try:
            return self.theirs.recv(65_536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""


if __name__ == "__main__":
    unittest.main()
