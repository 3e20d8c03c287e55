"""Git says how the project stands: within the scope, without secrets, whatever is asked of it."""

import subprocess
import unittest
from pathlib import Path

from support import LONG, chance, needs, scratch
from support.trees import PLENTY, Project, git, plant

from codex_oss.contract import Scope
from codex_oss.system import minimal_env
from codex_oss.tools import Allowance, Denied, Observation
from codex_oss.tools.observations import TOOL_CLASSES

SCOPE = Scope(allowed_roots=("src",), forbidden_roots=("src/private",))
FIRST = {"src/a.py": "1\n2\n", "src/private/p.py": "p\n", "src/.env": "K=1\n", "top.py": "t\n"}


@needs("git")
class History(unittest.TestCase):
    def setUp(self) -> None:
        self.root = plant(self.enterContext(scratch()) / "root", FIRST)
        git(self.root, "init", "-q")
        self.commit("one", "Ann")
        plant(self.root, {"src/a.py": "1\n2\n3\n", "src/b.py": "b\n", "top.py": ""})
        self.commit("two", "Bob")
        self.project = Project(self.root, SCOPE)

    def commit(self, subject: str, author: str = "Ann") -> None:
        git(self.root, "add", "-f", ".")
        who, date = f"{author} <ann@example.org>", "2026-05-01T10:00:00+02:00"
        git(self.root, "commit", "-qm", subject, f"--author={who}", f"--date={date}")

    def id_of(self, revision: str) -> str:
        argv = ("git", "rev-parse", revision)
        done = subprocess.run(argv, cwd=self.root, env=minimal_env(), capture_output=True)
        return done.stdout.decode().strip()

    def text(self, tool: str, **arguments: object) -> str:
        found = self.project.run(tool, **arguments)
        assert isinstance(found, Observation), found
        self.assertEqual(found.exit_code, 0, found)
        return found.text

    def test_the_status_shows_what_is_in_scope_and_counts_the_rest(self) -> None:
        plant(self.root, {"src/a.py": "x\n", "src/new.py": "n\n", "top.py": "t\n", "src/k.pem": ""})
        text = self.text("rtk_git_status")
        lines = ("branch main", f"head {self.id_of('HEAD')}", ".M src/a.py", "?? src/new.py")
        self.assertEqual(text, "\n".join((*lines, "[hidden: 2]")))

    def test_the_log_names_authors_and_no_address(self) -> None:
        date = "2026-05-01T10:00:00+02:00"
        two = f"{self.id_of('HEAD')} {date} Bob: two"
        one = f"{self.id_of('HEAD~1')} {date} Ann: one"
        self.assertEqual(self.text("rtk_git_log"), f"{two}\n{one}")
        self.assertEqual(self.text("rtk_git_log", path="src/b.py"), two)
        found = self.project.run("rtk_git_log", limit=1)
        self.assertEqual(found.text, f"{two}\n[cut: the last 1 commits]")
        self.assertEqual((found.complete, found.next), (False, 'rtk_git_log {"limit": 50}'))
        plant(self.root, {"src/c.py": ""})
        self.commit("three " + "x" * 300, "ann@example.org")
        author, subject = self.text("rtk_git_log", limit=1).split("\n")[0][67:].split(": ")
        self.assertEqual(author, "(address)")
        self.assertEqual(subject, "three " + "x" * 194 + "[+106 chars]")

    def test_a_git_that_fails_proves_no_absence(self) -> None:
        git(self.root, "config", "log.diffMerges", "nonsense")
        for tool, arguments in (("rtk_git_log", {}), ("rtk_git_show_stat", {"rev": "HEAD"})):
            found = self.project.run(tool, **arguments)
            self.assertEqual((found.exit_code, found.text[:10]), (2, "git_failed"))

    def test_a_commit_without_a_file_in_scope_is_only_counted(self) -> None:
        plant(self.root, {"top.py": "t\n", "src/private/p.py": "q\n"})
        self.commit("of the board")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "empty")
        found = self.project.run("rtk_git_log", limit=2)
        self.assertRegex(
            found.text, r"^\w{40} \S+ t: empty\n\[cut: the last 2 commits; hidden: 1\]$"
        )
        self.assertEqual(self.project.run("rtk_git_show_stat", rev="HEAD~1").code, "out_of_scope")
        self.assertIn("0 files: +0 -0", self.text("rtk_git_show_stat", rev="HEAD"))
        self.assertNotIn("board", repr(self.project.run("rtk_git_log", limit=50)))

    def test_counts_are_of_files_in_scope(self) -> None:
        head = f"{self.id_of('HEAD')} 2026-05-01T10:00:00+02:00 Bob: two"
        rows = "+1 -0 src/a.py\n+1 -0 src/b.py\n2 files: +2 -0\n[hidden: 1]"
        for revision in ("HEAD", "main", self.id_of("HEAD")[:9], "HEAD@{0}", "HEAD^{commit}"):
            text = self.text("rtk_git_show_stat", rev=revision)
            self.assertEqual(text, f"{head}\n{rows}", revision)
        first = self.text("rtk_git_show_stat", rev="HEAD~1")
        self.assertEqual(first.split("\n")[1:], ["+2 -0 src/a.py", "1 files: +2 -0", "[hidden: 3]"])
        plant(self.root, {"src/a.py": b"\0", "src/b.py": "c\n", "top.py": "t\n"})
        git(self.root, "add", "src/b.py")
        changed = "binary src/a.py\n1 files: +0 -0\n[hidden: 1]"
        self.assertEqual(self.text("rtk_git_diff_stat"), changed)
        self.assertEqual(self.text("rtk_git_diff_stat", path="src/b.py"), "0 files: +0 -0")
        staged = self.text("rtk_git_diff_stat", staged=True)
        self.assertEqual(staged, "+1 -1 src/b.py\n1 files: +1 -1")

    def test_what_is_no_plain_revision_is_denied_and_writes_nothing(self) -> None:
        before = sorted(self.root.iterdir())
        revisions = (
            *("--output=/x", f"--output={self.root}/x", "HEAD:.env", "HEAD:src/a.py", "-p", "--"),
            *("HEAD --output=x", "HEAD\n-p", "$(id)", "^HEAD", ":/one", "HEAD;id", "@", "x" * 201),
        )
        for revision in revisions:
            found = self.project.run("rtk_git_show_stat", rev=revision)
            self.assertIsInstance(found, Denied, revision)
            self.assertEqual(found.code, "bad_revision")
        for revision in ("nothing", "HEAD^{tree}", "0" * 40, "HEAD~99"):
            found = self.project.run("rtk_git_show_stat", rev=revision)
            self.assertEqual((found.exit_code, found.text[:6]), (1, "absent"), revision)
        self.assertEqual(sorted(self.root.iterdir()), before)
        self.assertFalse(Path("/x").exists())

    def test_a_path_out_of_scope_is_denied(self) -> None:
        cases = {
            "src/.env": "secret_path",
            "src/private": "forbidden_path",
            "top.py": "out_of_scope",
        }
        cases |= {"--output=x": "out_of_scope", ":(top)top.py": "bad_path", "../x": "bad_path"}
        for tool in ("rtk_git_log", "rtk_git_diff_stat"):
            for path, code in cases.items():
                with self.subTest(tool, path=path):
                    self.assertEqual(self.project.run(tool, path=path).code, code)

    def test_no_secret_is_shown_wherever_git_keeps_it(self) -> None:
        dice = chance()
        for _ in range(10 if LONG else 2):
            secret = "ghp_" + "".join(dice.choices("abcdefghijkmnpqrstuvwxyz23456789", k=36))
            plant(self.root, {f"src/{secret}.py": "x\n", "src/b.py": secret})
            self.commit(f"use {secret}", f"Ann {secret}")
            git(self.root, "checkout", "-q", "-b", f"on-{secret}")
            plant(self.root, {f"src/{secret}.py": "y\n"})
            for tool in ("rtk_git_status", "rtk_git_log", "rtk_git_diff_stat"):
                self.assertNotIn(secret, repr(self.project.run(tool)))
            shown = self.project.run("rtk_git_show_stat", rev="HEAD")
            self.assertNotIn(secret, repr(shown))
            self.assertEqual(shown.redactions, 2)
            self.assertRegex(shown.text, r"\n\[hidden: \d\]$")
            for revision in (f"on-{secret}", secret, f"-{secret}"):
                named = self.project.run("rtk_git_show_stat", rev=revision)
                self.assertNotIn(secret, repr(named))

    def test_a_result_is_cut_between_lines(self) -> None:
        plant(self.root, {f"src/a_longer_name_{n}.py": "x\n" for n in range(100)})
        allowance = Allowance(2_000, 9_999, (), 9)
        found = self.project.run("rtk_git_status", allowance)
        self.assertLessEqual(len(found.text.encode()), 2_000)
        self.assertTrue(found.truncated and not found.complete)
        self.assertRegex(
            found.text, r"\n\?\? src/a_longer_name_\d+\.py\n\[cut: the first \d+ of 102 lines"
        )

    def test_where_there_is_no_repository_git_has_no_answer(self) -> None:
        with scratch() as folder:
            project = Project(folder)
            for tool in ("rtk_git_status", "rtk_git_diff_stat"):
                self.assertEqual(project.run(tool).text[:13], "no_repository")
            self.assertEqual(project.run("rtk_git_log").exit_code, 1)
            git(folder, "init", "-q")
            self.assertEqual(project.run("rtk_git_log").exit_code, 1)
            self.assertEqual(project.run("rtk_git_status").text, "branch main\nhead (no commit)")

    def test_the_class_must_be_granted_and_topics_are_not_searched_for(self) -> None:
        self.assertIn("safe_git", TOOL_CLASSES)
        plain = Allowance(9_999, 9_999, (), 9, ("read", "search", "list"))
        self.assertEqual(self.project.run("rtk_git_log", plain).code, "tool_class")
        project = Project(self.root, Scope(allowed_roots=(".",), forbidden_topics=("zero",)))
        denied = project.run("rtk_git_show_stat", PLENTY, rev="HEAD^{/zero}")
        self.assertEqual(denied.code, "forbidden_topic")


if __name__ == "__main__":
    unittest.main()
