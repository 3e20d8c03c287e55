"""A thread of the real Codex CLI that lasts: compacted, waited for, kept when the bridge dies."""

import json
import os
import re
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import CODEX_VERSIONS, LONG, ROOT, needs
from support.bridges import KEY, bridge
from support.codex import PROVIDER, Ran, codex, on_each_codex
from support.providers import USAGE, Pause, Reply, ScriptedProvider, delta, event, stream, text
from support.served import until
from support.turns import parsed, stream_of, turn_of

from codex_oss.chat import ChatChunk

FULL = {**USAGE, "prompt_tokens": 265_000, "total_tokens": 265_007}  # Codex assumes 272,000.
CHECKPOINT = "You are performing a CONTEXT CHECKPOINT COMPACTION"
SUMMARY = "The goal is to count: so far one file was read."
SAID = (ChatChunk("At last.", finish="stop"),)
SILENT_SECONDS, IDLE_SECONDS, BEAT_SECONDS = (25, 10, 5) if LONG else (5, 2, 1)


def call(name: str, arguments: dict[str, object], usage: object = USAGE, thought: str = ""):
    """Return a reply that calls, after thinking if it has a thought."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    head = {"index": 0, "id": "call_0", "type": "function", "function": function}
    thoughts = [delta(reasoning_content=thought)] if thought else []
    return stream([*thoughts, delta(tool_calls=[head])], "tool_calls", usage)


@needs("codex")
class Compaction(unittest.TestCase):
    @on_each_codex()
    def test_codex_compacts_a_full_thread_and_goes_on(self, version: str, project: Path) -> None:
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.then(call("exec_command", {"cmd": "cat README.md"}, FULL))
            provider.then(text(SUMMARY), text("One file."))
            ran = codex(version, project, running.port, "Count the files.")
        self.assertEqual((ran.exit_code, ran.said[-1:]), (0, ["One file."]), ran.output)
        _, compacted, after = provider.requests
        self.assertNotIn("tools", compacted.body)
        self.assertIn(CHECKPOINT, compacted.messages[-1]["content"])
        self.assertIn("# A project", str(compacted.messages))
        self.assertIn(SUMMARY, str(after.messages))
        self.assertNotIn("# A project", str(after.messages))
        self.assertEqual([line["status"] for line in running.lines], [200] * 3)

    @on_each_codex()
    def test_codex_lets_a_provider_named_openai_compact(self, version: str, project: Path) -> None:
        settings = {f"{PROVIDER}.name": "OpenAI"}
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.then(call("exec_command", {"cmd": "cat README.md"}, FULL))
            provider.then(text(SUMMARY), text("One file."))
            ran = codex(version, project, running.port, "Count the files.", settings=settings)
        self.assertEqual((ran.exit_code, ran.said[-1:]), (0, ["One file."]), ran.output)
        _, compacted, after = provider.requests
        by = "/v1/responses/compact" if version == "0.130.0" else "/v1/responses"
        self.assertEqual(running.lines[1]["route"], by)  # From 0.140 on by a trigger item.
        self.assertNotIn(CHECKPOINT, str(compacted.messages))
        self.assertNotIn("tools", compacted.body)
        self.assertIn("# A project", str(compacted.messages))
        self.assertIn(SUMMARY, str(after.messages))
        self.assertNotIn("# A project", str(after.messages))


@needs("codex")
class Patience(unittest.TestCase):
    @on_each_codex()
    def test_a_silent_provider_is_waited_for(self, version: str, project: Path) -> None:
        settings = {f"{PROVIDER}.stream_idle_timeout_ms": IDLE_SECONDS * 1_000}
        beats = {"SSE_UPSTREAM_HEARTBEAT_SECONDS": str(BEAT_SECONDS)}
        with ScriptedProvider() as provider, bridge(project, provider, **beats) as running:
            provider.then(text("At last.").after(SILENT_SECONDS))
            ran = codex(version, project, running.port, "Think.", settings=settings)
        self.assertEqual((ran.exit_code, ran.said), (0, ["At last."]), ran.output)
        self.assertEqual(len(provider.requests), 1)

    @on_each_codex(CODEX_VERSIONS[::5])
    def test_a_silent_provider_of_the_same_api_is_waited_for(
        self, version: str, project: Path
    ) -> None:
        said = parsed(stream_of(turn_of(b'{"model":"x","input":"hi"}'), [SAID]))
        pieces = [f"event: {e['type']}\n".encode() + event(e) for e in said]
        silent = Pause(SILENT_SECONDS)
        settings = {f"{PROVIDER}.stream_idle_timeout_ms": IDLE_SECONDS * 1_000}
        with ScriptedProvider(checks=False) as provider:
            provider.then(Reply((*pieces[:3], silent, *pieces[3:])))
            own = {"provider": "openai_compatible", "base_url": provider.base_url}
            environ = {
                "SSE_UPSTREAM_HEARTBEAT_SECONDS": str(BEAT_SECONDS),
                "PROFILES_JSON": json.dumps({"relayed": own | {"wire": "responses"}}),
            }
            with bridge(project, None, **environ) as running:
                arguments = {"model": "relayed", "settings": settings}
                ran = codex(version, project, running.port, "Think.", **arguments)
        self.assertEqual((ran.exit_code, ran.said), (0, ["At last."]), ran.output)
        self.assertEqual(len(provider.requests), 1)

    @on_each_codex(CODEX_VERSIONS[-1:])
    def test_without_heartbeats_codex_gives_up(self, version: str, project: Path) -> None:
        settings = {f"{PROVIDER}.stream_idle_timeout_ms": 1_000}
        rare = {"SSE_UPSTREAM_HEARTBEAT_SECONDS": "5"}
        with ScriptedProvider() as provider, bridge(project, provider, **rare) as running:
            provider.always = text("Too late.").after(3)
            ran = codex(version, project, running.port, "Think.", settings=settings)
        self.assertIn("idle timeout", ran.complaints[-1])


@needs("codex")
class Restart(unittest.TestCase):
    """The bridge as a process of its own, killed while Codex runs a tool."""

    @contextmanager
    def started(self, project: Path, provider: ScriptedProvider, port: int) -> Iterator[int]:
        profile = {"base_url": provider.base_url, "upstream_model": "deepseek-v4-pro"}
        log = project.parent / "bridge.log"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(project.parent),
            "CODEX_HOME": str(project.parent / "codex-home"),
            "CODEX_OSS_PROJECT": str(project),
            "PROXY_API_KEY": KEY,
            "PROXY_LOG_PATH": str(log),
            "PROFILES_JSON": json.dumps({"scripted": profile}),
        }
        command = [sys.executable, str(ROOT / "bridge.py"), "--port", str(port)]
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                assert process.stdout
                yield int(re.findall(r"127\.0\.0\.1:(\d+)", process.stdout.readline())[0])
            finally:
                process.kill()  # As a crash would: nothing is told to anybody.

    @on_each_codex()
    def test_a_turn_goes_on_with_its_reasoning_after_the_bridge_was_killed(
        self, version: str, project: Path
    ) -> None:
        running = project / "running"
        command = f"touch {running}; sleep 2; echo done"
        ran: list[Ran] = []
        with ScriptedProvider() as provider:
            provider.then(call("exec_command", {"cmd": command}, thought="I need to look."))
            provider.say("It is done.")
            with self.started(project, provider, 0) as port:
                ask = lambda: ran.append(codex(version, project, port, "Do it."))  # noqa: E731
                turn = threading.Thread(target=ask)
                turn.start()
                self.assertTrue(until(running.exists, seconds=20))
            with self.started(project, provider, port):
                turn.join()
        self.assertEqual((ran[0].exit_code, ran[0].said), (0, ["It is done."]), ran[0].output)
        *_, called, result = provider.requests[1].messages
        self.assertEqual(called["reasoning_content"], "I need to look.")
        self.assertIn("done", result["content"])


if __name__ == "__main__":
    unittest.main()
