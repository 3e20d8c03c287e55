"""The whole history of a turn: what a request refers to, and each answer with its call."""

import json
import unittest
from collections.abc import Mapping, Sequence
from typing import Any

import support  # noqa: F401

from codex_oss.chat import ChatMessage
from codex_oss.errors import BadRequest
from codex_oss.responses import (
    Past,
    ResponsesRequest,
    parse_request,
    previous_response_not_found,
    to_chat_request,
)
from codex_oss.responses.calls import Call

Item = dict[str, Any]

CHAINS: Mapping[str, Sequence[Item]] = {}


def user(text: str) -> Item:
    return {"type": "message", "role": "user", "content": text}


def call(call_id: str) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def result(call_id: str) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": "done"}


class Kept:
    """What a bridge keeps, as a test needs it."""

    def __init__(
        self, chains: Mapping[str, Sequence[Item]] = CHAINS, items: Sequence[Item] = ()
    ) -> None:
        self.past = Past(chain=self._chain, item=self._item, call=self._call)
        self._chains = chains
        self._items = items

    def _chain(self, response_id: str) -> Sequence[Item]:
        if response_id not in self._chains:
            raise previous_response_not_found("it was deleted")
        return self._chains[response_id]

    def _item(self, item_id: str) -> Item | None:
        return next((item for item in self._items if item.get("id") == item_id), None)

    def _call(self, call_id: str) -> Item | None:
        return next((item for item in self._items if item.get("call_id") == call_id), None)


def read(kept: Kept, *items: Item, **fields: Any) -> ResponsesRequest:
    body = {"model": "m", "input": items} | fields
    return parse_request(json.dumps(body).encode(), kept.past)


def faults(kept: Kept, *items: Item, **fields: Any) -> list[tuple[str, str, str]]:
    try:
        read(kept, *items, **fields)
    except BadRequest as error:
        return [(fault.path, fault.code, fault.message) for fault in error.faults]
    return []


ASKED = Call("a", "", "f", "{}")
DONE = ChatMessage("tool", "done", call_id="a")


class Continued(unittest.TestCase):
    def test_an_earlier_turn_stands_before_the_new_input(self) -> None:
        kept = Kept({"resp_1": [user("one"), call("a")]})
        request = read(kept, result("a"), previous_response_id="resp_1")
        self.assertEqual(request.items, (ChatMessage("user", "one"), ASKED, DONE))
        self.assertEqual(request.given, (result("a"),))
        self.assertEqual(request.previous_response_id, "resp_1")
        self.assertEqual(request.echo["previous_response_id"], "resp_1")

    def test_what_is_not_stored_is_refused(self) -> None:
        told = ("previous_response_id", "previous_response_not_found", "it was deleted")
        self.assertEqual(faults(Kept(), user("x"), previous_response_id="resp_9"), [told])
        body = json.dumps({"model": "m", "input": "x", "previous_response_id": "r"}).encode()
        with self.assertRaisesRegex(BadRequest, "no response is stored here"):
            parse_request(body)

    def test_a_text_is_given_as_one_message(self) -> None:
        request = parse_request(b'{"model":"m","input":"hi"}')
        part = {"type": "input_text", "text": "hi"}
        message = {"type": "message", "role": "user", "content": [part]}
        self.assertEqual((request.items, request.given), ((ChatMessage("user", "hi"),), (message,)))

    def test_a_summary_that_was_asked_for_earlier_is_not_asked_for_again(self) -> None:
        kept = Kept({"resp_1": [user("one"), {"type": "compaction_trigger"}]})
        request = read(kept, user("two"), previous_response_id="resp_1")
        texts = [item.text for item in request.items if isinstance(item, ChatMessage)]
        self.assertEqual((texts, request.compacts), (["one", "two"], False))


class References(unittest.TestCase):
    def test_an_item_is_looked_up_by_its_id(self) -> None:
        kept = Kept(items=[user("one") | {"id": "msg_1"}])
        for reference in ({"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}):
            request = read(kept, reference, user("two"))
            self.assertEqual(request.items[0], ChatMessage("user", "one"))
            self.assertEqual(request.given[0], reference)

    def test_an_item_that_is_not_there_is_refused(self) -> None:
        told = ("input[1]", "item_not_found", "no item of this id is stored here")
        reference = {"type": "item_reference", "id": "m"}
        for kept in (Kept(), Kept(items=[reference])):  # Nor does one lead in a circle.
            self.assertEqual(faults(kept, user("x"), reference), [told])


class Answers(unittest.TestCase):
    def test_the_call_of_an_answer_alone_is_looked_up(self) -> None:
        kept = Kept(items=[call("a"), call("b")])
        self.assertEqual(read(kept, user("u"), result("a")).items[1:], (ASKED, DONE))
        request = read(kept, result("a"), result("b"), user("u"))
        kinds = [type(item).__name__ for item in request.items]
        self.assertEqual(kinds, ["Call", "Call", "ChatMessage", "ChatMessage", "ChatMessage"])
        known = read(kept, call("a"), result("a"), result("a"))
        self.assertEqual(known.items, (ASKED, DONE, DONE))

    def test_an_answer_to_nothing_is_refused_where_it_is_to_be_answered(self) -> None:
        chained = {"previous_response_id": "r"}
        kept = Kept({"r": [user("u")]})
        custom = result("x") | {"type": "custom_tool_call_output"}
        thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}
        for items, fields in (
            ([user("u"), result("x")], {}),
            ([result("x")], chained),
            ([user("u"), custom], {}),
            ([user("u"), result("x"), thought], {}),
        ):
            with self.assertRaises(BadRequest) as caught:
                to_chat_request(read(kept, *items, **fields))
            why = "No tool call found for function call output with call_id x."
            self.assertEqual(caught.exception.message, why)
        for behind in (user("u"), call("y"), {"type": "compaction_trigger"}):
            to_chat_request(read(kept, result("x"), behind))


class Limits(unittest.TestCase):
    def test_1_to_20_000_items(self) -> None:
        self.assertEqual(faults(Kept(), *[user("x")] * 20_000), [])
        for items in ([], [user("x")] * 20_001):
            told = ("input", "invalid_value", "expected 1 to 20,000 items")
            self.assertEqual(faults(Kept(), *items), [told])

    def test_only_a_turn_that_compacts_may_come_without_input(self) -> None:
        body = json.dumps({"model": "m", "previous_response_id": "r"}).encode()
        kept = Kept({"r": [user("one")]})
        with self.assertRaises(BadRequest):
            parse_request(body, kept.past)
        request = parse_request(body, kept.past, compacts=True)
        self.assertEqual((request.items, request.given), ((ChatMessage("user", "one"),), ()))
        with self.assertRaises(BadRequest):
            parse_request(b'{"model":"m"}', compacts=True)

    def test_a_trigger_is_the_last_item_or_a_fault(self) -> None:
        trigger = {"type": "compaction_trigger"}
        request = read(Kept(), user("u"), trigger)
        self.assertEqual((request.compacts, len(request.items)), (True, 1))
        told = ("input[0]", "invalid_value", "a compaction_trigger can only be the last item")
        self.assertEqual(faults(Kept(), trigger, user("u")), [told])
        self.assertEqual(faults(Kept(), trigger, trigger), [told])


if __name__ == "__main__":
    unittest.main()
