"""What comes next: phases and what each allows, limits with a redirect first, calls one by one."""

import json
import unittest
from dataclasses import replace

from support.facts import chained, observed, replied, requested
from support.stories import Story

from codex_oss.chat import FunctionCall
from codex_oss.contract import ToolAction
from codex_oss.record import (
    ActionRejected,
    BudgetChanged,
    CancelRequested,
    ClaimRecorded,
    Fact,
    GateEvaluated,
    MissionFinalized,
    ModelNarrationEmitted,
    ModelReplied,
    ModelRequested,
    ModelStopped,
    PhaseChanged,
    ReportDrafted,
    ReportValidated,
    RunRecord,
    RuntimeProgressEmitted,
    ToolCallEmitted,
    fold,
)
from codex_oss.runtime import CallModel, LookAgain, Note, RunTool, decide
from codex_oss.runtime.decide import subject_of
from codex_oss.runtime.phases import phase_of

LINES = ("def load(path):", "    return {30: path}")
A = "file:src/a.py#extract:1"
PROVEN = ("`load` is defined at line 1", [f"{A}@L1"])
WEAK = ("`load_all` is defined", [A])


def noted(record: RunRecord) -> Fact:
    intent = decide(record)
    assert isinstance(intent, Note), intent
    return intent.fact


def settled(story: Story) -> Story:
    """Let the run note everything that follows by itself, up to its next question or act."""
    while True:
        intent = decide(story.record)
        passing = (PhaseChanged, BudgetChanged, RuntimeProgressEmitted)
        if not (isinstance(intent, Note) and isinstance(intent.fact, passing)):
            return story
        story.then(intent.fact)


def asked_for(story: Story, *calls: tuple[str, object]) -> Story:
    """Let the model make these calls, and leave them waiting."""
    story.calls += 1
    made = tuple(
        FunctionCall(f"c{story.calls}_{n}", name, json.dumps(arguments))
        for n, (name, arguments) in enumerate(calls)
    )
    return story.then(requested(story.calls), replied(story.calls, *made))


class Phases(unittest.TestCase):
    def test_each_phase_holds_while_its_row_does(self) -> None:
        wanted = {"must_inspect": ["src/a.py"], "allowed_paths": ["src/a.py"]}
        exhausted = BudgetChanged("tool_calls", 1, 1, "exhausted")
        cases: dict[tuple[str, str], Story] = {
            ("PLAN", "nothing_observed"): Story(),
            ("EXPLORE", "required_source_unread"): Story(**wanted).greps("x"),
            ("NARROW", "obligation_without_claim"): Story(**wanted).reads("src/a.py", *LINES),
            ("VERIFY", "all_claimed"): Story().reads("src/a.py", *LINES).claims(*PROVEN),
            ("REPORT", "budget_exhausted:tool_calls"): Story().then(exhausted),
            ("REPORT", "cancelled"): Story().then(CancelRequested("person", "")),
            ("REPORT", "valid_report"): Story().reads("src/a.py", *LINES).reports(PROVEN),
        }
        for expected, story in cases.items():
            with self.subTest(expected):
                self.assertEqual(phase_of(story.record), expected)

    def test_a_change_of_phase_is_noted_with_all_evidence(self) -> None:
        story = Story().reads("src/a.py", *LINES).greps("nowhere")
        fact = noted(story.record)
        cause = "obligation_without_claim"
        self.assertEqual(fact, PhaseChanged("PLAN", "NARROW", cause, (A, "command:1")))

    def test_in_the_report_phase_a_tool_or_a_claim_is_answered_phase_closed(self) -> None:
        for name, arguments in (
            ("rtk_read", {"path": "src/a.py"}),
            ("record_claim", {"claim": PROVEN[0], "evidence_refs": PROVEN[1]}),
        ):
            story = Story(tool_budget=1).reads("src/a.py", *LINES)
            fact = noted(asked_for(settled(story), (name, arguments)).record)
            self.assertIsInstance(fact, ActionRejected)
            self.assertEqual(fact.code, "phase_closed")

    def test_a_report_sent_early_is_judged_as_it_is(self) -> None:
        early = asked_for(Story(), ("final_report", {"report": {"status": "PARTIAL"}}))
        self.assertIsInstance(noted(early.record), ReportDrafted)


class Limits(unittest.TestCase):
    def exhausted(self, story: Story) -> list[str]:
        return [f.counter for f in settled(story).facts if isinstance(f, BudgetChanged)]

    def test_each_budget_ends_exploration_when_it_is_reached_and_once(self) -> None:
        def late(story: Story, elapsed_ms: int) -> list[str]:
            *before, last = chained(story.facts)
            fact = noted(fold([*before, replace(last, elapsed_ms=elapsed_ms)]))
            return [fact.counter] if isinstance(fact, BudgetChanged) else []

        read = Story().reads("src/a.py", *LINES)
        self.assertEqual(self.exhausted(read), [])
        self.assertEqual(self.exhausted(Story(tool_budget=1).greps("x")), ["tool_calls"])
        self.assertEqual(self.exhausted(Story(max_model_calls=2).greps("x")), ["model_calls"])
        full = Story(max_total_observation_bytes=1_030).reads("src/a.py", *LINES)
        self.assertEqual(self.exhausted(full), ["observation_bytes"])
        self.assertEqual(late(Story(time_budget_seconds=100), 80_000), ["exploration_time_ms"])
        self.assertEqual(late(Story(time_budget_seconds=100), 79_999), [])

    def test_a_log_that_is_nearly_full_ends_the_run(self) -> None:
        *before, last = chained(Story().reads("src/a.py", *LINES).facts)
        for size in ({"line_bytes": 128 * 2**20}, {"blob_bytes": 256 * 2**20}):
            record = fold([*before, replace(last, **size)])
            self.assertEqual(noted(record).counter, "log")  # type: ignore[union-attr]
        long = replace(fold([*before, last]), last_seq=95_000)
        self.assertEqual(noted(long).counter, "log")  # type: ignore[union-attr]

    def test_progress_limits_redirect_first_and_then_end_exploration(self) -> None:
        story = Story(max_low_information_actions=1).reads("src/a.py", *LINES)
        kinds: list[str] = []
        for number in range(4):
            settled(story.is_denied(f"src/x{number}"))
            kinds = [
                f.progress_type if isinstance(f, RuntimeProgressEmitted) else f.counter
                for f in story.facts
                if isinstance(f, RuntimeProgressEmitted | BudgetChanged)
            ]
            if number == 1:
                self.assertEqual(kinds, ["redirect:low_information"])
        self.assertEqual(kinds, ["redirect:low_information", "low_information"])

    def test_calls_of_one_reply_are_not_redirected_twice_before_the_model_was_told(self) -> None:
        story = Story(max_duplicate_actions=0).reads("src/a.py", *LINES)
        read = ("rtk_read", {"path": "src/a.py"})
        asked_for(settled(story), read, read, read)
        for call in story.record.loop.queue:
            arguments = story.record.evidence.commands[0].arguments
            emitted = ToolCallEmitted(call.call_id, "rtk_read", "", "read", "r", arguments, "it")
            original = story.record.evidence.commands[0]
            again = replace(
                observed(call.call_id), cached=True, text="", bytes=0, extracts=(),
                output_hash=original.output_hash,
            )  # fmt: skip
            settled(story.then(emitted, again))
        redirects = [f for f in story.facts if isinstance(f, RuntimeProgressEmitted)]
        self.assertEqual(len(redirects), 1)
        self.assertEqual(story.record.budget.exhausted, ())
        self.assertIsInstance(noted(story.record), ModelRequested)


class Prefetch(unittest.TestCase):
    WANTED = {"must_inspect": ["src/a.py", "src/b.py"], "allowed_paths": ["src/a.py", "src/b.py"]}

    def test_required_sources_are_read_first_each_once_even_without_tools(self) -> None:
        story = settled(Story(tool_budget=0, **self.WANTED))
        fact = noted(story.record)
        assert isinstance(fact, ToolCallEmitted)
        self.assertEqual((json.loads(fact.arguments)["path"], fact.response_id), ("src/a.py", ""))
        story.then(fact)
        self.assertIsInstance(decide(story.record), RunTool)
        story.then(replace(observed(fact.call_id, ""), exit_code=2, extracts=()))
        second = noted(settled(story).record)
        assert isinstance(second, ToolCallEmitted)
        self.assertEqual(json.loads(second.arguments)["path"], "src/b.py")
        self.assertNotEqual(second.call_id, fact.call_id)

    def test_a_model_led_mission_reads_by_itself(self) -> None:
        story = settled(Story(evidence_collection_mode="model_led", **self.WANTED))
        self.assertIsInstance(noted(story.record), ModelRequested)

    def test_a_source_that_is_not_to_be_prefetched_is_left_to_the_model(self) -> None:
        named = [{"question": "?", "source_requirements": [{"path": "d", "prefetch": False}]}]
        story = settled(Story(allowed_paths=["d"], answer_obligations=named))
        self.assertIsInstance(noted(story.record), ModelRequested)


class Actions(unittest.TestCase):
    def taken(self, name: str, arguments: object, **contract: object) -> Fact:
        story = Story(**contract).reads("src/a.py", *LINES)
        return noted(asked_for(settled(story), (name, arguments)).record)

    def test_a_tool_call_is_narrated_and_then_announced(self) -> None:
        story = Story().reads("src/a.py", *LINES)
        asked_for(settled(story), ("rtk_read", {"path": "src/b.py", "reason": "to see"}))
        first = noted(story.record)
        assert isinstance(first, ModelNarrationEmitted)
        self.assertEqual(first.reason, "to see")
        second = noted(story.then(first).record)
        assert isinstance(second, ToolCallEmitted)
        self.assertEqual((second.subject, second.tool_class), ("src/b.py", "read"))
        self.assertEqual(decide(story.then(second).record), RunTool(second))

    def test_a_sentence_names_what_a_call_is_about(self) -> None:
        cases: tuple[tuple[str, dict[str, str | int | bool | None], str], ...] = (
            ("rtk_grep", {"pattern": "x", "path": "src"}, "'x' in src"),
            ("rtk_ls", {"path": "."}, "the project"),
            ("rtk_git_log", {"path": None}, "the project"),
            ("rtk_git_show_stat", {"rev": "HEAD~1"}, "HEAD~1"),
        )
        for name, arguments, subject in cases:
            self.assertEqual(subject_of(ToolAction(name, arguments)), subject)

    def test_claims_and_reports_about_no_obligation_are_told_which_there_are(self) -> None:
        claim = {"claim": PROVEN[0], "evidence_refs": PROVEN[1], "obligation_id": "q9"}
        for name, arguments in (
            ("record_claim", claim),
            ("final_report", {"report": {"status": "COMPLETE", "findings": [claim]}}),
        ):
            fact = self.taken(name, arguments)
            assert isinstance(fact, ActionRejected)
            self.assertEqual(fact.message, "no obligation `q9`; there is q1")

    def test_a_claim_on_what_was_never_shown_is_told_so(self) -> None:
        fact = self.taken("record_claim", {"claim": "x", "evidence_refs": ["command:7"]})
        assert isinstance(fact, ActionRejected)
        self.assertIn("never shown in this run: command:7", fact.message)

    def test_a_run_has_forty_claims(self) -> None:
        story = Story(max_model_calls=60).reads("src/a.py", *LINES)
        for number in range(40):
            story.claims(f"claim {number}", [A])
        claim = {"claim": "one more", "evidence_refs": [A]}
        fact = noted(asked_for(settled(story), ("record_claim", claim)).record)
        assert isinstance(fact, ActionRejected)
        self.assertIn("at most 40 claims", fact.message)

    def test_equal_claims_have_equal_ids(self) -> None:
        claim = {"claim": PROVEN[0], "evidence_refs": PROVEN[1]}
        one, two = self.taken("record_claim", claim), self.taken("record_claim", claim)
        assert isinstance(one, ClaimRecorded) and isinstance(two, ClaimRecorded)
        self.assertEqual(one.claim_id, two.claim_id)
        other = self.taken("record_claim", claim | {"claim": "other"})
        assert isinstance(other, ClaimRecorded)
        self.assertNotEqual(one.claim_id, other.claim_id)

    def test_text_is_answered_with_what_was_wrong_with_it(self) -> None:
        cases = {
            "prose_report": {"text": "It is there."},
            "empty_reply": {"text": "  "},
            "truncated_output": {"text": "It is th", "finish_reason": "length"},
        }
        for code, changes in cases.items():
            fact = noted(settled(Story().says(**changes)).record)
            assert isinstance(fact, ActionRejected)
            self.assertEqual(fact.code, code)

    def test_a_call_that_was_cut_off_is_no_broken_json(self) -> None:
        story = asked_for(Story(), ("final_report", {}))
        last = story.facts[-1]
        assert isinstance(last, ModelReplied)
        cut = FunctionCall(last.tool_calls[0].call_id, "final_report", '{"report": {"sta')
        story.facts[-1] = replace(last, tool_calls=(cut,), finish_reason="length")
        fact = noted(story.record)
        assert isinstance(fact, ActionRejected)
        self.assertEqual(fact.code, "truncated_output")

    def test_a_word_to_stop_beats_the_calls_that_wait(self) -> None:
        story = asked_for(Story(), ("stop", {"reason": "lost"}), ("rtk_ls", {}))
        fact = noted(story.record)
        assert isinstance(fact, ModelStopped)
        kinds = [type(f) for f in played(story.then(fact))]
        self.assertNotIn(ToolCallEmitted, kinds)
        self.assertEqual(kinds[-1], MissionFinalized)


def played(story: Story) -> list[Fact]:
    """Let everything follow that follows by itself, and return it."""
    before = len(story.facts)
    while story.record.is_open:
        story.then(noted(story.record))
    return story.facts[before:]


class ClosingARun(unittest.TestCase):
    def test_it_looks_again_judges_opens_its_gate_and_ends(self) -> None:
        story = settled(Story().reads("src/a.py", *LINES).reports(PROVEN, looked_at=""))
        intent = decide(story.record)
        assert isinstance(intent, LookAgain)
        self.assertEqual([c.ref for c in intent.citations], [f"{A}@L1-L1"])
        kinds = [type(f) for f in played(story.looks_again())]
        self.assertEqual(kinds, [ReportValidated, GateEvaluated, MissionFinalized])

    def test_a_hollow_report_gets_one_round_as_long_as_calls_remain(self) -> None:
        for changes, expected in (
            ({}, ModelRequested),
            ({"tool_budget": 1}, ModelRequested),
            ({"max_model_calls": 2}, GateEvaluated),
        ):
            with self.subTest(changes):
                story = Story(**changes).reads("src/a.py", *LINES).reports(WEAK)
                settled(story).then(noted(story.record))
                self.assertIsInstance(noted(settled(story).record), expected)

    def test_without_tools_left_the_round_is_one_of_reporting(self) -> None:
        story = Story(tool_budget=1).reads("src/a.py", *LINES).reports(WEAK)
        settled(settled(story).then(noted(story.record)))
        self.assertEqual(story.record.loop.phase, "REPORT")

    def test_a_second_hollow_report_ends_the_run(self) -> None:
        story = Story().reads("src/a.py", *LINES).reports(WEAK)
        settled(settled(story).then(noted(story.record)))
        story.reports(WEAK)
        self.assertEqual(played(story)[-1].status, "PARTIAL")  # type: ignore[union-attr]

    def test_asking_again_makes_a_new_look_due(self) -> None:
        story = Story().reads("src/a.py", *LINES).reports(WEAK)
        settled(settled(story).then(noted(story.record)))
        for _ in range(3):
            story.asks("fly")
            settled(story)
            story.then(noted(story.record))
        self.assertIsInstance(decide(settled(story).record), LookAgain)

    def test_a_call_is_made_as_it_was_announced(self) -> None:
        story = Story()
        announced = noted(story.record)
        assert isinstance(announced, ModelRequested)
        self.assertEqual(decide(story.then(announced).record), CallModel(announced))
        self.assertEqual(announced.deadline_ms, 162_000)
        self.assertEqual((announced.purpose, announced.call, announced.attempt), ("explore", 1, 1))


if __name__ == "__main__":
    unittest.main()
