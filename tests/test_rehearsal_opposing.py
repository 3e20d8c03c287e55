"""The rehearsal model in open investigations: it searches for what would contradict its answers."""

import unittest

from support import scratch
from support.missions import FILES, run_mission, write_tree

from codex_oss.rehearsal import RehearsalModel

ASKED = {
    "where": "Where is `load` defined?",
    "value": "What is `TIMEOUT` set to?",
}


def investigated(files: dict[str, str], **changes: object) -> dict:
    """Return the report of an open investigation of these files."""
    rows = [{"id": name, "question": question} for name, question in ASKED.items()]
    asked = {"objective_style": "open_investigation", "answer_obligations": rows} | changes
    with scratch() as project:
        write_tree(project, files)
        return dict(run_mission(project, RehearsalModel(), **asked)[0].report)


class RehearsalOpposingTest(unittest.TestCase):
    def test_it_looks_elsewhere_before_it_reports(self) -> None:
        report = investigated(dict(FILES), must_inspect=["src/config.py"])
        self.assertEqual(
            ("COMPLETE", True), (report["status"], report["contradiction_search_done"])
        )
        self.assertGreaterEqual(report["optional_exploration_actions"], 1)
        self.assertEqual(
            ["`load` is defined as a function", "`TIMEOUT` is set to `30`"],
            [finding["claim"].partition(" in ")[0] for finding in report["findings"]],
        )

    def test_what_speaks_against_an_answer_keeps_it_from_complete(self) -> None:
        patched = {"src/late.py": "import config\n\nconfig.load = print\n"}
        report = investigated(FILES | patched)
        self.assertEqual(("PARTIAL", True), (report["status"], report["contradiction_search_done"]))
        self.assertEqual(
            ["`load` is set through a dot too, first at src/late.py:3."],
            [each["text"] for each in report["uncertainties"]],
        )

    def test_without_a_name_to_look_up_it_says_so(self) -> None:
        report = investigated(
            FILES, answer_obligations=[{"id": "how", "question": "How does it do?"}]
        )
        self.assertNotEqual("COMPLETE", report["status"])


if __name__ == "__main__":
    unittest.main()
