"""The model's draft of a report: its limits, what is accepted as the same, and every fault."""

import unittest

from support import LONG, chance

from codex_oss.contract import Claim, Escalation, ReportDraft, Uncertainty, parse_claim, parse_draft

FINDING: dict[str, object] = {
    "claim": "`port` is 4000",
    "evidence_refs": ["file:src/a.py#extract:1@L8-L9"],
}
PLAIN: dict[str, object] = {"status": "COMPLETE", "confidence": "HIGH", "findings": [FINDING]}

# A change to PLAIN and what of it is a fault.
FAULTS: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"status": "DONE"}, "$.status", "bad_value"),
    ({"status": None}, "$.status", "missing"),
    ({"confidence": "high"}, "$.confidence", "bad_value"),
    ({"confidence": 1}, "$.confidence", "wrong_type"),
    ({"answer": "x" * 1_201}, "$.answer", "too_long"),
    ({"answer": ["x"]}, "$.answer", "wrong_type"),
    ({"findings": {}}, "$.findings", "wrong_type"),
    ({"findings": ["x"]}, "$.findings[0]", "wrong_type"),
    ({"findings": [FINDING] * 41}, "$.findings", "too_long"),
    ({"findings": [FINDING, {**FINDING, "claim": " "}]}, "$.findings[1].claim", "bad_value"),
    ({"findings": [{**FINDING, "claim": "x" * 1_001}]}, "$.findings[0].claim", "too_long"),
    ({"findings": [{"claim": "x"}]}, "$.findings[0].evidence_refs", "missing"),
    ({"findings": [{**FINDING, "evidence_refs": []}]}, "$.findings[0].evidence_refs", "missing"),
    (
        {"findings": [{**FINDING, "evidence_refs": ["src/a.py:8"]}]},
        "$.findings[0].evidence_refs[0]",
        "bad_value",
    ),
    (
        {"findings": [{**FINDING, "evidence_refs": [f"command:{n}" for n in range(21)]}]},
        "$.findings[0].evidence_refs",
        "too_long",
    ),
    ({"findings": [{**FINDING, "value": {}}]}, "$.findings[0].value", "wrong_type"),
    ({"findings": [{**FINDING, "value": "x" * 501}]}, "$.findings[0].value", "too_long"),
    (
        {"findings": [{**FINDING, "obligation_id": "x" * 33}]},
        "$.findings[0].obligation_id",
        "too_long",
    ),
    ({"uncertainties": [{"obligation_id": "q1"}]}, "$.uncertainties[0].text", "missing"),
    ({"uncertainties": ["x" * 501]}, "$.uncertainties[0].text", "too_long"),
    ({"caveats": [{"text": "x"}]}, "$.caveats[0]", "wrong_type"),
    ({"escalation_recommendation": "no"}, "$.escalation_recommendation", "wrong_type"),
    (
        {"escalation_recommendation": {"needed": 1}},
        "$.escalation_recommendation.needed",
        "wrong_type",
    ),
)


class Draft(unittest.TestCase):
    def test_a_draft_becomes_one_value(self) -> None:
        found = parse_draft(
            {
                "status": "PARTIAL",
                "confidence": "LOW",
                "answer": "4000",
                "findings": [
                    {**FINDING, "obligation_id": "q1", "value": 4000, "confidence": "HIGH"}
                ],
                "uncertainties": ["who sets it", {"text": "when", "obligation_id": "q2"}],
                "caveats": ["one file read"],
                "escalation_recommendation": {"needed": True, "reason": "r", "questions": ["q?"]},
                "files_inspected": ["computed, and not the model's to say"],
                "summary": 3,
            }
        )
        refs = ("file:src/a.py#extract:1@L8-L9",)
        expected = ReportDraft(
            "PARTIAL",
            "LOW",
            "4000",
            (Claim("`port` is 4000", refs, "q1", "4000", "HIGH"),),
            (Uncertainty("who sets it"), Uncertainty("when", "q2")),
            ("one file read",),
            Escalation(True, "r", ("q?",)),
        )
        self.assertEqual(found, expected)
        self.assertEqual(parse_draft(expected.to_json()), expected)

    def test_null_is_absent_and_what_is_absent_claims_nothing(self) -> None:
        nulls = dict.fromkeys(("answer", "uncertainties", "caveats", "escalation_recommendation"))
        finding = {**FINDING, "value": None, "obligation_id": None, "confidence": None}
        for said in (PLAIN, {**PLAIN, **nulls, "findings": [finding]}):
            claim = Claim("`port` is 4000", ("file:src/a.py#extract:1@L8-L9",), "", "", "MEDIUM")
            self.assertEqual(parse_draft(said), ReportDraft("COMPLETE", "HIGH", "", (claim,)))
        self.assertEqual(parse_draft({"status": "FAILED"}), ReportDraft("FAILED", "LOW", ""))

    def test_references_have_one_spelling(self) -> None:
        for written, normal in (
            (" file:a b.py#extract:1@L9-8 ", None),
            (" file:a%20b.py#extract:1@L9-L8 ", "file:a%20b.py#extract:1@L8-L9"),
            ("file:a.py#extract:2@L8", "file:a.py#extract:2@L8-L8"),
            ("command:3#zero_match", "command:3#zero_match"),
        ):
            claim = parse_claim({**FINDING, "evidence_refs": [written]})
            refs = claim.evidence_refs if isinstance(claim, Claim) else None
            self.assertEqual(refs, (normal,) if normal else None, written)

    def test_values_are_literal_text(self) -> None:
        for value, text in ((4000, "4000"), (True, "true"), (0.5, "0.5"), ("4 000", "4 000")):
            claim = parse_claim({**FINDING, "value": value})
            assert isinstance(claim, Claim)
            self.assertEqual(claim.value, text)

    def test_every_wrong_shape_is_one_fault_with_its_path(self) -> None:
        for change, path, code in FAULTS:
            found = parse_draft({**PLAIN, **change})
            assert isinstance(found, tuple), change
            self.assertEqual([(fault.path, fault.code) for fault in found], [(path, code)], change)

    def test_all_faults_are_told_at_once(self) -> None:
        found = parse_draft({"findings": [{"evidence_refs": ["x"]}, {}], "caveats": 1})
        assert isinstance(found, tuple)
        self.assertEqual(len(found), 6)

    def test_what_is_no_object_is_no_draft(self) -> None:
        for value in (None, [], "COMPLETE", 3, True):
            found = parse_draft(value, "$.report")
            assert isinstance(found, tuple)
            self.assertEqual(
                [(fault.path, fault.code) for fault in found], [("$.report", "wrong_type")]
            )

    def test_random_values_are_a_draft_that_comes_back_or_faults(self) -> None:
        random = chance()
        atoms = (None, True, 3, 0.5, "", "x", "COMPLETE", "HIGH", [], ["x"], {}, [FINDING], [{}])
        names = (*PLAIN, "answer", "uncertainties", "caveats", "escalation_recommendation", "zzz")
        drafts = 0
        for _ in range(20_000 if LONG else 2_000):
            found = parse_draft({**PLAIN, **{random.choice(names): random.choice(atoms)}})
            if isinstance(found, ReportDraft):
                drafts += 1
                self.assertEqual(parse_draft(found.to_json()), found)
            else:
                self.assertTrue(found)
        self.assertGreater(drafts, 100)


if __name__ == "__main__":
    unittest.main()
