"""How conversations over real WebSockets end: by either side, by time, and with the bridge."""

import select
import socket
import threading
import time
import unittest
from collections.abc import Callable

from support import LONG, chance
from support.conversations import FAST, STOPPED, Owner, answering, talking
from support.served import Served, open_descriptors, running_threads, served, until
from support.websockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    WebSocketClient,
    close_of,
    frame,
)

from codex_oss.server import WebSocket
from codex_oss.system import SystemClock

STREAMS = 10_000 if LONG else 300


class LeapingClock(SystemClock):
    leapt = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.leapt


class Ends(unittest.TestCase):
    def test_a_close_is_answered_with_its_code_once(self) -> None:
        with served(*talking(answering)) as server:
            for payload in (close_of(1000), close_of(1001, b"tab closed"), close_of(4999), b""):
                with WebSocketClient(server.client) as client:
                    client.send(frame(CLOSE, payload), frame(TEXT, b"late"), frame(CLOSE))
                    self.assertEqual(client.rest(), [(CLOSE, payload[:2])])
            self.assertTrue(until(lambda: not server.connections))

    def test_each_fault_of_a_client_ends_with_its_code(self) -> None:
        with served(*talking(answering), limits=FAST) as server:
            for raw, code in (
                (b"\x81\x05Hello", 1002),
                (b"\xc1\x80\0\0\0\0", 1002),
                (frame(3), 1002),
                (frame(CONTINUATION), 1002),
                (frame(PING, final=False), 1002),
                (frame(CLOSE, b"\x03"), 1002),
                (frame(CLOSE, close_of(1005)), 1002),
                (frame(BINARY, b"x"), 1003),
                (frame(TEXT, b"\xff"), 1007),
                (frame(TEXT, b"x" * 100_001)[:14], 1009),
                (b"GET /v1/models HTTP/1.1\r\n\r\n", 1002),
            ):
                with self.subTest(raw[:20]), WebSocketClient(server.client) as client:
                    client.send(frame(TEXT, b"a"), raw, frame(TEXT, b"b"))
                    *said, (opcode, payload) = client.rest()
                    self.assertEqual((opcode, payload[:2]), (CLOSE, close_of(code)))
                    self.assertIn(said, ([], [(TEXT, b"you said a")]))
            self.assertTrue(until(lambda: not server.connections))
            self.assertEqual(server.log, [])

    def test_an_owner_who_returns_ends_the_conversation(self) -> None:
        def once(conversation: WebSocket) -> None:
            conversation.send(next(iter(conversation.messages())))

        with served(*talking(once)) as server, WebSocketClient(server.client) as client:
            client.say("x")
            self.assertEqual(client.rest(), [(TEXT, b"x"), (CLOSE, close_of(1000))])

    def test_what_a_client_still_sends_does_not_cost_him_the_end(self) -> None:
        def once(conversation: WebSocket) -> None:
            conversation.send(next(iter(conversation.messages())))

        with served(*talking(once)) as server, WebSocketClient(server.client) as client:
            client.say("x")
            self.assertEqual(client.read(), (TEXT, b"x"))
            for _ in range(5):  # A reset would break the second of them.
                time.sleep(0.02)
                client.say("late")
            self.assertEqual(client.rest(), [(CLOSE, close_of(1000))])

    def test_a_client_who_leaves_ends_the_turn_50_times(self) -> None:
        ways = (
            WebSocketClient.hang_up,
            WebSocketClient.reset,
            lambda client: client.send(frame(CLOSE)),
            lambda client: client.send(frame(BINARY)),
        )
        owner, ends = Owner(), ["client left"]

        def leave(server: Served, how: Callable[[WebSocketClient], None]) -> None:
            owner.began, owner.ends = [], []
            with WebSocketClient(server.client) as client:
                client.say("wait")
                self.assertTrue(until(lambda: owner.began == ["wait"]))
                how(client)
                self.assertTrue(until(lambda: owner.ends == ends, 1.0), how)

        with served(*talking(owner)) as server:
            leave(server, WebSocketClient.hang_up)  # The first one loads what is loaded once.
            self.assertTrue(until(lambda: not server.connections))
            threads, descriptors = running_threads(), open_descriptors()
            for number in range(1000 if LONG else 50):
                leave(server, ways[number % len(ways)])
            self.assertTrue(until(lambda: not server.connections))
            self.assertTrue(until(lambda: running_threads() <= threads))
            self.assertLessEqual(open_descriptors(), descriptors)
            self.assertEqual(server.log, [])

    def test_random_streams_end_with_one_close_and_leave_nothing_behind(self) -> None:
        random = chance("websocket")
        good = [
            frame(TEXT, b"hello"),
            frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b"),
            frame(PING, b"p"),
            frame(PONG),
            frame(CLOSE, close_of(1000)),
            frame(BINARY),
        ]
        with served(*talking(answering), limits=FAST) as server:
            threads = descriptors = 0
            for number in range(STREAMS):
                raw = bytearray(b"".join(random.choices(good, k=random.randint(1, 6))))
                for _ in range(random.randrange(3)):
                    at = random.randrange(len(raw))
                    raw[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
                with WebSocketClient(server.client, bytes(raw) if number % 2 else b"") as client:
                    client.send(b"" if number % 2 else bytes(raw))
                    client.socket.shutdown(socket.SHUT_WR)
                    *kinds, last = [opcode for opcode, _ in client.rest()]
                self.assertLessEqual(set(kinds), {TEXT, PONG})
                self.assertEqual(last, CLOSE)
                if number == 0:
                    self.assertTrue(until(lambda: not server.connections))
                    threads, descriptors = running_threads(), open_descriptors()
            self.assertTrue(until(lambda: not server.connections))
            self.assertTrue(until(lambda: running_threads() <= threads))
            self.assertLessEqual(open_descriptors(), descriptors)
            self.assertEqual(server.log, [])


class Time(unittest.TestCase):
    def test_we_ping_every_20_seconds(self) -> None:
        clock = LeapingClock()
        with served(*talking(answering), clock=clock) as server:
            with WebSocketClient(server.client) as client:
                for _ in range(3):
                    client.say("x")
                    self.assertEqual(client.read(), (TEXT, b"you said x"))
                    clock.leapt += 20
                    self.assertEqual(client.read(), (PING, b""))
                    client.send(frame(PONG))

    def test_after_60_minutes_an_idle_conversation_is_over(self) -> None:
        clock = LeapingClock()
        with served(*talking(answering), clock=clock) as server:
            with WebSocketClient(server.client) as client:
                for leap in (0, 3599):
                    clock.leapt = leap
                    client.say("x")
                    self.assertEqual(client.hear(), "you said x")
                clock.leapt = 3600
                *_, (opcode, payload) = client.rest()
                expected = close_of(1001, b"a WebSocket lasts 60 minutes at most")
                self.assertEqual((opcode, payload), (CLOSE, expected))

    def test_after_60_minutes_a_turn_writes_how_it_ended(self) -> None:
        clock, owner = LeapingClock(), Owner()
        with served(*talking(owner), clock=clock) as server:
            with WebSocketClient(server.client) as client:
                client.say("wait")
                client.say("next")
                self.assertTrue(until(lambda: bool(owner.began)))
                clock.leapt = 3600
                *said, (opcode, payload) = client.rest()
                self.assertIn((TEXT, b"answer to wait"), said)
                self.assertEqual((opcode, payload[:2]), (CLOSE, close_of(1001)))
        self.assertEqual(owner.began, ["wait"])

    def test_who_does_not_answer_our_close_is_hung_up_on(self) -> None:
        clock = LeapingClock()
        with served(*talking(answering), clock=clock) as server:
            with WebSocketClient(server.client) as client:
                client.say("x")
                self.assertEqual(client.hear(), "you said x")
                clock.leapt = 3600
                self.assertEqual([client.read()[0] for _ in range(2)], [PING, CLOSE])
                self.assertEqual(select.select([client.socket], [], [], 0.3)[0], [])
                clock.leapt += 2
                self.assertIsNone(client.read())
                self.assertTrue(until(lambda: not server.connections))


class Stopping(unittest.TestCase):
    def test_an_idle_conversation_is_told_and_holds_nothing_up(self) -> None:
        with served(*talking(answering)) as server:
            with WebSocketClient(server.client) as client, WebSocketClient(server.client) as mute:
                client.say("x")
                self.assertEqual(client.hear(), "you said x")
                heard: list[list[Frame]] = []
                readers = [
                    threading.Thread(target=lambda one=one: heard.append(one.rest()))
                    for one in (client, mute)
                ]
                for reader in readers:
                    reader.start()
                started = time.monotonic()
                server.stop(60)
                self.assertLess(time.monotonic() - started, 1.5)
                for reader in readers:
                    reader.join()
                self.assertEqual(heard, [[STOPPED], [STOPPED]])

    def test_who_does_not_answer_holds_the_end_up_for_two_seconds_at_most(self) -> None:
        with served(*talking(answering)) as server, WebSocketClient(server.client) as client:
            client.say("x")
            self.assertEqual(client.hear(), "you said x")
            started = time.monotonic()
            server.stop(60)
            self.assertLess(time.monotonic() - started, 3.5)
            self.assertEqual(list(client.frames()), [STOPPED])

    def test_a_drain_waits_for_the_turn_and_begins_no_other(self) -> None:
        began, go = threading.Event(), threading.Event()

        def slow(conversation: WebSocket) -> None:
            for text in conversation.messages():
                began.set()
                go.wait(5)
                conversation.send(text + conversation.deadline.cancelled_because)

        with served(*talking(slow)) as server, WebSocketClient(server.client) as client:
            client.say("first")
            client.say("second")
            self.assertTrue(began.wait(5))
            server.listener.drain(60)
            time.sleep(0.1)
            self.assertTrue(server.thread.is_alive())
            go.set()
            self.assertEqual(client.rest(), [(TEXT, b"first"), STOPPED])
            server.thread.join(2)
            self.assertFalse(server.thread.is_alive())

    def test_after_the_drain_a_turn_still_writes_its_end(self) -> None:
        owner = Owner()
        with served(*talking(owner)) as server, WebSocketClient(server.client) as client:
            client.say("wait")
            self.assertTrue(until(lambda: bool(owner.began)))
            server.listener.drain(0.1)
            self.assertEqual(client.rest(), [(TEXT, b"answer to wait"), STOPPED])
        self.assertEqual(owner.ends, ["bridge stopped"])


if __name__ == "__main__":
    unittest.main()
