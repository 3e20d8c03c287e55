"""What a contract may ask beyond an answer: open exploration, searches, stops, what is barred."""

import unittest

from support import scratch
from support.missions import (
    FILES,
    ScriptedModel,
    calls,
    report,
    run_mission,
    write_tree,
)
from support.stories import Story

from codex_oss.missions import MissionResult
from codex_oss.record import (
    BudgetChanged,
    closing_reason,
    conditions,
    contradiction_search_done,
    optional_actions,
    verdict,
)
from codex_oss.runtime.phases import newly_passed, phase_of

READ = calls(("rtk_read", {"path": "src/config.py"}))
CLAIM = "`load` is defined in src/config.py at line 4"
REF = "file:src/config.py#extract:1@L4-L5"
GOOD = report((CLAIM, [REF]))
LINES = ("import os", "def load(path):", "    return {30: path}")
A = "file:src/a.py#extract:1"
PROVEN = ("`load` is defined at line 2", [f"{A}@L2"])
OPEN = {"objective_style": "open_investigation"}


class Runs(unittest.TestCase):
    def run_with(self, *replies: object, **changes: object) -> tuple[MissionResult, ScriptedModel]:
        with scratch() as folder:
            model = ScriptedModel(*replies)  # type: ignore[arg-type]
            result, self.events = run_mission(write_tree(folder), model, **changes)
            return result, model

    def test_an_open_investigation_looks_further_and_lists_what_it_never_saw(self) -> None:
        further = calls(("rtk_ls", {"path": "src"}))
        search = {"pattern": "def load", "target_question": "contradiction"}
        opposite = calls(("rtk_grep", search | {"path": "src/main.py"}))
        wanted = OPEN | {"must_inspect": ["src/config.py"]}
        result, model = self.run_with(further, opposite, GOOD, **wanted)
        self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 3))
        self.assertIn("open investigation", model.requests[0].messages[0].text)
        told = result.report
        self.assertEqual(told["uninspected"], ["src/: 1 of 2 files"])
        self.assertEqual(told["optional_exploration_actions"], 2)
        self.assertIs(told["contradiction_search_done"], True)

    def test_without_a_search_for_the_opposite_it_is_not_complete(self) -> None:
        result, model = self.run_with(READ, GOOD, **OPEN)
        self.assertEqual(result.status, "PARTIAL")
        self.assertIn("complete_before_exploration_floor", str(result.report["downgrade_reasons"]))
        self.assertIn("exploration_floor", str(model.requests[2].messages[-1].text))

    def test_a_search_that_answers_the_objective_asks_no_model(self) -> None:
        for spec, claim in (
            (
                {"objective_type": "function_location", "target": {"symbol": "load"}},
                "`load` is defined in src/config.py at line 4",
            ),
            (
                {"objective_type": "config_value_extraction", "target": {"key": "TIMEOUT"}},
                "`TIMEOUT` has its value in src/config.py at line 1: 30",
            ),
            (
                {"objective_type": "zero_match_evidence", "target": {"pattern": "ev[a]l"}},
                "Nothing in the searched scope matches the pattern of the contract.",
            ),
        ):
            with self.subTest(claim):
                result, model = self.run_with(GOOD, objective_spec=spec)
                self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 0))
                told = result.report
                self.assertEqual([f["claim"] for f in told["findings"]], [claim])  # type: ignore[attr-defined]
                self.assertEqual(told["report_source"], "deterministic_fast_path")
                envelope = told["completion_envelope"]
                assert isinstance(envelope, dict)
                self.assertEqual(envelope["quality_status"], "EARNED_RUNTIME_COMPLETE")
                self.assertIn("No model was asked", str(told["caveats"]))

    def test_what_a_search_leaves_in_doubt_goes_to_the_model_with_its_hits(self) -> None:
        for spec in (
            {"objective_type": "function_location", "target": {"symbol": "nowhere"}},
            {"objective_type": "zero_match_evidence", "target": {"pattern": "load"}},
            {"objective_type": "mapping_lookup", "target": {"key": "load"}},
        ):
            with self.subTest(spec):
                result, model = self.run_with(READ, GOOD, objective_spec=spec)
                self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 2))
                self.assertIn("<oss_observation>", model.requests[0].messages[2].text)

    def test_a_sentence_and_a_comment_answer_nothing_by_themselves(self) -> None:
        spoken = {"src/notes.md": "The class gone was here.\n", "src/old.py": "# ttl: 30 once\n"}
        for spec in (
            {"objective_type": "function_location", "target": {"symbol": "gone"}},
            {"objective_type": "config_value_extraction", "target": {"key": "ttl"}},
        ):
            with self.subTest(spec), scratch() as folder:
                model = ScriptedModel(READ, GOOD)
                result, _ = run_mission(
                    write_tree(folder, FILES | spoken), model, objective_spec=spec
                )
                self.assertNotEqual(result.report["report_source"], "deterministic_fast_path")
                self.assertEqual(len(model.requests), 2)

    def test_a_finding_about_a_forbidden_topic_is_dropped(self) -> None:
        other = ("`load` takes taxes into account", [REF])
        result, _ = self.run_with(READ, report((CLAIM, [REF]), other), forbidden_topics=["Taxes"])
        self.assertEqual((result.status, len(result.report["findings"])), ("PARTIAL", 1))  # type: ignore[arg-type]
        self.assertNotIn("into account", result.message)
        self.assertIn("what the contract forbids", str(result.report["caveats"]))

    def test_what_is_critical_is_never_complete(self) -> None:
        allowed = {
            "critical_path_read_allowed": True,
            "critical_path_read_reason": "to review it",
        }
        result, model = self.run_with(READ, GOOD, risk_tier="critical", **allowed)
        self.assertEqual(len(model.requests), 2)
        capped = ["complete_status_exceeds_runtime_cap"]
        self.assertEqual(result.report["downgrade_reasons"], capped)
        self.assertEqual(
            (result.status, result.status_reason), ("ESCALATE", "critical_path_detected")
        )


def read(**contract: object) -> Story:
    return Story(**contract).reads("src/a.py", *LINES)


class Exploration(unittest.TestCase):
    def test_further_looks_count_from_the_last_required_source_on(self) -> None:
        story = Story(must_inspect=["src/a.py"], **OPEN).greps("x").reads("src/a.py", *LINES)
        self.assertEqual(optional_actions(story.record), 0)
        story.greps("y").reads("src/b.py", "y")
        self.assertEqual(optional_actions(story.record), 2)

    def test_a_search_for_the_opposite_looks_elsewhere_and_the_word_alone_is_nothing(self) -> None:
        story = read(**OPEN).claims("`load`: no contradiction was found", [A])
        self.assertFalse(contradiction_search_done(story.record))
        question = {"target_question": "contradiction"}
        story.greps("load", ("src/a.py", 2, "def load(path):"), about=question)
        self.assertFalse(contradiction_search_done(story.record))
        story.greps("load", ("src/b.py", 2, "def load(path):"), about=question)
        self.assertTrue(contradiction_search_done(story.record))

    def test_a_search_without_a_match_counts_where_it_saw_more_than_is_cited(self) -> None:
        question = {"target_question": " Contradiction "}
        for path, files, counts in (
            (None, 0, False),  # It looked at nothing.
            (None, 1, False),  # At the file that is cited whole, and at no other.
            (None, 2, True),
            ("src/b.py", 1, True),
        ):
            with self.subTest(path=path, files=files):
                story = read(**OPEN).greps("never", path=path, files=files, about=question)
                story.reports(("`load` is defined at line 2", [A]))
                self.assertIs(contradiction_search_done(story.record), counts)
        for said in ("no contradiction", "contradictions", "is there a contradiction?"):
            story = read(**OPEN).greps("never", files=9, about={"target_question": said})
            self.assertFalse(contradiction_search_done(story.record), said)

    def test_it_ends_at_the_most_that_is_allowed_or_at_its_floor(self) -> None:
        free = {"require_contradiction_search": False}
        most = read(exploration_policy={"max_optional_actions_after_floor": 2, **free}, **OPEN)
        self.assertNotEqual(phase_of(most.record)[0], "REPORT")
        self.assertEqual(phase_of(most.greps("y").record), ("REPORT", "explored_enough"))
        close = {"after_required_floor": "close_immediately", **free}
        story = Story(must_inspect=["src/a.py"], exploration_policy=close, **OPEN)
        self.assertNotEqual(phase_of(story.record)[0], "REPORT")
        story.reads("src/a.py", *LINES)
        self.assertEqual(phase_of(story.record), ("REPORT", "explored_enough"))


class Policies(unittest.TestCase):
    def test_optional_stops_end_a_run_for_a_person(self) -> None:
        disputed = read(stop_conditions=["contradiction_found"])
        for value in ("def load", "30"):
            disputed.claims(f"`load` is `{value}`", [A], value)
        critical = read(stop_conditions=["critical_path_detected"])
        critical.is_denied("src/auth/a.py", "critical_path")
        cases = {"contradiction_found": disputed, "critical_path_detected": critical}
        for reason, story in cases.items():
            ended = verdict(story.record)
            self.assertEqual(closing_reason(story.record), reason)
            self.assertEqual((ended.status, ended.reason), ("ESCALATE", reason))
        self.assertEqual(closing_reason(read().is_denied("a", "critical_path").record), "")

    def test_answered_questions_end_exploration_where_the_contract_says_so(self) -> None:
        story = read(stop_conditions=["obligations_answered"])
        self.assertEqual(phase_of(story.record)[0], "NARROW")
        claimed = story.claims(*PROVEN)
        self.assertEqual(phase_of(claimed.record), ("REPORT", "obligations_answered"))

    def test_phases_and_progress_limits_can_be_turned_off_and_that_is_said(self) -> None:
        off = read(phase_policy_enabled=False)
        self.assertEqual(phase_of(off.record), ("EXPLORE", "phases_are_off"))
        exhausted = off.then(BudgetChanged("tool_calls", 1, 1, "exhausted"))
        self.assertEqual(phase_of(exhausted.record)[0], "REPORT")
        for enabled in (True, False):
            story = read(progress_policy_enabled=enabled, max_low_information_actions=0)
            story.is_denied("src/b.py")
            self.assertEqual(newly_passed(story.record) is None, not enabled)

    def test_an_objective_names_values_and_shapes_that_must_be_cited(self) -> None:
        spec = {
            "required_values": ["def load", "30:"],
            "required_evidence_shapes": ["class_definition"],
            "confidence_policy": {"cap": "LOW"},
        }
        story = read(objective_spec=spec).reports((*PROVEN, {"value": "def load"}))
        self.assertFalse(conditions(story.record)["required_outputs_present"])
        self.assertEqual(verdict(story.record).confidence, "LOW")
        spec |= {"required_values": ["def load"], "required_evidence_shapes": []}
        story = read(objective_spec=spec).reports(PROVEN)
        self.assertTrue(all(conditions(story.record).values()))

    def test_each_criterion_of_an_objective_is_a_question_of_its_own(self) -> None:
        spec = {"completion_criteria": ["The caller is named."]}
        story = read(objective_spec=spec).reports(PROVEN)
        self.assertFalse(conditions(story.record)["required_obligations_answered"])
        told = ("`load`", [A], {"obligation_id": "criterion_1"})
        story = read(objective_spec=spec).reports(PROVEN, told)
        self.assertEqual(verdict(story.record).status, "COMPLETE")


if __name__ == "__main__":
    unittest.main()
