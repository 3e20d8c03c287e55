"""The command that judges a run again: every check by name, and what it found."""

from argparse import ArgumentParser, Namespace

from codex_oss.audit import Outcome, Subject
from codex_oss.audit import audit as judged
from codex_oss.cli.arguments import RUN_HELP
from codex_oss.cli.output import Console, Result, table
from codex_oss.cli.workshops import open_workshop
from codex_oss.record import Json

HEAD = ("STATUS", "CHECK", "WHY")


def audit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--all", action="store_true", help="show also the checks that are skipped")


def audit(arguments: Namespace, console: Console) -> Result:
    run = open_workshop(arguments, console).desk.auditor.subject(arguments.run)
    outcomes = judged(run)
    document = _document(run, outcomes)
    shown = [o for o in outcomes if arguments.all or o.status != "SKIP"]
    rows = table(HEAD, ((o.status, o.name, o.message) for o in shown))
    return Result(document, f"{rows}\n{_sum(outcomes)}", 0 if document["ok"] else 1)


def _document(run: Subject, outcomes: tuple[Outcome, ...]) -> Json:
    return {
        "schema_version": "audit.v1",
        "ok": all(outcome.ok for outcome in outcomes),
        "mission_id": run.events[0].mission_id if run.events else "",
        "run_id": run.run_id,
        "mission_dir": run.folder.path if run.folder else "",
        "checks": [outcome.to_json() for outcome in outcomes],
    }


def _sum(outcomes: tuple[Outcome, ...]) -> str:
    words = ("PASS", "WARN", "FAIL", "SKIP")
    counts = {word: sum(outcome.status == word for outcome in outcomes) for word in words}
    return ", ".join(f"{count} {word}" for word, count in counts.items())
