"""The rehearsal room knows no name of ours: neither of the product's code nor of the tests' files.

Identifiers are gathered from the sources, and none that is distinctive stands in a string of the
room. What it may know is the protocol: the words of which a prompt and its answer are made.
"""

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

from support import ROOT

PACKAGE = ROOT / "codex_oss"
ROOM = PACKAGE / "rehearsal"
PROTOCOL = (
    *(PACKAGE / "chat", PACKAGE / "contract"),
    *(PACKAGE / "runtime" / name for name in ("prompt.py", "transcript.py", "standing.py")),
    PACKAGE / "tools" / "broker.py",
)
"""What makes the prompts that the room reads, denials included: it must know their words."""

LANGUAGES = frozenset({"JavaScript", "macro_rules"})  # No words of ours, though fixtures have them.

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DISTINCTIVE = re.compile(r"(?=.{6})(?:[A-Za-z0-9]+_\w*[A-Za-z0-9]|[A-Z]?[a-z0-9]+[A-Z]\w*)")
"""Two words in one: `parse_it`, `parseIt`. A single word of ours is a word of the language too."""


def trees(*places: Path) -> Iterator[tuple[Path, ast.Module]]:
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path, ast.parse(path.read_text("utf-8"))


def defined(tree: ast.Module) -> set[str]:
    """Return every name that a file defines: functions, classes, variables, arguments."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def strings(tree: ast.Module) -> Iterator[str]:
    """Yield the string constants of a file that are no docstrings."""
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documents:
                yield node.value


def words(tree: ast.Module) -> set[str]:
    return {word for text in strings(tree) for word in WORD.findall(text)}


def ours() -> set[str]:
    """Return the distinctive names of the product outside the room, of tests and their fixtures."""
    names = {path.stem for path, _ in trees(PACKAGE, ROOT / "tests")}
    for path, tree in trees(PACKAGE, ROOT / "tests"):
        names |= set() if path.parent == ROOM else defined(tree)
        names |= words(tree) if path.is_relative_to(ROOT / "tests") else set()
    for _, tree in trees(*PROTOCOL):
        names -= defined(tree) | words(tree)
    for _, tree in trees(ROOM):
        names -= defined(tree)
    return {name for name in names - LANGUAGES if DISTINCTIVE.fullmatch(name)}


class RehearsalBlindTest(unittest.TestCase):
    maxDiff = None

    def test_no_name_of_our_own_tree_stands_in_the_room(self) -> None:
        names = ours()
        self.assertGreater(len(names), 1_000)
        known = [
            f"{path.name}: {word}"
            for path, tree in trees(ROOM)
            for text in strings(tree)
            for word in WORD.findall(text)
            if word in names
        ]
        self.assertEqual([], known)


if __name__ == "__main__":
    unittest.main()
