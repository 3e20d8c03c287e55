"""Commands for the bridge's life: up, stop, status, and its test of itself."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codex_oss.cli.arguments import PORT_MAX, whole
from codex_oss.cli.output import Console, Result
from codex_oss.cli.workshops import settings_of
from codex_oss.errors import BridgeError
from codex_oss.settings import SETTINGS

if TYPE_CHECKING:
    from codex_oss.system import JsonLog
    from codex_oss.wiring import Workshop

RUNS_TOLD_MAX = 10


def up_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=whole(0, PORT_MAX), metavar="N", help="port; 0 takes any free one (4000)"
    )
    parser.add_argument("--daemon", action="store_true", help="in the background")
    parser.epilog = f"{parser.epilog}\n\nvariables, with their defaults:\n{_variables()}"


def _variables() -> str:
    """Return the table of settings; what has none says that it has no effect."""
    told = (
        f"{row.name} has no effect in this version" if row.waits_for else row.sentence
        for row in SETTINGS
    )
    return "\n".join(
        f"  {row.name} {row.default or '-'}\n      {said}"
        for row, said in zip(SETTINGS, told, strict=True)
    )


def up(arguments: Namespace, console: Console) -> Result:
    from codex_oss.project import Daemon

    settings = settings_of(arguments)
    if arguments.daemon:
        started = Daemon(settings).up()
        return Result(started.to_json(), started.to_text())
    return _serve(arguments, console)


def _serve(arguments: Namespace, console: Console) -> Result:
    """Be the bridge, in this process, until a signal or a request ends it."""
    from codex_oss.project import BridgeIdentity, Daemon, announced
    from codex_oss.settings import with_local_key
    from codex_oss.system import JsonLog, on_interrupt, start
    from codex_oss.wiring import Launch, wire_bridge, wire_workshop

    settings = with_local_key(settings_of(arguments))
    if running := Daemon(settings).running():
        said = f"already running: {running.url}, pid {running.process.pid}"
        return Result(_up("already_running", running.url), said)
    workshop = wire_workshop(settings)
    log = JsonLog(
        settings.proxy_log_path,
        workshop.clock,
        settings.proxy_log_max_bytes,
        settings.proxy_log_level,
    )
    bridge = wire_bridge(workshop, log.write, Launch(tuple(sys.argv), str(Path.cwd())))
    identity = BridgeIdentity.mine(
        workshop.layout, settings.proxy_host, bridge.port, workshop.source, workshop.clock
    )
    for warning in settings.warnings:
        console.say(f"warning: {warning}")
        log.write({"level": "warning", "event": "setting", **warning.to_json()})
    drains = iter((settings.bridge_shutdown_drain_seconds, 0))  # A second word ends the wait.
    stop = on_interrupt(lambda: bridge.listener.drain(next(drains)), signals=2)
    with stop, announced(workshop.layout, identity):
        console.say(f"bridge of {workshop.project} on {identity.url} (Ctrl-C stops it)")
        log.write({"level": "info", "event": "started", "port": bridge.port})
        if any(workshop.layout.heads.glob("*.json")):  # Else the rooms of missions can wait.
            start(lambda: _tell_of_interrupted_runs(workshop, console, log))
        bridge.serve()
    log.write({"level": "info", "event": "stopped"})
    return Result(_up("stopped", identity.url), "stopped")


def _tell_of_interrupted_runs(workshop: "Workshop", console: Console, log: "JsonLog") -> None:
    """Say which runs nobody works on. None is resumed by itself: that costs money (event-log 6)."""
    with suppress(OSError, BridgeError):
        rows = workshop.desk.archive.list()
        runs = [row["run_id"] for row in rows if row["state"] == "interrupted"]
        if runs:
            console.say(f"interrupted runs: {len(runs)} (codex-oss mission list --open)")
            told = {"count": len(runs), "runs": runs[:RUNS_TOLD_MAX]}
            log.write({"level": "info", "event": "interrupted_runs", **told})


def _up(outcome: str, url: str) -> dict[str, object]:
    return {"schema_version": "up.v1", "outcome": outcome, "url": url}


def stop_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--now", action="store_true", help="do not wait for running turns")


def stop(arguments: Namespace, _console: Console) -> Result:
    from codex_oss.project import Daemon

    settings = settings_of(arguments)
    seconds = 0 if arguments.now else settings.bridge_shutdown_drain_seconds
    stopped = Daemon(settings).stop(seconds)
    return Result(stopped.to_json(), stopped.to_text())


def status_arguments(parser: ArgumentParser) -> None:
    del parser  # It has no arguments of its own.


def status(arguments: Namespace, _console: Console) -> Result:
    from codex_oss.project import Daemon

    found = Daemon(settings_of(arguments)).status()
    return Result(found.to_json(), found.to_text(), 0 if found.state == "running" else 1)
