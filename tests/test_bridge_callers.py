"""Who may ask a real `python3 bridge.py`, as bridge.md 3 promises, seen from outside."""

import socket
import unittest
from pathlib import Path

from support.attacks import Attack
from support.processes import KEY
from support.served import answers, read_all

TURN = {"model": "scripted", "input": "hi", "stream": True}


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


if __name__ == "__main__":
    unittest.main()
