"""A real `python3 bridge.py` that is loaded, starved, stopped and killed (bridge.md 3 and 15)."""

import json
import signal
import socket
import subprocess
import sys
import time
import unittest

from support import LONG, ROOT, chance, scratch
from support.clients import EventStream
from support.processes import SECONDS_MAX, BridgeProcess, Cost, bridge_process, profile, variables
from support.providers import ScriptedProvider, delta, stream
from support.served import answers, read_all, until
from support.silence import SilentProvider
from support.websockets import CLOSE, WebSocketClient, close_of

REQUESTS = 10_000 if LONG else 300
STREAMS = 512 if LONG else 64
SLOW = 200 if LONG else 60
IDLE_THREADS = 2  # The first one, and the pulse.
MEMORY_KIB_MAX = 10 * 1024
HELD_MEMORY_KIB_MAX = 120 * 1024
TURN = {"model": "scripted", "input": "hi", "stream": True}
QUICK = {
    "PROXY_HEADER_TIMEOUT_SECONDS": "1",
    "PROXY_BODY_TIMEOUT_SECONDS": "1",
    "PROXY_WRITE_TIMEOUT_SECONDS": "1",
    "PROXY_MAX_BODY_BYTES": "1048576",
}
GOING_AWAY = (CLOSE, close_of(1001, b"bridge stopped"))
READ_BYTES = 65_536  # More than a whole reply.
FEW = ("warning", 32, 1024)
MANY = {"MAX_GLOBAL_UPSTREAM_CONCURRENCY": "1024", "UPSTREAM_QUEUE_MAX": "0"}


class Endurance(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        self.project = self.folder / "project"
        self.project.mkdir()

    def start(self, base_url: str = "http://127.0.0.1:9/v1", **environ: str) -> BridgeProcess:
        bridge = self.enterContext(bridge_process(self.project, profile(base_url), **environ))
        self.assertEqual(bridge.client.get("/healthz").status, 200)  # All of it is there.
        self.assertTrue(until(lambda: bridge.cost.threads == IDLE_THREADS))
        return bridge

    def streams(self, bridge: BridgeProcess, count: int) -> list[EventStream]:
        """Return so many streams of which each has begun."""
        raw = bridge.client.head("POST", "/v1/responses", json.dumps(TURN).encode(), {})
        clients = [self.enterContext(bridge.client.send(raw)) for _ in range(count)]
        streams = [EventStream(client) for client in clients]
        for begun in streams:
            self.addCleanup(begun.hang_up)
            while b'"response.in_progress"' not in begun.file.readline():
                pass
        return streams

    def settled(self, bridge: BridgeProcess, before: Cost) -> Cost:
        """Return what the bridge costs once everybody has left."""
        until(lambda: bridge.cost.threads <= before.threads)
        until(lambda: bridge.cost.descriptors <= before.descriptors)
        return bridge.cost


class Load(Endurance):
    def test_random_bytes_cost_nothing_that_stays(self) -> None:
        bridge = self.start(**QUICK)
        random = chance("attack")
        good = [
            bridge.client.head("GET", "/v1/models", None, {}),
            bridge.client.head("POST", "/v1/responses", b'{"model": "x", "input": "hi"}', {}),
            bridge.client.head("GET", "/v1/responses", None, {"Upgrade": "websocket"}),
        ]

        def ask(raw: bytes) -> bytes:
            with bridge.client.send(raw) as client:
                client.shutdown(socket.SHUT_WR)
                return read_all(client)

        for raw in good * 10:
            ask(raw)
        before = self.settled(bridge, bridge.cost)
        for number in range(REQUESTS):
            raw = bytearray(random.choice(good))
            for _ in range(random.randint(1, 4)):
                at = random.randrange(len(raw))
                raw[at : at + random.randrange(4)] = random.randbytes(random.randrange(4))
            came = ask(bytes(raw) if number % 3 else random.randbytes(random.randint(1, 2000)))
            self.assertTrue(came.startswith(b"HTTP/1.1 "), raw)
            self.assertNotIn(b"Traceback", came)
        after = self.settled(bridge, before)
        self.assertLessEqual(after.threads, before.threads)
        self.assertLessEqual(after.descriptors, before.descriptors)
        self.assertLess(after.memory_kib - before.memory_kib, MEMORY_KIB_MAX)
        self.assertNotIn("internal_error", "".join(bridge.said))

    def test_slow_heads_and_bodies_leave_health_quick_and_are_ended(self) -> None:
        bridge = self.start(**QUICK)
        before = self.settled(bridge, bridge.cost)
        head = bridge.client.head("GET", "/v1/models", None, {})
        post = bridge.client.head("POST", "/v1/responses", b"x" * 100, {})
        starts = (b"", head[:-2], post[:-50])
        clients = [bridge.client.send(starts[number % 3]) for number in range(SLOW)]
        waits = []
        for _ in range(20):
            started = time.monotonic()
            self.assertEqual(bridge.client.get("/healthz").status, 200)
            waits.append(time.monotonic() - started)
        self.assertLess(sorted(waits)[10], 0.1)
        for client in clients:
            with client:
                [answer] = answers(read_all(client))
                self.assertEqual(answer.status, 408)
        after = self.settled(bridge, before)
        self.assertLessEqual(after.threads, before.threads)
        self.assertLessEqual(after.descriptors, before.descriptors)

    def test_many_idle_streams_are_held(self) -> None:
        with SilentProvider() as provider:
            bridge = self.start(provider.base_url, **MANY)
            idle = bridge.cost
            streams = self.streams(bridge, STREAMS)
            held = bridge.cost
            self.assertEqual(held.threads, IDLE_THREADS + STREAMS)
            self.assertLess(held.memory_kib, HELD_MEMORY_KIB_MAX)
            self.assertEqual(bridge.client.get("/healthz").status, 200)
            for held_open in streams:
                held_open.hang_up()
            after = self.settled(bridge, idle)
            self.assertLessEqual(after.threads, idle.threads)
            self.assertLessEqual(after.descriptors, idle.descriptors)

    def test_who_does_not_read_costs_little_and_is_hung_up_on(self) -> None:
        flood = stream([delta(content="x" * 16_000)] * 500)
        with ScriptedProvider(always=flood) as provider:
            bridge = self.start(provider.base_url, **QUICK, **MANY)
            before = bridge.cost
            raw = bridge.client.head("POST", "/v1/responses", json.dumps(TURN).encode(), {})
            clients = [self.enterContext(bridge.client.send(raw)) for _ in range(8)]
            self.assertTrue(until(lambda: bridge.cost.threads >= before.threads + 8))
            after = self.settled(bridge, before)
            self.assertLessEqual(after.threads, before.threads)
            self.assertLess(after.memory_kib - before.memory_kib, 2 * MEMORY_KIB_MAX)
            for client in clients:
                client.close()


class Scarcity(Endurance):
    """Callers without a key must not take what our own work needs."""

    def start_with(self, soft: int, hard: int, **environ: str) -> BridgeProcess:
        limits = {"descriptors_max": (soft, hard)}
        return self.enterContext(bridge_process(self.project, **limits, **environ))

    def test_the_limit_of_open_files_is_raised_for_the_connections(self) -> None:
        bridge = self.start_with(64, 4096, PROXY_MAX_CONNECTIONS="200")
        clients = [self.enterContext(bridge.client.send(b"GET / HT")) for _ in range(199)]
        self.assertTrue(until(lambda: bridge.cost.threads >= 199))
        self.assertEqual(bridge.client.get("/health").status, 200)
        self.assertNotIn("few_descriptors", "".join(bridge.said))
        self.assertEqual(len(clients), 199)

    def test_where_it_cannot_be_raised_fewer_are_served_and_the_log_says_so(self) -> None:
        bridge = self.start_with(160, 160)
        kept = self.enterContext(bridge.client.send(b""))
        health = bridge.client.head("GET", "/healthz", None, {"Connection": None})
        kept.sendall(health)  # It has its place from here on.
        self.assertEqual(kept.recv(READ_BYTES)[:15], b"HTTP/1.1 200 OK")
        for _ in range(60):
            self.enterContext(bridge.client.send(b"GET / HT"))
        self.assertTrue(until(lambda: bridge.cost.threads >= 32))
        kept.sendall(health)
        self.assertEqual(kept.recv(READ_BYTES)[:15], b"HTTP/1.1 200 OK")
        self.assertEqual(bridge.client.get("/healthz").error["code"], "too_many_connections")
        [line] = [json.loads(line) for line in bridge.said if "few_descriptors" in line]
        self.assertEqual((line["level"], line["connections_max"], line["asked"]), FEW)
        self.assertIn("ulimit -n", line["hint"])


class Signals(Endurance):
    def test_a_stop_ends_every_stream_in_words(self) -> None:
        with SilentProvider() as provider:
            bridge = self.start(provider.base_url, **MANY, BRIDGE_SHUTDOWN_DRAIN_SECONDS="1")
            streams = self.streams(bridge, 16)
            started = time.monotonic()
            bridge.signal(signal.SIGTERM)
            self.check_stopped(streams)
            self.assertEqual(bridge.wait(), 0)
            self.assertGreater(time.monotonic() - started, 1)
            self.assertLess(time.monotonic() - started, 4)

    def test_a_stop_ends_every_websocket_in_words(self) -> None:
        drain = {"BRIDGE_SHUTDOWN_DRAIN_SECONDS": "1", "RESPONSES_WEBSOCKET": "1"}
        with SilentProvider() as provider:
            bridge = self.start(provider.base_url, **MANY, **drain)
            clients = [self.enterContext(WebSocketClient(bridge.client)) for _ in range(8)]
            busy, idle = clients[:6], clients[6:]
            for client in busy:
                client.say(
                    json.dumps({"type": "response.create", "model": "scripted", "input": "x"})
                )
                self.assertIn("response.created", client.hear())
            bridge.signal(signal.SIGTERM)
            for client in busy:
                *_, (_, failed), closed = client.rest()
                event = json.loads(failed)
                self.assertEqual(event["type"], "response.failed")
                self.assertEqual(event["response"]["error"]["message"], "bridge stopped")
                self.assertEqual(closed, GOING_AWAY)
            self.assertEqual([client.rest() for client in idle], [[GOING_AWAY]] * 2)
            self.assertEqual(bridge.wait(), 0)

    def test_a_second_word_ends_them_at_once(self) -> None:
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)):
            with self.subTest(first), SilentProvider() as provider:
                bridge = self.start(provider.base_url, **MANY)
                streams = self.streams(bridge, 8)
                bridge.signal(first)
                self.assertTrue(until(lambda: bridge.client.get("/readyz").status == 503))  # noqa: B023
                started = time.monotonic()
                bridge.signal(second)
                self.check_stopped(streams)
                self.assertEqual(bridge.wait(), 0)
                self.assertLess(time.monotonic() - started, 2)

    def check_stopped(self, streams: list[EventStream]) -> None:
        for events in streams:
            *_, failed, done = events
            self.assertEqual((failed.type, done.data), ("response.failed", "[DONE]"))
            error = failed.data["response"]["error"]  # type: ignore[index]
            self.assertEqual((error["code"], error["message"]), ("server_error", "bridge stopped"))

    def test_a_killed_bridge_leaves_a_project_where_up_starts_clean(self) -> None:
        with SilentProvider() as provider:
            bridge = self.start(provider.base_url, **MANY)
            self.streams(bridge, 4)
            bridge.signal(signal.SIGKILL)
            bridge.wait()
            self.assertEqual(self.command("status")[0], 1)
            code, said = self.command("up", "--daemon", "--port", "0")
            self.addCleanup(self.command, "stop", "--now")
            self.assertEqual((code, said["outcome"]), (0, "started"))
            self.assertEqual(self.command("up", "--daemon")[1]["outcome"], "already_running")
            self.assertEqual(self.command("status")[1]["state"], "running")
            self.assertEqual(self.command("stop", "--now")[1]["outcome"], "stopped")

    def command(self, *words: str) -> tuple[int, dict]:
        done = subprocess.run(
            [sys.executable, "-B", str(ROOT / "bin" / "codex-oss"), *words, "--json"],
            cwd=self.project,
            env=variables(self.project, {}),
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main()
