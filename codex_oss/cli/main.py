"""From argv to an exit code: find the command, import its module, run it, show what came of it.

Only the chosen command's module is imported: `status` has 150 ms in all.
"""

import sys
import traceback
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from codex_oss import __version__
from codex_oss.cli.output import Console, Result
from codex_oss.errors import BridgeError, BrokenPromise, Cancelled, StorageUnsafe, UsageError

HELP = ("-h", "--help", "help")
BUG = 3
EXITS = (
    "exit: 0 done or yes, 1 no or an expected error, 2 usage, 3 a bug of ours (a report file is\n"
    "named), 130 interrupted"
)

Act = Callable[[Namespace, Console], Result]


@dataclass(frozen=True, slots=True)
class Command:
    """A row: its words, what it does, where it lives (`module:function`, its arguments are added
    by `function_arguments`), and an example."""

    words: str
    sentence: str
    where: str
    example: str

    @property
    def group(self) -> str:
        """Return the first of two words, "" for a command of one."""
        first, _, second = self.words.partition(" ")
        return first if second else ""

    def to_json(self) -> dict[str, object]:
        return {"command": self.words, "does": self.sentence, "example": self.example}


COMMANDS = (
    Command(
        "demo",
        "watch an evidence-backed mission happen, without key or network",
        "demo:demo",
        "codex-oss demo --project ~/src/flask --objective 'Where is `Flask` defined?'",
    ),
    Command("self-test", "run one turn and one mission for real", "demo:check_self",
            "python3 bridge.py --self-test"),
    Command("up", "start the bridge", "lifecycle:up", "codex-oss up --daemon --port 4000"),
    Command("stop", "stop the bridge of this project", "lifecycle:stop", "codex-oss stop"),
    Command("status", "say whether the bridge runs", "lifecycle:status", "codex-oss status --json"),
    Command(
        "mission template",
        "print a contract to start from",
        "missions:template",
        "codex-oss mission template --tier A3 --root src > mission.json",
    ),
    Command(
        "mission run",
        "run a contract and show its report",
        "missions:run_mission",
        "codex-oss mission run mission.json --profile rehearsal",
    ),
    Command("mission status", "say where a run stands", "runs:status",
            "codex-oss mission status MISSION --json"),
    Command(
        "mission cancel",
        "end a run with a report, whoever works on it",
        "runs:cancel",
        "codex-oss mission cancel MISSION --reason 'not needed any more'",
    ),
    Command(
        "mission gc",
        "say what of old runs would be removed, or remove it",
        "runs:clean_up",
        "codex-oss mission gc --older-than 30d --keep 200 --apply",
    ),
    Command("mission list", "list the runs of this project", "missions:list_runs",
            "codex-oss mission list --open"),
    Command(
        "mission resume",
        "go on with an interrupted run",
        "missions:resume",
        "codex-oss mission resume run_20261121t140000z_1a2b3c4d",
    ),
    Command("profiles", "list the models, and what each may be asked for", "models:profiles",
            "codex-oss profiles --json"),
    Command(
        "validate-handoff",
        "check a contract or a prompt with a handoff, all faults at once",
        "missions:validate",
        "codex-oss validate-handoff prompt.md",
    ),
    Command("show-trace", "show a run step by step", "logs:show_trace",
            "codex-oss show-trace MISSION --follow"),
    Command("show-summary", "show a run's summary", "logs:show_summary",
            "codex-oss show-summary MISSION"),
    Command(
        "audit-mission",
        "judge a run again: every check recomputes",
        "audits:audit",
        "codex-oss audit-mission MISSION --json",
    ),
    Command(
        "explain",
        "say why a run ended as it did, or what it would do next at an event",
        "logs:explain",
        "codex-oss explain MISSION --at 12",
    ),
    Command(
        "log verify",
        "check every byte of a run's log",
        "logs:verify",
        "codex-oss log verify MISSION --head sha256:...",
    ),
    Command(
        "log rebuild",
        "write a mission's files again from its log, or check them",
        "logs:rebuild",
        "codex-oss log rebuild MISSION --check",
    ),
    Command(
        "desktop-observation reconcile",
        "hold a transcript against a mission's log: an import proves nothing",
        "observations:reconcile",
        "codex-oss desktop-observation reconcile MISSION --transcript thread.json",
    ),
)  # fmt: skip


class Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"run: {self.prog} --help")


def run(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return _answered(arguments, Console(is_json="--json" in arguments))
    except BrokenPipeError:  # Whoever read us has seen enough.
        return 1


def _answered(argv: list[str], console: Console) -> int:
    words = [word for word in argv if word != "--json"]
    try:
        result = _result(words, console)
        console.show(result)
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, Exception) as error:  # The border: whatever it is, it is told once.
        told = _expected(error)
        console.show_error(told, _hint(told, words))
        return told.exit_code
    return result.exit_code


def _expected(error: BaseException) -> BridgeError:
    """Return what a command threw as an error of ours."""
    match error:
        case BridgeError():
            return error
        case KeyboardInterrupt():
            return Cancelled("interrupted")
        case OSError(filename=str(name), strerror=str(why)):  # The disk's word is no bug.
            return StorageUnsafe(f"{name}: {why}", hint="look at its permissions and free space")
        case _:
            return BrokenPromise(f"a bug of ours: {type(error).__name__}: {error}")


def _hint(error: BridgeError, words: list[str]) -> str:
    """Return what helps, most specific first. No error is without it."""
    if error.exit_code == BUG:
        return f"please report it with {_report()}"
    of_fault = error.faults[0].hint if len(error.faults) == 1 else ""
    command = next((f" {c.words}" for c in COMMANDS if _is_asked(c, words)), "")
    return of_fault or error.hint or f"run: codex-oss{command} --help"


def _report() -> str:
    """Write the traceback to a file and return its name."""
    from codex_oss.redaction import Redactor
    from codex_oss.system import scratch_file

    text = Redactor().redact(traceback.format_exc()).text
    return str(scratch_file("codex-oss-report-", text.encode(errors="backslashreplace")))


def _result(words: list[str], console: Console) -> Result:
    if words[:1] == ["--version"]:
        return Result({"schema_version": "version.v1", "version": __version__}, __version__)
    if not words or words[0] in HELP:
        return _overview(COMMANDS)
    group = [command for command in COMMANDS if command.group == words[0]]
    if group and words[1:2] and words[1] in HELP:
        return _overview(group)
    command = _chosen(words)
    parser, act = _opened(command)
    rest = words[len(command.words.split()) :]
    if {"-h", "--help"} & set(rest):
        text = parser.format_help().rstrip()
        return Result({"schema_version": "help.v1", **command.to_json(), "help": text}, text)
    return act(parser.parse_args(rest), console)


def _opened(command: Command) -> tuple[Parser, Act]:
    """Import what a command needs, and return its parser and what it does."""
    module_name, function = command.where.split(":")
    module = import_module(f"codex_oss.cli.{module_name}")
    parser = Parser(
        prog=f"codex-oss {command.words}",
        description=f"{command.sentence[0].upper()}{command.sentence[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    getattr(module, f"{function}_arguments")(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--project", type=Path, metavar="DIR", help="project root (where you are)")
    act: Act = getattr(module, function)
    return parser, act


def _chosen(words: list[str]) -> Command:
    for command in COMMANDS:
        if _is_asked(command, words):
            return command
    said = " ".join(word for word in words[:2] if not word.startswith("-"))
    raise UsageError(f"there is no command {said or words[0]!r}", hint=_nearest(words[0], said))


def _is_asked(command: Command, words: list[str]) -> bool:
    return words[: len(command.words.split())] == command.words.split()


def _nearest(first: str, said: str) -> str:
    from difflib import get_close_matches  # Only a wrong name pays for loading it.

    names = [command.words for command in COMMANDS]
    if group := [command.words for command in COMMANDS if command.group == first]:
        return f"there are: {', '.join(group)}"
    near = get_close_matches(said, names) or get_close_matches(first, names)
    return f"nearest: {', '.join(near)}" if near else "run: codex-oss --help"


def _overview(commands: Iterable[Command]) -> Result:
    rows = "\n".join(f"  {c.words:18} {c.sentence}" for c in commands)
    text = (
        "codex-oss: delegate work from Codex to open-source models without trusting them\n\n"
        f"commands:\n{rows}\n\n"
        "Every command takes --help, --json and --project DIR. To begin: codex-oss demo\n"
        f"{EXITS}"
    )
    document = {"schema_version": "help.v1", "commands": [c.to_json() for c in commands]}
    return Result(document, text)
