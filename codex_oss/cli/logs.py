"""Commands that read a run's log: step by step, as a summary, at any event, byte for byte."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from codex_oss.cli.output import Console, Result
from codex_oss.cli.workshops import open_workshop
from codex_oss.errors import BadRequest
from codex_oss.missions import LoggedRun
from codex_oss.record import REPORT_FILE, SUMMARY_FILE, TRACE_FILE, render
from codex_oss.runtime import explain as explanation
from codex_oss.system import SystemClock

FOLLOW_SECONDS = 0.25
RUN_HELP = "a run id, or a mission id for its newest run"


def show_trace_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--follow", action="store_true", help="go on while the run does")


def show_trace(arguments: Namespace, console: Console) -> Result:
    archive, clock = open_workshop(arguments).desk.archive, SystemClock()
    run = archive.load(arguments.run)
    shown = 0
    while arguments.follow and run.state == "running":
        for step in list(_steps(run))[shown:]:
            console.say(_step_text(step))
            shown += 1
        clock.sleep(FOLLOW_SECONDS)
        run = archive.load(run.run_id)
    steps = list(_steps(run))
    document: dict[str, object] = {
        "schema_version": "trace.v1",
        "run_id": run.run_id,
        "steps": steps,
    }
    return Result(document, "\n".join(_step_text(step) for step in steps))


def _steps(run: LoggedRun) -> Iterator[dict[str, object]]:
    for line in render(run.events).get(TRACE_FILE, "").splitlines():
        yield json.loads(line)


def _step_text(step: dict[str, object]) -> str:
    said = {
        k: v for k, v in step.items() if k in ("tool", "arguments", "exit_code", "code", "reason")
    }
    rest = " ".join(f"{k}={v}" for k, v in said.items() if v not in ("", None))
    return f"{step['seq']:>4} {step['phase']!s:8} {step['kind']!s:7} {step['decision']!s:16} {rest}"


def show_summary_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)


def show_summary(arguments: Namespace, _console: Console) -> Result:
    run = open_workshop(arguments).desk.archive.load(arguments.run)
    files = render(run.events)
    report = json.loads(files[REPORT_FILE]) if files else None
    document: dict[str, object] = {
        "schema_version": "summary.v1",
        "run_id": run.run_id,
        "mission_id": run.mission_id,
        "state": run.state,
        "report": report,
    }
    return Result(document, files.get(SUMMARY_FILE, f"{run.run_id} was refused").rstrip())


def explain_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--at", type=int, metavar="SEQ", help="as it stood at this event")


def explain(arguments: Namespace, _console: Console) -> Result:
    run = open_workshop(arguments).desk.archive.load(arguments.run)
    if arguments.at is not None and not 1 <= arguments.at <= len(run.events):
        raise BadRequest(f"--at {arguments.at}: the run has events 1..{len(run.events)}")
    document = explanation(run.events, arguments.at)
    return Result(document, _explained(document))


def _explained(document: dict[str, object]) -> str:
    rows = [
        f"{name}: {document[name]}"
        for name in (
            "mission_id",
            "run_id",
            "at",
            "status",
            "verdict",
            "status_reason",
            "confidence",
        )
        if name in document
    ]
    rows += [f"phases: {' > '.join(map(str, _list(document.get('phase_path'))))}"]
    for condition in _list(document.get("conditions")):
        assert isinstance(condition, dict)
        events = ", ".join(condition["events"])
        rows.append(f"  {'yes' if condition['holds'] else 'NO ':3} {condition['name']} {events}")
    if "admission" in document:
        rows.append(json.dumps(document["admission"], indent=2))
    rows.append(f"next: {json.dumps(document['next'], ensure_ascii=False)}")
    return "\n".join(rows)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help=RUN_HELP)
    parser.add_argument("--all", action="store_true", help="every run of this project")
    parser.add_argument("--head", default="", metavar="sha256:...", help="that a report printed")


def verify(arguments: Namespace, _console: Console) -> Result:
    archive = open_workshop(arguments).desk.archive
    if bool(arguments.run) == arguments.all:
        raise BadRequest("name one run, or --all", hint="run: codex-oss mission list")
    names = [head.run_id for head in archive.heads()] if arguments.all else [arguments.run]
    verdicts = [archive.verify(name, arguments.head) for name in names]
    good = all(verdict.is_good for verdict in verdicts)
    document: dict[str, object] = {
        "schema_version": "log_verify_all.v1",
        "runs": [verdict.to_json() for verdict in verdicts],
    }
    if not arguments.all:
        document = verdicts[0].to_json()
    text = "\n".join(verdict.to_text() for verdict in verdicts)
    return Result(document, text or "no runs here yet", 0 if good else 1)


def rebuild_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--check", action="store_true", help="write nothing, compare byte for byte")


def rebuild(arguments: Namespace, _console: Console) -> Result:
    archive = open_workshop(arguments).desk.archive
    states = archive.check(arguments.run) if arguments.check else archive.rebuild(arguments.run)
    drift = [state for state in states if state.state in ("drifted", "missing")]
    document: dict[str, object] = {
        "schema_version": "log_rebuild.v1",
        "written": not arguments.check,
        "files": [{"file": state.file, "state": state.state} for state in states],
    }
    said = "byte-equal" if not drift else f"{len(drift)} of {len(states)} differ from the log"
    if not arguments.check:
        said = f"{len(states)} files written; before: {said}"
    text = "\n".join([*(f"  {state.state:16} {state.file}" for state in states), said])
    return Result(document, text, 1 if drift and arguments.check else 0)
