"""Every field of a contract bites: each row of missions 1.2 and 1.3 names the test that shows it.

A field without a row fails here, and so does a row whose test is gone or does not speak of the
field. What no other test shows is shown in this file, with whole missions.
"""

import re
import unittest
from functools import cache

from support import ROOT, scratch
from support.missions import FILES, ScriptedModel, calls, contract, report, run_mission, write_tree

from codex_oss.contract import parse_mission, template
from codex_oss.contract.fields import rows
from codex_oss.missions import MissionResult
from codex_oss.record import Event, ToolDenied

OBLIGATION = "answer_obligations[]"
SOURCE = f"{OBLIGATION}.source_requirements[]"
HERE = "contract_bites"
BITES = {
    "schema_version": "contract_fields:test_everything_else_has_a_value_that_bites",
    "mission_id":
        "missions_runs:test_the_same_contract_again_is_a_new_run_and_another_one_a_new_name",
    "tier": "runtime_admission:test_each_check_bites",
    "mode": "contract_fields:test_what_a_tier_fixes_is_its_default_and_nothing_else",
    "objective": f"{HERE}:test_a_placeholder_is_no_objective",
    "risk_tier": "missions_policies:test_what_is_critical_is_never_complete",
    "write_allowed": "contract_fields:test_a_flag_has_its_default_and_nothing_but_a_boolean_is_one",
    "allowed_roots": f"{HERE}:test_only_what_is_allowed_is_read",
    "allowed_paths": f"{HERE}:test_only_what_is_allowed_is_read",
    "forbidden_roots": f"{HERE}:test_what_is_forbidden_is_denied_although_it_is_allowed",
    "forbidden_topics": "missions_policies:test_a_finding_about_a_forbidden_topic_is_dropped",
    "critical_path_read_allowed": f"{HERE}:test_critical_paths_are_read_only_with_a_reason",
    "critical_path_read_reason": f"{HERE}:test_critical_paths_are_read_only_with_a_reason",
    "allow_broad_read_scope": "runtime_admission:test_each_check_bites",
    "max_files_to_inspect": f"{HERE}:test_the_file_beyond_the_limit_is_denied",
    "max_total_observation_bytes": f"{HERE}:test_what_is_shown_ends_with_the_budget_for_it",
    "tool_budget": "missions_runs:test_budgets_end_exploration_and_the_report_still_comes",
    "time_budget_seconds": "missions_runs:test_a_model_that_hangs_is_given_up_in_time",
    "max_model_calls": f"{HERE}:test_no_call_follows_the_last_one",
    "max_output_tokens_total":
        "runtime_prompt:test_what_the_contract_leaves_of_output_is_never_passed",
    "max_cost_usd": "missions_costs:test_no_call_is_made_that_could_pass_the_limit",
    "max_duplicate_actions": f"{HERE}:test_each_progress_limit_ends_exploration",
    "max_broad_searches": f"{HERE}:test_each_progress_limit_ends_exploration",
    "max_low_information_actions": f"{HERE}:test_each_progress_limit_ends_exploration",
    "phase_policy_enabled":
        "missions_policies:test_phases_and_progress_limits_can_be_turned_off_and_that_is_said",
    "progress_policy_enabled":
        "missions_policies:test_phases_and_progress_limits_can_be_turned_off_and_that_is_said",
    "allowed_tool_classes": f"{HERE}:test_only_the_tools_of_the_granted_classes_are_offered",
    "stop_conditions": "missions_policies:test_optional_stops_end_a_run_for_a_person",
    "report_schema": "contract_fields:test_what_a_tier_fixes_is_its_default_and_nothing_else",
    "required_outputs": "record_verdict:test_each_one_fails_for_its_own_reason",
    "fallback_policy": "missions_fallback:test_none_is_asked_where_the_contract_wants_none",
    "deadline_policy": "record_verdict:test_a_late_run_fails_where_the_contract_says_so",
    "objective_style": "runtime_admission:test_each_check_bites",
    "objective_spec": "missions_policies:test_a_search_that_answers_the_objective_asks_no_model",
    "objective_spec.objective_type":
        "missions_policies:test_a_search_that_answers_the_objective_asks_no_model",
    **{
        f"objective_spec.{name}":
            "missions_policies:test_a_search_that_answers_the_objective_asks_no_model"
        for name in ("target", "target.symbol", "target.key", "target.pattern")
    },
    "objective_spec.target.value":
        f"{HERE}:test_a_target_is_looked_for_in_its_path_and_its_value_must_be_cited",
    "objective_spec.target.path":
        f"{HERE}:test_a_target_is_looked_for_in_its_path_and_its_value_must_be_cited",
    "objective_spec.required_outputs": "record_verdict:test_each_one_fails_for_its_own_reason",
    **{
        f"objective_spec.{name}":
            "missions_policies:test_an_objective_names_values_and_shapes_that_must_be_cited"
        for name in ("required_evidence_shapes", "required_values", "confidence_policy",
                     "confidence_policy.cap")
    },
    "objective_spec.completion_criteria":
        "missions_policies:test_each_criterion_of_an_objective_is_a_question_of_its_own",
    "allow_heuristic_objective": f"{HERE}:test_no_target_is_inferred_from_prose",
    "completion_contract": "contract_parsing:test_a_completion_contract_is_taken_with_a_warning",
    "answer_obligations": f"{HERE}:test_each_required_question_must_be_answered",
    f"{OBLIGATION}.id": f"{HERE}:test_each_required_question_must_be_answered",
    f"{OBLIGATION}.question": f"{HERE}:test_each_required_question_must_be_answered",
    f"{OBLIGATION}.required": f"{HERE}:test_each_required_question_must_be_answered",
    f"{OBLIGATION}.source_hints": f"{HERE}:test_the_model_is_told_where_a_question_may_be_answered",
    f"{OBLIGATION}.source_requirements": "record_evidence:test_an_optional_source_requires_nothing",
    f"{OBLIGATION}.evidence_needed":
        "record_sources:test_each_reason_for_less_than_an_answer_has_its_word",
    f"{SOURCE}.path": "record_evidence:test_an_optional_source_requires_nothing",
    f"{SOURCE}.required": "record_evidence:test_an_optional_source_requires_nothing",
    f"{SOURCE}.prefetch":
        "runtime_decide:test_a_source_that_is_not_to_be_prefetched_is_left_to_the_model",
    f"{SOURCE}.evidence_kind":
        "record_sources:test_a_scope_is_searched_by_a_complete_search_over_its_folder",
    f"{SOURCE}.required_shapes":
        "record_sources:test_a_required_shape_stands_in_a_shown_line_or_the_source_is_not_done",
    f"{SOURCE}.shape_match_policy":
        "record_sources:test_a_required_shape_stands_in_a_shown_line_or_the_source_is_not_done",
    f"{SOURCE}.shape_patterns":
        "record_sources:test_a_pattern_of_the_contract_is_looked_for_by_a_search_which_ends_in_time",
    f"{SOURCE}.contradiction_markers":
        "record_sources:test_a_shown_marker_contradicts_until_a_finding_weighs_it",
    f"{SOURCE}.evidence_plane": "record_sources:test_what_a_command_gave_can_be_required",
    f"{SOURCE}.pattern":
        "record_sources:test_a_negative_proof_is_a_complete_search_for_its_pattern_without_a_match",
    f"{SOURCE}.command_requirement": "record_sources:test_what_a_command_gave_can_be_required",
    f"{SOURCE}.command_requirement.pattern":
        "record_sources:test_what_a_command_gave_can_be_required",
    f"{SOURCE}.completeness_policy":
        "record_sources:test_a_whole_file_is_every_line_of_its_newest_version",
    "must_inspect": "missions_runs:test_a_required_source_is_read_first_and_costs_no_tool",
    "evidence_collection_mode": "runtime_decide:test_a_model_led_mission_reads_by_itself",
    **{
        f"exploration_policy{name}":
            "missions_policies:test_it_ends_at_the_most_that_is_allowed_or_at_its_floor"
        for name in ("", ".after_required_floor", ".max_optional_actions_after_floor",
                     ".require_contradiction_search")
    },
    "exploration_policy.min_optional_actions_after_floor":
        f"{HERE}:test_an_open_investigation_makes_its_least_of_further_looks",
    "sufficiency_policy": "record_verdict:test_each_one_fails_for_its_own_reason",
    "sufficiency_policy.min_main_claims": "record_verdict:test_each_one_fails_for_its_own_reason",
    "sufficiency_policy.min_evidence_refs_per_claim":
        "record_evidence:test_too_few_references_are_weak_and_repeats_do_not_count",
    "sufficiency_policy.must_list_uninspected_areas":
        f"{HERE}:test_what_was_never_seen_is_listed_where_the_contract_says_so",
    "sufficiency_policy.confidence_cap_if_partial_extracts":
        "record_verdict:test_high_takes_a_value_or_two_references_and_nothing_partial",
    "sufficiency_policy.allow_runtime_answer_graph_closure":
        "record_verdict:test_the_first_row_that_holds",
    "closer_model": "missions_closers:test_the_closers_of_the_contract_are_asked_in_turn",
    "fallback_closer_model": "missions_closers:test_the_closers_of_the_contract_are_asked_in_turn",
    "data_exposure": "runtime_admission:test_each_check_bites",
    "data_exposure.allow_classes": f"{HERE}:test_a_class_of_files_is_read_only_where_it_is_opened",
    "data_exposure.local_only": "runtime_admission:test_each_check_bites",
    "corroboration": "missions_group:test_profiles_that_agree_give_one_finding_that_names_them_all",
    "corroboration.profiles":
        "missions_group:test_profiles_that_agree_give_one_finding_that_names_them_all",
    "corroboration.min_agree":
        "missions_group:test_a_member_that_failed_is_listed_and_two_of_three_are_enough",
}  # fmt: skip
OF_PATCHES = (
    *("owned_paths", "read_only_paths", "critical_path_write_allowed", "max_files_changed"),
    *("max_patch_bytes", "deletions_allowed", "max_repair_rounds", "verification_policy"),
    *("apply_mode", "workspace_apply_policy"),
)
READ = calls(("rtk_read", {"path": "src/config.py"}))
REF = "file:src/config.py#extract:1@L4-L5"
CLAIM = "`load` is defined in src/config.py at line 4"
GOOD = report((CLAIM, [REF]))


@cache
def source_of(name: str) -> str:
    return (ROOT / "tests" / f"test_{name}.py").read_text("utf-8")


class Table(unittest.TestCase):
    def test_every_field_has_a_row_and_every_row_a_test_that_speaks_of_it(self) -> None:
        known = [path for path, _ in rows() if re.split(r"[.\[]", path)[0] not in OF_PATCHES]
        self.assertEqual(sorted(BITES), sorted(known))
        for path, where in BITES.items():
            file, test = where.split(":")
            name = path.rpartition(".")[2].removesuffix("[]")
            self.assertIn(f"    def {test}(", source_of(file), path)
            self.assertRegex(source_of(file), rf"\b{name}\b", path)

    def test_a_field_of_patch_tiers_is_a_conflict_elsewhere(self) -> None:
        for name in OF_PATCHES:
            parsed = parse_mission(template("A3") | {name: template("A5").get(name, [])})
            told = [(fault.path, fault.code) for fault in parsed.faults]
            self.assertIn((f"$.{name}", "conflict"), told)


class Bites(unittest.TestCase):
    def run_with(
        self, *replies: object, files: dict[str, str] | None = None, **changes: object
    ) -> tuple[MissionResult, ScriptedModel]:
        with scratch() as folder:
            model = ScriptedModel(*replies)  # type: ignore[arg-type]
            tree = write_tree(folder, FILES | (files or {}))
            result, self.events = run_mission(tree, model, **changes)
            return result, model

    def denied(
        self, path: str, files: dict[str, str] | None = None, **changes: object
    ) -> list[str]:
        """Return the codes with which a run denies this path, none if it shows it."""
        self.run_with(calls(("rtk_read", {"path": path})), GOOD, files=files, **changes)
        return codes(self.events)

    def test_a_placeholder_is_no_objective(self) -> None:
        for objective in ("...", "TODO", "<objective>"):
            faults = parse_mission(contract(objective=objective)).faults
            self.assertEqual([(f.path, f.code) for f in faults], [("$.objective", "bad_value")])

    def test_only_what_is_allowed_is_read(self) -> None:
        self.assertEqual(self.denied("README.md"), ["out_of_scope"])
        self.assertEqual(self.denied("README.md", allowed_paths=["README.md"]), [])
        self.assertEqual(self.denied("src/main.py", allowed_roots=[], allowed_paths=["README.md"]),
                         ["out_of_scope"])  # fmt: skip

    def test_what_is_forbidden_is_denied_although_it_is_allowed(self) -> None:
        self.assertEqual(self.denied("src/main.py"), [])
        found = self.denied("src/main.py", forbidden_roots=["src/main.py"])
        self.assertEqual(found, ["forbidden_path"])

    def test_critical_paths_are_read_only_with_a_reason(self) -> None:
        files = {"src/auth/login.py": "x = 1\n"}
        self.assertEqual(self.denied("src/auth/login.py", files), ["critical_path"])
        allowed = {"critical_path_read_allowed": True}
        faults = parse_mission(contract(**allowed)).faults
        self.assertEqual([f.path for f in faults], ["$.critical_path_read_reason"])
        reason = {"critical_path_read_reason": "the login is what is asked for"}
        self.assertEqual(self.denied("src/auth/login.py", files, **allowed, **reason), [])

    def test_a_class_of_files_is_read_only_where_it_is_opened(self) -> None:
        files = {"src/run.log": "started\n"}
        self.assertEqual(len(self.denied("src/run.log", files)), 1)
        opened = {"data_exposure": {"allow_classes": ["logs"]}}
        self.assertEqual(self.denied("src/run.log", files, **opened), [])

    def test_the_file_beyond_the_limit_is_denied(self) -> None:
        second = calls(("rtk_read", {"path": "src/main.py"}))
        self.run_with(READ, second, GOOD, max_files_to_inspect=1)
        self.assertEqual(codes(self.events), ["max_files_reached"])

    def test_what_is_shown_ends_with_the_budget_for_it(self) -> None:
        files = {"src/long.py": "x = 1\n" * 1_000}
        long = calls(("rtk_read", {"path": "src/long.py"}))
        result, _ = self.run_with(long, GOOD, files=files, max_total_observation_bytes=2_000)
        self.assertLessEqual(result.report["data_exposure"]["bytes"], 2_000)  # type: ignore[index, call-overload]
        self.assertIn("observation_bytes", result.report["budget"]["exhausted"])  # type: ignore[index, operator, call-overload]

    def test_no_call_follows_the_last_one(self) -> None:
        _, model = self.run_with(READ, max_model_calls=3)
        self.assertEqual(len(model.requests), 3)

    def test_each_progress_limit_ends_exploration(self) -> None:
        files = {"src/many.py": "needle\n" * 150}
        broad = [calls(("rtk_grep", {"pattern": "needle", "max_results": n})) for n in (101, 102)]
        again = [calls(("rtk_read", {"path": "src/config.py", "end_line": n})) for n in (9, 4, 3)]
        cases = (
            ("duplicates", "max_duplicate_actions", [READ]),
            ("broad_searches", "max_broad_searches", broad),
            ("low_information", "max_low_information_actions", again),
        )
        for counter, field, replies in cases:
            result, _ = self.run_with(*replies, files=files, **{field: 0})
            self.assertIn(counter, result.report["budget"]["exhausted"], field)  # type: ignore[index, operator, call-overload]

    def test_only_the_tools_of_the_granted_classes_are_offered(self) -> None:
        _, model = self.run_with(GOOD, allowed_tool_classes=["search"])
        names = {tool.name for tool in model.requests[0].tools}
        self.assertTrue("rtk_grep" in names and "rtk_read" not in names, names)

    def test_no_target_is_inferred_from_prose(self) -> None:
        for allowed in (True, False):
            result, model = self.run_with(READ, GOOD, allow_heuristic_objective=allowed)
            self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 2))

    def test_a_target_is_looked_for_in_its_path_and_its_value_must_be_cited(self) -> None:
        files = {"src/other.py": "TIMEOUT = 60\n"}
        key = {"objective_type": "config_value_extraction", "target": {"key": "TIMEOUT"}}
        _, model = self.run_with(READ, GOOD, files=files, objective_spec=key)
        self.assertGreater(len(model.requests), 0)  # Two places: not for a search to decide.
        spec = key | {"target": {"key": "TIMEOUT", "path": "src/other.py"}}
        result, model = self.run_with(READ, GOOD, files=files, objective_spec=spec)
        self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 0))
        self.assertIn("src/other.py", result.message)
        for value, status in (("def load", "COMPLETE"), ("60", "PARTIAL")):
            result, _ = self.run_with(READ, GOOD, objective_spec={"target": {"value": value}})
            self.assertEqual(result.status, status)

    def test_each_required_question_must_be_answered(self) -> None:
        first = {"id": "q1", "question": "Where is `load` defined?"}
        for second, status in (
            ({"id": "why", "question": "Why?", "required": True}, "PARTIAL"),
            ({"id": "why", "question": "Why?", "required": False}, "COMPLETE"),
        ):
            result, model = self.run_with(READ, GOOD, answer_obligations=[first, second])
            self.assertEqual(result.status, status)
            self.assertIn('"question":"Why?"', model.requests[0].messages[1].text)

    def test_the_model_is_told_where_a_question_may_be_answered(self) -> None:
        asked = {"question": "Where is `load` defined?", "source_hints": ["look at src/config.py"]}
        _, model = self.run_with(READ, GOOD, answer_obligations=[asked])
        self.assertIn("look at src/config.py", model.requests[0].messages[1].text)

    def test_an_open_investigation_makes_its_least_of_further_looks(self) -> None:
        for least, status in ((0, "COMPLETE"), (1, "PARTIAL")):
            policy = {
                "min_optional_actions_after_floor": least,
                "require_contradiction_search": False,
            }
            opened = {"objective_style": "open_investigation", "must_inspect": ["src/config.py"]}
            result, _ = self.run_with(GOOD, exploration_policy=policy, **opened)
            self.assertEqual(result.status, status, least)

    def test_what_was_never_seen_is_listed_where_the_contract_says_so(self) -> None:
        policy = {"must_list_uninspected_areas": True}
        result, _ = self.run_with(READ, GOOD, sufficiency_policy=policy)
        self.assertEqual(result.report["uninspected"], ["src/: 1 of 2 files"])


def codes(events: tuple[Event, ...]) -> list[str]:
    return [event.fact.code for event in events if isinstance(event.fact, ToolDenied)]


if __name__ == "__main__":
    unittest.main()
