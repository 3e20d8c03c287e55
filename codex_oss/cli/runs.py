"""Commands for runs that somebody else may work on: where one stands, its end, what is kept."""

from argparse import ArgumentParser, Namespace

from codex_oss.cli.arguments import RUN_HELP
from codex_oss.cli.output import Console, Result, fields
from codex_oss.cli.workshops import open_workshop
from codex_oss.record import Json


def status_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)


def status(arguments: Namespace, console: Console) -> Result:
    found = open_workshop(arguments, console).desk.archive.status(arguments.run)
    return Result(found, _shown(found), 1 if found["state"] == "damaged" else 0)


def _shown(found: Json) -> str:
    last, left = found["last_event"], found["budget_left"]
    assert isinstance(left, dict)
    return fields(
        (
            ("mission", found["mission_id"]),
            ("run", found["run_id"]),
            ("state", found["state"]),
            ("phase", found["phase"]),
            ("status", f"{found['status']} {found['status_reason']}".strip()),
            ("left", ", ".join(f"{name} {amount}" for name, amount in left.items())),
            ("last", "{seq} {event_type}, {age_seconds} s ago".format_map(last))
            if isinstance(last, dict)
            else ("last", ""),
            ("owner", found["owner"]),
            ("patch", "" if found["promotion_state"] == "none" else found["promotion_state"]),
            ("damaged", _hint(found) if found["state"] == "damaged" else ""),
        )
    )


def _hint(found: Json) -> str:
    return f"all of this is what stands before it: codex-oss log verify {found['run_id']}"


def cancel_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the log")


def cancel(arguments: Namespace, console: Console) -> Result:
    desk = open_workshop(arguments, console).desk
    run_id = desk.archive.find(arguments.run)
    before = desk.archive.load(run_id).record
    record = desk.cancel(run_id, arguments.reason)
    ended = record.loop.finalized
    assert ended, "cancel() returns a run that has ended"
    outcome = "already_final" if before.loop.finalized else "cancelled"
    document = {
        "schema_version": "mission_cancel.v1",
        "run_id": run_id,
        "mission_id": record.admitted.mission_id,
        "outcome": outcome,
        "status": ended.status,
        "status_reason": ended.status_reason,
    }
    text = f"{run_id} ended {ended.status} ({ended.status_reason}): codex-oss show-summary {run_id}"
    return Result(document, text)
