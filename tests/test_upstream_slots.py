"""Slots for provider calls: who gets the next one, who is refused, who gives up."""

import threading
import unittest

from support import LONG, chance
from support.served import until

from codex_oss.deadline import Deadline
from codex_oss.errors import Busy, Cancelled
from codex_oss.system import SystemClock
from codex_oss.upstream import Slots, WaitingRoom


def new_deadline(seconds: float = 10) -> Deadline:
    return Deadline(SystemClock(), seconds)


class Caller:
    """One who waits for a slot on a thread of his own, and holds it until he is let go."""

    def __init__(self, slots: Slots, served: list["Caller"], seconds: float = 10) -> None:
        self.deadline = new_deadline(seconds)
        self.may_go = threading.Event()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.call, args=(slots, served))
        self.thread.start()

    def call(self, slots: Slots, served: list["Caller"]) -> None:
        try:
            with slots.held(self.deadline):
                served.append(self)
                self.may_go.wait(10)
        except (Busy, Cancelled) as error:
            self.error = error


class SlotsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.slots = Slots(2, WaitingRoom(3))
        self.served: list[Caller] = []

    def callers(self, count: int, seconds: float = 10) -> list[Caller]:
        made = []
        for _ in range(count):
            before = self.slots.in_use + self.slots.waiting
            made.append(Caller(self.slots, self.served, seconds))
            self.assertTrue(until(lambda b=before: self.slots.in_use + self.slots.waiting > b))
        return made

    def let_go(self, *callers: Caller) -> None:
        for caller in callers:
            caller.may_go.set()
            caller.thread.join(10)

    def test_the_one_who_has_waited_longest_is_next(self) -> None:
        callers = self.callers(5)
        self.assertEqual((self.slots.in_use, self.slots.waiting), (2, 3))
        for number, caller in enumerate(callers):
            self.assertTrue(until(lambda n=number: len(self.served) == min(n + 2, 5)))
            self.let_go(caller)
        self.assertEqual(self.served[2:], callers[2:])
        self.assertEqual((self.slots.in_use, self.slots.waiting), (0, 0))

    def test_one_too_many_is_told_when_to_come_back(self) -> None:
        callers = self.callers(5)
        with self.assertRaisesRegex(Busy, "Please try again in 5s") as caught:
            with self.slots.held(new_deadline()):
                self.fail("there was no slot")
        self.assertEqual(caught.exception.retry_after_seconds, 5)
        self.let_go(*callers)

    def test_who_waits_too_long_or_leaves_makes_room_in_the_queue(self) -> None:
        holders = self.callers(2)
        (late,) = self.callers(1, seconds=0.1)
        (leaver,) = self.callers(1)
        leaver.deadline.cancel("client left")
        for caller, expected in ((late, Busy), (leaver, Cancelled)):
            caller.thread.join(10)
            self.assertIs(type(caller.error), expected)
        self.assertEqual((self.slots.in_use, self.slots.waiting), (2, 0))
        self.let_go(*holders)
        self.assertEqual(self.served, holders)

    def test_a_failure_inside_gives_the_slot_back(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.slots.held(new_deadline()):
            raise ZeroDivisionError
        self.assertEqual(self.slots.in_use, 0)

    def test_no_slot_is_lost_or_given_twice_whoever_leaves_when(self) -> None:
        random, slots, most = chance("slots"), Slots(3, WaitingRoom(100)), 0
        lock, inside = threading.Lock(), []

        def call(deadline: Deadline) -> None:
            nonlocal most
            try:
                with slots.held(deadline):
                    with lock:
                        inside.append(1)
                        most = max(most, len(inside))
                    SystemClock().sleep(random.random() / 500)
                    with lock:
                        inside.pop()
            except (Busy, Cancelled):
                return

        deadlines = [new_deadline(random.random() / 20) for _ in range(2000 if LONG else 80)]
        threads = [threading.Thread(target=call, args=(each,)) for each in deadlines]
        for thread, deadline in zip(threads, deadlines, strict=True):
            thread.start()
            if random.random() < 0.3:
                deadline.cancel("client left")
        for thread in threads:
            thread.join(10)
        self.assertEqual((slots.in_use, slots.waiting), (0, 0))
        self.assertLessEqual(most, 3)


if __name__ == "__main__":
    unittest.main()
