"""What a log says, step by step and at any event; what its files are worth; how damage is named."""

import json
import shutil
import unittest
from pathlib import Path

from support import LONG, scratch
from support.commands import CommandLine, Done

FILES = 11  # Projections of an investigation.
NEXT = r"next     (note|ask the model, call \d+:|run rtk_\w+ on|look again at \d+ cited) ?\w*"


class Logs(unittest.TestCase):
    line: CommandLine
    ran: Done
    run_id: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.line = CommandLine(cls.enterClassContext(scratch()))
        cls.ran = cls.line.run("mission", "run", "m.json", "--json")
        cls.run_id = cls.ran.json["run_id"]

    @property
    def log(self) -> Path:
        return self.line.project / ".codex-oss" / "runs" / self.run_id / "events.jsonl"

    @property
    def folder(self) -> Path:
        return self.line.project / self.ran.json["artifacts"]

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def test_a_mission_id_and_its_run_id_show_the_same(self) -> None:
        commands = (["show-trace"], ["show-summary"], ["explain"], ["log", "verify"])
        names = ("find_load", self.run_id)
        done = self.line.each(*([*words, name] for name in names for words in commands))
        self.assertEqual(done[:4], done[4:])
        self.assertEqual([(each.code, each.err) for each in done], [(0, "")] * 8)

    def test_the_trace_has_a_line_for_every_step(self) -> None:
        text, document = self.line.each(
            ["show-trace", self.run_id], ["show-trace", self.run_id, "--json"]
        )
        trace = (self.folder / "trace.jsonl").read_text().splitlines()
        self.assertEqual(document.json["steps"], [json.loads(line) for line in trace])
        lines = text.out.splitlines()
        self.assertEqual(len(lines), len(trace))
        self.assertRegex(lines[1], r'^ +6  PLAN    tool    allowed +rtk_grep .*pattern="load"')
        self.assertNotIn("None", text.out)

    def test_the_summary_is_the_file_and_its_own_checks_succeed(self) -> None:
        text, document = self.line.each(
            ["show-summary", self.run_id], ["show-summary", self.run_id, "--json"]
        )
        self.assertEqual(text.out, (self.folder / "summary.md").read_text())
        self.assertEqual(document.json["report"], self.ran.json["report"])
        told = [line for line in text.out.splitlines() if line.startswith("- `codex-oss ")]
        commands = [line.strip("-` ").split()[1:] for line in told]
        self.assertEqual(
            [" ".join(words[:2]) for words in commands][:2], ["log verify", "log rebuild"]
        )
        self.assertEqual([done.code for done in self.line.each(*commands)], [0] * 4)

    def test_explain_at_every_event_names_what_the_next_event_is(self) -> None:
        events = [json.loads(line) for line in self.log.read_text().splitlines()]
        types = [event["event_type"] for event in events]
        last = len(events)
        places = [*range(1, last, 1 if LONG else 4), last]
        asked = [["explain", self.run_id, "--at", str(seq)] for seq in (*places, last + 1)]
        done = self.line.each(*asked, *([*words, "--json"] for words in asked[:-1]))
        texts, late, documents = done[: len(places)], done[len(places)], done[len(places) + 1 :]
        self.assertEqual((late.code, late.complaint[1:]), (1, [f"hint: name one of 1..{last}"]))
        outcomes = {"CallModel": "ModelReplied", "RunTool": "ToolObserved"}
        outcomes |= {"LookAgain": "EvidenceVerified"}
        end = types.index("MissionFinalized")
        for at, text, document in zip(places, texts, documents, strict=True):
            self.assertEqual((text.code, document.json["at"]), (0, at))
            self.assertIn(f"event    {at} of {last}\n", text.out)
            step = document.json["next"]
            if at > end:
                self.assertIsNone(step)
                self.assertIn("next     nothing, the run is over", text.out)
                continue
            following = next(kind for kind in types[at:] if kind != "CommentaryDelivered")
            self.assertEqual(step.get("event_type") or outcomes[step["intent"]], following)
            self.assertRegex(text.out, NEXT)
            self.assertIn("status   OPEN; ended here it would be ", text.out)

    def test_the_head_that_the_report_printed_is_found_in_the_log(self) -> None:
        head = self.ran.json["log_head"]["hash"]
        self.assertIn(f"Log head: {head}", self.ran.json["message"])
        good, wrong = self.line.each(
            ["log", "verify", self.run_id, "--head", head, "--json"],
            ["log", "verify", self.run_id, "--head", f"sha256:{'0' * 64}", "--json"],
        )
        self.assertEqual((good.code, good.json["verdict"]), (0, "ok"))
        self.assertEqual((wrong.code, wrong.json["verdict"]), (1, "rewritten"))

    def test_a_log_is_verified_wherever_it_lies(self) -> None:
        """A copy has no head here: the one that the report printed vouches for it."""
        copy = self.line.project / "copy" / self.run_id
        shutil.copytree(self.log.parent, copy)
        head = self.ran.json["log_head"]["hash"]
        ours, bare, vouched, foreign = self.line.each(
            ["log", "verify", str(self.log), "--json"],
            ["log", "verify", str(copy), "--json"],
            ["log", "verify", f"copy/{self.run_id}/events.jsonl", "--head", head, "--json"],
            ["log", "verify", "./nowhere", "--json"],
        )
        told = [(done.code, done.json["run_id"], done.json["verdict"]) for done in (ours, bare)]
        self.assertEqual(told, [(0, self.run_id, "ok"), (1, self.run_id, "unanchored")])
        self.assertEqual((vouched.code, vouched.json["verdict"]), (0, "ok"))
        self.assertEqual((foreign.code, foreign.json["verdict"]), (1, "unreadable"))

    def test_a_run_without_its_head_is_listed_found_and_unanchored(self) -> None:
        head = self.line.project / ".codex-oss" / "state" / "heads" / f"{self.run_id}.json"
        raw = head.read_bytes()
        self.addCleanup(head.write_bytes, raw)
        for damaged in (raw.replace(b'"COMPLETE"', b'"PARTIAL"'), None):
            head.write_bytes(damaged) if damaged else head.unlink()
            listed, verified, status = self.line.each(
                ["mission", "list", "--json"],
                ["log", "verify", "--all", "--json"],
                ["mission", "status", "find_load", "--json"],
            )
            (row,), (verdict,) = listed.json["runs"], verified.json["runs"]
            self.assertEqual((row["run_id"], row["status"]), (self.run_id, "COMPLETE"))
            self.assertEqual((verified.code, verdict["verdict"]), (1, "unanchored"))
            self.assertEqual((status.code, status.json["state"]), (0, "final"))

    def test_what_would_be_removed_is_said_and_left(self) -> None:
        before = sorted(self.log.parent.rglob("*"))
        all_of_it = ["mission", "gc", "--older-than", "0s", "--keep", "0"]
        nothing, whole, text, wrong = self.line.each(
            ["mission", "gc", "--keep-run", "find_load"],
            [*all_of_it, "--json"],
            all_of_it,
            ["mission", "gc", "--older-than", "soon"],
        )
        self.assertEqual((nothing.code, nothing.out), (0, "there is nothing to remove\n"))
        (step,) = whole.json["steps"]
        self.assertEqual((step["kind"], step["run_id"]), ("remove", self.run_id))
        self.assertEqual(step["paths"], ["missions/find_load", f"runs/{self.run_id}"])
        self.assertFalse(whole.json["applied"])
        self.assertIn("nothing was changed; with --apply this is done", text.out)
        self.assertEqual(wrong.code, 2)
        self.assertEqual(sorted(self.log.parent.rglob("*")), before)

    def test_an_edited_file_is_named_and_a_lost_folder_comes_back_byte_for_byte(self) -> None:
        before = self.files()
        self.assertEqual(len(before), FILES)
        edited = self.folder / "ledger.json"
        edited.write_bytes(before["ledger.json"].replace(b"1", b"2", 1))
        (self.folder / "summary.md").unlink()
        check = ["log", "rebuild", "find_load", "--check"]
        text, document, audited = self.line.each(
            check, [*check, "--json"], ["audit-mission", "find_load"]
        )
        self.assertEqual(audited.code, 1)
        self.assertRegex(audited.out, r"FAIL +ledger_json +ledger.json differs from the log")
        self.assertRegex(audited.out, r"FAIL +summary_md +summary.md is missing")
        self.assertEqual((text.code, document.code, document.json["written"]), (1, 1, False))
        states = {row["file"]: row["state"] for row in document.json["files"]}
        self.assertEqual(states.pop("ledger.json"), "drifted")
        self.assertEqual(states.pop("summary.md"), "missing")
        self.assertEqual(set(states.values()), {"same"})
        self.assertIn("  drifted          ledger.json\n", text.out)
        self.assertTrue(text.out.endswith("2 of 11 differ from the log\n"))
        self.assertFalse((self.folder / "summary.md").exists(), "--check wrote")
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()
        rebuilt, checked = self.line.each(["log", "rebuild", "find_load"], check)
        self.assertEqual((rebuilt.code, checked.code), (0, 0))
        self.assertIn("11 files written; before: 11 of 11 differ from the log", rebuilt.out)
        self.assertEqual(self.files(), before)
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)

    def test_an_audit_passes_and_warns_of_what_changed_since(self) -> None:
        config = self.line.project / "src" / "config.py"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        audit = ["audit-mission", "find_load"]
        clean, document = self.line.each(audit, [*audit, "--json"])
        self.assertEqual((clean.code, document.code), (0, 0), clean.out)
        told = document.json
        self.assertEqual(
            (told["ok"], told["run_id"], told["mission_id"], told["mission_dir"]),
            (True, self.run_id, "find_load", self.ran.json["artifacts"]),
        )
        keys = {"name", "ok", "status", "message"}
        self.assertTrue(all(check.keys() == keys for check in told["checks"]))
        self.assertNotIn("SKIP  ", clean.out)
        self.assertRegex(clean.out, r"\n\d+ PASS, 0 WARN, 0 FAIL, \d+ SKIP\n$")
        config.write_text(before.replace("def load", "def loaded"))
        (changed,) = self.line.each(audit)
        self.assertEqual(changed.code, 0)
        self.assertRegex(changed.out, r"WARN +evidence_spans_match_workspace +\S+ is stale")

    def test_a_transcript_of_a_desktop_proves_nothing(self) -> None:
        kind = {"transcript_kind": "raw_desktop_export", "consumer_kind": "codex_desktop_spawned"}
        self.line.write("t.json", json.dumps({**kind, "messages": [{"text": "Hi", "final": True}]}))
        self.line.write("bad.json", "[1]")
        take = ["desktop-observation", "reconcile", "find_load", "--transcript"]
        told, bad, gone, audited = self.line.each(
            [*take, "t.json", "--json"],
            [*take, "bad.json"],
            [*take, "gone.json"],
            ["audit-mission", "find_load"],
        )
        self.assertEqual((told.code, bad.code, gone.code, audited.code), (0, 1, 1, 0), audited.out)
        said = told.json
        self.assertEqual(
            (said["authority"], said["status"], said["messages"], said["matched"]),
            ("diagnostic_only", "UNCONFIRMED", 1, 0),
        )
        self.assertIn("desktop_transcript_not_trusted_for_gold", said["reasons"])

    def test_damage_is_named_by_its_line_and_what_stands_before_it_is_shown(self) -> None:
        raw = self.log.read_bytes()
        self.addCleanup(self.log.write_bytes, raw)
        at = raw.rindex(b"rtk_grep")
        self.log.write_bytes(raw[:at] + b"rtk_gref" + raw[at + 8 :])
        line = raw[:at].count(b"\n") + 1
        verified, audited, status, trace, explained, resumed = self.line.each(
            ["log", "verify", self.run_id, "--json"],
            ["audit-mission", self.run_id],
            ["mission", "status", self.run_id, "--json"],
            ["show-trace", self.run_id, "--json"],
            ["explain", self.run_id],
            ["mission", "resume", self.run_id],
        )
        verdict = verified.json
        self.assertEqual((verified.code, verdict["verdict"], verdict["line"]), (1, "damaged", line))
        self.assertEqual(audited.code, 1)
        self.assertRegex(audited.out, rf"FAIL +log_chain_ok +line {line}, byte \d+: event_hash")
        self.assertEqual((status.code, status.json["state"]), (1, "damaged"))
        self.assertEqual(status.json["last_event"]["seq"], line - 1)
        warning = f"warning: {self.run_id} is damaged: event_hash_mismatch:{line}; what follows"
        for done in (trace, explained):
            self.assertEqual((done.code, done.err), (1, f"{warning} ends with event {line - 1}\n"))
        self.assertEqual(trace.json["state"], "damaged")
        self.assertTrue(trace.json["steps"])
        self.assertLess(max(step["seq"] for step in trace.json["steps"]), line)
        self.assertEqual((resumed.code, resumed.out), (1, ""))
        self.assertIn(f"codex-oss: {self.run_id} is damaged: ", resumed.complaint[0])
        self.assertEqual(resumed.complaint[1], f"hint: run: codex-oss log verify {self.run_id}")


if __name__ == "__main__":
    unittest.main()
