"""A real `python3 bridge.py` under attack: what bridge.md 3 promises, seen from outside.

The provider is real too, so that a request that slipped through would be seen to reach it.
"""

import json
import signal
import socket
import threading
import unittest
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support import LONG, scratch
from support.clients import Answer, Client
from support.commands import CommandLine
from support.processes import KEY, BridgeProcess, bridge_process, profile
from support.providers import Pause, Reply, ScriptedProvider, delta, failure, text
from support.served import answers, read_all

TURN = {"model": "scripted", "input": "hi", "stream": True}
MARK = "m4rk3d-w0rd"
MARKED_TURN = {
    "model": "scripted",
    "input": MARK,
    "store": False,
    "instructions": MARK,
    "metadata": {MARK: MARK},
    "user": MARK,
    "tools": [{"type": "function", "name": MARK, "description": MARK, "parameters": {}}],
}


class Attack(unittest.TestCase):
    """One bridge for all tests of a class, and a provider that nobody ever reaches."""

    bridge: BridgeProcess
    provider: ScriptedProvider

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(scratch())
        project = folder / "project"
        project.mkdir()
        cls.provider = cls.enterClassContext(ScriptedProvider(always=text("It reached me.")))
        profiles = profile(cls.provider.base_url)
        cls.bridge = cls.enterClassContext(bridge_process(project, profiles))

    def tearDown(self) -> None:
        self.assertEqual(self.provider.requests, [])

    def head(self, method: str, path: str, body: bytes | None = None, **headers) -> bytes:
        return self.bridge.client.head(method, path, body, headers)

    def raw(self, raw: bytes) -> list[Answer]:
        """Send these bytes and return all answers, once the bridge has hung up."""
        with self.bridge.client.send(raw) as client:
            return answers(read_all(client))


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


class WhoMayAsk(Attack):
    """A web page, a name that was rebound to us, and a process without the key."""

    def test_a_name_that_was_rebound_to_us_is_misdirected(self) -> None:
        port = self.bridge.port
        for host in (
            "evil.example",
            f"evil.example:{port}",
            f"127.0.0.1.evil.example:{port}",
            f"localhost.evil.example:{port}",
            f"localhost.:{port}",
            f"127.0.0.2:{port}",
            f"127.1:{port}",
            f"2130706433:{port}",
            f"0x7f.1:{port}",
            f"0.0.0.0:{port}",
            f"[::]:{port}",
            f"[::ffff:127.0.0.1]:{port}",
            f"::1:{port}",
            f"127.0.0.1:{port + 1}",
            f"127.0.0.1:0{port}",
            f"127.0.0.1:{port}:80",
            f"user@127.0.0.1:{port}",
            f"evil.example@127.0.0.1:{port}",
            f"127.0.0.1:{port}, evil.example",
            f"127.0.0.1:{port}/",
            f"127.0.0.1 :{port}",
            "127.0.0.1",
            "127.0.0.1:",
            "",
        ):
            for path in ("/healthz", "/v1/models", "/nowhere"):
                self.assertEqual(self.bridge.client.get(path, Host=host).status, 421, host)

    def test_our_own_names_are_ours_in_both_families(self) -> None:
        for host in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
            answer = self.bridge.client.get("/v1/models", Host=f"{host}:{self.bridge.port}")
            self.assertEqual(answer.status, 200, host)
        with socket.create_connection(("::1", self.bridge.port)) as client:
            client.sendall(self.head("GET", "/healthz", None, Host=f"[::1]:{self.bridge.port}"))
            self.assertEqual(answers(read_all(client))[0].status, 200)

    def test_a_second_host_is_not_chosen_from(self) -> None:
        good = self.head("GET", "/v1/models")
        for other in (b"Host: evil.example\r\n", b"Host: 127.0.0.1:%d\r\n" % self.bridge.port):
            [answer] = self.raw(good.replace(b"Host:", other + b"Host:"))
            self.assertEqual(answer.status, 421)

    def test_a_web_page_gets_nothing_not_even_with_the_key(self) -> None:
        here = f"http://127.0.0.1:{self.bridge.port}"
        for origin in ("null", "", "https://evil.example", here, "file://", "chrome-extension://x"):
            for path in ("/healthz", "/readyz", "/health", "/v1/models", "/v1/responses"):
                for method in ("GET", "POST", "OPTIONS", "DELETE"):
                    answer = self.bridge.client.ask(method, path, b"{}", Origin=origin)
                    self.assertEqual(answer.status, 403, (origin, path, method))
        for site in ("cross-site", "same-site", "", "none, cross-site"):
            answer = self.bridge.client.get("/healthz", Sec_Fetch_Site=site)
            self.assertEqual(answer.status, 403, site)

    def test_no_reply_invites_a_web_page(self) -> None:
        for headers in ({}, {"Origin": "null"}, {"Authorization": None}):
            for method in ("GET", "OPTIONS", "POST"):
                answer = self.bridge.client.ask(
                    method, "/v1/models", b"{}", Access_Control_Request_Method="POST", **headers
                )
                allowing = [name for name in answer.headers if name.startswith("access-control")]
                self.assertEqual(allowing, [])
        self.assertEqual(self.bridge.client.ask("OPTIONS", "/v1/responses", None).status, 405)

    def test_without_the_key_every_path_is_the_same_wall(self) -> None:
        paths = (
            "/v1/responses",
            "/v1/models",
            "/health",
            "/admin/shutdown",
            "/nowhere",
            "/",
            "/..",
        )
        wrong = (
            None,
            "",
            "Bearer",
            "Bearer ",
            f"Bearer  {KEY}",
            f"Bearer {KEY[:-1]}",
            f"Bearer {KEY}x",
            f"Bearer {KEY.upper()}",
            f"Bearer {KEY}, Bearer {KEY}",
            f"Bearer\t{KEY}",
            f"Basic {KEY}",
            KEY,
            "Bearer sk-local-codex-bridge",
            "Bearer \u00ff",
        )
        seen = set()
        for authorization in wrong:
            for path in paths:
                for method in ("GET", "POST"):
                    headers = {"Authorization": authorization, "X_Api_Key": KEY}
                    answer = self.bridge.client.ask(
                        method, f"{path}?api_key={KEY}", b"{}", Cookie=f"key={KEY}", **headers
                    )
                    told = {n: v for n, v in answer.headers.items() if n != "x-request-id"}
                    seen.add((answer.status, answer.body, str(told)))
        [(status, body, _)] = seen
        self.assertEqual((status, b"invalid_api_key" in body), (401, True))
        self.assertNotIn(KEY.encode(), body)

    def test_paths_that_climb_or_break_lines_lead_nowhere(self) -> None:
        for path in (
            "/../etc/passwd",
            "/v1/responses/..",
            "/v1/responses/%2e%2e",
            "/v1/models/../../etc/passwd",
            "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "/v1/models/..%5c..%5cx",
            "/v1//models",
            "//v1/models",
            "/v1/models/%00",
            "/v1/models/a%0d%0aX-Evil:%20y",
            "/v1/responses/resp_1%0d%0aSet-Cookie:%20a=b",
            "/v1/responses/" + "a" * 129,
            "/v1/models/" + "a" * 4000,
            "/v1/models/%zz",
            "/v1/models/%c0%ae%c0%ae",
        ):
            answer = self.bridge.client.get(path)
            self.assertIn(answer.status, (400, 404), path)
            self.assertFalse({"x-evil", "set-cookie"} & set(answer.headers), path)

    def test_what_a_form_can_send_is_not_read(self) -> None:
        for kind in (
            None,
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/jsonx",
        ):
            answer = self.bridge.client.post("/v1/responses", TURN, Content_Type=kind)
            self.assertEqual(answer.status, 415, kind)
        for coding in ("gzip", "br", "identity, gzip", "x"):
            answer = self.bridge.client.post("/v1/responses", TURN, Content_Encoding=coding)
            self.assertEqual(answer.status, 415, coding)

    def test_a_get_changes_nothing(self) -> None:
        project = self.bridge.project
        stored = self.bridge.client.turn({"model": "rehearsal", "input": "hi"}).json["id"]
        before = contents(project)
        for path in (
            "/health",
            "/healthz",
            "/readyz",
            "/v1/models",
            "/v1/models/rehearsal",
            f"/v1/responses/{stored}",
            f"/v1/responses/{stored}/input_items",
        ):
            self.assertEqual(self.bridge.client.get(path).status, 200, path)
        for path in ("/admin/shutdown", f"/v1/responses/{stored}/cancel", "/v1/responses/compact"):
            self.assertIn(self.bridge.client.get(path).status, (400, 404, 405), path)
        self.assertEqual(contents(project), before)
        self.assertEqual(self.bridge.client.get("/readyz").status, 200)


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file but those that SQLite keeps for who reads."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".sqlite3-shm")
    return {path: path.read_bytes() for path in files}


class Outward(unittest.TestCase):
    """What goes to providers (bridge 3.13): a key to its own host alone, and nobody's headers."""

    def test_keys_and_callers_stay_where_they_belong(self) -> None:
        project = self.enterContext(scratch())
        first, second = (self.enterContext(ScriptedProvider(always=text("ok"))) for _ in range(2))
        moved = failure(307, b"", {"location": f"{second.base_url}/chat/completions"})
        profiles = {
            "first": profile(first.base_url, key_env="FIRST_KEY")["scripted"],
            "second": profile(second.base_url, key_env="SECOND_KEY")["scripted"],
        }
        keys = {"FIRST_KEY": "sk-first-0123456789", "SECOND_KEY": "sk-second-0123456789"}
        with bridge_process(project, profiles, UPSTREAM_RETRIES="0", **keys) as bridge:
            client = Client(bridge.port, KEY, Cookie=MARK, X_Api_Key=MARK, X_Forwarded_For=MARK)
            for name in ("first", "second"):
                self.assertEqual(client.turn({"model": name, "input": "hi"}).status, 200)
            first.then(moved)
            self.assertEqual(client.turn({"model": "first", "input": "hi"}).status, 400)
        self.assertEqual((len(first.requests), len(second.requests)), (2, 1))
        for provider, own in ((first, keys["FIRST_KEY"]), (second, keys["SECOND_KEY"])):
            for request in provider.requests:
                self.assertEqual(request.headers["authorization"], f"Bearer {own}")
                sent = str(request.headers) + request.raw.decode()
                others = {KEY, MARK, *keys.values()} - {own}
                self.assertEqual([word for word in others if word in sent], [])

    def test_a_provider_elsewhere_must_be_encrypted(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        for name, value in (
            ("PROFILES_JSON", json.dumps(profile("http://provider.example/v1"))),
            ("UPSTREAM_BASE", "http://127.0.0.1.evil.example/v1"),
        ):
            done = line.run("up", "--port", "0", **{name: value})
            self.assertEqual(done.code, 1, name)
            self.assertIn("expected https://HOST/PATH, or http to this machine", done.err)


class Secrets(unittest.TestCase):
    def test_nothing_that_a_caller_or_a_provider_says_is_kept(self) -> None:
        project = self.enterContext(scratch()) / "project"
        project.mkdir()
        log = project / "bridge.log"
        key = f"sk-{MARK}-of-callers"
        secrets = {"PROXY_API_KEY": key, "ACME_KEY": f"sk-{MARK}-of-acme"}
        with ScriptedProvider() as provider:
            profiles = profile(provider.base_url, key_env="ACME_KEY")
            running = bridge_process(project, profiles, **secrets, PROXY_LOG_PATH=str(log))
            bridge = self.enterContext(running)
            client = Client(bridge.port, key, Thread_Id=f"thread-{MARK}", X_Other=MARK)
            self.take_turns(client, provider)
            self.be_refused(client)
            bridge.signal(signal.SIGTERM)
            bridge.wait()
        self.check_nothing_is_kept(bridge, log)

    def take_turns(self, client: Client, provider: ScriptedProvider) -> None:
        """Have turns left by their caller, completed, and failed by the provider."""
        provider.always = Reply((delta(content=f"say {MARK}"), Pause(20)))
        with client.stream({**MARKED_TURN, "stream": True}) as events:
            while b"delta" not in events.file.readline():
                pass
        provider.always = text("said")
        self.assertEqual(client.turn({"model": "scripted", "input": "stored"}).status, 200)
        wrong = failure(400, {"error": {"message": f"{MARK} is wrong"}})
        broken = text(f"say {MARK}").cut(150)
        for answer in (text(f"say {MARK}"), wrong, broken):
            for is_streamed in (False, True):
                provider.always = answer
                client.turn({**MARKED_TURN, "stream": is_streamed})

    def be_refused(self, client: Client) -> None:
        for document in ({"model": MARK, "input": "x"}, {MARK: 1}, MARK.encode(), {"model": 1}):
            self.assertEqual(client.turn(document).status, 400)
        for path in (
            f"/{MARK}",
            f"/v1/models/{MARK}",
            f"/v1/responses/{MARK}",
            f"/health?x={MARK}",
        ):
            client.get(path)
        for name in ("Authorization", "Host", "Origin", "Upgrade", "Expect", "User_Agent"):
            client.get("/v1/models", **{name: MARK})
        client.post("/v1/responses", MARKED_TURN, Content_Type=MARK)
        with client.send(f"{MARK}\r\n\r\n".encode()) as raw:
            read_all(raw)

    def check_nothing_is_kept(self, bridge: BridgeProcess, log: Path) -> None:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        outcomes = Counter(line["outcome"] for line in lines if line["event"] == "turn")
        expected = {"completed": 3, "failed": 4, "cancelled": 1, "refused": 4}
        self.assertEqual(outcomes, expected)
        files = [path for path in bridge.project.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 2)
        self.assertEqual([path for path in files if MARK.encode() in path.read_bytes()], [])
        self.assertNotIn(MARK, "".join(bridge.said))


if __name__ == "__main__":
    unittest.main()
