"""A real `python3 bridge.py` and providers whose answers are damaged, silent, or say nothing.

Whatever they send, in whichever wire and dialect, a turn ends with one terminal event, no call of a
cut stream is done, and nothing of it stays behind (bridge.md 12, 13 and 15).
"""

import json
import unittest
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from support import LONG, chance, scratch
from support.clients import Client
from support.damage import STREAMS, damaged, in_pieces
from support.gateways import end_of
from support.processes import bridge_process
from support.providers import (
    Asked,
    Pause,
    Reply,
    ScriptedProvider,
    calls,
    delta,
    event,
    stream,
    text,
)
from support.schema import faults_of_event
from support.served import until

TURNS = 5_000 if LONG else 100
CALLERS = 4
TOOLS = [{"type": "function", "name": "exec_command", "parameters": {"type": "object"}},
         {"type": "custom", "name": "apply_patch"}]  # fmt: skip
TURN = {"input": "Go.", "stream": True, "store": False, "tools": TOOLS}
FAMILIES = ("generic", "deepseek-v4", "kimi-k2", "glm", "minimax", "qwen", "gpt-oss", "blocks")
MARKUP = (
    b"<think>a</think>b", b'<tool_call>{"name":"exec_command","arguments":{}}</tool_call>',
    b"<function=exec_command><parameter=cmd>ls</parameter></function>", b"</think>", b"<think>",
)  # fmt: skip
MESSAGE = (
    {"type": "message_start", "message": {"usage": {"input_tokens": 9}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta",
                                                         "thinking": "so"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "Yes"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {
        "type": "tool_use", "id": "t1", "name": "exec_command", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta",
                                                         "partial_json": '{"cmd":'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta",
                                                         "partial_json": '"ls"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
)  # fmt: skip
ANTHROPIC = b"".join(map(event, MESSAGE))
LIMITS = {
    "UPSTREAM_RETRIES": "0",
    "UPSTREAM_IDLE_TIMEOUT_SECONDS": "1",
    "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "1",
    "CIRCUIT_BREAKER_ERRORS": "1000",
    "MAX_GLOBAL_UPSTREAM_CONCURRENCY": "64",
}


def profiles(provider: ScriptedProvider) -> dict[str, object]:
    """Return a profile of each family; the last speaks the Anthropic wire."""
    served = {"provider": "openai_compatible", "base_url": provider.base_url}
    named = {name: {**served, "upstream_model": f"{name}-1", "family": name} for name in FAMILIES}
    return {**named, "blocks": {**served, "upstream_model": "m", "wire": "anthropic"}}


class Streams(unittest.TestCase):
    def setUp(self) -> None:
        project = self.enterContext(scratch()) / "project"
        project.mkdir()
        self.provider = self.enterContext(ScriptedProvider(checks=False))
        running = bridge_process(project, profiles(self.provider), **LIMITS)
        self.bridge = self.enterContext(running)

    def ends(self, client: Client, model: str) -> dict[str, Any]:
        """Take a turn, hold all that is true of every stream, and return its response."""
        events = client.events({**TURN, "model": model})
        faults = [fault for each in events[:-1] for fault in faults_of_event(each.data)]
        self.assertEqual(faults, [])
        return end_of(events)

    def test_damaged_streams_end_once_and_leave_nothing_behind(self) -> None:
        self.ends_whole()
        before = self.bridge.cost
        random = chance("damage")
        self.provider.always = lambda asked: damaged_reply(asked, random)
        with ThreadPoolExecutor(CALLERS) as callers:
            models = [FAMILIES[n % len(FAMILIES)] for n in range(TURNS)]
            ended = callers.map(lambda model: self.ends(self.bridge.client, model), models)
            statuses = {response["status"] for response in ended}
        self.assertEqual(statuses, {"completed", "incomplete", "failed"})
        self.assertTrue(until(lambda: self.bridge.cost.threads <= before.threads))
        self.assertTrue(until(lambda: self.bridge.cost.descriptors <= before.descriptors))
        self.assertNotIn("Traceback", "".join(self.bridge.said))

    def ends_whole(self) -> None:
        for model, reply in (("generic", text("Yes.")), ("blocks", Reply((ANTHROPIC,)))):
            self.provider.then(reply)
            self.assertEqual(self.ends(self.bridge.client, model)["status"], "completed")

    def test_a_silence_at_any_place_is_ended_by_the_idle_limit(self) -> None:
        whole = calls(("exec_command", {"cmd": "ls"}), preface="Look:").pieces
        silent = [Reply((*whole[:at], Pause(20))) for at in range(1, len(whole) - 2)]
        self.provider.then(*silent)
        with ThreadPoolExecutor(len(silent)) as callers:
            models = ["generic"] * len(silent)
            ended = list(callers.map(lambda model: self.ends(self.bridge.client, model), models))
        for response in ended:
            self.assertEqual(response["status"], "failed")
            self.assertIn("UPSTREAM_IDLE_TIMEOUT_SECONDS", response["error"]["message"])
            calls_told = [i for i in response["output"] if i["type"] == "function_call"]
            self.assertEqual([i["status"] for i in calls_told], ["incomplete"] * len(calls_told))

    def test_an_answer_of_thinking_alone_is_asked_for_once_more(self) -> None:
        thought = stream([delta(reasoning_content="Let me think.")])
        self.provider.then(thought, text("Yes."), thought, thought)
        answered = self.ends(self.bridge.client, "deepseek-v4")
        first, second = self.provider.requests
        self.assertEqual((answered["status"], first.raw), ("completed", second.raw))
        self.assertEqual(answered["oss_receipt"]["tries"], 2)
        self.assertEqual(answered["usage"]["output_tokens"], 14)
        unanswered = self.ends(self.bridge.client, "deepseek-v4")
        self.assertEqual(unanswered["error"]["message"], "the model returned nothing")
        self.assertEqual(len(self.provider.requests), 4)


def damaged_reply(asked: Asked, random: Random) -> Reply:
    is_anthropic = asked.path.endswith("/messages")
    whole = ANTHROPIC if is_anthropic else marked(random.choice(STREAMS), random)
    others = (ANTHROPIC, *STREAMS) if is_anthropic else STREAMS
    pieces = in_pieces(damaged(whole, random, others), random)
    reply = Reply(tuple(filter(None, pieces)), is_chunked=random.random() < 0.8)
    return reply.cut(random.randrange(4_000)) if random.random() < 0.3 else reply


def marked(whole: bytes, random: Random) -> bytes:
    """Put markup of calls and of thinking into what the model says."""
    mark = json.dumps(random.choice(MARKUP).decode())[1:-1].encode()
    return whole.replace(b'"content":"', b'"content":"' + mark, random.randrange(3))


if __name__ == "__main__":
    unittest.main()
