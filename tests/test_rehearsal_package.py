"""The rehearsal model on packages of the npm registry: the answers were found by hand.

Each file of `rehearsal_questions/` names a package and its version, which `.ci/run` fetches.
"""

import json
import shutil
import unittest
from pathlib import Path

from support import needs, program, scratch
from support.missions import run_mission

from codex_oss.rehearsal import RehearsalModel

QUESTIONS = Path(__file__).resolve().parent / "rehearsal_questions"
SEMVER = "semver-7.7.2"


class RehearsalPackageTest(unittest.TestCase):
    maxDiff = None

    @needs(SEMVER)
    def test_ten_questions_about_semver_are_answered_as_by_hand(self) -> None:
        questions = json.loads((QUESTIONS / f"{SEMVER}.json").read_text("utf-8"))["questions"]
        with scratch() as project:
            shutil.copytree(str(program(SEMVER)), project / "package")
            answers = [answer(project, row["ask"]) for row in questions]
        self.assertEqual(
            [(row["ask"], "COMPLETE", row["places"], row.get("value", "")) for row in questions],
            answers,
        )


def answer(project: Path, question: str) -> tuple[str, str, list[str], str]:
    """Return a question with its report's status, the places it cites first, and its value."""
    changes = {"objective": question, "allowed_roots": ["package"], "mission_id": "package"}
    report = run_mission(project, RehearsalModel(), **changes)[0].report
    places = [place for finding in report["findings"] for place in places_of(finding)]
    values = {finding["value"] for finding in report["findings"]}
    value = values.pop() if len(values) == 1 else ""
    return question, report["status"], sorted(places), "" if ":" in value else value


def places_of(finding: dict) -> list[str]:
    """Return the cited lines whose number the claim says; others show what they stand in."""
    said = finding["claim"].rpartition(" at line")[2].strip("s .").split(", ")
    cited = [(e["path"], e["start_line"]) for e in finding["evidence"] if e.get("path")]
    return [f"{p.removeprefix('package/')}:{line}" for p, line in cited if str(line) in said]


if __name__ == "__main__":
    unittest.main()
