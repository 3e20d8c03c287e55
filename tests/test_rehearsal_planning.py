"""When the rehearsal model says COMPLETE, when PARTIAL, and what it does within its limits.

Missions for real, in a scratch project, through the runtime and its tools.
"""

import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import scratch
from support.missions import run_mission
from support.trees import plant

from codex_oss.rehearsal import RehearsalModel
from codex_oss.rehearsal.reporting import ANSWER_CHARACTERS_MAX, LABEL, answer_text

FILES = {
    "a/first.py": """\
def draw(x):
    return x


class Pen:
    def draw(self):
        pass
""",
    "a/second.py": """\
from a.first import (
    draw,
    Pen,
)

INK = 3
INK += 1
Pen().draw()
""",
    "a/third.py": """\
from a.first import draw


def use():
    return draw(1)


def once():
    use()
""",
}
MANY = {f"many/m{n:03}.py": f"X = [{n}]\nX.append(1)\nX.append(2)\n" * 4 for n in range(60)} | {
    "many/home.py": "def X():\n    pass\n"
}


def mission(project: Path, objective: str, **changes: object) -> Any:
    return run_mission(project, RehearsalModel(), objective=objective, **SCOPE | changes)


SCOPE: Mapping[str, object] = {"allowed_roots": ["a"], "mission_id": "plan"}


class RehearsalPlanningTest(unittest.TestCase):
    maxDiff = None

    def report(self, objective: str, files: Mapping[str, str] = FILES, **changes: object) -> Any:
        with scratch() as project:
            plant(project, files)
            return mission(project, objective, **changes)[0].report

    def assert_doubt(self, report: Any, *parts: str) -> None:
        self.assertEqual("PARTIAL", report["status"], report["uncertainties"])
        texts = " ".join(row["text"] for row in report["uncertainties"])
        for part in parts:
            self.assertIn(part, texts)

    def test_it_searches_reads_claims_and_reports_and_says_what_it_is(self) -> None:
        with scratch() as project:
            plant(project, FILES)
            result, events = mission(project, "Where is `Pen` defined?")
        report = result.report
        self.assertEqual("COMPLETE", report["status"])
        self.assertEqual(LABEL, report["caveats"][0])
        self.assertIn(LABEL, report["answer"])
        finding = report["findings"][0]
        self.assertEqual(
            ("a/first.py:5", ["file:a/first.py#extract:1@L5-L5"]),
            (finding["value"], finding["evidence_refs"]),
        )
        kinds = [type(event.fact).__name__ for event in events]
        order = [
            kinds.index(kind) for kind in ("ToolCallEmitted", "ClaimRecorded", "ReportDrafted")
        ]
        self.assertEqual(sorted(order), order)

    def test_several_answers_to_one_question_have_no_single_value(self) -> None:
        report = self.report("Where is `draw` defined?")
        self.assertEqual("COMPLETE", report["status"], report["downgrade_reasons"])
        self.assertEqual(["", ""], [finding["value"] for finding in report["findings"]])

    def test_an_import_over_several_lines_costs_no_reading(self) -> None:
        report = self.report("Where is the class `Pen` defined?")
        self.assertEqual(["a/first.py"], [file["path"] for file in report["files_inspected"]])

    def test_a_name_that_stands_nowhere_is_proven_to(self) -> None:
        report = self.report("Where is `pencil` defined?")
        self.assertEqual("COMPLETE", report["status"])
        self.assertEqual(["command:0#zero_match"], report["findings"][0]["evidence_refs"])

    def test_a_name_in_other_letters_is_pointed_at_and_not_taken_for_it(self) -> None:
        self.assert_doubt(self.report("Where is `DRAW` defined?"), "No line has `DRAW`", "`draw`")

    def test_a_question_beyond_a_look_up_stays_partial_with_what_was_found(self) -> None:
        for objective, part in (
            ("How does `draw` handle errors?", "more than a look-up"),
            ("Where is `draw` defined on Windows?", "`on windows`"),
            ("What does `use` call?", "more than a look-up"),
        ):
            report = self.report(objective)
            self.assert_doubt(report, part)
            self.assertTrue(report["findings"], objective)

    def test_a_question_without_a_name_is_not_answered(self) -> None:
        report = self.report("Explain the architecture.")
        self.assertEqual([], report["findings"])
        self.assertIn("names nothing to look up", report["uncertainties"][0]["text"])

    def test_calls_of_a_dotted_name_are_sure_only_where_one_thing_is_called_so(self) -> None:
        self.assert_doubt(self.report("Who calls `Pen.draw`?"), "2 definitions")
        report = self.report("Who calls `third.use`?")
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertIn("`once` in `a/third.py`", report["findings"][0]["claim"])

    def test_a_constant_that_is_changed_later_has_no_sure_value(self) -> None:
        self.assert_doubt(
            self.report("What is the value of `INK`?"), "changed later", "second.py:7"
        )

    def test_a_value_that_is_set_through_a_dot_too_is_not_sure(self) -> None:
        files = {"a/ink.py": "ink = 3\n\n\nclass Pen:\n    def fill(self):\n        self.ink = 4\n"}
        self.assert_doubt(self.report("Where is `ink` set?", files), "at a/ink.py:6")
        report = self.report("What is `Pen` set to?", files)
        self.assertNotEqual("COMPLETE", report["status"])

    def test_a_change_far_below_is_seen_whatever_the_language(self) -> None:
        far = "\n" * 100
        for path, text in (
            ("a/x.py", f"N = 1{far}\ndef f():\n    global N\n    N = 2\n"),
            ("a/x.py", f"N = 1{far}\nN *= 2\n"),
            ("a/x.js", f"let N = 1;{far}\nfunction f() {{ N++; }}\n"),
            ("a/x.go", f"package x\nvar N = 1{far}\nfunc f() {{\n\tN = 2\n}}\n"),
        ):
            self.assert_doubt(self.report("What is `N` set to?", {path: text}), "changed later")
        same = {"a/x.py": f"N = 1{far}\ndef f():\n    N = 2\n    N += 1\n    f(N=3)\n"}
        self.assertEqual("COMPLETE", self.report("What is `N` set to?", same)["status"])

    def test_a_secret_value_is_neither_shown_nor_passed_off_as_the_answer(self) -> None:
        secret = "ghp_" + "a1B2" * 9
        report = self.report("What is `TOKEN` set to?", {"a/keys.py": f'TOKEN = "{secret}"\n'})
        self.assert_doubt(report, "not shown whole")
        self.assertNotIn(secret, str(report))

    def test_more_names_than_a_mission_looks_up_are_not_passed_over(self) -> None:
        names = ", ".join(f"`pen_{number}`" for number in range(13))
        self.assert_doubt(self.report(f"Find {names}."), "Only the first 12")

    def test_limits_end_the_looks_and_are_named(self) -> None:
        report = self.report("Who calls `draw`?", tool_budget=2)
        self.assert_doubt(report, "limits left no room", "rtk_read")
        report = self.report("Who calls `draw`?", max_files_to_inspect=1)
        self.assert_doubt(report, "limits left no room", "rtk_read")
        report = self.report("Who calls `draw`?", max_model_calls=2)
        self.assert_doubt(report, "limits left no room")

    def test_too_many_lines_are_searched_again_for_those_that_count(self) -> None:
        report = self.report("Where is the function `X` defined?", MANY, allowed_roots=["many"])
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertEqual(["many/home.py:1"], [f["value"] for f in report["findings"]])
        report = self.report("Where is `X` used?", MANY, allowed_roots=["many"])
        self.assert_doubt(report, "was cut")

    def test_required_sources_are_read_before_anything_is_reported(self) -> None:
        report = self.report("Where is `use` defined?", must_inspect=["a/second.py"])
        self.assertEqual("COMPLETE", report["status"], report["downgrade_reasons"])

    def test_a_report_that_was_not_accepted_comes_back_as_partial(self) -> None:
        policy = {"min_main_claims": 3}
        report = self.report("Where is `use` defined?", sufficiency_policy=policy)
        self.assert_doubt(report, "not accepted")
        self.assertEqual(1, len(report["findings"]))

    def test_where_an_error_is_raised_is_sure_only_if_it_is_made_there(self) -> None:
        late = {"a/late.py": "class Late(Exception):\n    pass\n\n\ndef run():\n    raise Late()\n"}
        report = self.report("Who raises `Late`?", FILES | late)
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertEqual(["a/late.py:6"], [f["value"] for f in report["findings"]])
        kept = late["a/late.py"] + "\n\ndef keep():\n    return Late()\n"
        report = self.report("Who raises `Late`?", {"a/late.py": kept})
        self.assert_doubt(report, "made without being raised there, at a/late.py:10")

    def test_the_key_of_a_mapping_is_sure_only_if_nothing_else_sets_it(self) -> None:
        sizes = {"a/sizes.py": 'SIZES = {\n    "pen": 3,\n    404: ("gone", "lost"),\n}\n'}
        report = self.report("What is the key `pen` mapped to?", sizes)
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertEqual(["3"], [f["value"] for f in report["findings"]])
        report = self.report("In sizes.py, what does 404 map to?", sizes)
        self.assertEqual(['("gone", "lost")'], [f["value"] for f in report["findings"]])
        late = {"a/late.py": 'from a.sizes import SIZES\n\nSIZES["pen"] = 4\n'}
        report = self.report("What is the key `pen` mapped to?", sizes | late)
        self.assert_doubt(report, "assigned anew at a/late.py:3")

    def test_a_key_that_is_only_read_by_its_text_is_used_there(self) -> None:
        read = {"a/read.py": 'import os\n\nHOME = os.environ["PEN_HOME"]\n'}
        report = self.report("Where is PEN_HOME read?", read)
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertEqual(["a/read.py:3"], [f["value"] for f in report["findings"]])

    def test_a_function_that_is_handed_on_is_not_said_to_be_called_nowhere(self) -> None:
        handed = {"a/handed.py": "def _fail():\n    pass\n\n\npush = _fail\n"}
        self.assert_doubt(self.report("Is the function `_fail` ever called?", handed), "handed on")

    def test_the_objective_is_no_answer_to_another_question(self) -> None:
        asked = [{"id": "how", "question": "How come?"}]
        report = self.report("Where is `Pen` defined?", answer_obligations=asked)
        self.assert_doubt(report, "How come?")

    def test_an_answer_of_any_length_fits_its_field(self) -> None:
        for characters in range(60, 120):
            claims = [f"{'x' * characters}."] * 30
            self.assertLessEqual(len(answer_text(claims)), ANSWER_CHARACTERS_MAX)

    def test_several_questions_are_answered_side_by_side(self) -> None:
        questions = ("Where is `Pen` defined?", "Who calls `use`?", "What is `colour`'s default?")
        report = self.report("Answer all.", answer_obligations=list(questions))
        states = {row["id"]: row["status"] for row in report["obligations"]}
        self.assertEqual({"q1": "answered", "q2": "answered", "q3": "answered"}, states)


if __name__ == "__main__":
    unittest.main()
