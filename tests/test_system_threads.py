"""The pulse of many streams, the ticks of a silent one, and work on a thread of its own."""

import itertools
import queue
import threading
import time
import unittest
from collections.abc import Iterator
from contextlib import closing

import support  # noqa: F401

from codex_oss.system import Pulse, Worker, ticking
from codex_oss.system.threads import AHEAD_MAX


def begun_since(before: list[threading.Thread]) -> list[threading.Thread]:
    """Return the threads that were not there `before`: others may end meanwhile."""
    return [thread for thread in threading.enumerate() if thread not in before]


class Beating(unittest.TestCase):
    def setUp(self) -> None:
        self.pulse = Pulse(every_seconds=0.005)
        self.addCleanup(self.pulse.stop)

    def test_one_thread_beats_for_all_who_watch_and_for_nobody_afterwards(self) -> None:
        before = threading.enumerate()
        counts = [itertools.count() for _ in range(50)]
        beaten = [threading.Event() for _ in counts]

        def beat(number: int) -> None:
            if next(counts[number]) == 2:
                beaten[number].set()

        def watch(numbers: list[int]) -> None:
            if numbers:
                with self.pulse.watching(lambda: beat(numbers[0])):
                    watch(numbers[1:])
            else:
                self.assertTrue(all(event.wait(5) for event in beaten))
                self.assertEqual(begun_since(before), [])

        watch(list(range(50)))
        seen = [next(count) for count in counts]
        time.sleep(0.03)
        self.assertEqual([next(count) for count in counts], [number + 1 for number in seen])

    def test_a_beat_that_raises_ends_alone_and_is_told_to_its_owner(self) -> None:
        beats = itertools.count()
        alive = threading.Event()
        failed = ZeroDivisionError("a bug")

        def bad() -> None:
            next(beats)
            raise failed

        with self.assertRaises(ZeroDivisionError) as caught, self.pulse.watching(bad):
            time.sleep(0.03)
        self.assertIs(caught.exception, failed)
        self.assertEqual(next(beats), 1)  # It was called once, no more.
        with self.pulse.watching(alive.set):
            self.assertTrue(alive.wait(5))

    def test_leaving_waits_for_the_beat_that_is_under_way(self) -> None:
        begun, ended = threading.Event(), threading.Event()

        def slow() -> None:
            begun.set()
            time.sleep(0.05)
            ended.set()

        with self.pulse.watching(slow):
            begun.wait(5)
        self.assertTrue(ended.is_set())

    def test_the_error_of_the_block_is_the_one_that_counts(self) -> None:
        with self.assertRaises(KeyError), self.pulse.watching(lambda: 1 / 0):
            time.sleep(0.02)
            raise KeyError

    def test_a_stopped_pulse_beats_no_more(self) -> None:
        pulse = Pulse(every_seconds=0.001)
        beats = itertools.count()
        with pulse.watching(lambda: next(beats)):
            time.sleep(0.01)
            pulse.stop()
            before = next(beats)
            time.sleep(0.01)
        self.assertEqual(next(beats), before + 1)


class Ticking(unittest.TestCase):
    def never(self) -> None:
        self.fail("cancelled, though it was read to its end")

    def test_silence_is_an_item(self) -> None:
        heard = threading.Event()

        def silent() -> Iterator[str]:
            yield "a"
            self.assertTrue(heard.wait(20))
            yield "b"

        items = []
        for item in ticking(silent(), 0.01, "tick", self.never):
            items.append(item)
            if items[-2:] == ["tick", "tick"]:
                heard.set()
        self.assertEqual([item for item in items if item != "tick"], ["a", "b"])
        self.assertTrue(heard.is_set())

    def test_items_that_look_like_the_end_or_an_error_are_items(self) -> None:
        odd = [None, (), ValueError("x"), (None,)]
        self.assertEqual(list(ticking(odd, 5, "tick", self.never)), odd)

    def test_what_the_items_raise_comes_after_what_they_yielded(self) -> None:
        failed = OSError("cut")

        def broken() -> Iterator[int]:
            yield 1
            raise failed

        got = ticking(broken(), 5, 0, self.never)
        self.assertEqual(next(got), 1)
        with self.assertRaises(OSError) as caught:
            next(got)
        self.assertIs(caught.exception, failed)

    def test_a_slow_reader_is_waited_for_and_no_thread_outlives_it(self) -> None:
        asked, before = itertools.count(), threading.enumerate()
        gone = threading.Event()
        endless = (next(asked) for _ in iter(int, 1))
        with closing(ticking(endless, 1, "tick", gone.set)) as items:
            self.assertEqual(next(items), 0)
            time.sleep(0.1)
        self.assertTrue(gone.is_set())
        self.assertLessEqual(next(asked), 2 * AHEAD_MAX)
        self.assertEqual(begun_since(before), [])

    def test_as_many_are_read_ahead_as_were_asked_for(self) -> None:
        asked = itertools.count()
        endless = (next(asked) for _ in iter(int, 1))
        with closing(ticking(endless, 1, "tick", lambda: None, 2)) as items:
            self.assertEqual(next(items), 0)
            time.sleep(0.1)
            self.assertLessEqual(next(asked), 4)  # Two wait, and one is in his hand.

    def test_leaving_a_silent_source_cancels_it(self) -> None:
        source: queue.Queue[str] = queue.Queue()
        before = threading.enumerate()
        with closing(
            ticking(iter(source.get, "end"), 0.01, "tick", lambda: source.put("end"))
        ) as got:
            self.assertEqual(next(got), "tick")
        self.assertEqual(begun_since(before), [])

    def test_a_source_that_cannot_be_woken_is_left_alone(self) -> None:
        source: queue.Queue[str] = queue.Queue()
        items = ticking(iter(source.get, "end"), 0.01, "tick", lambda: None)
        next(items)
        started = time.monotonic()
        items.close()
        self.assertLess(time.monotonic() - started, 3)
        source.put("end")

    def test_an_interrupted_reader_cancels_too(self) -> None:
        gone = threading.Event()
        items = ticking(itertools.count(), 1, "tick", gone.set)
        next(items)
        with self.assertRaises(KeyboardInterrupt):
            items.throw(KeyboardInterrupt())
        self.assertTrue(gone.is_set())


class Working(unittest.TestCase):
    def test_join_says_whether_the_work_ended_and_raises_what_it_raised(self) -> None:
        go = threading.Event()
        worker = Worker(go.wait, name="waits")
        self.assertFalse(worker.join(0.01))
        go.set()
        self.assertTrue(worker.join(5))
        with self.assertRaises(ZeroDivisionError):
            Worker(lambda: 1 / 0, name="fails").join(5)


if __name__ == "__main__":
    unittest.main()
