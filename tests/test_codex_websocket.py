"""The real Codex with `supports_websockets = true`: it asks once, is told 426, and speaks HTTP.

Where a route does speak WebSocket, a whole tool turn goes over it; the events are canned here.
"""

import json
import unittest
from collections.abc import Iterator

from support import CODEX_VERSIONS, needs, scratch
from support.bridges import bridge
from support.codex import Ran, codex
from support.providers import ScriptedProvider
from support.served import Lines, served
from support.wiretaps import Wiretap

from codex_oss.server import (
    WEBSOCKET,
    HttpReply,
    HttpRequest,
    Route,
    StreamReply,
    WebSocket,
    WebSocketReply,
    answer_handshake,
)

SUPPORTED = {"model_providers.opencode_bridge.supports_websockets": True}
NOTICE = "Falling back"
USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "exec_command",
    "arguments": json.dumps({"cmd": "echo sum-$((40+2))"}),
    "status": "completed",
}
ANSWER = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "The sum is 42.", "annotations": []}],
}


class CannedTurns:
    """Plays the items, one a turn. What warms a connection up gets an answer without any."""

    def __init__(self, *items: dict) -> None:
        self.items = iter(items)
        self.asked: list[dict] = []
        self.handshakes: list[str] = []

    def agree(self, request: HttpRequest) -> HttpReply | WebSocketReply:
        self.handshakes.append(request.headers["openai-beta"])
        return answer_handshake(request.headers, self.serve)

    def serve(self, conversation: WebSocket) -> None:
        for text in conversation.messages():
            self.asked.append(json.loads(text))
            output = [] if self.asked[-1].get("generate") is False else [next(self.items)]
            conversation.relay(StreamReply(Lines(), self.turn(output)))

    def turn(self, output: list[dict]) -> Iterator[list[str]]:
        response = {"id": f"resp_{len(self.asked)}", "object": "response", "status": "in_progress"}
        yield [event("response.created", response=response)]
        for item in output:
            yield [event("response.output_item.done", output_index=0, item=item)]
        done = {**response, "status": "completed", "output": output, "usage": USAGE}
        yield [event("response.completed", response=done)]


def event(kind: str, **data: object) -> str:
    return json.dumps({"type": kind, **data})


@needs("codex")
class RealCodex(unittest.TestCase):
    def test_one_get_is_answered_426_and_a_normal_turn_follows_without_notice(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder:
                with ScriptedProvider() as provider, Wiretap() as wire:
                    provider.say("Hello over HTTP.")
                    project = folder / "project"
                    project.mkdir()
                    host = f"127.0.0.1:{wire.port}"
                    with bridge(project, provider, PROXY_ALLOWED_HOSTS=host) as running:
                        wire.server_port = running.port
                        ran = codex(version, project, wire.port, "Hi.", settings=SUPPORTED)
                self.check(ran, "Hello over HTTP.")
                asked = [line for line in wire.requests() if "/v1/responses" in line]
                self.assertEqual(asked, ["GET /v1/responses", "POST /v1/responses"])
                self.assertEqual(wire.statuses().count(426), 1)

    def test_a_tool_turn_goes_over_one_websocket(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder:
                turns = CannedTurns(CALL, ANSWER)
                project = folder / "project"
                project.mkdir()
                with served(
                    Route(WEBSOCKET, "/v1/responses", turns.agree),
                    Route("GET", "/v1/models", lambda request: HttpReply(200, {"models": []})),
                ) as server:
                    ran = codex(version, project, server.port, "Add.", settings=SUPPORTED)
                    self.assertEqual(server.log, [])
                self.check(ran, "The sum is 42.")
                outputs = [item["aggregated_output"] for item in ran.items("command_execution")]
                self.assertEqual(outputs, ["sum-42\n"])
                self.assertEqual(turns.handshakes, ["responses_websockets=2026-02-06"])
                self.check_what_was_asked(turns.asked)

    def check(self, ran: Ran, answer: str) -> None:
        self.assertEqual((ran.exit_code, ran.said), (0, [answer]), ran.output)
        self.assertNotIn(NOTICE, ran.output)
        self.assertNotIn("Reconnecting", ran.output)

    def check_what_was_asked(self, asked: list[dict]) -> None:
        """Each turn continues the one before on its connection, the warming-up included."""
        self.assertEqual({one["type"] for one in asked}, {"response.create"})
        self.assertEqual([one.get("generate", True) for one in asked], [False, True, True])
        self.assertEqual([one["store"] for one in asked], [False] * 3)
        continued = [one.get("previous_response_id") for one in asked]
        self.assertEqual(continued, [None, "resp_1", "resp_2"])
        [result] = asked[2]["input"]
        self.assertEqual(result["type"], "function_call_output")


if __name__ == "__main__":
    unittest.main()
