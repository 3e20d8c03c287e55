"""Conversations over real WebSockets: handshakes, messages, turns, and clients who misbehave."""

import threading
import time
import unittest
from collections.abc import Callable, Iterator

from support.conversations import FAST, Owner, answering, talking
from support.served import KEY, Lines, Served, served, until
from support.websockets import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    WebSocketClient,
    close_of,
    frame,
)

from codex_oss.server import StreamReply, WebSocket


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


if __name__ == "__main__":
    unittest.main()
