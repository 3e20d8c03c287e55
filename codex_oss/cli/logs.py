"""Commands that read a run's log: step by step, as a summary, at any event, byte for byte."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from codex_oss.cli.arguments import RUN_HELP, log_head, whole
from codex_oss.cli.output import Console, Result, fields, table
from codex_oss.cli.workshops import open_workshop
from codex_oss.errors import BadRequest, UsageError
from codex_oss.log import LogVerdict
from codex_oss.missions import LoggedRun, RunArchive
from codex_oss.record import REPORT_FILE, SUMMARY_FILE, TRACE_FILE, Json, render
from codex_oss.runtime import explain as explanation
from codex_oss.system import SystemClock

FOLLOW_SECONDS = 0.25
EVENTS_MAX = 100_000  # Of a run (event-log 2).
LIST_HINT = "run: codex-oss mission list"


def show_trace_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--follow", action="store_true", help="go on while the run does")


def show_trace(arguments: Namespace, console: Console) -> Result:
    shown = 0
    for run in _as_it_goes(arguments, console):
        steps = list(_steps(run))
        if run.state == "open" and arguments.follow:
            for step in steps[shown:]:
                console.show_text(_step_text(step))
            shown = len(steps)
    document = {
        "schema_version": "trace.v1",
        "run_id": run.run_id,
        "state": run.state,
        "steps": steps,
    }
    none = f"{run.run_id} is {run.state}, without a step"
    text = "\n".join(map(_step_text, steps[shown:])) if steps else none
    return Result(document, text, 1 if run.fault else 0)


def _as_it_goes(arguments: Namespace, console: Console) -> Iterator[LoggedRun]:
    """Yield a run as it stands; with `--follow` again and again, until nobody works on it."""
    archive, clock = open_workshop(arguments, console).desk.archive, SystemClock()
    run = _shown(archive, arguments.run, console)
    yield run
    while arguments.follow and run.state == "open":
        clock.sleep(FOLLOW_SECONDS)
        run = archive.load(run.run_id)
        yield run


def _shown(archive: RunArchive, name: str, console: Console) -> LoggedRun:
    """Return a run to look at, after a word on what is wrong with its log."""
    run = archive.shown(name)
    if run.fault and not run.events:
        return archive.load(name)  # It says so.
    if run.fault:
        last = run.events[-1].seq
        console.say(f"warning: {run.run_id} is {run.fault}; what follows ends with event {last}")
    return run


def _steps(run: LoggedRun) -> Iterator[Json]:
    for line in render(run.events).get(TRACE_FILE, "").splitlines():
        yield json.loads(line)


def _step_text(step: Json) -> str:
    return (
        f"{step['seq']:>4}  {step['phase']!s:6}  {step['kind']!s:6}  {step['decision']!s:16}"
        f"  {' '.join(_told(step))}"
    ).rstrip()


def _told(step: Json) -> Iterator[str]:
    """Yield what there is to say of a step, for people: a tool with what it was asked."""
    if tool := step.get("tool"):
        yield str(tool)
    arguments = step.get("arguments")
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        if value not in (None, False, ""):
            yield f"{name}={json.dumps(value, ensure_ascii=False)}"
    for name in ("exit_code", "bytes", "tokens", "code", "reason"):
        if step.get(name) not in ("", None):
            yield f"{name}={step[name]}"


def show_summary_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--follow", action="store_true", help="wait for the end of the run")


def show_summary(arguments: Namespace, console: Console) -> Result:
    phase = ""
    for run in _as_it_goes(arguments, console):
        if arguments.follow and run.state == "open" and run.record.loop.phase != phase:
            phase = run.record.loop.phase
            console.tell(f"{len(run.events):4}  {phase}")
    files = render(run.events)
    document = {
        "schema_version": "summary.v1",
        "run_id": run.run_id,
        "mission_id": run.mission_id,
        "state": run.state,
        "report": json.loads(files[REPORT_FILE]) if files else None,
    }
    none = f"{run.run_id} was refused: codex-oss explain {run.run_id}"
    return Result(document, files[SUMMARY_FILE].rstrip() if files else none, 1 if run.fault else 0)


def explain_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument(
        "--at", type=whole(1, EVENTS_MAX), metavar="SEQ", help="as it stood at this event"
    )


def explain(arguments: Namespace, console: Console) -> Result:
    run = _shown(open_workshop(arguments, console).desk.archive, arguments.run, console)
    last = len(run.events)
    if arguments.at and arguments.at > last:
        raise BadRequest(f"the run has no event {arguments.at}", hint=f"name one of 1..{last}")
    document = explanation(run.events, arguments.at)
    return Result(document, _explained(document, last), 1 if run.fault else 0)


def _explained(told: Json, last: int) -> str:
    is_open = told["status"] == "OPEN"
    ended = (
        f"{told.get('verdict')} ({told.get('status_reason')}), confidence {told.get('confidence')}"
    )
    status = f"OPEN; ended here it would be {ended}" if is_open else ended
    head = fields(
        (
            ("mission", told["mission_id"]),
            ("run", told["run_id"]),
            ("event", f"{told['at']} of {last}" if "at" in told else ""),
            ("status", status if "verdict" in told else told["status"]),
            ("phases", " > ".join(map(str, _list(told.get("phase_path"))))),
            ("caveats", "; ".join(map(str, _list(told.get("caveats"))))),
            ("missing", "; ".join(map(str, _list(told.get("missing_evidence"))))),
            ("covered", _coverage(told.get("required_sources"))),
            ("next", _next(told["next"])),
        )
    )
    return "\n\n".join(filter(None, (head, _conditions(told), _admission(told))))


def _coverage(sources: object) -> str:
    match sources:
        case {"covered": covered, "total": total} if total:
            return f"{covered} of {total} required sources"
    return ""


def _conditions(told: Json) -> str:
    rows = [row for row in _list(told.get("conditions")) if isinstance(row, dict)]
    if not rows:
        return ""
    head = ("COMPLETE TAKES", "HOLDS", "DECIDED AT")
    return table(
        head,
        (
            (str(row["name"]), "yes" if row["holds"] else "NO", " ".join(row["events"]))
            for row in rows
        ),
    )


def _admission(told: Json) -> str:
    admission = told.get("admission")
    checks = _list(admission.get("checks")) if isinstance(admission, dict) else []
    rows = [
        (str(check["id"]), str(check["result"]), str(check["reason"]), str(check["hint"]))
        for check in checks
        if isinstance(check, dict)
    ]
    return table(("CHECK", "RESULT", "REASON", "HINT"), rows) if rows else ""


def _next(step: object) -> str:
    """Say what a run does next, from the intent in JSON."""
    match step:
        case None:
            return "nothing, the run is over"
        case {"intent": "Note", "event_type": name}:
            return f"note {name}"
        case {"intent": "CallModel", "announced": {"call": call, "purpose": purpose}}:
            return f"ask the model, call {call}: {purpose}"
        case {"intent": "RunTool", "announced": {"tool_name": tool, "subject": subject}}:
            return f"run {tool} on {subject}"
        case {"intent": "ChangeProfile", "profile": name}:
            return f"ask {name} from here on, if it is admitted"
        case {"intent": "LookAgain", "refs": [*refs]}:
            return f"look again at {len(refs)} cited places"
        case _:
            return json.dumps(step, ensure_ascii=False)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help=f"{RUN_HELP}, or the path of a log")
    parser.add_argument("--all", action="store_true", help="every run of this project")
    parser.add_argument("--head", type=log_head, metavar="sha256:...", help="that a report printed")


def verify(arguments: Namespace, console: Console) -> Result:
    if bool(arguments.run) == arguments.all:
        raise UsageError("name one run, or --all", hint=LIST_HINT)
    if arguments.head and arguments.all:
        raise UsageError("--head is of one run", hint=LIST_HINT)
    archive = open_workshop(arguments, console).desk.archive
    names = [run_id for run_id, _ in archive.runs()] if arguments.all else [arguments.run]
    verdicts = [_judged(archive, name, arguments.head or "") for name in names]
    good = all(verdict.is_good for verdict in verdicts)
    everything = [verdict.to_json() for verdict in verdicts]
    document: Json = {"schema_version": "log_verify_all.v1", "runs": everything}
    if not arguments.all:
        (document,) = everything
    text = "\n".join(verdict.to_text() for verdict in verdicts)
    return Result(document, text or "no missions here yet", 0 if good else 1)


def _judged(archive: RunArchive, name: str, witness: str) -> LogVerdict:
    """Judge a run by its name, or a log by its path: no id has a slash or a dot."""
    if "/" in name or "." in name:
        return archive.verify_path(Path(name).absolute(), witness)
    return archive.verify(name, witness)


def rebuild_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--check", action="store_true", help="write nothing, compare byte for byte")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="there, not where they belong")


def rebuild(arguments: Namespace, console: Console) -> Result:
    archive = open_workshop(arguments, console).desk.archive
    act = archive.check if arguments.check else archive.rebuild
    states = act(arguments.run, arguments.to and arguments.to.absolute())
    drift = [state for state in states if state.state in ("drifted", "missing")]
    document = {
        "schema_version": "log_rebuild.v1",
        "written": not arguments.check,
        "files": [{"file": state.file, "state": state.state} for state in states],
    }
    said = "byte-equal" if not drift else f"{len(drift)} of {len(states)} differ from the log"
    if not arguments.check:
        said = f"{len(states)} files written; before: {said}"
    if not states:
        said = "a refused mission has no files"
    text = "\n".join([*(f"  {state.state:16} {state.file}" for state in states), said])
    return Result(document, text, 1 if drift and arguments.check else 0)
