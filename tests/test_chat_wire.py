"""Bodies of the Chat Completions wire: where each thing stands, and what each dialect says."""

import json
import unittest
from dataclasses import replace
from typing import Any

import support  # noqa: F401

from codex_oss.chat import (
    ChatMessage,
    ChatRequest,
    ChatWire,
    Dialect,
    FilePart,
    FunctionCall,
    FunctionTool,
    ImagePart,
    ResponseFormat,
    TextPart,
)

STRANGE = 'é 漢 \u2028 "quoted" back\\slash \n\t/ \U0001f600'
TASK = ChatMessage("user", "Go.")
TOOL = FunctionTool("f", "", {"type": "object"})
SAID = ChatMessage("assistant", "So:", (FunctionCall("c1", "f", "{}"),), reasoning="because")
RESULT = ChatMessage("tool", "r", call_id="c1")


def body_of(request: ChatRequest, dialect: Dialect | None = None, **how: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(ChatWire(dialect or Dialect()).body(request, "m", **how))
    return body


def beside(request: ChatRequest, dialect: Dialect) -> dict[str, Any]:
    """Return what a dialect's body says that the generic one does not, `None` for what it lacks."""
    body, generic = body_of(request, dialect), body_of(request)
    missing = dict.fromkeys(generic.keys() - body.keys())
    return missing | {key: value for key, value in body.items() if generic.get(key) != value}


class Body(unittest.TestCase):
    def test_only_what_is_asked_is_sent(self) -> None:
        request = ChatRequest((ChatMessage("user", STRANGE),))
        said = {"role": "user", "content": STRANGE}
        options = {"stream": True, "stream_options": {"include_usage": True}}
        self.assertEqual(body_of(request), {"model": "m", "messages": [said]} | options)
        self.assertEqual(body_of(request, stream=False), {"model": "m", "messages": [said]})

    def test_everything_has_its_place(self) -> None:
        request = ChatRequest(
            messages=(
                ChatMessage("system", "s"),
                ChatMessage("assistant", "", (FunctionCall("c1", "f", '{"a":1}'),)),
                RESULT,
            ),
            tools=(
                FunctionTool("f", "d", {"type": "object"}, True),
                FunctionTool("g", "", {}, False),
            ),
            tool_choice="f",
            parallel_calls=False,
            max_output_tokens=9,
            temperature=0,
            top_p=0.5,
            presence_penalty=-1,
            frequency_penalty=2,
            response_format=ResponseFormat("n", {"type": "object"}, False, "d"),
            cache_key="k",
        )
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        f = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
        shape = {"name": "n", "schema": {"type": "object"}, "strict": False, "description": "d"}
        self.assertEqual(
            body_of(request, stream=False),
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c1", "content": "r"},
                ],
                "tools": [
                    {"type": "function", "function": f},
                    {"type": "function", "function": {"name": "g", "parameters": {}}},
                ],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
                "parallel_tool_calls": False,
                "max_tokens": 9,
                "temperature": 0,
                "top_p": 0.5,
                "presence_penalty": -1,
                "frequency_penalty": 2,
                "response_format": {"type": "json_schema", "json_schema": shape},
                "prompt_cache_key": "k",
            },
        )

    def test_a_choice_without_tools_is_not_sent_and_modes_are_words(self) -> None:
        tools = (TOOL,)
        cases = (((), "required", None), (tools, "auto", None), (tools, "required", "required"))
        for given, choice, sent in (*cases, (tools, "none", "none")):
            request = ChatRequest((TASK,), given, choice)
            self.assertEqual(body_of(request).get("tool_choice"), sent)

    def test_shapes_say_no_more_than_was_asked(self) -> None:
        for wanted, sent in (
            (ResponseFormat(), {"type": "json_object"}),
            (
                ResponseFormat("n", {}),
                {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
            ),
        ):
            request = ChatRequest((TASK,), response_format=wanted)
            self.assertEqual(body_of(request)["response_format"], sent)

    def test_parts_stand_behind_the_text_in_their_order(self) -> None:
        image, file = ImagePart("https://x/a.png", "high"), FilePart("a.pdf", "data:x")
        url = {"url": "https://x/a.png", "detail": "high"}
        shown = [
            {"type": "text", "text": "b"},
            {"type": "image_url", "image_url": url},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:x"}},
        ]
        parts = (TextPart("b"), image, file)
        for text, first in (("a", [{"type": "text", "text": "a"}]), ("", [])):
            request = ChatRequest((ChatMessage("user", text, parts=parts),))
            self.assertEqual(body_of(request)["messages"][0]["content"], [*first, *shown])
        plain = ChatRequest((ChatMessage("user", "", parts=(ImagePart("u"),)),))
        only = [{"type": "image_url", "image_url": {"url": "u"}}]
        self.assertEqual(body_of(plain)["messages"][0]["content"], only)

    def test_half_a_surrogate_pair_does_not_stop_a_request(self) -> None:
        request = ChatRequest((ChatMessage("user", "a\ud83db"),))
        self.assertIn(b'"a?b"', ChatWire().body(request, "m"))

    def test_a_key_stands_in_its_header_and_nowhere_without_one(self) -> None:
        self.assertEqual(ChatWire().headers("k"), {"Authorization": "Bearer k"})
        self.assertEqual(ChatWire().headers(""), {})


class Flags(unittest.TestCase):
    def test_each_says_its_own_field(self) -> None:
        request = ChatRequest((TASK,), (TOOL,), max_output_tokens=9, effort="low")
        longer = replace(request, effort="max")
        for asked, dialect, said in (
            (
                request,
                Dialect(max_tokens_field="max_completion_tokens"),
                {"max_tokens": None, "max_completion_tokens": 9},
            ),
            (request, Dialect(refused=frozenset({"max_tokens"})), {"max_tokens": None}),
            (request, Dialect(refused=frozenset({"stream_options"})), {"stream_options": None}),
            (request, Dialect(extra={"preserve_thinking": True}), {"preserve_thinking": True}),
            (request, Dialect(streams_tools=False), {"stream": None, "stream_options": None}),
            (replace(request, tools=()), Dialect(streams_tools=False), {}),
            (request, Dialect(efforts=("low",)), {"reasoning_effort": "low"}),
            (request, Dialect(thinking_switch="thinking"), {"thinking": {"type": "enabled"}}),
            (request, Dialect(thinking_switch="enable_thinking"), {"enable_thinking": True}),
            (request, Dialect(thinking_tokens_max=9_000), {"thinking_budget": 4_096}),
            (longer, Dialect(thinking_tokens_max=9_000), {"thinking_budget": 9_000}),
            (
                request,
                Dialect(efforts=("low",), thinking_switch="thinking", thinking_tokens_max=9_000),
                {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
            ),
            (
                replace(request, effort="none"),
                Dialect(efforts=("low",), thinking_switch="thinking"),
                {"thinking": {"type": "disabled"}},
            ),
            (
                replace(request, effort="none"),
                Dialect(thinking_switch="enable_thinking", thinking_tokens_max=9_000),
                {"enable_thinking": False},
            ),
            (
                replace(request, effort="none"),
                Dialect(efforts=("none", "low")),
                {"reasoning_effort": "none"},
            ),
            (replace(request, effort=""), Dialect(thinking_switch="thinking"), {}),
        ):
            with self.subTest(dialect):
                self.assertEqual(beside(asked, dialect), said)

    def test_reasoning_stands_in_the_field_of_the_dialect(self) -> None:
        request = ChatRequest((TASK, SAID, RESULT), (TOOL,))
        bare = replace(request, messages=(TASK, replace(SAID, reasoning=""), RESULT))
        details = [{"type": "reasoning.text", "text": "because"}]
        split = Dialect(replay="inline", extra={"reasoning_split": True})
        refused = replace(split, refused=frozenset({"reasoning_split"}))
        empty = Dialect(replay="always", missing_reasoning="empty")
        with_tools = replace(empty, replay_needs_tools=True)
        for asked, dialect, said in (
            (request, Dialect(), {"reasoning_content": "because"}),
            (request, Dialect(reasoning_field="reasoning"), {"reasoning": "because"}),
            (bare, Dialect(), {}),
            (bare, empty, {"reasoning_content": ""}),
            (bare, with_tools, {"reasoning_content": ""}),
            (replace(bare, tools=()), with_tools, {}),
            (replace(bare, tools=()), empty, {"reasoning_content": ""}),
            (request, split, {"reasoning_details": details}),
            (bare, split, {}),
            (request, refused, {"content": "<think>because</think>So:"}),
        ):
            with self.subTest(dialect):
                message = body_of(asked, dialect)["messages"][1]
                plain = {"role": "assistant", "content": "So:", "tool_calls": message["tool_calls"]}
                self.assertEqual(message, plain | said)

    def test_results_have_the_names_of_their_tools_where_they_must(self) -> None:
        request = ChatRequest((TASK, SAID, RESULT, replace(RESULT, call_id="c2")), (TOOL,))
        messages = body_of(request, Dialect(names_results=True))["messages"]
        named = {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "r"}
        self.assertEqual(
            messages[2:], [named, {"role": "tool", "tool_call_id": "c2", "content": "r"}]
        )


if __name__ == "__main__":
    unittest.main()
