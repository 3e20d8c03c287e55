"""The real Codex CLI through the bridge: tool turns against a scripted provider, and a mission."""

import json
import os
import subprocess
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import CODEX_VERSIONS, needs, program, scratch
from support.bridges import KEY, RunningBridge, bridge
from support.missions import contract, write_tree
from support.providers import ScriptedProvider

from codex_oss.contract import render_handoff

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


@dataclass(frozen=True)
class Ran:
    """What `codex exec --json` did: its exit code and its items."""

    exit_code: int
    events: list[dict]
    output: str

    def items(self, kind: str) -> list[dict]:
        completed = (e["item"] for e in self.events if e["type"] == "item.completed")
        return [item for item in completed if item["type"] == kind]

    @property
    def said(self) -> list[str]:
        return [item["text"] for item in self.items("agent_message")]


@contextmanager
def codex_home(folder: Path, port: int) -> Iterator[Path]:
    home = folder / "codex-home"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CONFIG.format(port=port))
    yield home


def codex(version: str, project: Path, running: RunningBridge, model: str, prompt: str) -> Ran:
    with codex_home(project.parent, running.port) as home:
        done = subprocess.run(
            [
                str(program(f"codex-{version}")),
                *("exec", "--json", "--skip-git-repo-check"),
                "--dangerously-bypass-approvals-and-sandbox",  # The scratch folder is all there is.
                *("-C", str(project), "-m", model, prompt),
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
    return Ran(done.returncode, events, done.stdout + done.stderr)


@needs("codex")
class RealCodex(unittest.TestCase):
    def test_two_tool_turns_and_an_answer(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder, ScriptedProvider() as provider:
                project = folder / "project"
                project.mkdir()
                write_tree(project)
                provider.call("exec_command", {"cmd": "echo sum-$((40+2))"})
                provider.call("exec_command", {"cmd": "cat README.md"})
                provider.say("The sum is 42.")
                with bridge(project, provider) as running:
                    ran = codex(version, project, running, "scripted", "Run two commands.")
                self.assertEqual((ran.exit_code, ran.said), (0, ["The sum is 42."]), ran.output)
                outputs = [item["aggregated_output"] for item in ran.items("command_execution")]
                self.assertEqual(outputs, ["sum-42\n", "# A project\n"])
                self.assertNotIn("disconnected", ran.output)
                self.assertEqual([line["outcome"] for line in running.lines], ["completed"] * 3)
                self.check_the_history(provider)
                self.assertIn("tool:web_search", running.lines[0]["receipt"]["dropped"])  # type: ignore[index]

    def check_the_history(self, provider: ScriptedProvider) -> None:
        """The third request holds both calls, each directly before its result."""
        roles = [message["role"] for message in provider.requests[2].messages]
        self.assertEqual(roles[-4:], ["assistant", "tool", "assistant", "tool"])
        self.assertEqual(roles.count("system"), 1)
        results = [m["content"] for m in provider.requests[2].messages if m["role"] == "tool"]
        self.assertIn("sum-42", results[0])
        self.assertIn("# A project", results[1])

    def test_a_mission_is_told_before_it_is_reported(self) -> None:
        prompt = f"Investigate this.\n\n{render_handoff(contract())}"
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder:
                project = folder / "project"
                project.mkdir()
                write_tree(project)
                with bridge(project) as running:
                    ran = codex(version, project, running, "mission-a3-rehearsal", prompt)
                self.assertEqual(ran.exit_code, 0, ran.output)
                self.assertEqual(ran.said[0], "I'm loading the compiled MissionV1 contract.")
                self.assertGreater(len(ran.said), 5)
                reports = [text for text in ran.said if text.startswith("**Outcome**")]
                self.assertEqual(reports, ran.said[-1:])
                self.assertIn("COMPLETE", reports[0])
                self.assertIn("src/config.py:4", reports[0])
                self.assertNotIn("disconnected", ran.output)
                self.assertEqual([line["lane"] for line in running.lines], ["mission"])

    def test_a_refusal_is_shown_as_it_was_said(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version), scratch() as folder:
                project = folder / "project"
                project.mkdir()
                with bridge(write_tree(project)) as running:
                    ran = codex(version, project, running, "mission-a3-rehearsal", "No handoff.")
                self.assertNotEqual(ran.exit_code, 0)
                self.assertIn("handoff_missing", ran.output)


if __name__ == "__main__":
    unittest.main()
