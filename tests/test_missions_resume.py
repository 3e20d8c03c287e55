"""A killed run goes on to the same end: any moment, any byte, and only if it may."""

import json
import os
import re
import signal
import subprocess
import time
import unittest
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from support import LONG, chance, scratch
from support.commands import become
from support.missions import ScriptedModel, begin, calls, report, workshop, write_tree

from codex_oss.deadline import Deadline
from codex_oss.errors import BadRequest, LogCorrupt, Refused
from codex_oss.log import HEAD_EVERY_EVENTS
from codex_oss.record import (
    BudgetChanged,
    OverrideRecorded,
    ProjectionWritten,
    RunResumed,
    commentary_for,
)
from codex_oss.record import report as report_of
from codex_oss.rehearsal import RehearsalModel
from codex_oss.wiring import Workshop

READ = calls(("rtk_read", {"path": "src/config.py"}), ("rtk_read", {"path": ".env"}))
CLAIM = "`load` is defined in src/config.py at line 4"
GOOD = report((CLAIM, ["file:src/config.py#extract:1@L4-L5"]))


def show_a_mission(folder: Path) -> int:
    for event in begin(workshop(folder, RehearsalModel())).events():
        if commentary_for(event):
            print(event.seq, flush=True)
    return 0


def killed_when(folder: Path, is_time: Callable[[bytes], bool]) -> list[int]:
    """Run a mission in a process, kill it when its log satisfies `is_time`, and return the seq of
    each event whose sentence it had shown."""
    child = subprocess.Popen(
        ["a mission"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        restore_signals=False,
        preexec_fn=lambda: become((), dict(os.environ), lambda: show_a_mission(folder)),
    )
    assert child.stdout and child.stderr
    while child.poll() is None:
        logs = list(folder.glob(".codex-oss/runs/*/events.jsonl"))
        if logs and is_time(logs[0].read_bytes()):
            os.kill(child.pid, signal.SIGKILL)
            break
        time.sleep(0.001)  # The child needs the core.
    child.wait()
    shown = [int(line) for line in child.stdout.read().split()]
    complaint = child.stderr.read().decode()
    child.stdout.close()
    child.stderr.close()
    assert "Traceback" not in complaint, complaint
    return shown


class Killed(unittest.TestCase):
    def check_goes_on(self, folder: Path, shown: list[int]) -> None:
        """Every sentence that was seen is there; resuming ends the run; all files are its log's."""
        shop = workshop(folder, RehearsalModel())
        archive = shop.desk.archive
        (head,) = archive.heads()
        before = archive.load(head.run_id)
        spoken = [e.seq for e in before.events if commentary_for(e)]
        self.assertEqual(spoken[: len(shown)], shown)
        if before.record.status == "NEW":
            return  # Killed before the admission was written: nothing was promised.
        try:
            result = shop.desk.resume(head.run_id, Deadline(shop.clock))
            events = tuple(result.events())
            self.assertTrue(events)
        except Refused as error:
            self.assertEqual(error.code, "already_final")
        after = archive.load(head.run_id)
        self.assertEqual(after.events[: len(before.events)], before.events)
        self.assertEqual((after.state, after.record.status), ("final", "COMPLETE"))
        self.assertEqual(after.record.inconsistent, ())
        self.assertEqual(archive.verify(head.run_id).verdict, "ok")
        if {s.state for s in archive.check(head.run_id)} != {"same"}:
            archive.rebuild(head.run_id)  # Killed between the seal and the last file.
        self.assertEqual({s.state for s in archive.check(head.run_id)}, {"same"})

    def test_kill_9_when_the_log_reaches_k_events(self) -> None:
        with scratch() as folder:
            events = tuple(begin(workshop(write_tree(folder), RehearsalModel())).events())
            self.assertIsInstance(events[-1].fact, ProjectionWritten)
        every = range(1, len(events) + 1)
        for k in every if LONG else chance("events").sample(every, 2):
            with self.subTest(k), scratch() as folder:
                write_tree(folder)
                shown = killed_when(folder, lambda raw, k=k: raw.count(b"\n") >= k)  # type: ignore[misc]
                self.check_goes_on(folder, shown)

    def test_kill_9_at_random_bytes(self) -> None:
        random = chance("bytes")
        for _ in range(50 if LONG else 5):
            offset = random.randrange(20_000)
            with self.subTest(offset), scratch() as folder:
                write_tree(folder)
                shown = killed_when(folder, lambda raw, o=offset: len(raw) >= o)  # type: ignore[misc]
                self.check_goes_on(folder, shown)

    def test_a_log_cut_anywhere_resumes_to_the_same_record(self) -> None:
        """Cut behind each line and within it, with the head as of that moment, it ends as it would
        have: the same is shown, claimed and answered, and nothing acknowledged is lost."""
        with scratch() as folder:
            shop = workshop(write_tree(folder), RehearsalModel())
            run = begin(shop)
            events = tuple(run.events())
            path, expected = shop.layout.events(run.run_id), what_was_found(shop, run.run_id)
            whole = path.read_bytes()
            (head,) = shop.desk.archive.heads()
            lines = whole.splitlines(keepends=True)
            cuts = [(n, part) for n in range(1, len(lines)) for part in (0, 1, len(lines[n]) - 1)]
            for seen, part in cuts if LONG else chance("cuts").sample(cuts, 5):
                path.write_bytes(b"".join(lines[:seen]) + lines[seen][:part])
                count = seen // HEAD_EVERY_EVENTS * HEAD_EVERY_EVENTS
                last = events[count - 1].event_hash if count else ""
                shop.desk._heads.write(replace(head, count=count, head=last, sealed=False))
                try:
                    tuple(shop.desk.resume(run.run_id, Deadline(shop.clock)).events())
                except Refused as error:
                    self.assertEqual(error.code, "already_final")
                with self.subTest(seen=seen, part=part):
                    kept = shop.desk.archive.load(run.run_id)
                    self.assertEqual(kept.events[:seen], events[:seen])
                    self.assertEqual(kept.record.inconsistent, ())
                    self.assertEqual(what_was_found(shop, run.run_id), expected)


def what_was_found(shop: Workshop, run_id: str) -> dict[str, object]:
    """Return what a report says of the project, without times, places and cost."""
    found = report_of(shop.desk.archive.load(run_id).record)
    text = re.sub(r'"observed_seq": \d+', '"observed_seq": 0', json.dumps(found))
    names = (
        "status status_reason confidence answer findings files_inspected commands_run obligations"
        " uncertainties contradictions denials missing_fields escalation_recommendation"
    )
    return {name: json.loads(text)[name] for name in names.split()}


def left_open(shop: Workshop, **changes: object) -> str:
    """Leave a run after its first question, as a killed process would, and return its id."""
    run = begin(shop, **changes)
    steps = run._steps()
    while next(steps).event_type != "ModelRequested":
        continue
    run._lock.release()
    return run.run_id


class NotResumed(unittest.TestCase):
    def test_a_run_that_somebody_works_on_is_not_resumed(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            events = run.events()
            next(events)
            with self.assertRaises(Refused) as caught:
                shop.desk.resume(run.run_id, Deadline(shop.clock))
            self.assertEqual(caught.exception.code, "run_is_active")
            self.assertEqual([row["state"] for row in shop.desk.archive.list()], ["open"])
            list(events)
            with self.assertRaises(Refused) as caught:
                shop.desk.resume(run.run_id, Deadline(shop.clock))
            self.assertEqual(caught.exception.code, "already_final")

    def test_a_damaged_log_is_not_resumed(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            list(run.events())
            path = shop.layout.events(run.run_id)
            path.write_bytes(path.read_bytes().replace(b"COMPLETE", b"COMPLET3", 1))
            with self.assertRaises(LogCorrupt):
                shop.desk.resume(run.run_id, Deadline(shop.clock))

    def test_a_person_raises_limits_that_hold_from_there_on(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, READ, GOOD))
            run_id = left_open(shop, tool_budget=2)
            with self.assertRaisesRegex(BadRequest, "`tool_budget` is 2 already"):
                shop.desk.resume(run_id, Deadline(shop.clock), {"tool_budget": 2})
            with self.assertRaisesRegex(BadRequest, "tool_budget"):
                shop.desk.resume(run_id, Deadline(shop.clock), {"tool_budget": 10**6})
            again = shop.desk.resume(run_id, Deadline(shop.clock), {"tool_budget": 9}, "more")
            facts = [event.fact for event in again.events()]
            self.assertEqual(
                facts[1:3],
                [
                    OverrideRecorded("raise_limits", "person", "more"),
                    BudgetChanged("tool_budget", 2, 9, "raised"),
                ],
            )
            result = again.result()
            self.assertEqual(result.status, "COMPLETE")
            budget = result.report["budget"]
            self.assertEqual(budget["tool_calls"]["limit"], 9)  # type: ignore[index, call-overload]
            record = shop.desk.archive.load(run_id).record
            self.assertEqual(record.admitted.admitted.task_spec["tool_budget"], 2)

    def test_a_run_that_nobody_works_on_is_cancelled_without_a_model(self) -> None:
        with scratch() as folder:
            model = ScriptedModel(READ, GOOD)
            shop = workshop(write_tree(folder), model)
            run_id = left_open(shop)
            asked = len(model.requests)
            record = shop.desk.cancel(run_id, "enough")
            self.assertEqual((record.status, len(model.requests)), ("FAILED", asked))
            assert record.loop.finalized
            self.assertEqual(record.loop.finalized.status_reason, "cancelled")
            self.assertEqual({s.state for s in shop.desk.archive.check(run_id)}, {"same"})
            count = len(shop.desk.archive.load(run_id).events)
            self.assertEqual(shop.desk.cancel(run_id, "again").status, "FAILED")
            self.assertEqual(len(shop.desk.archive.load(run_id).events), count)

    def test_an_unknown_request_is_counted_and_asked_again(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            again = shop.desk.resume(left_open(shop), Deadline(shop.clock))
            events = tuple(again.events())
            resumed = next(e.fact for e in events if isinstance(e.fact, RunResumed))
            self.assertEqual(resumed.unknown_outcomes, ("model_call:1",))
            result = again.result()
            self.assertEqual(result.status, "COMPLETE")
            usage = result.report["usage"]
            self.assertEqual((usage["calls"], usage["sources"]["estimated"]), (3, 1))  # type: ignore[index, call-overload]


if __name__ == "__main__":
    unittest.main()
