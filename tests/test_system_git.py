"""Real repositories, some of which would like to run something."""

import subprocess
import unittest
from pathlib import Path

from support import needs, scratch

from codex_oss.system import Changed, Commit, Git, minimal_env, work_tree_above
from codex_oss.system.git import Standing


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


def sign(folder: Path) -> None:
    """Give the commit a signature, which somebody would have to check."""
    commit = git(folder, "cat-file", "commit", "HEAD")
    signed = commit.replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n\n", 1)
    (folder / ".git" / "signed").write_text(signed, "utf-8")
    made = git(folder, "hash-object", "-t", "commit", "-w", ".git/signed")
    git(folder, "update-ref", "HEAD", made.strip())


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

    def test_history_and_changes_are_told_with_paths_of_the_root(self) -> None:
        git(self.folder, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
        (self.folder / "bin").write_bytes(b"\0")
        (self.folder / "tracked").write_text("tracked\nmore\n", "utf-8")
        git(self.folder, "add", "bin", "sub")
        for root, up in ((self.folder, ""), (self.folder / "sub", "../")):
            asked = Git(root)
            head = asked.head()
            with self.subTest(root.name):
                self.assertEqual(
                    asked.standing(),
                    Standing(
                        "main",
                        head,
                        (
                            ("A.", f"{up}bin"),
                            (".D", f"{up}removed"),
                            ("A.", "über\nuns" if up else "sub/über\nuns"),
                            (".M", f"{up}tracked"),
                            ("??", f"{up}:(top)x"),
                            ("??", f"{up}untracked"),
                        ),
                    ),
                )
                (top, none), (one, paths) = asked.log(head, 9) or ()
                self.assertEqual(
                    [(c.author, c.subject) for c in (top, one)], [("A", ""), ("A", "one")]
                )
                names = (".gitignore", "removed", "sub/inside", "tracked")
                below = tuple("inside" if name[:3] == "sub" else f"../{name}" for name in names)
                self.assertEqual((none, paths), ((), below if up else names))
                self.assertEqual(asked.log(head, 1), ((top, ()),))
                inside = "inside" if up else "sub/inside"
                self.assertEqual(asked.log(head, 9, inside), ((one, (inside,)),))
                self.assertEqual(asked.changes_of(head), (top, ()))
                first = asked.changes_of(asked.commit_id("HEAD~1"))
                assert first
                self.assertEqual(first[0], one)
                self.assertIn(Changed(inside, 1, 0), first[1])
                self.assertEqual(
                    asked.changes(staged=False),
                    (Changed(f"{up}removed", 0, 1), Changed(f"{up}tracked", 2, 1)),
                )
                self.assertIn(Changed(f"{up}bin", None, None), asked.changes(staged=True) or ())
                path = "über\nuns" if up else "bin"
                self.assertEqual(len(asked.changes(path, staged=True) or ()), 1)

    def test_a_merge_is_told_by_what_it_brought(self) -> None:
        git(self.folder, "checkout", "-q", "-b", "side")
        (self.folder / "new").write_text("1\n2\n", "utf-8")
        git(self.folder, "add", "new")
        git(self.folder, "commit", "-q", "-m", "side")
        git(self.folder, "checkout", "-q", "main")
        git(self.folder, "merge", "-q", "--no-ff", "-m", "merged", "side")
        commit, changes = Git(self.folder).changes_of("HEAD") or (None, ())
        assert isinstance(commit, Commit)
        self.assertEqual((commit.subject, changes), ("merged", (Changed("new", 2, 0),)))

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
            sign(repository(folder))
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
                *("filter.ev=il.clean", "gpg.program", "diff.evil.command", "pager.log"),
            )
            for key in keys:
                git(folder, "config", key, f"!{script}" if key.startswith("alias") else str(script))
            git(folder, "config", "core.hooksPath", str(hooks))
            git(folder, "config", "core.worktree", "/")
            git(folder, "config", "filter.evil.required", "true")
            git(folder, "config", "log.showSignature", "true")
            rules = "* filter=evil diff=evil\nsub/* filter=ev=il\n"
            (folder / ".gitattributes").write_text(rules, "utf-8")
            (folder / "sub" / "inside").write_text("changed", "utf-8")
            (folder / "tracked").write_text("changed", "utf-8")

            self.assertIn("tracked", Git(folder).tracked_and_untracked() or ())
            self.assertRegex(Git(folder).head(), r"^[0-9a-f]{40}$")
            self.assertIn((".M", "tracked"), Git(folder).standing().entries)
            self.assertEqual(len(Git(folder).log("HEAD", 9)), 1)
            self.assertEqual(len(Git(folder).changes_of("HEAD")[1]), 4)
            self.assertIn(Changed("tracked", 1, 1), Git(folder).changes(staged=False))
            self.assertEqual(Git(folder).changes(staged=True), ())
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

    def test_nothing_in_a_submodule_runs(self) -> None:
        with scratch() as folder:
            top, mark, script = folder / "top", folder / "mark", folder / "evil.sh"
            for each in (top, top / "inner"):
                each.mkdir()
                repository(each)
            git(top, "add", "inner")
            git(top, "commit", "-q", "-m", "with a submodule")
            script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n", "utf-8")
            script.chmod(0o755)
            git(top / "inner", "config", "core.fsmonitor", str(script))
            git(top / "inner", "config", "filter.evil.clean", str(script))
            (top / "inner" / ".gitattributes").write_text("* filter=evil\n", "utf-8")
            (top / "inner" / "tracked").write_text("changed", "utf-8")
            asked = Git(top)
            self.assertTrue(asked.standing() and asked.changes_of(asked.head()))
            self.assertIsNotNone(asked.changes(staged=False))
            self.assertFalse(mark.exists())
            subprocess.run(["git", "status"], cwd=top, env=minimal_env(), capture_output=True)
            self.assertTrue(mark.exists())

    def test_what_a_partial_clone_lacks_is_not_fetched(self) -> None:
        with scratch() as folder:
            whole, part, mark = folder / "whole", folder / "part", folder / "mark"
            whole.mkdir()
            repository(whole)
            git(whole, "config", "uploadpack.allowFilter", "true")
            git(whole, "config", "uploadpack.allowAnySHA1InWant", "true")
            clone = ("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{whole}")
            git(folder, *clone, str(part))
            script = folder / "evil.sh"
            script.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n", "utf-8")
            script.chmod(0o755)
            git(part, "config", "remote.origin.uploadpack", str(script))
            asked = Git(part)
            self.assertIsNone(asked.changes_of(asked.head()))
            self.assertFalse(mark.exists())
            argv = ["git", "show", "--stat", "HEAD"]
            subprocess.run(argv, cwd=part, env=minimal_env(), capture_output=True)
            self.assertTrue(mark.exists())

    def test_a_commit_cannot_be_an_option(self) -> None:
        with scratch() as folder:
            repository(folder)
            (folder / ".git" / "HEAD").write_text("ref: refs/heads/--output=x\n", "utf-8")
            self.assertEqual(Git(folder).head(), "")
            for option in ("--output=x", "-p", "HEAD:tracked", "HEAD --output=x", "", "a" * 201):
                self.assertEqual(Git(folder).commit_id(option), "", option)
            self.assertFalse((folder / "x").exists())


if __name__ == "__main__":
    unittest.main()
