"""Every field of a contract against the specification's table: default, range, and what bites."""

import copy
import unittest

from support import LONG, chance

from codex_oss.contract import TIERS, Parsed, parse_mission, template
from codex_oss.contract.fields import rows

OBLIGATION = "answer_obligations[]"
SOURCE = f"{OBLIGATION}.source_requirements[]"
SPEC = "objective_spec"
EXPLORE = "exploration_policy"
ENOUGH = "sufficiency_policy"
VERIFY = "verification_policy"
APPLY = "workspace_apply_policy"
LISTS_OF_PHRASES = (50, "x" * 500, "x" * 501, "too_long")
PATHS = ("src/a.py", "../a", "bad_path")
ARGV = (["pytest", "-q"], [], "missing")

# Literal, from missions 1.2 and 1.3 and implementation 2: what the code says is checked against it.
FLAGS = {
    "write_allowed": False,
    "critical_path_read_allowed": False,
    "allow_broad_read_scope": False,
    "phase_policy_enabled": True,
    "progress_policy_enabled": True,
    "allow_heuristic_objective": True,
    f"{OBLIGATION}.required": True,
    f"{SOURCE}.required": True,
    f"{SOURCE}.prefetch": True,
    f"{EXPLORE}.require_contradiction_search": True,
    f"{ENOUGH}.must_list_uninspected_areas": False,
    f"{ENOUGH}.allow_runtime_answer_graph_closure": True,
    "data_exposure.local_only": False,
    "critical_path_write_allowed": False,
    "deletions_allowed": False,
    f"{VERIFY}.network_allowed": False,
    f"{VERIFY}.allow_broad_suite": False,
    f"{APPLY}.allow_dirty_target_files": False,
    f"{APPLY}.require_gpt_review": True,
}
WHOLES = {
    "max_files_to_inspect": (1, 20, 500),
    "max_total_observation_bytes": (1_024, 500_000, 5_000_000),
    "tool_budget": (0, 20, 100),
    "time_budget_seconds": (5, 180, 3_600),
    "max_model_calls": (1, 25, 200),
    "max_output_tokens_total": (1, None, 1_000_000_000),
    "max_duplicate_actions": (0, 2, 100),
    "max_broad_searches": (0, 6, 100),
    "max_low_information_actions": (0, 3, 100),
    f"{EXPLORE}.min_optional_actions_after_floor": (0, 1, 100),
    f"{EXPLORE}.max_optional_actions_after_floor": (0, 4, 100),
    f"{ENOUGH}.min_main_claims": (0, 1, 40),
    f"{ENOUGH}.min_evidence_refs_per_claim": (1, 1, 20),
    "corroboration.min_agree": (2, 2, 5),
    "max_files_changed": (1, 1, 20),
    "max_patch_bytes": (1, 12_000, 250_000),
    "max_repair_rounds": (0, 2, 5),
    f"{VERIFY}.max_commands": (0, 3, 10),
    f"{VERIFY}.timeout_seconds": (1, 60, 600),
    f"{APPLY}.min_reviewer_approvals": (1, None, 5),
}
ABOVE = {"tool_budget": "abusive_budget", "time_budget_seconds": "abusive_budget"}
CHOICES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "risk_tier": ("low", ("low", "medium", "critical")),
    "fallback_policy": ("fallback_policy.v1", ("fallback_policy.v1", "none", "allow_weaker")),
    "deadline_policy": ("deadline_policy.v1", ("deadline_policy.v1", "fail")),
    "evidence_collection_mode": ("prefetch_floor", ("prefetch_floor", "model_led")),
    f"{SPEC}.objective_type": (
        None,
        tuple(
            "mapping_lookup config_value_extraction function_location zero_match_evidence"
            " implementation_site_discovery usage_location control_flow_trace"
            " policy_rule_location test_coverage_location implementation_test_only"
            " documentation_patch implementation_patch critical_path_patch".split()
        ),
    ),
    f"{SPEC}.confidence_policy.cap": ("HIGH", ("HIGH", "MEDIUM", "LOW")),
    f"{SOURCE}.evidence_kind": (
        "source_read",
        tuple(
            "source_read scope_search negative_proof behavior_derivation broad_policy_audit"
            " security_review".split()
        ),
    ),
    f"{SOURCE}.shape_match_policy": ("all", ("all", "any")),
    f"{SOURCE}.evidence_plane": ("file_content", ("file_content", "command_result")),
    f"{SOURCE}.completeness_policy": (
        "shape_sufficient",
        tuple(
            "shape_sufficient whole_file_required scope_search_required range_sufficient"
            " negative_proof_required".split()
        ),
    ),
    f"{EXPLORE}.after_required_floor": (
        "allow_model_exploration",
        ("allow_model_exploration", "close_immediately"),
    ),
    f"{ENOUGH}.confidence_cap_if_partial_extracts": ("MEDIUM", ("HIGH", "MEDIUM", "LOW")),
    f"{VERIFY}.env_policy": ("minimal", ("minimal",)),
    "apply_mode": ("isolated_worktree", ("isolated_worktree", "temp_project")),
}
# (most, a legal item, an illegal one, its code)
LISTS: dict[str, tuple[int, object, object, str]] = {
    "allowed_roots": (200, *PATHS),
    "allowed_paths": (200, *PATHS),
    "forbidden_roots": (200, "gen/*.py", "~/x", "bad_path"),
    "forbidden_topics": LISTS_OF_PHRASES,
    "allowed_tool_classes": (4, "safe_git", "shell", "bad_value"),
    "stop_conditions": (7, "contradiction_found", "bored", "bad_value"),
    "required_outputs": (17, "answer", "poem", "bad_value"),
    "must_inspect": (40, "src/a.py", "a*", "bad_path"),
    "completion_contract": (40, "What is x?", 3, "wrong_type"),
    "answer_obligations": (40, "What is x?", 3, "wrong_type"),
    f"{OBLIGATION}.source_hints": LISTS_OF_PHRASES,
    f"{OBLIGATION}.evidence_needed": LISTS_OF_PHRASES,
    SOURCE.removesuffix("[]"): (40, {"path": "src/a.py"}, "src/a.py", "wrong_type"),
    f"{SOURCE}.required_shapes": (50, "literal_value", "x" * 501, "too_long"),
    f"{SOURCE}.contradiction_markers": LISTS_OF_PHRASES,
    **{
        f"{SPEC}.{name}": LISTS_OF_PHRASES
        for name in (
            *("required_outputs", "required_evidence_shapes", "completion_criteria"),
            "required_values",
        )
    },
    "data_exposure.allow_classes": (4, "logs", "secret", "bad_value"),
    "corroboration.profiles": (5, "kimi-k2.6", "a b", "bad_value"),
    "owned_paths": (20, "src/new/", ".", "owned_path_invalid"),
    "read_only_paths": (50, "docs/", "a\x00", "bad_path"),
    f"{VERIFY}.allowed_commands": (20, *ARGV),
    f"{APPLY}.reviewer_models": (5, "kimi", "", "bad_value"),
    f"{APPLY}.invariant_commands": (5, *ARGV),
}
# (a legal value, an illegal one, its code)
SINGLES: dict[str, tuple[object, object, str]] = {
    "schema_version": ("oss_agent_mission.v1", "oss_agent_mission.v2", "bad_value"),
    "mission_id": ("a_b-9", "A b", "bad_value"),
    "objective": ("x" * 4_000, "x" * 4_001, "too_long"),
    "critical_path_read_reason": ("", "x" * 501, "too_long"),
    "max_cost_usd": ("0.5", 0, "out_of_range"),
    SPEC: (None, [], "wrong_type"),
    f"{SPEC}.target": ({}, None, "wrong_type"),
    f"{SPEC}.target.symbol": ("main", "", "bad_value"),
    f"{SPEC}.target.key": ("port", 4000, "wrong_type"),
    f"{SPEC}.target.pattern": ("a+", "(", "bad_regex"),
    f"{SPEC}.target.value": ("x", "x" * 501, "too_long"),
    f"{SPEC}.target.path": ("src/a.py", "/etc/passwd", "bad_path"),
    f"{SPEC}.confidence_policy": ({}, "HIGH", "wrong_type"),
    f"{OBLIGATION}.id": ("q_7", "Q7", "bad_value"),
    f"{OBLIGATION}.question": ("x" * 4_000, " ", "bad_value"),
    f"{SOURCE}.path": ("src/a.py", "src/*.py", "bad_path"),
    f"{SOURCE}.shape_patterns": ({"a b": "x+"}, {"a b": "x["}, "bad_regex"),
    f"{SOURCE}.pattern": ("x", "*", "bad_regex"),
    f"{SOURCE}.command_requirement": (None, "x", "wrong_type"),
    f"{SOURCE}.command_requirement.pattern": ("pytest", "", "bad_value"),
    EXPLORE: ({}, [], "wrong_type"),
    ENOUGH: ({}, None, "wrong_type"),
    "closer_model": ("kimi", "a b", "bad_value"),
    "fallback_closer_model": ("kimi", "", "bad_value"),
    "data_exposure": ({}, {"logs": True}, "unknown_field"),
    "corroboration": ({}, [], "wrong_type"),
    VERIFY: ({}, {"env": "x"}, "unknown_field"),
    APPLY: ({}, {"push": True}, "unknown_field"),
}
BY_TIER = {"tier", "mode", "objective_style", "report_schema"}
SUPERSEDED = {
    f"{APPLY}.{name}"
    for name in (
        *("allow_direct_workspace_apply", "allow_critical_workspace_apply"),
        *("require_clean_worktree", "certification_required", "require_isolated_preflight"),
        "require_rollback_proof",
    )
}
# What has to be said as well for a value to be legal.
BESIDE: dict[str, dict[str, object]] = {
    "critical_path_read_allowed": {"critical_path_read_reason": "auth is what is asked for"},
    f"{EXPLORE}.min_optional_actions_after_floor": {
        f"{EXPLORE}.max_optional_actions_after_floor": 100
    },
    f"{EXPLORE}.max_optional_actions_after_floor": {
        f"{EXPLORE}.min_optional_actions_after_floor": 0
    },
}
TIER_OF = {path: ("A3", "open_investigation") for path, _ in rows() if path.startswith(EXPLORE)} | {
    path: ("A5", "")
    for path, _ in rows()
    if path.split(".")[0]
    in (
        *("owned_paths", "read_only_paths", "critical_path_write_allowed", "max_files_changed"),
        *("max_patch_bytes", "deletions_allowed", "max_repair_rounds", VERIFY, "apply_mode", APPLY),
    )
}
PARENTS: dict[str, object] = {
    OBLIGATION: {"question": "Where?"},
    SOURCE: {"path": "src/a.py"},
    f"{SOURCE}.command_requirement": {"pattern": "x"},
}


def json_path(path: str) -> str:
    return "$." + path.replace("[]", "[0]")


def put(document: dict[str, object], path: str, value: object) -> None:
    """Set what stands at a path like `a[].b`, and make what has to be round it."""
    parent, _, name = path.rpartition(".")
    here: object = document
    if parent:
        here = get(document, parent)
        if here is None:
            here = copy.deepcopy(PARENTS.get(parent, {}))
            put(document, parent, here)
    if name.endswith("[]"):
        value, name = [value], name.removesuffix("[]")
    assert isinstance(here, dict)
    here[name] = value


def get(document: object, path: str) -> object:
    here = document
    for name in path.split("."):
        here = here.get(name.removesuffix("[]")) if isinstance(here, dict) else None
        if name.endswith("[]"):
            here = here[0] if isinstance(here, list) and here else None
    return here


def contract_with(path: str, value: object) -> dict[str, object]:
    document = template(*TIER_OF.get(path, ("A3", "")))
    for other, said in BESIDE.get(path, {}).items():
        put(document, other, said)
    put(document, path, value)
    return document


class Fields(unittest.TestCase):
    def parsed(self, path: str, value: object) -> Parsed:
        return parse_mission(contract_with(path, value))

    def assert_kept(self, path: str, value: object) -> None:
        parsed = self.parsed(path, value)
        assert parsed.mission, (path, value, parsed.faults)
        self.assertEqual(get(parsed.mission.document, path), value, path)

    def assert_fault(self, path: str, value: object, code: str, where: str = "") -> None:
        parsed = self.parsed(path, value)
        self.assertIsNone(parsed.mission, (path, value))
        here = json_path(path) + where
        told = [(fault.path[: len(here)], fault.code) for fault in parsed.faults]
        self.assertEqual(told, [(here, code)], (value, parsed.faults))

    def assert_default(self, path: str, value: object) -> None:
        document = contract_with(path, value)
        parent, _, name = path.rpartition(".")
        above = get(document, parent) if parent else document
        assert isinstance(above, dict)
        del above[name]
        parsed = parse_mission(document)
        assert parsed.mission, (path, parsed.faults)
        self.assertEqual(get(parsed.mission.document, path), value, path)

    def test_every_field_stands_in_one_of_these_tables(self) -> None:
        tables = (FLAGS, WHOLES, CHOICES, LISTS, SINGLES, BY_TIER, SUPERSEDED)
        told = [path for table in tables for path in table]
        self.assertEqual(sorted(told), sorted(path for path, _ in rows()))

    def test_a_flag_has_its_default_and_nothing_but_a_boolean_is_one(self) -> None:
        one_value = {f"{VERIFY}.network_allowed", f"{APPLY}.require_gpt_review", "write_allowed"}
        for path, default in FLAGS.items():
            self.assert_default(path, default)
            if path not in one_value:
                self.assert_kept(path, not default)
            for value in (1, 0, "true", None, []):
                self.assert_fault(path, value, "wrong_type")
        self.assert_fault(f"{VERIFY}.network_allowed", True, "network_not_available")
        self.assert_fault(f"{APPLY}.require_gpt_review", False, "bad_value")
        self.assert_fault("write_allowed", True, "conflict")

    def test_a_whole_number_has_its_default_and_its_range(self) -> None:
        for path, (least, default, most) in WHOLES.items():
            self.assert_default(path, default)
            self.assert_kept(path, least)
            self.assert_kept(path, most)
            self.assert_fault(path, least - 1, "out_of_range")
            self.assert_fault(path, most + 1, ABOVE.get(path, "out_of_range"))
            for value in (True, 3.0, "3", [], {}):
                self.assert_fault(path, value, "wrong_type")

    def test_a_word_has_its_default_and_its_list(self) -> None:
        for path, (default, words) in CHOICES.items():
            self.assert_default(path, default)
            for word in words:
                self.assert_kept(path, word)
            self.assert_fault(path, words[0].swapcase(), "bad_value")
            self.assert_fault(path, 1, "wrong_type")

    def test_a_list_has_its_length_and_its_items(self) -> None:
        for path, (most, legal, illegal, code) in LISTS.items():
            if path not in ("completion_contract", "corroboration.profiles"):
                parsed = self.parsed(path, [legal])
                assert parsed.mission, (path, parsed.faults)
            self.assert_fault(path, [illegal], code, "[0]")
            self.assert_fault(path, {}, "wrong_type")
            self.assert_fault(path, [legal] * (most + 1), "too_long")

    def test_everything_else_has_a_value_that_bites(self) -> None:
        for path, (legal, illegal, code) in SINGLES.items():
            parsed = self.parsed(path, legal)
            assert parsed.mission, (path, parsed.faults)
            self.assert_fault(path, illegal, code)

    def test_what_a_tier_fixes_is_its_default_and_nothing_else(self) -> None:
        for tier in TIERS:
            parsed = parse_mission(template(tier.name, tier.style))
            assert parsed.mission
            said = {name: get(parsed.mission.document, name) for name in sorted(BY_TIER)}
            own = [tier.mode, tier.style, tier.report_schema, tier.name]
            self.assertEqual(list(said.values()), own)
        for name, value in (
            ("mode", "guided_exploration"),
            ("objective_style", "implementation"),
            ("report_schema", "implementation_report.v1"),
        ):
            self.assert_fault(name, value, "conflict")
            self.assert_fault(name, "x", "bad_value")
        self.assert_fault("tier", "A7", "bad_value")

    def test_superseded_flags_are_warned_of_and_dropped(self) -> None:
        for path in SUPERSEDED:
            parsed = self.parsed(path, True)
            assert parsed.mission, parsed.faults
            self.assertIsNone(get(parsed.mission.document, path))
            told = [(warning.path, warning.code) for warning in parsed.warnings]
            self.assertEqual(told, [(json_path(path), "superseded")])
            self.assert_fault(path, "yes", "wrong_type")

    def test_any_value_anywhere_is_a_contract_that_comes_back_or_faults(self) -> None:
        random = chance()
        paths = [path for path, _ in rows()]
        atoms = (None, True, -1, 3, 10**30, 0.5, "", "x", "a/b", "..", "(", "\ud800", [], {}, [[]])
        atoms = (*atoms, ["x"], [None], {"x": "x"}, {"path": "a"}, [{}], ["a", "b"], "A2", "\x00")
        for _ in range(20_000 if LONG else 1_000):
            document = contract_with(random.choice(paths), random.choice(atoms))
            parsed = parse_mission(document)
            self.assertEqual(parsed.mission is None, bool(parsed.faults), document)
            if parsed.mission:
                again = parse_mission(parsed.mission.document)
                self.assertEqual(again.mission, parsed.mission, document)

    def test_fields_of_other_tiers_are_conflicts(self) -> None:
        for path, (tier, style) in TIER_OF.items():
            if "." not in path:
                value = contract_with(path, None)
                document = template("A3" if tier == "A5" else "A5") | {path: value[path]}
                codes = [(fault.path, fault.code) for fault in parse_mission(document).faults]
                self.assertEqual(codes, [(f"$.{path}", "conflict")], style)


if __name__ == "__main__":
    unittest.main()
