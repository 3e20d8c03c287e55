"""`mission run` from a file, from stdin and from a prompt; what is refused; what is listed."""

import json
import re
import unittest

from support import scratch
from support.commands import CommandLine, Done, finished
from support.missions import contract

from codex_oss.contract import render_handoff

PROMPT = f"Please find out.\n\n{render_handoff(contract(mission_id='from_text'))}\n"
FOUND = "`load` is defined as a function in `src/config.py` at line 4."


class Ran(unittest.TestCase):
    """One project, one run through each way in."""

    line: CommandLine
    from_file: Done
    from_stdin: Done
    from_prompt: Done
    in_json: Done

    @classmethod
    def setUpClass(cls) -> None:
        cls.line = line = CommandLine(cls.enterClassContext(scratch()))
        line.write("prompt.md", PROMPT)
        cls.from_file = finished(line.program("mission", "run", "m.json"))
        cls.from_stdin = line.run("mission", "run", "-", stdin=json.dumps(contract()))
        cls.from_prompt, cls.in_json = line.each(
            ["mission", "run", "prompt.md"], ["mission", "run", "m.json", "--json"]
        )

    def test_every_way_in_ends_with_the_same_report(self) -> None:
        for done in (self.from_file, self.from_stdin, self.from_prompt):
            self.assertEqual(done.code, 0, done.err)
            self.assertIn(f"- [supported] {FOUND}\n  - src/config.py:4-4 (file:", done.out)
            self.assertTrue(done.out.startswith("**Outcome**: COMPLETE (valid_report)"))
            self.assertNotIn("\x1b", done.out + done.err)  # There is no terminal.
        own = re.compile(r"sha256:\w+|from_text|find_load")
        texts = {own.sub("", done.out) for done in (self.from_file, self.from_prompt)}
        self.assertEqual(len(texts), 1, texts)

    def test_progress_is_told_on_stderr_with_the_number_of_its_event(self) -> None:
        model, run, *told = self.from_file.err.splitlines()
        self.assertEqual(model, "model: rehearsal (choose another with --profile)")
        self.assertRegex(run, r"^run: run_\w+ \(Ctrl-C ends it with a report\)$")
        numbers = [int(line[:4]) for line in told]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(told[0], "   1  I'm loading the compiled MissionV1 contract.")
        self.assertRegex(told[-1], r"^ +\d+  The mission ended COMPLETE \(valid_report\)")

    def test_json_is_one_document_with_the_report_as_the_file_has_it(self) -> None:
        result = self.in_json.json
        self.assertEqual((self.in_json.code, result["schema_version"]), (0, "mission_result.v1"))
        file = self.line.project / result["artifacts"] / "report.json"
        self.assertEqual(result["report"], json.loads(file.read_text()))
        self.assertIn(FOUND, result["message"])
        self.assertIn(" 1  I'm loading", self.in_json.err)

    def test_the_list_has_every_run_newest_first(self) -> None:
        text, document, newest, unended = self.line.each(
            ["mission", "list"],
            ["mission", "list", "--json"],
            ["mission", "list", "--limit", "1"],
            ["mission", "list", "--open"],
        )
        rows = document.json["runs"]
        names = ["find_load"] * 3 + ["from_text"]
        self.assertEqual(sorted(row["mission_id"] for row in rows), names)
        seconds = [row["run_id"].split("_")[1] for row in rows]
        self.assertEqual(seconds, sorted(seconds, reverse=True))
        head, *lines = text.out.splitlines()
        self.assertEqual(head.split(), ["RUN", "MISSION", "STATE", "STATUS", "OBJECTIVE"])
        cells = [re.split(r"\s{2,}", line) for line in lines]
        said = ("run_id", "mission_id", "state", "status", "objective")
        self.assertEqual(cells, [[row[name] for name in said] for row in rows])
        self.assertEqual(newest.out.splitlines(), [head, lines[0]])
        self.assertEqual((unended.code, unended.out), (0, "no run is open\n"))

    def test_resuming_a_run_that_ended_says_so_and_changes_nothing(self) -> None:
        run_id = self.in_json.json["run_id"]
        log = self.line.project / ".codex-oss" / "runs" / run_id / "events.jsonl"
        before = log.read_bytes()
        (done,) = self.line.each(["mission", "resume", run_id])
        self.assertEqual((done.code, done.out, log.read_bytes()), (1, "", before))
        self.assertEqual(
            done.complaint,
            [
                f"codex-oss: {run_id} has ended already",
                f"hint: run: codex-oss show-summary {run_id}",
            ],
        )


class Contracts(unittest.TestCase):
    line: CommandLine

    @classmethod
    def setUpClass(cls) -> None:
        cls.line = CommandLine(cls.enterClassContext(scratch()))

    def test_a_template_is_a_contract_that_runs(self) -> None:
        words = ("mission", "template", "--root", "src", "--objective", "Where is `main` defined?")
        text, document, block = self.line.each(words, [*words, "--json"], [*words, "--handoff"])
        self.assertEqual(json.loads(text.out), document.json)
        self.line.write("bare.json", text.out)
        self.line.write("block.md", block.out)
        for name in ("bare.json", "block.md"):
            valid, ran = self.line.each(["validate-handoff", name], ["mission", "run", name])
            self.assertEqual((valid.code, valid.out), (0, "mission_v1: valid\n"))
            self.assertIn("`main` is defined as a function in `src/main.py` at line 4.", ran.out)
            self.assertEqual(ran.code, 0)

    def test_what_this_version_does_not_enforce_is_said_before_it_is_refused(self) -> None:
        words = ["mission", "template", "--tier", "A5"]
        (template,) = self.line.each(words)
        self.assertIn("warning: this version refuses it: $.tier: is not enforced yet", template.err)
        self.line.write("a5.json", template.out)
        valid, document, ran, listed = self.line.each(
            ["validate-handoff", "a5.json"],
            ["validate-handoff", "a5.json", "--json"],
            ["mission", "run", "a5.json"],
            ["mission", "list"],
        )
        self.assertIn("  this version refuses it: $.tier: is not enforced yet", valid.out)
        refused = [fault["path"] for fault in document.json["not_enforced_yet"]]
        self.assertEqual(refused[:2], ["$.tier", "$.write_allowed"])
        self.assertEqual((valid.code, document.code, ran.code), (0, 0, 1))
        failed, first, *_, hint = ran.complaint
        self.assertEqual(failed, "codex-oss: the mission was not admitted")
        self.assertIn("  $.enforcement: not_enforced_yet:$.tier", first)
        self.assertIn("refused  REFUSED", listed.out)
        (explained,) = self.line.each(hint.removeprefix("hint: run: codex-oss ").split())
        self.assertRegex(explained.out, r"enforcement +deny +not_enforced_yet:\$\.tier")

    def test_the_list_of_models_says_what_each_may_be_asked_for_and_why_not(self) -> None:
        document, one, nobody = self.line.each(
            ["profiles", "--json"], ["profiles", "rehearsal"], ["profiles", "nobody"]
        )
        rows = {row["name"]: row for row in document.json["profiles"]}
        aliases = {each["alias"]: each["reasons"] for each in rows["kimi"]["aliases"]}
        self.assertEqual(list(aliases), [f"mission-a{tier}-kimi" for tier in range(2, 7)])
        self.assertIn("provider_not_configured", aliases["mission-a3-kimi"][0])
        self.assertIn("ocg-kimi-k2.6", rows["kimi"]["names"])
        self.assertEqual(rows["kimi"]["prices"]["input"], "0.95")
        self.assertIn("mission-a3-rehearsal (investigation): yes", one.out)
        self.assertEqual((document.code, one.code, nobody.code), (0, 0, 1))

    def test_several_profiles_are_compared_and_one_that_cannot_run_is_named(self) -> None:
        once, both, document = self.line.each(
            ["mission", "run", "m.json", "--profiles", "rehearsal,rehearsal"],
            ["mission", "run", "m.json", "--profiles", "rehearsal,kimi"],
            ["mission", "run", "m.json", "--profiles", "rehearsal,kimi", "--json"],
        )
        self.assertIn("has 1 different ones, and `min_agree` is 2", once.err)
        self.assertIn("- [single_source by rehearsal] `load` is defined", both.out)
        self.assertIn("- kimi: REFUSED (provider_not_configured", both.out)
        self.assertEqual((once.code, both.code, document.code), (1, 1, 1))
        self.assertEqual(document.json["report"]["status"], "PARTIAL")

    def test_a_profile_without_its_key_says_which_to_set(self) -> None:
        (done,) = self.line.each(["mission", "run", "m.json", "--profile", "kimi"])
        failed, hint = done.complaint
        self.assertEqual(done.code, 1)
        self.assertIn(
            "not admitted: $.provider: provider_not_configured: OPENCODE_GO_API_KEY", failed
        )
        self.assertTrue(hint.startswith("hint: set the provider's key, or use another profile"))


if __name__ == "__main__":
    unittest.main()
