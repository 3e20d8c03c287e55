"""What is not documented does not pass; what is documented exists, and the transcript is real.

Tables between `<!-- table: NAME -->` and `<!-- end -->` come from code. `UPDATE_GOLDEN=1` writes
them again; what stands around them is written by hand.
"""

import ast
import json
import os
import re
import subprocess
import unittest
from collections.abc import Callable, Iterable, Iterator
from textwrap import dedent

from support import ROOT, needs, scratch
from support.commands import CommandLine
from test_architecture import MAY_IMPORT, PURE
from test_missions_golden import all_events

from codex_oss import __version__
from codex_oss.cli.main import COMMANDS
from codex_oss.contract import NOT_ENFORCED_YET, TIERS
from codex_oss.profiles import parse_profiles
from codex_oss.record import FACTS, VIEWS, UnknownFact, commentary_for, spoken_by
from codex_oss.settings import SETTINGS

PACKAGE = ROOT / "codex_oss"
README, CONTRIBUTING, CHANGELOG = (
    (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
)
PAGES = {"README.md": README, "CONTRIBUTING.md": CONTRIBUTING}
CODE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
OF_OTHERS = {"NO_COLOR", "UPDATE_GOLDEN", "CODEX_HOME"}  # Variables that are no settings of ours.
MACHINE = re.compile(r"/(?:home|Users)/(?!dev\b|me\b|user\b)\w|/work/(?!project\b)\w")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def commands() -> str:
    rows = ((code(c.words), c.sentence, code(c.example)) for c in COMMANDS)
    return table(("command", "what it does", "for example"), rows)


def settings() -> str:
    rows = (
        (
            f"`{s.name}`",
            f"`{s.default}`" if s.default else "",
            s.sentence + " (secret)" * s.is_secret + without_effect(s.waits_for),
        )
        for s in SETTINGS
    )
    return table(("variable", "default", "meaning"), rows)


def without_effect(waits_for: str) -> str:
    if not waits_for:
        return ""
    return " (no effect)" if waits_for == "nothing" else f" (no effect yet: {waits_for})"


def not_enforced() -> str:
    def spelled(values: tuple[object, ...]) -> str:
        return ", ".join(f"`{json.dumps(value)}`" for value in values) or "not given"

    rows = ((f"`{field}`", spelled(values), why) for field, values, why in NOT_ENFORCED_YET)
    return table(("field", "enforced as", "why not otherwise"), rows)


def rooms() -> str:
    """Return every room and every file beside the rooms, with its sentence."""
    rows = []
    for room in MAY_IMPORT:
        door = PACKAGE / room / "__init__.py"
        path = door if door.exists() else PACKAGE / f"{room}.py"
        sentence = str(ast.get_docstring(ast.parse(path.read_text("utf-8")))).split("\n")[0]
        name = f"`{room}`" if path == door else f"`{room}.py`"
        rows.append((name + "°" * (room in PURE.split()), sentence))
    return table(("room", "its job"), rows)


def events() -> str:
    """Return every type of event: who says it, and what it is told as."""
    said: dict[str, set[str]] = {name: set() for name in FACTS}
    told: dict[str, set[str]] = {name: set() for name in FACTS}
    for event in all_events():
        said[event.event_type].add(spoken_by(event.fact)[0])
        if sentence := commentary_for(event):
            mark = "**" * (sentence.voice == "summary")
            told[event.event_type].add(f"{mark}{sentence.event_type}{mark}")
    rows = (
        (
            f"`{name}`",
            ", ".join(sorted(said[name])),
            ", ".join(sorted(told[name])),
        )
        for name, kind in FACTS.items()
        if kind is not UnknownFact
    )
    return table(("event", "by", "told as"), rows)


def tiers() -> str:
    built = (tier for tier in TIERS if not tier.makes_patches)
    rows = (
        (
            f"`{tier.name}`" + (f", `{tier.style}`" if tier.is_open else ""),
            f"`{tier.mode}`",
            f"{tier.plain_name}: {TIERS_TOLD[tier.label]}",
            f"{tier.tool_budget}, at most {tier.tool_budget_max}",
            str(tier.time_budget_seconds),
        )
        for tier in built
    )
    return table(("tier", "mode", "what happens", "tool calls", "seconds"), rows)


TIERS_TOLD = {
    "A0": "nothing is looked at; the reply is a wanted value, or it is not",
    "A1": "the runtime reads `allowed_paths` into the prompt, the model reports",
    "A2": "the model looks with tools, under tighter limits",
    "A3": "tools, claims, and rules for closing",
    "A3-open": "looks beyond what is required, searches for the opposite, lists what it never saw",
}


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("README.md", commands),
    "settings": ("README.md", settings),
    "tiers": ("README.md", tiers),
    "not-enforced": ("README.md", not_enforced),
    "rooms": ("CONTRIBUTING.md", rooms),
    "events": ("CONTRIBUTING.md", events),
}


def between(page: str, name: str) -> str:
    start = f"<!-- table: {name} -->\n"
    assert page.count(start) == 1, f"no place for the table {name}"
    return page.split(start)[1].split("<!-- end -->")[0]


class Tables(unittest.TestCase):
    def test_every_table_is_what_the_code_says(self) -> None:
        for name, (file, rendered) in TABLES.items():
            if os.environ.get("UPDATE_GOLDEN") == "1":
                page = (ROOT / file).read_text("utf-8")
                start = f"<!-- table: {name} -->\n"
                old = start + between(page, name)
                (ROOT / file).write_text(page.replace(old, start + rendered()), "utf-8")
                continue
            with self.subTest(name):
                remedy = "write it again: UPDATE_GOLDEN=1 python3 tests/test_docs.py"
                self.assertEqual(between(PAGES[file], name), rendered(), remedy)

    def test_every_file_of_a_mission_has_its_row_in_the_order_of_writing(self) -> None:
        rows = re.findall(r"^\| `(\w+\.(?:jsonl?|md))` \|", README, re.MULTILINE)
        self.assertEqual(rows, list(VIEWS))

    def test_every_route_is_told_and_every_told_route_is_there(self) -> None:
        rows = re.findall(r"^\| (`(?:GET|POST|DELETE) /.*?) \|", README, re.MULTILINE)
        told = [route for row in rows for route in re.findall(r"`(\w+ /\S*)`", row)]
        self.assertEqual(sorted(told), sorted(routes()))


def routes() -> Iterator[str]:
    """Yield `METHOD /path` of each `Route` that the code makes."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if node.func.id == "Route" and len(values) >= 2:
                    yield f"{values[0]} {values[1]}"


class Names(unittest.TestCase):
    def test_every_command_that_is_named_exists(self) -> None:
        words = {command.words for command in COMMANDS}
        for name, page in PAGES.items():
            for said in re.findall(r"codex-oss ((?!COMMAND)[a-z][a-z-]*(?: [a-z]+)?)", page):
                self.assertTrue({said, said.split()[0]} & words, f"{name}: codex-oss {said}")

    def test_every_variable_that_is_named_is_a_setting(self) -> None:
        known = {row.name for row in SETTINGS} | OF_OTHERS
        for page in (README, (ROOT / "CHANGELOG.md").read_text("utf-8")):
            said = set(re.findall(r"[`$]([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b", page))
            self.assertEqual(said - known - {"NAME_FILE"}, set())

    def test_every_file_that_is_named_exists(self) -> None:
        for name, page in PAGES.items():
            page = CODE.sub("", page)
            linked = re.findall(r"\]\(([^)#:]+)\)", page)
            quoted = re.findall(r"`((?:[a-z_]+/)+[\w.-]*|\w[\w.-]*\.(?:py|md|toml|example))`", page)
            said = {*linked, *quoted} - set(VIEWS)
            self.assertEqual([path for path in said if not self.is_here(path)], [], name)

    def is_here(self, path: str) -> bool:
        """Whether a path exists in the checkout; a bare `x.py` or `room/module` does in a room."""
        places = (ROOT / path, PACKAGE / path, PACKAGE / f"{path}.py")
        return any(place.exists() for place in places) or any(PACKAGE.rglob(path))

    def test_the_version_is_the_newest_heading_of_the_changelog(self) -> None:
        first, newest, *_ = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
        self.assertEqual((first, newest), ("Unreleased", __version__))

    @needs("git")
    def test_no_committed_file_names_a_folder_of_a_machine(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        for name in listed.stdout.decode().split("\0")[:-1]:
            file = ROOT / name
            text = file.read_bytes().decode(errors="replace") if file.is_file() else ""
            found = MACHINE.search(text)
            self.assertIsNone(found, f"{name}: {found}")


class Examples(unittest.TestCase):
    def blocks(self, language: str) -> list[str]:
        return [dedent(text) for kind, text in CODE.findall(README) if kind == language]

    def test_the_transcript_is_what_the_demo_prints(self) -> None:
        transcript, *_ = self.blocks("text")  # Others are other tests'.
        with scratch() as folder:
            line = CommandLine(folder)
            demo = line.run("demo", "--project", str(ROOT / "examples" / "shop"))
        self.assertEqual(demo.code, 0, demo.err)
        printed = iter(masked(demo.err + demo.out).splitlines())
        for said in masked(transcript).splitlines():
            if said.strip() not in ("...", ""):
                self.assertIn(said, printed, "the demo does not print this, or not here")

    def test_the_command_below_it_prints_what_stands_there(self) -> None:
        (console,) = self.blocks("console")
        command, *expected = console.removeprefix("$ ").splitlines()
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.stdout.splitlines(), expected)

    def test_the_contract_is_the_file_and_completes(self) -> None:
        (block,) = self.blocks("json")
        file = ROOT / "examples" / "mission-a3.json"
        self.assertEqual(block, file.read_text("utf-8"))
        shop = {f"examples/shop/{p.name}": p.read_text() for p in ROOT.glob("examples/shop/*.py")}
        with scratch() as folder:
            ran = CommandLine(folder, shop).run("mission", "run", str(file))
        self.assertEqual(ran.code, 0, ran.err)
        self.assertIn("calls `total_price` at line 10", ran.out)

    def test_the_provider_block_is_the_example_of_a_config(self) -> None:
        (block,) = self.blocks("toml")
        example = (ROOT / "config.toml.example").read_text("utf-8")
        self.assertIn("".join(f"# {line}\n" for line in block.splitlines()), example)

    def test_the_profile_of_an_own_server_can_be_read(self) -> None:
        (text,) = re.findall(r"^PROFILES_JSON='(.*)'$", README, re.MULTILINE)
        (profile,) = parse_profiles(text)
        self.assertEqual((profile.name, profile.exposure), ("local", "local"))


def masked(text: str) -> str:
    """Return text without what differs from run to run: ports, hashes of logs, ids, folders."""
    return re.sub(r"sha256:[0-9a-f]{64}|127\.0\.0\.1:\d+|codex-oss-demo-\w+", "·", text)


if __name__ == "__main__":
    unittest.main()
