"""Every type of event: the closed list, who says it, what may follow; and logs of old versions."""

import unittest
from collections.abc import Iterable
from pathlib import Path

from support import ROOT
from support.facts import HASH, admitted, chained, lines
from support.golden import UPDATE
from support.told import OTHER, PACKET, PATCH, TOLD, outside_run, patch_run, proposed

from codex_oss.log import parse_log
from codex_oss.record import (
    FACTS,
    BudgetChanged,
    CommentaryDelivered,
    Event,
    Fact,
    MissionFinalized,
    PatchApplyStarted,
    PatchBuilt,
    PatchChecked,
    PatchFact,
    PromotionStarted,
    ReviewRecorded,
    RollbackRecorded,
    RollbackStarted,
    RunRecord,
    RunResumed,
    UnknownFact,
    VerificationJudged,
    commentary_for,
    fold,
    illegal,
    is_implemented,
    reduce,
    render,
    to_fact,
    to_payload,
)

LOGS = ROOT / "tests" / "logs"
TYPES = 56  # event-log 3.


def stored(path: Path) -> tuple[Event, ...]:
    reader = parse_log(path.read_bytes(), lambda digest, private: "")
    events = tuple(reader)
    assert reader.damage is None and not reader.torn, (path, reader.damage)
    return events


def after(facts: Iterable[Fact], last: type[Fact]) -> RunRecord:
    """Return the record after the first fact of this type."""
    told: list[Fact] = []
    for fact in facts:
        told.append(fact)
        if isinstance(fact, last):
            break
    return fold(chained(told))


class TheList(unittest.TestCase):
    def test_it_is_closed_and_of_this_length(self) -> None:
        self.assertEqual(len(FACTS.keys() - {"UnknownFact"}), TYPES)

    def test_who_says_it_stands_in_its_line(self) -> None:
        told = [(event.event_type, self.said_by(event)) for event in chained(outside_run())]
        self.assertIn(("OverrideRecorded", "person reviewer_judgment"), told)
        self.assertIn(("BudgetChanged", "person reviewer_judgment"), told)
        self.assertIn(("CommentaryDelivered", "runtime runtime_authoritative"), told)
        desktop = [by for name, by in told if name.startswith("Desktop")]
        seen, file = "desktop_app desktop_observed", "cli_import diagnostic_only"
        self.assertEqual(desktop, [seen, seen, file, file, seen])

    def said_by(self, event: Event) -> str:
        (line,) = [line for line in lines(outside_run()) if line.event == event]
        members = line.data.decode().split('"')
        return f"{members[members.index('source_kind') + 2]} {members[3]}"


class Told(unittest.TestCase):
    def test_each_told_run_is_legal_and_is_what_it_was(self) -> None:
        for name, facts in TOLD.items():
            with self.subTest(name):
                path = LOGS / "told" / f"{name}.jsonl"
                if UPDATE:
                    path.write_bytes(b"".join(line.data for line in lines(facts)))
                record = RunRecord()
                for event in stored(path):
                    record = reduce(record, event)
                    self.assertEqual(record.inconsistent, (), event.event_type)
                self.assertEqual([e.fact for e in stored(path)], list(facts))
                self.assertTrue(render(stored(path)))

    def test_every_fact_comes_back_from_its_payload(self) -> None:
        for fact in (*patch_run(), *outside_run()):
            self.assertEqual(to_fact(type(fact).__name__, to_payload(fact)), fact)

    def test_what_is_spoken_of_a_patch_and_what_is_not(self) -> None:
        spoken = [s.event_type for e in chained(patch_run()) if (s := commentary_for(e))]
        checked = ["patch_intent_received", "patch_validation_started"]
        self.assertEqual(
            spoken,
            [
                *("mission_started", "runtime_redirect", *checked, "patch_validation_failed"),
                *("runtime_redirect", *checked, "patch_validation_passed"),
                *("isolated_apply_started", "verification_passed", "coverage_update"),
                "mission_cancelled",
            ],
        )

    def test_a_verification_that_did_not_pass_is_told_as_failed(self) -> None:
        (event,) = chained([VerificationJudged(PATCH, "inconclusive", ("time",))])
        sentence = commentary_for(event)
        assert sentence
        told = (sentence.event_type, sentence.message)
        self.assertEqual(
            told, ("verification_failed", "The verification ended inconclusive: time.")
        )

    def test_what_is_spoken_of_all_else(self) -> None:
        told = [
            (type(e.fact).__name__, s.event_type, s.voice)
            for e in chained(outside_run())
            if (s := commentary_for(e))
        ]
        self.assertEqual(
            told[1:-2],
            [
                ("OverrideRecorded", "runtime_redirect", "detailed"),
                ("BudgetChanged", "runtime_redirect", "detailed"),
                ("RunResumed", "runtime_wait", "detailed"),
                ("RuntimeRecoveryRecorded", "evidence_recovered", "summary"),
                ("RuntimeRecoveryRecorded", "runtime_redirect", "detailed"),
                ("ContradictionRecorded", "coverage_update", "summary"),
                ("CorroborationRecorded", "coverage_update", "summary"),
                ("OverrideRecorded", "runtime_redirect", "detailed"),
            ],
        )


class Limits(unittest.TestCase):
    def test_a_raised_limit_holds_and_what_was_used_up_is_asked_again(self) -> None:
        spent = BudgetChanged("tool_calls", 20, 20, "exhausted")
        log = BudgetChanged("log", 9, 9, "exhausted")
        more = BudgetChanged("tool_budget", 20, 30, "raised")
        record = fold(chained([admitted(), spent, log, more]))
        self.assertEqual(record.inconsistent, ())
        self.assertEqual(record.contract.budget.tool_budget, 30)
        self.assertEqual(record.budget.exhausted, ("log",))

    def test_only_what_holds_is_raised_and_only_upwards(self) -> None:
        record = fold(chained([admitted()]))
        cases = {
            BudgetChanged("tool_budget", 19, 30, "raised"): "limit_mismatch",
            BudgetChanged("patience", 20, 30, "raised"): "limit_mismatch",
            BudgetChanged("tool_budget", 20, 20, "raised"): "limit_not_raised",
            BudgetChanged("tool_budget", 20, 10, "cut"): "",
        }
        for fact, rule in cases.items():
            self.assertEqual(illegal(record, fact), rule, fact)


class Interruptions(unittest.TestCase):
    def test_a_run_is_interrupted_until_it_is_resumed(self) -> None:
        facts = outside_run()
        self.assertEqual(fold(chained(facts[:3])).loop.interrupted, "client_disconnected")
        self.assertEqual(after(facts, RunResumed).loop.interrupted, "")

    def test_who_aborts_cancels(self) -> None:
        loop = after(outside_run(), MissionFinalized).loop
        self.assertEqual((loop.cancelled_by, loop.cancel_reason), ("person", "enough"))


class Deliveries(unittest.TestCase):
    def test_neighbours_in_one_state_are_one(self) -> None:
        told = [CommentaryDelivered(n, n, "sse_emitted", 1, 0, "") for n in range(1, 4)]
        record = fold(chained([admitted(), *told, CommentaryDelivered(4, 4, "failed", 0, 1, "x")]))
        self.assertEqual(
            record.delivery.commentary,
            (
                CommentaryDelivered(1, 3, "sse_emitted", 3, 0, ""),
                CommentaryDelivered(4, 4, "failed", 0, 1, "x"),
            ),
        )

    def test_only_what_we_saw_ourselves_counts(self) -> None:
        part = fold(chained(outside_run())).delivery
        self.assertEqual(
            (part.captures, part.messages_observed, part.messages_matched, part.calls_adopted),
            (1, 2, 1, 0),
        )


class Patches(unittest.TestCase):
    """What a patch rests on. Each case is a record and a step that may not follow."""

    def test_the_whole_way_is_implemented_and_promoted(self) -> None:
        record = fold(chained(patch_run()))
        self.assertEqual((record.inconsistent, record.status), ((), "PARTIAL"))
        self.assertTrue(is_implemented(record.patch))
        promoted = after(patch_run(), RollbackStarted)
        self.assertEqual(promoted.promotion_state, "promoted")
        self.assertEqual(record.promotion_state, "discarded")

    def test_a_mission_that_reads_has_no_patches(self) -> None:
        record = fold(chained([admitted()]))
        for fact in patch_run():
            if isinstance(fact, PatchFact):
                self.assertEqual(illegal(record, fact), "no_patch_lane")

    def test_each_step_rests_on_the_one_before_for_the_same_patch(self) -> None:
        """Without a step what rests on it breaks a rule, or nothing is proved."""
        facts = patch_run()
        free = {
            *("RepairRequested", "VerificationJudged", "CancelRequested", "EvidenceVerified"),
            *("MissionDiscarded", "WorktreeRemoved"),
        }
        for at, fact in enumerate(facts[8:], 8):
            name = type(fact).__name__
            is_proof = isinstance(fact, RollbackRecorded) and fact.reason == "proof"
            is_free = name in free or is_proof
            with self.subTest(name, at=at):
                record = fold(chained(facts[:at] + facts[at + 1 :]))
                self.assertEqual(not record.inconsistent, is_free, record.inconsistent)
                if is_proof or name == "VerificationJudged":
                    self.assertFalse(is_implemented(record.patch))

    def test_the_rule_is_named(self) -> None:
        facts = patch_run()
        built, valid = after(facts[:1] + facts[8:], PatchBuilt), facts[10]
        over = after(facts, ReviewRecorded)
        rejected = fold(chained([*facts[:22], ReviewRecorded(PACKET, "r", "reject")]))
        promoted = after(facts, RollbackStarted)
        image = PatchApplyStarted(PATCH, ())
        cases: tuple[tuple[RunRecord, Fact, str], ...] = (
            (built, PatchChecked(OTHER, "VALID", {}, ()), "another_patch_hash"),
            (built, image, "patch_not_reviewed"),
            (fold(chained([*facts[:1], *facts[8:10], valid])), image, "patch_not_reviewed"),
            (built, PatchBuilt(7, PATCH, 1, ()), "patch_not_proposed"),
            (built, ReviewRecorded(PACKET, "r", "accept"), "before_the_end"),
            (over, proposed(9), "nothing_after_the_end"),
            (over, ReviewRecorded(OTHER, "r", "accept"), "another_packet_hash"),
            (over, PromotionStarted(PATCH, OTHER, "r", ()), "promotion_without_review"),
            (over, PromotionStarted(OTHER, PACKET, "r", ()), "another_patch_hash"),
            (over, RollbackStarted(PATCH, "p", "", ()), "not_promoted"),
            (rejected, PromotionStarted(PATCH, PACKET, "r", ()), "promotion_without_review"),
            (promoted, PromotionStarted(PATCH, PACKET, "r", ()), "promoted_twice"),
        )  # fmt: skip
        for record, fact, rule in cases:
            with self.subTest(rule, fact=type(fact).__name__):
                self.assertEqual(record.inconsistent, ())
                self.assertEqual(illegal(record, fact), rule)

    def test_an_invalid_patch_is_not_applied(self) -> None:
        facts = patch_run()
        record = after(facts, PatchChecked)
        self.assertEqual(illegal(record, PatchApplyStarted(OTHER, ())), "patch_not_reviewed")
        self.assertFalse(is_implemented(record.patch))


class OldLogs(unittest.TestCase):
    """Logs that released versions left: whatever they hold folds and renders for ever."""

    def test_they_fold_and_render(self) -> None:
        found = sorted(path for path in LOGS.glob("[0-9]*/*.jsonl"))
        self.assertTrue(found)
        for path in found:
            with self.subTest(path.relative_to(LOGS).as_posix()):
                events = stored(path)
                record = fold(events)
                self.assertEqual((record.inconsistent, record.unknown_events), ((), ()))
                self.assertEqual(bool(render(events)), record.status != "REFUSED")

    def test_a_type_of_tomorrow_is_kept_and_withholds_claims(self) -> None:
        facts = [e.fact for e in stored(LOGS / "0.1.0" / "complete.jsonl")]
        end = next(n for n, fact in enumerate(facts) if isinstance(fact, MissionFinalized))
        tomorrow = UnknownFact("Tomorrow", {"x": HASH})
        record = fold(chained([*facts[:1], tomorrow, *facts[1 : end + 1]]))
        self.assertEqual(record.unknown_events, ((2, "Tomorrow"),))
        self.assertNotEqual(record.status, "COMPLETE")


if __name__ == "__main__":
    unittest.main()
