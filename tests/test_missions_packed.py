"""A1: the runtime reads, and the model only reports."""

import unittest
from dataclasses import replace

from support import scratch
from support.missions import (
    ScriptedModel,
    begin,
    contract,
    order,
    run_mission,
    says,
    workshop,
    write_tree,
)

from codex_oss.contract import render_handoff, template, validate_handoff
from codex_oss.deadline import Deadline
from codex_oss.errors import Refused
from codex_oss.missions import MissionResult
from codex_oss.record import SOURCE_PACK, Event, ToolCallEmitted, ToolDenied
from codex_oss.rehearsal import RehearsalModel

PACKED: dict[str, object] = {
    "tier": "A1",
    "mode": "context_pack_report",
    "allowed_roots": [],
    "allowed_paths": ["src/config.py", "src/main.py"],
    "allowed_tool_classes": [],
}
GOOD = (
    "Status: COMPLETE\nConfidence: HIGH\n`load` is defined here [file:src/config.py#extract:1@L4]"
)


class Reports(unittest.TestCase):
    def test_all_paths_are_read_first_and_no_tool_is_declared(self) -> None:
        with scratch() as folder:
            model = ScriptedModel(says(GOOD))
            result, events = run_mission(write_tree(folder), model, **PACKED)
        self.assertEqual(
            (result.status, result.report["report_source"]), ("COMPLETE", "model_report")
        )
        (asked,) = model.requests
        self.assertEqual(asked.tools, ())
        self.assertIn("TIMEOUT = 30", "".join(message.text for message in asked.messages))
        calls = [event.fact for event in events if isinstance(event.fact, ToolCallEmitted)]
        self.assertEqual([(c.tool_name, c.subject) for c in calls],
                         [("rtk_read", "src/config.py"), ("rtk_read", "src/main.py")])  # fmt: skip

    def test_a_reference_to_what_was_never_shown_is_for_a_person(self) -> None:
        forged = GOOD.replace("#extract:1", "#extract:7")
        with scratch() as folder:
            result, _ = run_mission(write_tree(folder), ScriptedModel(says(forged)), **PACKED)
        self.assertEqual(result.status, "ESCALATE")

    def test_what_cites_nothing_is_nothing_proven(self) -> None:
        with scratch() as folder:
            model = ScriptedModel(says("Status: COMPLETE\nAll is well."))
            result, _ = run_mission(write_tree(folder), model, **PACKED)
        self.assertEqual(result.status, "FAILED")

    def test_a_hollow_report_may_be_mended_once(self) -> None:
        with scratch() as folder:
            model = ScriptedModel(says(GOOD.replace("load", "unload")), says(GOOD))
            result, _ = run_mission(write_tree(folder), model, **PACKED)
        self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 2))

    def test_an_empty_or_a_cut_answer_is_no_report(self) -> None:
        for first in (says(" "), says(GOOD, finish="length")):
            with scratch() as folder:
                model = ScriptedModel(first, says(GOOD))
                result, _ = run_mission(write_tree(folder), model, **PACKED)
            self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 2))

    def test_the_guard_is_the_one_of_every_mission(self) -> None:
        paths = {**PACKED, "allowed_paths": ["src/config.py", "src/gone.py"]}
        with scratch() as folder:
            result, events = run_mission(write_tree(folder), ScriptedModel(says(GOOD)), **paths)
        self.assertEqual(result.status, "PARTIAL")
        self.assertEqual([e for e in events if isinstance(e.fact, ToolDenied)], [])

    def test_the_rehearsal_reports_in_words_too(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), RehearsalModel())
            run = begin(shop, **PACKED)
            list(run.events())
            self.assertEqual(run.result().status, "COMPLETE")

    def test_folders_alone_are_nothing_that_could_be_read(self) -> None:
        model = ScriptedModel(says(GOOD))
        with scratch() as folder:
            shop = workshop(write_tree(folder), model)
            with self.assertRaises(Refused) as refused:
                begin(shop, **{**PACKED, "allowed_roots": ["src"], "allowed_paths": []})
        (fault,) = refused.exception.faults
        self.assertEqual((fault.path, fault.code), ("$.packed_sources", "nothing_to_read"))
        self.assertIn("allowed_paths", fault.hint)
        self.assertEqual(model.requests, [])

    def test_what_must_be_inspected_is_read_too(self) -> None:
        paths = {"allowed_roots": ["src"], "allowed_paths": [], "must_inspect": ["src/config.py"]}
        with scratch() as folder:
            model = ScriptedModel(says(GOOD))
            result, _ = run_mission(write_tree(folder), model, **{**PACKED, **paths})
        self.assertEqual(result.status, "COMPLETE")

    def test_the_template_is_a_contract_that_is_run(self) -> None:
        handed = validate_handoff(render_handoff(template("A1")))
        self.assertTrue(handed.mission and not handed.mission.unenforced)


class Limits(unittest.TestCase):
    def run_packed(
        self, pack: dict[str, object], route: str = "", **changes: object
    ) -> tuple[MissionResult, list[Event]]:
        files = {f"f{n}.txt": f"line {n}\n" * 400 for n in range(4)} | {"s.txt": "small\n"}
        paths = {**PACKED, "allowed_paths": [*sorted(files)], **changes}
        with scratch() as folder:
            shop = workshop(write_tree(folder, files), ScriptedModel(says("Nothing.")))
            wanted = order(shop, **paths)
            run = shop.desk.begin(
                replace(wanted, pack=pack, route_class=route), Deadline(shop.clock)
            )
            events = list(run.events())
            return run.result(), events

    def test_sources_share_what_may_be_shown(self) -> None:
        result, _ = self.run_packed({}, max_total_observation_bytes=8_000)
        shown = [row["lines_shown"] for row in result.report["files_inspected"]]
        self.assertEqual(len(shown), 5)
        self.assertLess(max(shown) - min(shown[:4]), 120)
        self.assertLessEqual(result.report["data_exposure"]["bytes"], 8_000)

    def test_an_excerpt_has_a_limit_of_its_own(self) -> None:
        result, events = self.run_packed({"excerpt_bytes_max": 500})
        bytes_ = [e.fact.bytes for e in events if e.event_type == "ToolObserved"]
        self.assertEqual(len(bytes_), 5)
        self.assertLessEqual(max(bytes_), 500)

    def test_a_recovery_is_partial_at_most_and_low(self) -> None:
        result, _ = self.run_packed({}, SOURCE_PACK)
        said = (result.status, result.report["confidence"], result.report["recovery_class"])
        self.assertEqual(said, ("PARTIAL", "LOW", SOURCE_PACK))
        self.assertEqual(result.report["answer"], "Nothing.")

    def test_searches_are_made_before_the_model_is_asked(self) -> None:
        pack = {"searches": [["line 2", "f2.txt"], ["nothing", "s.txt"], ["x", ".env"]]}
        result, _ = self.run_packed(pack)
        made = [
            c["args"]["pattern"] for c in result.report["commands_run"] if c["tool"] == "rtk_grep"
        ]
        self.assertEqual(made, ["line 2", "nothing"])
        self.assertEqual([d["code"] for d in result.report["denials"]], ["secret_path"])


class Unchanged(unittest.TestCase):
    def test_other_tiers_still_call_a_function_for_their_report(self) -> None:
        with scratch() as folder:
            model = ScriptedModel(says(GOOD))
            result, _ = run_mission(write_tree(folder), model, **contract())
        self.assertEqual(result.status_reason, "action_parse_failed")
        self.assertTrue(model.requests[0].tools)


if __name__ == "__main__":
    unittest.main()
