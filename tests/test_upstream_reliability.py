"""Try again: how often each failure is asked again, and what is told."""

import unittest
from collections.abc import Iterator

from support.clocks import HandWoundClock
from support.models import EMPTY, HELLO, REQUEST, Piece, Scripted, Step, said

from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatRequest, Served, TextRun, Usage
from codex_oss.deadline import Deadline
from codex_oss.errors import (
    BridgeError,
    Cancelled,
    ContextTooLong,
    QuotaExhausted,
    RateLimited,
    UpstreamAuth,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamTruncated,
)
from codex_oss.upstream import Insisting, Retrying, Starting, Tries

CHUNK_OF_COUNTS = ChatChunk(usage=Usage(1, 2))
COUNTED_TWICE = ChatChunk(finish="stop", usage=Usage(20, 8, 4, 8))


class Repeats(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = HandWoundClock()
        self.deadline = Deadline(self.clock, 1000)

    def retrying(self, model: Scripted, retries: int = 2) -> Retrying:
        return Retrying(model, Tries(retries, self.clock, lambda: 0.0))

    def test_each_failure_is_tried_as_often_as_the_table_says(self) -> None:
        again = (UpstreamError, UpstreamTruncated, UpstreamOverloaded, RateLimited, UpstreamTimeout)
        never = (UpstreamRejected, UpstreamAuth, QuotaExhausted, ContextTooLong)
        for kind in (*again, *never):
            with self.subTest(kind.__name__):
                model = Scripted(kind("no"))
                with self.assertRaises(kind):
                    list(self.retrying(model).stream(REQUEST, self.deadline))
                self.assertEqual(model.asked, 3 if kind in again else 1)

    def test_a_late_middle_is_not_tried_again(self) -> None:
        late = UpstreamTimeout("silent")
        late.retryable = False
        model = Scripted(late)
        with self.assertRaises(UpstreamTimeout):
            list(self.retrying(model).stream(REQUEST, self.deadline))
        self.assertEqual(model.asked, 1)

    def test_waits_double_and_the_tries_are_told(self) -> None:
        model = Scripted(UpstreamError("no"), UpstreamError("no"), HELLO)
        began = self.clock.seconds
        bursts = list(self.retrying(model).stream(REQUEST, self.deadline))
        self.assertAlmostEqual(self.clock.seconds - began, 0.5 + 1.0)
        self.assertIn((Served(tries=3),), bursts)

    def test_a_provider_says_how_long_to_wait_up_to_a_minute(self) -> None:
        for asked, tries in ((7.0, 2), (61.0, 1)):
            model = Scripted(RateLimited("slow", retry_after_seconds=asked), HELLO)
            began = self.clock.seconds
            try:
                list(self.retrying(model).stream(REQUEST, self.deadline))
                self.assertAlmostEqual(self.clock.seconds - began, asked)
            except RateLimited:
                pass
            self.assertEqual(model.asked, tries)

    def test_no_wait_goes_past_the_deadline(self) -> None:
        model = Scripted(RateLimited("slow", retry_after_seconds=30))
        with self.assertRaises(RateLimited):
            list(self.retrying(model).stream(REQUEST, self.deadline.within(20)))
        self.assertEqual(model.asked, 1)

    def test_what_was_begun_is_never_asked_again(self) -> None:
        model = Scripted((HELLO[:3], UpstreamTruncated("cut")))
        with self.assertRaises(UpstreamTruncated):
            list(self.retrying(model).stream(REQUEST, self.deadline))
        self.assertEqual(model.asked, 1)

    def test_a_caller_who_leaves_ends_the_wait(self) -> None:
        model = Scripted(RateLimited("slow", retry_after_seconds=50))
        sleep = self.clock.sleep

        def leave(seconds: float) -> None:
            self.deadline.cancel("client left")
            sleep(seconds)

        self.clock.sleep = leave  # type: ignore[method-assign]
        with self.assertRaises(Cancelled):
            list(self.retrying(model).stream(REQUEST, self.deadline))
        self.assertLess(self.clock.seconds, 1001)


class Answers(unittest.TestCase):
    """An answer that says nothing (bridge 13)."""

    def answered(self, *steps: Step | tuple[list[Burst], BridgeError]) -> tuple[list[Piece], int]:
        """Return all pieces that are said, and how often the model was asked."""
        model = Scripted(*steps)
        bursts = Insisting(model).stream(REQUEST, Deadline(HandWoundClock(), 1000))
        return [piece for burst in bursts for piece in burst], model.asked

    def test_nothing_is_asked_for_once_more(self) -> None:
        self.assertEqual(self.answered(EMPTY, HELLO), (pieces_of(HELLO), 2))
        self.assertEqual(self.answered(EMPTY, EMPTY, HELLO), (pieces_of(EMPTY), 2))
        lost = (("foreign", 1),)
        served: Burst = (Served(reasoning_dropped=lost),)
        said, _ = self.answered([served, *EMPTY], [served, *HELLO])
        self.assertEqual(said, [Served(tries=2, reasoning_dropped=lost), *pieces_of(HELLO)])

    def test_thinking_alone_is_nothing_and_stays_shown(self) -> None:
        thought = TextRun((b'"hm"',), is_reasoning=True)
        first = Served(tries=2, reasoning_dropped=(("foreign", 1),))
        second = Served(reasoning_dropped=(("foreign", 1),))
        counted = ChatChunk(finish="stop", usage=Usage(10, 4, 2, 4))
        for ends in ([(thought,), (counted,)], [(thought, counted)]):
            said, asked = self.answered([(first,), *ends], [(second,), *HELLO, (counted,)])
            self.assertEqual(asked, 2)
            again = [Served(tries=3), *pieces_of(HELLO), COUNTED_TWICE]
            self.assertEqual(said, [first, thought, *again])
        whole = ChatChunk(reasoning="hm", finish="stop")  # Of a server that does not stream.
        said, _ = self.answered([(first,), (whole,)], HELLO)
        self.assertEqual(said, [first, ChatChunk(reasoning="hm"), *pieces_of(HELLO)])

    def test_an_answer_is_said_as_it_comes(self) -> None:
        call = ChatChunk(calls=(CallDelta(0, "a", "f", "{}"),))
        for came in (call, ChatChunk("yes"), TextRun((b'"yes"',))):
            answer: list[Burst] = [
                (Served(),),
                (came, ChatChunk(finish="stop")),
                (CHUNK_OF_COUNTS,),
            ]
            self.assertEqual(self.answered(answer), (pieces_of(answer), 1))

    def test_a_word_for_a_cut_is_an_end_that_would_come_again(self) -> None:
        for word in ("length", "content_filter", "error", "eof", ""):
            cut: list[Burst] = [(ChatChunk(reasoning="hm"),), (ChatChunk(finish=word),)]
            self.assertEqual(self.answered(cut)[1], 1, word)

    def test_a_failure_of_either_try_is_told(self) -> None:
        for steps in ([UpstreamError("x")], [EMPTY, UpstreamError("x")]):
            with self.assertRaises(UpstreamError):
                self.answered(*steps)


def pieces_of(bursts: list[Burst]) -> list[Piece]:
    return [piece for burst in bursts for piece in burst]


class Beginning(unittest.TestCase):
    def test_the_time_to_begin_bounds_all_tries_together_and_then_is_lifted(self) -> None:
        clock = HandWoundClock()
        left: list[float] = []

        class Slow:
            def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
                clock.seconds += 60
                left.append(deadline.seconds_left())
                if len(left) < 3:
                    raise UpstreamTimeout("late")
                yield HELLO[2]

        again = Retrying(Slow(), Tries(5, clock, lambda: 0.0))
        with self.assertRaisesRegex(UpstreamTimeout, "90 s .REQUEST_DEADLINE_SECONDS"):
            list(Starting(again, 90).stream(REQUEST, Deadline(clock)))
        self.assertEqual(len(left), 2)

    def test_what_began_in_time_goes_on(self) -> None:
        clock = HandWoundClock()
        seen: list[float] = []

        class Long:
            def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
                yield HELLO[2]
                clock.seconds += 500
                seen.append(deadline.seconds_left())
                yield HELLO[2]

        bursts = Starting(Long(), 90).stream(REQUEST, Deadline(clock, 1000))
        self.assertEqual(len(said(bursts)), 2)
        self.assertEqual(seen, [500])


if __name__ == "__main__":
    unittest.main()
