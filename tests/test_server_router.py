"""Paths to handlers, and the one shape of every error."""

import json
import unittest

from support import ROOT  # noqa: F401  Puts the checkout on the path.

from codex_oss.errors import (
    BadMission,
    BadRequest,
    Busy,
    Fault,
    NotFound,
    QuotaExhausted,
    Refused,
    Unauthorized,
)
from codex_oss.server import HttpReply, HttpRequest, Route
from codex_oss.server.head import RequestHead
from codex_oss.server.replies import error_reply, render_head
from codex_oss.server.router import Match, Router, query_of


def create(request: HttpRequest) -> HttpReply: ...
def compact(request: HttpRequest) -> HttpReply: ...
def retrieve(request: HttpRequest) -> HttpReply: ...
def delete(request: HttpRequest) -> HttpReply: ...
def items(request: HttpRequest) -> HttpReply: ...
def model(request: HttpRequest) -> HttpReply: ...


ROUTER = Router(
    (
        Route("POST", "/v1/responses", create),
        Route("POST", "/v1/responses/compact", compact),
        Route("GET", "/v1/responses/{id}", retrieve),
        Route("DELETE", "/v1/responses/{id}", delete),
        Route("GET", "/v1/responses/{id}/input_items", items),
        Route("GET", "/v1/models/{name*}", model),
    )
)
FOUND = {
    ("POST", "/v1/responses"): Match(create, {}),
    ("POST", "/v1/responses/compact"): Match(compact, {}),
    ("GET", "/v1/responses/resp_a-9"): Match(retrieve, {"id": "resp_a-9"}),
    ("HEAD", "/v1/responses/-"): Match(retrieve, {"id": "-"}),
    ("DELETE", "/v1/responses/x"): Match(delete, {"id": "x"}),
    ("GET", "/v1/responses/x/input_items"): Match(items, {"id": "x"}),
    ("GET", "/v1/responses/" + "a" * 128): Match(retrieve, {"id": "a" * 128}),
    ("GET", "/v1/models/kimi-k2.6"): Match(model, {"name": "kimi-k2.6"}),
    ("GET", "/v1/models/opencode-go/kimi"): Match(model, {"name": "opencode-go/kimi"}),
    ("GET", "/v1/models/opencode-go%2Fkimi"): Match(model, {"name": "opencode-go/kimi"}),
    ("GET", "/v1/models/a%3Ab"): Match(model, {"name": "a:b"}),
}
NOT_FOUND = (
    "/", "/v1", "/V1/responses", "/v1/response", "/v1//responses", "//v1/responses",
    "/v1/%72esponses", "/v1/responses/..", "/v1/responses/%2e%2e", "/v1/responses/a.b",
    "/v1/responses/a%00", "/v1/responses/a/b", "/v1/responses/" + "a" * 129, "/v1/responsesX",
    "/v1/models/..", "/v1/models/../admin", "/v1/models/a/../b", "/v1/models/a%2f%2e%2e",
    "/v1/models/a//b", "/v1/models/a%00b", "/v1/models/a%0d%0aX:y", "/v1/models/%c0%ae",
    "/v1/models/" + "a" * 201, "/v1/models/a%", "/v1/models/%252e%252e", "/v1/models/%C3%A9",
)  # fmt: skip


def head(method: str, path: str, query: str = "", **headers: str) -> RequestHead:
    return RequestHead(method, path, query, headers, False, 0, False)


def refusal(reply: HttpReply | Match) -> tuple[int, str, dict[str, str]]:
    assert isinstance(reply, HttpReply) and isinstance(reply.body, dict), reply
    return reply.status, reply.body["error"]["code"], dict(reply.headers)


class Routes(unittest.TestCase):
    def test_a_path_and_a_method_find_their_handler(self) -> None:
        for (method, path), match in FOUND.items():
            with self.subTest(path):
                self.assertEqual(ROUTER.match(head(method, path)), match)

    def test_other_paths_are_not_found(self) -> None:
        for path in NOT_FOUND:
            with self.subTest(path):
                expected = 404, "unknown_url", {}
                self.assertEqual(refusal(ROUTER.match(head("GET", path))), expected)

    def test_other_methods_are_told_which_are_allowed(self) -> None:
        for method, path, allowed in (
            ("GET", "/v1/responses", "POST"),
            ("OPTIONS", "/v1/responses", "POST"),
            ("post", "/v1/responses", "POST"),
            ("POST", "/v1/responses/x", "DELETE, GET, HEAD"),
            ("HEAD", "/v1/responses", "POST"),
        ):
            expected = 405, "method_not_allowed", {"allow": allowed}
            self.assertEqual(refusal(ROUTER.match(head(method, path))), expected)

    def test_a_websocket_is_told_to_speak_http(self) -> None:
        asked = head("GET", "/v1/responses", upgrade="WebSocket")
        headers = {"upgrade": "HTTP/1.1", "connection": "upgrade"}
        self.assertEqual(refusal(ROUTER.match(asked)), (426, "upgrade_required", headers))

    def test_a_query_is_decoded_and_the_last_of_a_name_counts(self) -> None:
        asked = head("GET", "/", "a=1&b=x%20y+z&a=2&c=&d")
        self.assertEqual(query_of(asked), {"a": "2", "b": "x y z", "c": "", "d": ""})


class Errors(unittest.TestCase):
    def test_an_error_has_one_shape(self) -> None:
        error = Unauthorized("the key\nis  wrong.", hint="send\r\nit")
        body = {
            "message": "the key is wrong. Hint: send it",
            "type": "authentication_error",
            "param": None,
            "code": "invalid_api_key",
        }
        self.assertEqual(error_reply(error), HttpReply(401, {"error": body}))

    def test_faults_are_all_told_without_the_raw_input(self) -> None:
        faults = Fault("$.a", "bad", "is bad", "mend", got="sk-secret"), Fault("$.b", "no", "lacks")
        reply = error_reply(BadMission("m" * 5000, faults=faults))
        said = reply.body["error"]
        self.assertEqual((len(said["message"]), said["param"]), (4000, "$.a"))
        self.assertEqual(
            said["faults"],
            [
                {"path": "$.a", "code": "bad", "message": "is bad", "hint": "mend"},
                {"path": "$.b", "code": "no", "message": "lacks"},
            ],
        )

    def test_a_long_message_is_cut_before_its_hint(self) -> None:
        said = error_reply(NotFound("m" * 700, hint="look elsewhere")).body["error"]["message"]
        self.assertEqual(len(said), 600)
        self.assertTrue(said.endswith("m…. Hint: look elsewhere"), said[-40:])

    def test_only_a_refused_mission_tells_all_its_faults_in_the_message(self) -> None:
        faults = [Fault("input[0]", "bad", "m" * 900)]
        for kind, characters in ((BadRequest, 600), (BadMission, 4_000), (Refused, 4_000)):
            error = kind("m" * 9_000, code="bad", faults=faults)
            self.assertEqual(len(error_reply(error).body["error"]["message"]), characters)
        whole = error_reply(BadRequest("x", faults=[Fault("", "invalid_json", "x")]))
        self.assertIsNone(whole.body["error"]["param"])

    def test_the_type_follows_the_status_and_the_wait_is_a_header(self) -> None:
        reply = error_reply(Busy("try again in 1.2s", retry_after_seconds=1.2))
        self.assertEqual(reply.headers, {"retry-after": "2"})
        self.assertEqual(reply.body["error"]["type"], "rate_limit_error")
        self.assertEqual(
            error_reply(QuotaExhausted("x")).body["error"]["code"], "insufficient_quota"
        )

    def test_no_value_adds_a_header_line(self) -> None:
        for value in ("a\r\nx: y", "a\nb", "a\rb", "a\0"):
            with self.assertRaises(AssertionError):
                HttpReply(200, b"", {"x-model": value})
        with self.assertRaises(AssertionError):
            HttpReply(200, b"", {"x\r\ny": "a"})

    def test_every_head_has_the_same_three_lines_and_names_no_server(self) -> None:
        head = render_head(404, {"allow": "GET", "x-m": "\u4e2d"}, "req_1", closes=True)
        self.assertEqual(
            head.split(b"\r\n"),
            [
                b"HTTP/1.1 404 Not Found",
                b"allow: GET",
                b"x-m: ?",
                b"connection: close",
                b"x-request-id: req_1",
                b"cache-control: no-store",
                b"x-content-type-options: nosniff",
                b"",
                b"",
            ],
        )

    def test_json_is_ascii_even_for_half_a_character(self) -> None:
        payload = HttpReply(200, {"a": "\ud83d\u00e9"}).payload()
        self.assertEqual(json.loads(payload), {"a": "\ud83d\u00e9"})
        payload.decode("ascii")


if __name__ == "__main__":
    unittest.main()
