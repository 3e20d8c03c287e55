"""Answers that are asked for in one piece: told in pieces, and bounded as a whole."""

import json
import time
import unittest
from dataclasses import replace

from support import LONG, chance, scratch
from support.bridges import bridge
from support.gateways import end_of, scripted_profile
from support.providers import JSON, USAGE, Reply, ScriptedProvider, text, whole_json

from codex_oss.chat import (
    Burst,
    CallDelta,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    FunctionTool,
    TextRun,
    gather,
)
from codex_oss.deadline import Deadline
from codex_oss.errors import UpstreamTimeout
from codex_oss.system import SystemClock
from codex_oss.upstream import (
    Caller,
    HttpChatModel,
    Lessons,
    PieceSizes,
    Retrying,
    Starting,
    TransportLimits,
    Tries,
)
from codex_oss.upstream.pieces import in_pieces

ASKED = ChatRequest((ChatMessage("user", "Go."),))
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}
THOUGHT, SAID, GIVEN = "Hm, " * 9, "Wörds 😀 " * 9, json.dumps({"path": "a/b" * 20})


def whole(**message: object) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Reply((json.dumps({"choices": [choice], "usage": USAGE}).encode(),), 200, JSON)


class Pieces(unittest.TestCase):
    def test_a_caller_gets_a_stream_of_what_came_at_once(self) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": GIVEN}}
        reply = whole(content=SAID, reasoning_content=THOUGHT, tool_calls=[call, call])
        sizes = {"SSE_CHUNK_SIZE": "16", "SSE_FUNCTION_ARGS_CHUNK_SIZE": "32"}
        asked = {"model": "scripted", "input": "hi", "stream": True, "tools": [TOOL]}
        with scratch() as project, ScriptedProvider(reply) as provider:
            with bridge(project, provider, UPSTREAM_STREAM="0", **sizes) as running:
                events = running.client.events(asked)
        self.assertNotIn("stream", provider.requests[0].body)
        self.assertNotIn("stream_options", provider.requests[0].body)
        response = end_of(events)
        kinds = [item["type"] for item in response["output"]]
        self.assertEqual(kinds, ["reasoning", "message", "function_call", "function_call"])
        self.assertEqual(response["usage"]["total_tokens"], 18)
        for kind, size, expected in (
            ("response.reasoning_text.delta", 16, THOUGHT),
            ("response.output_text.delta", 16, SAID),
            ("response.function_call_arguments.delta", 32, GIVEN * 2),
        ):
            deltas = [event.data["delta"] for event in events if event.type == kind]
            self.assertEqual("".join(deltas), expected)
            self.assertEqual({len(delta) for delta in deltas[:2]}, {size})
            self.assertLessEqual(max(map(len, deltas)), size)

    def test_pieces_joined_are_what_came(self) -> None:
        random = chance("pieces")
        letters = 'aé😀\n"\\'
        for _ in range(2_000 if LONG else 100):
            said = ["".join(random.choices(letters, k=random.randrange(60))) for _ in range(4)]
            calls = tuple(
                CallDelta(call_id=f"c{n}", name="f", arguments=a) for n, a in enumerate(said[2:])
            )
            came: Burst = (ChatChunk(said[0], said[1], calls, "stop", reasoning_blocks=("{}",)),)
            cut = in_pieces(came, PieceSizes(random.randrange(1, 20), random.randrange(1, 20)))
            self.assertEqual(gather([cut]), gather([came]))

    def test_what_is_live_or_says_who_serves_is_left_alone(self) -> None:
        live: Burst = (TextRun((b'"a long piece of text"',)),)
        self.assertEqual(in_pieces(live, PieceSizes(1, 1)), live)


class Times(unittest.TestCase):
    def setUp(self) -> None:
        self.provider = self.enterContext(ScriptedProvider())
        self.clock = SystemClock()

    def ask(self, *, streams: bool, begin: float, retries: int = 0, **limits: float) -> str:
        profile = scripted_profile(self.provider.base_url)
        profile = replace(profile, dialect=replace(profile.dialect, streams_tools=streams))
        times = replace(TransportLimits(first_byte=5, idle=0.2), **limits)
        caller = Caller(profile, "", limits=times, slots=(), redact=str, clock=self.clock)
        model = HttpChatModel(profile, caller, Lessons())
        tried = Retrying(model, Tries(retries, self.clock, lambda: 0.0))
        request = replace(ASKED, tools=(FunctionTool("f", "", {"type": "object"}),))
        return gather(list(Starting(tried, begin).stream(request, Deadline(self.clock)))).text

    def test_the_time_to_begin_bounds_the_start_of_such_a_call_and_not_its_length(self) -> None:
        self.provider.then(whole_json("Late.").after(0.5), text("Late.").after(0.5))
        self.assertEqual(self.ask(streams=False, begin=0.2), "Late.")
        with self.assertRaisesRegex(UpstreamTimeout, "no answer began within 0.2 s"):
            self.ask(streams=True, begin=0.2)

    def test_a_call_has_one_limit_for_all_of_it_and_is_not_made_again(self) -> None:
        self.provider.always = whole_json("Late.").after(2)
        started = time.monotonic()
        told = "not done after 0.3 s .UPSTREAM_TIMEOUT_SECONDS"
        with self.assertRaisesRegex(UpstreamTimeout, told):
            self.ask(streams=False, begin=0.1, retries=3, unstreamed=0.3)
        self.assertLess(time.monotonic() - started, 1)
        self.assertEqual(len(self.provider.requests), 1)

    def test_the_limits_of_streams_do_not_hold(self) -> None:
        words = whole_json("Late.").body
        slow = Reply((words[:9], words[9:]), 200, JSON).spaced(0.4)
        self.provider.then(slow.after(0.4))
        told = self.ask(streams=False, begin=9, first_byte=0.1, idle=0.1, whole=0.1)
        self.assertEqual(told, "Late.")


if __name__ == "__main__":
    unittest.main()
