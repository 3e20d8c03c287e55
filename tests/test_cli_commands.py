"""Every command explains itself, answers in one document, and says what helps when it fails."""

import json
import os
import unittest
from pathlib import Path

from support import scratch
from support.commands import CommandLine, Done, finished

from codex_oss import __version__
from codex_oss.cli.main import COMMANDS

UNCLOSED = '{"objective": '
USAGE = (  # Words, and how the first line and the hint begin.
    ("bogus", "there is no command 'bogus'", "run: codex-oss --help"),
    ("demmo --objective x", "there is no command 'demmo'", "nearest: demo"),
    ("mision run m.json", "there is no command 'mision run'", "nearest: mission run"),
    ("mission", "there is no command 'mission'", "there are: mission template, mission run"),
    ("log explain", "there is no command 'log explain'", "there are: log verify, log rebuild"),
    ("--frob", "there is no command '--frob'", "run: codex-oss --help"),
    ("mission run", "the following arguments are required: file", "run: codex-oss mission run -"),
    ("mission list --limit 0", "argument --limit: expected 1..", "run: codex-oss mission list"),
    ("mission list --limit -3", "argument --limit: expected", "run: codex-oss mission list"),
    ("mission list --limit x", "argument --limit: expected 1..", "run: codex-oss mission list"),
    ("mission list --lim 3", "unrecognized arguments: --lim 3", "run: codex-oss mission list"),
    ("mission template --tier A9", "argument --tier: invalid choice", "run: codex-oss mission t"),
    ("up --port 99999", "argument --port: expected 0..65535, got '99999'", "run: codex-oss up -"),
    ("explain x --at -1", "argument --at: expected", "run: codex-oss explain --help"),
    ("log verify", "name one run, or --all", "run: codex-oss mission list"),
    ("log verify x --all", "name one run, or --all", "run: codex-oss mission list"),
    ("log verify x --head abc", "argument --head: expected sha256: and 64", "run: codex-oss log"),
)
EXPECTED = (
    ("show-trace nope", "there is no mission or run 'nope' here", "run: codex-oss mission list"),
    ("show-summary nope", "there is no mission or run 'nope'", "run: codex-oss mission list"),
    ("explain nope", "there is no mission or run 'nope' here", "run: codex-oss mission list"),
    ("log verify nope", "there is no mission or run 'nope' here", "run: codex-oss mission list"),
    ("log rebuild nope", "there is no mission or run 'nope' here", "run: codex-oss mission list"),
    ("mission resume nope", "there is no mission or run 'nope'", "run: codex-oss mission list"),
    ("mission resume run_x", "there is no mission or run 'run_x'", "run: codex-oss mission list"),
    ("show-summary run_../../x", "'run_../../x' is not an id", "ids are letters"),
    ("mission run nope.json", "nope.json: No such file or directory", "name a file, or - for std"),
    ("mission run .", ". is not a regular file", "name a file, or - for stdin"),
    ("mission run latin.md", "latin.md is not UTF-8 (byte 1)", "save it as UTF-8"),
    ("mission run unclosed.json", "The contract has 1 fault: $: is no JSON", "run: codex-oss mis"),
    ("mission run prose.md", "The task hands over no contract", "hand over one block like this:"),
    ("mission run m.json --profile kimmy", "there is no model 'kimmy'", "nearest: kimi"),
    ("mission run m.json --profile gpt-5", "'gpt-5' is an OpenAI model", "remove `model_provider"),
    ("mission list --project nowhere", "1 of the settings cannot be used: CODEX", "run: codex-oss"),
    ("status --project nowhere", "1 of the settings cannot be used: CODEX_O", "run: codex-oss"),
    ("demo --project empty", "", "ask yourself: codex-oss demo --objective"),
)


class EveryCommand(unittest.TestCase):
    line: CommandLine
    help: dict[str, Done]

    @classmethod
    def setUpClass(cls) -> None:
        cls.line = CommandLine(cls.enterClassContext(scratch()))
        cls.line.write("prose.md", "Where is `load` defined?\n")
        cls.line.write("unclosed.json", UNCLOSED)
        (cls.line.project / "latin.md").write_bytes(b"\x20\xe9t\xe9")
        (cls.line.project / "empty").mkdir()
        words = [command.words.split() for command in COMMANDS]
        asked = [[*each, "--help"] for each in words] + [[*each, "-h", "--json"] for each in words]
        done = cls.line.each(*asked)
        cls.help = {" ".join(each): one for each, one in zip(asked, done, strict=True)}

    def test_help_says_what_a_command_does_and_shows_an_example(self) -> None:
        for command in COMMANDS:
            with self.subTest(command.words):
                done = self.help[f"{command.words} --help"]
                self.assertEqual((done.code, done.err), (0, ""))
                self.assertIn(f"usage: codex-oss {command.words}", done.out)
                self.assertIn(command.sentence[1:], done.out)
                self.assertIn(f"example:\n  {command.example}", done.out)
                self.assertIn("--json", done.out)

    def test_help_as_json_is_one_document_too(self) -> None:
        for command in COMMANDS:
            with self.subTest(command.words):
                text = self.help[f"{command.words} --help"].out.rstrip("\n")
                own = {"schema_version": "help.v1", **command.to_json(), "help": text}
                self.assertEqual(self.help[f"{command.words} -h --json"].json, own)

    def test_the_overview_has_a_line_for_every_command_and_every_group(self) -> None:
        bare, asked, group, as_json = self.line.each(
            [], ["--help"], ["log", "--help"], ["--json", "--help"]
        )
        self.assertEqual(bare, asked)
        rows = [f"  {command.words:18} {command.sentence}" for command in COMMANDS]
        self.assertEqual([row for row in rows if row not in bare.out], [])
        shown = [row for row in rows if row in group.out]
        self.assertEqual(
            [row.split()[:2] for row in shown], [["log", "verify"], ["log", "rebuild"]]
        )
        self.assertEqual(as_json.json["commands"], [command.to_json() for command in COMMANDS])

    def test_usage_errors_are_two_lines_and_exit_2(self) -> None:
        self.check_errors(USAGE, 2)

    def test_expected_errors_are_two_lines_and_exit_1(self) -> None:
        self.check_errors(EXPECTED, 1)

    def check_errors(self, cases: tuple[tuple[str, str, str], ...], code: int) -> None:
        commands = [words.split() for words, *_ in cases]
        plain = self.line.each(*commands)
        in_json = self.line.each(*([*words, "--json"] for words in commands))
        for (words, failed, helps), text, document in zip(cases, plain, in_json, strict=True):
            with self.subTest(words):
                first, hint = text.complaint[:2]
                self.assertEqual((text.code, text.out), (code, ""))
                self.assertIn(f"codex-oss: {failed}", first)
                self.assertTrue(hint.startswith(f"hint: {helps}"), hint)
                self.assertEqual(document.code, code)
                error = document.json["error"]
                self.assertEqual(document.json["schema_version"], "error.v1")
                self.assertIn(failed.split(": ")[0], error["message"])
                self.assertEqual(f"hint: {error['hint']}", "\n".join(text.complaint[1:]))
                self.assertEqual(document.complaint, text.complaint)

    def test_every_fault_of_an_input_is_a_line_of_its_own(self) -> None:
        bad = {"schema_version": "oss_agent_mission.v1", "tier": "A9", "objective": 5, "foo": 1}
        self.line.write("bad.json", json.dumps(bad))
        (done,) = self.line.each(["mission", "run", "bad.json"])
        starts = [
            "codex-oss: The contract has 3 faults",
            "  $.tier: ",
            "  $.objective: ",
            "  $.foo",
        ]
        starts.append("hint: ")
        found = [line[: len(start)] for line, start in zip(done.complaint, starts, strict=True)]
        self.assertEqual(found, starts)

    def test_what_answers_without_a_run_answers_in_one_document(self) -> None:
        asked = {
            "--version": "version.v1",
            "status": "status.v1",
            "stop": "stop.v1",
            "mission template": "oss_agent_mission.v1",
            "mission list": "mission_list.v1",
            "log verify --all": "log_verify_all.v1",
            "validate-handoff m.json": "handoff_validation.v1",
        }
        done = self.line.each(*([*words.split(), "--json"] for words in asked))
        found = [(each.json["schema_version"], each.err) for each in done]
        self.assertEqual(found, [(schema, "") for schema in asked.values()])
        self.assertEqual(done[0].json["version"], __version__)


class TheProgram(unittest.TestCase):
    def test_a_bug_of_ours_exits_3_and_names_a_report_without_secrets(self) -> None:
        with scratch() as folder:
            line = CommandLine(folder)
            key = "sk-proj-" + "aB3" * 16
            (folder / "difflib.py").write_text(f"raise ValueError('planted {key}')\n")
            environ = {"PYTHONPATH": str(folder), "TMPDIR": str(folder)}
            text, document = (
                finished(line.program("bogus", *more, **environ)) for more in ((), ("--json",))
            )
            failed, hint = text.complaint
            self.assertEqual((text.code, document.code), (3, 3))
            self.assertTrue(failed.startswith("codex-oss: a bug of ours: ValueError: planted "))
            report = Path(hint.removeprefix("hint: please report it with "))
            self.assertIn("difflib.py", report.read_text())
            self.assertEqual(document.json["error"]["code"], "internal_error")
            self.assertNotIn(key, text.err + document.out + document.err + report.read_text())

    def test_a_folder_that_may_not_be_written_is_an_expected_error(self) -> None:
        with scratch() as folder:
            line = CommandLine(folder)
            line.project.chmod(0o500)
            place = (
                Path("/sys/kernel") if os.geteuid() == 0 else line.project
            )  # Root may elsewhere.
            done = line.run("mission", "list", "--project", str(place))
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertTrue(done.complaint[0].startswith(f"codex-oss: {place}/.codex-oss: "), done.err)
        self.assertEqual(done.complaint[1:], ["hint: look at its permissions and free space"])


if __name__ == "__main__":
    unittest.main()
