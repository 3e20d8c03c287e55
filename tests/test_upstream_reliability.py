"""Try again, try another, leave alone: how often each failure is asked again, and what is told."""

import threading
import unittest
from collections.abc import Iterator
from dataclasses import replace

from support import scratch
from support.clocks import HandWoundClock

from codex_oss.chat import (
    Burst,
    CallDelta,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    Served,
    TextRun,
    Usage,
)
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
from codex_oss.profiles import ModelProfile, Provider, on_wire
from codex_oss.system import Database
from codex_oss.upstream import (
    WIRES_TABLE,
    Breaker,
    Breaking,
    Choice,
    FallingBack,
    Insisting,
    Lessons,
    Retrying,
    SqliteWires,
    Starting,
    Tries,
)

REQUEST = ChatRequest((ChatMessage("user", "hi"),))
HELLO: list[Burst] = [(), (ChatChunk(),), (TextRun((b'"hello"',)),), (ChatChunk(finish="stop"),)]
EMPTY: list[Burst] = [(ChatChunk(finish="stop"),)]
CHUNK_OF_COUNTS = ChatChunk(usage=Usage(1, 2))
COUNTED_TWICE = ChatChunk(finish="stop", usage=Usage(20, 8, 4, 8))
Piece = TextRun | ChatChunk | Served
Step = list[Burst] | BridgeError


class Scripted:
    """A model that plays its steps; an error after bursts breaks off in the middle."""

    def __init__(self, *steps: Step | tuple[list[Burst], BridgeError]) -> None:
        self.steps = steps
        self.asked = 0

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.asked += 1
        step = self.steps[min(self.asked, len(self.steps)) - 1]
        bursts, error = step if isinstance(step, tuple) else (step, None)
        if isinstance(bursts, BridgeError):
            raise bursts
        yield from bursts
        if error:
            raise error


def said(bursts: Iterator[Burst]) -> list[str]:
    """Return the text runs of an answer."""
    return [piece.literals[0].decode() for b in bursts for piece in b if isinstance(piece, TextRun)]


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
        for said in (call, ChatChunk("yes"), TextRun((b'"yes"',))):
            answer: list[Burst] = [
                (Served(),),
                (said, ChatChunk(finish="stop")),
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


class Chains(unittest.TestCase):
    def setUp(self) -> None:
        self.deadline = Deadline(HandWoundClock(), 1000)

    def chain(self, *models: Scripted, window: int = 1000, is_open: bool = False) -> FallingBack:
        first, *others = models
        choices = [Choice("first", first, window, lambda: False)]
        choices += [Choice(f"next{n}", m, window, lambda: is_open) for n, m in enumerate(others)]
        return FallingBack(choices)

    def test_the_next_model_answers_where_the_first_cannot(self) -> None:
        falls = (
            UpstreamError("down"),
            QuotaExhausted("empty"),
            UpstreamOverloaded("full"),
            UpstreamRejected("no such model", code="model_not_found"),
        )
        for error in falls:
            first, second = Scripted(error), Scripted(HELLO)
            bursts = list(self.chain(first, second).stream(REQUEST, self.deadline))
            self.assertIn((Served(profile="next0", fallback_from="first"),), bursts)
            self.assertEqual((first.asked, second.asked), (1, 1))

    def test_what_another_model_would_not_mend_is_told(self) -> None:
        for error in (UpstreamRejected("bad"), UpstreamAuth("key"), ContextTooLong("long")):
            second = Scripted(HELLO)
            with self.assertRaises(type(error)):
                list(self.chain(Scripted(error), second).stream(REQUEST, self.deadline))
            self.assertEqual(second.asked, 0)

    def test_a_small_window_and_an_open_breaker_are_passed_over(self) -> None:
        long = ChatRequest((ChatMessage("user", "x" * 9000),))
        for chain, request in (
            (self.chain(Scripted(UpstreamError("a")), Scripted(HELLO)), long),
            (self.chain(Scripted(UpstreamError("a")), Scripted(HELLO), is_open=True), REQUEST),
        ):
            with self.assertRaisesRegex(UpstreamError, "a"):
                list(chain.stream(request, self.deadline))

    def test_the_last_failure_is_the_one_that_is_told(self) -> None:
        chain = self.chain(Scripted(UpstreamError("a")), Scripted(UpstreamError("b")))
        with self.assertRaisesRegex(UpstreamError, "b"):
            list(chain.stream(REQUEST, self.deadline))

    def test_what_was_begun_stays_with_its_model(self) -> None:
        second = Scripted(HELLO)
        chain = self.chain(Scripted((HELLO[:3], UpstreamTruncated("cut"))), second)
        with self.assertRaises(UpstreamTruncated):
            list(chain.stream(REQUEST, self.deadline))
        self.assertEqual(second.asked, 0)


class Breakers(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = HandWoundClock()
        self.deadline = Deadline(self.clock)
        self.breaker = Breaker(errors_max=2, cooldown_seconds=300, clock=self.clock)

    def ask(self, step: Step) -> str:
        model = Scripted(step)
        try:
            list(Breaking(model, self.breaker).stream(REQUEST, self.deadline))
        except BridgeError as error:
            return "asked" if model.asked else error.message
        return "answered"

    def test_failures_in_a_row_open_it_and_a_good_probe_closes_it(self) -> None:
        self.assertEqual(self.ask(UpstreamTimeout("late")), "asked")
        self.assertEqual(self.ask(HELLO), "answered")
        for _ in range(2):
            self.assertEqual(self.ask(UpstreamError("down")), "asked")
        self.assertIn("left alone", self.ask(HELLO))
        self.assertTrue(self.breaker.is_open)
        self.clock.seconds += 301
        self.assertEqual(self.ask(HELLO), "answered")
        self.assertEqual(self.breaker.health()["errors"], 0)

    def test_a_bad_probe_opens_it_again(self) -> None:
        for _ in range(2):
            self.ask(UpstreamError("down"))
        self.clock.seconds += 301
        self.assertEqual(self.ask(UpstreamError("down")), "asked")
        self.assertIn("left alone", self.ask(HELLO))

    def test_what_says_nothing_of_its_health_does_not_count(self) -> None:
        for error in (UpstreamRejected("bad"), RateLimited("slow"), UpstreamAuth("key")):
            for _ in range(3):
                self.assertEqual(self.ask(error), "asked")
        self.assertFalse(self.breaker.is_open)

    def test_one_probe_at_a_time(self) -> None:
        for _ in range(2):
            self.ask(UpstreamError("down"))
        self.clock.seconds += 301
        probe = Breaking(Scripted(HELLO), self.breaker).stream(REQUEST, self.deadline)
        next(probe)
        self.assertIn("left alone", self.ask(HELLO))
        probe.close()  # type: ignore[attr-defined]
        self.assertEqual(self.ask(HELLO), "answered")

    def test_many_threads_count_every_failure(self) -> None:
        breaker = Breaker(errors_max=10_000, cooldown_seconds=1, clock=self.clock)

        def fail() -> None:
            for _ in range(200):
                breaker.leave(UpstreamError("down"))

        threads = [threading.Thread(target=fail) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(breaker.health()["errors"], 1600)


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


WRONG_WIRE = UpstreamRejected("model m is not supported for format oa-compat")


class Learned(unittest.TestCase):
    profile = ModelProfile("p", "m", Provider("acme", "https://h/v1"))

    def test_a_refused_field_is_learned_once(self) -> None:
        lessons = Lessons()
        refusal = UpstreamRejected("Unsupported parameter: 'parallel_tool_calls'")
        self.assertTrue(lessons.learn(self.profile, refusal))
        self.assertIn("parallel_tool_calls", lessons.dialect_of(self.profile).refused)
        self.assertFalse(lessons.learn(self.profile, refusal))

    def test_what_names_no_field_or_two_teaches_nothing(self) -> None:
        lessons = Lessons()
        for sentence in ("bad request", "temperature and top_p cannot be combined", "my_top_p"):
            self.assertFalse(lessons.learn(self.profile, UpstreamRejected(sentence)), sentence)

    def test_another_wire_is_learned(self) -> None:
        lessons = Lessons()
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "anthropic")
        there = on_wire(self.profile.dialect, "acme", "anthropic")
        self.assertEqual(lessons.dialect_of(self.profile), there)
        self.assertTrue(lessons.learn(self.profile, UpstreamRejected("unknown field `top_p`")))
        self.assertEqual(lessons.refused_by(self.profile), frozenset({"top_p"}))
        self.assertEqual(lessons.dialect_of(self.profile).refused, there.refused | {"top_p"})

    def test_a_wire_is_remembered_once_an_answer_came_over_it_and_for_a_week(self) -> None:
        clock = HandWoundClock()
        folder = self.enterContext(scratch())
        for learns in (True, False):  # The second is the same bridge, started again.
            database = Database(folder / "state", (WIRES_TABLE,), clock)
            self.addCleanup(database.close)
            lessons = Lessons()
            lessons.remember_in(SqliteWires(database, clock))
            if learns:
                self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
                lessons.learn(self.profile, UpstreamRejected("unknown field `top_p`"))
                self.assertEqual(lessons.to_json()["wires"], {})
                lessons.confirm(self.profile)
            fields = {"m": ["top_p"]} if learns else {}
            told = {"wires": {"m": "anthropic"}, "dropped_fields": fields}
            self.assertEqual(lessons.to_json(), told)
            self.assertEqual(lessons.wire_of(self.profile), "anthropic")
        renamed = replace(self.profile, name="q")
        elsewhere = replace(self.profile, provider=Provider("acme", "https://other/v1"))
        self.assertEqual(lessons.wire_of(renamed), "anthropic")
        self.assertEqual(lessons.wire_of(elsewhere), "chat")
        clock.seconds += 7 * 86_400 + 1
        self.assertEqual(lessons.wire_of(self.profile), "chat")

    def test_a_wire_that_is_refused_too_is_not_remembered(self) -> None:
        lessons = Lessons()
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertFalse(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "chat")

    def test_a_remembered_wire_that_is_refused_is_forgotten(self) -> None:
        lessons = Lessons()
        lessons.learn(self.profile, WRONG_WIRE)
        lessons.confirm(self.profile)
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "chat")


if __name__ == "__main__":
    unittest.main()
