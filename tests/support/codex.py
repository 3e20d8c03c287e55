"""The Codex CLI as users run it, against any server that speaks the Responses API.

@on_each_codex()
def test_two_commands(self, version: str, project: Path) -> None:
    ran = codex(version, project, running.port, "Run two commands.")
    ran.said, ran.items("command_execution"), ran.exit_code
"""

import functools
import json
import os
import subprocess
import unittest
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import CODEX_VERSIONS, LONG, program, scratch
from support.bridges import KEY, RunningBridge
from support.missions import write_tree

SECONDS_MAX = 120
CONFIG = """
model_provider = "opencode_bridge"

[model_providers.opencode_bridge]
name = "OpenCode Bridge"
base_url = "http://127.0.0.1:{port}/v1"
wire_api = "responses"
env_key = "BRIDGE_KEY"
stream_max_retries = 1
request_max_retries = 0
"""
PROVIDER = "model_providers.opencode_bridge"


@dataclass(frozen=True)
class Ran:
    """What `codex exec --json` did: its exit code, its events, and all it wrote."""

    exit_code: int
    events: tuple[dict, ...]
    output: str

    def items(self, kind: str) -> list[dict]:
        completed = (e["item"] for e in self.events if e["type"] == "item.completed")
        return [item for item in completed if item["type"] == kind]

    @property
    def said(self) -> list[str]:
        return [item["text"] for item in self.items("agent_message")]

    @property
    def complaints(self) -> list[str]:
        """What the user reads of errors: those inside the turn, and the one that ended it."""
        return list(self._complaints())

    def _complaints(self) -> Iterator[str]:
        for event in self.events:
            if event["type"] == "error":
                yield event["message"]
            elif event["type"] == "turn.failed":
                yield event["error"]["message"]
            elif event["type"] == "item.completed" and event["item"]["type"] == "error":
                yield event["item"]["message"]


PLAYED = CODEX_VERSIONS if LONG else ("0.148.0", "0.169.0")


def on_each_codex(versions: Sequence[str] = PLAYED) -> Callable[[Callable], Callable]:
    """Run a test once for each version, in a project of its own: a folder inside a scratch one.
    All versions play with `--long`, else the two that differ most."""

    def repeated(test: Callable) -> Callable:
        @functools.wraps(test)
        def run(self: unittest.TestCase) -> None:
            for version in versions:
                with self.subTest(codex=version), scratch() as folder:
                    project = folder / "project"
                    project.mkdir()
                    test(self, version, write_tree(project))

        return run

    return repeated


def catalogue(version: str, running: RunningBridge, folder: Path) -> dict[str, object]:
    """Return the settings with which this version reads our models: by URL from 0.160 on."""
    path = f"/v1/models?client_version={version}"
    if version >= "0.160.0":
        url = f"http://127.0.0.1:{running.port}/v1/models"
        return {f"{PROVIDER}.model_catalog_url": url, "features.api_key_model_discovery": True}
    file = folder / "models.json"
    file.write_bytes(running.client.get(path).body)
    return {"model_catalog_json": str(file)}


def codex(
    version: str,
    project: Path,
    port: int,
    prompt: str,
    *arguments: str,
    model: str = "scripted",
    settings: Mapping[str, object] | None = None,
) -> Ran:
    """Run one `codex exec` in `project`; its home is a folder beside it, so that it can resume.

    `settings` are keys of config.toml with their values, which JSON can write.
    """
    home = project.parent / "codex-home"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CONFIG.format(port=port))
    pairs = [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]
    done = subprocess.run(
        [
            str(program(f"codex-{version}")),
            *("exec", "--json", "--skip-git-repo-check"),
            "--dangerously-bypass-approvals-and-sandbox",  # The scratch folder is all there is.
            *("-C", str(project), "-m", model),
            *(word for pair in pairs for word in ("-c", pair)),
            *arguments,
            prompt,
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(project.parent),
            "CODEX_HOME": str(home),
            "BRIDGE_KEY": KEY,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Ran(done.returncode, tuple(events), done.stdout + done.stderr)
