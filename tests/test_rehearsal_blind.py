"""The rehearsal room knows no name of ours: neither of the product's code nor of the tests' files.

Identifiers are gathered from the sources, and none that is distinctive stands in a string of the
room. What it may know is the protocol: the words of which a prompt and its answer are made.
"""

import ast
import re
import unittest
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True)
class Source:
    defined: frozenset[str]
    """Every name that the file defines: functions, classes, variables, arguments."""
    words: frozenset[str]
    """Every word in its string constants that are no docstrings."""


def sources(*places: Path) -> Iterator[tuple[Path, Source]]:
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path, source(path)


@cache
def source(path: Path) -> Source:
    nodes = tuple(ast.walk(ast.parse(path.read_text("utf-8"))))
    texts = {id(node): node.value for node in nodes if isinstance(node, ast.Constant)}
    for node in nodes:
        if isinstance(node, ast.Expr):
            texts.pop(id(node.value), None)
    strings = (text for text in texts.values() if isinstance(text, str))
    words = frozenset(word for text in strings for word in WORD.findall(text))
    return Source(frozenset(_defined(nodes)), words)


def _defined(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def ours() -> set[str]:
    """Return the distinctive names of the product outside the room, of tests and their fixtures."""
    names = set[str]()
    for path, found in sources(PACKAGE, ROOT / "tests"):
        names.add(path.stem)
        names |= set() if path.parent == ROOM else found.defined
        names |= found.words if path.is_relative_to(ROOT / "tests") else set()
    for _, found in sources(*PROTOCOL):
        names -= found.defined | found.words
    for _, found in sources(ROOM):
        names -= found.defined
    return {name for name in names - LANGUAGES if DISTINCTIVE.fullmatch(name)}


class RehearsalBlindTest(unittest.TestCase):
    maxDiff = None

    def test_no_name_of_our_own_tree_stands_in_the_room(self) -> None:
        names = ours()
        self.assertGreater(len(names), 1_000)
        known = [
            f"{path.name}: {word}"
            for path, found in sources(ROOM)
            for word in sorted(found.words & names)
        ]
        self.assertEqual([], known)


if __name__ == "__main__":
    unittest.main()
