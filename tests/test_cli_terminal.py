"""What a terminal, a pipe and a full disk get to see: colours, width, control characters, ends."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from support import scratch
from support.commands import PROGRAM, CommandLine, finished
from support.providers import ScriptedProvider, calls

COLUMNS = 80
STYLE = re.compile(r"\x1b\[[0-9]*m")
HOSTILE = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe \r\b"
REPORT = {"status": "PARTIAL", "confidence": "LOW", "answer": f"Look: {HOSTILE}", "findings": []}


def in_terminal(line: CommandLine, *words: str, **environ: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit code and all that it showed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen(
        (*PROGRAM, *words),
        cwd=line.project,
        env=line.environ | environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65536):
            shown += more
    except OSError:  # So Linux says that the other side is closed.
        pass
    finally:
        os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")


class Terminal(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))

    def test_progress_is_dim_and_fits_and_heads_are_bold(self) -> None:
        code, shown = in_terminal(self.line, "mission", "run", "m.json")
        self.assertEqual(code, 0, shown)
        self.assertIn("\x1b[2m   1  I'm loading the compiled MissionV1 contract.\x1b[0m\n", shown)
        self.assertIn("\x1b[1mOutcome\x1b[0m: COMPLETE", shown)
        progress = STYLE.sub("", shown[: shown.index("\x1b[1mOutcome")]).splitlines()
        self.assertEqual([line for line in progress if len(line) > COLUMNS], [])
        self.assertTrue(any(line.startswith("      ") for line in progress), "nothing was long")
        numbers = [int(line[:4]) for line in progress if line[:4].strip().isdigit()]
        self.assertLessEqual(len(progress), 2 + 2 * len(numbers))

    def test_an_error_is_red_and_no_color_is_heard(self) -> None:
        code, shown = in_terminal(self.line, "bogus")
        self.assertEqual(code, 2)
        self.assertTrue(shown.startswith("\x1b[31mcodex-oss: there is no command 'bogus'\x1b[0m\n"))
        for quiet in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            _, shown = in_terminal(self.line, "bogus", **quiet)
            self.assertTrue(shown.startswith("codex-oss: there is no command 'bogus'\nhint: "))

    def test_control_characters_of_a_model_are_seen_and_do_nothing(self) -> None:
        with ScriptedProvider(always=calls(("final_report", {"report": REPORT}))) as provider:
            served = {"provider": "openai_compatible", "base_url": provider.base_url}
            profile = {"rude": {**served, "upstream_model": "acme-1"}}
            words = ("mission", "run", "m.json", "--profile", "rude")
            code, shown = in_terminal(
                self.line, *words, PROFILES_JSON=json.dumps(profile), NO_COLOR="1"
            )
        self.assertEqual(code, 1, shown)
        self.assertIn("owned", shown)
        self.assertEqual(re.findall(r"[^\n -~…]", shown), [], "it reached the terminal")


class Pipes(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))

    def state(self) -> str:
        (listed,) = self.line.each(["mission", "list", "--json"])
        return listed.json["runs"][0]["state"]

    def test_a_reader_who_leaves_is_no_error_of_ours(self) -> None:
        process = self.line.start("mission", "run", "m.json")
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        done = finished(process)
        self.assertEqual(done.code, 1)
        self.assertNotIn("codex-oss:", done.err)
        self.assertNotIn("Traceback", done.err)
        self.assertEqual(self.state(), "final")

    def test_a_run_goes_on_when_nobody_hears_of_its_progress(self) -> None:
        process = self.line.start("mission", "run", "m.json")
        assert process.stderr
        process.stderr.readline()
        process.stderr.close()
        process.stderr = None
        done = finished(process)
        self.assertEqual(done.code, 0)
        self.assertIn("**Outcome**: COMPLETE", done.out)

    def test_without_a_stdout_at_all_the_work_is_done(self) -> None:
        script = 'exec "$@" >&-'
        argv = ["sh", "-c", script, "sh", *PROGRAM, "mission", "run", "m.json"]
        done = subprocess.run(
            argv, cwd=self.line.project, env=self.line.environ, stderr=subprocess.DEVNULL
        )
        self.assertEqual((done.returncode, self.state()), (0, "final"))

    def test_a_full_disk_is_an_expected_error(self) -> None:
        argv = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *PROGRAM, "mission", "list"]
        done = subprocess.run(
            argv, cwd=self.line.project, env=self.line.environ, capture_output=True, text=True
        )
        said = "codex-oss: the output: No space left on device\nhint: make some room, or write "
        self.assertEqual((done.returncode, done.stderr), (1, f"{said}elsewhere\n"))


if __name__ == "__main__":
    unittest.main()
