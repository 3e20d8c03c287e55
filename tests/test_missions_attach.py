"""The same request again: one run and one spend, whoever left, and when."""

import threading
import time
import unittest
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from support import scratch
from support.clocks import HandWoundClock
from support.missions import ScriptedModel, calls, desk_of, order, report, workshop, write_tree

from codex_oss.chat import Burst, ChatRequest
from codex_oss.deadline import Deadline
from codex_oss.missions import AttachedRun, Handover, MissionDesk, MissionResult, Order, Run
from codex_oss.record import Event

READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = report(("`load` is defined in src/config.py", ["file:src/config.py#extract:1@L4-L5"]))
SECONDS_MAX = 10


class WaitingModel(ScriptedModel):
    """Answers its second question when `may_answer` is set, or is called off."""

    def __init__(self) -> None:
        super().__init__(READ, GOOD)
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        if len(self.requests) == 1:
            self.is_asked.set()
            with deadline.on_cancel(self.may_answer.set):
                assert self.may_answer.wait(SECONDS_MAX)
            deadline.raise_if_cancelled()
        yield from super().stream(request, deadline)


class Listener(threading.Thread):
    """Takes a run's events until it ends."""

    def __init__(self, run: Run | AttachedRun) -> None:
        super().__init__(daemon=True)
        self.told: list[Event] = []
        self._run = run
        self.start()

    def run(self) -> None:
        self.told.extend(self._run.events())

    def result(self) -> MissionResult:
        self.join(SECONDS_MAX)
        return self._run.result()


class SameRequest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = write_tree(self.enterContext(scratch()))

    def desk(self, model: ScriptedModel, seconds: float = 10) -> MissionDesk:
        self.shop = workshop(self.folder, model)
        return desk_of(self.shop, model, handover=Handover(seconds))

    def order(self, key: str = "turn:a:1", **changes: object) -> Order:
        return replace(order(self.shop, **changes), run_key=key)

    def runs(self) -> int:
        return len(list((self.folder / ".codex-oss/runs").glob("run_*")))

    def test_after_the_end_the_stored_answer_is_told_again(self) -> None:
        model = ScriptedModel(READ, GOOD)
        desk = self.desk(model)
        one = desk.begin(self.order(), Deadline(self.shop.clock))
        told = list(one.events())
        two = desk.begin(self.order(), Deadline(self.shop.clock))
        again = list(two.events())
        self.assertEqual(two.result(), one.result())
        self.assertEqual(again, told[: len(again)])
        self.assertEqual((len(model.requests), self.runs()), (2, 1))

    def test_another_turn_or_contract_or_hour_is_another_run(self) -> None:
        clock = HandWoundClock()
        self.shop = workshop(self.folder, ScriptedModel(READ, GOOD), clock)
        desk = desk_of(self.shop, ScriptedModel(READ, GOOD))
        for wanted in (self.order(), self.order("turn:a:2"), self.order(objective="Where else?")):
            list(desk.begin(wanted, Deadline(clock)).events())
        self.assertEqual(self.runs(), 3)
        clock.seconds += timedelta(minutes=14).total_seconds()
        list(desk.begin(self.order(), Deadline(clock)).events())
        self.assertEqual(self.runs(), 3)
        clock.seconds += timedelta(minutes=2).total_seconds()
        list(desk.begin(self.order(), Deadline(clock)).events())
        self.assertEqual(self.runs(), 4)
        for _ in range(2):
            list(desk.begin(self.order(""), Deadline(clock)).events())
        self.assertEqual(self.runs(), 6)

    def test_another_model_is_asked_anew(self) -> None:
        desk = self.desk(ScriptedModel(READ, GOOD, READ, GOOD))
        one = self.order("cache:all-of-an-app")
        for wanted in (one, replace(one, model_alias="mission-a3-kimi")):
            list(desk.begin(wanted, Deadline(self.shop.clock)).events())
        self.assertEqual(self.runs(), 2)

    def test_who_comes_while_it_runs_hears_all_of_it_and_spends_nothing(self) -> None:
        model = WaitingModel()
        desk = self.desk(model)
        first = Listener(desk.begin(self.order(), Deadline(self.shop.clock)))
        self.assertTrue(model.is_asked.wait(SECONDS_MAX))
        second = Listener(desk.begin(self.order(), Deadline(self.shop.clock)))
        other = MissionDesk.begin(desk, self.order(), left := Deadline(self.shop.clock))
        next(iter(other.events()))
        left.cancel("client left")
        model.may_answer.set()
        self.assertEqual(first.result(), second.result())
        self.assertEqual(second.told, first.told[: len(second.told)])
        self.assertEqual((first.result().status, len(model.requests)), ("COMPLETE", 2))

    def leave(self, desk: MissionDesk, model: WaitingModel) -> Listener:
        deadline = Deadline(self.shop.clock)
        listener = Listener(desk.begin(self.order(), deadline))
        self.assertTrue(model.is_asked.wait(SECONDS_MAX))
        deadline.cancel("client left")
        return listener

    def kinds(self) -> list[str]:
        (path,) = self.folder.glob(".codex-oss/runs/*/events.jsonl")
        run = self.shop.desk.archive.load(path.parent.name)
        self.assertTrue(self.shop.desk.archive.verify(run.run_id).is_good)
        return [event.event_type for event in run.events]

    def test_who_left_and_comes_again_goes_on_where_the_run_stood(self) -> None:
        model = WaitingModel()
        desk = self.desk(model)
        self.leave(desk, model)
        wait_for_interruption(self.folder)
        again = desk.begin(self.order(), Deadline(self.shop.clock))
        told = [event.event_type for event in again.events()]
        self.assertEqual(again.result().status, "COMPLETE")
        self.assertEqual([told.count(k) for k in ("RunInterrupted", "RunResumed")], [1, 1])
        kinds = self.kinds()
        self.assertNotIn("ModelFailed", kinds)
        self.assertEqual((kinds.count("MissionFinalized"), kinds.count("ModelReplied")), (1, 2))
        self.assertEqual(self.runs(), 1)

    def test_who_was_there_already_goes_on_when_the_first_one_leaves(self) -> None:
        model = WaitingModel()
        desk = self.desk(model)
        deadline = Deadline(self.shop.clock)
        Listener(desk.begin(self.order(), deadline))
        self.assertTrue(model.is_asked.wait(SECONDS_MAX))
        second = Listener(desk.begin(self.order(), Deadline(self.shop.clock)))
        deadline.cancel("client left")
        self.assertEqual(second.result().status, "COMPLETE")

    def test_if_nobody_comes_the_run_ends_with_a_report(self) -> None:
        model = WaitingModel()
        left = self.leave(self.desk(model, 0.05), model)
        self.assertEqual(left.result().status_reason, "client_disconnected")
        kinds = self.kinds()
        self.assertEqual([kinds.count(k) for k in ("RunInterrupted", "CancelRequested")], [1, 1])


def wait_for_interruption(folder: Path) -> None:
    (path,) = folder.glob(".codex-oss/runs/*/events.jsonl")
    end = time.monotonic() + SECONDS_MAX
    while b'"RunInterrupted"' not in path.read_bytes():
        assert time.monotonic() < end, "nobody noticed that the client left"
        time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
