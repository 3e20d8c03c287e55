"""Commands for missions: write a contract, check one, run one, see all, go on with one."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from codex_oss.cli.output import DIM, Console, Result
from codex_oss.cli.workshops import open_workshop
from codex_oss.contract import (
    TIER_NAMES,
    HandoffValidation,
    extract_handoff,
    parse_mission,
    render_handoff,
    validate_handoff,
)
from codex_oss.contract import template as template_of
from codex_oss.deadline import Deadline
from codex_oss.errors import BadMission, BadRequest, NotFound
from codex_oss.missions import MissionResult, Order, Run
from codex_oss.record import Event, Json, Sentence, commentary_for, shown_live
from codex_oss.system import on_interrupt, read_bounded
from codex_oss.wiring import Workshop, default_profile

INPUT_BYTES_MAX = 1_048_576  # A prompt with its handoff.
LISTED = 50
NOT_COMPLETE = 1


def template_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tier", default="A3", choices=TIER_NAMES, help="what it may do (A3)")
    parser.add_argument("--open", action="store_true", help="an open investigation (A3)")
    parser.add_argument("--objective", metavar="TEXT", help="what to find out")
    parser.add_argument("--root", action="append", metavar="DIR", help="folder it may read")
    parser.add_argument("--handoff", action="store_true", help="as a block for a prompt")


def template(arguments: Namespace, _console: Console) -> Result:
    document = template_of(arguments.tier, "open_investigation" if arguments.open else "")
    if arguments.objective:
        document["objective"] = arguments.objective
    if arguments.root:
        document["allowed_roots"] = arguments.root
    parsed = parse_mission(document)
    if parsed.mission is None:
        raise BadMission("this would be no contract", faults=parsed.faults)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return Result(document, render_handoff(document) if arguments.handoff else text)


def validate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="a contract or a text with a handoff; - for stdin")


def validate(arguments: Namespace, _console: Console) -> Result:
    found = validate_handoff(_text(arguments.file))
    lines = [f"{found.handoff_type}: {'valid' if found.valid else 'not valid'}"]
    lines += [f"  {reason}" for reason in found.reasons]
    lines += [
        f"  {fault.path} {fault.code}: {fault.message}" + (f" ({fault.hint})" if fault.hint else "")
        for fault in found.faults
    ]
    lines += [f"  warning {w.path} {w.code}: {w.message}" for w in found.warnings]
    lines += [f"  and {found.faults_omitted} more"] if found.faults_omitted else []
    return Result(found.to_json(), "\n".join(lines), 0 if found.valid else 1)


def run_mission_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="a contract or a text with a handoff; - for stdin")
    parser.add_argument("--profile", metavar="NAME", help="the model that is to work on it")
    parser.epilog = (
        f"{parser.epilog}\n\nexit: 0 COMPLETE, 1 any other status, 130 interrupted;"
        " Ctrl-C ends the run with a report"
    )


def run_mission(arguments: Namespace, console: Console) -> Result:
    workshop = open_workshop(arguments)
    handed = _handed(_text(arguments.file), str(workshop.project))
    mission = handed.mission_for_runtime()
    for warning in handed.warnings:
        console.say(f"warning: {warning}")
    if arguments.profile:
        profile = workshop.registry.resolve(arguments.profile)
    else:
        profile = default_profile(workshop)
        console.say(f"model: {profile.name} (choose another with --profile)", DIM)
    order = Order(mission, profile, profile.name, 0, "cli", handed.warnings)
    deadline = Deadline(workshop.clock)
    return _followed(workshop.desk.begin(order, deadline), deadline, workshop, console)


def resume_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help="a run id, or a mission id for its newest run")


def resume(arguments: Namespace, console: Console) -> Result:
    workshop = open_workshop(arguments)
    deadline = Deadline(workshop.clock)
    run_id = workshop.desk.archive.find(arguments.run)
    return _followed(workshop.desk.resume(run_id, deadline), deadline, workshop, console)


def list_runs_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="only those that have not ended")
    parser.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"({LISTED})")


def list_runs(arguments: Namespace, _console: Console) -> Result:
    workshop = open_workshop(arguments)
    rows: list[Json] = []
    for row in workshop.desk.archive.list():
        if len(rows) == arguments.limit:
            break
        if not arguments.open or row["state"] in ("running", "interrupted"):
            rows.append(row)
    lines = [
        f"{row['run_id']}  {row['mission_id']!s:24.24} {row['state']!s:11}"
        f" {row.get('status', '')!s:9} {row.get('objective', '')!s:.60}"
        for row in rows
    ]
    document: dict[str, object] = {"schema_version": "mission_list.v1", "runs": rows}
    return Result(document, "\n".join(lines) or "no missions here yet")


def _followed(run: Run, deadline: Deadline, workshop: Workshop, console: Console) -> Result:
    """Tell a run as it happens; Ctrl-C ends it with a report."""
    style = workshop.settings
    with on_interrupt(lambda: deadline.cancel("interrupted")), closing(run.events()) as events:
        told = shown_live(
            _sentences(events), style.oss_visible_trace, style.oss_visible_trace_max_events
        )
        for sentence, text in told:
            console.say(f"{sentence.seq:4}  {text}", DIM)
    result = run.result()
    return Result(result.to_json(), result.message, _exit_code(result))


def _sentences(events: Iterator[Event]) -> Iterator[Sentence]:
    return (sentence for event in events if (sentence := commentary_for(event)))


def _exit_code(result: MissionResult) -> int:
    if result.status_reason == "cancelled":
        return 130
    return 0 if result.status == "COMPLETE" else NOT_COMPLETE


def _handed(text: str, root: str) -> HandoffValidation:
    """Return the contract of a file that is one, or of the handoff in it."""
    if text.lstrip().startswith("{"):
        return validate_handoff(text, project_root=root)
    return extract_handoff(text, project_root=root)


def _text(name: str) -> str:
    if name == "-":
        data = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    else:
        try:
            data = read_bounded(Path(name), INPUT_BYTES_MAX)
        except OSError as error:
            raise NotFound(
                f"{name}: {error.strerror}", hint="name a file, or - for stdin"
            ) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not UTF-8 (byte {error.start})") from error
