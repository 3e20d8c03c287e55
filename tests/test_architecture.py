"""The picture of the house, checked: who may import whom, who owns what, and what is pure.

The tables below are the architecture; to change it, change a table and say why in the commit that
does it. `SeededFaults` builds a clean little house, puts one fault of every kind into it, and
expects each to be found. Purity is what a fresh process has loaded after importing a pure module.
"""

import ast
import gc
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from support import ROOT

gc.disable()  # The trees of all modules live on: to look through them again and again costs double.
PACKAGE = ROOT / "codex_oss"

# A room may import itself, EVERYWHERE, and the rooms named here. The floors follow from it.
EVERYWHERE = "errors deadline"
MAY_IMPORT = {
    "errors": "",
    "deadline": "",
    "system": "",
    "redaction": "",
    "chat": "",
    "contract": "",
    "settings": "layout system",
    "layout": "system",
    "responses": "chat",
    "profiles": "chat",
    "rehearsal": "chat contract",
    "record": "chat contract",
    "runtime": "chat contract profiles record",
    "audit": "chat contract record runtime",
    "log": "system record",
    "tools": "system redaction contract",
    "upstream": "system redaction chat profiles",
    "server": "system",
    "missions": "layout system redaction contract chat profiles record log tools runtime audit",
    "gateway": "layout system redaction chat responses contract profiles record log upstream server"
    " missions",
    "project": "settings layout system server",
}
BELOW_COMMAND = " ".join(room for room in MAY_IMPORT if room not in EVERYWHERE.split())
MAY_IMPORT |= {
    "wiring": BELOW_COMMAND,
    "trials": f"{BELOW_COMMAND} wiring",
    "cli": f"{BELOW_COMMAND} wiring trials",
}

# Standard-library modules, by the rooms that may import them. What is not here is free.
OWNERS = {
    "system": "fcntl queue random secrets shutil sqlite3 subprocess tempfile uuid",
    "system project": "signal",  # The names of signals; `system` alone sends them.
    "upstream": "http.client ssl",
    "server": "http.server socketserver",
    "cli": "argparse",
    "system server upstream gateway missions cli": "threading",
    "": "asyncio ctypes multiprocessing pickle urllib.request",
}

# Facts about the world that a test must be able to choose, by the rooms that may ask for them.
DOORS = {
    "system": "datetime.datetime.now datetime.now os.kill os.killpg threading.Thread"
    " threading.Timer time.monotonic time.sleep time.time open os.fork",
    "cli": "Path.cwd Path.home input os.getcwd print sys.exit sys.stdin sys.stdout",
    "cli system": "sys.stderr",
    "system settings cli": "os.environ",
    "": "eval exec os.getenv",
}
FILE_METHODS = "mkdir read_bytes read_text rmdir touch unlink write_bytes write_text"

# Names of files that users rely on are written down once.
PATH_OWNERS = "layout settings contract/paths record/views_record record/views_report"
PATH_WORDS = ".codex-oss report.json visible_commentary.jsonl"

# These compute and never act: the same arguments give the same answer.
PURE = (
    "errors deadline redaction chat contract responses profiles rehearsal record runtime audit"
    " server/head server/gate server/frames upstream/failures gateway/lanes"
)
ACTING = (
    "asyncio ctypes fcntl http logging pathlib queue random select selectors shutil signal socket"
    " sqlite3 ssl subprocess tempfile threading urllib.request uuid codex_oss.system"
)

# The borders, where anything may come flying and must become an answer.
CATCH_ALL = "cli/main server/listener missions/perform system/threads"
EMPTY_NAMES = "base common core helpers manager misc types util utils"
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 400
LONG_ON_PURPOSE = {  # "room/module" or "room/module:function": the reason.
    "record/events": "one union of all facts: a table",
    "record/reducer:_apply": "one branch a fact, and no default branch",
    "record/visible_commentary:_words": "one branch a fact, and no default branch",
    "redaction/cloud_keys": "a row a family: a table",
}


@dataclass(frozen=True)
class House:
    """A package and its tables, so that a test can plant a fault in either."""

    package: Path
    pure: str = PURE


@dataclass(frozen=True)
class Module:
    name: str  # "room/module", or just "settings" for a file beside the rooms.
    tree: ast.Module
    lines: int

    @property
    def room(self) -> str:
        return self.name.split("/")[0]

    def belongs(self, owners: str) -> bool:
        return self.room in owners.split() or self.name in owners.split()

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return all of the tree: every check wants them, and the walk is what costs."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imports(self) -> tuple[tuple[str, int], ...]:
        """Return (name, line) of each import, also inside functions and TYPE_CHECKING."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[tuple[str, int]]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                name = "." * node.level + (node.module or "")
                yield name, node.lineno
                yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)

    def at(self, line: int) -> str:
        return f"{self.name}.py:{line}"


@cache
def modules(package: Path) -> tuple[Module, ...]:
    found = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).with_suffix("").as_posix()
        if name not in ("__init__", "__main__"):
            text = path.read_text("utf-8")
            found.append(Module(name, ast.parse(text), text.count("\n")))
    return tuple(found)


def rooms(package: Path) -> list[Path]:
    return sorted(path for path in package.iterdir() if (path / "__init__.py").exists())


def circle(graph: dict[str, set[str]]) -> Iterator[str]:
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        yield f"a circle: {' -> '.join(error.args[1])}"


# ---- the checks: each yields its faults as sentences ---------------------------------------------


def the_table_is_a_staircase_and_names_every_room(house: House) -> Iterator[str]:
    yield from circle({room: set(others.split()) for room, others in MAY_IMPORT.items()})
    package = house.package
    here = {path.name for path in rooms(package)}
    here |= {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    yield from (f"{room}: not in MAY_IMPORT" for room in sorted(here - MAY_IMPORT.keys()))
    yield from (f"{room}: missing" for room in sorted(MAY_IMPORT.keys() - here))


def imports_go_downstairs_and_through_the_door(house: House) -> Iterator[str]:
    for module in modules(house.package):
        allowed = f"{module.room} {EVERYWHERE} {MAY_IMPORT.get(module.room, '')}".split()
        for target, line in module.imports:
            if target.startswith("."):
                yield f"{module.at(line)}: write the import out: codex_oss.{module.room}..."
            if target == f"codex_oss.{module.room}" and not module.name.endswith("/__init__"):
                yield f"{module.at(line)}: inside a room name the module, not the door"
            if not target.startswith("codex_oss.") or target.startswith("codex_oss.__"):
                continue
            other, *inside = target.split(".")[1:]
            if other not in allowed:
                yield f"{module.at(line)}: {module.room} may not import {other}"
            name = "".join(inside[:1])
            if other == module.room or not (house.package / other / f"{name}.py").exists():
                continue
            if name not in at_the_door(house.package, other):
                yield f"{module.at(line)}: use the door: from codex_oss.{other} import ..."


@cache
def at_the_door(package: Path, room: str) -> set[str]:
    """Return the names in a room's `__all__`."""
    tree = ast.parse((package / room / "__init__.py").read_text("utf-8"))
    names = [n for n in tree.body if isinstance(n, ast.Assign) and "__all__" in ast.unparse(n)]
    return {c.value for n in names for c in ast.walk(n) if isinstance(c, ast.Constant)}


def each_room_is_acyclic_inside(house: House) -> Iterator[str]:
    for room in rooms(house.package):
        prefix, graph = f"codex_oss.{room.name}.", {}
        for module in modules(house.package):
            if module.room == room.name and not module.name.endswith("/__init__"):
                inside = (t for t, _ in module.imports if t.startswith(prefix))
                graph[module.name] = {f"{room.name}/{t.split('.')[2]}" for t in inside}
        yield from circle(graph)


def each_facility_has_its_owner(house: House) -> Iterator[str]:
    for module in modules(house.package):
        for owners, facilities in OWNERS.items():
            if not module.belongs(owners):
                for target, line in module.imports:
                    taken = (n for n in facilities.split() if f"{target}.".startswith(f"{n}."))
                    yield from (f"{module.at(line)}: {n} is {owners or 'nobody'}'s" for n in taken)


def ambient_facts_come_in_through_one_door(house: House) -> Iterator[str]:
    owners_of = {fact: owners for owners, facts in DOORS.items() for fact in facts.split()}
    for module in modules(house.package):
        for node in _asked(module):
            fact = ast.unparse(node)
            if not module.belongs(owners_of.get(fact, module.room)):
                yield f"{module.at(node.lineno)}: {fact} is {owners_of[fact] or 'nobody'}'s"
            is_method = isinstance(node, ast.Attribute) and node.attr in FILE_METHODS.split()
            if is_method and not module.belongs("system"):
                yield f"{module.at(node.lineno)}: {fact} is for system.files"


def _asked(module: Module) -> Iterator[ast.Attribute | ast.Name]:
    """Yield each dotted name, and each plain name that is called."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute):
            yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func


def names_of_files_are_written_down_once(house: House) -> Iterator[str]:
    for module in modules(house.package):
        for node in module.nodes:
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            word = node.value if " " not in node.value else ""
            if set(PATH_WORDS.split()) & set(word.split("/")) and not module.belongs(PATH_OWNERS):
                yield f"{module.at(node.lineno)}: ask layout for {word!r}"


def nothing_but_the_standard_library(house: House) -> Iterator[str]:
    allowed = sys.stdlib_module_names | {"codex_oss", ""}
    for module in modules(house.package):
        for target, line in module.imports:
            if target.split(".")[0] not in allowed:
                yield f"{module.at(line)}: {target} must be installed first"


def pure_modules_load_nothing_that_acts(house: House) -> Iterator[str]:
    for name in house.pure.split():
        where = house.package / name
        if not where.with_suffix(".py").exists() and not (where / "__init__.py").exists():
            yield f"{name}: said to be pure, and does not exist"
            continue
        for acting in loaded_by(house.package, _without_door(house, name)):
            yield f"{name}: a pure module loads {acting}"


def _without_door(house: House, name: str) -> str:
    """Return a program that imports a pure module. The door of an acting room loads what acts,
    so a pure module inside one is imported past it."""
    room, _, module = name.partition("/")
    if not module:
        return f"import codex_oss.{room}"
    return (
        "import sys, types\n"
        f"sys.modules['codex_oss.{room}'] = room = types.ModuleType('codex_oss.{room}')\n"
        f"room.__path__ = [{str(house.package / room)!r}]\n"
        f"import codex_oss.{room}.{module}"
    )


def loaded_by(package: Path, program: str) -> list[str]:
    """Return what acts among the modules that a fresh process has after this program."""
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(package.parent)!r})\n"
        "before = set(sys.modules)\n"
        f"{program}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=False
    )
    if run.returncode:
        return [f"nothing: it does not import: {run.stderr.strip().splitlines()[-1]}"]
    names = run.stdout.split()
    acting = set(ACTING.split())
    return [n for n in names if n in acting or n.startswith("codex_oss.system.")]


def only_borders_catch_everything(house: House) -> Iterator[str]:
    for module in modules(house.package):
        for node in module.nodes:
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = ast.unparse(node.type) if node.type else "everything"
            too_much = caught in ("everything", "Exception", "BaseException")
            if too_much and not module.belongs(CATCH_ALL):
                yield f"{module.at(node.lineno)}: only borders catch {caught}"


def every_room_says_its_job_and_its_public_names(house: House) -> Iterator[str]:
    for room in rooms(house.package):
        tree = ast.parse((room / "__init__.py").read_text("utf-8"))
        job = (ast.get_docstring(tree) or "").split("\n")[0]
        if not (20 <= len(job) <= 100 and job.endswith(".")):
            yield f"{room.name}: open with the room's job: one sentence, 20 to 100 long"
        if "__all__" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            yield f"{room.name}: no __all__"


def names_say_something(house: House) -> Iterator[str]:
    for module in modules(house.package):
        if module.name.split("/")[-1] in EMPTY_NAMES.split():
            yield f"{module.name}: rename"


def long_code_has_a_reason(house: House) -> Iterator[str]:
    for module in modules(house.package):
        if module.lines > MODULE_LINES_MAX and module.name not in LONG_ON_PURPOSE:
            yield f"{module.name}: {module.lines} lines; split it, or say why in LONG_ON_PURPOSE"
        for node in module.nodes:
            if not isinstance(node, ast.FunctionDef):
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX and f"{module.name}:{node.name}" not in LONG_ON_PURPOSE:
                yield f"{module.at(node.lineno)}: {node.name} has {length} lines"


Check = Callable[[House], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    the_table_is_a_staircase_and_names_every_room,
    imports_go_downstairs_and_through_the_door,
    each_room_is_acyclic_inside,
    each_facility_has_its_owner,
    ambient_facts_come_in_through_one_door,
    names_of_files_are_written_down_once,
    nothing_but_the_standard_library,
    pure_modules_load_nothing_that_acts,
    only_borders_catch_everything,
    every_room_says_its_job_and_its_public_names,
    names_say_something,
    long_code_has_a_reason,
)


def faults(house: House, checks: Iterable[Check] = CHECKS) -> list[str]:
    return sorted({fault for check in checks for fault in check(house)})


class Architecture(unittest.TestCase):
    def test_the_house_is_as_drawn(self) -> None:
        for check in CHECKS:
            with self.subTest(check.__name__):
                found = faults(House(PACKAGE), [check])
                self.assertFalse(found, "\n" + "\n".join(found))

    def test_every_door_exports_what_it_names(self) -> None:
        for room in rooms(PACKAGE):
            with self.subTest(room.name):
                door = __import__(f"codex_oss.{room.name}", fromlist=["__all__"])
                missing = [name for name in door.__all__ if not hasattr(door, name)]
                self.assertEqual((missing, len(door.__all__)), ([], len(set(door.__all__))))


JOB = '"""Do one thing for the rooms upstairs."""\n\n__all__ = []\n'
SEEDED = (  # Where, what is written there, what must be said about it.
    ("attic/__init__.py", JOB, "attic: not in MAY_IMPORT"),
    ("chat/sse.py", "from codex_oss.responses import Emitter\n", "chat may not import responses"),
    ("record/codec.py", "def f():\n    from codex_oss.log import x\n", "record may not import log"),
    ("rehearsal/planning.py", "from codex_oss.tools import Guard\n", "rehearsal may not import"),
    ("log/projections.py", "import codex_oss.record.codec\n", "use the door"),
    ("record/coverage.py", "from . import reducer\n", "write the import out"),
    ("record/views_trace.py", "from codex_oss.record import fold\n", "name the module, not the"),
    ("tools/guard.py", "import codex_oss.tools.broker\n", "a circle"),
    ("missions/desk.py", "import subprocess\n", "subprocess is system's"),
    ("gateway/plain.py", "from http import client\n", "http.client is upstream's"),
    ("cli/tools.py", "import asyncio\n", "asyncio is nobody's"),
    ("record/views_report.py", "x = time.time()\n", "time.time is system's"),
    ("gateway/receipts.py", "print(1)\n", "print is cli's"),
    ("missions/desk.py", "x = threading.Thread\n", "threading.Thread is system's"),
    ("missions/desk.py", "path.write_text('x')\n", "path.write_text is for system.files"),
    ("gateway/routes.py", "x = 'missions/report.json'\n", "ask layout for"),
    ("upstream/transport.py", "import requests\n", "requests must be installed first"),
    ("runtime/decide.py", "import subprocess\n", "runtime: a pure module loads subprocess"),
    ("server/gate.py", "from codex_oss.system import x\n", "server/gate: a pure module loads"),
    ("tools/broker.py", "try:\n    x\nexcept Exception:\n    pass\n", "only borders catch Exc"),
    ("tools/__init__.py", '"""Tools."""\n__all__ = []\n', "tools: open with the room's job"),
    ("profiles/__init__.py", '"""Know every model there is."""\n', "profiles: no __all__"),
    ("cli/utils.py", "", "cli/utils: rename"),
    ("cli/main.py", "def run():\n" + "    x\n" * 70, "run has 71 lines"),
    ("contract/tiers.py", "x = 1\n" * 401, "contract/tiers: 401 lines"),
)
CLEAN = {
    "system/__init__.py": JOB + "x = 1\n",
    "record/codec.py": "import json\n",
    "runtime/__init__.py": JOB + "import codex_oss.runtime.decide\n",
    "runtime/decide.py": "import json\n",
    "tools/broker.py": "from codex_oss.tools.guard import Guard\n",
    "tools/guard.py": "import posixpath\n",
} | {f"{name}.py": "import json\n" for name in PURE.split() if "/" in name}


@contextmanager
def house(changes: dict[str, str], pure: str = PURE) -> Iterator[House]:
    """Yield a package with every room of the table, CLEAN in it, and these changes."""
    files = {"errors", "deadline", "layout"}
    doors = (f"{room}.py" if room in files else f"{room}/__init__.py" for room in MAY_IMPORT)
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "codex_oss")
        package.mkdir()
        Path(package, "__init__.py").touch()
        for where, text in (dict.fromkeys(doors, JOB) | CLEAN | changes).items():
            path = package / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        yield House(package, pure)


class SeededFaults(unittest.TestCase):
    def test_a_clean_house_has_no_faults(self) -> None:
        with house({}) as clean:
            self.assertEqual(faults(clean), [])

    def test_every_kind_of_fault_is_found(self) -> None:
        static = [check for check in CHECKS if check is not pure_modules_load_nothing_that_acts]
        for where, text, expected in SEEDED:
            checks = [pure_modules_load_nothing_that_acts] if "a pure" in expected else static
            pure = expected.split(":")[0] if "a pure" in expected else PURE
            with self.subTest(where), house({where: text}, pure) as seeded:
                self.assertIn(expected, "\n".join(faults(seeded, checks)))

    def test_a_pure_name_that_does_not_exist_is_a_fault(self) -> None:
        with house({}, pure="record/no_such_module") as seeded:
            self.assertIn("does not exist", "\n".join(faults(seeded)))


if __name__ == "__main__":
    unittest.main()
