"""The rehearsal model on packages of the registries: what it calls COMPLETE was found by hand.

Each file of `rehearsal_questions/` names a package and its version, which `.ci/run` fetches, with
questions as people ask them, the places that answer them and the value, if it is a value. No place
means that there is none. The spans that a report cites are read again from the files.
"""

import hashlib
import json
import shutil
import sys
import unittest
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support import DEV, LONG, ROOT, chance, needs, scratch
from support.missions import run_mission

from codex_oss.rehearsal import RehearsalModel

QUESTIONS = Path(__file__).resolve().parent / "rehearsal_questions"
SAMPLE = 2  # Of each package, where not all are wanted.
PARTIAL_MAX = 3  # Of 30 and more: where it does not know, it says so.
SCOPE = {"semver": ["."]}
SCOPE_OF_OTHERS = ["src", "pyproject.toml"]


@needs("packages")
class RehearsalPackageTest(unittest.TestCase):
    maxDiff = None

    def test_what_is_called_complete_is_what_was_found_by_hand(self) -> None:
        dice, outcomes, lies = chance(), Counter[str](), []
        for file in sorted(QUESTIONS.glob("*.json")):
            table = json.loads(file.read_text("utf-8"))
            rows = table["questions"] if LONG else dice.sample(table["questions"], SAMPLE)
            with scratch() as project:
                shutil.copytree(DEV / "packages" / file.stem, project / "package")
                for number, row in enumerate(rows):
                    scope = SCOPE.get(table["package"], SCOPE_OF_OTHERS)
                    report = ask(project / "package", f"q{number}", row["ask"], scope)
                    faults = list(faults_of(project / "package", report, row))
                    outcomes[f"{report['status']} {'false' if faults else 'true'}"] += 1
                    if report["status"] == "COMPLETE" and faults:
                        lies.append((file.stem, row["ask"], faults))
        print(f"{outcomes.total()} questions: {dict(outcomes)}", file=sys.stderr)
        self.assertEqual(lies, [])
        self.assertGreaterEqual(outcomes["COMPLETE true"], outcomes.total() - PARTIAL_MAX)
        self.assertLessEqual(set(outcomes), {"COMPLETE true", "PARTIAL true", "PARTIAL false"})

    def test_the_page_shows_what_a_mission_about_flask_says(self) -> None:
        page = (ROOT / "README.md").read_text("utf-8")
        shown = page.partition("### On a package that others wrote\n")[2].split("```")[1]
        objective = shown.partition('--objective "')[2].partition('"')[0]
        with scratch() as folder:
            shutil.copytree(DEV / "packages" / "flask-3.1.3", folder / "package")
            changes = {"objective": objective, "allowed_roots": ["src"]}
            result, _ = run_mission(folder / "package", RehearsalModel(), **changes)
        said = [line for line in shown.splitlines()[1:] if line != "..." and line[0] != "$"]
        self.assertEqual([line for line in said if line not in result.message.splitlines()], [])


def ask(project: Path, mission_id: str, objective: str, scope: list[str]) -> dict:
    """Return the report of a mission. A root may be a file: then it is a path."""
    roots = [name for name in scope if (project / name).is_dir()]
    changes = {"allowed_roots": roots, "allowed_paths": [n for n in scope if n not in roots]}
    changes |= {"mission_id": mission_id, "objective": objective, "allow_broad_read_scope": True}
    return dict(run_mission(project, RehearsalModel(), **changes)[0].report)


def faults_of(project: Path, report: dict, row: dict) -> Iterator[str]:
    """Yield what is not true of a report's findings: places, value, the digest of a span."""
    findings = report["findings"]
    said = sorted(place for finding in findings for place in places_of(finding))
    if said != row["places"]:
        yield f"it says {said}, and true is {row['places']}"
    for finding in findings if row.get("value") else ():
        if f"`{row['value']}`" not in finding["claim"]:
            yield f"it says {finding['claim']!r}, and true is {row['value']}"
    for cited in (each for finding in findings for each in finding["evidence"]):
        if cited.get("path") and digest(project, cited) != cited["sha256"]:
            yield f"{cited['ref']} is not what the file holds"
    if not row["places"] and not all(proves_absence(finding) for finding in findings):
        yield "nothing shows that there is none"


def places_of(finding: dict) -> list[str]:
    """Return the cited lines whose number the claim says; others show what they stand in."""
    said = finding["claim"].rpartition(" at line")[2].strip("s .").split(", ")
    cited = [(e["path"], e["start_line"]) for e in finding["evidence"] if e.get("path")]
    return [f"{path}:{line}" for path, line in cited if str(line) in said]


def digest(project: Path, cited: dict) -> str:
    lines = (project / cited["path"]).read_bytes().splitlines(keepends=True)
    return hashlib.sha256(b"".join(lines[cited["start_line"] - 1 : cited["end_line"]])).hexdigest()


def proves_absence(finding: dict) -> bool:
    """Whether a complete search stands behind a finding that there is none."""
    searches = [each for each in finding["evidence"] if not each.get("path")]
    return bool(searches) and all(each["complete"] for each in searches)


if __name__ == "__main__":
    unittest.main()
