"""Events as bytes: their order, their numbers, signs of life, and the end of a broken turn."""

import json
import unittest
from typing import Any

from support.schema import faults_of_event
from support.turns import parsed, turn_of

from codex_oss.chat import ChatChunk, TextRun
from codex_oss.errors import BrokenPromise, UpstreamError
from codex_oss.responses import Encoder, Events, ResponseEvent, assemble, whole

BODY = {"model": "m", "input": "hi", "instructions": "be brief", "tools": [{"type": "web_search"}]}
TEXT, STOP = (TextRun((b'"a"', b'"b"')),), (ChatChunk(finish="stop"),)


def turn(said: Any = (TEXT, STOP)) -> list[Events]:
    return list(assemble(turn_of(json.dumps(BODY).encode()), said))


def event(kind: str, **data: Any) -> ResponseEvent:
    return ResponseEvent(kind, data)


class Order(unittest.TestCase):
    def test_any_two_events_that_do_not_follow_each_other_are_a_bug(self) -> None:
        begun = turn()[0]
        message = {"type": "message"}
        for strangers in (
            [event("response.completed", response={})],
            [event("response.in_progress", response={})],
            [*begun, event("response.created", response={})],
            [*begun, event("response.output_text.done")],
            [*begun, event("response.output_item.done", item=message)],
            [*begun, event("response.output_item.added", item={"type": "novelty"})],
            [*begun, *[event("response.output_item.added", item=message)] * 2],
            [*begun, event("response.made_up")],
            [*(e for events in turn() for e in events), event("response.completed", response={})],
        ):
            with self.subTest(strangers[-1].step):
                with self.assertRaises(BrokenPromise):
                    Encoder().encode(strangers)
                with self.assertRaises(BrokenPromise):
                    whole([strangers])

    def test_events_without_a_terminal_one_are_no_reply(self) -> None:
        for length in range(len(turn())):
            with self.assertRaises(BrokenPromise):
                whole(turn()[:length])


class Bytes(unittest.TestCase):
    def test_each_burst_is_one_bytes_object_framed_to_the_byte(self) -> None:
        encoder = Encoder()
        _, deltas, _ = map(encoder.encode, turn())
        opening, first, second, end = deltas.rsplit(b"\n\n", 3)
        self.assertEqual(opening.count(b"event: "), 2)
        self.assertEqual(end, b"")
        for number, frame, said in ((4, first, "a"), (5, second, "b")):
            name, data = frame.split(b"\n")
            self.assertEqual(name, b"event: response.output_text.delta")
            body = json.loads(data.removeprefix(b"data: "))
            self.assertEqual((body["sequence_number"], body["delta"]), (number, said))
            self.assertEqual(faults_of_event(body), [])

    def test_it_knows_when_it_is_over(self) -> None:
        encoder = Encoder()
        for events in turn():
            self.assertFalse(encoder.is_over)
            encoder.encode(events)
        self.assertTrue(encoder.is_over)


class SignsOfLife(unittest.TestCase):
    def test_a_beat_is_an_event_with_a_number_and_an_empty_shell(self) -> None:
        encoder = Encoder()
        begun, *rest = turn()
        self.assertEqual(encoder.beat(), b"")
        stream = encoder.encode(begun) + encoder.beat() + b"".join(map(encoder.encode, rest))
        self.assertEqual(encoder.beat(), b"")
        events = parsed(stream)
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        shell = events[1]["response"] | {"tools": [], "instructions": None}
        self.assertEqual(
            events[2], {"type": "response.in_progress", "sequence_number": 2, "response": shell}
        )
        self.assertEqual(events[0]["response"]["tools"], BODY["tools"])


class BrokenTurns(unittest.TestCase):
    def test_a_turn_that_breaks_off_anywhere_can_still_be_ended_once(self) -> None:
        for length in (1, 2):
            encoder = Encoder()
            stream = b"".join(map(encoder.encode, turn()[:length]))
            stream += encoder.fail(BrokenPromise("a bug", hint="see req_1"), for_codex=True)
            failed = parsed(stream)[-1]
            self.assertEqual(faults_of_event(failed), [])
            response = failed["response"]
            told = {"code": "invalid_prompt", "message": "a bug Hint: see req_1"}
            self.assertEqual((response["status"], response["error"]), ("failed", told))
            self.assertEqual(encoder.fail(BrokenPromise("again"), for_codex=True), b"")

    def test_a_turn_that_has_not_begun_or_is_over_gets_no_end(self) -> None:
        self.assertEqual(Encoder().fail(UpstreamError("x"), for_codex=False), b"")
        encoder = Encoder()
        for events in turn():
            encoder.encode(events)
        self.assertEqual(encoder.fail(UpstreamError("x"), for_codex=False), b"")

    def test_an_event_out_of_order_does_not_keep_the_end_from_being_sent(self) -> None:
        encoder = Encoder()
        stream = encoder.encode(turn()[0])
        with self.assertRaises(BrokenPromise):
            encoder.encode([*turn()[1], event("response.created", response={})])
        stream += encoder.fail(BrokenPromise("a bug"), for_codex=False)
        events = parsed(stream)
        self.assertEqual(events[-1]["response"]["error"]["code"], "internal_error")
        self.assertEqual([each["sequence_number"] for each in events], [0, 1, 2])


if __name__ == "__main__":
    unittest.main()
