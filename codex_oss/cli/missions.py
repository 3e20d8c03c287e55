"""Commands for missions: write a contract, check one, run one, see all, go on with one."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from textwrap import fill

from codex_oss.cli.arguments import RUN_HELP, limit, whole
from codex_oss.cli.following import followed
from codex_oss.cli.output import Console, Result, table
from codex_oss.cli.workshops import open_workshop
from codex_oss.contract import (
    TIER_NAMES,
    MissionV1,
    not_enforced,
    parse_mission,
    render_handoff,
    render_mission,
    validate_handoff,
)
from codex_oss.contract import template as template_of
from codex_oss.deadline import Deadline
from codex_oss.errors import BadMission, BadRequest, NotFound, StorageUnsafe, TooLarge
from codex_oss.missions import Order
from codex_oss.profiles import BUILT_IN, ModelProfile
from codex_oss.record import Json
from codex_oss.system import read_bounded
from codex_oss.wiring import Workshop, default_profile

INPUT_BYTES_MAX = 1_048_576  # A prompt with its handoff.
INPUT_HINT = "name a file, or - for stdin"
LISTED, LISTED_MAX = 50, 100_000
OBJECTIVE_CHARACTERS = 60  # Of a row of the list.
LIST_HEAD = ("RUN", "MISSION", "STATE", "STATUS", "OBJECTIVE")
MORE_EXAMPLES = """  codex-oss mission run prompt.md --profile kimi --json > result.json
  codex-oss mission template --root src --objective 'Who calls `main`?' | codex-oss mission run -"""
UNFINISHED = ("open", "interrupted")


def template_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tier", default="A3", choices=TIER_NAMES, help="what it may do (A3)")
    parser.add_argument("--open", action="store_true", help="an open investigation (A3)")
    parser.add_argument("--objective", metavar="TEXT", help="what to find out")
    parser.add_argument("--root", action="append", metavar="DIR", help="folder it may read")
    parser.add_argument("--handoff", action="store_true", help="as a block for a prompt")


def template(arguments: Namespace, console: Console) -> Result:
    document = template_of(arguments.tier, "open_investigation" if arguments.open else "")
    if arguments.objective:
        document["objective"] = arguments.objective
    if arguments.root:
        document["allowed_roots"] = arguments.root
        if "." in arguments.root:
            document["allow_broad_read_scope"] = True
    parsed = parse_mission(document)
    if parsed.mission is None:
        raise BadMission("this would be no contract", faults=parsed.faults)
    for fault in not_enforced(parsed.mission):
        console.say(f"warning: this version refuses it: {fault}")
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return Result(document, render_handoff(document) if arguments.handoff else text)


def validate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="a contract or a text with a handoff; - for stdin")


def validate(arguments: Namespace, _console: Console) -> Result:
    found = validate_handoff(_text(arguments.file))
    refused = not_enforced(found.mission) if found.mission else ()
    lines = [f"{found.handoff_type}: {'valid' if found.valid else 'not valid'}"]
    lines += [f"  {reason}" for reason in found.reasons]
    lines += [
        f"  {fault.path} {fault.code}: {fault.message}" + (f" ({fault.hint})" if fault.hint else "")
        for fault in found.faults
    ]
    lines += [f"  and {found.faults_omitted} more"] if found.faults_omitted else []
    lines += [f"  warning {w.path} {w.code}: {w.message}" for w in found.warnings]
    lines += [f"  this version refuses it: {fault}" for fault in refused]
    lines += [f"hint: {found.hint}"] if found.hint else []
    document = found.to_json() | {"not_enforced_yet": [fault.to_json() for fault in refused]}
    return Result(document, "\n".join(lines), 0 if found.valid else 1)


def run_mission_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="a contract or a text with a handoff; - for stdin")
    parser.add_argument("--profile", metavar="NAME", help="the model that is to work on it")
    parser.add_argument(
        "--profiles",
        type=lambda text: text.split(","),
        metavar="A,B,...",
        help="2 to 5 models, each for itself; then what they found is compared",
    )
    parser.add_argument(
        "--idempotency-key",
        metavar="TEXT",
        help="with the same key and contract the same run answers, for 15 minutes",
    )
    names = fill(f"profiles: {', '.join(profile.name for profile in BUILT_IN)}", 79)
    parser.epilog = (
        f"{parser.epilog}\n{MORE_EXAMPLES}\n\n{names}\nand those of PROFILES_JSON\n\n"
        "exit: 0 COMPLETE, 1 any other status, 130 interrupted\n"
        "Ctrl-C ends the run with a report; once more, and it stays as it is for `mission resume`"
    )


def run_mission(arguments: Namespace, console: Console) -> Result:
    text = _text(arguments.file)
    workshop = open_workshop(arguments, console)
    handed = validate_handoff(text, project_root=str(workshop.project))
    mission = handed.mission_for_runtime()
    for warning in handed.warnings:
        console.say(f"warning: {warning}")
    if arguments.profiles:
        mission = _corroborated(mission, arguments.profiles)
        profile = workshop.registry.resolve(arguments.profiles[0])
    else:
        profile = _profile(workshop, arguments.profile, console)
    key = f"key:{arguments.idempotency_key}" if arguments.idempotency_key else ""
    order = Order(mission, profile, profile.name, 0, "cli", handed.warnings, key)
    deadline = Deadline(workshop.clock)
    return followed(workshop.desk.begin(order, deadline), deadline, workshop, console)


def _corroborated(mission: MissionV1, profiles: list[str]) -> MissionV1:
    """Return the contract with the profiles of the command line in the place of its own."""
    document = render_mission(mission)
    policy = document["corroboration"]
    least = policy["min_agree"] if isinstance(policy, dict) else 2
    parsed = parse_mission(
        {**document, "corroboration": {"profiles": profiles, "min_agree": least}}
    )
    if parsed.mission is None:
        raise BadMission("these profiles cannot work on one contract", faults=parsed.faults)
    return parsed.mission


def _profile(workshop: Workshop, name: str | None, console: Console) -> ModelProfile:
    if not name:
        profile = default_profile(workshop)
        console.tell(f"model: {profile.name} (choose another with --profile)")
        return profile
    try:
        return workshop.registry.resolve(name)
    except BadRequest as error:
        hint = f"{error.hint}; all of them: codex-oss mission run --help"
        raise BadRequest(error.message, code=error.code, hint=hint) from error


def resume_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument(
        "--raise",
        dest="raises",
        action="append",
        type=limit,
        default=[],
        metavar="LIMIT=N",
        help="a higher limit from here on, as the contract names it",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the log")


def resume(arguments: Namespace, console: Console) -> Result:
    workshop = open_workshop(arguments, console)
    deadline = Deadline(workshop.clock)
    run_id = workshop.desk.archive.find(arguments.run)
    run = workshop.desk.resume(run_id, deadline, dict(arguments.raises), arguments.reason)
    return followed(run, deadline, workshop, console)


def list_runs_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="only those that have not ended")
    parser.add_argument(
        "--limit",
        type=whole(1, LISTED_MAX),
        default=LISTED,
        metavar="N",
        help=f"no more than N, the newest first ({LISTED})",
    )


def list_runs(arguments: Namespace, console: Console) -> Result:
    rows: list[Json] = []
    for row in open_workshop(arguments, console).desk.archive.list():
        if not arguments.open or row["state"] in UNFINISHED:
            rows.append(row)
        if len(rows) == arguments.limit:
            break
    document = {"schema_version": "mission_list.v1", "runs": rows}
    none = "no run is open" if arguments.open else "no missions here yet"
    return Result(document, table(LIST_HEAD, map(_cells, rows)) if rows else none)


def _cells(row: Json) -> tuple[str, ...]:
    objective = str(row.get("objective", ""))
    if len(objective) > OBJECTIVE_CHARACTERS:
        objective = f"{objective[: OBJECTIVE_CHARACTERS - 1]}…"
    names = ("run_id", "mission_id", "state", "status")
    return (*(str(row.get(name, "")) for name in names), " ".join(objective.split()))


def _text(name: str) -> str:
    """Return what a person handed in, by the name of a file or through stdin."""
    try:
        data = _input() if name == "-" else read_bounded(Path(name).resolve(), INPUT_BYTES_MAX)
    except OSError as error:
        raise NotFound(f"{name}: {error.strerror}", hint=INPUT_HINT) from error
    except StorageUnsafe as error:
        raise BadRequest(f"{name} is not a regular file", hint=INPUT_HINT) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise BadRequest(f"{name} is not UTF-8 (byte {error.start})", hint=hint) from error


def _input() -> bytes:
    data = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    if len(data) > INPUT_BYTES_MAX:
        raise TooLarge(f"stdin: more than {INPUT_BYTES_MAX} bytes", hint="hand in less")
    return data
