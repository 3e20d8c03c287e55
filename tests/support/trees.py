"""Trees of real files, and the tools of a mission that may look at them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from codex_oss.contract import PathRules, Scope
from codex_oss.deadline import Deadline
from codex_oss.redaction import Redactor
from codex_oss.system import SystemClock
from codex_oss.tools import Allowance, Denied, Guard, Observation, ToolBroker, ToolCall

PLENTY = Allowance(
    observation_bytes_left=5_000_000, result_bytes_max=100_000, files_opened=(), files_max=500
)


def plant(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a root, folders as needed."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git with nothing of the machine's or the user's configuration."""
    quiet = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    command = ("git", "-C", str(root), "-c", "protocol.file.allow=always", *quiet, *arguments)
    subprocess.run(command, check=True, capture_output=True)


class Project:
    """A mission's view of a root. Everything is in scope unless said otherwise."""

    def __init__(
        self,
        root: Path,
        scope: Scope | None = None,
        *,
        live_secrets: tuple[str, ...] = (),
        pattern_seconds: float = 5.0,
        key: bytes = b"k",
    ) -> None:
        rules = PathRules(scope or Scope(allowed_roots=(".",)), critical_terms=("billing",))
        self.root = root
        self.guard = Guard(root, rules, Redactor(live_secrets, key))
        self.broker = ToolBroker(self.guard, pattern_seconds)

    def run(
        self, tool: str, allowance: Allowance = PLENTY, **arguments: object
    ) -> Observation | Denied:
        return self.broker.run(ToolCall(tool, arguments), allowance, self.deadline())

    def read(self, path: str, **arguments: object) -> Observation | Denied:
        return self.run("rtk_read", path=path, **arguments)

    def grep(self, pattern: str, **arguments: object) -> Observation | Denied:
        return self.run("rtk_grep", pattern=pattern, **arguments)

    def ls(self, path: str = ".", **arguments: object) -> Observation | Denied:
        return self.run("rtk_ls", path=path, **arguments)

    @staticmethod
    def deadline(seconds: float = 60) -> Deadline:
        return Deadline(SystemClock(), seconds)
