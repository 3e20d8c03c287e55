"""Every check of admission bites, and can be judged again from what it recorded."""

import json
import unittest
from dataclasses import replace

import support  # noqa: F401

from codex_oss.contract import parse_mission, template
from codex_oss.errors import AdmissionError, CapabilityDowngradeError, UnsupportedLaneError
from codex_oss.missions.results import refusal
from codex_oss.record import ProfileFacts
from codex_oss.runtime import Admission, AdmissionFacts, admit, judged
from codex_oss.runtime.checks import RULES

LANES = ("investigation", "open_investigation")
PROFILE = ProfileFacts("kimi", "kimi-k2.6", "remote", 131_072, 8_192, "opencode_go", 1, 1, 1)
FACTS = AdmissionFacts(
    profile=PROFILE,
    model_alias="mission-a3-kimi",
    alias_tier=3,
    capability_tier=3,
    profile_lanes=LANES,
    provider_fault="",
    readable_files=9,
    readable_bytes=900,
    absent_paths=(),
    critical_files=0,
    refused_paths=(),
    live_runs=0,
    free_bytes=10**9,
    storage_fault="",
)
OPEN = {"objective_style": "open_investigation"}
CRITICAL = {"risk_tier": "critical"}
ALLOWED = {
    "critical_path_read_allowed": True,
    "critical_path_read_reason": "auth is what is asked for",
}
STRONG = {
    "profile": "strong",
    "capability_tier": 4,
    "context_window": 262_144,
    "encoding": "native_tools",
    "exposure": "local",
}


def admission(facts: AdmissionFacts = FACTS, tier: str = "A3", **contract: object) -> Admission:
    mission = parse_mission(template(tier) | contract).mission
    assert mission
    return admit(mission, facts)


def of(profile: ProfileFacts = PROFILE, **changes: object) -> AdmissionFacts:
    return replace(FACTS, profile=profile, **changes)  # type: ignore[arg-type]


GPT = replace(PROFILE, upstream_model="gpt-5", provider="openai")
SMALL = replace(PROFILE, context_window=8_191)
MIDDLE = replace(PROFILE, context_window=16_383)
UNPRICED = replace(PROFILE, input_price=None, output_price=None)

# (facts, what the contract says beside, check, result, how its reason begins)
CASES: tuple[tuple[AdmissionFacts, dict[str, object], str, str, str], ...] = (
    (of(GPT), {}, "child_model", "deny", "gpt_child_forbidden"),
    (of(replace(GPT, provider="opencode_go")), {}, "child_model", "pass", ""),
    (of(replace(PROFILE, provider="opencode_bridge")), {}, "child_model", "deny", "gpt_child"),
    (of(replace(PROFILE, name="")), {}, "profile_known", "deny", "unknown_profile"),
    (of(alias_tier=2), {}, "tier_alias", "deny", "tier_alias_mismatch"),
    (of(alias_tier=5), {}, "tier_alias", "deny", "tier_alias_mismatch"),
    (of(alias_tier=0), {}, "tier_alias", "pass", ""),
    (of(profile_lanes=("patch_proposal",)), {}, "lane", "deny", "lane_not_offered"),
    (of(profile_lanes=LANES[:1]), OPEN, "lane", "deny", "lane_not_offered"),
    (of(capability_tier=0), {}, "capability", "deny", "capability_too_low"),
    (of(capability_tier=1), OPEN, "capability", "deny", "capability_too_low"),
    (of(capability_tier=1), {}, "capability", "pass", ""),
    (of(wire="responses"), {}, "encoding", "deny", "no_action_encoding"),
    (of(SMALL), {}, "window", "deny", "context_too_small"),
    (of(MIDDLE), {}, "window", "pass", ""),
    (of(MIDDLE), OPEN, "window", "deny", "context_too_small"),
    (of(provider_fault="provider_not_configured: X"), {}, "provider", "deny", "provider_not_conf"),
    (of(retry_after_seconds=60), {}, "provider", "busy", "provider_unavailable"),
    (of(retry_after_seconds=61), {}, "provider", "deny", "provider_unavailable"),
    (of(requested=STRONG), {}, "downgrade", "deny", "capability_downgrade_refused: capability_t"),
    (of(requested=STRONG), {"fallback_policy": "allow_weaker"}, "downgrade", "warn", "weaker"),
    (of(requested=FACTS.strength), {}, "downgrade", "pass", ""),
    (of(requested=FACTS.strength | {"exposure": "local"}), {}, "downgrade", "deny", "capability"),
    (FACTS, CRITICAL, "risk", "deny", "critical_read_not_allowed"),
    (FACTS, CRITICAL | ALLOWED, "risk", "warn", "critical"),
    (of(readable_files=0), {}, "scope", "deny", "scope_empty"),
    (of(readable_files=0, may_be_empty=True), {}, "scope", "pass", ""),
    (of(readable_files=2_001), {}, "scope", "deny", "broad_scope"),
    (of(readable_files=2_001), {"allow_broad_read_scope": True}, "scope", "pass", ""),
    (FACTS, {"allowed_roots": ["."]}, "scope", "deny", "broad_scope"),
    (of(absent_paths=("src/x",)), {}, "scope_paths", "warn", "path_absent"),
    (of(refused_paths=((".env", "secret_path"),)), {}, "scope_path", "deny", "secret_path"),
    (of(refused_paths=(("a", "symlink_escape"),)), {}, "scope_path", "deny", "scope_escape"),
    (of(refused_paths=(("a", "critical_path"),)), {}, "scope_path", "deny", "critical_path"),
    (of(critical_files=3), {}, "scope_critical", "warn", "critical_path: 3 files"),
    (of(critical_files=3), ALLOWED, "scope_critical", "pass", ""),
    (FACTS, {"data_exposure": {"local_only": True}}, "data_exposure", "deny", "exposure_not"),
    (FACTS, {"data_exposure": {"allow_classes": ["logs"]}}, "data_exposure", "warn", "opened"),
    (of(UNPRICED), {"max_cost_usd": "1"}, "cost", "deny", "price_unknown"),
    (of(UNPRICED), {}, "cost", "pass", ""),
    (of(lane_states={"investigation": "blocked"}), {}, "scorecard", "deny", "lane_blocked"),
    (of(lane_states={"investigation": "blocked"}), OPEN, "scorecard", "pass", ""),
    (of(lane_states={"investigation": "downgraded"}), {}, "scorecard", "warn", "lane_downgraded"),
    (of(live_runs=3), {}, "capacity", "pass", ""),
    (of(live_runs=4), {}, "capacity", "busy", "capacity: 4 runs at once, try again in 30s"),
    (of(free_bytes=2**26 - 1), {}, "storage", "deny", "storage_unavailable"),
    (of(storage_fault="it may only be read"), {}, "storage", "deny", "storage_unavailable"),
)


class Checks(unittest.TestCase):
    def test_a_good_contract_passes_every_check(self) -> None:
        good = admission()
        self.assertEqual((good.decision, good.warnings), ("admitted", ()))
        self.assertEqual({check.result for check in good.checks}, {"pass"})

    def test_each_check_bites(self) -> None:
        for facts, contract, name, result, reason in CASES:
            with self.subTest(name, reason=reason, result=result):
                found = [c for c in admission(facts, **contract).checks if c.id == name]
                self.assertEqual([c.result for c in found], [result], found)
                self.assertTrue(found[0].reason.startswith(reason), found[0].reason)

    def test_every_rule_is_asked_for_and_has_a_case(self) -> None:
        patches = admission(tier="A5")
        asked = {check.id for check in patches.checks} | {name for *_, name, _, _ in CASES}
        denied = [check.reason for check in patches.failed if check.id == "enforcement"]
        self.assertIn("not_enforced_yet:$.tier", denied)
        packed = admission(tier="A1", allowed_roots=["src"], allowed_paths=[]).checks
        self.assertIn("nothing_to_read", [check.reason for check in packed])
        asked |= {check.id for check in packed}
        risk = admission(tier="A5", **CRITICAL).checks
        self.assertIn("critical_write_needs_a6", [check.reason for check in risk])
        self.assertEqual(asked, RULES.keys())

    def test_a_reader_of_the_log_can_judge_every_check_again(self) -> None:
        for facts, contract, *_ in CASES:
            recorded = json.loads(json.dumps(admission(facts, **contract).to_json()))
            for check in recorded["checks"]:
                again = judged(check["id"], check["input"])
                said = (check["result"], check["reason"], check["hint"])
                self.assertEqual((again.result, again.reason, again.hint), said)
            results = {check["result"] for check in recorded["checks"]}
            worst = "refused" if "deny" in results else "busy" if "busy" in results else "admitted"
            self.assertEqual(recorded["decision"], worst)

    def test_a_refusal_is_an_error_of_its_own_kind(self) -> None:
        kinds = {
            UnsupportedLaneError: of(profile_lanes=()),
            CapabilityDowngradeError: of(requested=STRONG),
            AdmissionError: of(readable_files=0),
        }
        for kind, facts in kinds.items():
            self.assertIs(type(refusal(admission(facts))), kind)

    def test_it_says_whom_it_asked_and_who_allowed_that(self) -> None:
        plain = admission().to_json()
        self.assertEqual(plain["resolved_upstream_model"], "kimi-k2.6")
        self.assertEqual((plain["fallback_from"], plain["fallback_approval"]), ("", "not_required"))
        same = of(requested=FACTS.strength | {"profile": "other"})
        other = admission(same).to_json()
        self.assertEqual(
            (other["fallback_from"], other["fallback_approval"]), ("other", "configured")
        )
        weaker = admission(of(requested=STRONG), fallback_policy="allow_weaker").to_json()
        self.assertEqual(weaker["fallback_approval"], "explicit")


if __name__ == "__main__":
    unittest.main()
