"""The command that takes in what a desktop is said to have shown of a mission."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from codex_oss.cli.arguments import RUN_HELP
from codex_oss.cli.output import Console, Result, fields
from codex_oss.cli.workshops import open_workshop
from codex_oss.errors import BadRequest, NotFound
from codex_oss.missions import gate_of
from codex_oss.record import DesktopMessageObserved, Json
from codex_oss.system import read_bounded

TRANSCRIPT_BYTES_MAX = 4 << 20


def reconcile_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--transcript", type=Path, required=True, metavar="FILE", help="JSON")


def reconcile(arguments: Namespace, console: Console) -> Result:
    data = _read(arguments.transcript)
    transcript = _parsed(data, arguments.transcript)
    events = open_workshop(arguments, console).desk.observer.take_in(
        arguments.run, transcript, data
    )
    messages = [e.fact for e in events if isinstance(e.fact, DesktopMessageObserved)]
    gate = gate_of(events)
    document: Json = {
        "schema_version": "desktop_observation.v1",
        "run_id": events[0].run_id,
        "mission_id": events[0].mission_id,
        "authority": "diagnostic_only",
        "messages": len(messages),
        "matched": sum(bool(message.matched_event_id) for message in messages),
        "target": gate.target,
        "status": gate.status,
        "reasons": list(gate.disallowed_claims),
    }
    said = ((name, document[name]) for name in ("run_id", "authority", "messages", "matched"))
    text = fields(
        (*said, (gate.target, gate.status), ("because", ", ".join(gate.disallowed_claims)))
    )
    return Result(document, text)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path.absolute(), TRANSCRIPT_BYTES_MAX)
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}", hint="name a file") from error


def _parsed(data: bytes, path: Path) -> Json:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{path} is not JSON: {error}", hint="export it again") from error
    if not isinstance(found, dict):
        raise BadRequest(f"{path} is no JSON object", hint="export it again")
    return found
