"""What a terminal, a pipe and a full disk get to see: colours, width, control characters, ends."""

import json
import re
import subprocess
import tempfile
import unittest

from support import scratch
from support.commands import PROGRAM, SECONDS_MAX, CommandLine, finished
from support.providers import ScriptedProvider, calls, text
from support.screens import Screen, in_terminal

COLUMNS = 80
STYLE = re.compile(r"\x1b\[[0-9]*m")
HOSTILE = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe \r\b"
REPORT = {"status": "PARTIAL", "confidence": "LOW", "answer": f"Look: {HOSTILE}", "findings": []}


class Terminal(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))

    def test_a_run_is_shown_in_place_and_leaves_its_end(self) -> None:
        for columns, environ in ((80, {}), (40, {"NO_COLOR": "1"})):
            code, shown = in_terminal(
                self.line, "mission", "run", "m.json", columns=columns, **environ
            )
            self.assertEqual(code, 0, shown)
            self.assertEqual(bool(STYLE.search(shown)), not environ)
            ahead, report = STYLE.sub("", shown).split("Outcome", 1)
            screen, seen = Screen(columns), set[str]()
            for piece in re.split(r"(?=\x1b\[2A)", ahead):
                screen.write(piece.rstrip("*"))
                seen |= {line[:9].rstrip() for line in screen.lines}
            self.assertEqual(screen.wrapped, 0)
            self.assertLessEqual({"PLAN", "NARROW", "REPORT", "now", "found"}, seen)
            left = [line for line in screen.lines if line]
            self.assertTrue(left[0].startswith("model: rehearsal"), left)
            self.assertRegex(" ".join(left), r" run: run_.* ended COMPLETE .* it took 0:0\d, ")
            self.assertIn("COMPLETE", report)

    def test_a_narrow_or_dumb_terminal_gets_lines(self) -> None:
        for columns, environ in ((30, {}), (80, {"TERM": "dumb"})):
            code, shown = in_terminal(
                self.line, "mission", "run", "m.json", columns=columns, **environ
            )
            self.assertEqual(code, 0, shown)
            self.assertEqual(re.findall(r"\x1b\[[0-9]*[^0-9m]", shown), [])
            self.assertIn("   1  I'm loading the compiled MissionV1 contract.", shown)

    def test_json_is_alone_on_stdout_whatever_the_terminal_shows(self) -> None:
        with tempfile.TemporaryFile() as out:
            code, shown = in_terminal(
                self.line, "mission", "run", "m.json", "--json", stdout=out.fileno()
            )
            out.seek(0)
            self.assertEqual((code, json.loads(out.read())["status"]), (0, "COMPLETE"))
        self.assertIn("left: 3:00, 20 tool calls", shown)
        self.assertNotIn("Outcome", shown)

    def test_time_goes_on_while_a_model_is_silent_and_a_key_ends_it_with_a_report(self) -> None:
        silence = text("I was about to say something.").after(SECONDS_MAX)
        typed: list[str] = []

        def types(shown: str) -> bytes:
            """Press Ctrl-C when a second has gone by."""
            if typed or "left: 2:59" not in shown:
                return b""
            typed.append(shown)
            return b"\x03"

        with ScriptedProvider(always=silence) as provider:
            served = {"provider": "openai_compatible", "base_url": provider.base_url}
            profiles = json.dumps({"slow": {**served, "upstream_model": "acme-1"}})
            words = ("mission", "run", "m.json", "--profile", "slow")
            code, shown = in_terminal(self.line, *words, types=types, PROFILES_JSON=profiles)
        self.assertEqual((code, len(typed)), (130, 1), shown)
        self.assertIn("interrupted: ending the run with a report (Ctrl-C again leaves", shown)
        self.assertIn("FAILED (cancelled)", STYLE.sub("", shown))
        (listed,) = self.line.each(["mission", "list", "--json"])
        self.assertEqual(listed.json["runs"][0]["state"], "final")

    def test_an_error_is_red_and_no_color_is_heard(self) -> None:
        code, shown = in_terminal(self.line, "bogus", is_program=True)
        self.assertEqual(code, 2)
        self.assertTrue(shown.startswith("\x1b[31mcodex-oss: there is no command 'bogus'\x1b[0m\n"))
        for quiet in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            _, shown = in_terminal(self.line, "bogus", is_program=True, **quiet)
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
        ours = re.sub(r"\x1b\[(?:\d*A|K|J)|\r", "", shown)
        self.assertEqual(re.findall(r"[^\n -~…]", ours), [], "it reached the terminal")


class Pipes(unittest.TestCase):
    def setUp(self) -> None:
        self.line = CommandLine(self.enterContext(scratch()))

    def state(self) -> str:
        (listed,) = self.line.each(["mission", "list", "--json"])
        return listed.json["runs"][0]["state"]

    def test_a_reader_who_leaves_is_no_error_of_ours(self) -> None:
        process = self.line.program("mission", "run", "m.json")
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        done = finished(process)
        self.assertEqual(done.code, 1)
        self.assertNotIn("codex-oss:", done.err)
        self.assertNotIn("Traceback", done.err)
        self.assertEqual(self.state(), "final")

    def test_a_run_goes_on_when_nobody_hears_of_its_progress(self) -> None:
        process = self.line.program("mission", "run", "m.json")
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
