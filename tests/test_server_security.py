"""bridge.md section 3 over real sockets, a test for each line of it."""

import json
import resource
import socket
import time
import unittest
from contextlib import suppress

from support import ROOT  # noqa: F401  Puts the checkout on the path.
from support.served import KEY, Served, answers, read_all, served, until

from codex_oss.server import HttpReply, HttpRequest, Limits, Route, health_proof

SMALL = Limits(
    body_bytes_max=1000,
    connections_max=12,
    header_seconds=0.3,
    body_seconds=0.3,
    keepalive_seconds=0.3,
    write_seconds=0.5,
)
JSON = {"Content-Type": "application/json"}


class Security(unittest.TestCase):
    server: Served

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(served(limits=SMALL))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers):
        return self.server.client.ask(method, path, body, **headers)

    def assert_closed_with(self, status: int, *pieces: bytes) -> None:
        """One answer, which says that it is the last, and then the end."""
        came = self.server.raw(*pieces)
        self.assertEqual([answer.status for answer in came], [status], pieces)
        self.assertEqual(came[0].headers["connection"], "close")
        self.assertEqual(came[0].json["error"].keys(), {"message", "type", "param", "code"})

    # 3.1
    def test_01_loopback_is_bound_in_both_families_and_nothing_else(self) -> None:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, self.server.port), timeout=2) as client:
                client.sendall(self.server.request("GET", "/healthz"))
                self.assertEqual(answers(read_all(client))[0].json, {"ok": True})
        with self.assertRaises(OSError):
            socket.create_connection((_outer_address(), self.server.port), timeout=2)

    def test_01_checks_come_in_the_documented_order(self) -> None:
        faults = [
            ({"Transfer_Encoding": "gzip"}, 501),
            ({"Host": "evil.test"}, 421),
            ({"Origin": "null"}, 403),
            ({"Authorization": "Bearer no"}, 401),
            ({}, 404),
        ]
        self.assertEqual(self.ask("POST", "/v1/responses", b"x" * 2000).status, 413)
        self.assertEqual(
            self.ask("POST", "/v1/responses", b"x" * 2000, Content_Type="text/plain").status, 415
        )
        bad: dict[str, str | None] = {"Content_Type": "text/plain", "Content_Length": "2000"}
        for fault, status in reversed(faults):
            if "Transfer_Encoding" in fault:
                bad["Content_Length"] = None
            bad |= fault
            answer = self.ask("POST", "/nowhere", b"", **bad)
            self.assertEqual(answer.status, status)

    # 3.2
    def test_02_without_the_key_known_and_unknown_paths_give_the_same_bytes(self) -> None:
        said = set()
        for method, path in (
            ("GET", "/v1/models"),
            ("GET", "/nowhere"),
            ("POST", "/v1/responses"),
            ("OPTIONS", "/v1/responses"),
            ("GET", "/v1/models/../../etc/passwd"),
        ):
            for authorization in (None, "Bearer sk-local-codex-bridge", f"Basic {KEY}"):
                answer = self.ask(method, path, b"", Authorization=authorization)
                headers = {**answer.headers, "x-request-id": ""}
                said.add((answer.status, tuple(headers.items()), answer.body))
        self.assertEqual([(status, len(said)) for status, *_ in said], [(401, 1)])
        self.assertEqual(json.loads(next(iter(said))[2])["error"]["code"], "invalid_api_key")

    def test_02_the_key_is_checked_before_the_body_is_read(self) -> None:
        head = self.server.request(
            "POST", "/v1/responses", b"", Authorization=None, Content_Length="900"
        )
        self.assert_closed_with(401, head)

    # 3.3
    def test_03_a_challenge_is_answered_with_the_proof_and_nothing_else(self) -> None:
        challenge = "0123456789abcdef" * 2
        proof = health_proof(KEY, challenge, self.server.port)
        for path in ("/healthz", "/readyz"):
            answer = self.ask("GET", f"{path}?challenge={challenge}", Authorization=None)
            self.assertEqual((answer.status, answer.json), (200, {"ok": True, "proof": proof}))
            self.assertEqual(self.ask("GET", path, Authorization=None).json, {"ok": True})
        for bad in ("", "0" * 31, "0" * 33, "g" * 32, "0" * 31 + "%0a"):
            self.assertEqual(self.ask("GET", f"/healthz?challenge={bad}").status, 400)

    # 3.4
    def test_04_another_host_is_misdirected(self) -> None:
        port = self.server.port
        for host in ("evil.test", f"evil.test:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"):
            self.assertEqual(self.ask("GET", "/healthz", Host=host).status, 421)
        for host in (f"localhost:{port}", f"[::1]:{port}"):
            self.assertEqual(self.ask("GET", "/healthz", Host=host).status, 200)
        twice = self.server.request("GET", "/healthz").replace(b"Host:", b"Host: evil\r\nHost:")
        self.assertEqual(self.server.raw(twice)[0].status, 421)

    def test_04_a_listed_host_passes(self) -> None:
        with served(extra_hosts=("bridge.test:443",)) as server:
            self.assertEqual(server.client.get("/v1/models", Host="bridge.test:443").status, 200)

    def test_04_a_target_with_another_host_is_malformed(self) -> None:
        self.assertEqual(self.ask("GET", "http://evil.test/healthz").status, 400)
        own = f"http://127.0.0.1:{self.server.port}/healthz"
        self.assertEqual(self.ask("GET", own).json, {"ok": True})

    # 3.5
    def test_05_web_pages_are_kept_out_of_every_route(self) -> None:
        for path in ("/healthz", "/readyz", "/v1/models", "/nowhere"):
            for headers in (
                {"Origin": "null"},
                {"Origin": "http://localhost"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
            ):
                answer = self.ask("GET", path, **headers)
                self.assertEqual(answer.status, 403)
                self.assertFalse([name for name in answer.headers if name.startswith("access-")])

    def test_05_a_preflight_gets_no_permission(self) -> None:
        answer = self.ask("OPTIONS", "/v1/responses")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"))
        self.assertFalse([name for name in answer.headers if name.startswith("access-")])
        self.assertEqual(self.ask("OPTIONS", "/v1/responses", Origin="http://x").status, 403)

    # 3.6
    def test_06_a_post_must_be_plain_json(self) -> None:
        for headers in (
            {"Content_Type": None},
            {"Content_Type": "text/plain"},
            {"Content_Type": "application/json; charset=utf-16"},
            {"Content_Encoding": "gzip"},
        ):
            self.assertEqual(self.ask("POST", "/v1/responses", b"{}", **headers).status, 415)
        good = self.ask(
            "POST", "/v1/responses", b"{}", Content_Type="application/json;charset=utf-8"
        )
        self.assertEqual(good.json["body"], "{}")

    # 3.7
    def test_07_nothing_is_smuggled_past_a_doubtful_length(self) -> None:
        inner = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
        head = self.server.request("POST", "/v1/responses", b"", Content_Length=None, **JSON)
        head = head.removesuffix(b"\r\n")
        for lines, status in (
            (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400),
            (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400),
            (b"Content-Length: 0\r\nContent-Length: 4\r\n", 400),
            (b"Content-Length: 4\r\nContent-Length: 4\r\n", 400),
            (b"Content-Length: +4\r\n", 400),
            (b"Content-Length: 5_0\r\n", 400),
            (b"Content-Length: \xb2\r\n", 400),
            (b"Content-Length: -1\r\n", 400),
            (b"Content-Length : 4\r\n", 400),
            (b"Content-Length:\r\n 4\r\n", 400),
            (b"X: y\nContent-Length: 4\r\n", 400),
            (b"Transfer-Encoding: chunked, gzip\r\n", 501),
            (b"Transfer-Encoding: \x0bchunked\r\n", 400),
            (b"Transfer-Encoding: identity\r\n", 501),
            (b"", 411),
        ):
            with self.subTest(lines):
                self.assert_closed_with(status, head + lines + b"\r\n" + inner)

    def test_07_chunks_are_decoded_strictly(self) -> None:
        head = self.server.request(
            "POST", "/v1/responses", b"", Content_Length=None, Transfer_Encoding="chunked"
        )
        good = self.server.raw(head, b"3\r\nab", b"c\r\n2\r", b"\nde\r\n0\r\n\r", b"\n")
        self.assertEqual([answer.json["body"] for answer in good], ["abcde"])
        for chunks, status in (
            (b"5;x=y\r\nhello\r\n0\r\n\r\n", 400),
            (b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", 400),
            (b"5\nhello\r\n0\r\n\r\n", 400),
            (b"ffffffff\r\n", 413),
            (b"1ffffffff\r\n", 400),
            (b"-5\r\n", 400),
        ):
            with self.subTest(chunks):
                self.assert_closed_with(status, head + chunks)

    # 3.8
    def test_08_a_body_where_none_belongs_is_never_run_as_a_request(self) -> None:
        inner = self.server.request("DELETE", "/v1/responses/secret")
        for method in ("GET", "HEAD", "DELETE"):
            outer = self.server.request(method, "/v1/responses/x", inner, Connection=None)
            came = self.server.bytes(outer + self.server.request("GET", "/healthz"))
            self.assertEqual(came.count(b"HTTP/1.1 200 OK\r\n"), 2, method)
            self.assertNotIn(b"secret", came)

    def test_08_an_error_before_the_end_of_a_body_closes(self) -> None:
        for headers, status in (
            ({"Authorization": "Bearer no"}, 401),
            ({"Content_Type": "text/plain"}, 415),
            ({"Origin": "null"}, 403),
        ):
            post = self.server.request(
                "POST", "/v1/responses", b"x" * 500, Connection=None, **headers
            )
            self.assert_closed_with(status, post + self.server.request("GET", "/healthz"))

    def test_08_an_error_without_a_body_keeps_the_connection(self) -> None:
        first = self.server.request("GET", "/nowhere", Connection=None)
        came = self.server.raw(first + self.server.request("GET", "/healthz"))
        self.assertEqual([answer.status for answer in came], [404, 200])
        self.assertNotIn("connection", came[0].headers)

    # 3.9
    def test_09_a_malformed_head_is_refused_and_the_connection_ends(self) -> None:
        good = self.server.request("GET", "/healthz", Connection=None)
        for head in (
            b"GET /healthz\r\n\r\n",
            good.replace(b"\r\n", b"\n"),
            good.replace(b"Host:", b"X: y\r\n folded\r\nHost:"),
            good.replace(b"Host:", b"Host :"),
            good.replace(b"Host:", b"H\x00st:"),
            good.replace(b"Host:", b"H\xc3\xb6st: x\r\nHost:"),
            good.replace(b"Host:", b"X:"),
            b"\x16\x03\x01\x02\x00\x01\x00\n",
        ):
            with self.subTest(head):
                self.assert_closed_with(400, head + good)

    def test_09_a_head_that_is_too_large_is_refused(self) -> None:
        good = self.server.request("GET", "/healthz")
        line = b"X: " + b"y" * (64 * 1024) + b"\r\n"
        self.assert_closed_with(431, good.replace(b"Host:", line + b"Host:"))
        self.assert_closed_with(431, good.replace(b"Host:", b"X: y\r\n" * 100 + b"Host:"))
        self.assert_closed_with(414, good.replace(b"/healthz", b"/" + b"h" * 8192))

    # 3.10
    def test_10_a_body_over_the_limit_is_refused_unread_or_by_count(self) -> None:
        head = self.server.request("POST", "/v1/responses", b"", Content_Length="1001")
        self.assert_closed_with(413, head)
        self.assertEqual(self.ask("POST", "/v1/responses", b"x" * 1000).status, 200)
        chunks = b"1f4\r\n" + b"x" * 500 + b"\r\n"
        head = self.server.request(
            "POST", "/v1/responses", b"", Content_Length=None, Transfer_Encoding="chunked"
        )
        self.assert_closed_with(413, head + 3 * chunks)

    def test_10_who_sends_it_all_the_same_still_gets_his_answer(self) -> None:
        answer = self.ask("POST", "/v1/responses", b"x" * 4_000_000)
        self.assertEqual((answer.status, answer.error["code"]), (413, "request_too_large"))

    def test_10_continue_is_said_only_after_the_checks(self) -> None:
        post = {"Expect": "100-continue", "Content_Length": "5"}
        head = self.server.request("POST", "/v1/responses", b"", **post)
        with self.server.connect(head) as client:
            self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hello")
            self.assertEqual(answers(read_all(client))[0].json["body"], "hello")
        for changes, status in (
            ({"Authorization": None}, 401),
            ({"Content_Length": "1001"}, 413),
            ({"Content_Type": "text/plain"}, 415),
        ):
            head = self.server.request("POST", "/v1/responses", b"", **post | changes)
            self.assert_closed_with(status, head)

    # 3.11
    def test_11_slow_heads_and_bodies_time_out(self) -> None:
        good = self.server.request("GET", "/healthz")
        post = self.server.request("POST", "/v1/responses", b"", Content_Length="5")
        chunks = self.server.request(
            "POST", "/v1/responses", b"", Content_Length=None, Transfer_Encoding="chunked"
        )
        started = time.monotonic()
        for raw in (b"", good[:20], good[:-2], post, post + b"hell", chunks + b"5\r\nhel"):
            with self.subTest(raw):
                self.assert_closed_with(408, raw)
        self.assertLess(time.monotonic() - started, 6 * 0.3 + 1)

    def test_11_a_head_or_a_body_that_drips_is_not_waited_for(self) -> None:
        head = self.server.request("GET", "/healthz", X="y" * 1000)
        post = self.server.request("POST", "/v1/responses", b"x" * 1000)
        for raw, at, pause in ((head, 1, 0.02), (head, 1, 0.001), (post, len(post) - 999, 0.001)):
            with self.subTest(raw=raw[:4], pause=pause), self.server.connect(raw[:at]) as client:
                client.settimeout(pause)
                came, started = b"", time.monotonic()
                while not came:
                    client.send(raw[at : (at := at + 1)])
                    with suppress(TimeoutError):
                        came = client.recv(1000)
                self.assertIn(b" 408 ", came)
                self.assertLess(time.monotonic() - started, 0.9)

    def test_11_an_idle_connection_is_closed_without_a_word(self) -> None:
        came = self.server.raw(self.server.request("GET", "/healthz", Connection=None))
        self.assertEqual([answer.status for answer in came], [200])

    def test_11_slow_sockets_leave_health_quick(self) -> None:
        with served(limits=Limits(header_seconds=5)) as server:
            slow = [server.connect(b"GET / HT") for _ in range(200 if _may_open(500) else 40)]
            waits = []
            for _ in range(20):
                started = time.monotonic()
                self.assertEqual(server.client.get("/healthz").status, 200)
                waits.append(time.monotonic() - started)
            self.assertLess(sorted(waits)[10], 0.1)
            for client in slow:
                client.close()

    def test_11_a_connection_too_many_is_told_so(self) -> None:
        with served(limits=Limits(connections_max=8)) as server:
            held = [server.connect(b"GET / HT") for _ in range(8)]
            self.assertTrue(until(lambda: len(server.connections) == 8))
            answer = server.client.get("/healthz")
            self.assertEqual((answer.status, answer.error["code"]), (503, "too_many_connections"))
            self.assertEqual(answer.headers["connection"], "close")
            for client in held:
                client.close()
            self.assertTrue(until(lambda: server.client.get("/healthz").status == 200))

    # 3.12 stands in test_server_streaming, 3.13 in test_upstream_*.

    # 3.14
    def test_14_nothing_of_ours_is_in_a_reply(self) -> None:
        def boom(request: HttpRequest) -> HttpReply:
            raise KeyError(f"{ROOT} {KEY} {request.body!r}")

        def bad_header(request: HttpRequest) -> HttpReply:
            return HttpReply(200, {}, {"x-model": request.body.decode()})

        def bad_json(request: HttpRequest) -> HttpReply:
            return HttpReply(200, {"a": {1, 2}})

        for handler, name in (
            (boom, "KeyError"),
            (bad_header, "AssertionError"),
            (bad_json, "TypeError"),
        ):
            with self.subTest(name), served(Route("POST", "/v1/responses", handler)) as server:
                answer = server.client.post("/v1/responses", b"se\r\ncret")
                request_id = answer.headers["x-request-id"]
                self.assertEqual((answer.status, answer.error["code"]), (500, "internal_error"))
                self.assertIn(request_id, answer.error["message"])
                for leak in (str(ROOT), KEY, "Traceback", "secret", name, ".py"):
                    self.assertNotIn(leak, answer.body.decode())
                [line] = server.log
                self.assertEqual((line["request_id"], line["error"]), (request_id, name))
                self.assertIn("codex_oss.server.listener:", line["where"])
                self.assertNotIn("cret", json.dumps(line))

    def test_14_no_reply_names_what_runs_here(self) -> None:
        for answer in (self.ask("GET", "/healthz"), self.ask("GET", "/nowhere")):
            self.assertRegex(answer.headers["x-request-id"], "^req_[0-9a-f]{24}$")
            self.assertEqual(answer.headers["cache-control"], "no-store")
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            self.assertNotIn("server", answer.headers)

    # 3.15
    def test_15_ids_in_paths_are_plain(self) -> None:
        self.assertEqual(self.ask("GET", "/v1/responses/resp_1-a").json, {"id": "resp_1-a"})
        for bad in ("..", "%2e%2e", "a%2fb", "a.b", "a" * 129, "%00", "a%0d%0aX:y", "/"):
            self.assertIn(self.ask("GET", f"/v1/responses/{bad}").status, (400, 404), bad)
        self.assertEqual(self.ask("GET", "/v1/models/a/b").json, {"name": "a/b"})
        self.assertEqual(self.ask("GET", "/v1/models/a%2Fb/").json, {"name": "a/b"})
        for bad in ("..", "a/../b", "a//b", "%2e%2e", "a%2f%2e%2e%2fb", "%00", "%0d%0aX:%20y"):
            answer = self.ask("GET", f"/v1/models/{bad}")
            self.assertIn(answer.status, (400, 404), bad)
            self.assertNotIn("x", answer.headers)

    # 3.16 stands in test_server_fuzz.


def _outer_address() -> str:
    """Return an address of this machine that is not loopback, or one that is nobody's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing.
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.2"


def _may_open(count: int) -> bool:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] > count


if __name__ == "__main__":
    unittest.main()
