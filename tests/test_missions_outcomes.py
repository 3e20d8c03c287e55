"""What the log keeps of replies and observations: ids, references, repeats, tokens and money."""

import unittest
from dataclasses import replace

from support.facts import admitted, requested
from support.stories import Story

from codex_oss.chat import ChatReply, FunctionCall, Usage
from codex_oss.contract import Span
from codex_oss.missions.outcomes import CALLS_KEPT_MAX, failed, observed, replied
from codex_oss.record import (
    CallUsage,
    MissionAdmitted,
    ModelReplied,
    RunResumed,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    canonical,
    sha256,
)
from codex_oss.tools import Denied, Observation

PRICED = replace(
    admitted().profile, input_price=2_000_000, output_price=8_000_000, cached_price=200_000
)
OTHER = "a" * 64
LINE = "x = 'a line of some length that stands for many others in a file of code'"


class Replies(unittest.TestCase):
    def replied(self, reply: ChatReply, priced: bool = True) -> ModelReplied:
        profile = PRICED if priced else replace(PRICED, input_price=None)
        return replied(replace(requested(3), est_input_tokens=70), reply, profile, 5, 9)

    def test_calls_get_ids_of_our_own_and_too_many_are_counted(self) -> None:
        calls = tuple(FunctionCall("same", "rtk_ls", "{}") for _ in range(100))
        fact = self.replied(ChatReply(calls=calls))
        ids = [call.call_id for call in fact.tool_calls]
        self.assertEqual(ids, [f"call_3_{n}" for n in range(CALLS_KEPT_MAX)])
        self.assertEqual(fact.calls_left_out, 100 - CALLS_KEPT_MAX)

    def test_tokens_and_money_are_exact_where_the_provider_counts(self) -> None:
        fact = self.replied(ChatReply("hi", usage=Usage(1_000, 50, 400, 30)))
        self.assertEqual(fact.usage, CallUsage(1_000, 50, 400, 30, 1_050, "upstream"))
        self.assertEqual(fact.cost_microusd, 600 * 2 + 400 * 2 // 10 + 50 * 8)

    def test_they_are_estimated_where_he_does_not(self) -> None:
        fact = self.replied(ChatReply("x" * 40, "y" * 40))
        self.assertEqual(fact.usage, CallUsage(70, 20, 0, 0, 90, "estimated"))

    def test_an_unknown_price_is_no_price_and_never_nothing(self) -> None:
        self.assertIsNone(self.replied(ChatReply("hi"), priced=False).cost_microusd)

    def test_half_a_surrogate_pair_is_mended(self) -> None:
        call = FunctionCall("\ud800", "\ud800", '{"\ud800": 1}')
        fact = self.replied(ChatReply("\ud83d\ude00 \ud800", "\udfff", (call,)))
        texts = [fact.text, fact.reasoning, *(c.name + c.arguments for c in fact.tool_calls)]
        self.assertEqual("".join(texts).encode().decode(), "".join(texts))
        self.assertTrue(fact.text.startswith("\U0001f600"))


class Spent(unittest.TestCase):
    def priced(self) -> Story:
        story = Story()
        first = story.facts[0]
        assert isinstance(first, MissionAdmitted)
        story.facts[0] = replace(first, profile=PRICED)
        return story

    def test_failed_and_abandoned_calls_cost_what_they_read(self) -> None:
        story, asked = self.priced(), replace(requested(1), est_cost_microusd=150)
        story.then(asked, failed(asked, "server_error", "m" * 900, True))
        budget = story.record.budget
        self.assertEqual((budget.cost_microusd, budget.input_tokens), (150, 100))
        story.then(replace(asked, call=2), RunResumed("resume", "pid 1"))
        budget = story.record.budget
        self.assertEqual((budget.cost_microusd, budget.input_tokens), (300, 200))
        self.assertEqual((budget.model_calls, budget.usage_sources), (2, ("estimated",) * 2))

    def test_one_unknown_cost_makes_the_sum_unknown(self) -> None:
        story = self.priced().says(cost_microusd=5)
        self.assertEqual(story.record.budget.cost_microusd, 5)
        story = self.priced().says(cost_microusd=None, tool_calls=())
        self.assertIsNone(story.record.budget.cost_microusd)

    def test_a_message_of_a_failure_is_bounded(self) -> None:
        self.assertEqual(len(failed(requested(1), "c", "m" * 900, True).message), 300)


class Observed(unittest.TestCase):
    def look(
        self, story: Story, text: str, digest: str = "a" * 64, **asked: object
    ) -> ToolObserved:
        """Run the call on a story's record, and return what would be logged."""
        arguments = canonical({"path": "src/a.py", "start_line": 1, **asked}).decode()
        call = ToolCallEmitted("c", "rtk_read", "", "read", "reply_9", arguments, "it")
        span = Span("src/a.py", 1, 1, 1, "b" * 64, digest)
        fact = observed(
            story.record, call, Observation("rtk_read", "rtk_read {}", 0, text, spans=(span,)), 7
        )
        assert isinstance(fact, ToolObserved)
        return fact

    def test_the_nth_reading_of_a_path_has_number_n(self) -> None:
        story = Story()
        for number in range(1, 4):
            fact = self.look(story, f"1: {number}", start_line=number)
            self.assertEqual(fact.extracts[0].ref, f"file:src/a.py#extract:{number}")
            story.reads("src/a.py", str(number))

    def test_the_same_call_with_the_same_result_is_served_from_the_log(self) -> None:
        story = Story().reads("src/a.py", LINE)
        fact = self.look(story, f"1: {LINE}")
        self.assertEqual((fact.cached, fact.recalled, fact.text, fact.bytes), (True, False, "", 0))
        self.assertEqual(fact.output_hash, sha256(f"1: {LINE}".encode()))

    def test_asking_for_what_the_prompt_no_longer_shows_is_a_recall(self) -> None:
        story = Story()
        first = story.facts[0]
        assert isinstance(first, MissionAdmitted)
        story.facts[0] = replace(first, profile=replace(first.profile, context_window=16_000))
        story.reads("src/a.py", LINE)
        for number in range(8):
            story.reads(f"src/{number}.py", *[LINE] * 60)
        fact = self.look(story, f"1: {LINE}")
        self.assertEqual((fact.cached, fact.recalled), (True, True))
        before = story.record.budget
        call_id = story.asks("rtk_read")
        arguments = canonical({"path": "src/a.py", "start_line": 1}).decode()
        story.then(ToolCallEmitted(call_id, "rtk_read", "", "read", "r", arguments, "it"))
        after = story.then(replace(fact, call_id=call_id)).record.budget
        self.assertEqual(after.duplicates, before.duplicates)
        self.assertEqual(after.low_information, before.low_information)
        self.assertEqual(after.tool_calls, before.tool_calls)

    def test_a_file_that_changed_is_read_again_and_flagged(self) -> None:
        story = Story().reads("src/a.py", LINE)
        fact = self.look(story, "1: other", digest="c" * 64)
        self.assertEqual((fact.cached, fact.risk_flags), (False, ("file_changed",)))
        known = story.record.evidence.commands[0].extracts[0].file_sha256.removeprefix("sha256:")
        self.assertEqual(self.look(story, "1: more", digest=known, end_line=2).risk_flags, ())

    def test_a_denial_stays_one(self) -> None:
        call = ToolCallEmitted("c", "rtk_read", "", "read", "reply_9", "{}", "it")
        fact = observed(Story().record, call, Denied("secret_path", "r", "p", "a"), 7)
        self.assertEqual(fact, ToolDenied("c", "rtk_read", "secret_path", "r", "p", "a"))


class Progress(unittest.TestCase):
    def test_what_brings_nothing_new_is_counted(self) -> None:
        story = Story().reads("src/a.py", "a", "b", "c", total=9)
        cases = {
            "lines shown before": lambda: story.reads("src/a.py", "b", first=2, total=9),
            "an absent file": lambda: story.calls_tool("rtk_read", {"path": "x"}, "", exit_code=1),
            "a failed search": lambda: story.calls_tool("rtk_grep", {}, "bad", exit_code=2),
            "a denial": lambda: story.is_denied("x"),
            "the same claim again": lambda: story.claims("it", ["command:0"]),
        }
        story.claims("it", ["command:0"])
        story.readings.clear()  # The second reading is of the same file.
        for what, act in cases.items():
            before = story.record.budget.low_information
            act()
            self.assertEqual(story.record.budget.low_information, before + 1, what)
        before = story.record.budget.low_information
        story.greps("a", ("src/a.py", 1, "a")).greps("nothing").claims("new", ["command:0"])
        self.assertEqual(story.record.budget.low_information, before)

    def test_a_search_of_the_whole_scope_with_many_matches_is_broad(self) -> None:
        hits = [("src/a.py", n, "x") for n in range(1, 102)]
        cases: list[tuple[dict[str, object], int]] = [
            ({}, 1), ({"path": "."}, 1), ({"path": "src"}, 1), ({"path": "src/a.py"}, 0),
        ]  # fmt: skip
        for asked, count in cases:
            story = Story(allowed_roots=["src"], allowed_paths=[]).greps("x", *hits, **asked)  # type: ignore[arg-type]
            self.assertEqual(story.record.budget.broad_searches, count, asked)
        few = Story(allowed_roots=["src"]).greps("x", *hits[:100])
        self.assertEqual(few.record.budget.broad_searches, 0)


if __name__ == "__main__":
    unittest.main()
