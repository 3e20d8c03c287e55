"""Missions of tier A0: nothing is looked at, and the whole reply is the answer, or it is not."""

import unittest

from support import scratch
from support.missions import ScriptedModel, begin, says, workshop, write_tree

from codex_oss.contract import template
from codex_oss.missions import MissionResult


class Exact(unittest.TestCase):
    def run_with(self, *replies: str, **changes: object) -> tuple[MissionResult, ScriptedModel]:
        model = ScriptedModel(*map(says, replies))
        with scratch() as folder:
            wanted = template("A0") | {"allowed_roots": [], "allowed_tool_classes": []} | changes
            run = begin(workshop(write_tree(folder), model), **wanted)
            self.kinds = [event.event_type for event in run.events()]
            return run.result(), model

    def test_the_wanted_value_is_complete_and_nothing_was_looked_at(self) -> None:
        result, model = self.run_with(" ready\n")
        self.assertEqual((result.status, result.report["confidence"]), ("COMPLETE", "HIGH"))
        self.assertIn("> ready", result.message)
        self.assertNotIn("ToolCallEmitted", self.kinds)
        (request,) = model.requests
        self.assertEqual(request.tools, ())
        self.assertNotIn("required_values", "".join(m.text for m in request.messages))
        (obligation,) = result.report["obligations"]  # type: ignore[misc]
        self.assertEqual(obligation["status"], "answered")

    def test_anything_else_is_not_and_gets_one_more_round(self) -> None:
        for answer in ("Ready", "ready!", "I am ready", '"ready"'):
            result, model = self.run_with(answer)
            self.assertEqual((result.status, len(model.requests)), ("FAILED", 2), answer)
            self.assertIn("answered without a finding", result.message)
        result, _ = self.run_with("I am ready", "ready")
        self.assertEqual(result.status, "COMPLETE")

    def test_without_a_wanted_value_nothing_is_complete(self) -> None:
        result, _ = self.run_with("ready", objective_spec=None)
        self.assertEqual(result.status, "FAILED")


if __name__ == "__main__":
    unittest.main()
