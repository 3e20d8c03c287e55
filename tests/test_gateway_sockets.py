"""Turns over a WebSocket: events as messages, continuation on the same connection, errors."""

import json
import unittest
from collections.abc import Iterator
from contextlib import contextmanager

from support import CODEX_VERSIONS, needs, scratch
from support.bridges import bridge
from support.codex import codex
from support.gateways import gateway
from support.missions import write_tree
from support.providers import ScriptedProvider, failure
from support.schema import faults_of_event
from support.websockets import WebSocketClient

CREATE = {"type": "response.create", "model": "scripted", "store": False}


@contextmanager
def talking(*words: str) -> Iterator[tuple[ScriptedProvider, WebSocketClient]]:
    with ScriptedProvider() as provider, gateway(provider, speaks_websocket=True) as bridged:
        for said in words:
            provider.say(said)
        with WebSocketClient(bridged.client) as client:
            yield provider, client


def turn(client: WebSocketClient, **request: object) -> list[dict]:
    """Send one request and return its events, up to the last."""
    client.say(json.dumps(CREATE | request))
    events = []
    while not events or not is_end(events[-1]):
        events.append(json.loads(client.hear()))
    return events


def is_end(event: dict) -> bool:
    return event["type"] in ("response.completed", "response.failed", "error")


class SocketTurns(unittest.TestCase):
    def test_a_turn_is_the_same_events_as_over_http(self) -> None:
        with talking("Four.") as (_, client):
            events = turn(client, input="Two and two?")
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        self.assertEqual([faults_of_event(event) for event in events], [[]] * len(events))
        self.assertEqual(events[-1]["response"]["output"][0]["content"][0]["text"], "Four.")

    def test_the_last_turn_is_continued_although_nothing_was_stored(self) -> None:
        with talking("Four.", "Six.", "Eight.") as (provider, client):
            previous = None
            for question in ("Two and two?", "And two?", "Again?"):
                more = {"previous_response_id": previous} if previous else {}
                previous = turn(client, input=question, **more)[-1]["response"]["id"]
            said = [m["content"] for m in provider.requests[2].messages]
        self.assertEqual(said, ["Two and two?", "Four.", "And two?", "Six.", "Again?"])

    def test_a_warming_up_asks_nobody_and_can_be_continued(self) -> None:
        with talking("Four.") as (provider, client):
            warmed = turn(client, input="Context.", generate=False)
            self.assertEqual((warmed[-1]["type"], provider.requests), ("response.completed", []))
            turn(client, input="Go.", previous_response_id=warmed[-1]["response"]["id"])
            said = [m["content"] for m in provider.requests[0].messages]
        self.assertEqual(said, ["Context.", "Go."])

    def test_a_warming_up_may_say_nothing_and_a_turn_must_not(self) -> None:
        with talking("Four.") as (_, client):
            self.assertEqual(
                turn(client, input=[], generate=False)[-1]["type"], "response.completed"
            )
            self.assertEqual(turn(client, input=[])[-1]["status"], 400)

    def test_a_failed_continuation_forgets_what_it_had(self) -> None:
        with talking("Four.", "Six.") as (_, client):
            made = turn(client, input="Two and two?")[-1]["response"]["id"]
            [error] = turn(client, input="x", previous_response_id="resp_unknown")
            self.assertEqual(
                (error["status"], error["error"]["code"]), (400, "previous_response_not_found")
            )
            [again] = turn(client, input="x", previous_response_id=made)
            self.assertEqual(again["error"]["code"], "previous_response_not_found")
            self.assertEqual(turn(client, input="New.")[-1]["type"], "response.completed")

    def test_so_does_one_that_nobody_could_answer(self) -> None:
        orphan = {"type": "function_call_output", "call_id": "call_of_nobody", "output": "4"}
        down = failure(400, {"error": {"message": "no"}})
        for wrong, step in (([orphan], None), ("And two?", down)):
            with self.subTest(wrong), talking("Four.") as (provider, client):
                made = turn(client, input="Two and two?")[-1]["response"]["id"]
                provider.then(*filter(None, [step]))
                failed = turn(client, input=wrong, previous_response_id=made)[-1]
                self.assertIn(failed["type"], ("error", "response.failed"))
                [again] = turn(client, input="And two?", previous_response_id=made)
                self.assertEqual(again["error"]["code"], "previous_response_not_found")

    def test_what_was_made_short_over_http_begins_a_turn(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, speaks_websocket=True) as bridged:
            provider.say("The code word is slate.")
            provider.say("Slate.")
            asked = {"model": "scripted", "input": "Remember the code word: slate."}
            short = bridged.client.post("/v1/responses/compact", asked).json["output"]
            with WebSocketClient(bridged.client) as client:
                more = {"type": "message", "role": "user", "content": "Which was it?"}
                events = turn(client, input=[*short, more])
            self.assertEqual([fault for event in events for fault in faults_of_event(event)], [])
            self.assertEqual(events[-1]["response"]["output"][0]["content"][0]["text"], "Slate.")
            self.assertIn("The code word is slate.", json.dumps(provider.requests[1].messages))

    def test_another_connection_does_not_know_the_turn(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, speaks_websocket=True) as bridged:
            provider.say("Four.")
            with WebSocketClient(bridged.client) as one, WebSocketClient(bridged.client) as two:
                made = turn(one, input="Two and two?")[-1]["response"]["id"]
                [error] = turn(two, input="x", previous_response_id=made)
        self.assertEqual(error["error"]["code"], "previous_response_not_found")

    def test_what_is_no_request_is_told_and_the_conversation_goes_on(self) -> None:
        wrong = ("{", "[]", '{"type": "response.delete"}', json.dumps(CREATE | {"stream": False}),
                 json.dumps(CREATE | {"background": True}), json.dumps(CREATE),
                 json.dumps(CREATE | {"model": "gpt-5", "input": "x"}))  # fmt: skip
        with talking("Four.") as (provider, client):
            for text in wrong:
                client.say(text)
                told = json.loads(client.hear())
                self.assertEqual((told["type"], told["status"]), ("error", 400), text)
            self.assertEqual(provider.requests, [])
            self.assertEqual(turn(client, input="Go.")[-1]["type"], "response.completed")


@needs("codex")
class RealCodex(unittest.TestCase):
    def test_a_tool_turn_goes_over_the_bridges_own_socket(self) -> None:
        supported = {"model_providers.opencode_bridge.supports_websockets": True}
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder, ScriptedProvider() as provider:
                project = folder / "project"
                project.mkdir()
                write_tree(project)
                provider.call("exec_command", {"cmd": "echo sum-$((40+2))"})
                provider.say("The sum is 42.")
                with bridge(project, provider, RESPONSES_WEBSOCKET="1") as running:
                    ran = codex(version, project, running.port, "Add.", settings=supported)
                self.assertEqual((ran.exit_code, ran.said), (0, ["The sum is 42."]), ran.output)
                self.assertNotIn("Falling back", ran.output)
                roles = [m["role"] for m in provider.requests[1].messages]
                self.assertEqual(roles[-2:], ["assistant", "tool"])


if __name__ == "__main__":
    unittest.main()
