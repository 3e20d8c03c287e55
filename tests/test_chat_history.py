"""A conversation brought into the form that every provider takes."""

import json
import unittest

from support import LONG, chance

from codex_oss.chat import (
    GENERIC,
    ChatMessage,
    ChatRequest,
    Fitted,
    FunctionCall,
    FunctionTool,
    argument_object,
    ensure_answerable,
    fit,
)
from codex_oss.chat.changes import Changes
from codex_oss.chat.history import paired, regrouped, renamed, with_ids
from codex_oss.errors import BadRequest


def call(*ids: str, text: str = "", arguments: str = "{}") -> ChatMessage:
    return ChatMessage("assistant", text, tuple(FunctionCall(i, "f", arguments) for i in ids))


def result(call_id: str, text: str) -> ChatMessage:
    return ChatMessage("tool", text, call_id=call_id)


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def fitted(*messages: ChatMessage, has_tools: bool = True) -> Fitted:
    tools = (FunctionTool("f", "", {"type": "object"}),) if has_tools else ()
    return fit(ChatRequest(messages, tools), GENERIC)


OBJECTS = ("{}", '{"a":1}', ' {"a":1}', '{"a":1', "x")
NONE = "[no result: the call was interrupted]"
SURPLUS = "[result of an earlier call] "
PAIRINGS = (  # What it shows, what comes in, what goes out, what is said to be repaired.
    ("nothing", [], None, ()),
    ("in order: as it is", [user("u"), call("a"), result("a", "1")], None, ()),
    (
        "parallel results in call order",
        [call("a", "b"), result("b", "2"), result("a", "1")],
        [call("a", "b"), result("a", "1"), result("b", "2")],
        (),
    ),
    (
        "what stands between call and result follows",
        [call("a"), user("u"), result("a", "1")],
        [call("a"), result("a", "1"), user("u")],
        (),
    ),
    (
        "an id that occurs twice pairs in order of occurrence",
        [call("a"), call("a"), result("a", "1"), result("a", "2"), user("u")],
        [call("a"), result("a", "1"), call("a"), result("a", "2"), user("u")],
        (),
    ),
    (
        "a call without result",
        [call("a", "b"), result("b", "2"), user("u")],
        [call("a", "b"), result("a", NONE), result("b", "2"), user("u")],
        ("missing_result",),
    ),
    (
        "a second result",
        [call("a"), result("a", "1"), result("a", "2")],
        [call("a"), result("a", "1"), user(SURPLUS + "2")],
        ("result_without_call",),
    ),
    (
        "a result without a call, before other items",
        [result("gone", "old"), user("u")],
        [user(SURPLUS + "old"), user("u")],
        ("result_without_call",),
    ),
    (
        "an answer that broke off",
        [user("u"), ChatMessage("assistant", "So far")],
        [
            user("u"),
            ChatMessage("assistant", "So far"),
            user("Continue exactly where the answer above stopped."),
        ],
        ("continued",),
    ),
)


class Pairing(unittest.TestCase):
    def test_every_rule(self) -> None:
        for rule, given, sent, repaired in PAIRINGS:
            with self.subTest(rule):
                found = fitted(*given)
                expected = tuple(given if sent is None else sent)
                self.assertEqual((found.request.messages, found.repaired), (expected, repaired))

    def test_a_last_result_without_a_call_is_refused(self) -> None:
        for given in ([result("x", "1")], [call("a"), result("a", "1"), result("x", "2")]):
            with self.assertRaises(BadRequest):
                fitted(*given)
            with self.assertRaises(BadRequest) as caught:
                ensure_answerable(given)
            told = "No tool call found for function call output with call_id x."
            self.assertEqual(caught.exception.message, told)
            self.assertEqual(caught.exception.faults[0].path, "input")

    def test_ids_that_providers_refuse_become_legal_on_both_sides(self) -> None:
        given = ("functions.f:0", "a" * 65, "ok-1_")
        found = fitted(call(*given), *map(empty, given))
        first, *results = found.request.messages
        ids = [each.call_id for each in first.calls]
        self.assertEqual(ids, [message.call_id for message in results])
        self.assertRegex(" ".join(ids), r"^call_[0-9a-f]{24} call_[0-9a-f]{24} ok-1_$")
        self.assertEqual(found.repaired, ())

    def test_two_calls_of_one_message_never_share_an_id(self) -> None:
        first, *results = fitted(
            call("a", "a"), result("a", "1"), result("a", "2")
        ).request.messages
        ids = [each.call_id for each in first.calls]
        self.assertEqual(ids[0], "a")
        self.assertRegex(ids[1], r"^call_[0-9a-f]{24}$")
        self.assertEqual(results, [result(ids[0], "1"), result(ids[1], "2")])

    def test_without_tools_calls_and_results_are_told_as_text(self) -> None:
        found = fitted(
            user("u"),
            call("a", text="Look:", arguments='{"p":1}'),
            result("a", "1"),
            call("b"),
            user("v"),
            has_tools=False,
        )
        self.assertEqual(
            found.request.messages,
            (
                user("u"),
                ChatMessage("assistant", 'Look:\n[called f with {"p":1}]'),
                user("[result] 1"),
                ChatMessage("assistant", "[called f with {}]"),
                user(f"[result] {NONE}"),
                user("v"),
            ),
        )
        self.assertEqual(found.repaired, ("missing_result", "calls_as_text"))

    def test_random_histories_come_out_paired_and_whole(self) -> None:
        random = chance("histories")
        for _ in range(5_000 if LONG else 300):
            given = [
                random_message(random.randrange(5), str(n)) for n in range(random.randrange(9))
            ]
            given = [*given, user("end")]
            sent = fitted(*given).request.messages
            self.assertEqual(waiting_calls(sent), [])
            said = sorted(m.text.removeprefix(SURPLUS) for m in sent if m.text != NONE)
            self.assertEqual(said, sorted(message.text for message in given))


def empty(call_id: str) -> ChatMessage:
    return result(call_id, "")


def random_message(kind: int, text: str) -> ChatMessage:
    kinds = (
        user(text),
        call("a", text=text),
        call("b", "a", text=text),
        result("a", text),
        result("b", text),
    )
    return kinds[kind]


def waiting_calls(messages: tuple[ChatMessage, ...]) -> list[str]:
    """Return what a strict provider would complain of: results must follow their calls at once."""
    waiting: list[str] = []
    for message in messages:
        if message.role == "tool":
            assert message.call_id == waiting.pop(0)
        else:
            assert not waiting, message
            waiting = [each.call_id for each in message.calls]
    return waiting


class FastAndSlow(unittest.TestCase):
    def test_a_history_in_order_is_what_it_would_be_regrouped(self) -> None:
        """Most histories are, and are passed on as they came."""
        random, kept = chance("histories in order"), 0
        for _ in range(5_000 if LONG else 500):
            messages: list[ChatMessage] = []
            for text in "uvwxyz"[: random.randrange(7)]:
                ids = random.choices(("a", "b", "c d", "e" * 65), (4, 4, 1, 1), k=2)
                said = call(
                    *ids[: random.randrange(3)], text=text, arguments=random.choice(OBJECTS)
                )
                messages += (said, *(result(each.call_id, text) for each in said.calls))
            if messages and random.random() < 0.2:
                messages.pop()
            if len(messages) > 1 and random.random() < 0.4:
                place = random.randrange(len(messages) - 1)
                messages[place], messages[-1] = messages[-1], messages[place]
            both = []
            for pair, name in ((paired, with_ids), (regrouped, renamed)):
                changes = Changes()
                said_by = list(name(list(pair(messages, changes)), GENERIC))
                both.append((said_by, changes.repaired))
            self.assertEqual(*both)
            kept += both[0][0] == messages
        self.assertGreater(kept, 50)  # Or nothing was proved.


class Arguments(unittest.TestCase):
    def test_arguments_are_left_closed_or_wrapped(self) -> None:
        cases = (
            ('{"a": 1}', '{"a": 1}'),
            (' {"a":1} ', ' {"a":1} '),
            ("", "{}"),
            ("  ", "{}"),
            ('{"a": 1', '{"a": 1}'),
            ('{"a": "x', '{"a": "x"}'),
            ('{"a": ["x", {"b": "]}', '{"a": ["x", {"b": "]}"}]}'),
            ('{"a": "x\\"', '{"a": "x\\""}'),
            ('{"a": "x\\', '{"_raw":"{\\"a\\": \\"x\\\\"}'),
            ('{"a":', '{"_raw":"{\\"a\\":"}'),
            ("[1]", '{"_raw":"[1]"}'),
            ("ls -la", '{"_raw":"ls -la"}'),
            ('{"a": NaN}', '{"_raw":"{\\"a\\": NaN}"}'),
            ("}{", '{"_raw":"}{"}'),
        )
        for given, sent in cases:
            with self.subTest(given):
                self.assertEqual(argument_object(given), sent)
                self.assertIsInstance(json.loads(sent), dict)
                found = fitted(call("a", arguments=given), result("a", ""))
                self.assertEqual(found.request.messages[0].calls[0].arguments, sent)
                self.assertEqual(found.repaired, () if sent == given else ("arguments",))

    def test_whatever_was_cut_off_becomes_an_object(self) -> None:
        whole = json.dumps({"a": ['x"]}{', {"b": None, "c\\": "é"}], "d": -1.5e3})
        for length in range(len(whole)):
            self.assertIsInstance(json.loads(argument_object(whole[:length])), dict)


if __name__ == "__main__":
    unittest.main()
