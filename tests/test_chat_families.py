"""Conversations as Codex has them, sent to every model there is: its provider takes each of them.

The providers are `chat_rules` and `family_rules`: they refuse what the real ones are known to.
"""

import json
import unittest
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import support  # noqa: F401
from support.family_rules import faults_at

from codex_oss.chat import (
    ChatMessage,
    ChatRequest,
    FilePart,
    FunctionCall,
    FunctionTool,
    ImagePart,
    ResponseFormat,
    TextPart,
    fit,
    wire_of,
)
from codex_oss.profiles import BUILT_IN, ModelProfile, parse_profiles

SHELL = FunctionTool(
    "exec_command",
    "Run a command.",
    {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]},
)
PATCH = FunctionTool(
    "apply_patch", "", {"type": "object", "properties": {"input": {"type": "string"}}}, strict=True
)
ODD = FunctionTool(
    "mcp__docs__search",
    "",
    {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "properties": {
            "node": {"$ref": "#/$defs/node"},
            "pair": {"type": "array", "items": [{"type": "string"}, True]},
            "any": True,
            "either": {"type": "string", "anyOf": [{"minLength": 1}, {"enum": [""]}]},
            "both": {"allOf": [{"type": "object"}, {"properties": {"a": {"const": 1}}}]},
        },
    },
)
TOOLS = (SHELL, PATCH, ODD)
SYSTEM = ChatMessage("system", "You are Codex.")
TASK = ChatMessage("user", "Mend the test.")
IMAGE = ImagePart("data:image/png;base64,iVBORw0KGgo=", "high")
NOTES = FilePart("notes.txt", "data:text/plain;base64," + b64encode(b"some notes").decode())


def thinking(text: str, family: str) -> dict[str, Any]:
    """Return the reasoning of a message, in every form that it may have."""
    block = json.dumps({"type": "thinking", "thinking": text, "signature": "S"})
    return {"reasoning": text, "reasoning_blocks": (block,), "reasoning_family": family}


def turn(n: int, *arguments: str, text: str = "", **said: Any) -> list[ChatMessage]:
    """Return an assistant's message with calls, and their results."""
    names = [tool.name for tool in TOOLS]
    calls = tuple(
        FunctionCall(f"call_{n}_{at}", names[(n + at) % 3], each)
        for at, each in enumerate(arguments or ('{"cmd":"ls"}',))
    )
    results = [ChatMessage("tool", "done", call_id=call.call_id) for call in calls]
    return [ChatMessage("assistant", text, calls, **said), *results]


def conversations(family: str) -> Iterator[tuple[str, list[ChatMessage]]]:
    """Yield histories by what is special in them."""
    own = thinking("because", family)
    for count in (1, 2, 5, 8):
        turns = [m for n in range(count) for m in turn(n, **own)]
        yield f"{count} tool turns", [TASK, *turns]
    yield "no reasoning", [TASK, *turn(0), *turn(1, text="Next:")]
    yield "reasoning that nobody vouches for", [TASK, *turn(0, **thinking("because", ""))]
    yield "reasoning of others", [TASK, *turn(0, **thinking("FOREIGN", "other")), *turn(1, **own)]
    earlier = [*turn(0, **own), ChatMessage("assistant", "Done.", **own), TASK]
    yield "an earlier turn", [TASK, *earlier, *turn(1, **own)]
    yield "parallel calls", [TASK, *turn(0, "{}", "{}", "{}", **own), *turn(1, "{}", "{}")]
    first, second, third = turn(0, "{}", "{}", **own)
    yield "results in another order", [TASK, first, third, TASK, second]
    yield "broken arguments", [TASK, *turn(0, '{"cmd":"l', "ls", "", **own)]
    yield "a missing result", [TASK, *turn(0, "{}", "{}", **own)[:2], TASK]
    yield "a result too many", [TASK, *turn(0, **own), turn(0)[1], TASK]
    same = [replace(call, call_id="functions.x:0") for call in turn(0, "{}", "{}")[0].calls]
    results = [ChatMessage("tool", "r", call_id="functions.x:0")] * 2
    yield (
        "two calls with one id",
        [TASK, ChatMessage("assistant", "", tuple(same), **own), *results],
    )
    yield "ends in the answer", [TASK, *turn(0, **own), ChatMessage("assistant", "So far", **own)]
    yield "begins with the assistant", [ChatMessage("assistant", "Hello."), TASK]
    yield "instructions in between", [TASK, ChatMessage("system", "Be brief."), *turn(0, **own)]
    shown = (TextPart("[image 1 of call exec_command]"), IMAGE, NOTES)
    yield "an image", [TASK, *turn(0, **own), ChatMessage("user", "", parts=shown)]
    yield "nothing said", [ChatMessage("user", ""), ChatMessage("assistant", " ", **own), TASK]


def requests(family: str) -> Iterator[tuple[str, ChatRequest]]:
    for name, messages in conversations(family):
        yield name, ChatRequest((SYSTEM, *messages), TOOLS)
        yield f"{name}, no tools", ChatRequest((SYSTEM, *messages))
    plain = ChatRequest((SYSTEM, TASK), TOOLS)
    yield "no instructions", replace(plain, messages=(TASK,))
    for choice in ("none", "required", "apply_patch"):
        yield f"choice {choice}", replace(plain, tool_choice=choice, parallel_calls=False)
    for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra", "odd"):
        yield f"effort {effort}", replace(plain, effort=effort)
    for wanted in (ResponseFormat(), ResponseFormat("answer", {"type": "object"}, True)):
        yield f"format {wanted.name}", replace(plain, response_format=wanted)
    yield (
        "all parameters",
        replace(
            plain,
            max_output_tokens=10_000_000,
            temperature=0.2,
            top_p=0.5,
            presence_penalty=1,
            frequency_penalty=1,
            cache_key="thread",
        ),
    )
    yield "a short answer, well thought", replace(plain, max_output_tokens=100, effort="max")


def user_profiles() -> tuple[ModelProfile, ...]:
    served = (
        ("vllm", "Qwen/Qwen3.6-35B", "chat"),
        ("ollama", "gpt-oss:20b", "chat"),
        ("llama.cpp", "gemma-3", "chat"),
        ("vllm", "some-model", "chat"),
        ("openai", "gpt-5.5", "chat"),
        ("vllm", "MiniMax-M2.7", "chat"),
        ("vllm", "some-model", "anthropic"),
    )
    bodies = {
        f"p{n}": {"provider": provider, "upstream_model": model, "wire": wire}
        for n, (provider, model, wire) in enumerate(served)
    }
    return parse_profiles(json.dumps(bodies))


def body_of(profile: ModelProfile, request: ChatRequest) -> dict[str, Any]:
    assert profile.wire != "responses"
    wire = wire_of(profile.wire, profile.dialect)
    fitted = fit(request, profile.dialect).request
    body: dict[str, Any] = json.loads(wire.body(fitted, profile.upstream_model))
    return body


def faults_in(profile: ModelProfile, body: dict[str, Any]) -> list[str]:
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    return faults_at(profile, "/v1/chat/completions", headers, body)


class EveryModel(unittest.TestCase):
    def test_takes_every_conversation(self) -> None:
        for profile in (*BUILT_IN[1:], *user_profiles()):
            if profile.wire == "responses":
                continue
            for name, request in requests(profile.family):
                with self.subTest(profile.name, request=name):
                    self.assertEqual(faults_in(profile, body_of(profile, request)), [])

    def test_fitting_what_is_fitted_changes_nothing(self) -> None:
        for profile in (*BUILT_IN[1:], *user_profiles()):
            for name, request in requests(profile.family):
                with self.subTest(profile.name, request=name):
                    once = fit(request, profile.dialect)
                    again = fit(once.request, profile.dialect)
                    self.assertEqual(again.request, once.request)
                    self.assertEqual(
                        (again.dropped, again.downgraded, again.repaired), ((), (), ())
                    )

    def test_a_fallback_is_fitted_anew_and_gets_no_reasoning_of_the_first(self) -> None:
        kimi, deepseek = (
            next(p for p in BUILT_IN if p.name == name) for name in ("kimi", "deepseek")
        )
        request = ChatRequest((TASK, *turn(0, **thinking("FOREIGN", kimi.family))), TOOLS)
        fitted = fit(request, deepseek.dialect)
        self.assertEqual(fitted.reasoning_dropped, (("foreign", 1),))
        self.assertEqual(faults_in(deepseek, body_of(deepseek, request)), [])


BITING = (  # A model, a flag of its row, and that flag as the generic row has it.
    ("deepseek", "missing_reasoning", "omit"),
    ("deepseek", "tool_choices", ("none", "required", "named")),
    ("kimi", "call_ids", "plain"),
    ("kimi", "replay", "preferred"),
    ("kimi", "missing_reasoning", "omit"),
    ("kimi", "temperatures", ()),
    ("kimi", "output_tokens_default", None),
    ("kimi", "schemas", "any"),
    ("kimi", "names_results", False),
    ("kimi-k3", "refused", frozenset()),
    ("kimi-k3", "call_ids", "plain"),
    ("mimo-v2.5", "missing_reasoning", "omit"),
    ("minimax-at-vllm", "tool_choices", ("none", "required", "named")),
    ("minimax-at-vllm", "max_tokens_field", "max_tokens"),
)


class EveryFlag(unittest.TestCase):
    def test_bites_a_provider_that_is_not_told_it(self) -> None:
        text = '{"minimax-at-vllm": {"provider": "vllm", "upstream_model": "MiniMax-M2.7"}}'
        profiles = {profile.name: profile for profile in (*BUILT_IN, *parse_profiles(text))}
        for name, flag, value in BITING:
            with self.subTest(name, flag=flag):
                profile = profiles[name]
                forgot = replace(profile, dialect=replace(profile.dialect, **{flag: value}))
                asked = (request for _, request in requests(profile.family))
                self.assertTrue(any(faults_in(forgot, body_of(forgot, each)) for each in asked))


if __name__ == "__main__":
    unittest.main()
