"""Ctrl-C, twice, and kill -9 while a model is silent: what is left is a log that goes on."""

import json
import os
import signal
import subprocess
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from support import scratch
from support.commands import SECONDS_MAX, CommandLine, Done, finished
from support.providers import ScriptedProvider, calls, text

SILENCE = text("I was about to say something.").after(SECONDS_MAX)
GREP = calls(("rtk_grep", {"pattern": "def load", "reason": "to find it"}))
REF = "command:0#match:1"
FINDING = {"claim": "`load` is defined in src/config.py", "evidence_refs": [REF]}
REPORT = calls(
    (
        "final_report",
        {
            "report": {
                "status": "COMPLETE",
                "confidence": "HIGH",
                "answer": "It is in src/config.py.",
                "findings": [FINDING | {"obligation_id": "q1"}],
            }
        },
    )
)


class Interrupted(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))
        self.provider = self.enterContext(ScriptedProvider(always=SILENCE))
        served = {"provider": "openai_compatible", "base_url": self.provider.base_url}
        profile = {"slow": {**served, "upstream_model": "acme-1"}}
        self.environ = {"PROFILES_JSON": json.dumps(profile), "OSS_DEFAULT_PROFILE": "slow"}

    @contextmanager
    def waiting(
        self, *words: str, requests: int = 1, is_program: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        """Yield a command at the moment when its model holds this request."""
        start = self.line.program if is_program else self.line.start
        process = start(*words, **self.environ)
        give_up = time.monotonic() + SECONDS_MAX
        while len(self.provider.requests) < requests:
            assert process.poll() is None, finished(process).err
            assert time.monotonic() < give_up, "the model was never asked"
            time.sleep(0.02)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def run_line(self, *words: str) -> Done:
        return self.line.run(*words, **self.environ)

    def look(self, *commands: list[str]) -> tuple[str, str, list[Done]]:
        """Return the id and the state of the one run, whose log must be in order, and what these
        commands say of it."""
        verified, listed, *done = self.line.each(
            ["log", "verify", "--all", "--json"], ["mission", "list", "--json"], *commands
        )
        self.assertEqual([run["verdict"] for run in verified.json["runs"]], ["ok"])
        (row,) = listed.json["runs"]
        return row["run_id"], row["state"], done

    def test_ctrl_c_ends_the_run_with_a_report_and_130(self) -> None:
        with self.waiting("mission", "run", "m.json", "--json", is_program=True) as process:
            process.send_signal(signal.SIGINT)
            done = finished(process)
        self.assertEqual((done.code, done.json["status_reason"]), (130, "cancelled"))
        self.assertEqual(done.json["report"]["schema_version"], "managed_investigation_report.v1")
        self.assertIn("interrupted: ending the run with a report (Ctrl-C again leaves", done.err)
        self.assertIn("The mission ended FAILED (cancelled)", done.err)
        _, state, (checked,) = self.look(["log", "rebuild", "find_load", "--check"])
        self.assertEqual(state, "final")
        self.assertEqual((checked.code, checked.out.splitlines()[-1]), (0, "byte-equal"))

    def test_a_second_word_ends_at_once_and_says_how_to_go_on(self) -> None:
        self.provider.then(GREP)
        with self.waiting("mission", "run", "m.json", requests=2, is_program=True) as process:
            for word in (signal.SIGINT, signal.SIGTERM):  # Two Ctrl-C at once arrive as one.
                process.send_signal(word)
            done = finished(process)
        run_id, state, _ = self.look()
        self.assertEqual((done.code, done.out, state), (130, "", "interrupted"))
        self.assertEqual(
            done.complaint,
            [
                f"codex-oss: interrupted: {run_id} is left open",
                f"hint: run: codex-oss mission resume {run_id}",
            ],
        )

    def test_a_cancel_from_another_process_ends_the_run_with_its_report(self) -> None:
        self.provider.then(GREP)
        with self.waiting("mission", "run", "m.json", "--json", requests=2) as process:
            status = self.run_line("mission", "status", "find_load", "--json").json
            done = self.run_line("mission", "cancel", "find_load", "--reason", "enough", "--json")
            ran = finished(process)
        found = (status["state"], status["phase"], status["status"])
        self.assertEqual(found, ("open", "NARROW", "OPEN"))
        self.assertIn(f"pid {process.pid}", status["owner"])
        self.assertEqual(status["last_event"]["event_type"], "ModelRequested")
        self.assertEqual(status["budget_left"]["tool_calls"], 19)
        self.assertEqual((done.code, done.json["outcome"]), (0, "cancelled"), done.err)
        self.assertEqual((ran.code, ran.json["status_reason"]), (130, "cancelled"))
        run_id, state, (again, told) = self.look(
            ["mission", "cancel", "find_load", "--json"], ["mission", "status", "find_load"]
        )
        self.assertEqual((state, again.json["outcome"]), ("final", "already_final"))
        self.assertRegex(told.out, r"(?m)^state +final$")
        log = self.line.project / ".codex-oss" / "runs" / run_id / "events.jsonl"
        events = {e["event_type"]: e for e in map(json.loads, log.read_text().splitlines())}
        asked, ended = events["CancelRequested"], events["MissionFinalized"]
        self.assertEqual(asked["payload"], {"by": "person", "reason": "enough"})
        self.assertLess(ended["elapsed_ms"] - asked["elapsed_ms"], 2_000)
        cancelled, final = (datetime.fromisoformat(e["created_at"]) for e in (asked, ended))
        self.assertLess((final - cancelled).total_seconds(), 2)

    def test_a_killed_run_is_seen_as_interrupted_and_resumed_to_its_end(self) -> None:
        self.provider.then(GREP)
        with self.waiting("mission", "run", "m.json", requests=2) as process:
            run_id, state, (busy,) = self.look(["mission", "resume", "find_load"])
            self.assertEqual(state, "open")
            failed, hint = busy.complaint
            self.assertTrue(failed.startswith(f"codex-oss: {run_id} is running: pid {process.pid}"))
            self.assertEqual((busy.code, hint), (1, f"hint: run: codex-oss show-trace {run_id}"))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        _, state, (unended,) = self.look(["mission", "list", "--open"])
        self.assertEqual(state, "interrupted")
        self.assertIn(run_id, unended.out)
        bridge = self.line.start("up", "--port", "0", **self.environ)
        assert bridge.stderr
        said = next(line for line in bridge.stderr if line.startswith("interrupted"))
        bridge.terminate()
        finished(bridge)
        self.assertEqual(said, "interrupted runs: 1 (codex-oss mission list --open)\n")
        self.assertEqual(self.look()[1], "interrupted", "the bridge took it up")
        self.provider.then(REPORT)
        resumed = self.run_line("mission", "resume", run_id, "--json")
        self.assertEqual((resumed.code, resumed.json["status"]), (0, "COMPLETE"), resumed.err)
        self.assertEqual(self.look()[:2], (run_id, "final"))

    def test_a_trace_follows_a_run_until_it_ends(self) -> None:
        self.provider.then(GREP)
        with self.waiting("mission", "run", "m.json", requests=2) as process:
            following = self.line.start("show-trace", "find_load", "--follow", **self.environ)
            assert following.stdout
            first = following.stdout.readline() + following.stdout.readline()
            waiting = self.line.start("show-summary", "find_load", "--follow", **self.environ)
            assert waiting.stderr
            phase = waiting.stderr.readline()
            process.send_signal(signal.SIGINT)
            finished(process)
            done, summary = finished(following), finished(waiting)
        self.assertEqual((done.code, summary.code), (0, 0))
        shown, summed = self.line.each(["show-trace", "find_load"], ["show-summary", "find_load"])
        self.assertRegex(phase, r"^ +\d+  NARROW$")
        self.assertEqual(summary.out, summed.out)
        self.assertEqual(first + done.out, shown.out)
        self.assertRegex(first, r'rtk_grep .*pattern="def load".* exit_code=0')


if __name__ == "__main__":
    unittest.main()
