"""What a run saved, and how a model's lanes do: from the log alone."""

import json
import unittest
from dataclasses import replace

from support import scratch
from support.facts import admitted
from support.missions import ScriptedModel, calls, order, report, write_tree
from support.stories import Story

from codex_oss.deadline import Deadline
from codex_oss.profiles import ModelProfile
from codex_oss.record import (
    CitationResult,
    EvidenceVerified,
    MissionFinalized,
    lane_states,
    score_of,
    scorecards,
)
from codex_oss.record import report as report_of
from codex_oss.settings import load_settings
from codex_oss.wiring import wire_workshop

LINES = ["def load(path):", *(f"    step_{n}()" for n in range(400))]
REF = "file:src/a.py#extract:1@L1"
FOUND = ("`load` is defined in src/a.py", [REF])
READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = report(("`load` is defined in src/config.py", ["file:src/config.py#extract:1@L4-L5"]))


def ended(story: Story, status: str = "PARTIAL", reason: str = "valid_report") -> Story:
    return story.then(MissionFinalized(status, "HIGH", "sha256:" + "0" * 64, "Found.", reason))


def row(status: str = "COMPLETE", **score: object) -> dict[str, object]:
    plain = {"alias": "kimi", "lane": "investigation", "wall_ms": 5, "is_measured": True,
             "denied": 1, "source": "s"}  # fmt: skip
    return {"status": status, "tokens": 10, "ended": "2026", "score": plain | score}


def state(*statuses: str, **score: object) -> str:
    cards = scorecards([row(status, **score) for status in statuses])
    return lane_states(cards, "kimi")["investigation"]


class Displacement(unittest.TestCase):
    def told(self, *lines: str) -> dict:
        story = Story().reads("src/a.py", *lines).reports(FOUND)
        story.reads("src/unused.py", *LINES)
        return report_of(story.record)  # type: ignore[return-value]

    def test_the_baseline_is_what_findings_cite_and_nothing_else(self) -> None:
        short, long = (self.told(*lines)["usage_displacement"] for lines in (LINES[:1], LINES))
        text = "\n".join(f"{n}: {line}" for n, line in enumerate(LINES, 1))
        self.assertEqual(long["baseline"]["tokens"], len(text.encode()) // 4)
        self.assertEqual(
            short["saved_tokens"], short["baseline"]["tokens"] - short["review"]["tokens"]
        )
        self.assertLess(short["saved_tokens"], 0)
        self.assertGreater(long["saved_tokens"], 0)
        self.assertEqual((long["oss"]["calls"], long["oss"]["usage_quality"]), (3, "measured"))
        ratio = long["review"]["tokens"] * 10_000 // long["baseline"]["tokens"]
        self.assertEqual(long["review_burden_ratio"], f"0.{ratio:04}")

    def test_a_value_is_negative_where_the_review_is_longer(self) -> None:
        values = [self.told(*lines)["delegation_value"] for lines in (LINES[:1], LINES * 9)]
        self.assertEqual([each["value"] for each in values], ["negative", "high"])
        self.assertEqual([each["poor_delegation_value"] for each in values], [True, False])


class Scorecards(unittest.TestCase):
    def test_a_lane_has_the_first_state_whose_rule_holds(self) -> None:
        good, bad, half = "COMPLETE", "FAILED", "PARTIAL"
        self.assertEqual(state(bad, bad), "canary")
        self.assertEqual(state(bad, bad, bad, *[good] * 9), "downgraded")
        self.assertEqual(state(*[half] * 4, *[good] * 2), "downgraded")
        self.assertEqual(state(*[half] * 6, *[good] * 4), "canary")
        self.assertEqual(state(*[good] * 9), "canary")
        self.assertEqual(state(*[good] * 7, *[half] * 3), "promoted")
        self.assertEqual(state(*[good] * 10, is_measured=False), "canary")
        self.assertEqual(state(*[good] * 20, *[bad] * 50), "promoted")

    def test_a_card_sums_up_its_runs(self) -> None:
        found = scorecards([row(), row("FAILED"), row(alias="other"), {"status": "OPEN"}])
        cards = found["cards"]
        assert isinstance(cards, dict)
        self.assertEqual(list(cards), ["kimi:investigation", "other:investigation"])
        card = cards["kimi:investigation"]
        self.assertEqual(card["by_status"], {"COMPLETE": 1, "FAILED": 1})
        said = [card[name] for name in ("samples", "denied_actions", "tokens_median", "basis")]
        self.assertEqual(said, [2, 2, 10, "measured"])

    def test_what_says_nothing_of_a_model_has_no_score(self) -> None:
        first = admitted()
        real = replace(first, profile=replace(first.profile, name="kimi"),
                       admission={"lane": "investigation"})  # fmt: skip
        story = Story().reads("src/a.py", *LINES[:1]).reports(FOUND)
        story.facts[0] = real
        self.assertEqual(score_of(story.record), {})
        self.assertEqual(score_of(ended(story).record)["alias"], "kimi")
        for other in (first, replace(real, route_class="source_pack")):
            story.facts[0] = other
            self.assertEqual(score_of(story.record), {})

    def test_a_forged_reference_is_a_denied_attempt_also_after_a_clean_report(self) -> None:
        story = Story().reads("src/a.py", *LINES[:1]).reports(("`load`", ["command:7"]))
        story.then(EvidenceVerified((CitationResult("command:7", "forged", "", 0, 0, ""),)))
        first = admitted()
        story.facts[0] = replace(
            first,
            profile=replace(first.profile, name="kimi"),
            admission={"lane": "investigation"},
        )
        self.assertEqual(score_of(ended(story.reports(FOUND)).record)["denied"], 1)

    def test_the_file_is_the_fold_of_the_runs_and_admission_records_the_state(self) -> None:
        model = ScriptedModel(READ, GOOD)

        def model_of(profile: ModelProfile) -> ScriptedModel:
            return ScriptedModel(READ, GOOD) if profile.name == "mine" else model

        with scratch() as folder:
            write_tree(folder)
            profiles = {"mine": {"base_url": "http://127.0.0.1:9/v1"}}
            environ = {"HOME": str(folder), "PROFILES_JSON": json.dumps(profiles)}
            shop = wire_workshop(load_settings(environ, folder), models=model_of)  # type: ignore[arg-type]
            for name in ("mine", "mine", "rehearsal"):
                wanted = replace(order(shop), profile=shop.registry.resolve(name))
                events = tuple(shop.desk.begin(wanted, Deadline(shop.clock)).events())
            file = folder / ".codex-oss/capability_scorecards.json"
            kept = json.loads(file.read_text())
            self.assertEqual(kept, shop.desk.archive.scorecards())
            self.assertEqual(kept["cards"]["mine:investigation"]["accepted"], 2)
            self.assertEqual(list(kept["cards"]), ["mine:investigation"])
            decision = events[0].fact.admission["capability_route_decision"]  # type: ignore[union-attr]
            self.assertEqual((decision["lane"], decision["state"]), ("investigation", "canary"))


if __name__ == "__main__":
    unittest.main()
