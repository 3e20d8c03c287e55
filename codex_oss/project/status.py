"""What `up`, `stop` and `status` answer: values that a command shows as text or as JSON."""

from dataclasses import dataclass
from typing import Literal

from codex_oss import __version__
from codex_oss.layout import SourceTree
from codex_oss.project.identity import BridgeIdentity

SHOWN_FILES_MAX = 10  # Of those that changed; JSON has them all.

State = Literal["running", "not_running", "not_answering", "gone"]
"""`not_answering`: its process lives and does not prove itself. `gone`: only its file is left."""

SENTENCES: dict[State, str] = {
    "not_running": "not running",
    "not_answering": "not proving itself: it starts, hangs, or has another local key",
    "gone": "not running: it ended without taking back what it said of itself",
}


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """How the bridge of a project stands. `identity` is None unless its process lives."""

    state: State
    project_root: str
    identity: BridgeIdentity | None
    disk: SourceTree
    uptime_seconds: int
    upstream_key_present: bool
    warnings: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def changed_files(self) -> tuple[str, ...]:
        """Which files are not on disk as the running bridge loaded them."""
        return self.identity.source.changed_files(self.disk) if self.identity else ()

    def to_json(self) -> dict[str, object]:
        bridge = self.identity
        return {
            "schema_version": "status.v1",
            "running": self.is_running,
            "state": self.state,
            "pid": bridge.process.pid if bridge else None,
            "url": bridge.url if bridge else None,
            "port": bridge.port if bridge else None,
            "uptime_seconds": self.uptime_seconds if bridge else None,
            "version": bridge.version if bridge else __version__,
            "mode": bridge.mode if bridge else None,
            "project_root": self.project_root,
            "source": {
                "running_sha256": bridge.source.sha256 if bridge else None,
                "disk_sha256": self.disk.sha256,
                "state": ("STALE" if self.changed_files else "FRESH") if bridge else None,
                "changed_files": list(self.changed_files),
            },
            "upstream_key_present": self.upstream_key_present,
            "warnings": list(self.warnings),
        }

    def to_text(self) -> str:
        lines = [
            f"bridge   {self._bridge()}",
            f"project  {self.project_root}",
            f"version  {self.identity.version if self.identity else __version__}",
            f"source   {self._source()}",
            f"key      {'of a provider is set' if self.upstream_key_present else 'none set'}",
        ]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])

    def _bridge(self) -> str:
        if not self.identity:
            return SENTENCES[self.state]
        is_up = f"{self.identity.url}, pid {self.identity.process.pid}, {self.identity.mode}"
        how = f"for {self.uptime_seconds} s" if self.is_running else SENTENCES[self.state]
        return f"{is_up}, {how}"

    def _source(self) -> str:
        if not self.changed_files:
            return f"{'FRESH ' if self.identity else ''}{self.disk.sha256[:12]}"
        shown = ", ".join(self.changed_files[:SHOWN_FILES_MAX])
        return f"STALE: {len(self.changed_files)} changed since it started: {shown}"


@dataclass(frozen=True, slots=True)
class UpResult:
    """A bridge that answers, and whether it was us who started it."""

    outcome: Literal["started", "already_running"]
    status: BridgeStatus

    def to_json(self) -> dict[str, object]:
        return self.status.to_json() | {"schema_version": "up.v1", "outcome": self.outcome}

    def to_text(self) -> str:
        bridge = self.status.identity
        assert bridge, "a bridge that is up has said who it is"
        words = self.outcome.replace("_", " ")
        line = f"{words}: {bridge.url}, pid {bridge.process.pid}, {bridge.mode}"
        if self.status.changed_files:
            line += "\nwarning: it runs other source than is on disk: stop it and start again"
        return line


@dataclass(frozen=True, slots=True)
class StopResult:
    """What became of a bridge that was asked to stop, or that nobody had to ask."""

    outcome: Literal["stopped", "killed", "not_running"]
    project_root: str
    pid: int | None = None
    note: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "schema_version": "stop.v1",
            "outcome": self.outcome,
            "pid": self.pid,
            "project_root": self.project_root,
            "note": self.note,
        }

    def to_text(self) -> str:
        whose = f", pid {self.pid}" if self.pid else ""
        return f"{self.outcome.replace('_', ' ')}{whose}{': ' if self.note else ''}{self.note}"
