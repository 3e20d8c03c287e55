"""Nothing outside of a mission's scope is ever shown, whatever the path and the tree are like."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

from support import LONG, chance, needs, scratch
from support.trees import Project, git, plant

from codex_oss.contract import Scope
from codex_oss.tools import Denied, Observation, Resolved
from codex_oss.tools.tree import Tree

SCOPE = Scope(
    allowed_roots=("src", "docs", "caf\u00e9", "link_to_docs"),
    allowed_paths=("README.md", "build/made.py", "src2/one.py"),
    forbidden_roots=("src/private",),
)
CANARY = "canary-0f1e2d3c"
FINE = "fine-bytes"
DENIED_FILES = (
    *("top.py", "src2/other.py", "srcx.py", "secrets/a.txt", ".git/config", ".codex-oss/log"),
    *("src/.env", "src/.ENV", "src/a/b/c/d/e/.env", "src/prod.env", "src/.env.local"),
    *("src/private/deep/x.py", "src/.git/HEAD", "src/sub/.git", "src/.G\u200dit/config"),
    *("src/id_rsa", "src/key.pem", "src/credentials", "src/app.log", "src/logs/x.txt"),
    *("src/data.db", "src/core.17", "src/node_modules/m.js", "src/auth/login.py", "build/x.py"),
    *("src/bare/HEAD", "src/bare/objects/pack", "src/bare/refs/heads", "src/bare/hooks/x.sh"),
    *("src/odd/HEAD", "src/odd/commondir", "src/odd/config", "src/a:b.py", "src/PROGRA~1"),
    *("src/back\\slash.py", "src/dot.", "src/bidi\u202e.py", "docs/.SSH/known_hosts"),
)
FINE_FILES = (
    *("README.md", "src/a.py", "src/b/c.py", "docs/.env.example", "docs/id_rsa.pub", "src/s p.py"),
    *("cafe\u0301/nfd.py", "src/nu\u0308.py", "src/caf\u00e9.py", "build/made.py", "src2/one.py"),
)
LINKS = {
    "src/up": "..",
    "src/out_folder": "{outside}",
    "src/out.py": "{outside}/x.py",
    "src/out_relative.py": "../../outside/x.py",
    "src/chain.py": "chain2.py",
    "src/chain2.py": "../../outside/x.py",
    "src/to_secret.py": "../secrets/a.txt",
    "src/to_env": ".env",
    "src/to_top.py": "../top.py",
    "src/to_back.py": "back\\slash.py",
    "src/loop": "loop2",
    "src/loop2": "loop",
    "src/dangling": "../nowhere",
    "src/proc": "/proc/self/root",
    "link_to_docs": "docs",
    "link_to_private": "src/private",
}


def hostile_tree(folder: Path) -> Path:
    """Build a project where everything that must not be seen holds the canary."""
    outside, root = folder / "outside", folder / "root"
    plant(outside, {"x.py": CANARY, "sub/.env": CANARY})
    plant(root, dict.fromkeys(DENIED_FILES, f"{CANARY}\n") | dict.fromkeys(FINE_FILES, f"{FINE}\n"))
    for name, target in LINKS.items():
        (root / name).symlink_to(target.format(outside=outside))
    os.mkfifo(root / "src/pipe")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(root / "src"):
        listening.bind("socket")
    return root


def hostile_path(dice: random.Random, root: Path) -> str:
    """Return a path somebody might try: true names, bent."""
    names = [*DENIED_FILES, *FINE_FILES, *LINKS, "src/pipe", "src/socket", str(root / "src/a.py")]
    pieces = dice.choice(names).split("/")
    for _ in range(dice.randrange(3)):
        at = dice.randrange(len(pieces) + 1)
        pieces.insert(at, dice.choice([*LINKS, "..", ".", "", "~", "src", "x.py", "\0", "..."]))
    path = dice.choice("//\\").join(pieces)
    bends = (
        str.upper,
        str.swapcase,
        lambda p: p.replace("i", "\u200bi"),
        lambda p: p.replace("e", "\uff45"),
        lambda p: f"/{p}",
        lambda p: f"{root.parent}/outside/{p}",
        lambda p: f"{root}/{p}",
        lambda p: p + dice.choice("/ .:\n*\ud800"),
        lambda p: "../" * dice.randrange(4) + p,
        lambda p: f"./{p}//",
    )
    for _ in range(dice.choice((0, 0, 1, 2))):
        path = dice.choice(bends)(path)
    return path


class HostileTree(unittest.TestCase):
    def setUp(self) -> None:
        folder = self.enterContext(scratch())
        self.root = hostile_tree(folder)
        self.project = Project(self.root, SCOPE)

    def test_no_random_path_shows_a_byte_from_outside(self) -> None:
        dice = chance()
        seen = {Observation: 0, Denied: 0}
        for number in range(10_000 if LONG else 300):
            path = hostile_path(dice, self.root)
            result = self.project.read(path)
            if number % 20 == 0:
                result = (result, self.project.ls(path, depth=3))
            else:
                seen[type(result)] += 1
            self.assertNotIn(CANARY, repr(result), path)
        self.assertGreater(min(seen.values()), 20, seen)

    def test_no_search_shows_a_byte_from_outside(self) -> None:
        dice = chance()
        for path in ("", ".", *(hostile_path(dice, self.root) for _ in range(100 if LONG else 6))):
            found = self.project.grep("canary", path=path or None)
            self.assertNotIn(CANARY, repr(found), path)

    def test_every_fine_file_is_read_and_every_other_is_not(self) -> None:
        for path in FINE_FILES:
            with self.subTest(path):
                self.assertEqual(self.project.read(path).text, f"1: {FINE}")
        for path in DENIED_FILES:
            with self.subTest(path):
                result = self.project.read(path)
                self.assertTrue(isinstance(result, Denied) or result.exit_code == 1, result)

    def test_the_searchable_files_are_the_fine_ones(self) -> None:
        found = self.project.guard.readable_files()
        on_disk = {file.real_path for file in found.files}
        self.assertEqual(on_disk, {*FINE_FILES})
        self.assertGreater(found.denials.total(), 20)

    def test_denials_say_what_was_wrong(self) -> None:
        cases = {
            "src/out.py": "symlink_escape",
            "src/out_folder/x.py": "symlink_escape",
            "src/proc": "symlink_escape",
            "src/chain.py": "symlink_escape",
            "src/up/top.py": "symlink_out_of_scope",
            "src/to_top.py": "symlink_out_of_scope",
            "src/to_secret.py": "secret_path",
            "src/to_env": "secret_path",
            "src/to_back.py": "bad_path",
            "src/private/deep/x.py": "forbidden_path",
            "link_to_private": "out_of_scope",
            "src/bare/hooks/x.sh": "internal_path",
            "src/odd/config": "internal_path",
            "src/.Git/HEAD": "internal_path",
            "src/auth/login.py": "critical_path",
            "src/app.log": "logs_path",
            "src2/other.py": "out_of_scope",
            "../outside/x.py": "bad_path",
            "/etc/passwd": "bad_path",
            "src/a.py\0": "bad_path",
        }
        self.assertEqual({path: self.project.read(path).code for path in cases}, cases)

    def test_a_denial_says_what_is_allowed_and_nothing_else(self) -> None:
        self.assertEqual(
            self.project.read("src/to_secret.py"),
            Denied(
                "secret_path",
                "secrets",
                "src/to_secret.py",
                "allowed_roots: src, docs, caf\u00e9, link_to_docs;"
                " allowed_paths: README.md, build/made.py, src2/one.py",
            ),
        )

    def test_a_link_to_what_is_allowed_may_be_followed(self) -> None:
        linked = self.project.guard.resolve("link_to_docs/.env.example")
        self.assertEqual(linked, Resolved("link_to_docs/.env.example", "docs/.env.example"))
        self.assertEqual(self.project.read("link_to_docs/.env.example").text, f"1: {FINE}")

    def test_pipes_sockets_folders_and_loops_are_no_files(self) -> None:
        started = time.monotonic()
        cases = {
            "src/pipe": "not_regular_file",
            "src/socket": "not_regular_file",
            "src/b": "not_regular_file",
            "src/loop": "not_regular_file",
            "src/dangling": "symlink_out_of_scope",
        }
        for path, code in cases.items():
            result = self.project.read(path)
            said = result.code if isinstance(result, Denied) else result.text.split(":")[0]
            self.assertEqual((path, said), (path, code))
        self.assertLess(time.monotonic() - started, 1)

    def test_a_name_with_a_secret_is_a_secret(self) -> None:
        secret = "ghp_" + "".join(chance().choices("abcdefghijkmnpqrstuvwxyz23456789", k=36))
        plant(self.root, {f"src/{secret}.py": "needle"})
        for result in (
            self.project.read(f"src/{secret}.py"),
            self.project.grep("needle"),
            self.project.ls("src"),
        ):
            self.assertNotIn(secret, repr(result))
        self.assertEqual(self.project.read(f"src/{secret}.py").code, "secret_path")
        self.assertEqual(self.project.grep("needle").match_count, 0)

    def test_the_survey_counts_what_admission_asks(self) -> None:
        found = self.project.guard.survey()
        self.assertEqual(found.readable_files, len(FINE_FILES))
        self.assertEqual(found.bytes, len(FINE_FILES) * len(f"{FINE}\n"))
        self.assertEqual(found.critical, 1)
        self.assertEqual((found.absent, found.refused), ((), ()))
        scope = Scope(
            allowed_roots=("src/auth", "gone", "src/out_folder"), allowed_paths=("src/.env", "a.py")
        )
        found = Project(self.root, scope).guard.survey()
        self.assertEqual(found.readable_files, 0)
        self.assertEqual(found.absent, ("gone", "a.py"))
        codes = [(denied.path, denied.code) for denied in found.refused]
        self.assertEqual(
            codes,
            [
                ("src/auth", "critical_path"),
                ("src/out_folder", "symlink_escape"),
                ("src/.env", "secret_path"),
            ],
        )


class Spelling(unittest.TestCase):
    def test_a_name_that_the_disk_takes_for_another_one_is_judged_by_that_one(self) -> None:
        with scratch() as root:
            plant(root, {"src/Private.py": CANARY})
            tree = Tree(root)
            tree.listing("src")
            # Not listed, and yet the same file: what a disk that ignores case shows of this name.
            (root / "src/private.py").hardlink_to(root / "src/Private.py")
            self.assertEqual(tree.real_path("src/private.py"), "src/Private.py")
            guard = Project(root, Scope(allowed_paths=("src/private.py",))).guard
            self.assertEqual(guard.judge("src/private.py", tree).code, "symlink_out_of_scope")

    def test_composed_and_decomposed_names_stay_apart_where_both_exist(self) -> None:
        with scratch() as root:
            plant(root, {"u\u0308.py": "decomposed", "\u00fc.py": "composed"})
            project = Project(root)
            self.assertEqual(project.read("u\u0308.py").text, "1: composed")
            (root / "\u00fc.py").unlink()
            self.assertEqual(project.read("\u00fc.py").text, "1: decomposed")


SWAPPER = """
import os, sys, time
outside, root, count = sys.argv[1:]
for number in range(int(count)):
    for name, target in (("leaf.py", "x.py"), ("folder", "")):
        os.symlink(f"{outside}/{target}", f"{root}/link")
        os.rename(f"{root}/src/{name}", f"{root}/kept")
        os.rename(f"{root}/link", f"{root}/src/{name}")
        time.sleep(0.0004)
        os.unlink(f"{root}/src/{name}")
        os.rename(f"{root}/kept", f"{root}/src/{name}")
        time.sleep(0.0004)
"""


class SwappedLinks(unittest.TestCase):
    def test_a_link_swapped_in_after_the_judgment_shows_nothing(self) -> None:
        with scratch() as folder:
            plant(folder / "outside", {"x.py": CANARY, f"{CANARY}.py": CANARY})
            root = plant(folder / "root", {"src/leaf.py": FINE, "src/folder/x.py": FINE})
            project = Project(root, Scope(allowed_roots=("src",)))
            swaps = str(2_000 if LONG else 200)
            arguments = (str(folder / "outside"), str(root), swaps)
            outcomes = dict.fromkeys(("0", "1", "2", "symlink_escape"), 0)
            with subprocess.Popen([sys.executable, "-c", SWAPPER, *arguments]) as swapper:
                self.assertNotIn(CANARY, repr(project.grep("canary")))
                while swapper.poll() is None:
                    for result in (
                        project.read("src/leaf.py"),
                        project.read("src/folder/x.py"),
                        project.ls("src/folder"),
                    ):
                        self.assertNotIn(CANARY, repr(result))
                        said = result.code if isinstance(result, Denied) else result.exit_code
                        outcomes[str(said)] += 1
            self.assertEqual(swapper.returncode, 0)
            self.assertGreater(min(outcomes["0"], outcomes["symlink_escape"]), 5, outcomes)

    def test_what_was_resolved_before_a_swap_is_not_opened_after_it(self) -> None:
        with scratch() as folder:
            plant(folder / "outside", {"x.py": CANARY})
            root = plant(folder / "root", {"src/leaf.py": FINE, "src/folder/x.py": FINE})
            guard = Project(root).guard
            leaf, inner = guard.resolve("src/leaf.py"), guard.resolve("src/folder/x.py")
            (root / "src/leaf.py").unlink()
            (root / "src/leaf.py").symlink_to(folder / "outside/x.py")
            (root / "src/folder").rename(root / "src/was")
            (root / "src/folder").symlink_to(folder / "outside")
            for file in (leaf, inner):
                self.assertEqual(guard.open(file).exit_code, 2)
                with self.assertRaises(OSError):
                    guard.open_beneath(file)


@needs("git")
class Repositories(unittest.TestCase):
    def setUp(self) -> None:
        self.root = self.enterContext(scratch()) / "root"
        plant(self.root, {"a.py": "needle", ".gitignore": "made/\n", "made/b.py": "needle"})
        git(self.root, "init", "-q")
        self.project = Project(self.root)

    def test_a_search_sees_what_git_does_not_ignore(self) -> None:
        git(self.root, "add", ".")
        plant(self.root, {"new.py": "needle"})
        found = self.project.grep("needle", files_with_matches=True)
        self.assertEqual(found.text, "a.py\nnew.py")

    def test_an_ignored_file_is_searched_when_it_is_named(self) -> None:
        found = self.project.grep("needle", path="made/b.py")
        self.assertEqual(found.text, "made/b.py:1: needle")
        scope = Scope(allowed_roots=(".",), allowed_paths=("made/b.py",))
        everything = Project(self.root, scope).grep("needle", files_with_matches=True)
        self.assertEqual(everything.text, "a.py\nmade/b.py")

    def test_what_git_keeps_is_internal_under_every_name(self) -> None:
        other = plant(self.root.parent / "other", {"lib.py": "needle\n"})
        git(other, "init", "-q")
        git(other, "add", ".")
        git(other, "commit", "-qm", "one")
        git(self.root, "submodule", "add", "-q", str(other), "sub")
        git(self.root, "clone", "-q", "--bare", str(other), "vendored")
        git(self.root, "init", "-q", "--separate-git-dir", str(self.root / "meta"), "apart")
        for path in ("sub/.git", "vendored/config", "vendored/HEAD", "meta/config", "apart/.git"):
            with self.subTest(path):
                self.assertEqual(self.project.read(path).code, "internal_path")
        self.assertEqual(self.project.read("sub/lib.py").text, "1: needle")
        self.assertNotIn("vendored/", self.project.grep(".", files_with_matches=True).text)

    def test_a_deleted_file_is_counted_as_absent(self) -> None:
        git(self.root, "add", ".")
        (self.root / "a.py").unlink()
        self.assertEqual(self.project.guard.readable_files().absent, 1)
        self.assertEqual(self.project.read("a.py").exit_code, 1)

    def test_without_git_a_walk_skips_what_is_made(self) -> None:
        with scratch() as root:
            plant(root, {"a.py": "x", "dist/b.py": "x", "p/__pycache__/c.py": "x", "p/d.py": "x"})
            found = Project(root).guard.readable_files()
            self.assertEqual([file.path for file in found.files], ["a.py", "p/d.py"])
            opened = Scope(allowed_roots=(".",), exposed_classes=("vendor",))
            self.assertEqual(len(Project(root, opened).guard.readable_files().files), 4)


if __name__ == "__main__":
    unittest.main()
