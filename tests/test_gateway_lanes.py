"""Which lane a request takes."""

import json
import unittest

from support.gateways import scripted_profile
from support.handoffs import handoff

from codex_oss.contract import render_handoff, template
from codex_oss.errors import BadRequest, Refused
from codex_oss.gateway.lanes import (
    Lane,
    MissionLane,
    PlainLane,
    SupportLane,
    SupportRules,
    lane_for,
)
from codex_oss.profiles import ModelRegistry
from codex_oss.responses import parse_request

PROFILE = scripted_profile("http://127.0.0.1:1/v1")
REGISTRY = ModelRegistry((PROFILE,), {"short": "scripted"})
BLOCK = render_handoff(template("A3"))
LEGACY = 'OSS_HANDOFF_JSON:\n{"schema_version": 1}'


def lane(model: str, *texts: str) -> Lane:
    items = [{"role": "user", "content": text} for text in texts or ("hi",)]
    return lane_for(parse_request(json.dumps({"model": model, "input": items}).encode()), REGISTRY)


class Lanes(unittest.TestCase):
    def test_the_first_rule_that_fits_decides(self) -> None:
        cases = (
            (("scripted",), PlainLane(PROFILE)),
            (("short",), PlainLane(PROFILE)),
            (("acme/scripted-1",), PlainLane(PROFILE)),
            (("mission-a3-scripted",), MissionLane(PROFILE, "A3")),
            (("mission-a2-short",), MissionLane(PROFILE, "A2")),
            (("mission-a3-scripted", BLOCK), MissionLane(PROFILE, "A3")),
            (("scripted", BLOCK), MissionLane(PROFILE)),
            (("scripted", f"Please run this.\n{BLOCK}\nThanks."), MissionLane(PROFILE)),
            (("scripted", BLOCK, "And now?"), PlainLane(PROFILE)),
            (("scripted", f"# AGENTS.md instructions\n{BLOCK}"), PlainLane(PROFILE)),
            (("scripted", "hi", f"<environment_context>{BLOCK}"), PlainLane(PROFILE)),
            (("scripted", LEGACY), PlainLane(PROFILE)),
        )
        for arguments, expected in cases:
            with self.subTest(arguments):
                self.assertEqual(lane(*arguments), expected)

    def test_a_history_that_is_made_short_is_a_plain_turn(self) -> None:
        items = [{"role": "user", "content": BLOCK}, {"type": "compaction_trigger"}]
        for model in ("scripted", "mission-a3-scripted"):
            body = json.dumps({"model": model, "input": items}).encode()
            self.assertEqual(lane_for(parse_request(body), REGISTRY), PlainLane(PROFILE))

    def test_a_legacy_handoff_is_one_where_the_support_lane_is_on(self) -> None:
        body = json.dumps({"model": "scripted", "input": handoff(read_only_paths=[])}).encode()
        request, rules = parse_request(body), SupportRules("/p")
        chosen = lane_for(request, REGISTRY, rules)
        assert isinstance(chosen, SupportLane)
        self.assertEqual(chosen.mode, "managed_autonomy")
        self.assertEqual(lane_for(request, REGISTRY), PlainLane(PROFILE))
        named = parse_request(body.replace(b'"scripted"', b'"mission-a3-scripted"', 1))
        self.assertEqual(lane_for(named, REGISTRY, rules), MissionLane(PROFILE, "A3"))
        mission = parse_request(json.dumps({"model": "scripted", "input": BLOCK}).encode())
        self.assertEqual(lane_for(mission, REGISTRY, rules), MissionLane(PROFILE))

    def test_names_that_no_lane_takes(self) -> None:
        cases = (
            ("gpt-5.5", Refused, "unsupported_bridge_model"),
            ("GPT-4", Refused, "unsupported_bridge_model"),
            ("mission-a3-gpt-5", Refused, "unsupported_bridge_model"),
            ("nobody", BadRequest, "model_not_found"),
            ("mission-a7-scripted", BadRequest, "model_not_found"),
        )
        for name, error, code in cases:
            with self.subTest(name), self.assertRaises(error) as caught:
                lane(name)
            self.assertEqual(caught.exception.code, code)


if __name__ == "__main__":
    unittest.main()
