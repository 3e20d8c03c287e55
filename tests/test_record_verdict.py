"""The verdict: each row, each of the twelve conditions, why a run closes, how sure it may be."""

import unittest
from collections.abc import Callable
from dataclasses import replace

from support.facts import chained, requested
from support.stories import Story

from codex_oss.chat import FunctionCall
from codex_oss.record import (
    ActionRejected,
    BudgetChanged,
    CallUsage,
    CancelRequested,
    ClaimRecorded,
    Fact,
    GateEvaluated,
    MissionFinalized,
    ModelFailed,
    ModelStopped,
    RuntimeProgressEmitted,
    UnknownFact,
    closing_reason,
    conditions,
    early_end,
    fold,
    illegal,
    verdict,
)

LINES = ("import os", "def load(path):", "    return {30: path}")
A = "file:src/a.py#extract:1"
PROVEN = ("`load` is defined at line 2", [f"{A}@L2"])
WEAK = ("`load_all` is defined", [A])
FORGED = ("`load` is defined", ["command:9"])


def read(**contract: object) -> Story:
    return Story(**contract).reads("src/a.py", *LINES)


class Conditions(unittest.TestCase):
    def failed(self, story: Story) -> list[str]:
        return [name for name, holds in conditions(story.record).items() if not holds]

    def test_a_proven_report_meets_all_twelve(self) -> None:
        story = read().reports(PROVEN)
        self.assertEqual((self.failed(story), len(conditions(story.record))), ([], 12))

    def test_each_one_fails_for_its_own_reason(self) -> None:
        open_question = {"uncertainties": [{"text": "?", "obligation_id": "q1"}]}
        policy = {"sufficiency_policy": {"min_main_claims": 2}}
        two = [("`load`", [A], {"value": v}) for v in ("def load", "30")]
        cases: dict[str, tuple[Story, set[str]]] = {
            "not asked": (read().reports(PROVEN, status="PARTIAL"), {"model_asked_for_complete"}),
            "no findings": (
                read().reports(),
                {
                    "required_obligations_answered",
                    "findings_supported_and_verified",
                    "minimum_claims_and_refs",
                    "required_outputs_present",
                },
            ),
            "one weak finding beside a proven one": (
                read().reports(PROVEN, WEAK), {"findings_supported_and_verified"}
            ),
            "never looked at": (
                read().reports(PROVEN, looked_at=""), {"findings_supported_and_verified"}
            ),
            "too few claims": (read(**policy).reports(PROVEN), {"minimum_claims_and_refs"}),
            "a source unread": (
                read(must_inspect=["src/x"]).reports(PROVEN),
                {"required_sources_satisfied", "required_obligations_answered"},
            ),
            "an output that no report has": (
                read(required_outputs=["findings", "uninspected"]).reports(PROVEN),
                {"required_outputs_present"},
            ),
            "a contradiction": (
                read().reports(*two), {"no_contradiction", "required_obligations_answered"}
            ),
            "an open question": (
                read().reports(PROVEN, **open_question), {"no_open_uncertainty"}
            ),
            "an open question, where there is only one": (
                read().reports(PROVEN, uncertainties=["which caller is meant"]),
                {"no_open_uncertainty"},
            ),
            "a person asked for beside it": (
                read().reports(PROVEN, escalation_recommendation={"needed": True}),
                {"no_open_uncertainty"},
            ),
            "an event of tomorrow": (
                read().then(UnknownFact("Tomorrow", {})).reports(PROVEN), {"log_verifies"}
            ),
            "no report": (
                read().claims(*PROVEN),
                {
                    "model_asked_for_complete",
                    "findings_supported_and_verified",
                    "narrative_is_the_models",
                },
            ),
        }  # fmt: skip
        for what, (story, expected) in cases.items():
            with self.subTest(what):
                self.assertEqual(set(self.failed(story)), expected)

    def test_an_uncertainty_about_no_required_question_is_none(self) -> None:
        questions = ["one?", {"id": "more", "question": "more?", "required": False}]
        story = read(answer_obligations=questions)
        told = {"uncertainties": ["?", {"text": "?", "obligation_id": "more"}]}
        self.assertEqual(self.failed(story.reports(PROVEN, **told)), [])


class Rows(unittest.TestCase):
    def test_the_first_row_that_holds(self) -> None:
        def stopped(story: Story) -> Story:
            call_id = story.asks("stop")
            return story.then(ModelStopped(story.calls, call_id, "lost", True))

        cases: dict[str, tuple[Story, tuple[str, str]]] = {
            "complete": (read().reports(PROVEN), ("COMPLETE", "valid_report")),
            "asked for less": (
                read().reports(PROVEN, status="PARTIAL"), ("PARTIAL", "valid_report")
            ),
            "never raised": (read().reports(PROVEN, status="FAILED"), ("FAILED", "valid_report")),
            "a person asked for": (
                read().reports(PROVEN, status="ESCALATE"), ("ESCALATE", "valid_report")
            ),
            "weak": (
                read().reports(WEAK),
                ("PARTIAL", "objective_coverage_failed:complete_missing_required_answer"),
            ),
            "nothing": (read().reports(), ("FAILED", "report_validation_failed:nothing_proven")),
            "a zero match proves something": (
                read().greps("x").reports(status="PARTIAL"), ("PARTIAL", "valid_report")
            ),
            "forged": (
                read().reports(PROVEN, FORGED),
                ("ESCALATE", "report_validation_failed:forged_reference"),
            ),
            "blocked": (
                read(must_inspect=["src/x"]).is_denied("src/x").reports(PROVEN),
                ("ESCALATE", "blocked_source"),
            ),
            "absent is not blocked by a rule": (
                read(must_inspect=["src/x"])
                .calls_tool("rtk_read", {"path": "src/x"}, "absent", exit_code=1)
                .reports(PROVEN),
                ("PARTIAL", "objective_coverage_failed:complete_missing_required_answer"),
            ),
            "stopped for a person": (stopped(read()), ("ESCALATE", "stopped_by_model")),
            "claims without a report": (
                read().claims(*PROVEN).then(CancelRequested("person", "")),
                ("PARTIAL", "cancelled"),
            ),
            "claims that the contract does not want told": (
                read(sufficiency_policy={"allow_runtime_answer_graph_closure": False})
                .claims(*PROVEN)
                .then(CancelRequested("client", "")),
                ("FAILED", "client_disconnected"),
            ),
            "an open run": (read(), ("FAILED", "interrupted")),
        }  # fmt: skip
        for what, (story, expected) in cases.items():
            with self.subTest(what):
                ended = verdict(story.record)
                self.assertEqual((ended.status, ended.reason), expected)

    def test_a_late_run_fails_where_the_contract_says_so(self) -> None:
        for policy, status in (("fail", "FAILED"), ("deadline_policy.v1", "PARTIAL")):
            story = read(time_budget_seconds=20, deadline_policy=policy).claims(*PROVEN)
            late = record_at(story, 18_000)
            self.assertEqual((verdict(late).status, closing_reason(late)), (status, LATE))

    def test_a_status_goes_down_with_every_reason(self) -> None:
        ended = verdict(read(must_inspect=["src/x"]).reports(WEAK).record)
        reasons = (
            "complete_missing_required_answer",
            "complete_before_required_sources",
            "complete_with_weak_findings",
        )
        self.assertEqual((ended.downgraded_from, ended.downgrade_reasons), ("COMPLETE", reasons))
        self.assertEqual(verdict(read().reports(PROVEN).record).downgrade_reasons, ())


LATE = "deadline_reached"


def record_at(story: Story, elapsed_ms: int):  # type: ignore[no-untyped-def]
    """Return the story's record, with so much time gone by at its last event."""
    *before, last = chained([*story.facts, RuntimeProgressEmitted("waiting", "")])
    return fold([*before, replace(last, elapsed_ms=elapsed_ms)])


class Closing(unittest.TestCase):
    def test_each_reason_to_close(self) -> None:
        usage = CallUsage(1, 0, 0, 0, 1, "estimated")

        def faulty(story: Story, times: int, code: str = "unknown_tool") -> Story:
            for _ in range(times):
                call_id = story.asks("fly")
                story.then(ActionRejected(story.calls, call_id, code, "m", "{}", "", 1))
            return story

        def failing(story: Story, times: int, retryable: bool = True) -> Story:
            for _ in range(times):
                story.calls += 1
                failed = ModelFailed(story.calls, "server_error", "m", retryable, 1, usage)
                story.then(requested(story.calls), failed)
            return story

        def exhausted(story: Story, counter: str) -> Story:
            return story.then(BudgetChanged(counter, 1, 1, "exhausted"))

        cases: dict[str, tuple[Story, ...]] = {
            "": (
                read(), faulty(read(), 2), failing(read(), 2),
                faulty(faulty(faulty(read(), 2).claims(*PROVEN), 2).claims("x", [A]), 1),
                exhausted(read(), "tool_calls"),
            ),
            "action_parse_failed": (
                faulty(read(), 3),
                faulty(faulty(faulty(read(), 2).claims("a", [A]), 2).claims("b", [A]), 2),
            ),
            "budget_exhausted:tool_calls": (faulty(exhausted(read(), "tool_calls"), 3),),
            "model_call_failed:server_error": (
                failing(read(), 3), failing(read(), 1, retryable=False)
            ),
            "model_call_limit_reached": (read(max_model_calls=2).claims("x", [A]),),
            "budget_exhausted:output_tokens": (read(max_output_tokens_total=20),),
            "context_too_small": (exhausted(read(), "context"),),
            "log_limit": (exhausted(read(), "log"),),
            "write_attempts": (faulty(read(), 3, "no_such_tool_here"),),
            "cancelled": (read().reports(PROVEN).then(CancelRequested("person", "")),),
            "client_disconnected": (read().then(CancelRequested("client", "")),),
            "valid_report": (read().reports(PROVEN), faulty(read().reports(WEAK), 3)),
        }  # fmt: skip
        for reason, stories in cases.items():
            for number, story in enumerate(stories):
                with self.subTest(reason, number=number):
                    self.assertEqual(closing_reason(story.record), reason)

    def test_a_reply_with_one_action_among_faults_is_no_faulty_reply(self) -> None:
        story = read()
        calls = tuple(FunctionCall(f"c{n}", "fly", "{}") for n in range(3))
        for _ in range(4):
            story.says(tool_calls=calls)
            story.then(*(rejected(story, call.call_id) for call in calls[:2]))
            story.then(*claimed(story, calls[2].call_id))
        loop = story.record.loop
        self.assertEqual(
            (loop.faulty, loop.faulty_in_a_row, closing_reason(story.record)), (0, 0, "")
        )

    def test_three_faults_of_one_reply_are_one_repair(self) -> None:
        story = read()
        calls = tuple(FunctionCall(f"c{n}", "fly", "{}") for n in range(3))
        story.says(tool_calls=calls).then(*(rejected(story, call.call_id) for call in calls))
        loop = story.record.loop
        self.assertEqual((loop.faulty, loop.faulty_in_a_row), (1, 1))

    def test_only_people_and_the_model_end_a_run_at_once(self) -> None:
        self.assertEqual(early_end(read().reports(PROVEN).record), "")
        self.assertEqual(early_end(record_at(read(), 10**9)), "")


def rejected(story: Story, call_id: str) -> Fact:
    return ActionRejected(story.calls, call_id, "unknown_tool", "m", "{}", "", 1)


def claimed(story: Story, call_id: str) -> list[Fact]:
    return [ClaimRecorded(f"c{story.calls}", call_id, "x", "q1", "", (A,))]


class Confidence(unittest.TestCase):
    def sure(self, story: Story) -> str:
        return verdict(story.record).confidence

    def test_high_takes_a_value_or_two_references_and_nothing_partial(self) -> None:
        valued = (*PROVEN, {"value": "def load"})
        two = (PROVEN[0], [f"{A}@L2", f"{A}@L3"])
        twice = (PROVEN[0], [f"{A}@L2", f"{A}@L2"])
        partial = Story().reads("src/a.py", *LINES, total=9)
        capped = {"sufficiency_policy": {"confidence_cap_if_partial_extracts": "LOW"}}
        cases: dict[str, tuple[Story, ...]] = {
            "HIGH": (read().reports(valued), read().reports(two)),
            "MEDIUM": (
                read().reports(PROVEN), read().reports(twice), partial.reports(valued),
                read().reports(valued, confidence="MEDIUM"), read().reports(valued, WEAK),
            ),
            "LOW": (
                read().reports(valued, confidence="LOW"), read().reports(),
                read().claims(*PROVEN), read().reports(valued, FORGED),
                read().reports(*(("`load`", [A], {"value": v}) for v in ("def load", "30"))),
                Story(**capped).reads("src/a.py", *LINES, total=9).reports(valued),
            ),
        }  # fmt: skip
        for expected, stories in cases.items():
            for number, story in enumerate(stories):
                with self.subTest(expected, number=number):
                    self.assertEqual(self.sure(story), expected)


class TheEndOfACompleteRun(unittest.TestCase):
    def test_it_needs_its_gate_and_the_gate_needs_the_record(self) -> None:
        final = MissionFinalized("COMPLETE", "LOW", "", "", "valid_report")
        good, hollow = read().reports(PROVEN), read().reports(WEAK)
        true = dict.fromkeys(conditions(good.record), True)
        gates: dict[str, Callable[[Story], Story]] = {
            "none": lambda story: story,
            "another gate": lambda story: story.then(GateEvaluated("coverage", true, "", ())),
            "fewer inputs": lambda story: story.then(GateEvaluated("closure", {"a": True}, "", ())),
            "no inputs": lambda story: story.then(GateEvaluated("closure", {}, "", ())),
        }
        for what, gated in gates.items():
            with self.subTest(what):
                record = gated(read().reports(PROVEN)).record
                self.assertEqual(illegal(record, final), "complete_without_closure_gate")
        claims_all = GateEvaluated("closure", dict(true), "COMPLETE", ())
        self.assertEqual(illegal(good.then(claims_all).record, final), "")
        self.assertEqual(
            illegal(hollow.then(claims_all).record, final), "complete_without_closure_gate"
        )


if __name__ == "__main__":
    unittest.main()
