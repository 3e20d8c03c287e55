"""`demo` on projects that nobody prepared: true answers, with evidence that anyone can check."""

import json
import re
import subprocess
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path

from support import ROOT, scratch
from support.commands import CommandLine, Done

SHOP = ROOT / "examples" / "shop"
PYTHON = {path.name: path.read_text() for path in SHOP.glob("*.py")} | {".env": "TOKEN=mine\n"}
JAVASCRIPT = {
    "lib/queue.js": (
        "'use strict';\n\nclass JobQueue {\n  constructor(limit = 4) {\n    this.jobs = [];\n"
        "  }\n}\n\n"
        "function pushJob(queue, job) {\n  queue.jobs.push(job);\n  return queue;\n}\n\n"
        "module.exports = { JobQueue, pushJob };\n"
    ),
    "index.js": (
        "const { JobQueue, pushJob } = require('./lib/queue');\n\nfunction startAll(jobs) {\n"
        "  const queue = new JobQueue();\n  for (const job of jobs) {\n    pushJob(queue, job);\n"
        "  }\n  return queue;\n}\n\nmodule.exports = { startAll };\n"
    ),
    "package.json": '{"name": "queue"}\n',
}
ANSWERS = {  # What the demo asks by itself, and what is true.
    "python": {
        "Where is `add_line` defined?": (
            "`add_line` is defined as a function in `cart.py` at line 6."
        ),
        "Who calls `total_price`?": "`buy_all` in `checkout.py` calls `total_price` at line 10.",
    },
    "javascript": {
        "Where is `JobQueue` defined?": (
            "`JobQueue` is defined as a class in `lib/queue.js` at line 3."
        ),
        "Who calls `pushJob`?": "`startAll` in `index.js` calls `pushJob` at line 6.",
    },
}


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a folder, with its times."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def spans(document: Mapping) -> Iterator[dict]:
    for mission in document["missions"]:
        for finding in mission["report"]["findings"]:
            yield from finding["evidence"]


class Demo(unittest.TestCase):
    """One demo a language, as JSON; one more as text."""

    lines: dict[str, CommandLine]
    done: dict[str, Done]
    before: dict[str, dict]

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(scratch())
        cls.lines, cls.done, cls.before = {}, {}, {}
        for language, files in (("python", PYTHON), ("javascript", JAVASCRIPT)):
            (folder / language).mkdir()
            line = CommandLine(folder / language, files)
            (line.project / "m.json").unlink()
            git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
            for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
                subprocess.run([*git, *words], cwd=line.project, env=line.environ, check=True)
            cls.before[language] = snapshot(line.project)
            cls.done[language] = line.run("demo", "--project", ".", "--json", TMPDIR=str(folder))
            cls.lines[language] = line

    def test_the_answers_are_true(self) -> None:
        for language, expected in ANSWERS.items():
            done = self.done[language]
            self.assertEqual((done.code, done.json["model"]), (0, "rehearsal"), done.err)
            found = [
                (mission["objective"], mission["report"]["status"], finding["claim"])
                for mission in done.json["missions"]
                for finding in mission["report"]["findings"]
            ]
            self.assertEqual(found, [(asked, "COMPLETE", true) for asked, true in expected.items()])

    def test_each_report_is_its_file_unchanged(self) -> None:
        for done in self.done.values():
            for mission in done.json["missions"]:
                file = Path(mission["artifacts"]) / "report.json"
                self.assertEqual(mission["report"], json.loads(file.read_text()))

    def test_every_cited_span_hashes_to_what_the_report_says(self) -> None:
        for language, done in self.done.items():
            cited = list(spans(done.json))
            self.assertGreaterEqual(len(cited), 3)
            for span in cited:
                lines = f"{span['start_line']},{span['end_line']}p"
                command = f"sed -n {lines} {span['path']} | sha256sum"
                self.assertEqual(self.shell(language, command), span["sha256"], command)
                whole = self.shell(language, f"sha256sum < {span['path']}")
                self.assertEqual(whole, span["file_sha256"])

    def shell(self, language: str, command: str) -> str:
        project = self.lines[language].project
        done = subprocess.run(["sh", "-c", command], cwd=project, capture_output=True, check=True)
        return done.stdout.decode().split()[0]

    def test_nothing_is_written_into_the_project(self) -> None:
        for language, line in self.lines.items():
            self.assertEqual(snapshot(line.project), self.before[language])

    def test_it_is_told_as_it_happens_and_says_where_to_go_on(self) -> None:
        line = self.lines["python"]
        objective = "What does `count` of `add_line` default to?"
        done = line.run("demo", "--project", ".", "--objective", objective)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("the model is the built-in rehearsal", done.err.splitlines()[0])
        self.assertIn(f"Objective: {objective}", done.err)
        self.assertIn("  I'm running rtk_read on cart.py.\n", done.err)
        self.assertIn("cart.py:6-6", done.out)
        check = re.search(
            r"^  bin/codex-oss (log verify --all --project .+)$", done.out, re.MULTILINE
        )
        assert check, done.out
        (verified,) = line.each(check[1].split())
        self.assertEqual(verified.code, 0, verified.out)
        self.assertIn("bin/codex-oss mission run mission.json --profile kimi", done.out)


if __name__ == "__main__":
    unittest.main()
