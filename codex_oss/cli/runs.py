"""Commands for runs that somebody else may work on: where one stands, its end, what is kept."""

from argparse import ArgumentParser, Namespace

from codex_oss.cli.arguments import RUN_HELP, duration, whole
from codex_oss.cli.output import Console, Result, fields, table
from codex_oss.cli.workshops import open_workshop
from codex_oss.record import Json

KEPT, KEPT_MAX = 200, 1_000_000  # Runs that stay whatever their age.


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


def clean_up_arguments(parser: ArgumentParser) -> None:
    days = ("30d", "7d")
    parser.add_argument(
        "--older-than", type=duration, default=days[0], metavar="TIME",
        help=f"remove runs that ended before that ({days[0]})",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=whole(0, KEPT_MAX), default=KEPT, metavar="N",
        help=f"but keep the newest N ({KEPT})",
    )  # fmt: skip
    parser.add_argument(
        "--private-older-than", type=duration, default=days[1], metavar="TIME",
        help=f"remove the reasoning of models from runs that ended before that ({days[1]})",
    )  # fmt: skip
    parser.add_argument(
        "--keep-run", action="append", default=[], metavar="RUN", help="keep all of this one"
    )
    parser.add_argument("--apply", action="store_true", help="do it; else it is only said")


def clean_up(arguments: Namespace, console: Console) -> Result:
    from codex_oss.missions import Keeping

    workshop = open_workshop(arguments, console)
    keeper, root = workshop.desk.housekeeper, workshop.layout.folder
    names = tuple(arguments.keep_run)
    plan = keeper.plan(
        Keeping(arguments.older_than, arguments.keep, arguments.private_older_than, names)
    )
    steps = [step.to_json(root) for step in plan]
    if arguments.apply:
        for step, told in zip(plan, steps, strict=True):
            told["outcome"] = keeper.take(step)
    document: Json = {
        "schema_version": "mission_gc.v1", "applied": arguments.apply, "steps": steps
    }  # fmt: skip
    is_done = all(told.get("outcome", "done") == "done" for told in steps)
    return Result(document, _planned(steps, arguments.apply), 0 if is_done else 1)


def _planned(steps: list[Json], is_applied: bool) -> str:
    if not steps:
        return "there is nothing to remove"
    names = ("kind", "run_id", "mission_id", "bytes", "reason", "outcome")
    shown = names if is_applied else names[:-1]
    rows = ([str(step[name]) for name in shown] for step in steps)
    rest = "" if is_applied else "\nnothing was changed; with --apply this is done"
    return table([name.upper() for name in shown], rows) + rest
