"""Reasoning and calls of a history, fitted to a dialect: what is sent again, what is counted."""

import unittest
from dataclasses import replace
from typing import Any

import support  # noqa: F401

from codex_oss.chat import (
    GENERIC,
    ChatMessage,
    ChatRequest,
    Dialect,
    Fitted,
    FunctionCall,
    FunctionTool,
    fit,
)

TASK = ChatMessage("user", "Go.")
PLAIN = ChatRequest((TASK,), (FunctionTool("f", "", {"type": "object"}),))


def said(text: str = "", **reasoning: Any) -> ChatMessage:
    return ChatMessage("assistant", text, (FunctionCall("a", "f", "{}"),), **reasoning)


def own(text: str = "because", family: str = "generic", *blocks: str) -> dict[str, Any]:
    return {"reasoning": text, "reasoning_family": family, "reasoning_blocks": blocks}


RESULT = ChatMessage("tool", "r", call_id="a")
TOLD = (ChatMessage("assistant", "[called f with {}]"), ChatMessage("user", "[result] r"))
TOLD_OWN = (replace(TOLD[0], reasoning_family="generic"), TOLD[1])
REPLAYS: tuple[tuple[str, Dialect, tuple[ChatMessage, ...], Any, dict[str, Any]], ...] = (
    # What it shows, a dialect, messages, what becomes of them, what is told.
    (
        "none",
        GENERIC,
        (said(**own()), RESULT),
        (said(**own("")), RESULT),
        {"reasoning_dropped": (("not_taken", 1),)},
    ),
    (
        "always",
        Dialect(replay="always"),
        (said(**own()), RESULT, TASK, said(**own()), RESULT),
        None,
        {},
    ),
    (
        "always, of others",
        Dialect(replay="always"),
        (said(**own(family="x")), RESULT),
        (said(**own("", "x")), RESULT),
        {"reasoning_dropped": (("foreign", 1),)},
    ),
    ("always, of nobody", Dialect(replay="always"), (said(**own(family="")), RESULT), None, {}),
    (
        "always, missing: as text",
        Dialect(replay="always", missing_reasoning="as_text"),
        (said(), RESULT, said(**own()), RESULT),
        (*TOLD, said(**own()), RESULT),
        {"repaired": ("calls_as_text",)},
    ),
    (
        "always, of others: as text",
        Dialect(replay="always", missing_reasoning="as_text"),
        (said(**own(family="x")), RESULT),
        (replace(TOLD[0], reasoning_family="x"), TOLD[1]),
        {"repaired": ("calls_as_text",), "reasoning_dropped": (("foreign", 1),)},
    ),
    (
        "preferred",
        Dialect(replay="preferred"),
        (said(**own()), RESULT, TASK, said(), RESULT),
        None,
        {},
    ),
    (
        "preferred, of nobody",
        Dialect(replay="preferred"),
        (said(**own(family="")), RESULT),
        (said(), RESULT),
        {"reasoning_dropped": (("unvouched", 1),)},
    ),
    (
        "tool chain",
        Dialect(replay="tool_chain"),
        (said(**own()), RESULT, TASK, said(**own()), RESULT, said(**own(family="")), RESULT),
        (said(**own("")), RESULT, TASK, said(**own()), RESULT, said(**own(family="")), RESULT),
        {"reasoning_dropped": (("older", 1),)},
    ),
    ("tool chain, missing", Dialect(replay="tool_chain"), (said(), RESULT), None, {}),
    (
        "tool chain, missing: as text",
        Dialect(replay="tool_chain", missing_reasoning="as_text"),
        (said(**own()), RESULT, said(), RESULT, said(**own()), RESULT),
        (said(**own("")), RESULT, *TOLD, said(**own()), RESULT),
        {"repaired": ("calls_as_text",), "reasoning_dropped": (("older", 1),)},
    ),
    (
        "blocks",
        Dialect(replay="blocks"),
        (said(**own("r", "generic", "{}")), RESULT),
        (said(**own("", "generic", "{}")), RESULT),
        {},
    ),
    (
        "blocks, unsigned",
        Dialect(replay="blocks"),
        (said(**own()), RESULT),
        (said(**own("")), RESULT),
        {"reasoning_dropped": (("unsigned", 1),)},
    ),
    (
        "blocks, of nobody",
        Dialect(replay="blocks"),
        (said(**own("", "", "{}")), RESULT),
        (said(), RESULT),
        {"reasoning_dropped": (("unvouched", 1),)},
    ),
    (
        "blocks where text is wanted",
        Dialect(replay="preferred"),
        (said(**own("r", "generic", "{}")), RESULT),
        (said(**own("r")), RESULT),
        {},
    ),
    ("inline", Dialect(replay="inline"), (said(**own()), RESULT), None, {}),
)


class Replay(unittest.TestCase):
    def test_each_rule_sends_what_it_says_and_counts_the_rest(self) -> None:
        for name, dialect, given, sent, names in REPLAYS:
            with self.subTest(name):
                found = fit(replace(PLAIN, messages=(TASK, *given)), dialect)
                messages = (TASK, *(given if sent is None else sent))
                self.assertEqual(found, Fitted(replace(PLAIN, messages=messages), **names))

    def test_thinking_that_only_tools_need_is_not_sent_without_them(self) -> None:
        deepseek = Dialect(replay="always", replay_needs_tools=True)
        request = ChatRequest((TASK, said("So:", **own()), RESULT))
        found = fit(request, deepseek)
        self.assertEqual(found.request.messages[1].reasoning, "")
        self.assertEqual(found.reasoning_dropped, (("not_taken", 1),))


if __name__ == "__main__":
    unittest.main()
