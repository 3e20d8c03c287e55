"""Reasoning as a client gets it, what lets it come back, and that it does (bridge 10)."""

import json
import unittest
from collections.abc import Iterable
from typing import Any

from support import chance
from support.turns import KEY, Event, check_events, parsed, stream_of, turn_of

from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatMessage, Served, TextRun
from codex_oss.errors import UpstreamError
from codex_oss.responses import Past, Style, Turn, parse_request, to_chat_request
from codex_oss.responses.envelope import SealedReasoning, digest_of, unseal_reasoning

THOUGHT = TextRun((b'"Look"', b'" first."'), is_reasoning=True)
TEXT = TextRun((b'"Hello"',))
CALL = ChatChunk(calls=(CallDelta(0, "i", "f", '{"a":1}'),))
STOP = ChatChunk(finish="stop")
SUMMARY, SEALED = Style(reasoning="summary"), Style(reasoning="sealed")
SILENT = Style(reasoning="sealed", shows_sealed_reasoning=False)
TOOLS = [{"type": "function", "name": "f"}]


def turn(style: Style | None = None, **fields: Any) -> Turn:
    body = {"model": "m", "input": "hi", "tools": TOOLS, "store": False} | fields
    return turn_of(json.dumps(body).encode(), None, style)


def ended(asked: Turn, *bursts: Burst) -> Event:
    response = parsed(stream_of(asked, bursts))[-1]["response"]
    assert isinstance(response, dict)
    return response


def sealed_in(item: Event) -> SealedReasoning:
    sealed = unseal_reasoning(KEY, item["encrypted_content"])
    assert isinstance(sealed, SealedReasoning)
    return sealed


class Shown(unittest.TestCase):
    def kinds(self, style: Style | None, bursts: Iterable[Burst]) -> list[str]:
        events = parsed(stream_of(turn(style), bursts))
        check_events(self, events)
        return [event["type"].removeprefix("response.") for event in events[2:]]

    def test_each_way_of_showing_it_has_its_events(self) -> None:
        message = [
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
        for style, kinds in (
            (
                None,
                "content_part.added reasoning_text.delta reasoning_text.delta reasoning_text.done"
                " content_part.done",
            ),
            (
                SUMMARY,
                "reasoning_summary_part.added reasoning_summary_text.delta"
                " reasoning_summary_text.delta reasoning_summary_text.done"
                " reasoning_summary_part.done",
            ),
            (SEALED, ""),
        ):
            said = self.kinds(style, [(THOUGHT,), (TEXT, STOP)])
            self.assertEqual(
                said, ["output_item.added", *kinds.split(), "output_item.done", *message]
            )
        self.assertEqual(self.kinds(SILENT, [(THOUGHT,), (TEXT, STOP)]), message)

    def test_each_way_of_showing_it_has_its_item(self) -> None:
        text = {"text": "Look first."}
        for style, fields in (
            (None, {"summary": [], "content": [{"type": "reasoning_text", **text}]}),
            (SUMMARY, {"summary": [{"type": "summary_text", **text}]}),
            (SEALED, {"summary": []}),
        ):
            item = ended(turn(style), (THOUGHT, TEXT, STOP))["output"][0]
            own = {key: item[key] for key in item.keys() - {"id", "encrypted_content"}}
            self.assertEqual(own, {"type": "reasoning", "status": "completed"} | fields)
            self.assertRegex(item["id"], "^rs_[0-9a-f]{32}$")

    def test_it_stands_before_what_it_led_to_and_after_what_it_followed(self) -> None:
        answer = (THOUGHT, TEXT, THOUGHT, CALL, STOP)
        kinds = [item["type"] for item in ended(turn(), answer)["output"]]
        self.assertEqual(kinds, ["reasoning", "message", "reasoning", "function_call"])

    def test_what_is_open_when_the_provider_fails_is_listed_unsealed(self) -> None:
        def failing() -> Iterable[Burst]:
            yield (THOUGHT,)
            raise UpstreamError("x")

        for style in (None, SUMMARY, SEALED, SILENT):
            events = parsed(stream_of(turn(style), failing()))
            check_events(self, events)
            items = events[-1]["response"]["output"]
            self.assertEqual(
                [item["status"] for item in items], ["incomplete"][: style is not SILENT]
            )
            self.assertNotIn("encrypted_content", "".join(map(json.dumps, items)))

    def test_reasoning_alone_is_nothing_however_it_is_shown(self) -> None:
        for style in (None, SUMMARY, SEALED, SILENT):
            self.assertEqual(ended(turn(style), (THOUGHT, STOP))["status"], "failed")


class Sealed(unittest.TestCase):
    def test_it_is_sealed_where_it_will_be_needed_and_nowhere_else(self) -> None:
        include = ["reasoning.encrypted_content"]
        for fields, style, is_sealed in (
            ({"store": False}, None, True),
            ({"store": True}, None, False),
            ({"store": True, "include": include}, None, True),
            ({"store": True, "include": include}, SUMMARY, True),
            ({"store": True}, SUMMARY, False),
            ({"store": True}, SEALED, True),
        ):
            item = ended(turn(style, **fields), (THOUGHT, TEXT, STOP))["output"][0]
            self.assertEqual("encrypted_content" in item, is_sealed, fields)

    def test_the_envelope_says_whose_it_is_and_holds_what_is_not_shown(self) -> None:
        asked, digest = turn(), digest_of("Look first.")
        plain = sealed_in(ended(asked, (THOUGHT, TEXT, STOP))["output"][0])
        own = SealedReasoning("kin", "", asked.response_id, digest)
        self.assertEqual(plain, own)
        hidden = sealed_in(ended(turn(SEALED), (THOUGHT, TEXT, STOP))["output"][0])
        self.assertEqual(hidden.text, "Look first.")
        served = Served(upstream_model="other-2", family="other")
        other = sealed_in(ended(turn(), (served,), (THOUGHT, TEXT, STOP))["output"][0])
        self.assertEqual((other.family, other.upstream_model), ("other", "other-2"))

    def test_a_providers_own_form_is_kept_in_it(self) -> None:
        signed = ChatChunk(reasoning_blocks=('{"signature":"x"}',))
        item = ended(turn(), (THOUGHT, signed, TEXT, STOP))["output"][0]
        self.assertEqual(sealed_in(item).blocks, ('{"signature":"x"}',))
        [redacted, _] = ended(turn(), (signed, TEXT, STOP))["output"]
        self.assertEqual(redacted["content"], [{"type": "reasoning_text", "text": ""}])
        self.assertEqual(sealed_in(redacted).blocks, ('{"signature":"x"}',))

    def test_what_is_too_large_for_an_envelope_goes_without(self) -> None:
        noise = chance("noise").randbytes(3_000_000).hex()
        said = (ChatChunk(reasoning=noise), TEXT, STOP)
        for style, is_sealed in ((None, True), (SEALED, False)):
            item = ended(turn(style), said)["output"][0]
            self.assertEqual("encrypted_content" in item, is_sealed)


class ComesBack(unittest.TestCase):
    def test_a_client_that_sends_items_back_gives_the_model_its_reasoning_back(self) -> None:
        signed = ChatChunk(reasoning_blocks=('{"signature":"x"}',))
        for style in (None, SUMMARY, SEALED):
            output = ended(turn(style), (THOUGHT, signed, CALL, STOP))["output"]
            answer = {
                "type": "function_call_output",
                "call_id": output[1]["call_id"],
                "output": "4",
            }
            items = [{"role": "user", "content": "hi"}, *output, answer]
            first, again = self.sent(items), self.sent(items)
            self.assertEqual(first, again)  # A restart between the turns changes nothing.
            message = first[1]
            self.assertEqual(
                (message.reasoning, message.reasoning_family, message.reasoning_blocks),
                ("Look first.", "kin", ('{"signature":"x"}',)),
            )
            self.assertEqual(len(message.calls), 1)

    def test_of_two_families_in_one_message_the_last_is_kept(self) -> None:
        ours = ended(turn(), (THOUGHT, TEXT, STOP))["output"]
        theirs = ended(turn(), (Served(family="other"),), (THOUGHT, CALL, STOP))["output"]
        body = {"model": "m", "input": [*ours, *theirs], "tools": TOOLS}
        chat, receipt = to_chat_request(parse_request(json.dumps(body).encode(), Past(KEY)))
        self.assertEqual(chat.messages[0].reasoning_family, "other")
        self.assertEqual(receipt.reasoning_dropped, {"foreign": 1})

    def test_reasoning_of_one_message_is_joined_as_it_came(self) -> None:
        output = ended(turn(), (THOUGHT, TEXT, THOUGHT, CALL, STOP))["output"]
        self.assertEqual(self.sent(output)[0].reasoning, "Look first.Look first.")

    def test_reasoning_that_led_to_nothing_is_dropped_and_counted(self) -> None:
        item = ended(turn(), (THOUGHT, TEXT, STOP))["output"][0]
        body = {"model": "m", "input": [{"role": "user", "content": "hi"}, item]}
        chat, receipt = to_chat_request(parse_request(json.dumps(body).encode(), Past(KEY)))
        self.assertEqual(chat.messages, (ChatMessage("user", "hi"),))
        self.assertEqual(receipt.to_json(), {"reasoning_dropped": {"alone": 1}})

    def sent(self, items: list[Event]) -> tuple[ChatMessage, ...]:
        body = {"model": "m", "input": items, "tools": TOOLS}
        chat, _ = to_chat_request(parse_request(json.dumps(body).encode(), Past(KEY)))
        return chat.messages


if __name__ == "__main__":
    unittest.main()
