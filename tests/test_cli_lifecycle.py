"""`up`, `status`, `stop` and the self-test, as a user runs them: each may be repeated."""

import json
import signal
import subprocess
import sys
import unittest
from urllib.request import urlopen

from support import ROOT, scratch
from support.commands import CommandLine, finished


class Lifecycle(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))
        self.addCleanup(self.line.run, "stop", "--now")

    def test_a_daemon_is_started_found_and_stopped_and_repeating_says_so(self) -> None:
        idle, nothing = self.line.each(["status", "--json"], ["stop"])
        self.assertEqual((idle.code, idle.json["state"]), (1, "not_running"))
        self.assertEqual((nothing.code, nothing.out), (0, "not running\n"))
        started = self.line.run("up", "--daemon", "--port", "0", "--json")
        self.assertEqual((started.code, started.json["outcome"]), (0, "started"), started.err)
        again, document, text = self.line.each(
            ["up", "--daemon", "--port", "0"], ["status", "--json"], ["status"]
        )
        url, pid = document.json["url"], document.json["pid"]
        self.assertEqual((again.code, document.code, text.code), (0, 0, 0))
        self.assertEqual(again.out, f"already running: {url}, pid {pid}, production\n")
        self.assertEqual((document.json["state"], url), ("running", started.json["url"]))
        self.assertTrue(text.out.startswith(f"bridge   {url}, pid {pid}, production, for "))
        stopped, twice = self.line.each(["stop", "--json"], ["stop", "--json"])
        self.assertEqual((stopped.code, stopped.json["outcome"]), (0, "stopped"))
        self.assertEqual((twice.code, twice.json["outcome"]), (0, "not_running"))

    def test_a_bridge_in_the_foreground_ends_at_ctrl_c(self) -> None:
        process = self.line.program("up", "--port", "0", "--json")
        assert process.stderr
        said = process.stderr.readline()
        self.assertRegex(said, r"^bridge of .+ on http://127\.0\.0\.1:\d+ \(Ctrl-C stops it\)$")
        with urlopen(f"{said.split()[4]}/healthz", timeout=10) as reply:
            self.assertEqual(reply.status, 200)
        other = self.line.run("up", "--port", "0")
        self.assertEqual((other.code, other.out.split(":")[0]), (0, "already running"))
        process.send_signal(signal.SIGINT)
        done = finished(process)
        self.assertEqual((done.code, done.json["outcome"]), (0, "stopped"), done.err)

    def test_the_self_test_passes(self) -> None:
        argv = [sys.executable, str(ROOT / "bridge.py"), "--self-test"]
        done = subprocess.run(
            argv, cwd=self.line.project, env=self.line.environ, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout), (0, "self-test passed\n"), done.stderr)

    def test_bridge_py_takes_the_flags_of_up(self) -> None:
        argv = [sys.executable, str(ROOT / "bridge.py"), "--port", "x", "--json"]
        done = subprocess.run(
            argv, cwd=self.line.project, env=self.line.environ, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, json.loads(done.stdout)["error"]["code"]), (2, "usage"))


if __name__ == "__main__":
    unittest.main()
