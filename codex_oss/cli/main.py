"""From argv to an exit code: find the command, import its module, run it, show what came of it.

Exit: 0 done or yes, 1 no or an expected error, 2 usage, 3 a bug of ours (a report file is named),
130 interrupted. Only the chosen command's module is imported: `status` has 150 ms in all.
"""

import sys
import traceback
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from codex_oss import __version__
from codex_oss.cli.output import Console, Result
from codex_oss.errors import BridgeError, BrokenPromise, UsageError


@dataclass(frozen=True, slots=True)
class Command:
    """A row: its words, what it does, where it lives (`module:function`, its arguments are added
    by `function_arguments`), and an example."""

    words: str
    sentence: str
    where: str
    example: str


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
    Command("mission list", "list the runs of this project", "missions:list_runs",
            "codex-oss mission list --open"),
    Command(
        "mission resume",
        "go on with an interrupted run",
        "missions:resume",
        "codex-oss mission resume run_20261121t140000z_1a2b3c4d",
    ),
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
)  # fmt: skip


class Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"run: {self.prog} --help")


def run(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    console = Console(is_json="--json" in arguments)
    try:
        result = _run(arguments, console)
        console.show(result)
    except BridgeError as error:
        return _fail(console, error)
    except KeyboardInterrupt:
        console.say("interrupted")
        return 130
    except BrokenPipeError:  # Whoever read us has seen enough, and Python would flush once more.
        sys.stdout = None
        return 1
    except Exception as error:  # The border: a bug of ours, told once, with its report.
        return _fail(console, BrokenPromise(f"a bug of ours: {type(error).__name__}: {error}"))
    return result.exit_code


def _fail(console: Console, error: BridgeError) -> int:
    hint = error.hint
    if error.exit_code == 3:
        hint = f"please report it with {_report()}"
    console.show_error(error, hint)
    return error.exit_code


def _report() -> str:
    """Write the traceback to a file and return its name."""
    from codex_oss.system import scratch_file

    return str(scratch_file("codex-oss-report-", traceback.format_exc().encode()))


def _run(argv: list[str], console: Console) -> Result:
    if argv[:1] == ["--version"]:
        return Result({"schema_version": "version.v1", "version": __version__}, __version__)
    if not argv or argv[0] in ("-h", "--help", "help"):
        return Result({"schema_version": "help.v1", "commands": _rows()}, _overview())
    command = _chosen(argv)
    module_name, function = command.where.split(":")
    module = import_module(f"codex_oss.cli.{module_name}")
    parser = Parser(
        prog=f"codex-oss {command.words}",
        description=command.sentence[0].upper() + command.sentence[1:] + ".",
        epilog=f"example:\n  {command.example}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    getattr(module, f"{function}_arguments")(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--project", type=Path, metavar="DIR", help="project root")
    try:
        arguments: Namespace = parser.parse_args(argv[len(command.words.split()) :])
    except SystemExit:  # `--help` has printed.
        return Result({"schema_version": "help.v1"}, "")
    result: Result = getattr(module, function)(arguments, console)
    return result


def _chosen(argv: list[str]) -> Command:
    for command in COMMANDS:
        if argv[: len(command.words.split())] == command.words.split():
            return command
    said = " ".join(argv[:2])
    known = [c.words for c in COMMANDS if c.words.split()[0] == argv[0]]
    hint = f"there are: {', '.join(known)}" if known else "run: codex-oss --help"
    raise UsageError(f"there is no command {said!r}", hint=hint)


def _rows() -> list[dict[str, str]]:
    return [{"command": c.words, "does": c.sentence, "example": c.example} for c in COMMANDS]


def _overview() -> str:
    rows = "\n".join(f"  {c.words:18} {c.sentence}" for c in COMMANDS)
    return (
        "codex-oss: delegate work from Codex to open-source models without trusting them\n\n"
        f"commands:\n{rows}\n\nEvery command takes --help and --json."
    )
