"""A plain turn over real sockets: a caller, a listener, a provider, and nothing faked between."""

import json
import time
import unittest
from collections.abc import Iterator

from support import LONG, chance
from support.clients import Event
from support.gateways import HELLO, WHOLE, end_of, gateway
from support.providers import (
    Pause,
    Reply,
    ScriptedProvider,
    calls,
    event,
    failure,
    text,
    whole_json,
)
from support.served import until

from codex_oss.chat import Burst, ChatChunk, ChatRequest
from codex_oss.deadline import Deadline

TOOL = {
    "type": "function",
    "name": "exec_command",
    "description": "Runs a command.",
    "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
}


def kinds(events: list[Event]) -> list[str]:
    """Return the types of a stream, equal neighbours once, heartbeats left out."""
    found = [event.type for event in events[2:] if event.type != "response.in_progress"]
    return [each for at, each in enumerate(found) if found[at - 1 : at] != [each]]


class Answers(unittest.TestCase):
    def test_a_streamed_turn(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.say("Hello, wide world!")
            events = bridge.client.events(HELLO)
        self.assertEqual(
            [event.type for event in events[:2]], ["response.created", "response.in_progress"]
        )
        self.assertEqual(
            kinds(events),
            [
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
                "",
            ],
        )
        deltas = [e.data["delta"] for e in events if e.type == "response.output_text.delta"]
        self.assertEqual(deltas, ["Hello,", " wide", " world!"])
        response = end_of(events)
        self.assertEqual(response["output"][0]["content"][0]["text"], "Hello, wide world!")
        self.assertEqual(response["usage"]["input_tokens"], 11)
        self.assertEqual(response["usage"]["total_tokens"], 18)
        self.assertEqual(
            response["oss_receipt"],
            {
                "lane": "plain",
                "profile": "scripted",
                "upstream_model": "acme/scripted-1",
                "wire": "chat",
            },
        )

    def test_a_whole_turn_is_the_fold_of_the_same_events(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(text("Hello there"), text("Hello there"))
            answer = bridge.client.turn(WHOLE)
            streamed = end_of(bridge.client.events(HELLO))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["x-oss-lane"], "plain")
        self.assertEqual(answer.headers["x-oss-upstream-model"], "acme/scripted-1")
        self.assertEqual(anonymous(answer.json), anonymous(streamed))

    def test_two_tool_turns_with_all_their_history(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(
                calls(("exec_command", {"cmd": "ls"}), ("exec_command", {"cmd": "pwd"})),
                calls(("exec_command", {"cmd": "cat a"}), preface="Let me look."),
                text("Two files."),
            )
            history: list[dict] = [{"role": "user", "content": "What is here?"}]
            for results in (("a b", "/work"), ("1",)):
                response = end_of(bridge.client.events(conversation(history)))
                called = [x for x in response["output"] if x["type"] == "function_call"]
                self.assertEqual(len(called), len(results))
                history += response["output"]
                for call, result in zip(called, results, strict=True):
                    output = {"type": "function_call_output", "call_id": call["call_id"]}
                    history.append({**output, "output": result})
            last = end_of(bridge.client.events(conversation(history)))
            asked = provider.requests[-1].messages
        self.assertEqual(last["output"][0]["content"][0]["text"], "Two files.")
        self.assertEqual(
            [message["role"] for message in asked],
            ["user", "assistant", "tool", "tool", "assistant", "tool"],
        )
        self.assertEqual(
            [m["content"] for m in asked if m["role"] == "tool"], ["a b", "/work", "1"]
        )
        arguments = [c["function"]["arguments"] for m in asked for c in m.get("tool_calls", [])]
        self.assertEqual([json.loads(a)["cmd"] for a in arguments], ["ls", "pwd", "cat a"])

    def test_a_provider_that_cannot_stream(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(whole_json("All at once"))
            response = end_of(bridge.client.events(HELLO))
        self.assertEqual(response["output"][0]["content"][0]["text"], "All at once")

    def test_the_end_does_not_wait_for_a_provider_that_stays_on_the_line(self) -> None:
        reply = text("Done.")
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(Reply((*reply.pieces, Pause(5))))
            started = time.monotonic()
            end_of(bridge.client.events(HELLO))
        self.assertLess(time.monotonic() - started, 2)

    def test_a_lone_delta_leaves_at_once(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(text("one two three").spaced(0.1))
            events = bridge.client.events(HELLO)
        times = [event.at for event in events if event.type == "response.output_text.delta"]
        self.assertGreater(times[-1] - times[0], 0.15)


def conversation(history: list[dict]) -> dict:
    return {"model": "scripted", "input": history, "tools": [TOOL], "stream": True, "store": False}


def anonymous(response: dict) -> dict:
    """Return a response without what differs between two equal turns."""
    items = [{**item, "id": ""} for item in response["output"]]
    unlike = dict.fromkeys(("id", "created_at", "completed_at"))
    return {**response, **unlike, "output": items}


FAILURES = (  # What the provider does; HTTP, code; code for Codex.
    (failure(413, {}), 400, "context_length_exceeded", "context_length_exceeded"),
    (failure(400, {"error": {"message": "no"}}), 400, "invalid_prompt", "invalid_prompt"),
    (failure(401, {"error": {"message": "key"}}), 502, "upstream_auth", "invalid_prompt"),
    (failure(402, {}), 429, "insufficient_quota", "invalid_prompt"),
    (failure(429, {}), 429, "rate_limit_exceeded", "rate_limit_exceeded"),
    (failure(503, {}), 503, "server_is_overloaded", "server_is_overloaded"),
    (failure(404, {}), 400, "model_not_found", "invalid_prompt"),
    (failure(500, {}), 502, "server_error", "server_error"),
    (failure(302, {}, {"location": "http://127.0.0.1:1/"}), 400, "invalid_prompt", ""),
    (text("Half a sentence").cut(300), 502, "server_error", "server_error"),
    (text("").cut(0), 502, "server_error", "server_error"),
    (Reply((b"<html>no</html>",), headers={"content-type": "text/html"}), 502, "server_error", ""),
    (Reply((b"\x1f\x8b",), headers={"content-encoding": "gzip"}), 502, "server_error", ""),
    (
        failure(401, b"\x1f\x8b", {"content-encoding": "gzip"}),
        502,
        "upstream_auth",
        "invalid_prompt",
    ),
    (Reply((b"garbage",)), 502, "server_error", "server_error"),
    (Reply((b"data: {garbage\n\n",)), 502, "server_error", "server_error"),
    (Reply((event({"error": {"message": "oops"}}),)), 502, "server_error", "server_error"),
    (
        Reply((event({"error": {"message": "Rate limit reached", "code": 429}}),)),
        429,
        "rate_limit_exceeded",
        "rate_limit_exceeded",
    ),
)


class Failures(unittest.TestCase):
    def test_each_failure_of_the_provider_streamed_and_not(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            for reply, status, code, codex_code in FAILURES:
                with self.subTest(reply=reply):
                    asked = len(provider.requests)
                    provider.then(reply, reply, reply)
                    answer = bridge.client.turn(WHOLE)
                    self.assertEqual((answer.status, answer.error["code"]), (status, code))
                    failed = end_of(bridge.client.events(HELLO))
                    self.assertEqual((failed["status"], failed["error"]["code"]), ("failed", code))
                    codex = end_of(bridge.codex().events(HELLO))
                    self.assertEqual(codex["error"]["code"], codex_code or code)
                    self.assertEqual(len(provider.requests), asked + 3)
                    self.assertTrue(until(lambda n=asked: len(bridge.lines) == n + 3))
                    statuses = [line["status"] for line in bridge.lines[-3:]]
                    self.assertEqual(statuses, [status, 200, 200])

    def test_a_stream_cut_at_any_byte_fails_and_keeps_what_was_said(self) -> None:
        reply = text("Words that were said")
        length = sum(len(b"%x\r\n%s\r\n" % (len(p), p)) for p in reply.pieces)
        random = chance("cuts")
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            for _ in range(300 if LONG else 15):
                provider.then(reply.cut(random.randrange(length - 200)))
                events = bridge.client.events(HELLO)
                response = end_of(events)
                self.assertEqual(response["status"], "failed")
                said = [e.data["delta"] for e in events if e.type == "response.output_text.delta"]
                self.assertTrue("Words that were said".startswith("".join(said)))

    def test_a_rate_limit_says_when_to_come_back(self) -> None:
        reply = failure(429, {"error": {"message": "slow"}}, {"retry-after": "7"})
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(reply, reply)
            answer = bridge.client.turn(WHOLE)
            failed = end_of(bridge.client.events(HELLO))
        self.assertEqual(answer.headers["retry-after"], "7")
        self.assertIn("try again in 7s", failed["error"]["message"])

    def test_what_a_provider_says_is_redacted(self) -> None:
        reply = failure(400, {"error": {"message": "your key sk-secret is bad"}})
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(reply, Reply((event({"error": {"message": "key sk-secret"}}),)))
            messages = [bridge.client.turn(WHOLE).error["message"] for _ in range(2)]
        for message in messages:
            self.assertIn("[redacted]", message)
            self.assertNotIn("sk-secret", message)

    def test_a_missing_key_is_told_without_asking_anybody(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, key_env="ACME_KEY") as bridge:
            answer = bridge.client.turn(WHOLE)
            self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_auth"))
            self.assertIn("ACME_KEY", answer.error["message"])
            self.assertEqual(provider.requests, [])

    def test_the_key_goes_to_its_provider(self) -> None:
        with ScriptedProvider() as provider:
            with gateway(provider, key_env="ACME_KEY", key="sk-acme") as bridge:
                provider.say("Hello")
                bridge.client.turn(WHOLE)
            self.assertEqual(provider.requests[0].headers["authorization"], "Bearer sk-acme")


class BrokenModel:
    """Says a word, then trips over a bug of ours."""

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        yield (ChatChunk(text="Hello"),)
        raise KeyError("a bug")


class Bugs(unittest.TestCase):
    def test_a_bug_of_ours_ends_the_turn_and_is_logged_with_its_place(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, model=BrokenModel()) as bridge:
            failed = end_of(bridge.codex().events(HELLO))
            answer = bridge.client.turn(WHOLE)
            self.assertEqual(provider.requests, [])
        self.assertEqual((failed["status"], failed["error"]["code"]), ("failed", "invalid_prompt"))
        self.assertEqual((answer.status, answer.error["code"]), (500, "internal_error"))
        self.assertEqual([line["outcome"] for line in bridge.lines], ["failed", "failed"])
        for line in bridge.server.log:
            self.assertEqual((line["event"], line["error"]), ("internal_error", "KeyError"))
            self.assertIn(f" > {__name__}:", line["where"])
            self.assertIn(line["request_id"], [each["request_id"] for each in bridge.lines])


class LogLines(unittest.TestCase):
    def test_a_line_says_what_became_of_a_turn_and_nothing_of_what_was_said(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.say("A secret answer")
            headers = {"thread-id": "thread-1", "x-openai-subagent": "collab_spawn"}
            bridge.codex(**headers).events({**HELLO, "input": "A secret question"})
            self.assertTrue(until(lambda: bool(bridge.lines)))
        line = bridge.lines[0]
        times = {name: line.pop(name) for name in ("ttfb_ms", "ttft_ms", "total_ms", "request_id")}
        self.assertEqual(
            line,
            {
                "level": "info",
                "event": "turn",
                "route": "/v1/responses",
                "codex": "0.169.0",
                "thread": "4b0a5fef",
                "subagent": "collab_spawn",
                "bytes_in": len(json.dumps({**HELLO, "input": "A secret question"})),
                "lane": "plain",
                "status": 200,
                "outcome": "completed",
                "code": None,
                "model": "scripted",
                "upstream_model": "acme/scripted-1",
                "stream": True,
                "items": 1,
                "tools": 0,
                "queue_ms": 0,
                "tries": 1,
                "usage": line["usage"],
                "cost_usd": 0.000025,
                "receipt": line["receipt"],
            },
        )
        self.assertLessEqual(times["ttfb_ms"], times["ttft_ms"] + 1)
        self.assertLessEqual(times["ttft_ms"], times["total_ms"])
        self.assertNotIn("secret", json.dumps(line))


if __name__ == "__main__":
    unittest.main()
