"""Reports in words: lines with references, one JSON object, and anything else."""

import json
import unittest

from support import LONG, chance

from codex_oss.contract import Claim, ReportDraft, Uncertainty, parse_draft, read_text_report

REF = "file:src/a.py#extract:1@L1-L2"


class Lines(unittest.TestCase):
    def test_a_line_with_references_is_a_finding(self) -> None:
        for line, claim in (
            (f"q1: `A` is 1 [{REF}]", Claim("`A` is 1", (REF,), "q1")),
            (f"- **q1**: `A` is 1 ({REF}, command:3#match:2).", None),
            (f"* `A` is 1 [{REF}] [{REF}]", Claim("`A` is 1", (REF,))),
            ("q9: `A` is 1 [command:0]", Claim("q9: `A` is 1", ("command:0",))),
            (f"1. `A` is 1 `{REF}`", Claim("1. `A` is 1", (REF,))),
        ):
            with self.subTest(line):
                (found,) = read_text_report(line, ["q1"]).findings
                if claim:
                    self.assertEqual(found, claim)
                else:
                    self.assertEqual(found.evidence_refs, (REF, "command:3#match:2"))
                    self.assertEqual(found.obligation_id, "q1")

    def test_a_whole_text(self) -> None:
        text = (
            f"<think>Status: COMPLETE</think>\nStatus: **ESCALATE**\nConfidence: high\nIt is so."
            f"\n\n- `A` is 1 [{REF}]\n- Missing: who sets it\nMore of it."
        )
        findings = (Claim("`A` is 1", (REF,)),)
        doubts = (Uncertainty("who sets it"),)
        expected = ReportDraft("ESCALATE", "HIGH", "It is so.\nMore of it.", findings, doubts)
        self.assertEqual(read_text_report(text), expected)

    def test_nothing_is_complete_that_does_not_say_so(self) -> None:
        for text in ("It is complete.", "Status: DONE", "COMPLETE", "Status of A: COMPLETE"):
            self.assertEqual(read_text_report(text).status, "PARTIAL")


class Objects(unittest.TestCase):
    def test_one_object_is_the_report_wherever_it_stands(self) -> None:
        draft = ReportDraft("COMPLETE", "HIGH", "Yes.", (Claim("`A` is 1", (REF,), "q1"),))
        written = json.dumps(draft.to_json())
        for text in (written, f"Here:\n```json\n{written}\n```", f'{{"report": {written}}}'):
            self.assertEqual(read_text_report(text), draft)

    def test_a_broken_one_is_text(self) -> None:
        for text in ("{", '{"status": "COMPLETE"', '{"status": 7}', "[1]", "{" * 100_000):
            found = read_text_report(text)
            self.assertEqual((found.status, found.findings), ("PARTIAL", ()))

    def test_every_text_is_some_report_that_reads_back(self) -> None:
        random = chance("texts")
        words = [REF, "command:1", "q1:", "[", "]", "\n", "Missing:", "Status: COMPLETE", "{", "é"]
        for _ in range(5000 if LONG else 200):
            draft = read_text_report(" ".join(random.choices(words, k=30)), ["q1"])
            self.assertEqual(parse_draft(draft.to_json()), draft)


if __name__ == "__main__":
    unittest.main()
