"""Tool rounds, cut outputs, and replies that are no answer."""

import hashlib
import unittest

import support  # noqa: F401 - The checkout is on the path now.

from codex_oss.chat import ChatMessage, ChatReply, ChatRequest, FunctionCall, FunctionTool
from codex_oss.gateway.rounds import (
    RoundLimits,
    asking_for_report,
    fault_of,
    is_intent,
    rounds_in,
    since_task,
    with_outputs_cut,
)

TASK = "Read it."
TOOLS = tuple(FunctionTool(name, "", {"type": "object"}) for name in ("look", "run"))


def call(arguments: str = "{}", name: str = "look") -> FunctionCall:
    return FunctionCall("c", name, arguments)


def asked(*made: FunctionCall) -> ChatMessage:
    return ChatMessage("assistant", calls=made)


def result(text: str = "ok") -> ChatMessage:
    return ChatMessage("tool", text, call_id="c")


class Rounds(unittest.TestCase):
    def test_they_are_counted_from_the_task(self) -> None:
        older = [ChatMessage("user", "Before."), asked(call()), result()]
        task = ChatMessage("user", TASK)
        for made, rounds in (
            ([], 0),
            ([asked(call())], 0),
            ([asked(call()), result()], 1),
            ([asked(call(), call()), result(), result()], 1),
            (
                [asked(call()), result(), ChatMessage("user", "<turn_aborted>"), asked(), result()],
                2,
            ),
        ):
            with self.subTest(made):
                since = since_task([*older, task, *made], TASK)
                self.assertEqual((list(since), rounds_in(since)), (made, rounds))
        self.assertEqual(since_task(older, TASK), older)

    def test_a_task_in_parts_is_found_by_its_first_text(self) -> None:
        said = [ChatMessage("user", TASK), asked(call()), result()]
        self.assertEqual(rounds_in(since_task(said, f"{TASK}\nmore")), 1)

    def test_a_budget_is_never_over_its_cap(self) -> None:
        limits = RoundLimits(native=1, most=6, most_writing=3)
        for rounds, may_write, expected in (
            (None, False, (1, 6)),
            (4, False, (4, 6)),
            (9, False, (6, 6)),
            (9, True, (3, 3)),
            (0, False, (0, 6)),
        ):
            self.assertEqual(limits.budget(rounds, may_write=may_write), expected)
        self.assertEqual(RoundLimits(native=9, most=2).budget(None, may_write=False), (2, 2))


class Outputs(unittest.TestCase):
    def test_a_long_one_is_cut_to_head_and_tail_with_length_and_digest(self) -> None:
        text = "a" * 60 + "é" + "z" * 60
        request = ChatRequest((ChatMessage("user", "u" * 200), result(text), result("x" * 100)))
        cut = with_outputs_cut(request, 100).messages
        digest = hashlib.sha256(text.encode()).hexdigest()
        middle = f"\n[... cut: 121 characters, sha256 {digest} ...]\n"
        self.assertEqual(cut[1].text, "a" * 50 + middle + "z" * 50)
        self.assertEqual((cut[0], cut[2]), (request.messages[0], request.messages[2]))


class Replies(unittest.TestCase):
    def test_what_only_announces_something(self) -> None:
        for text in (
            "I will look at the file now.",
            "Let me check this first.",
            "Okay, let me start.",
            "Running the search ...",
            "Let me " + "x" * 393,
            "Starting with the settings",
            "I'm going to read it.",
        ):
            with self.subTest(text):
                self.assertTrue(is_intent(text))
        for text in (
            "",
            "The timeout is 30 s.",
            "I will say it plainly: it is set in src/config.py.",
            "Let me quote: `TIMEOUT = 30`.",
            "Running is defined in main.py",
            "I will " + "explain it at length " * 20,
            "Startings are rare.",
            "Let me " + "x" * 394,
        ):
            with self.subTest(text):
                self.assertFalse(is_intent(text))

    def test_what_is_wrong_with_a_reply(self) -> None:
        twice = [asked(call()), result(), asked(call()), result()]
        plain = ChatRequest((), TOOLS)
        fields = ("findings", "files_inspected", "Whatever else you see there")
        cases = (
            ("repeated_call", ChatReply(calls=(call(),)), plain, False),
            ("", ChatReply(calls=(call('{"a":1}'),)), plain, False),
            ("", ChatReply(calls=(call(name="run"),)), plain, True),
            ("invalid_report", ChatReply(calls=(call(name="gone"),)), plain, True),
            ("intent_text", ChatReply("Let me look."), plain, False),
            ("intent_text", ChatReply("Let me look."), plain, True),
            ("", ChatReply(""), plain, False),
            ("invalid_report", ChatReply(" "), plain, True),
            ("invalid_report", ChatReply("Findings: none."), plain, True),
            ("", ChatReply("Findings: none. Files inspected: none."), plain, True),
            ("", ChatReply("It is 30."), plain, False),
        )
        for expected, reply, request, is_report in cases:
            with self.subTest(reply):
                found = fault_of(reply, twice, request, fields, is_report=is_report)
                self.assertEqual(found, expected)

    def test_the_request_for_the_report(self) -> None:
        request = ChatRequest((ChatMessage("user", TASK),), TOOLS, tool_choice="look")
        last = asking_for_report(request, ("findings",), 2, ())
        self.assertEqual((last.tools, last.tool_choice), ((), "auto"))
        for words in ("2 rounds", "No tool is left", "- findings"):
            self.assertIn(words, last.messages[-1].text)
        some = asking_for_report(request, (), 2, ("run", "gone"))
        self.assertEqual([tool.name for tool in some.tools], ["run"])
        self.assertIn("Only run may still be called.", some.messages[-1].text)


if __name__ == "__main__":
    unittest.main()
