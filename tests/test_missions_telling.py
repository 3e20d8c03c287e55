"""What is told of a run while it goes on, how far it got, and what its log and files say of it."""

import json
import unittest
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from support import scratch
from support.clocks import HandWoundClock
from support.missions import ScriptedModel, begin, calls, report, workshop, write_tree

from codex_oss.audit import audit
from codex_oss.chat import Burst, ChatRequest
from codex_oss.deadline import Deadline
from codex_oss.missions import Run, TraceStyle, telling
from codex_oss.record import (
    CommentaryDelivered,
    Event,
    GateEvaluated,
    Json,
    MissionFinalized,
    commentary_for,
)
from codex_oss.wiring import Workshop

REF = "file:src/config.py#extract:1"
READ = calls(("rtk_read", {"path": "src/config.py", "reason": "to see it"}))
GOOD = report(("`load` is defined with TIMEOUT = 30 above it", [f"{REF}@L1-L5"]))
SEARCHES = [calls(("rtk_grep", {"pattern": f"word_{number}"})) for number in range(12)]


class Slow(ScriptedModel):
    """A model that takes seven seconds for each reply."""

    def __init__(self, clock: HandWoundClock) -> None:
        super().__init__(READ, *SEARCHES[:2], GOOD)
        self.clock = clock

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.clock.seconds += 7
        yield from super().stream(request, deadline)


def file_of(shop: Workshop, run: Run, name: str) -> Path:
    return shop.layout.mission(run.mission_id) / name


def delivered(shop: Workshop, run: Run) -> list[tuple[int, CommentaryDelivered]]:
    events = shop.desk.archive.load(run.run_id).events
    return [(e.seq, e.fact) for e in events if isinstance(e.fact, CommentaryDelivered)]


def red(shop: Workshop, run: Run) -> list[str]:
    outcomes = audit(shop.desk.auditor.subject(run.run_id))
    return [f"{o.name}: {o.message}" for o in outcomes if not o.ok]


class Telling(unittest.TestCase):
    def test_what_was_taken_is_emitted_before_the_report_and_after_it(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            told = [sentence.seq for sentence, _ in telling(run, TraceStyle())]
            events = shop.desk.archive.load(run.run_id).events
            before, after = (fact for _, fact in delivered(shop, run))
            self.assertEqual((*before.seqs, *after.seqs), tuple(told))
            self.assertEqual({before.state, after.state}, {"sse_emitted"})
            self.assertEqual((before.emitted, after.seqs), (len(told) - 1, (told[-1],)))
            types = [event.event_type for event in events if event.seq >= told[-1] - 2]
            self.assertEqual(
                types[:5],
                [
                    *("GateEvaluated", "CommentaryDelivered", "MissionFinalized", "HeadSealed"),
                    "CommentaryDelivered",
                ],
            )
            counted = run.result().report["commentary_delivery_summary"]
            self.assertEqual(counted, {"emitted": len(told) - 1, "failed": 0})
            document = json.loads(file_of(shop, run, "commentary_delivery.json").read_bytes())
            states = {row["seq"]: row["state"] for row in document["events"]}
            spoken = [event.seq for event in events if commentary_for(event)]
            self.assertEqual(list(states), spoken)
            self.assertEqual({states[seq] for seq in told}, {"sse_emitted"})
            self.assertEqual({states[seq] for seq in set(spoken) - set(told)}, {"sanitized"})
            self.assertEqual(
                document["summary"],
                {
                    **{"total": len(spoken), "emitted": len(told), "observed": 0, "rendered": 0},
                    **{"failed": 0, "delivery_rate": 100},
                },
            )
            self.assertEqual((document["consumer"], red(shop, run)), ("cli", []))

    def test_a_sentence_that_nobody_took_has_failed(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            with closing(telling(run, TraceStyle())) as told:
                for _ in range(3):
                    sentence, _text = next(told)
            last = delivered(shop, run)[-1][1]
            self.assertEqual((last.state, last.reason), ("failed", "client_left"))
            self.assertEqual((last.seqs, last.emitted, last.failed), ((sentence.seq,), 0, 1))
            document = json.loads(file_of(shop, run, "commentary_delivery.json").read_bytes())
            rate = document["summary"]["delivery_rate"]
            self.assertEqual((document["summary"]["failed"], rate), (1, 66))
            self.assertEqual(red(shop, run), [])

    def test_nothing_is_told_when_it_is_off_and_the_file_is_there_all_the_same(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            self.assertEqual(list(telling(run, TraceStyle("off"))), [])
            self.assertEqual(delivered(shop, run), [])
            lines = file_of(shop, run, "visible_commentary.jsonl").read_bytes().splitlines()
            self.assertGreater(len(lines), 5)
            document = json.loads(file_of(shop, run, "commentary_delivery.json").read_bytes())
            self.assertEqual({row["state"] for row in document["events"]}, {"sanitized"})

    def test_sixty_sentences_are_forty_and_the_last_one_closes(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, *SEARCHES, GOOD))
            run = begin(shop, tool_budget=60, max_low_information_actions=100)
            seen: list[Event] = []
            told = list(telling(run, TraceStyle(events_max=40), seen.append))
            wanted = [s for event in seen if (s := commentary_for(event)) and s.voice == "summary"]
            self.assertGreater(len(wanted), 55)
            self.assertEqual(len(told), 40)
            self.assertTrue(told[-1][0].is_end)
            self.assertEqual(
                told[-2][1], f"{len(wanted) - 39} more updates are in visible_commentary.jsonl."
            )
            before = file_of(shop, run, "visible_commentary.jsonl").read_bytes()
            file_of(shop, run, "visible_commentary.jsonl").unlink()
            shop.desk.archive.rebuild(run.run_id)
            self.assertEqual(file_of(shop, run, "visible_commentary.jsonl").read_bytes(), before)
            self.assertEqual(red(shop, run), [])

    def test_the_log_hears_of_it_every_ten_seconds(self) -> None:
        with scratch() as folder:
            clock = HandWoundClock()
            shop = workshop(write_tree(folder), Slow(clock), clock)
            run = begin(shop)
            facts: list[Json] = []
            for sentence, text in telling(run, TraceStyle(characters_max=30)):
                self.assertLessEqual(len(text), 30)
                facts.append({"seq": sentence.seq})
            told = delivered(shop, run)
            self.assertEqual([len(fact.seqs) > 0 for _, fact in told], [True] * len(told))
            self.assertGreaterEqual(len(told), 4)
            events = shop.desk.archive.load(run.run_id).events
            ends = (e.seq for e in events if isinstance(e.fact, GateEvaluated | MissionFinalized))
            gate = next(ends)
            self.assertGreaterEqual(sum(seq < gate for seq, _ in told), 1)
            self.assertEqual(red(shop, run), [])


if __name__ == "__main__":
    unittest.main()
