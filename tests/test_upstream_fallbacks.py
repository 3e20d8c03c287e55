"""Try another, leave alone: chains of models, and breakers that open."""

import threading
import unittest

from support.clocks import HandWoundClock
from support.models import HELLO, REQUEST, Scripted, Step

from codex_oss.chat import ChatMessage, ChatRequest, Served
from codex_oss.deadline import Deadline
from codex_oss.errors import (
    BridgeError,
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
from codex_oss.upstream import Breaker, Breaking, Choice, FallingBack


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


if __name__ == "__main__":
    unittest.main()
