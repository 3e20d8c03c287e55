"""Histories that nobody would write: whatever stands in them, a provider gets a valid request.

Each is also sent twice, as after a restart between two turns: the same bytes go upstream.
"""

import json
import time
import unittest
from random import Random
from typing import Any

from support import LONG, chance
from support.chat_rules import faults_of
from support.turns import KEY, KIN, fitted_of, turn_of

from codex_oss.chat import ChatMessage, ChatWire, Dialect, fit
from codex_oss.errors import BadRequest
from codex_oss.responses import parse_request, to_chat_request
from codex_oss.responses.envelope import (
    SealedReasoning,
    digest_of,
    seal_reasoning,
    seal_summary,
)

Item = dict[str, Any]

HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
IDS = ("a", "b", "c", "functions.f:0", "x" * 90, "ü")
NAMES = ("f", "g", "a.b", "exec", "_", "x" * 80)
SPACES = ("", "n", "mcp__fs__", "o" * 70)
TEXTS = ("", "hi", "{", '{"a":1}', '{"a": "x', "é" * 9, "<item>", "\u0000")
SEAL = SealedReasoning("kin", "m", "r", digest_of("hm"))
DIALECTS = (
    Dialect(),
    Dialect(modalities=("text",)),
    Dialect(family="kin", replay="always", missing_reasoning="as_text"),
    Dialect(replay="tool_chain", missing_reasoning="empty"),
)


def part(random: Random) -> Item:
    return random.choice(
        (
            {"type": "input_text", "text": random.choice(TEXTS)},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            {"type": "input_file", "file_data": "data:text/plain;base64,QQ=="},
        )
    )


def content(random: Random) -> Any:
    if random.random() < 0.5:
        return random.choice(TEXTS)
    return [part(random) for _ in range(random.randrange(4))]


def tool(random: Random, depth: int = 0) -> Item:
    kinds: list[Item] = [
        {"type": "function", "name": random.choice(NAMES)},
        {"type": "custom", "name": random.choice(NAMES)},
        {"type": "local_shell"},
        {"type": "tool_search", "execution": "client"},
        {"type": "web_search"},
    ]
    if depth == 0:
        inner = [tool(random, 1) for _ in range(random.randrange(3))]
        kinds.append({"type": "namespace", "name": random.choice(SPACES[1:]), "tools": inner})
    return random.choice(kinds)


def item(random: Random) -> Item:
    call_id, name = random.choice(IDS), random.choice(NAMES)
    named = {"call_id": call_id, "name": name, "namespace": random.choice(SPACES)}
    thought = [{"type": "reasoning_text", "text": random.choice(("hm", "other"))}]
    token = random.choice((None, seal_reasoning(KEY, SEAL), "gAAAA", "oss1.x.y"))
    found = [tool(random) for _ in range(random.randrange(3))]
    rows: tuple[Item, ...] = (
        {"role": random.choice(("user", "developer", "system")), "content": content(random)},
        {"role": "assistant", "content": random.choice(TEXTS)},
        {"type": "function_call", "arguments": random.choice(TEXTS)} | named,
        {"type": "custom_tool_call", "input": random.choice(TEXTS)} | named,
        {"type": "tool_search_call", "execution": "client", "call_id": call_id},
        {"type": "local_shell_call", "call_id": call_id, "action": {"command": ["ls"]}},
        {"type": "function_call_output", "call_id": call_id, "output": content(random)},
        {"type": "custom_tool_call_output", "call_id": call_id, "output": content(random)},
        {"type": "tool_search_output", "call_id": call_id, "tools": found},
        {"type": "reasoning", "content": thought, "encrypted_content": token},
        {"type": "agent_message", "content": [{"type": "input_text", "text": "task"}]},
        {"type": "additional_tools", "tools": found},
        {"type": "compaction", "encrypted_content": seal_summary(KEY, "so far")},
        {"type": "web_search_call", "action": {"query": "q"}},
        {"type": "novelty", "n": [1]},
    )
    return random.choice(rows)


def body(random: Random) -> bytes:
    items = [item(random) for _ in range(random.randrange(1, 14))]
    if random.random() < 0.1:
        items.append({"type": "compaction_trigger"})
    tools = [tool(random) for _ in range(random.randrange(5))]
    fields = {"model": "m", "input": items, "tools": tools, "instructions": random.choice(TEXTS)}
    return json.dumps(fields).encode()


NOTHING = ChatMessage("system", "")


class RandomHistories(unittest.TestCase):
    def test_every_provider_gets_a_request_that_it_takes_and_twice_the_same(self) -> None:
        random, taken = chance("histories"), 0
        for _ in range(10_000 if LONG else 500):
            given = body(random)
            try:
                turn = turn_of(given)
            except BadRequest as error:
                why = "No tool call found for function call output with call_id"
                self.assertTrue(error.message.startswith(why), given)
                continue
            chat, _ = to_chat_request(turn.request)
            if all(message == NOTHING for message in chat.messages):
                continue  # Declarations alone, or reasoning that led to nothing.
            taken += 1
            for dialect in DIALECTS:
                sent = ChatWire(dialect).body(fit(chat, dialect).request, "upstream-model")
                faults = faults_of("/v1/chat/completions", HEADERS, json.loads(sent))
                self.assertEqual(faults, [], given)
            first, again = (fitted_of(turn_of(given))[0] for _ in range(2))
            self.assertEqual(ChatWire(KIN).body(first, "m"), ChatWire(KIN).body(again, "m"))
        self.assertGreater(taken, 200)


class Cost(unittest.TestCase):
    def test_eight_times_the_history_costs_about_eight_times_as_much(self) -> None:
        image = [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]

        def seconds(pairs: int) -> float:
            call = {"type": "function_call", "name": "f", "arguments": '{"cmd":"ls"}'}
            answer = {"type": "function_call_output", "output": image}
            items = [
                each | {"call_id": f"call_{n}"} for n in range(pairs) for each in (call, answer)
            ]
            given = json.dumps({"model": "m", "input": [{"role": "user", "content": "u"}, *items]})
            best = 1e9
            for _ in range(5):
                start = time.process_time()
                to_chat_request(parse_request(given.encode()))
                best = min(best, time.process_time() - start)
            return best

        tries = [seconds(1_600) / seconds(200) for _ in range(3)]
        self.assertLess(min(tries), 14, tries)  # Caches and the collector cost a part of it.


if __name__ == "__main__":
    unittest.main()
