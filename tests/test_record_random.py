"""Random records: whatever was read, claimed and reported, COMPLETE is what the events earn.

The oracle here looks at the facts of a story alone and knows none of the functions it judges.
"""

import unittest
from collections.abc import Iterator, Mapping
from random import Random

from support import LONG, chance
from support.stories import Story

from codex_oss.contract import parse_ref
from codex_oss.record import (
    EvidenceVerified,
    ReportDrafted,
    RunRecord,
    ToolObserved,
    UnknownFact,
    conditions,
    verdict,
)

RECORDS = 2_000 if LONG else 120
FILES = {
    "src/a.py": ("import os", "def load(path):", "    return {30: path}"),
    "src/b.py": ("LIMIT = 40", "def save(path):", "    return LIMIT"),
}
WORDS = {"src/a.py": ("load", "30", "os"), "src/b.py": ("save", "40", "LIMIT")}
CONTRACTS: tuple[Mapping[str, object], ...] = (
    {},
    {},
    {"must_inspect": ["src/a.py"]},
    {"answer_obligations": ["one?", {"id": "two", "question": "two?", "required": False}]},
    {"answer_obligations": ["one?", "two?"]},
    {"sufficiency_policy": {"min_main_claims": 2, "min_evidence_refs_per_claim": 2}},
    {"sufficiency_policy": {"min_main_claims": 2}},
    {"objective_style": "open_investigation"},
    {
        "answer_obligations": [
            {
                "question": "?",
                "source_requirements": [
                    {"path": "src/b.py", "completeness_policy": "whole_file_required"}
                ],
            }
        ]
    },
)


def story_of(random: Random) -> Story:
    story = Story(**random.choice(CONTRACTS), max_model_calls=40)
    if is_mild := random.random() < 0.5:  # Else hardly any would be COMPLETE.
        for path, lines in FILES.items():
            story.reads(path, *lines)
    for _ in range(random.randint(1, 4)):
        path = random.choice(tuple(FILES))
        lines = FILES[path][: random.choice((3, 3, 3, 2))]
        match random.randrange(30 if is_mild else 8):
            case 0:
                story.greps("nowhere", complete=random.random() < 0.8)
            case 1:
                story.is_denied(path, random.choice(("secret_path", "observation_budget")))
            case 2:
                story.claims(f"`{WORDS[path][0]}` is here", ["command:0"])
            case 3 if random.random() < 0.2:
                story.then(UnknownFact("Tomorrow", {}))
            case _:
                story.reads(path, *lines, total=3)
    rows = [row(random, story) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]
    more: dict[str, object] = {}
    if random.random() < 0.1:
        more["uncertainties"] = [{"text": "?", "obligation_id": random.choice(("q1", "two"))}]
    status = random.choice(("COMPLETE", "COMPLETE", "COMPLETE", "PARTIAL", "ESCALATE"))
    known = story.record.contract.obligations
    rows = [r for r in rows if r[2]["obligation_id"] in ("", *(o.id for o in known))]
    looked = random.choice(("verified", "verified", "verified", "moved", "stale", "missing", ""))
    return story.reports(*rows, status=status, looked_at=looked, **more)


def row(random: Random, story: Story) -> tuple[str, list[str], dict[str, object]]:
    """Return a finding that may be right, or cite another file or what was never shown."""
    path = random.choice(tuple(FILES))
    refs = [f"file:{path}#extract:1@L1-L{random.choice((1, 2, 3, 3, 3, 3))}"]
    refs += [f"file:{path}#extract:1@L3"] if random.random() < 0.4 else []
    word = random.choice(WORDS[random.choice((path, path, path, "src/a.py"))])
    value = random.choice(("", "", word))
    about = random.choice(("q1", "q1", "q1", "two", "q2", ""))
    return f"`{word}` is there", refs, {"obligation_id": about, "value": value}


class AnyRecord(unittest.TestCase):
    def test_complete_is_earned_and_nothing_else_is_called_so(self) -> None:
        random = chance("records")
        ended: dict[str, int] = {}
        for number in range(RECORDS):
            story = story_of(random)
            record = story.record
            now, met = verdict(record), conditions(record)
            ended[now.status] = ended.get(now.status, 0) + 1
            with self.subTest(number):
                lacks = sorted(lacking(story, record))
                if all(met.values()):  # A required source that is denied later is for a person.
                    self.assertIn(now.status, ("COMPLETE", "ESCALATE"))
                if now.status == "COMPLETE":
                    self.assertEqual((lacks, set(met.values())), ([], {True}))
                elif not lacks and now.reason != "blocked_source":
                    self.assertNotEqual(asked(story)["status"], "COMPLETE", met)
                if asked(story)["status"] == "COMPLETE" != now.status:
                    self.assertEqual(now.downgraded_from, "COMPLETE")
                    self.assertTrue(now.downgrade_reasons)
        self.assertGreaterEqual(len(ended), 3, ended)
        self.assertGreater(ended["COMPLETE"], RECORDS // 40, ended)


def asked(story: Story) -> Mapping[str, object]:
    return [fact.draft for fact in story.facts if isinstance(fact, ReportDrafted)][-1]


def lacking(story: Story, record: RunRecord) -> Iterator[str]:
    """Yield what the facts lack for COMPLETE, each by its number in missions 12.3."""
    draft, contract = asked(story), record.contract
    rows = draft["findings"]
    assert isinstance(rows, list)
    required = [o.id for o in contract.obligations if o.required]
    only = contract.obligations[0].id if len(contract.obligations) == 1 else ""
    shown = shown_lines(story)
    held = {
        result.ref
        for fact in story.facts
        if isinstance(fact, EvidenceVerified)
        for result in fact.results
        if result.verification in ("verified", "moved")
    }
    good = [r for r in rows if is_shown(r, shown) and set(r["evidence_refs"]) <= held]
    answered = {r["obligation_id"] or only for r in good}
    if draft["status"] != "COMPLETE":
        yield "1"
    if not set(required) <= answered:
        yield "2"
    whole = [s.path for o in contract.obligations for s in o.source_requirements]
    seen = {path for path, _ in shown}
    if not set(contract.must_inspect) <= seen or any(newest(story, p) < 3 for p in whole):
        yield "3"
    if len(good) < len(rows) or not rows:
        yield "4"
    least = contract.sufficiency
    few = [r for r in rows if len(set(r["evidence_refs"])) < least.min_evidence_refs_per_claim]
    if few or len(rows) < max(1, least.min_main_claims):
        yield "5"
    values: dict[str, set[str]] = {}
    for r in rows:
        if r["value"]:
            values.setdefault(r["obligation_id"] or only, set()).add(r["value"])
    if any(len(found) > 1 for found in values.values()) and len(good) == len(rows):
        yield "7"
    doubts = draft["uncertainties"]
    assert isinstance(doubts, list)
    if {u["obligation_id"] for u in doubts} & set(required):
        yield "8"
    if contract.is_open:
        yield "10"
    if any(isinstance(fact, UnknownFact) for fact in story.facts):
        yield "12"


def shown_lines(story: Story) -> dict[tuple[str, int], str]:
    return {
        (extract.path, number): FILES[extract.path][number - 1]
        for fact in story.facts
        if isinstance(fact, ToolObserved)
        for extract in fact.extracts
        for number in range(extract.start_line, extract.end_line + 1)
    }


def newest(story: Story, path: str) -> int:
    """Return how many lines the last reading of a file showed: each is of another version."""
    found = [
        extract.end_line
        for fact in story.facts
        if isinstance(fact, ToolObserved)
        for extract in fact.extracts
        if extract.path == path
    ]
    return found[-1] if found else 0


def is_shown(finding: Mapping[str, object], shown: Mapping[tuple[str, int], str]) -> bool:
    """Whether each line that it cites was shown, and its word and value stand in one of them."""
    refs, claim = finding["evidence_refs"], str(finding["claim"])
    assert isinstance(refs, list)
    lines = []
    for text in refs:
        ref = parse_ref(text)
        assert ref
        wanted = range(ref.first_line, (ref.last_line or ref.first_line) + 1)
        if any((ref.path, line) not in shown for line in wanted):
            return False
        lines += [shown[ref.path, line] for line in wanted]
    word = claim.split("`")[1]
    places = {path for path, _ in shown}
    text = " ".join((*lines, *(p for p in places if any(p in r for r in refs))))
    padded = "".join(c if c.isalnum() or c == "_" else " " for c in f" {text} ").split()
    return word in padded


if __name__ == "__main__":
    unittest.main()
