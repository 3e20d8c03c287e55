"""Compaction: what a model is asked, the one item that comes of it, and that it can be read."""

import json
import unittest
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import support  # noqa: F401
from support.schema import faults_of_compaction
from support.turns import KEY, Event, check_events, parsed, stream_of, turn_of

from codex_oss.chat import (
    GENERIC,
    Burst,
    CallDelta,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    Served,
    TextRun,
    Usage,
    fit,
)
from codex_oss.errors import BadRequest, BridgeError, Cancelled, UpstreamError
from codex_oss.responses import (
    Past,
    Turn,
    assemble,
    compaction_object,
    input_tokens_object,
    parse_request,
    to_chat_request,
    whole,
)
from codex_oss.responses.compaction import HAND_OVER
from codex_oss.responses.envelope import unseal_summary

TOOL = {"type": "function", "name": "f"}
CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "a", "output": "4"}
HISTORY: list[Any] = [{"role": "user", "content": "Two and two?"}, CALL, RESULT]
TRIGGER = {"type": "compaction_trigger"}
SAID = TextRun((b'"We have "', b'"4."'))
STOP = ChatChunk(finish="stop", usage=Usage(9, 4))


def turn(*items: Any, **fields: Any) -> Turn:
    body = {"model": "m", "input": [*HISTORY, *items, TRIGGER], "tools": [TOOL]} | fields
    return turn_of(json.dumps(body).encode(), (0, 169, 0))


def failing(error: BridgeError) -> Iterator[Burst]:
    yield (SAID,)
    raise error


class Asked(unittest.TestCase):
    def test_the_model_is_asked_for_a_hand_over_without_tools(self) -> None:
        fields = {"text": {"format": {"type": "json_object"}}, "max_output_tokens": 9}
        asked = turn(
            instructions="i", tool_choice="required", reasoning={"effort": "low"}, **fields
        )
        chat, _ = to_chat_request(asked.request)
        self.assertEqual(replace(chat, messages=()), ChatRequest((), effort="low"))
        self.assertEqual(chat.messages[0], ChatMessage("system", "i"))
        self.assertEqual(chat.messages[-1], ChatMessage("user", HAND_OVER))
        roles = [message.role for message in fit(chat, GENERIC).request.messages]
        self.assertEqual(roles, ["system", "user", "assistant", "user", "user"])

    def test_what_the_hand_over_must_hold_is_said(self) -> None:
        for word in ("goal", "decided", "files", "open", "identifiers"):
            self.assertIn(word, HAND_OVER)


class Answered(unittest.TestCase):
    def response(self, bursts: Iterable[Burst]) -> Event:
        events = parsed(stream_of(turn(), bursts))
        check_events(self, events)
        response = events[-1]["response"]
        assert isinstance(response, dict)
        return response

    def test_exactly_one_item_comes_and_nothing_else(self) -> None:
        call = ChatChunk(calls=(CallDelta(0, "i", "f", "{}"),))
        thought = ChatChunk(reasoning="hm")
        events = parsed(stream_of(turn(), [(Served(tries=2),), (thought, SAID, call), (STOP,)]))
        check_events(self, events)
        kinds = [event["type"].removeprefix("response.") for event in events]
        opening = ["created", "in_progress"]
        self.assertEqual(kinds, [*opening, "output_item.added", "output_item.done", "completed"])
        response = events[-1]["response"]
        [item] = response["output"]
        self.assertEqual(item.keys(), {"id", "type", "encrypted_content"})
        self.assertRegex(item["id"], "^cmp_[0-9a-f]{32}$")
        self.assertEqual(unseal_summary(KEY, item["encrypted_content"]), "We have 4.")
        self.assertEqual(
            (response["usage"]["total_tokens"], response["oss_receipt"]["tries"]), (13, 2)
        )

    def test_a_summary_that_is_cut_says_so(self) -> None:
        [item] = self.response([(SAID, ChatChunk(finish="length"))])["output"]
        text = unseal_summary(KEY, item["encrypted_content"]) or ""
        told = "We have 4.\n\n[The hand-over was cut off here, at the output limit.]"
        self.assertEqual(text, told)

    def test_a_failure_is_its_error_and_no_item(self) -> None:
        for bursts, code in (
            ([(STOP,)], "server_error"),
            ([(ChatChunk(text=" \n"), STOP)], "server_error"),
            ([(SAID,)], "server_error"),
            ([(SAID, ChatChunk(finish="content_filter"))], "invalid_prompt"),
            (failing(UpstreamError("x")), "server_error"),
        ):
            response = self.response(bursts)
            found = response["status"], response["error"]["code"], response["output"]
            self.assertEqual(found, ("failed", code, []))
        with self.assertRaises(Cancelled):
            list(assemble(turn(), failing(Cancelled("left"))))
        unsealed = replace(turn(), seal_key=b"")
        events = parsed(stream_of(unsealed, [(SAID, STOP)]))
        self.assertEqual(events[-1]["response"]["error"]["code"], "invalid_prompt")

    def test_a_later_turn_goes_on_from_it(self) -> None:
        output = self.response([(SAID, STOP)])["output"]
        body = {"model": "other", "input": [*output, {"role": "user", "content": "Go on."}]}
        chat, _ = to_chat_request(parse_request(json.dumps(body).encode(), Past(KEY)))
        told = "[Summary of the conversation so far]\nWe have 4."
        self.assertEqual(chat.messages, (ChatMessage("user", told), ChatMessage("user", "Go on.")))


class Routes(unittest.TestCase):
    def test_the_compact_route_answers_with_the_same_item(self) -> None:
        body = json.dumps({"model": "m", "input": HISTORY, "instructions": "i"}).encode()
        request = parse_request(body, Past(KEY), compacts=True)
        self.assertTrue(request.compacts)
        asked = replace(turn(), request=request)
        response = whole(assemble(asked, [(SAID, STOP)]))
        told = json.loads(json.dumps(compaction_object(response)))
        self.assertEqual(faults_of_compaction(told), [])
        self.assertEqual(
            told,
            {
                "id": asked.response_id,
                "object": "response.compaction",
                "created_at": 1_790_000_000,
                "output": response["output"],
                "usage": response["usage"],
            },
        )
        for wrong in (b'{"input":"x"}', b'{"model":"m"}'):
            with self.assertRaises(BadRequest):
                parse_request(wrong, compacts=True)

    def test_tokens_are_estimated_and_more_input_is_never_less(self) -> None:
        def tokens(**fields: Any) -> int:
            body = {"model": "m", "input": "x"} | fields
            told = input_tokens_object(parse_request(json.dumps(body).encode()))
            self.assertEqual(told["object"], "response.input_tokens")
            count = told["input_tokens"]
            assert isinstance(count, int)
            return count

        self.assertEqual((tokens(input="x" * 400), tokens(input="é" * 200)), (100, 100))
        image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 9_000}
        text = {"type": "input_text", "text": "more"}
        grown: list[dict[str, Any]] = []
        items: list[Any] = [{"role": "user", "content": "x"}]
        strange = {"type": "novelty", "n": 1}
        for item in (*HISTORY, {"role": "user", "content": [text, image, text]}, strange):
            items = [*items, item]
            grown.append({"input": items})
        grown += [{"input": items, "instructions": "i" * n} for n in (10, 20)]
        grown += [{"input": items, "instructions": "i" * 20, "tools": [TOOL] * n} for n in (0, 1)]
        counts = [tokens(**fields) for fields in grown]
        self.assertEqual(counts, sorted(counts))
        self.assertLess(counts[0], counts[-1])
        self.assertLess(counts[-1], 1_200)  # An image is not counted by its base64.


if __name__ == "__main__":
    unittest.main()
