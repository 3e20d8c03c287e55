"""Start, find and stop the bridge of a project, and never touch a process that is not it.

Settings enter, results leave. A signal goes only to the process that announced itself (its pid,
start time and boot agree), our key only to who has just proved that he has it, and a port that
somebody else holds is left to him, by name.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import BridgeError, Busy, ProcessFailed, Refused
from codex_oss.layout import PRODUCT_ROOT, Layout, source_tree
from codex_oss.project.identity import BridgeIdentity, read_identity, withdraw
from codex_oss.project.status import SENTENCES, BridgeStatus, State, StopResult, UpResult
from codex_oss.server import ask, prove
from codex_oss.settings import Settings, with_local_key
from codex_oss.system import (
    FileLock,
    ProcessId,
    SystemClock,
    kill,
    minimal_env,
    private_folder,
    read_tail,
    spawn_detached,
    terminate,
    who_listens,
)

PROGRAM = (sys.executable, str(PRODUCT_ROOT / "bridge.py"))
START_SECONDS_MAX = 10.0  # Delivery 6.
END_SECONDS_MAX = 5.0  # After the second word, and once more after the kill (delivery 6).
SECOND_WORD_SECONDS = 0.2  # Two signals at once would arrive as one.
POLL_SECONDS = 0.05
LOG_LINES = 20
LOG_BYTES_MAX = 16_384  # As much of them as anybody reads.
ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # Who listens everywhere is asked here.


class Daemon:
    """The bridge of one project, seen from outside."""

    def __init__(
        self,
        settings: Settings,
        *,
        program: Sequence[str] = PROGRAM,
        product_root: Path = PRODUCT_ROOT,
        clock: Clock | None = None,
    ) -> None:
        assert settings.codex_oss_project, "a bridge serves a project"
        self._settings = settings
        self._layout = Layout(settings.codex_oss_project)
        self._program = program
        self._product_root = product_root
        self._clock = clock or SystemClock()

    def status(self) -> BridgeStatus:
        identity = read_identity(self._layout)
        return self._status(identity, self._state_of(identity))

    def up(self) -> UpResult:
        """Return the bridge that runs, started in the background if there was none."""
        self._settings = with_local_key(self._settings)
        private_folder(self._layout.run_folder)
        lock = FileLock(self._layout.start_lock, self._clock)
        if not lock.acquire(2 * START_SECONDS_MAX):
            raise Busy("another start of this bridge is under way", hint="codex-oss status")
        try:
            if identity := self.running():
                return UpResult("already_running", self._status(identity, "running"))
            return UpResult("started", self._status(self._start(), "running"))
        finally:
            lock.release()

    def running(self) -> BridgeIdentity | None:
        """Return our bridge, or None where nothing keeps one from starting, or raise `Refused`."""
        identity = read_identity(self._layout)
        state = self._state_of(identity)
        if identity and state == "running":
            return identity
        if identity and state == "not_answering":
            raise Refused(
                f"the bridge of this project, pid {identity.process.pid}, is {SENTENCES[state]}",
                code="not_answering",
                hint="wait a moment, or run: codex-oss stop --now",
            )
        if identity:
            withdraw(self._layout, identity)
        self._refuse_a_taken_port()
        return None

    def stop(self, drain_seconds: float) -> StopResult:
        """Ask the bridge to end; what still runs after `drain_seconds` is cut off."""
        root = str(self._layout.root)
        identity = read_identity(self._layout)
        if identity is None:
            return StopResult("not_running", root)
        process = identity.process
        if not terminate(process):
            withdraw(self._layout, identity)
            note = f"pid {process.pid} is gone or another's: removed what it said of itself"
            return StopResult("not_running", root, note=note)
        is_over = self._ends(process, max(drain_seconds, SECOND_WORD_SECONDS))
        if not is_over:  # A second word ends the drain; open streams still get their last event.
            terminate(process)
            is_over = self._ends(process, END_SECONDS_MAX)
        if not is_over:
            kill(process)
            self._ends(process, END_SECONDS_MAX)
        withdraw(self._layout, identity)
        return StopResult("stopped" if is_over else "killed", root, pid=process.pid)

    def _state_of(self, identity: BridgeIdentity | None) -> State:
        if identity is None:
            return "not_running"
        if not identity.process.is_alive:
            return "gone"
        try:
            proved = prove(_asked_at(identity.host), identity.port, self._settings.local_key)
        except ConnectionRefusedError:
            proved = False
        return "running" if proved else "not_answering"

    def _status(self, identity: BridgeIdentity | None, state: State) -> BridgeStatus:
        seconds = (self._clock.now() - identity.started_at).total_seconds() if identity else 0
        return BridgeStatus(
            state=state,
            project_root=str(self._layout.root),
            identity=None if state == "gone" else identity,
            disk=source_tree(self._product_root),
            uptime_seconds=int(seconds),
            upstream_key_present=bool(self._settings.upstream_key),
            warnings=tuple(map(str, self._settings.warnings)),
        )

    def _refuse_a_taken_port(self) -> None:
        host, port = _asked_at(self._settings.proxy_host), self._settings.proxy_port
        try:
            has_our_key = port != 0 and prove(host, port, self._settings.local_key)
        except ConnectionRefusedError:
            return
        if has_our_key:
            other = self._project_at(host, port)
            raise Refused(
                f"port {port} is held by the bridge of {other}, not of {self._layout.root}",
                code="port_taken",
                hint=f"take another port, or: codex-oss stop --project {other}",
            )
        if port:
            holder = who_listens(port) or "which the system does not name"
            raise Refused(
                f"port {port} is held by another program: {holder}",
                code="port_taken",
                hint="take another port; 0 takes any free one",
            )

    def _project_at(self, host: str, port: int) -> str:
        """Return the project of a bridge that has our key, as it says itself."""
        try:
            reply = ask(host, port, "GET", "/health", key=self._settings.local_key)
            return str(json.loads(reply.body)["project_root"])
        except (OSError, ValueError, LookupError, TypeError, BridgeError):
            return "another project"

    def _start(self) -> BridgeIdentity:
        private_folder(self._layout.logs)
        log = self._layout.bridge_errors
        root = self._layout.root
        port = str(self._settings.proxy_port)
        # All of the environment: a profile may keep its key in a variable of any name.
        env = {**minimal_env(), **self._settings.environ, "CODEX_OSS_PROJECT": str(root)}
        env = {"PROXY_LOG_PATH": str(self._layout.bridge_log)} | env
        argv = (*self._program, "--port", port)
        child = ProcessId.of(spawn_detached(argv, cwd=root, env=env, stdout_path=log))
        give_up = self._clock.monotonic() + START_SECONDS_MAX
        while child.is_alive and self._clock.monotonic() < give_up:
            identity = read_identity(self._layout)
            if identity and identity.process == child and self._state_of(identity) == "running":
                return identity
            self._clock.sleep(POLL_SECONDS)
        how = f"did not answer within {START_SECONDS_MAX:g} s" if child.is_alive else "ended"
        kill(child)
        self._ends(child, END_SECONDS_MAX)
        raise ProcessFailed(
            f"the bridge {how}; the end of {log}:\n{_last_lines(log)}",
            hint="see it in the foreground: codex-oss up",
        )

    def _ends(self, process: ProcessId, seconds_max: float) -> bool:
        give_up = self._clock.monotonic() + seconds_max
        while process.is_alive and self._clock.monotonic() < give_up:
            self._clock.sleep(POLL_SECONDS)
        return not process.is_alive


def _asked_at(host: str) -> str:
    return ASKED_AT.get(host, host)


def _last_lines(log: Path) -> str:
    text = read_tail(log, LOG_BYTES_MAX).decode(errors="replace")
    return "\n".join(text.splitlines()[-LOG_LINES:])
