"""Claims without a report are put into words by a closer, who adds nothing to them."""

import json
import unittest
from collections.abc import Mapping
from dataclasses import replace

from support import scratch
from support.missions import ScriptedModel, begin, calls, says, workshop, write_tree

from codex_oss.chat import ChatRequest
from codex_oss.contract import ANSWER, blocks, read_closer_draft
from codex_oss.missions import MissionResult
from codex_oss.record import ModelRequested

READ = calls(("rtk_read", {"path": "src/config.py"}))
CLAIM = {
    "claim": "`load` is defined in src/config.py at line 4",
    "evidence_refs": ["file:src/config.py#extract:1@L4-L5"],
    "obligation_id": "q1",
}
CLAIMED = calls(("record_claim", CLAIM))
WORDS: Mapping[str, object] = {
    "narrative_summary": "The function `load` was found, and nobody reported on it.",
    "caveat_narratives": ["The model did not finish."],
}


def writes(words: Mapping[str, object]) -> object:
    return says(json.dumps(words))


class Closers(unittest.TestCase):
    def run_with(self, *closing: object, **changes: object) -> tuple[MissionResult, ScriptedModel]:
        """Run a mission whose model claims, and then says nothing that is an action."""
        model = ScriptedModel(READ, CLAIMED, *[says("Thank you.")] * 3, *closing)  # type: ignore[arg-type]
        with scratch() as folder:
            shop = workshop(write_tree(folder), model, OPENCODE_GO_API_KEY="k" * 32)
            run = begin(shop, **changes)
            self.events = tuple(run.events())
            return run.result(), model

    def purposes(self) -> list[tuple[str, str]]:
        asked = [e.fact for e in self.events if isinstance(e.fact, ModelRequested)]
        return [(fact.purpose, fact.profile) for fact in asked[5:]]

    def test_the_same_model_is_asked_in_a_fresh_context_and_told_of_claims_alone(self) -> None:
        result, model = self.run_with(writes(WORDS))
        self.assertEqual((result.status, result.status_reason), ("PARTIAL", "action_parse_failed"))
        told = result.report
        self.assertEqual(told["answer"], WORDS["narrative_summary"])
        self.assertEqual(told["report_source"], "model_narrated_runtime_closed")
        self.assertEqual((told["confidence"], len(told["findings"])), ("LOW", 1))  # type: ignore[arg-type]
        self.assertIn("The model did not finish.", told["caveats"])  # type: ignore[arg-type]
        asked = {"source": "closer", "attempts": 1, "failed": [], "profile": "rehearsal"}
        self.assertEqual(told["closure_attempts"], [asked])
        request = model.requests[-1]
        self.assertEqual((request.tools, len(request.messages)), ((), 2))
        (shown,) = answers(request)
        self.assertEqual(shown["claims"][0]["claim"], CLAIM["claim"])  # type: ignore[index]

    def test_words_that_add_to_the_claims_are_not_used(self) -> None:
        for words in (
            WORDS | {"narrative_summary": "`load` and `save` were found."},
            WORDS | {"status": "COMPLETE"},
            WORDS | {"findings": [CLAIM]},
            WORDS | {"finding_narratives": {"another": "It is so."}},
            {},
        ):
            with self.subTest(words):
                result, _ = self.run_with(writes(words))
                told = result.report
                self.assertEqual(told["report_source"], "runtime_answer_graph")
                self.assertEqual(told["answer"], CLAIM["claim"])
                self.assertEqual(told["closure_attempts"][0]["failed"], ["rejected"])  # type: ignore[index]

    def test_the_closers_of_the_contract_are_asked_in_turn(self) -> None:
        names = {"closer_model": "kimi-k2.6", "fallback_closer_model": "deepseek-v4-flash"}
        result, _ = self.run_with(ValueError("broken"), writes(WORDS), **names)
        asked = [("closer", "kimi"), ("closer", "flash")]
        self.assertEqual(self.purposes(), asked)
        failed = [row["failed"] for row in result.report["closure_attempts"]]  # type: ignore[attr-defined]
        self.assertEqual(failed, [["failed"], []])
        envelope = result.report["completion_envelope"]
        assert isinstance(envelope, Mapping)
        self.assertEqual(envelope["closure_status"], "CLOSER_MODEL_CLOSED")
        self.assertEqual(result.report["usage"]["calls"], 7)  # type: ignore[index, call-overload]

    def test_a_closer_that_is_not_known_is_passed_over(self) -> None:
        result, _ = self.run_with(closer_model="nobody")
        self.assertEqual(self.purposes(), [])
        self.assertEqual(result.report["closure_attempts"][0]["failed"], ["refused"])  # type: ignore[index]
        self.assertEqual(result.report["report_source"], "runtime_answer_graph")

    def test_nobody_is_asked_without_claims_or_without_calls_left(self) -> None:
        for changes in ({"max_model_calls": 5}, {"sufficiency_policy": NO_WORDS}):
            self.run_with(writes(WORDS), **changes)
            self.assertEqual(self.purposes(), [])


NO_WORDS = {"allow_runtime_answer_graph_closure": False}


def answers(request: ChatRequest) -> list[Mapping[str, object]]:
    found = blocks(ANSWER, request.messages[-1].text)
    return [each for each in found if isinstance(each, Mapping)]


class Drafts(unittest.TestCase):
    def test_a_draft_may_stand_in_a_fence_and_leave_things_out(self) -> None:
        draft = read_closer_draft('```json\n{"narrative_summary": "So."}\n```')
        assert draft
        self.assertEqual((draft.narrative_summary, draft.finding_narratives), ("So.", ()))
        self.assertEqual(replace(draft, caveat_narratives=("x",)).text, "So.\nx\n\n")
        for text in ("", "So.", "[]", "{}", '{"narrative_summary": 1}'):
            self.assertIsNone(read_closer_draft(text))


if __name__ == "__main__":
    unittest.main()
