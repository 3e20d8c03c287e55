"""Conversations over real WebSockets: handshakes, turns, pings, ends, and clients who misbehave."""

import select
import socket
import threading
import time
import unittest
from collections.abc import Callable, Iterator

from support import LONG, chance
from support.served import (
    KEY,
    Lines,
    Served,
    echo,
    open_descriptors,
    running_threads,
    served,
    until,
)
from support.websockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    Frame,
    WebSocketClient,
    close_of,
    frame,
)

from codex_oss.server import (
    WEBSOCKET,
    HttpReply,
    HttpRequest,
    Limits,
    Route,
    StreamReply,
    WebSocket,
    WebSocketReply,
    answer_handshake,
)
from codex_oss.system import SystemClock

FAST = Limits(heartbeat_seconds=0.2, write_seconds=0.5, body_bytes_max=100_000)
STOPPED = (CLOSE, close_of(1001, b"bridge stopped"))
STREAMS = 10_000 if LONG else 300


def talking(serve: Callable[[WebSocket], None]) -> tuple[Route, Route]:
    def answer(request: HttpRequest) -> HttpReply | WebSocketReply:
        return answer_handshake(request.headers, serve)

    return Route("POST", "/v1/responses", echo), Route(WEBSOCKET, "/v1/responses", answer)


def answering(conversation: WebSocket) -> None:
    for text in conversation.messages():
        conversation.send(f"you said {text}")


class Owner:
    """Answers `wait` only when its turn is called off, and notes how conversations end."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ends: list[str] = []

    def __call__(self, conversation: WebSocket) -> None:
        try:
            for text in conversation.messages():
                self.began.append(text)
                if text.startswith("wait"):
                    self.wait(conversation)
                conversation.send(f"answer to {text}")
        finally:
            self.ends.append(conversation.deadline.cancelled_because)

    def wait(self, conversation: WebSocket) -> None:
        woken = threading.Event()
        with conversation.deadline.on_cancel(woken.set):
            woken.wait(10)


class LeapingClock(SystemClock):
    leapt = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.leapt


class Handshakes(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(served(*talking(answering)))

    def test_a_handshake_is_agreed_to_and_each_message_answered(self) -> None:
        with WebSocketClient(self.server.client) as client:
            for text in ("Hello", "", "é" * 300, "x" * 70_000):
                client.say(text)
                self.assertEqual(client.hear(), f"you said {text}")

    def test_the_rules_of_the_gate_hold_before(self) -> None:
        for headers, status in (
            ({"Authorization": None}, 401),
            ({"Authorization": f"Bearer {KEY}x"}, 401),
            ({"Host": "evil.example"}, 421),
            ({"Origin": "http://127.0.0.1"}, 403),
            ({"Origin": "null", "Authorization": None}, 403),
            ({"Sec_Fetch_Site": "cross-site"}, 403),
        ):
            answer = self.server.client.get("/v1/responses", **{**UPGRADE, **headers})
            self.assertEqual(answer.status, status, headers)

    def test_half_a_handshake_is_refused(self) -> None:
        for headers, status in (
            ({"Connection": "close"}, 400),
            ({"Sec_WebSocket_Key": None}, 400),
            ({"Sec_WebSocket_Key": "short"}, 400),
            ({"Sec_WebSocket_Key": "A" * 22 + "=="}, 101),
            ({"Sec_WebSocket_Key": "A" * 23 + "="}, 400),
            ({"Upgrade": "websocket, h2c", "Connection": "keep-alive, Upgrade"}, 101),
            ({"Sec_WebSocket_Version": "8"}, 426),
            ({"Sec_WebSocket_Version": None}, 426),
            ({"Upgrade": "h2c"}, 405),
            ({"Upgrade": None}, 405),
        ):
            with self.subTest(headers):
                raw = self.server.request("GET", "/v1/responses", **{**UPGRADE, **headers})
                with self.server.connect(raw + frame(CLOSE)) as client:
                    self.assertEqual(int(client.recv(4096).split(b" ")[1]), status)

    def test_another_version_is_told_ours(self) -> None:
        headers = {**UPGRADE, "Sec_WebSocket_Version": "14"}
        answer = self.server.client.get("/v1/responses", **headers)
        self.assertEqual((answer.status, answer.error["code"]), (426, "upgrade_required"))
        self.assertEqual(answer.headers["sec-websocket-version"], "13")

    def test_an_upgrade_elsewhere_is_an_ordinary_request(self) -> None:
        post = self.server.request("POST", "/v1/responses", b"x", Upgrade="websocket")
        self.assertEqual([answer.status for answer in self.server.raw(post)], [200])
        get = self.server.request("GET", "/v1/responses", **UPGRADE)
        for raw, status in (
            (get.replace(b"HTTP/1.1", b"HTTP/1.0"), 405),
            (get.replace(b"GET", b"HEAD"), 405),
            (get.replace(b"GET /", b"GET (websocket) /"), 400),
            (self.server.request("GET", "/v1/models", **UPGRADE), 404),
        ):
            with self.server.connect(raw) as client:
                came = client.recv(4096)
            self.assertEqual(int(came.split(b" ")[1]), status, raw)
            if status == 405:
                self.assertIn(b"allow: POST\r\n", came)

    def test_where_it_is_switched_off_http_is_asked_for(self) -> None:
        with served() as server:
            answer = server.client.get("/v1/responses", **UPGRADE)
            self.assertEqual((answer.status, answer.headers["upgrade"]), (426, "HTTP/1.1"))


class Conversations(unittest.TestCase):
    def test_frames_that_come_with_the_handshake_are_heard(self) -> None:
        with served(*talking(answering)) as server:
            ahead = frame(PING, b"p") + frame(TEXT, b"one") + frame(TEXT, b"tw")[:-1]
            with WebSocketClient(server.client, ahead) as client:
                self.assertEqual(client.read(), (PONG, b"p"))
                self.assertEqual(client.hear(), "you said one")
                client.send(frame(TEXT, b"tw")[-1:])
                self.assertEqual(client.hear(), "you said tw")

    def test_a_stream_of_frames_may_be_cut_at_every_byte(self) -> None:
        raw = frame(TEXT, b"He", final=False) + frame(PING, b"p")
        raw += frame(CONTINUATION, "llö".encode()) + frame(TEXT, b"x")
        expected = [(PONG, b"p"), (TEXT, "you said Hellö".encode()), (TEXT, b"you said x")]
        with served(*talking(answering)) as server:
            for at in range(len(raw) + 1):
                with WebSocketClient(server.client, raw[:at]) as client:
                    time.sleep(0.002)
                    client.send(raw[at:])
                    self.assertEqual([client.read() for _ in range(3)], expected, at)

    def test_what_comes_during_a_turn_waits_for_its_end(self) -> None:
        began, go = threading.Event(), threading.Event()

        def slow(conversation: WebSocket) -> None:
            for text in conversation.messages():
                began.set()
                go.wait(5)
                conversation.send(text)

        with served(*talking(slow)) as server, WebSocketClient(server.client) as client:
            client.say("first")
            self.assertTrue(began.wait(5))
            waiting = [*map(str, range(16))]
            for text in waiting:
                client.say(text)
            client.send(frame(PING, b"still there?"))
            self.assertEqual(client.read(), (PONG, b"still there?"))
            go.set()
            self.assertEqual([client.hear() for _ in range(17)], ["first", *waiting])

    def test_who_sends_more_than_can_wait_is_told_to_stop(self) -> None:
        owner = Owner()
        with served(*talking(owner), limits=FAST) as server:
            for frames in ([frame(TEXT, b"{}")] * 17, [frame(TEXT, b"x" * 60_000)] * 2):
                owner.began.clear()
                with WebSocketClient(server.client) as client:
                    client.say("wait")
                    self.assertTrue(until(lambda: owner.began == ["wait"]))
                    client.send(*frames)
                    [(opcode, payload)] = client.rest()
                    self.assertEqual((opcode, payload[:2]), (CLOSE, close_of(1008)))
            self.assertTrue(until(lambda: owner.ends == ["client left"] * 2))
            self.assertEqual(owner.began, ["wait"])

    def test_a_message_may_be_as_large_as_a_body(self) -> None:
        with served(*talking(answering), limits=FAST) as server:
            with WebSocketClient(server.client) as client:
                client.say("x" * FAST.body_bytes_max)
                self.assertEqual(len(client.hear()), len("you said ") + FAST.body_bytes_max)
                client.say("x" * (FAST.body_bytes_max + 1))
                [(opcode, payload)] = client.rest()
                self.assertEqual((opcode, payload[:2]), (CLOSE, close_of(1009)))


class Turns(unittest.TestCase):
    """A `StreamReply`, as over HTTP."""

    def relaying(self, events: Callable[[WebSocket], Iterator[list[str]]]) -> Served:
        def serve(conversation: WebSocket) -> None:
            for _ in conversation.messages():
                conversation.relay(StreamReply(DoneLines(), events(conversation)))

        return self.enterContext(served(*talking(serve), limits=FAST))

    def test_each_event_is_a_message_and_turns_follow_each_other(self) -> None:
        server = self.relaying(lambda conversation: iter([["a", "b"], [], ["c" * 70_000], ["end"]]))
        with WebSocketClient(server.client) as client:
            for _ in range(2):
                client.say("{}")
                self.assertEqual([client.hear() for _ in range(4)], ["a", "b", "c" * 70_000, "end"])

    def test_silence_is_broken_by_signs_of_life(self) -> None:
        def events(conversation: WebSocket) -> Iterator[list[str]]:
            yield ["busy"]
            time.sleep(0.75)
            yield ["end"]

        with WebSocketClient(self.relaying(events).client) as client:
            client.say("{}")
            came = [client.hear()]
            while came[-1] != "end":
                came.append(client.hear())
            self.assertIn(came, (["busy", *["{}"] * n, "end"] for n in (2, 3)))
            time.sleep(0.5)
            client.send(frame(CLOSE))
            self.assertEqual(client.rest(), [(CLOSE, b"")])  # No life is shown between turns.

    def test_a_fault_of_the_owner_ends_turn_and_conversation_and_is_logged(self) -> None:
        def events(conversation: WebSocket) -> Iterator[list[str]]:
            yield ["a"]
            raise KeyError("secret")

        server = self.relaying(events)
        with WebSocketClient(server.client) as client:
            client.say("{}")
            self.assertEqual([client.hear(), client.hear()], ["a", "internal_error"])
            self.assertEqual(client.rest(), [(CLOSE, close_of(1011))])
        [line] = server.log
        self.assertEqual(line["error"], "KeyError")
        self.assertNotIn("secret", str(line))

    def test_a_slow_reader_gets_every_event_and_little_waits_for_him(self) -> None:
        pulled: list[int] = []

        def events(conversation: WebSocket) -> Iterator[list[str]]:
            for number in range(600):
                pulled.append(number)
                yield [f"{number:04}" + "x" * 16_380]

        server = self.relaying(events)
        with WebSocketClient(server.client, buffer_bytes=4096) as client:
            client.say("{}")
            self.assertTrue(until(lambda: len(pulled) > 1))
            time.sleep(0.3)
            self.assertLess(len(pulled) * 16_384, 1024 * 1024)
            self.assertEqual([int(client.hear()[:4]) for _ in range(600)], [*range(600)])

    def test_who_does_not_read_at_all_is_a_client_who_left(self) -> None:
        ends: list[str] = []

        def events(conversation: WebSocket) -> Iterator[list[str]]:
            try:
                while True:
                    yield ["x" * 60_000]
            finally:
                ends.append(conversation.deadline.cancelled_because)

        server = self.relaying(events)
        with WebSocketClient(server.client) as client:
            started = time.monotonic()
            client.say("{}")
            self.assertTrue(until(lambda: bool(ends)))
            self.assertLess(time.monotonic() - started, 3)
            self.assertTrue(client.file.read().endswith(b"x"))  # No Close inside of a message.
        self.assertEqual(ends, ["client left"])
        self.assertTrue(until(lambda: not server.connections))
        self.assertEqual(server.log, [])


class DoneLines(Lines):
    """Writes streams that end as those of responses do."""

    def encode(self, events: list[str]) -> bytes:
        return super().encode(events) + (b"data: [DONE]\n\n" if "end" in events else b"")


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
