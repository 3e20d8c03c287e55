"""Golden runs: one of each kind of end, byte for byte, and what must hold at each event."""

import unittest
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from support import scratch
from support.facts import chained, short_run
from support.golden import UPDATE, Case, Stage, answered, cases, update
from support.missions import write_tree
from support.told import TOLD

from codex_oss.log import parse_log
from codex_oss.record import (
    FACTS,
    CancelRequested,
    Event,
    Fact,
    HeadSealed,
    LogRecovered,
    MissionAdmitted,
    ModelFailed,
    ModelReplied,
    ModelRequested,
    ProjectionWritten,
    ReportDrafted,
    RunInterrupted,
    RunRecord,
    RunResumed,
    RuntimeProgressEmitted,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    UnknownFact,
    commentary_for,
    conditions,
    fold,
    reduce,
    render,
    to_fact,
    to_payload,
)
from codex_oss.runtime import decide, explain, next_step, prompt_for

OF_PATCHES = ("semantic_review", "verification", "readiness", "rollback")
EXPLAINED = (
    "mission_id status closure_source confidence phase_path decision_count key_decisions caveats"
    " required_sources missing_evidence blocked_obligations contradictions evidence_shapes"
    " coverage_gaps coverage_score can_propose critical_violations semantic_review verification"
    " readiness rollback summary"
)


@cache
def events_of(case: Case) -> tuple[Event, ...]:
    """Return the events of a golden run as they are stored; no text of theirs is a blob."""
    reader = parse_log((case.folder / "events.jsonl").read_bytes(), lambda digest, private: "")
    return tuple(reader)


def all_events() -> Iterator[Event]:
    """Yield every event of every golden run, of those that are only told too."""
    for case in cases():
        yield from events_of(case)
    for facts in TOLD.values():
        yield from chained(facts)


class Bytes(unittest.TestCase):
    def test_each_run_and_its_files_are_what_they_were(self) -> None:
        for case in cases():
            with self.subTest(case.name), scratch() as folder:
                stage = Stage(case, folder)
                stage.play()
                if UPDATE:
                    update(stage)
                expected = {p.name: p.read_bytes() for p in case.folder.glob("views/*")}
                self.assertEqual(stage.files(), expected)
                self.assertEqual(stage.written(), (case.folder / "events.jsonl").read_bytes())

    def test_every_kind_of_end_has_its_run(self) -> None:
        ends = {(r.status, r.loop.finalized.status_reason.split(":")[0])
                for r in map(fold, map(events_of, cases())) if r.loop.finalized}  # fmt: skip
        expected = {
            ("COMPLETE", "valid_report"),
            *(("PARTIAL", why) for why in (
                "valid_report", "objective_coverage_failed", "action_parse_failed", "cancelled",
                "deadline_reached",
            )),
            *(("ESCALATE", why) for why in (
                "valid_report", "report_validation_failed", "contradiction_found",
                "blocked_source", "stopped_by_model", "write_attempts",
            )),
            *(("FAILED", why) for why in (
                "action_parse_failed", "model_call_failed", "budget_exhausted",
                "client_disconnected", "deadline_reached", "model_call_limit_reached",
                "context_too_small",
            )),
        }  # fmt: skip
        self.assertEqual(ends, expected)


class EveryFact(unittest.TestCase):
    def test_every_type_stands_in_a_golden_run(self) -> None:
        found = {event.event_type for event in all_events()}
        self.assertEqual(FACTS.keys() - found, {"UnknownFact"})

    def test_every_fact_comes_back_from_its_payload(self) -> None:
        facts = [event.fact for case in cases() for event in events_of(case)]
        for fact in (*facts, *short_run(), UnknownFact("Tomorrow", {"x": [1]})):
            name = fact.event_type if isinstance(fact, UnknownFact) else type(fact).__name__
            self.assertEqual(to_fact(name, to_payload(fact)), fact)

    def test_every_type_speaks_or_is_silent_by_decision(self) -> None:
        spoken: dict[str, set[str]] = {}
        for event in all_events():
            if sentence := commentary_for(event):
                spoken.setdefault(sentence.voice, set()).add(event.event_type)
        always, sometimes = spoken["summary"], spoken["detailed"]
        detailed = "BudgetChanged ClaimRecorded EvidenceVerified OverrideRecorded RunResumed"
        self.assertEqual(always & sometimes, {"RuntimeRecoveryRecorded"})
        self.assertEqual(sometimes - always, set(detailed.split()))
        self.assertEqual(
            FACTS.keys() - always - sometimes,
            {
                *("CancelRequested", "GateEvaluated", "HeadSealed", "LogRecovered", "ModelReplied"),
                *("ProjectionWritten", "UnknownFact", "RunInterrupted", "CommentaryDelivered"),
                *("DesktopTranscriptCaptured", "DesktopMessageObserved", "ClaimGateEvaluated"),
                *("DesktopToolCallResolved", "WorktreeCreated", "ProposalRejected"),
                *("SemanticReviewed", "PatchAppliedByRuntime", "VerificationStarted"),
                *("VerificationRan", "RollbackRecorded", "ReviewPacketBuilt", "ReviewRecorded"),
                *("PromotionStarted", "PromotionFinished", "PromotionUndone", "RollbackStarted"),
                *("MissionDiscarded", "WorktreeRemoved"),
            },
        )

    def test_every_sentence_is_one_line_of_a_bounded_length(self) -> None:
        for event in all_events():
            if sentence := commentary_for(event):
                self.assertNotIn("\n", sentence.message)
                self.assertLessEqual(len(sentence.message), 500)
                self.assertLessEqual(len(sentence.title), 120)


class EveryPrefix(unittest.TestCase):
    def test_it_folds_to_a_legal_record_and_renders(self) -> None:
        for case in cases():
            events, record = events_of(case), RunRecord()
            for seen, event in enumerate(events, 1):
                record = reduce(record, event)
                self.assertEqual((record.inconsistent, record.last_seq), ((), seen))
            self.assertEqual(fold(events), record)
            self.assertEqual(explain(events)["status"], record.status)
            for seen in range(1, len(events), 7):
                self.assertEqual(bool(render(events[:seen])), record.mission is not None)

    def test_a_new_run_built_from_any_prefix_takes_the_same_next_step(self) -> None:
        for case in cases():
            events = events_of(case)
            end = next((e.seq for e in events if isinstance(e.fact, HeadSealed)), 0) - 1
            with self.subTest(case.name), scratch() as folder:
                stage, record = Stage(case, folder), RunRecord()
                write_tree(folder)
                for seen in range(1, end):
                    following = events[seen].fact
                    record = reduce(record, events[seen - 1])
                    if is_foreign(following):
                        continue
                    stage.clock.seconds = 1000 + events[seen - 1].elapsed_ms / 1000
                    step = next_fact(stage, record, events[:seen])
                    self.assertEqual(timeless(step), timeless(following), (case.name, seen))

    def test_the_record_of_each_announced_call_gives_the_announced_prompt(self) -> None:
        for case in cases():
            record = RunRecord()
            for event in events_of(case):
                record = reduce(record, event)
                if isinstance(asked := event.fact, ModelRequested):
                    digest = prompt_for(record, asked.purpose).digest
                    self.assertEqual(digest, asked.request_sha256, (case.name, event.seq))

    def test_explain_names_the_event_that_decided_each_condition(self) -> None:
        for case in cases():
            record, since = RunRecord(), dict[str, tuple[bool, str]]()
            for event in (events := events_of(case)):
                record = reduce(record, event)
                for name, holds in conditions(record).items() if record.mission else ():
                    if since.get(name, (None,))[0] is not holds:
                        since[name] = (holds, event.event_id)
            rows = explain(events).get("conditions", [])
            assert isinstance(rows, list)
            told = {row["name"]: (row["holds"], *row["events"]) for row in rows}
            self.assertEqual((told, len(told)), (since, 12 if record.mission else 0), case.name)

    def test_explain_says_all_that_is_asked_of_it(self) -> None:
        wanted = set(EXPLAINED.split())
        for case in cases():
            told = explain(events_of(case))
            if told["status"] == "REFUSED":
                continue
            self.assertEqual(wanted - told.keys(), set())
            self.assertEqual([told[name] for name in OF_PATCHES], [None] * 4)
            required = told["required_sources"]
            self.assertEqual(told["coverage_score"] == 100, not told["coverage_gaps"], case.name)
            self.assertEqual(len(told["evidence_shapes"]), required["total"])  # type: ignore[arg-type, index]
            self.assertIn(f"ended {told['status']} ({told['status_reason']})", str(told["summary"]))
        explained = {c.name: explain(events_of(c)) for c in cases()}
        crimes = {name: told.get("critical_violations") for name, told in explained.items()}
        self.assertEqual(crimes["escalate_forged"], [{"code": "forged_reference", "count": 1}])
        self.assertEqual(crimes["escalate_writes"], [{"code": "no_such_tool_here", "count": 3}])
        self.assertEqual(crimes["complete"], [{"code": "secret_path", "count": 1}])

    def test_explain_names_the_intent_that_the_next_event_shows(self) -> None:
        outcomes = {
            "CallModel": {"ModelReplied", "ModelFailed", "RuntimeProgressEmitted"},
            "RunTool": {"ToolObserved", "ToolDenied"},
            "LookAgain": {"EvidenceVerified"},
        }
        for case in cases():
            events, record = events_of(case), RunRecord()
            for seen in range(1, len(events)):
                record = reduce(record, events[seen - 1])
                step, following = next_step(record), events[seen]
                if step is None:
                    self.assertIsInstance(following.fact, HeadSealed | ProjectionWritten)
                elif not is_foreign(following.fact):
                    expected = outcomes.get(str(step["intent"])) or {step.get("event_type")}
                    self.assertIn(following.event_type, expected, (case.name, seen))


def is_foreign(fact: Fact) -> bool:
    """Whether no decision wrote this: a person, the next process, the end, the clock."""
    if isinstance(fact, RuntimeProgressEmitted):
        return fact.progress_type == "waiting"
    written_by_others = CancelRequested | LogRecovered | RunInterrupted | RunResumed | HeadSealed
    return isinstance(fact, written_by_others)


def next_fact(stage: Stage, record: RunRecord, events: tuple[Event, ...]) -> Fact:
    """Do what comes next, with a model that stands where it stood then."""
    facts = stage.performer(answered(events)).perform(record, decide(record))
    return next(fact for fact in facts if fact is not None and not is_foreign(fact))


def timeless(fact: Fact) -> Fact:
    """Return a fact without what a clock put into it."""
    if isinstance(fact, ModelReplied):
        return replace(fact, first_byte_ms=0, total_ms=0)
    return replace(fact, duration_ms=0) if isinstance(fact, ToolObserved) else fact


class Disorder(unittest.TestCase):
    """Events that were shuffled, repeated or left out, with everything else as it was."""

    def rules(self, events: Iterable[Event]) -> list[str]:
        return [rule for _, rule in fold(events).inconsistent]

    def test_the_rule_is_named(self) -> None:
        events = list(events_of(cases()[0]))
        for at in range(1, len(events) - 1):
            with self.subTest(at):
                self.assertIn("seq_mismatch", self.rules(events[:at] + events[at + 1 :]))
                self.assertIn("seq_mismatch", self.rules(events[: at + 1] + events[at:]))
                swapped = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
                self.assertIn("seq_mismatch", self.rules(swapped))

    def test_what_is_left_out_of_a_chain_made_anew_breaks_a_rule(self) -> None:
        """Whoever writes a log anew gets every hash right; the rules of legality are left."""
        paired = (MissionAdmitted, ModelRequested, ModelReplied, ModelFailed, ToolCallEmitted,
                  ToolObserved, ToolDenied, ReportDrafted)  # fmt: skip
        for case in cases():
            facts = [event.fact for event in events_of(case)]
            self.assertEqual(self.rules(chained(facts)), [])
            for at, fact in enumerate(facts):
                if isinstance(fact, paired):
                    with self.subTest(case.name, at=at, fact=type(fact).__name__):
                        self.assertTrue(self.rules(chained(facts[:at] + facts[at + 1 :])))

    def test_an_event_of_tomorrow_is_kept_and_withholds_complete(self) -> None:
        facts = [event.fact for event in events_of(cases()[0])]
        at = next(n for n, f in enumerate(facts) if isinstance(f, ReportDrafted))
        record = fold(chained([*facts[:at], UnknownFact("Tomorrow", {"x": 1}), *facts[at:]]))
        self.assertEqual(record.unknown_events, ((at + 1, "Tomorrow"),))
        self.assertIn("complete_without_closure_gate", [rule for _, rule in record.inconsistent])


if __name__ == "__main__":
    unittest.main()
