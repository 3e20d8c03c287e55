"""What the rehearsal model calls COMPLETE is true: `ast` says the same of Python's own library.

Names are drawn by a printed seed, each is asked for in a mission of its own through the real
runtime and the real tools, and the answer is compared as a set with what syntax trees hold:
definitions (`def`, `class`, assignments of modules and classes), calls by name, defaults, values,
what is raised and imported, keys of mappings.
The sample that is always on takes a part of the library, `--long` takes all of it.
"""

import ast
import builtins
import re
import shutil
import sys
import sysconfig
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from support import LONG, chance, scratch
from support.missions import run_mission

from codex_oss.contract import IGNORED_FOLDERS
from codex_oss.rehearsal import RehearsalModel

NAMES = 60 if LONG else 5
COMPLETE_MIN = 50 if LONG else 3  # Common names end PARTIAL; a small sample must hold no lie.
FILES = 100_000 if LONG else 120

FEW_FILES = 12
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
OTHERS = {"test", "tests", "idle_test", "site-packages", "lib2to3", *IGNORED_FOLDERS.split()}
LIMITS = {"tool_budget": 40, "max_files_to_inspect": 40, "allowed_roots": ["Lib"]}

Answer = set[tuple[str, int] | tuple[str, int, str | None]]
Functions = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """`chain` are the classes and functions round it, `default_of` its parameters' defaults."""

    name: str
    path: str
    line: int
    kind: str
    chain: tuple[str, ...]
    value: str | None = None
    default_of: tuple[tuple[str, int, str | None], ...] = ()


@dataclass(frozen=True)
class Oracle:
    """What the syntax trees of a folder hold."""

    root: Path
    paths: tuple[str, ...]

    def files_with(self, word: str) -> list[str]:
        return [path for path in self.paths if word in _text(self.root / path)]

    def is_rare(self, word: str) -> bool:
        """Whether few files have it: else a mission has no room to look at all of them."""
        return len(self.files_with(word)) <= FEW_FILES

    def definitions(self, name: str) -> list[Definition]:
        found = (d for path in self.files_with(name) for d in definitions_in(self.root, path))
        return [definition for definition in found if definition.name == name]

    def calls(self, name: str) -> Answer:
        return {
            (path, line)
            for path in self.files_with(name)
            for called, line in calls_in(self.root, path)
            if called == name
        }

    def raised(self, name: str) -> Answer:
        found = ((path, each) for path in self.files_with(name) for each in raised_in(self, path))
        return {(path, line) for path, (raised, line) in found if raised == name}

    def keys(self, name: str) -> Answer:
        found = ((path, each) for path in self.files_with(name) for each in keys_in(self, path))
        return {(path, line, _quotable(value)) for path, (key, line, value) in found if key == name}


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


@cache
def _tree(path: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(_text(path))


@cache
def definitions_in(root: Path, path: str) -> tuple[Definition, ...]:
    lines = _text(root / path).encode().split(b"\n")
    return tuple(_definitions(_tree(root / path), path, lines, (), ""))


def _definitions(
    node: ast.AST, path: str, lines: list[bytes], chain: tuple[str, ...], inside: str
) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Functions):
            kind = "method" if inside == "class" else "function"
            defaults = tuple(_defaults(child.args, lines))
            yield Definition(child.name, path, child.lineno, kind, chain, None, defaults)
            yield from _definitions(child, path, lines, (*chain, child.name), "function")
        elif isinstance(child, ast.ClassDef):
            yield Definition(child.name, path, child.lineno, "class", chain)
            yield from _definitions(child, path, lines, (*chain, child.name), "class")
        else:
            if inside != "function":
                yield from _assigned(child, path, lines, chain)
            yield from _definitions(child, path, lines, chain, inside)


def _assigned(
    node: ast.AST, path: str, lines: list[bytes], chain: tuple[str, ...]
) -> Iterator[Definition]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    for target in targets:
        value = None
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
            value = _written(lines, node.value) if node.value else None
        for name in _names(target):
            yield Definition(name.id, path, name.lineno, "constant", chain, value)


def _names(target: ast.expr) -> Iterator[ast.Name]:
    if isinstance(target, ast.Name):
        yield target
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _names(element)
    elif isinstance(target, ast.Starred):
        yield from _names(target.value)


def _defaults(
    arguments: ast.arguments, lines: list[bytes]
) -> Iterator[tuple[str, int, str | None]]:
    placed = arguments.posonlyargs + arguments.args
    missing = [None] * (len(placed) - len(arguments.defaults))
    pairs = [*zip(placed, [*missing, *arguments.defaults], strict=True)]
    for argument, default in [
        *pairs,
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        written = _written(lines, default) if default else None
        yield argument.arg, argument.lineno, written


def _written(lines: list[bytes], node: ast.expr) -> str:
    """Return a node as it is written; `ast.get_source_segment` splits the file anew each time."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    if first == last:
        return lines[first][node.col_offset : node.end_col_offset].decode()
    inner = lines[first + 1 : last]
    ends = lines[first][node.col_offset :], lines[last][: node.end_col_offset]
    return b"\n".join((ends[0], *inner, ends[1])).decode()


@cache
def calls_in(root: Path, path: str) -> tuple[tuple[str, int], ...]:
    found = []
    for node in ast.walk(_tree(root / path)):
        called = [node.func] if isinstance(node, ast.Call) else []
        if isinstance(node, Functions | ast.ClassDef):  # `@name` calls without brackets.
            called = [d for d in node.decorator_list if not isinstance(d, ast.Call)]
        for function in called:
            if isinstance(function, ast.Name):
                found.append((function.id, function.lineno))
            elif isinstance(function, ast.Attribute):
                found.append((function.attr, function.end_lineno or 0))
    return tuple(found)


@cache
def raised_in(oracle: Oracle, path: str) -> tuple[tuple[str, int], ...]:
    raised = (n.exc for n in ast.walk(_tree(oracle.root / path)) if isinstance(n, ast.Raise))
    named = (node.func if isinstance(node, ast.Call) else node for node in raised)
    return tuple(
        (n.id, n.lineno) if isinstance(n, ast.Name) else (n.attr, n.end_lineno or 0)
        for n in named
        if isinstance(n, ast.Name | ast.Attribute)
    )


@cache
def keys_in(oracle: Oracle, path: str) -> tuple[tuple[str, int, str], ...]:
    """Return the keys of mappings that are words or numbers, with what they are mapped to."""
    lines = _text(oracle.root / path).encode().split(b"\n")
    return tuple(
        (str(key.value), key.lineno, _written(lines, value))
        for node in ast.walk(_tree(oracle.root / path))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and re.fullmatch(r"[A-Za-z_]\w+|\d\d+", str(key.value))
        if isinstance(key.value, str) or type(key.value) is int
    )


@dataclass(frozen=True)
class Question:
    text: str
    truth: Answer
    with_value: bool = False


def where_defined(oracle: Oracle, drawn: Definition, dice: Random) -> Question:
    asked = ("Where is `{}` defined?", "where is {} defined", "Find the definition of '{}'.")
    truth = {(d.path, d.line) for d in oracle.definitions(drawn.name)}
    return Question(dice.choice(asked).format(drawn.name), truth)


def where_defined_by_kind(oracle: Oracle, drawn: Definition, dice: Random) -> Question:
    kinds = ("function", "method") if drawn.kind == "function" else (drawn.kind,)
    same = [d for d in oracle.definitions(drawn.name) if d.kind in kinds]
    asked = ("Which file defines the {} `{}`?", "Where in this library is the {} `{}` declared?")
    return Question(
        dice.choice(asked).format(drawn.kind, drawn.name), {(d.path, d.line) for d in same}
    )


def where_its_class_defines(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    if not drawn.chain:
        return None
    owner = drawn.chain[-1]
    same = [d for d in oracle.definitions(drawn.name) if _dotted(d)[-1:] == (owner,)]
    asked = ("Where is `{1}.{0}` defined?", "Where does `{0}` of `{1}` come from?")
    return Question(dice.choice(asked).format(drawn.name, owner), {(d.path, d.line) for d in same})


def _dotted(definition: Definition) -> tuple[str, ...]:
    """Return what stands before the name: folders, the module's own name, classes, functions."""
    parts = definition.path.removesuffix(".py").split("/")
    return (*(part for part in parts if part not in ("__init__", "main")), *definition.chain)


def who_calls(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    if drawn.kind == "constant":
        return None
    asked = (
        "Who calls `{}`?",
        "Where is `{}` called?",
        "List all callers of {}() in this library.",
    )
    return Question(dice.choice(asked).format(drawn.name), oracle.calls(drawn.name))


def where_raised(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    raised = {name for name, _ in raised_in(oracle, drawn.path)}
    names = [name for name in sorted(raised) if not hasattr(builtins, name)]
    names = [name for name in names if oracle.is_rare(name)]
    if not names:
        return None
    name = dice.choice(names)
    asked = ("Where is `{}` raised?", "Which functions raise `{}`?", "Who raises {}()?")
    return Question(dice.choice(asked).format(name), oracle.raised(name))


def what_key_maps_to(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    keys = {name for name, _, _ in keys_in(oracle, drawn.path)}
    names = [name for name in sorted(keys) if oracle.is_rare(name)]
    if not names:
        return None
    name = dice.choice(names)
    asked = ("What does the key `{}` map to?", "What is the key `{}` set to?")
    return Question(dice.choice(asked).format(name), oracle.keys(name), True)


def what_parameter_defaults_to(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    names = [name for name, _, _ in drawn.default_of if name not in ("self", "cls")]
    if not names:
        return None
    name = dice.choice(names)
    functions = oracle.definitions(drawn.name)
    if any(function.kind == "class" for function in functions):
        return None  # Then its constructor is asked for too.
    truth: Answer = {
        (function.path, line, _quotable(default))
        for function in functions
        for parameter, line, default in function.default_of
        if parameter == name
    }
    asked = (
        "What does the `{}` parameter of `{}` default to?",
        "What is the default of the parameter `{}` of `{}`?",
        "what does `{}` default to in `{}`",
    )
    said_to_be_one = asked[:2] if name.isupper() else asked  # Else it looks like a constant.
    return Question(dice.choice(said_to_be_one).format(name, drawn.name), truth, True)


def what_constant_is(oracle: Oracle, drawn: Definition, dice: Random) -> Question | None:
    same = [d for d in oracle.definitions(drawn.name) if d.kind == "constant"]
    if not same or None in {d.value for d in same}:
        return None  # A target of several, or a bare annotation: it has no value of its own.
    asked = ("What is the value of `{}`?", "What does `{}` default to?", "What is {} set to?")
    truth: Answer = {(d.path, d.line, _quotable(d.value)) for d in same}
    return Question(dice.choice(asked).format(drawn.name), truth, True)


def _quotable(value: str | None) -> str | None:
    """Return a value as a finding quotes it; a long one is shown by its lines."""
    if value is None:
        return None
    return _bare(value) if len(value) <= 100 and not set(value) & {"\n", "`"} else "..."


def _bare(value: str) -> str:
    """Return an expression without the parentheses around it: a tree does not know of them."""
    try:
        tree = ast.parse(f"({value})", mode="eval").body
    except SyntaxError:
        return value
    return ast.unparse(tree)


ASK: tuple[Callable[[Oracle, Definition, Random], Question | None], ...] = (
    where_defined,
    where_defined_by_kind,
    where_its_class_defines,
    who_calls,
    where_raised,
    what_key_maps_to,
    what_parameter_defaults_to,
    what_constant_is,
)

DEFINED = re.compile(r" in `(?P<path>[^`]+)` at line (?P<line>\d+)")
USED = re.compile(
    r"(?:^| in )`(?P<path>[^`]+)`(?:, outside any function,)? (?:calls|raises) `[^`]+`"
    r" at lines? (?P<lines>[\d, ]+)"
)
VALUED = re.compile(r"(?:defaults to|is set to) `(?P<value>[^`]*)` in ")


def said(report: dict[str, object], with_value: bool) -> Answer:
    """Return what the findings of a report say, as places."""
    answer: Answer = set()
    findings = report["findings"]
    assert isinstance(findings, list)
    for claim in (finding["claim"] for finding in findings):
        if used := USED.search(claim):
            answer |= {(used["path"], int(line)) for line in used["lines"].split(", ")}
        elif defined := DEFINED.search(claim):
            valued = VALUED.search(claim)
            value = _quotable(valued["value"] if valued else None if "no default" in claim else "`")
            place = defined["path"], int(defined["line"])
            answer.add((*place, value) if with_value else place)
    return answer


class RehearsalTruthTest(unittest.TestCase):
    maxDiff = None

    def test_what_is_called_complete_is_what_the_syntax_trees_hold(self) -> None:
        dice, outcomes, lies = chance(), Counter[str](), []
        with scratch() as project:
            oracle = Oracle(project, copy_library(project, dice))
            for number, question in enumerate(draw(oracle, dice)):
                report = ask(project, number, question.text)
                status = str(report["status"])
                is_true = said(report, question.with_value) == question.truth
                outcomes[f"{status} {'true' if is_true else 'false'}"] += 1
                if status == "COMPLETE" and not is_true:
                    lies.append((question, said(report, question.with_value)))
        print(f"{NAMES} names of {len(oracle.paths)} files: {dict(outcomes)}", file=sys.stderr)
        self.assertEqual(lies, [])
        self.assertGreaterEqual(outcomes["COMPLETE true"], COMPLETE_MIN, outcomes)


def copy_library(project: Path, dice: Random) -> tuple[str, ...]:
    """Copy the library's modules, or a part of them, and return their paths in the project."""
    packages = [each for each in LIBRARY.iterdir() if each.is_dir() and each.name not in OTHERS]
    modules = sorted(
        str(path.relative_to(LIBRARY))
        for path in (*LIBRARY.glob("*.py"), *(p for each in packages for p in each.rglob("*.py")))
        if not OTHERS & set(path.relative_to(LIBRARY).parts)
    )
    chosen = tuple(dice.sample(modules, min(FILES, len(modules))))
    for path in chosen:
        target = project / "Lib" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(LIBRARY / path, target)
    return tuple(f"Lib/{path}" for path in sorted(chosen))


def draw(oracle: Oracle, dice: Random) -> Iterator[Question]:
    """Yield a question for each of `NAMES` names, no name twice."""
    drawn = {d.name: d for path in oracle.paths for d in definitions_in(oracle.root, path)}
    names = dice.sample(sorted(drawn), len(drawn))
    questions = 0
    while questions < NAMES:
        question = dice.choice(ASK)(oracle, drawn[names.pop()], dice)
        if question is not None:
            questions += 1
            yield question


def ask(project: Path, number: int, objective: str) -> dict[str, object]:
    mission = {"mission_id": f"name_{number}", "objective": objective, **LIMITS}
    result, _ = run_mission(project, RehearsalModel(), **mission)
    return result.report


if __name__ == "__main__":
    unittest.main()
