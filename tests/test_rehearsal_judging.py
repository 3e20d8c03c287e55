"""Every name in a Python file is judged as `ast` and `tokenize` judge it, without either of them.

Files are drawn from the running Python's library: all of it, tests included, behind `--long`.
"""

import ast
import io
import re
import sysconfig
import tokenize
import unittest
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from unicodedata import normalize

from support import LONG, chance

from codex_oss.rehearsal.judging import sites_in
from codex_oss.rehearsal.languages import Language, language_of
from codex_oss.rehearsal.masking import Source
from codex_oss.rehearsal.sites import CALLS

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = 600 if LONG else 40
NAMES_A_FILE = 40 if LONG else 25
DEFINING = {"function": "def", "method": "def", "class": "class"} | dict.fromkeys(
    ("constant", "attribute"), "="
)
DOTTED = (ast.Name, ast.Attribute, ast.Load)  # What a decorator is but in tests of the grammar.
FORMATTED = re.compile(r"(?i)[rbu]*[ft]")


class RehearsalJudgingTest(unittest.TestCase):
    def test_definitions_and_calls_of_a_library_are_those_of_its_syntax_trees(self) -> None:
        dice = chance("trees")
        for path, text in library(dice):
            trees, source = Trees(text), Source(path, python(), text)
            # Python reads a name in its normal form: MICRO SIGN as the Greek letter.
            is_normal = normalize("NFKC", text) == text
            named = sorted({*trees.definitions, *trees.calls})
            names = [name for name in named if is_normal or name.isascii()]
            for name in dice.sample(names, min(NAMES_A_FILE, len(names))):
                sites = sites_in(source, name)
                defined = {(s.line, DEFINING[s.kind]) for s in sites if s.kind in DEFINING}
                called = {site.line for site in sites if site.kind in CALLS}
                self.assertEqual(trees.definitions[name], defined, f"{path}: {name}")
                self.assertEqual(trees.calls[name], called, f"{path}: {name}")

    def test_a_mask_shows_the_names_that_are_code_where_they_stand(self) -> None:
        for path, text in library(chance("tokens")):
            starts = [0, *(found.end() for found in re.finditer("\n", text))]
            names, formatted = {}, []
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                at = starts[token.start[0] - 1] + token.start[1]
                if token.type == tokenize.NAME:
                    names[at] = token.string
                elif token.type == tokenize.STRING and FORMATTED.match(token.string):
                    formatted.append(range(at, at + len(token.string)))
            masked = {
                found.start(): found[0]
                for found in re.finditer(r"(?<![\w.])[^\W\d]\w*", Source(path, python(), text).mask)
                if not any(found.start() in part for part in formatted)
            }
            shown = {at: name for at, name in names.items() if text[at - 1 : at] != "."}
            self.assertEqual(shown, {at: masked[at] for at in masked if at in shown}, path)
            self.assertEqual([], [masked[at] for at in masked.keys() - names.keys()], path)


def python() -> Language:
    language = language_of("x.py")
    assert language is not None
    return language


def library(dice: Random) -> Iterator[tuple[str, str]]:
    """Yield path and text of files that this Python can parse."""
    folders = [f for f in LIBRARY.iterdir() if f.is_dir() and f.name != "site-packages"]
    paths = sorted((*LIBRARY.glob("*.py"), *(p for f in folders for p in f.rglob("*.py"))))
    for path in dice.sample(paths, min(FILES, len(paths))):
        text = path.read_text("utf-8", "surrogateescape")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ast.parse(text)
                yield str(path), text
            except (SyntaxError, ValueError):
                continue


class Trees:
    """What the syntax tree of a text says of each name: (line, how) it is defined, lines called."""

    def __init__(self, text: str) -> None:
        self.definitions: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
        self.calls: defaultdict[str, set[int]] = defaultdict(set)
        self._visit(ast.parse(text), in_function=False)

    def _visit(self, node: ast.AST, *, in_function: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inner = in_function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = not isinstance(child, ast.ClassDef)
                self.definitions[child.name].add((child.lineno, "def" if inner else "class"))
                for decorator in child.decorator_list:  # `@name` calls without brackets.
                    if all(isinstance(part, DOTTED) for part in ast.walk(decorator)):
                        self._call(decorator)
            elif isinstance(child, ast.Call):
                self._call(child.func)
            elif not in_function:
                self._assign(child)
            self._visit(child, in_function=inner)

    def _call(self, function: ast.expr) -> None:
        if isinstance(function, ast.Name):
            self.calls[function.id].add(function.lineno)
        elif isinstance(function, ast.Attribute):
            self.calls[function.attr].add(function.end_lineno or 0)

    def _assign(self, node: ast.AST) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else []
        waiting = [node.target] if isinstance(node, ast.AnnAssign) else list(targets)
        while waiting:
            match waiting.pop():
                case ast.Name(id=name, lineno=line):
                    self.definitions[name].add((line, "="))
                case ast.Tuple(elts=elements) | ast.List(elts=elements):
                    waiting += elements
                case ast.Starred(value=value):
                    waiting.append(value)


if __name__ == "__main__":
    unittest.main()
