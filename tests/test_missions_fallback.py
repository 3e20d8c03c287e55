"""Another model in the place of one that cannot go on: who may, who may not, and how it is told."""

import json
import unittest
from dataclasses import replace

from support import scratch
from support.missions import ScriptedModel, calls, order, report, says, write_tree

from codex_oss.deadline import Deadline
from codex_oss.errors import QuotaExhausted, UpstreamAuth, UpstreamError
from codex_oss.missions import MissionResult
from codex_oss.profiles import ModelProfile
from codex_oss.record import ModelRequested, RuntimeRecoveryRecorded
from codex_oss.settings import load_settings
from codex_oss.wiring import wire_workshop

READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = report(("`load` is defined in src/config.py", ["file:src/config.py#extract:1@L4-L5"]))
HERE, THERE = "http://127.0.0.1:9/v1", "https://models.example/v1"
PROFILES = {
    "first": {"base_url": HERE, "capability_tier": 4, "prices": {"input": 1, "output": 1},
              "fallbacks": ["second", "third"]},
    "second": {"base_url": HERE, "capability_tier": 3, "context_window": 131_072},
    "third": {"base_url": HERE, "capability_tier": 4, "prices": {"input": 9, "output": 9}},
    "remote": {"base_url": HERE, "fallbacks": ["far"]},
    "far": {"base_url": THERE},
}  # fmt: skip
DOWN = UpstreamError("the provider hung up")


class Fallback(unittest.TestCase):
    def run_with(
        self, profile: str = "first", *, models: dict[str, ScriptedModel], **changes: object
    ) -> MissionResult:
        self.asked: list[str] = []

        def model_of(profile: ModelProfile) -> ScriptedModel:
            self.asked.append(profile.name)
            return models[profile.name]

        with scratch() as folder:
            write_tree(folder)
            variables = {"HOME": str(folder), "PROFILES_JSON": json.dumps(PROFILES)}
            settings = load_settings(variables, folder)
            shop = wire_workshop(settings, models=model_of)  # type: ignore[arg-type]
            wanted = replace(order(shop, **changes), profile=shop.registry.resolve(profile))
            run = shop.desk.begin(wanted, Deadline(shop.clock))
            self.events = tuple(run.events())
            assert shop.desk.archive.verify(run.run_id).is_good
            return run.result()

    @property
    def changes(self) -> list[RuntimeRecoveryRecorded]:
        return [e.fact for e in self.events if isinstance(e.fact, RuntimeRecoveryRecorded)]

    def test_the_next_that_is_not_weaker_goes_on_at_its_own_prices_and_is_named(self) -> None:
        first, third = ScriptedModel(READ, DOWN), ScriptedModel(GOOD)
        result = self.run_with(models={"first": first, "third": third})
        self.assertEqual((result.status, self.asked), ("COMPLETE", ["first", "third"]))
        told = [(each.detail, each.status) for each in self.changes]
        self.assertEqual(told, [("second", "refused"), ("third", "recovered")])
        self.assertIn("capability_downgrade_refused: capability_tier 3", self.changes[0].reason)
        self.assertEqual(self.changes[1].admission["fallback_approval"], "configured")
        caveats = json.dumps(result.report["caveats"])
        self.assertIn("Another model went on (server_error: first -> third)", caveats)
        self.assertEqual((result.report["profile"], result.report["explorer_model"]),
                         ("third", "first"))  # fmt: skip
        asked = [e.fact for e in self.events if isinstance(e.fact, ModelRequested)]
        self.assertEqual([fact.profile for fact in asked], ["first"] * 4 + ["third"])
        lost = sum(fact.est_cost_microusd or 0 for fact in asked[1:4])
        self.assertEqual(result.cost_microusd, 110 + lost + 990)

    def test_a_weaker_one_goes_on_only_with_the_contracts_word(self) -> None:
        models = {"first": ScriptedModel(READ, DOWN), "second": ScriptedModel(GOOD)}
        result = self.run_with(models=models, fallback_policy="allow_weaker")
        self.assertEqual((result.status, self.asked), ("COMPLETE", ["first", "second"]))
        self.assertEqual(self.changes[0].admission["fallback_approval"], "explicit")
        self.assertIn("-> second", json.dumps(result.report["caveats"]))

    def test_none_is_asked_where_the_contract_wants_none(self) -> None:
        models = {"first": ScriptedModel(DOWN)}
        result = self.run_with(models=models, fallback_policy="none")
        self.assertEqual(
            (result.status_reason, self.changes), ("model_call_failed:server_error", [])
        )

    def test_what_stays_here_is_not_sent_away(self) -> None:
        models = {"remote": ScriptedModel(DOWN)}
        result = self.run_with("remote", models=models)
        self.assertEqual(result.status_reason, "model_call_failed:server_error")
        self.assertIn("exposure remote instead of local", self.changes[0].reason)

    def test_a_used_up_quota_and_spent_repairs_change_the_model_and_a_bad_key_does_not(
        self,
    ) -> None:
        for first in (ScriptedModel(QuotaExhausted("none left")), ScriptedModel(says("Well..."))):
            result = self.run_with(models={"first": first, "third": ScriptedModel(READ, GOOD)})
            self.assertEqual((result.status, self.asked[-1]), ("COMPLETE", "third"))
        self.run_with(models={"first": ScriptedModel(UpstreamAuth("set the key"))})
        self.assertEqual(self.changes, [])

    def test_if_all_fail_the_run_closes_by_rule(self) -> None:
        models = {"first": ScriptedModel(READ, DOWN), "third": ScriptedModel(DOWN)}
        result = self.run_with(models=models)
        self.assertEqual(result.status_reason, "model_call_failed:server_error")
        self.assertEqual(len(self.changes), 2)


if __name__ == "__main__":
    unittest.main()
