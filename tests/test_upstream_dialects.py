"""Real HTTP turns with providers that are picky: their wires, their ends, what they teach."""

import json
import unittest
from dataclasses import replace

import support  # noqa: F401
from support.family_rules import anthropic_faults
from support.providers import JSON, Reply, ScriptedProvider, calls, event, failure, text

from codex_oss.chat import (
    TOLERATED_EOF,
    ChatMessage,
    ChatReply,
    ChatRequest,
    FunctionCall,
    FunctionTool,
    Served,
    Usage,
    gather,
)
from codex_oss.deadline import Deadline
from codex_oss.errors import UpstreamTruncated
from codex_oss.profiles import BUILT_IN, ModelProfile, Provider, placed
from codex_oss.system import SystemClock
from codex_oss.upstream import Caller, HttpChatModel, Lessons, TransportLimits

TOOLS = (FunctionTool("f", "", {"type": "object"}),)
ASKED = ChatRequest((ChatMessage("user", "Go."),), TOOLS)


def at(provider: ScriptedProvider, name: str) -> ModelProfile:
    """Return a built-in model, served here."""
    profile = next(each for each in BUILT_IN if each.name == name)
    return replace(profile, provider=Provider("opencode_go", provider.base_url, "KEY"))


class Turns(unittest.TestCase):
    def setUp(self) -> None:
        self.lessons = Lessons()
        self.clock = SystemClock()

    def ask(self, profile: ModelProfile, request: ChatRequest = ASKED) -> tuple[Served, ChatReply]:
        caller = Caller(
            profile, "secret", limits=TransportLimits(), slots=(), redact=str, clock=self.clock
        )
        model = HttpChatModel(profile, caller, self.lessons)
        bursts = list(model.stream(request, Deadline(self.clock, 10)))
        served = next(piece for burst in bursts for piece in burst if isinstance(piece, Served))
        return served, gather(bursts)

    def test_a_model_of_the_anthropic_wire(self) -> None:
        with ScriptedProvider(checks=False) as provider:
            provider.then(MESSAGE)
            served, reply = self.ask(at(provider, "minimax-m2.7"))
        (asked,) = provider.requests
        self.assertEqual((asked.path, served.wire), ("/v1/messages", "anthropic"))
        self.assertEqual(anthropic_faults(asked.body), [])
        self.assertEqual(asked.headers["x-api-key"], "secret")
        self.assertEqual(asked.headers["anthropic-version"], "2023-06-01")
        self.assertNotIn("authorization", asked.headers)
        expected = ChatReply("Yes.", "so", (), "stop", Usage(3, 2), (BLOCK,))
        self.assertEqual(reply, expected)

    def test_the_other_wire_is_learned_with_its_dialect(self) -> None:
        told = {"error": {"message": "Model kimi-k2.6 not supported for format oa-compat"}}
        with ScriptedProvider(checks=False) as provider:
            provider.then(failure(400, told), MESSAGE, MESSAGE)
            for _ in range(2):
                served, reply = self.ask(at(provider, "kimi"))
                self.assertEqual((served.wire, reply.text), ("anthropic", "Yes."))
        paths = [asked.path for asked in provider.requests]
        self.assertEqual(paths, ["/v1/chat/completions", "/v1/messages", "/v1/messages"])
        for asked in provider.requests[1:]:
            self.assertEqual(anthropic_faults(asked.body), [])

    def test_a_refused_field_is_left_out_and_told(self) -> None:
        told = {"error": {"message": "Unsupported parameter: top_p"}}
        request = replace(ASKED, top_p=0.5)
        with ScriptedProvider() as provider:
            provider.then(failure(400, told), text("a"), text("b"))
            for words in ("a", "b"):
                served, reply = self.ask(at(provider, "glm-5.3"), request)
                self.assertEqual((served.dropped, reply.text), (("top_p",), words))
            provider.then(text("c"))
            self.assertEqual(self.ask(at(provider, "glm-5.3"))[0].dropped, ())  # Nobody asked.
        sent = ["top_p" in asked.body for asked in provider.requests]
        self.assertEqual(sent, [True, False, False, False])

    def test_what_its_row_refuses_is_told_only_where_it_was_asked(self) -> None:
        with ScriptedProvider(text("a"), checks=False) as provider:
            for request, dropped in (
                (ASKED, ()),
                (replace(ASKED, temperature=0.5), ("temperature",)),
            ):
                served, _ = self.ask(at(provider, "kimi-k3"), request)
                self.assertEqual(served.dropped, dropped)

    def test_tools_that_a_model_cannot_stream_come_whole(self) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        document = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
        with ScriptedProvider() as provider:
            provider.then(Reply((json.dumps(document).encode(),), 200, JSON), text("streamed"))
            _, reply = self.ask(at(provider, "glm-5.2"))
            _, other = self.ask(at(provider, "glm-5.2"), replace(ASKED, tools=()))
        self.assertEqual(reply.calls, (FunctionCall("c", "f", "{}"),))
        self.assertEqual(other.text, "streamed")
        self.assertEqual(["stream" in asked.body for asked in provider.requests], [False, True])

    def test_whole_calls_without_a_finish_word_are_an_end_at_opencode_go_only(self) -> None:
        pieces = calls(("f", {"a": 1})).pieces
        unfinished = Reply(tuple(piece for piece in pieces if b'"tool_calls":[' in bytes(piece)))
        with ScriptedProvider(unfinished, checks=False) as provider:
            _, reply = self.ask(at(provider, "glm-5.3"))
            self.assertEqual((reply.finish, reply.calls[0].name), (TOLERATED_EOF, "f"))
            elsewhere = ModelProfile("p", "m", Provider("acme", provider.base_url))
            with self.assertRaises(UpstreamTruncated):
                self.ask(elsewhere)

    def test_a_local_server_that_parses_nothing_is_parsed_here(self) -> None:
        said = '<think>so</think>\n<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>'
        with ScriptedProvider() as provider:
            provider.then(text(said))
            here = Provider("vllm", provider.base_url)
            dialect = placed(ModelProfile("p", "m", here).dialect, "vllm", "chat")
            _, reply = self.ask(ModelProfile("p", "m", here, dialect=dialect))
        self.assertEqual((reply.text, reply.reasoning), ("", "so"))
        self.assertEqual([(call.name, call.arguments) for call in reply.calls], [("f", '{"a":1}')])


BLOCK = '{"type":"thinking","thinking":"so","signature":"S"}'
MESSAGE = Reply(
    tuple(
        event(document)
        for document in (
            {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": {"thinking": "so"}},
            {"type": "content_block_delta", "index": 0, "delta": {"signature": "S"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_delta", "index": 1, "delta": {"text": "Yes."}},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 2},
            },
            {"type": "message_stop"},
        )
    )
)

if __name__ == "__main__":
    unittest.main()
