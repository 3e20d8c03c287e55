"""Where things lie, which folder is the project, and what the product's own source hashes to."""

import subprocess
import unittest
from hashlib import sha256
from pathlib import Path

from support import ROOT, scratch

from codex_oss.errors import BadRequest, StorageUnsafe
from codex_oss.layout import Layout, SourceTree, find_project, source_hash, source_tree


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


class Paths(unittest.TestCase):
    def test_everything_lies_below_our_folder_and_each_place_is_one(self) -> None:
        layout = Layout(Path("/p"))
        found = [
            getattr(layout, name)
            for name in dir(Layout)
            if isinstance(getattr(Layout, name), property)
        ]
        found += [layout.run("r1"), layout.events("r1"), layout.blobs("r1"), layout.mission("m1")]
        self.assertTrue(all(path.is_relative_to("/p/.codex-oss") for path in found))
        self.assertEqual(len(set(found)), len(found))
        self.assertEqual(layout.events("r1"), Path("/p/.codex-oss/runs/r1/events.jsonl"))

    def test_an_id_is_never_a_path(self) -> None:
        for bad in ("", ".", "..", "a/b", "../x", "a\0b", "a\n", "a b", "x" * 129, "é"):
            for place in (Layout(Path("/p")).run, Layout(Path("/p")).mission):
                with self.subTest(bad), self.assertRaisesRegex(BadRequest, "is not an id"):
                    place(bad)

    def test_our_folder_is_private_and_out_of_gits_sight(self) -> None:
        with scratch() as folder:
            layout = Layout(folder)
            layout.make()
            layout.make()
            self.assertEqual(layout.folder.stat().st_mode & 0o777, 0o700)
            subprocess.run(["git", "init", "-q", folder], check=True)
            status = ["git", "-C", folder, "status", "--porcelain", "-uall"]
            write(layout.events("r1"), "x")
            self.assertEqual(subprocess.run(status, capture_output=True, text=True).stdout, "")

    def test_a_folder_that_leads_elsewhere_is_refused(self) -> None:
        with scratch() as folder:
            (folder / "elsewhere").mkdir()
            (folder / ".codex-oss").symlink_to("elsewhere")
            with self.assertRaises(StorageUnsafe):
                Layout(folder).make()


class FindingTheProject(unittest.TestCase):
    def test_an_installed_folder_counts_more_than_git_and_git_more_than_here(self) -> None:
        with scratch() as folder:
            below = folder / "work" / "src"
            below.mkdir(parents=True)
            self.assertEqual(find_project(below), below)
            write(folder / "work" / ".git", "gitdir: elsewhere")  # A linked work tree.
            self.assertEqual(find_project(below), folder / "work")
            write(Layout(folder).install_manifest, "{}")
            self.assertEqual(find_project(below), folder)
            write(Layout(below).install_manifest, "{}")
            self.assertEqual(find_project(below), below)


class Source(unittest.TestCase):
    def product(self, folder: Path) -> None:
        for path in (
            "bridge.py",
            "bin/codex-oss",
            "codex_oss/a.py",
            "codex_oss/b/c.py",
            "codex_oss/b.txt",
        ):
            write(folder / path, path)
        for path in (
            "README.md",
            "tests/t.py",
            "codex_oss/a.pyc",
            "codex_oss/__pycache__/a.cpython.tmp",
        ):
            write(folder / path, path)

    def test_the_hash_is_that_of_the_lines_that_sha256sum_prints(self) -> None:
        with scratch() as folder:
            self.product(folder)
            paths = sorted(
                [
                    "bridge.py",
                    "bin/codex-oss",
                    "codex_oss/a.py",
                    "codex_oss/b.txt",
                    "codex_oss/b/c.py",
                ]
            )
            listed = subprocess.run(["sha256sum", *paths], cwd=folder, capture_output=True).stdout
            self.assertEqual(source_hash(folder), sha256(listed).hexdigest())

    def test_changed_files_are_those_added_removed_and_edited(self) -> None:
        with scratch() as folder:
            self.product(folder)
            before = source_tree(folder)
            write(folder / "codex_oss/new.py", "")
            write(folder / "bridge.py", "edited")
            (folder / "codex_oss/a.py").unlink()
            write(folder / "README.md", "edited")
            changed = ("bridge.py", "codex_oss/a.py", "codex_oss/new.py")
            self.assertEqual(before.changed_files(source_tree(folder)), changed)
            self.assertEqual(before.changed_files(SourceTree(dict(before.files))), ())

    def test_the_products_own_tree_is_found_from_the_package(self) -> None:
        files = source_tree().files
        self.assertIn("codex_oss/layout.py", files)
        self.assertEqual([path for path in files if not (ROOT / path).is_file()], [])


if __name__ == "__main__":
    unittest.main()
