"""Every member that a file of a mission must have, and what some of them must say."""

import json
import unittest
from functools import cache
from typing import Any

from support import scratch
from support.golden import Case, cases
from support.missions import ScriptedModel, begin, calls, report, workshop, write_tree

from codex_oss.log import parse_log
from codex_oss.record import VIEWS, render

READ = calls(("rtk_read", {"path": "src/config.py", "reason": "to see it"}))
DENIED = calls(("rtk_read", {"path": ".env"}))
GOOD = report(
    ("`load` is defined with TIMEOUT = 30 above it", ["file:src/config.py#extract:1@L1-L5"])
)
MEMBERS = {
    "report.json": "schema_version oss_report_version mission_id run_id tier objective status"
    " status_reason downgraded_from downgrade_reasons confidence answer files_inspected"
    " commands_run findings uncertainties caveats escalation_recommendation missing_fields"
    " uninspected contradictions denials obligations report_source closure_attempts"
    " runtime_model_alias explorer_model finalizer_model fallback_model_used profile budget usage"
    " usage_displacement data_exposure optional_exploration_actions contradiction_search_done"
    " phase_history completion_envelope log_head artifacts commentary_delivery_summary",
    "decision_trace.json": "decision_trace_version mission_id decisions",
    "ledger.json": "schema_version mission_id files_inspected commands_run denials"
    " tool_budget_remaining total_bytes_read redactions_applied duplicate_actions_blocked"
    " risk_flags usage evidence",
    "claim_graph.json": "version claims open_questions inspected_paths uninspected_allowed_paths"
    " phase phase_history sufficiency",
    "answer_graph.json": "schema_version obligations source_states source_state_hash agenda"
    " coverage contradictions sufficiency",
    "commentary_delivery.json": "schema_version events summary consumer",
    "run_record.json": "schema_version run_id mission_id task_spec route_authority"
    " desktop_observation tool_calls implementation evidence final_status claim_state"
    " projection_state event_ids_by_type source_event_hash run_record_hash parts inconsistent"
    " unknown_events",
    "mission_summary.json": "schema_version mission_id run_id tier alias objective status"
    " confidence counts started_at ended_at source_run_record_hash",
}
"""The members that event-log 8 and missions 12.1 name; there may be more."""

STEP = "seq event_id at phase kind tool arguments decision code exit_code bytes refs tokens reason"
DECISION = "decision_type result policy reason source_event_id input timestamp"
DECISION_TYPES = set(
    "entry_validation scheduler risk_tier scope_validation data_exposure phase_transition"
    " fast_path fallback closure implementation_entry promotion".split()
)
SECTIONS = (
    *("**Outcome**", "**Findings**", "**Verification**", "**Residual risks**", "**Escalation**"),
    *("**Budget**", "**How to check**"),
)


@cache
def files_of(case: Case) -> dict[str, str]:
    reader = parse_log((case.folder / "events.jsonl").read_bytes(), lambda *_: "")
    return render(tuple(reader))


class Members(unittest.TestCase):
    def test_every_file_has_every_member(self) -> None:
        seen = set()
        for case in cases():
            for name, text in files_of(case).items():
                wanted = set(MEMBERS.get(name, "").split())
                found = json.loads(text).keys() if wanted else set()
                self.assertEqual(wanted - found, set(), (case.name, name))
                seen.add(name)
        self.assertEqual(VIEWS.keys() - seen - {"corroboration.json", "answer_graph.json"}, set())

    def test_every_step_and_every_decision_has_every_member_and_a_known_type(self) -> None:
        types = set()
        for case in cases():
            if not (files := files_of(case)):
                continue
            for line in files["trace.jsonl"].splitlines():
                self.assertEqual(set(STEP.split()) - json.loads(line).keys(), set())
            for decision in json.loads(files["decision_trace.json"])["decisions"]:
                self.assertEqual(set(DECISION.split()), set(decision))
                types.add(decision["decision_type"])
        self.assertEqual(types - DECISION_TYPES, set())

    def test_a_summary_has_its_sections_in_order(self) -> None:
        for case in cases():
            if files := files_of(case):
                places = [files["summary.md"].find(section) for section in SECTIONS]
                self.assertNotIn(-1, places, case.name)
                self.assertEqual(places, sorted(places))


class Content(unittest.TestCase):
    files: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, DENIED, GOOD))
            run = begin(shop)
            events = tuple(run.events())
            cls.files = {n: json.loads(t) for n, t in render(events).items() if n.endswith(".json")}

    def test_what_was_judged_at_the_door_is_a_decision_with_its_input(self) -> None:
        rows = self.files["decision_trace.json"]["decisions"]
        at_entry = {r["decision_type"]: r for r in rows if r["source_event_id"] == "evt_000001"}
        kinds = {"entry_validation", "risk_tier", "scope_validation", "data_exposure"}
        self.assertEqual(set(at_entry), kinds)
        self.assertEqual(at_entry["scope_validation"]["input"]["files"], 2)
        self.assertEqual(at_entry["data_exposure"]["input"]["exposure"], "local")
        later = [row["decision_type"] for row in rows if row["source_event_id"] != "evt_000001"]
        self.assertEqual(set(later), {"phase_transition", "scope_validation", "closure"})

    def test_the_report_says_how_it_was_closed(self) -> None:
        told = self.files["report.json"]
        expected = [{"source": "model_report", "attempts": 1, "failed": []}]
        self.assertEqual(told["closure_attempts"], expected)
        lowered = next(case for case in cases() if case.name == "complete_after_mending")
        (attempt,) = json.loads(files_of(lowered)["report.json"])["closure_attempts"]
        self.assertEqual(attempt["attempts"], 2)

    def test_counts_and_hashes_agree_from_file_to_file(self) -> None:
        record, outline = self.files["run_record.json"], self.files["mission_summary.json"]
        counts = outline["counts"]
        self.assertEqual(counts["commands"], len(record["tool_calls"]))
        self.assertEqual(counts["denials"], 1)
        self.assertEqual(counts["supported"], len(self.files["report.json"]["findings"]))
        self.assertEqual(record["run_record_hash"], outline["source_run_record_hash"])
        self.assertNotIn("HeadSealed", record["event_ids_by_type"])


if __name__ == "__main__":
    unittest.main()
