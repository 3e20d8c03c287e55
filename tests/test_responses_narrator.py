"""A mission turn: sentences as they come true, the report last, and nothing but that."""

import json
import unittest
from collections.abc import Iterator
from dataclasses import replace

from support.turns import check_events, parsed, turn_of

from codex_oss.chat import Usage
from codex_oss.errors import BridgeError, BrokenPromise, Busy, Cancelled
from codex_oss.responses import Commentary, Encoder, FinalReport, Style, narrate, whole

TURN = turn_of(b'{"model":"mission-a3-rehearsal","input":"go","stream":true}', (0, 169, 0))
FIRST = Commentary("Reading bridge.py.", {"seq": 3, "event_type": "ToolCallStarted"})
SECOND = Commentary("x" * 600 + " é", {"seq": 4})
REPORT = FinalReport("COMPLETE: it is there.\n", Usage(10, 5, 2, 1))


def told(
    *sentences: Commentary | FinalReport, error: BridgeError | None = None
) -> Iterator[Commentary | FinalReport]:
    yield from sentences
    if error:
        raise error


def stream(*sentences: Commentary | FinalReport, error: BridgeError | None = None) -> bytes:
    encoder = Encoder()
    return b"".join(map(encoder.encode, narrate(TURN, told(*sentences, error=error))))


class Narration(unittest.TestCase):
    def test_every_sentence_is_a_whole_message_and_the_report_is_the_last(self) -> None:
        events = parsed(stream(FIRST, SECOND, REPORT))
        check_events(self, events)
        response = events[-1]["response"]
        self.assertEqual(response["status"], "completed")
        shown = [
            (item["phase"], item.get("oss_visible_event"), item["content"][0]["text"])
            for item in response["output"]
        ]
        self.assertEqual(
            shown,
            [
                ("commentary", FIRST.visible_event, FIRST.text),
                ("commentary", SECOND.visible_event, SECOND.text),
                ("final_answer", None, REPORT.text),
            ],
        )
        usage = response["usage"]
        self.assertEqual(
            (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]), (10, 5, 15)
        )

    def test_each_sentence_is_done_before_the_next_is_known(self) -> None:
        asked: list[int] = []

        def sentences() -> Iterator[Commentary | FinalReport]:
            for number, sentence in enumerate((FIRST, SECOND, REPORT)):
                asked.append(number)
                yield sentence

        steps = []
        for events in narrate(TURN, sentences()):
            steps.append((len(asked), events[-1].step))
        done = "response.output_item.done message"
        self.assertEqual(
            steps,
            [(0, "response.in_progress"), (1, done), (2, done), (3, "response.completed")],
        )

    def test_a_long_sentence_comes_in_deltas_of_256_characters(self) -> None:
        events = parsed(stream(SECOND, REPORT))
        deltas = [event["delta"] for event in events if "delta" in event][:-1]
        self.assertEqual([len(delta) for delta in deltas], [256, 256, 90])

    def test_how_long_a_delta_is_a_setting_says(self) -> None:
        asked, encoder = replace(TURN, style=Style(text_chars=500)), Encoder()
        told_events = narrate(asked, told(SECOND, REPORT))
        events = parsed(b"".join(map(encoder.encode, told_events)))
        sizes = [len(event["delta"]) for event in events if "delta" in event]
        self.assertEqual(sizes, [500, 102, len(REPORT.text)])

    def test_an_error_is_a_failure_with_its_code_after_all_that_was_told(self) -> None:
        for error, code in (
            (Busy("full"), "rate_limit_exceeded"),
            (BrokenPromise("run r1 broke"), "invalid_prompt"),
        ):
            events = parsed(stream(FIRST, error=error))
            check_events(self, events)
            response = events[-1]["response"]
            self.assertEqual(response["error"], {"code": code, "message": error.message})
            self.assertEqual([item["status"] for item in response["output"]], ["completed"])
            with self.assertRaises(type(error)):
                whole(narrate(TURN, told(FIRST, error=error)))

    def test_a_mission_without_a_report_is_a_bug_and_still_ends(self) -> None:
        events = parsed(stream(FIRST))
        self.assertEqual(events[-1]["response"]["error"]["code"], "invalid_prompt")

    def test_nothing_is_told_after_the_report(self) -> None:
        self.assertEqual(stream(REPORT, FIRST, error=Busy("x")), stream(REPORT))

    def test_nobody_is_answered_who_left(self) -> None:
        with self.assertRaises(Cancelled):
            list(narrate(TURN, told(FIRST, error=Cancelled("left"))))

    def test_not_streamed_it_is_the_same_items_in_one_reply(self) -> None:
        reply = json.loads(json.dumps(whole(narrate(TURN, told(FIRST, REPORT)))))
        self.assertEqual(reply, parsed(stream(FIRST, REPORT))[-1]["response"])


if __name__ == "__main__":
    unittest.main()
