"""Two encodings of the same actions: what is no action, how it is mended, when a run changes."""

import json
import unittest
from collections.abc import Mapping
from dataclasses import replace

from support import scratch
from support.missions import (
    Reply,
    ScriptedModel,
    calls,
    order,
    report,
    says,
    workshop,
    write_tree,
)

from codex_oss.contract import OBSERVATION, blocks, read_spoken, spoken
from codex_oss.deadline import Deadline
from codex_oss.missions import MissionResult
from codex_oss.record import (
    ActionRejected,
    Event,
    ModelReplied,
    ModelRequested,
    RuntimeRecoveryRecorded,
)

READ: Mapping[str, object] = {
    "action_type": "tool_call",
    "tool_name": "rtk_read",
    "arguments": {"path": "src/config.py"},
    "reason": "to see it",
}
CLAIM = {
    "claim": "`load` is defined in src/config.py at line 4",
    "evidence_refs": ["file:src/config.py#extract:1@L4-L5"],
    "obligation_id": "q1",
}
BODY = {"status": "COMPLETE", "confidence": "HIGH", "answer": "Found.", "findings": [CLAIM]}
REPORT: Mapping[str, object] = {"action_type": "final_report", "report": BODY}


def writes(*actions: Mapping[str, object]) -> Reply:
    return says("\n".join(map(json.dumps, actions)))


NATIVE_READ = calls(("rtk_read", {"path": "src/config.py", "reason": "to see it"}))
NATIVE_REPORT = report((CLAIM["claim"], CLAIM["evidence_refs"]))  # type: ignore[arg-type]
UNKNOWN = {"action_type": "tool_call", "tool_name": "fly", "arguments": {}}
FAULTS: dict[str, tuple[Reply, Reply]] = {  # By code: in functions, in JSON.
    "empty_reply": (says(" "), says("<think>well</think> ")),
    "prose_report": (says("It is in src/config.py."), says("x" * 2_001 + json.dumps(READ))),
    "several_objects": (writes(READ, REPORT), writes(READ, READ)),
    "truncated_output": (
        [*calls(("final_report", {}))[:1], *says('{"re', "length")],
        says('{"action_type": "final_report", "report": {"st', "length"),
    ),
    "unknown_tool": (calls(("fly", {})), writes(UNKNOWN)),
    "unknown_argument": (
        calls(("rtk_read", {"path": "src/config.py", "colour": 1})),
        writes(READ | {"arguments": {"path": "src/config.py", "colour": 1}}),
    ),
    "bad_argument": (calls(("rtk_read", {})), writes(READ | {"arguments": {}})),
    "bad_json": (says('{"action_type": }'), says('{"action_type": tool_call}')),
    "no_json": (says(""), says("It is in src/config.py.")),
    "not_an_object": (says("[1]"), says("```json\n[]\n```")),
    "mixed_action": (writes(READ | {"report": BODY}), writes(REPORT | {"tool_name": "rtk_ls"})),
    "unknown_action": (writes({"action_type": "fly"}), writes({"tool_name": "rtk_read"})),
}


class Encodings(unittest.TestCase):
    def run_in(
        self, encoding: str, *replies: object, **contract: object
    ) -> tuple[MissionResult, ScriptedModel]:
        model = ScriptedModel(*replies)  # type: ignore[arg-type]
        with scratch() as folder:
            shop = workshop(write_tree(folder), model)
            wanted = order(shop, **contract)
            profile = replace(wanted.profile, action_encoding=encoding)  # type: ignore[arg-type]
            run = shop.desk.begin(replace(wanted, profile=profile), Deadline(shop.clock))
            self.events: tuple[Event, ...] = tuple(run.events())
            return run.result(), model

    def codes(self) -> list[str]:
        return [e.fact.code for e in self.events if isinstance(e.fact, ActionRejected)]

    def encodings(self) -> list[str]:
        return [e.fact.encoding for e in self.events if isinstance(e.fact, ModelRequested)]

    def test_each_fault_is_named_and_mended_in_both_encodings_to_the_same_report(self) -> None:
        told = {}
        for code, (native, written) in FAULTS.items():
            for encoding, fault in (("native_tools", native), ("json_action", written)):
                if encoding == "native_tools" and code == "no_json":
                    continue  # Nobody asked for any.
                with self.subTest(code, encoding=encoding):
                    good = (NATIVE_READ, NATIVE_REPORT)
                    if encoding == "json_action":
                        good = (writes(READ), writes(REPORT))
                    result, model = self.run_in(encoding, good[0], fault, good[1])
                    self.assertEqual(self.codes(), [code])
                    self.assertEqual(set(self.encodings()), {encoding})
                    self.assertEqual(bool(model.requests[0].tools), encoding == "native_tools")
                    shown = "".join(m.text for m in model.requests[2].messages[-2:])
                    self.assertIn(code, shown)
                    is_json = encoding == "json_action" and code != "truncated_output"
                    self.assertEqual("action_type" in shown.partition("xample")[2], is_json)
                    told.setdefault(message(result), []).append((code, encoding))
        self.assertEqual(len(told), 1, told)
        (text,) = told
        self.assertIn("**Outcome**: COMPLETE", text)

    def test_an_action_may_stand_in_a_fence_or_in_prose_behind_thoughts(self) -> None:
        plain = json.dumps(READ)
        for text in (
            plain,
            f"```json\n{plain}\n```",
            f"I'll look.\n{plain}\nThen {{x}} follows.",
            f"<think>Maybe {{'a': 1}} or {plain}?</think>{plain}",
        ):
            for encoding in ("native_tools", "json_action"):
                with self.subTest(text, encoding=encoding):
                    result, model = self.run_in(encoding, says(text), writes(REPORT))
                    self.assertEqual((result.status, self.codes()), ("COMPLETE", []))
                    (shown,) = blocks(
                        OBSERVATION, "".join(m.text for m in model.requests[1].messages)
                    )
                    self.assertIn("4: def load", str(shown))

    def test_claims_stand_beside_any_action_and_count_for_nothing(self) -> None:
        claimed = REPORT | {"claims": [CLAIM]}
        result, model = self.run_in("json_action", writes(READ), writes(claimed))
        kinds = [event.event_type for event in self.events]
        self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 2))
        self.assertLess(kinds.index("ClaimRecorded"), kinds.index("ReportDrafted"))

    def test_two_faults_in_a_row_change_the_encoding_for_good(self) -> None:
        bad, good = says("It is there."), (NATIVE_READ, writes(READ), writes(REPORT))
        result, model = self.run_in("auto", good[0], bad, bad, *good[1:])
        self.assertEqual(self.encodings(), ["native_tools"] * 3 + ["json_action"] * 2)
        self.assertEqual(result.status, "COMPLETE")
        messages = model.requests[3].messages
        self.assertEqual(
            (model.requests[3].tools, {m.role for m in messages if m.calls}), ((), set())
        )
        self.assertNotIn("tool", {message.role for message in messages})
        said = next(m.text for m in messages if m.role == "assistant")
        self.assertEqual(json.loads(said)["tool_name"], "rtk_read")
        self.assertEqual(self.recoveries(), [("protocol_switch", "recovered")])

    def recoveries(self) -> list[tuple[str, str]]:
        found = [e.fact for e in self.events if isinstance(e.fact, RuntimeRecoveryRecorded)]
        return [(fact.recovery_class, fact.status) for fact in found]

    def test_one_fault_or_one_that_was_understood_changes_nothing(self) -> None:
        bad = calls(("fly", {}))
        self.run_in("auto", bad, NATIVE_READ, bad, NATIVE_REPORT)
        self.assertEqual(set(self.encodings()), {"native_tools"})
        late = calls(("rtk_ls", {"path": "src"}))
        self.run_in("auto", NATIVE_READ, late, late, NATIVE_REPORT, tool_budget=1)
        self.assertEqual(self.codes(), ["phase_closed"] * 2)
        self.assertEqual(set(self.encodings()), {"native_tools"})

    def test_what_is_cut_off_is_asked_for_again_once(self) -> None:
        cut = says('{"action_type": "final', "length")
        result, model = self.run_in("json_action", writes(READ), cut)
        self.assertEqual(len(model.requests), 3)
        self.assertEqual(result.status_reason, "action_parse_failed")
        self.assertEqual(self.recoveries(), [("output_limit_raised", "recovered")])

    def test_a_reply_is_logged_as_it_was_written_with_the_calls_it_meant(self) -> None:
        self.run_in("json_action", writes(READ), writes(REPORT))
        first = next(e.fact for e in self.events if isinstance(e.fact, ModelReplied))
        self.assertEqual(json.loads(first.text), READ)
        self.assertEqual(first.encoding, "json_action")
        self.assertEqual([call.name for call in first.tool_calls], ["rtk_read"])


class Spoken(unittest.TestCase):
    def test_every_call_can_be_told_in_json_and_read_again(self) -> None:
        for name, arguments in (
            ("rtk_grep", {"pattern": "x", "reason": "why"}),
            ("final_report", {"report": BODY}),
            ("stop", {"reason": "lost", "needs_human": True}),
        ):
            read = read_spoken(spoken(name, json.dumps(arguments)))
            assert isinstance(read, tuple)
            ((said, text),) = read
            self.assertEqual((said, json.loads(text)), (name, arguments))

    def test_nothing_that_a_model_writes_breaks_the_reader(self) -> None:
        for text in ("{" * 100_000, '{"a":' * 5_000, '{"action_type":"stop","reason":"\\ud800"}'):
            read_spoken(text)


def message(result: MissionResult) -> str:
    """The final message without its footer, which names the run."""
    return result.message.partition("Delivery status:")[0]


if __name__ == "__main__":
    unittest.main()
