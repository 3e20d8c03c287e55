"""Which lane a request takes, and how a turn that we broke ourselves still ends."""

import json
import unittest

from support.gateways import scripted_profile

from codex_oss.contract import render_handoff, template
from codex_oss.errors import BadRequest, BrokenPromise, Refused
from codex_oss.gateway.lanes import Lane, MissionLane, PlainLane, lane_for
from codex_oss.gateway.turns import TurnEncoder
from codex_oss.profiles import ModelRegistry
from codex_oss.responses import Receipt, ResponseEvent, Turn, parse_request

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


class BrokenTurns(unittest.TestCase):
    def test_events_in_an_order_that_cannot_be_end_in_one_terminal_event(self) -> None:
        request = parse_request(b'{"model":"m","input":"hi"}')
        response = {"id": "resp_1", "status": "in_progress", "tools": [], "instructions": None}
        begun = [
            ResponseEvent("response.created", {"response": response}),
            ResponseEvent("response.in_progress", {"response": response}),
        ]
        for version, code in ((None, "internal_error"), ((0, 169, 0), "invalid_prompt")):
            encoder = TurnEncoder(Turn(request, Receipt(), "resp_1", lambda: 0, version))
            encoder.encode(begun)
            said = encoder.encode([ResponseEvent("response.output_text.done", {})])
            self.assertEqual(said.count(b"event: "), 1)
            self.assertIn(b"event: response.failed\n", said)
            self.assertIn(b'"code":"%s"' % code.encode(), said)
            self.assertTrue(said.endswith(b"data: [DONE]\n\n"))
            self.assertEqual(encoder.beat(), b"")
            self.assertEqual(encoder.fail(BrokenPromise("again")), b"")


if __name__ == "__main__":
    unittest.main()
