"""Commands for the bridge's life: up, stop, status, and its test of itself."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from codex_oss.cli.arguments import PORT_MAX, whole
from codex_oss.cli.output import Console, Result
from codex_oss.cli.workshops import settings_of
from codex_oss.settings import SETTINGS


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
    from codex_oss.system import JsonLog, on_interrupt
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
        bridge.serve()
    log.write({"level": "info", "event": "stopped"})
    return Result(_up("stopped", identity.url), "stopped")


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
