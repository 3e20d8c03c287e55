"""Missions of tier A0: nothing is looked at, and the whole reply is the answer, or it is not."""

import json
import unittest

from support import scratch
from support.missions import ScriptedModel, begin, says, workshop, write_tree

from codex_oss.contract import template
from codex_oss.missions import MissionResult
from codex_oss.rehearsal import RehearsalModel


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

    def test_a_report_in_json_says_itself_what_it_claims(self) -> None:
        report = {"confidence": "LOW", "answer": "I cannot say", "uncertainties": ["which word"]}
        for status in ("PARTIAL", "ESCALATE"):
            result, model = self.run_with(json.dumps(report | {"status": status}))
            self.assertNotEqual(result.status, "COMPLETE")
            told = (result.report["downgraded_from"], len(model.requests))
            self.assertEqual(told, ("", 1), status)
            self.assertIn("I cannot say", result.message)
            self.assertNotIn("{", result.message)
        wanted = json.dumps({"status": "PARTIAL"})
        result, _ = self.run_with(wanted, objective_spec={"required_values": [wanted]})
        self.assertEqual(result.status, "COMPLETE")

    def test_the_template_takes_one_round_with_the_rehearsal_model(self) -> None:
        with scratch() as folder:
            wanted = template("A0") | {"allowed_roots": [], "allowed_tool_classes": []}
            run = begin(workshop(write_tree(folder), RehearsalModel()), **wanted)
            kinds = [event.event_type for event in run.events()]
            self.assertEqual(kinds.count("ModelRequested"), 1)
            self.assertEqual(run.result().report["downgraded_from"], "")


if __name__ == "__main__":
    unittest.main()
