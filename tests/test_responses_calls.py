"""Calls of every kind as a client gets them, and the way there and back."""

import json
import unittest
from collections.abc import Iterable
from typing import Any

from support import LONG, chance
from support.turns import Event, check_events, parsed, stream_of, turn_of

from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatMessage
from codex_oss.responses import Style, Turn, parse_request, to_chat_request

TOOLS = [
    {"type": "function", "name": "look"},
    {"type": "custom", "name": "patch"},
    {
        "type": "namespace",
        "name": "agents",
        "tools": [{"type": "function", "name": "spawn"}, {"type": "custom", "name": "exec"}],
    },
    {"type": "tool_search", "execution": "client"},
    {"type": "local_shell"},
    {"type": "function", "name": "über.all"},
]
STOP = ChatChunk(finish="stop")


def turn(style: Style | None = None) -> Turn:
    body = {"model": "m", "input": "hi", "tools": TOOLS, "store": False}
    return turn_of(json.dumps(body).encode(), None, style)


def name_of(own: str, namespace: str = "") -> str:
    return turn().request.table.name_of(namespace, own)


def calls(*said: tuple[str, str], finish: str = "stop") -> tuple[Burst, ...]:
    """Return an answer of these calls, name and arguments each."""
    deltas = [CallDelta(n, f"id{n}", name, text) for n, (name, text) in enumerate(said)]
    return (tuple(ChatChunk(calls=(delta,)) for delta in deltas), (ChatChunk(finish=finish),))


class Told(unittest.TestCase):
    def events(self, bursts: Iterable[Burst], style: Style | None = None) -> list[Event]:
        events = parsed(stream_of(turn(style), bursts))
        check_events(self, events)
        return events

    def test_each_call_comes_back_as_the_item_that_its_client_runs(self) -> None:
        shell = '{"command":["ls","-l"],"timeout_ms":5,"working_directory":"/x","env":{"A":1}}'
        action = {"type": "exec", "command": ["ls", "-l"], "env": {"A": "1"}}
        action |= {"timeout_ms": 5, "working_directory": "/x"}
        unknown = {"type": "function_call", "name": "agents__other", "arguments": "{}"}
        for name, arguments, item in (
            ("look", '{"a":1}', {"type": "function_call", "name": "look", "arguments": '{"a":1}'}),
            (
                "agents__spawn",
                "{}",
                {
                    "type": "function_call",
                    "name": "spawn",
                    "namespace": "agents",
                    "arguments": "{}",
                },
            ),
            (
                "patch",
                '{"input":"*** Begin\\n"}',
                {"type": "custom_tool_call", "name": "patch", "input": "*** Begin\n"},
            ),
            (
                "agents__exec",
                '{"input":"1+1"}',
                {
                    "type": "custom_tool_call",
                    "name": "exec",
                    "namespace": "agents",
                    "input": "1+1",
                },
            ),
            (
                "tool_search",
                '{"query":"x"}',
                {"type": "tool_search_call", "execution": "client", "arguments": {"query": "x"}},
            ),
            ("local_shell", shell, {"type": "local_shell_call", "action": action}),
            (
                name_of("über.all"),
                "{}",
                {"type": "function_call", "name": "über.all", "arguments": "{}"},
            ),
            ("agents__other", "{}", unknown),
        ):
            with self.subTest(name):
                response = self.events(calls((name, arguments)))[-1]["response"]
                [told] = response["output"]
                ids = told.pop("id"), told.pop("call_id")
                self.assertEqual(told, item | {"status": "completed"})
                self.assertRegex(ids[0], r"^(fc|ctc|tsc|lsh)_[0-9a-f]{32}$")
                self.assertRegex(ids[1], r"^call_[0-9a-f]{24}$")
                self.assertNotIn("salvaged", response["oss_receipt"])

    def test_events_of_a_custom_call(self) -> None:
        text = "x" * 2_500
        events = self.events(calls(("patch", json.dumps({"input": text}))))
        kinds = [event["type"] for event in events[2:]]
        delta = "response.custom_tool_call_input.delta"
        self.assertEqual(
            kinds,
            [
                "response.output_item.added",
                *[delta] * 3,
                "response.custom_tool_call_input.done",
                "response.output_item.done",
                "response.completed",
            ],
        )
        self.assertEqual([len(e["delta"]) for e in events if "delta" in e], [1_024, 1_024, 452])
        self.assertEqual(events[2]["item"]["input"], "")
        shown = Style(argument_chars=2_000)
        sizes = [
            len(e["delta"]) for e in self.events(calls(("patch", text)), shown) if "delta" in e
        ]
        self.assertEqual(sizes, [2_000, 500])
        empty = self.events(calls(("patch", '{"input":""}')))
        self.assertEqual([e["delta"] for e in empty if e["type"] == delta], [""])

    def test_a_call_that_comes_whole_has_no_deltas(self) -> None:
        for name in ("tool_search", "local_shell"):
            events = self.events(calls((name, '{"query":"x"}')))
            kinds = [event["type"].removeprefix("response.") for event in events[2:]]
            self.assertEqual(kinds, ["output_item.added", "output_item.done", "completed"])

    def test_arguments_of_another_form_are_salvaged_where_they_make_a_call(self) -> None:
        empty = {"type": "exec", "command": [], "env": {}}
        shell = empty | {"command": ["bash", "-lc", "ls"]}
        for name, arguments, fields, salvaged in (
            ("patch", "*** Begin", {"input": "*** Begin"}, 1),
            ("patch", '{"patch":"x"}', {"input": '{"patch":"x"}'}, 1),
            ("patch", '{"input":5}', {"input": '{"input":5}'}, 1),
            ("patch", '"x"', {"input": '"x"'}, 1),
            ("tool_search", '{"query":"x', {"arguments": {"query": "x"}}, 1),
            ("tool_search", "files", {"arguments": {"_raw": "files"}}, 1),
            ("local_shell", '{"command":"ls"}', {"action": shell}, 1),
            ("local_shell", "rm -rf /", {"action": empty}, 0),
            ("local_shell", '{"command":7,"env":[],"timeout_ms":"x"}', {"action": empty}, 0),
            ("look", "not json", {"arguments": "not json"}, 0),
        ):
            with self.subTest(name, arguments=arguments):
                response = self.events(calls((name, arguments)))[-1]["response"]
                [item] = response["output"]
                self.assertEqual({key: item[key] for key in fields}, fields)
                self.assertEqual(response["oss_receipt"].get("salvaged", 0), salvaged)

    def test_calls_found_in_text_are_counted(self) -> None:
        found = ChatChunk(calls=(CallDelta(0, "i", "look", "{}"),), salvaged=1)
        response = self.events([(found, STOP)])[-1]["response"]
        self.assertEqual(response["oss_receipt"]["salvaged"], 1)
        mixed = self.events([(found,), *calls(("look", "{}"), ("patch", "raw"))])[-1]["response"]
        self.assertEqual(mixed["oss_receipt"]["salvaged"], 2)

    def test_a_call_that_is_cut_is_never_done(self) -> None:
        for name, cut, fields in (
            ("look", '{"a":', {"arguments": '{"a":'}),
            ("look", "", {"arguments": "{}"}),
            ("patch", '{"input":"*** B', {"input": ""}),
            ("patch", "", {"input": ""}),
            ("tool_search", '{"query":"x', {"arguments": {}}),
            ("local_shell", '{"command":["rm","-rf"', {"action": {"command": []}}),
        ):
            for bursts in (calls(("look", "{}"), (name, cut), finish="length"),):
                events = self.events(bursts)
                done = [e["item"]["name"] for e in events if e["type"].endswith("item.done")]
                self.assertEqual(done, ["look"], name)
                response = events[-1]["response"]
                item = response["output"][1]
                self.assertEqual((response["status"], item["status"]), ("incomplete",) * 2)
                for key, value in fields.items():
                    shown = item[key]
                    if key == "action":
                        shown = {"command": shown["command"]}
                    self.assertEqual(shown, value)

    def test_interleaved_calls_of_all_kinds_come_in_order_and_whole(self) -> None:
        random = chance("interleaved")
        for _ in range(300 if LONG else 30):
            said = [
                (name, json.dumps({"input": "é" * random.randrange(9), "n": 1}))
                for name in random.choices([*turn().request.table.tools, "unknown"], k=4)
            ]
            pieces: list[CallDelta] = []
            queues = [
                [CallDelta(n, "", "", piece) for piece in halves(text, random)]
                for n, (_, text) in enumerate(said)
            ]
            heads = [CallDelta(n, f"id{n}", name) for n, (name, _) in enumerate(said)]
            while any(queues):
                pieces.append(random.choice([q for q in queues if q]).pop(0))
            bursts = [tuple(ChatChunk(calls=(piece,)) for piece in [*heads, *pieces]), (STOP,)]
            output = self.events(bursts)[-1]["response"]["output"]
            table = turn().request.table
            names = [table.tools[n].name if n in table.tools else n for n, _ in said]
            told = [item.get("name") or item["type"].removesuffix("_call") for item in output]
            self.assertEqual(told, names)


def halves(text: str, random: Any) -> list[str]:
    at = random.randrange(1, len(text))
    return [text[:at], text[at:]]


class ThereAndBack(unittest.TestCase):
    def test_what_a_client_sends_back_is_what_the_model_said(self) -> None:
        for name, arguments in (
            ("look", '{"a": 1}'),
            ("agents__spawn", "{}"),
            ("patch", '{"input":"a\\n\\"b\\""}'),
            ("agents__exec", '{"input":""}'),
            ("tool_search", '{"query":"x"}'),
            ("local_shell", '{"command":["ls"],"env":{}}'),
            (name_of("über.all"), "{}"),
            ("never_declared", "{}"),
        ):
            with self.subTest(name):
                response = parsed(stream_of(turn(), calls((name, arguments))))[-1]["response"]
                [item] = response["output"]
                request = parse_request(
                    json.dumps({"model": "m", "input": [item], "tools": TOOLS}).encode()
                )
                [message] = to_chat_request(request)[0].messages
                assert isinstance(message, ChatMessage)
                [call] = message.calls
                self.assertEqual((call.name, call.arguments), (name, arguments))
                self.assertEqual(call.call_id, item["call_id"])


if __name__ == "__main__":
    unittest.main()
