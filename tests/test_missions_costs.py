"""What a mission costs: exact sums from the provider's counts, and a limit that no call passes."""

import json
import unittest
from dataclasses import replace
from pathlib import Path

from support import scratch
from support.missions import ScriptedModel, calls, order, report, workshop, write_tree

from codex_oss.chat import ChatChunk, Usage
from codex_oss.deadline import Deadline
from codex_oss.errors import Refused
from codex_oss.missions import MissionResult
from codex_oss.record import Event, ModelReplied, ModelRequested

READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = report(("`load` is defined in src/config.py", ["file:src/config.py#extract:1@L4-L5"]))
PRICES = {"input": 2, "output": 10, "cache_read": 0.2, "cache_write": 2.5}
PROFILES = {
    "priced": {"base_url": "http://127.0.0.1:9/v1", "prices": PRICES},
    "lowered": {"base_url": "http://127.0.0.1:9/v1",
                "limits": {"tool_budget": 1, "max_model_calls": 200}},
    "unpriced": {"base_url": "http://127.0.0.1:9/v1"},
}  # fmt: skip


def counted(reply: list[ChatChunk], usage: Usage) -> list[ChatChunk]:
    return [*reply[:-1], replace(reply[-1], usage=usage)]


class Costs(unittest.TestCase):
    def run_with(
        self, folder: Path, *replies: list[ChatChunk], profile: str = "priced", **changes: object
    ) -> tuple[MissionResult, tuple[Event, ...], ScriptedModel]:
        model = ScriptedModel(*replies)
        shop = workshop(write_tree(folder), model, PROFILES_JSON=json.dumps(PROFILES))
        wanted = replace(order(shop, **changes), profile=shop.registry.resolve(profile))
        run = shop.desk.begin(wanted, Deadline(shop.clock))
        events = tuple(run.events())
        return run.result(), events, model

    def test_tokens_and_cost_are_the_providers_counts_at_the_admitted_prices(self) -> None:
        first = counted(READ, Usage(1_000, 50, 400, 20, 100))
        second = counted(GOOD, Usage(2_000, 70, 1_500))
        with scratch() as folder:
            result, events, _ = self.run_with(folder, first, second)
        told = [e.fact.cost_microusd for e in events if isinstance(e.fact, ModelReplied)]
        # 500 plain, 400 cached, 100 written, 50 out; 500 plain, 1,500 cached, 70 out.
        self.assertEqual(told, [1_000 + 80 + 250 + 500, 1_000 + 300 + 700])
        expected = {
            **{"input_tokens": 3_000, "output_tokens": 120, "cached_tokens": 1_900},
            **{"reasoning_tokens": 20, "total_tokens": 3_120, "calls": 2},
            **{"sources": {"upstream": 2}, "cost_microusd": 3_830},
        }
        self.assertEqual(result.report["usage"], expected)
        self.assertEqual((result.cost_microusd, result.usage.output_tokens), (3_830, 120))

    def test_no_call_is_made_that_could_pass_the_limit(self) -> None:
        dear = counted(READ, Usage(1_000, 1_000))  # 12,000 micro-USD a call.
        with scratch() as folder:
            result, events, model = self.run_with(folder, dear, max_cost_usd="0.03")
        asked = [e.fact for e in events if isinstance(e.fact, ModelRequested)]
        self.assertEqual(result.status_reason, "budget_exhausted:cost")
        self.assertIn("cost", result.report["budget"]["exhausted"])  # type: ignore[index, operator, call-overload]
        spent = 0
        for fact in asked:
            worst = 25 * fact.est_input_tokens // 10 + 10 * fact.max_output_tokens
            self.assertLessEqual(spent + worst, 30_000)
            self.assertGreaterEqual(fact.max_output_tokens, 512)
            spent += 12_000
        self.assertLess(asked[-1].max_output_tokens, 8_192)
        self.assertEqual([r.max_output_tokens for r in model.requests],
                         [fact.max_output_tokens for fact in asked])  # fmt: skip

    def test_a_limit_that_pays_no_answer_asks_nothing(self) -> None:
        with scratch() as folder:
            result, _, model = self.run_with(folder, GOOD, max_cost_usd="0.001")
        self.assertEqual((result.status, model.requests), ("FAILED", []))
        self.assertEqual(result.status_reason, "budget_exhausted:cost")

    def test_a_profile_may_leave_less_of_a_budget_and_that_is_said(self) -> None:
        with scratch() as folder:
            result, events, _ = self.run_with(folder, READ, GOOD, profile="lowered")
        cut = {"limit": "tool_budget", "requested": 20, "effective": 1, "reason": "profile_cap"}
        self.assertEqual(events[0].fact.limits["reductions"], [cut])  # type: ignore[union-attr]
        spent = result.report["budget"]["tool_calls"]  # type: ignore[index, call-overload]
        self.assertEqual(spent, {"used": 1, "limit": 1})
        self.assertIn("tool_calls", result.report["budget"]["exhausted"])  # type: ignore[index, operator, call-overload]
        self.assertIn("budget_reduced: tool_budget 20 -> 1 (profile_cap)", result.report["caveats"])  # type: ignore[operator, arg-type]

    def test_a_deadline_of_the_settings_is_obeyed_and_named_with_the_profiles(self) -> None:
        lowered = {"lowered": PROFILES["lowered"] | {"limits": {"time_budget_seconds": 60}}}
        for seconds, reason in ((60, "profile_cap+request_deadline"), (30, "request_deadline")):
            with scratch() as folder:
                environ = {"PROFILES_JSON": json.dumps(lowered),
                           "REQUEST_DEADLINE_SECONDS": str(seconds)}  # fmt: skip
                shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD), **environ)
                wanted = replace(order(shop), profile=shop.registry.resolve("lowered"))
                (first, *_) = shop.desk.begin(wanted, Deadline(shop.clock)).events()
            (cut,) = first.fact.limits["reductions"]  # type: ignore[union-attr, misc]
            self.assertEqual((cut["effective"], cut["reason"]), (seconds, reason))

    def test_a_limit_without_a_price_is_refused_and_its_cost_is_never_zero(self) -> None:
        with scratch() as folder:
            with self.assertRaises(Refused) as caught:
                self.run_with(folder, READ, GOOD, profile="unpriced", max_cost_usd="1")
            self.assertEqual(caught.exception.code, "price_unknown")
            result, _, _ = self.run_with(folder, READ, GOOD, profile="unpriced")
        self.assertIsNone(result.report["usage"]["cost_microusd"])  # type: ignore[index, call-overload]


if __name__ == "__main__":
    unittest.main()
