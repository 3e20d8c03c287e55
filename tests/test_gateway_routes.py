"""Routes beside the turn itself, and every request that must not become one."""

import json
import unittest
from base64 import urlsafe_b64encode

from support import LONG, chance
from support.clients import Client
from support.damage import REQUESTS, mutated
from support.gateways import gateway
from support.providers import ScriptedProvider, text
from support.served import until

TURN = {"model": "scripted", "input": "hi"}
MISSION = {"model": "mission-a3-scripted", "input": "hi"}
BLOCK = '<OSS_HANDOFF_JSON>{"schema_version": "oss_agent_mission.v1"}</OSS_HANDOFF_JSON>'
INVALID = "invalid_json"
TOKEN = urlsafe_b64encode(b"\x80" + b"t" * 72).decode()  # As long as the shortest of Fernet.
SEALED_TASK = {
    "type": "agent_message",
    "content": [{"type": "encrypted_content", "encrypted_content": TOKEN}],
}
FOLLOW_UP = {
    "model": "gpt-5.5",
    "previous_response_id": "resp_of_openai",
    "input": [{"type": "function_call_output", "call_id": "call_of_openai", "output": "done"}],
}

REFUSED = (  # Body, HTTP, code, what the message says.
    (b"", 400, INVALID, ""),
    (b"{", 400, INVALID, ""),
    (b"[]", 400, INVALID, "object"),
    (b'{"a":1,"a":2}', 400, INVALID, "twice"),
    (b'{"model":NaN}', 400, INVALID, ""),
    (b"\xff", 400, INVALID, "UTF-8"),
    (b"[" * 5000, 400, INVALID, ""),
    ({"input": "hi"}, 400, "missing_required_parameter", "model"),
    ({"model": "scripted"}, 400, "missing_required_parameter", "input"),
    ({"model": 7, "input": {}}, 400, "invalid_type", "input"),
    ({**TURN, "input": []}, 400, "invalid_value", "input"),
    ({**TURN, "stream": "yes"}, 400, "invalid_type", "stream"),
    ({**TURN, "temperature": True, "top_p": 9}, 400, "invalid_type", "top_p"),
    ({**TURN, "model": "no-such-model"}, 400, "model_not_found", "Hint"),
    ({**TURN, "model": "scriptet"}, 400, "model_not_found", "nearest: scripted"),
    ({**TURN, "model": "gpt-5.5"}, 400, "unsupported_bridge_model", "model_provider"),
    ({**TURN, "model": "openai/o3"}, 400, "unsupported_bridge_model", "model_provider"),
    (FOLLOW_UP, 400, "unsupported_bridge_model", "model_provider"),
    ({**TURN, "model": "mission-a3-nobody"}, 400, "model_not_found", ""),
    (MISSION, 400, "mission_lane", "mission A3 scripted"),
    ({**TURN, "input": BLOCK}, 400, "mission_lane", "mission scripted"),
    ({**TURN, "input": [SEALED_TASK]}, 400, "unreadable_encrypted_agent_task", "mission run"),
    ({**TURN, "input": BLOCK * 2}, 400, "mission_lane", ""),
)


class Refusals(unittest.TestCase):
    def test_what_is_no_turn_is_refused_before_any_stream_or_provider(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            for body, status, code, words in REFUSED:
                streamed = [{"stream": True, **body}] if isinstance(body, dict) else []
                for sent in (body, *streamed):
                    with self.subTest(body=sent):
                        answer = bridge.client.post("/v1/responses", sent)
                        self.assertEqual((answer.status, answer.error["code"]), (status, code))
                        self.assertIn(words, answer.error["message"])
            self.assertEqual(provider.requests, [])
            self.assertEqual({line["outcome"] for line in bridge.lines}, {"refused"})

    def test_all_faults_are_told_at_once(self) -> None:
        wrong = {"model": 7, "input": [{"type": "message", "role": "x", "content": 3}], "tools": 1}
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            error = bridge.client.post("/v1/responses", wrong).error
        self.assertEqual(
            {fault["path"] for fault in error["faults"]},
            {"model", "input[0].role", "input[0].content", "tools"},
        )
        self.assertEqual(error["param"], error["faults"][0]["path"])

    def test_what_only_looks_like_an_encrypted_task_is_a_plain_turn(self) -> None:
        asked = {"role": "user", "content": "Go on."}
        with ScriptedProvider(always=text("Yes.")) as provider, gateway(provider) as bridge:
            for given in (TOKEN, [SEALED_TASK, asked]):
                self.assertEqual(bridge.client.turn({**TURN, "input": given}).status, 200)
            self.assertEqual(provider.requests[0].messages[0]["content"], TOKEN)
            self.assertNotIn(TOKEN, str(provider.requests[1].messages))

    def test_an_older_handoff_in_the_history_starts_no_mission(self) -> None:
        history = [{"role": "user", "content": BLOCK}, {"role": "user", "content": "Thanks."}]
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.say("You are welcome.")
            answer = bridge.client.post("/v1/responses", {**TURN, "input": history})
        self.assertEqual((answer.status, answer.headers["x-oss-lane"]), (200, "plain"))

    def test_random_bodies_get_an_answer_and_no_trace(self) -> None:
        random = chance("bodies")
        good = json.dumps({**TURN, "tools": [], "stream": False, "metadata": {"a": "b"}}).encode()
        with ScriptedProvider(always=text("ok"), checks=False) as provider:
            with gateway(provider) as bridge:
                for _ in range(2000 if LONG else 60):
                    body = bytearray(good)
                    for _ in range(random.randrange(1, 4)):
                        body[random.randrange(len(body))] = random.randrange(256)
                    answer = bridge.client.post("/v1/responses", bytes(body))
                    self.assertIn(answer.status, (200, 400), body)
                    self.assertNotIn(b"Traceback", answer.body)
            self.assertEqual(bridge.server.log, [])


class MutatedRequests(unittest.TestCase):
    def test_each_is_answered_or_refused_whatever_route_it_takes(self) -> None:
        """What goes to the provider is such that it takes it: it checks each request."""
        random = chance("mutated")
        given = [json.loads(request) | {"model": "scripted"} for request in REQUESTS]
        always = text("Four.")
        with ScriptedProvider(always=always) as provider, gateway(provider) as bridge:
            for _ in range(3_000 if LONG else 120):
                request = mutated(random.choice(given), random, given) | {"stream": False}
                paths = ("/v1/responses/compact", "/v1/responses/input_tokens", "/v1/responses")
                with self.subTest(request):
                    for path in paths:
                        answer = bridge.client.post(path, request)
                        self.assertIn(answer.status, (200, 400), answer.body)
                    if answer.status == 200 and request.get("store") is not False:
                        self.ask_again(bridge.client, answer.json)
            self.assertEqual(bridge.server.log, [])

    def ask_again(self, client: Client, response: dict) -> None:
        if response["status"] == "completed":
            path = f"/v1/responses/{response['id']}"
            self.assertEqual(client.get(f"{path}/input_items").status, 200)
            more = {"model": "scripted", "input": "More.", "previous_response_id": response["id"]}
            self.assertIn(client.turn(more).status, (200, 400))


class Routes(unittest.TestCase):
    def test_every_route_answers(self) -> None:
        cases = (
            ("GET", "/v1/models", None, 200, None),
            ("GET", "/models", None, 200, None),
            ("GET", "/v1/models/", None, 200, None),
            ("GET", "/v1/models?client_version=0.169.0", None, 200, None),
            ("GET", "/v1/models/scripted", None, 200, None),
            ("GET", "/v1/models/acme/scripted-1", None, 200, None),
            ("GET", "/v1/models/acme%2Fscripted-1", None, 200, None),
            ("GET", "/v1/models/nobody", None, 404, "not_found"),
            ("GET", "/health", None, 200, None),
            ("GET", "/v1/health", None, 200, None),
            ("GET", "/healthz", None, 200, None),
            ("GET", "/readyz", None, 200, None),
            ("POST", "/v1/chat/completions", b"{}", 404, "unknown_url"),
            ("GET", "/v1/unknown", None, 404, "unknown_url"),
            ("PUT", "/v1/responses", b"{}", 405, "method_not_allowed"),
            ("GET", "/v1/responses", None, 405, "method_not_allowed"),
            ("GET", "/v1/responses/resp_1", None, 404, "not_found"),
            ("DELETE", "/v1/responses/resp_1", None, 404, "not_found"),
            ("GET", "/v1/responses/resp_1/input_items", None, 404, "not_found"),
            ("POST", "/v1/responses/resp_1/cancel", b"{}", 404, "not_found"),
            ("POST", "/v1/responses/compact", b"{}", 400, "missing_required_parameter"),
            ("POST", "/v1/responses/input_tokens", b"{}", 400, "missing_required_parameter"),
        )
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            for method, path, body, status, code in cases:
                with self.subTest(f"{method} {path}"):
                    answer = bridge.client.ask(method, path, body)
                    found = answer.error["code"] if status >= 400 else None
                    self.assertEqual((answer.status, found), (status, code))

    def test_both_paths_of_a_turn(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as bridge:
            for path in ("/v1/responses", "/responses", "/responses/"):
                self.assertEqual(bridge.client.post(path, TURN).status, 200)

    def test_a_socket_upgrade_is_told_to_use_http(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            answer = bridge.client.get("/v1/responses", Upgrade="websocket", Connection="Upgrade")
        self.assertEqual((answer.status, answer.headers["upgrade"]), (426, "HTTP/1.1"))

    def test_models_are_listed_in_the_form_of_openai(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            listed = bridge.client.get("/v1/models").json
            one = bridge.client.get("/v1/models/scripted").json
        names = [model["id"] for model in listed["data"]]
        self.assertEqual(listed["object"], "list")
        self.assertIn("mission-a3-scripted", names)
        self.assertEqual(listed["data"][names.index("scripted")], one)
        self.assertEqual(set(one), {"id", "object", "created", "owned_by"})

    def test_models_are_listed_for_the_codex_that_asks(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            for query in ("client_version=0.169.0", "client_version=0.130.0", "format=codex"):
                listed = bridge.client.get(f"/v1/models?{query}").json["models"]
                slugs = {entry["slug"]: entry["visibility"] for entry in listed}
                self.assertLessEqual({"scripted", "mission-a3-scripted"}, set(slugs), query)
        self.assertEqual(provider.requests, [])

    def test_health_counts_turns_and_tokens(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as bridge:
            bridge.client.post("/v1/responses", TURN)
            bridge.client.post("/v1/responses", {**TURN, "model": "gpt-5"})
            self.assertTrue(until(lambda: len(bridge.lines) == 2))
            health = bridge.client.get("/health").json
        self.assertEqual((health["service"], health["pid"]), ("opencode-bridge", 1))
        self.assertEqual(
            health["counters"],
            {
                "turns": {"plain": {"completed": 1}, "refused": {"refused": 1}},
                "tries": 1,
                "fallbacks": 0,
                "salvaged": 0,
                "repaired": 0,
                "dropped": 0,
                "cancelled": 0,
                "tokens": {"scripted": {"input_tokens": 11, "output_tokens": 7}},
                "cost_usd": {"scripted": 0.000025},
            },
        )
        self.assertEqual(health["transport_contract"], "oss_responses_stream.v1")

    def test_a_request_to_stop_is_answered_and_then_kept(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            self.assertEqual(bridge.client.post("/admin/shutdown", {}).status, 202)
            bridge.server.thread.join(5)
            self.assertFalse(bridge.server.thread.is_alive())


if __name__ == "__main__":
    unittest.main()
