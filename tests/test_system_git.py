"""Real repositories, some of which would like to run something."""

import subprocess
import unittest
from pathlib import Path

from support import needs, scratch

from codex_oss.system import Git, minimal_env, work_tree_above


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    argv = ["git", *who, *arguments]
    return subprocess.run(
        argv, cwd=folder, env=minimal_env(), check=True, capture_output=True, text=True
    ).stdout


def repository(folder: Path) -> Path:
    git(folder, "init", "-q", "-b", "main")
    (folder / ".gitignore").write_text("ignored\n", "utf-8")
    for name in ("tracked", "removed", "ignored", "sub/inside"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name, "utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    (folder / "removed").unlink()
    for name in ("untracked", "sub/über\nuns", ":(top)x"):
        (folder / name).write_text(name, "utf-8")
    return folder


@needs("git")
class AskingGit(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = repository(self.enterContext(scratch()))

    def test_files_are_those_that_git_does_not_ignore(self) -> None:
        names = (".gitignore", ":(top)x", "removed", "sub/inside", "sub/über\nuns", "tracked")
        self.assertEqual(Git(self.folder).tracked_and_untracked(), (*names, "untracked"))

    def test_names_are_relative_to_a_root_inside_the_work_tree(self) -> None:
        names = Git(self.folder / "sub").tracked_and_untracked()
        self.assertEqual(names, ("inside", "über\nuns"))

    def test_a_linked_work_tree_is_one_of_its_own(self) -> None:
        linked = self.folder.with_name(self.folder.name + "-linked")
        git(self.folder, "worktree", "add", "-q", str(linked))
        self.addCleanup(git, self.folder, "worktree", "remove", str(linked))
        names = (".gitignore", "removed", "sub/inside", "tracked")
        self.assertEqual(Git(linked).tracked_and_untracked(), names)
        self.assertEqual(Git(linked).head(), Git(self.folder).head())

    def test_a_repository_inside_is_not_looked_into(self) -> None:
        inner = self.folder / "inner"
        inner.mkdir()
        repository(inner)
        names = Git(self.folder).tracked_and_untracked() or ()
        self.assertEqual([name for name in names if name.startswith("inner")], [])

    def test_head_is_the_full_id_or_nothing(self) -> None:
        self.assertEqual(Git(self.folder).head(), git(self.folder, "rev-parse", "HEAD").strip())
        with scratch() as folder:
            self.assertEqual(Git(folder).head(), "")
            git(folder, "init", "-q")
            self.assertEqual((Git(folder).head(), Git(folder).tracked_and_untracked()), ("", ()))

    def test_where_git_cannot_say_there_is_no_answer(self) -> None:
        with scratch() as folder:
            self.assertIsNone(Git(folder).tracked_and_untracked())
            (folder / ".git").write_text("gitdir: nowhere\n", "utf-8")
            self.assertIsNone(Git(folder).tracked_and_untracked())

    def test_the_nearest_work_tree_is_found_from_below(self) -> None:
        self.assertEqual(work_tree_above(self.folder / "sub"), self.folder)
        self.assertIsNone(work_tree_above(Path("/")))


@needs("git")
class HostileRepositories(unittest.TestCase):
    def test_no_configured_command_runs(self) -> None:
        with scratch() as folder:
            repository(folder)
            mark, script = folder / "mark", folder / "evil.sh"
            script.write_text(f"#!/bin/sh\necho $0 $@ >> {mark}\ncat\n", "utf-8")
            script.chmod(0o755)
            hooks = folder / ".git" / "hooks"
            for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
                (hooks / hook).write_bytes(script.read_bytes())
                (hooks / hook).chmod(0o755)
            keys = (
                *("core.fsmonitor", "core.pager", "pager.ls-files", "core.editor"),
                *("core.sshCommand", "core.askPass", "filter.evil.clean", "filter.evil.smudge"),
                *("filter.evil.process", "diff.external", "diff.evil.textconv"),
                *("alias.ls-files", "alias.rev-parse", "uploadpack.packObjectsHook"),
            )
            for key in keys:
                git(folder, "config", key, f"!{script}" if key.startswith("alias") else str(script))
            git(folder, "config", "core.hooksPath", str(hooks))
            git(folder, "config", "core.worktree", "/")
            (folder / ".gitattributes").write_text("* filter=evil diff=evil\n", "utf-8")
            (folder / "tracked").write_text("changed", "utf-8")

            self.assertIn("tracked", Git(folder).tracked_and_untracked() or ())
            self.assertRegex(Git(folder).head(), r"^[0-9a-f]{40}$")
            self.assertFalse(mark.exists(), mark.exists() and mark.read_text("utf-8"))

            # The trap is real: the same question without our settings springs it.
            subprocess.run(["git", "status"], cwd=folder, env=minimal_env(), capture_output=True)
            self.assertTrue(mark.exists())

    def test_a_bare_repository_in_the_tree_does_not_answer_for_it(self) -> None:
        with scratch() as folder:
            repository(folder)
            (folder / "bare").mkdir()
            git(folder / "bare", "init", "-q", "--bare")
            self.assertEqual(Git(folder / "bare").head(), Git(folder).head())
            self.assertIn("HEAD", Git(folder / "bare").tracked_and_untracked() or ())

    def test_a_folder_that_only_looks_like_a_work_tree_does_not_show_the_one_above(self) -> None:
        with scratch() as folder:
            repository(folder)
            (folder / "sub" / ".git").mkdir()
            self.assertIsNone(Git(folder / "sub").tracked_and_untracked())

    def test_a_commit_cannot_be_an_option(self) -> None:
        with scratch() as folder:
            repository(folder)
            (folder / ".git" / "HEAD").write_text("ref: refs/heads/--output=x\n", "utf-8")
            self.assertEqual(Git(folder).head(), "")
            self.assertFalse((folder / "x").exists())


if __name__ == "__main__":
    unittest.main()
