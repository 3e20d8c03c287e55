"""Everything that a MissionV1 may say: one row a field, with its kind, range and default.

Reading a contract, filling in what it leaves out and the reference table of the documentation all
come from here (missions 1.2, 1.3; the fields of patch tiers from implementation 2). Rules that tie
two fields together are in `conflicts`.
"""

from collections.abc import Iterator, Mapping

from codex_oss.contract.kinds import (
    FAULTY,
    REGEX_CHARS_MAX,
    REQUIRED,
    Always,
    Choice,
    Flag,
    Kind,
    Many,
    Money,
    Named,
    Nullable,
    PathText,
    Regex,
    Text,
    Whole,
)
from codex_oss.contract.mission import SCHEMA_VERSION
from codex_oss.contract.paths import ALWAYS_FORBIDDEN, EXPOSABLE_CLASSES
from codex_oss.contract.records import Default, Field, Record
from codex_oss.contract.report import CONFIDENCES, OBLIGATION_ID_CHARS_MAX, REPORT_FIELDS
from codex_oss.contract.tiers import MODES, OPEN_INVESTIGATION, PATCH_TIERS, TIER_NAMES, TIERS

OBJECTIVE_CHARS_MAX = 4_000
PHRASE_CHARS_MAX = 500  # A topic, hint, criterion, marker, name or argument.
PATHS_MAX = 200
OBLIGATIONS_MAX = 40
SOURCES_MAX = 40
PHRASES_MAX = 50
PROFILES_MAX = 5
TOKENS_MAX = 1_000_000_000
TOOLS_MAX = max(tier.tool_budget_max for tier in TIERS)
SECONDS_MAX = 3_600

TOOL_CLASSES = ("read", "search", "list", "safe_git")
DEFAULT_STOPS = ("valid_report", "budget_exhausted", "deadline_reached")
OPTIONAL_STOPS = (
    *("critical_path_detected", "contradiction_found", "obligations_answered", "valid_patch"),
)
DEFAULT_OUTPUTS = (
    *("files_inspected", "commands_run", "findings", "uncertainties", "confidence", "caveats"),
    "escalation_recommendation",
)
OBJECTIVE_TYPES = (
    *("mapping_lookup", "config_value_extraction", "function_location", "zero_match_evidence"),
    *("implementation_site_discovery", "usage_location", "control_flow_trace"),
    *("policy_rule_location", "test_coverage_location", "implementation_test_only"),
    *("documentation_patch", "implementation_patch", "critical_path_patch"),
)
COMPLETENESS = {
    "source_read": "shape_sufficient",
    "scope_search": "scope_search_required",
    "negative_proof": "negative_proof_required",
    "behavior_derivation": "whole_file_required",
    "broad_policy_audit": "scope_search_required",
    "security_review": "whole_file_required",
}
"""Kinds of evidence, each with the completeness it takes unless the contract says otherwise."""

_PHRASE = Text(PHRASE_CHARS_MAX)
_PHRASES = Many(_PHRASE, PHRASES_MAX)
_PATHS = Many(PathText(), PATHS_MAX)
_PROFILE = Text(64, pattern=r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_ARGV = Many(Text(PHRASE_CHARS_MAX), 40, least=1)
_MISSION_ID = Text(64, pattern="[a-z0-9_-]+")
_OBLIGATION_ID = Text(OBLIGATION_ID_CHARS_MAX, pattern="[a-z0-9_]+")
_TOOL_BUDGET = Whole(0, 1_000, above="abusive_budget")
_SECONDS = Whole(5, SECONDS_MAX, above="abusive_budget")
_CLASSES = Many(Choice(TOOL_CLASSES), len(TOOL_CLASSES))
_STOPS = Many(Choice(DEFAULT_STOPS + OPTIONAL_STOPS), len(DEFAULT_STOPS + OPTIONAL_STOPS))
_OUTPUTS = Many(Choice(REPORT_FIELDS), len(REPORT_FIELDS))
_STYLES = Choice(tuple(dict.fromkeys(tier.style for tier in TIERS)))
_SCHEMAS = Choice(tuple(dict.fromkeys(tier.report_schema for tier in TIERS)))
_FALLBACKS = Choice(("fallback_policy.v1", "none", "allow_weaker"))
_COLLECTIONS = Choice(("prefetch_floor", "agenda_guided", "model_led"))
_AFTER_FLOOR = Choice(("allow_model_exploration", "close_immediately"))
_OPEN = tuple(tier.label for tier in TIERS if tier.is_open)


def _of_tier(column: str) -> Default:
    """Return the default that is a column of the tier's row, and none without a tier."""
    return lambda tier, _: getattr(tier, column, FAULTY)


def _later(*_: object) -> object:
    """Mark what depends on the whole document and is filled in after it is read."""
    return ""


def _completeness(_: object, source: Mapping[str, object]) -> object:
    return COMPLETENESS[str(source.get("evidence_kind", "source_read"))]


SOURCE = Record(
    (
        Field("path", PathText()),
        Field("evidence_kind", Choice(tuple(COMPLETENESS)), "source_read"),
        Field("required", Flag(), True),
        Field("prefetch", Flag(), True),
        Field("required_shapes", _PHRASES, []),
        Field("shape_patterns", Named(Regex(), PHRASES_MAX), {}),
        Field("shape_match_policy", Choice(("all", "any")), "all"),
        Field("contradiction_markers", _PHRASES, []),
        Field("evidence_plane", Choice(("file_content", "command_result")), "file_content"),
        Field("pattern", Nullable(Regex()), None),
        Field(
            "command_requirement",
            Nullable(Record((Field("pattern", Text(REGEX_CHARS_MAX)),))),
            None,
        ),
        Field(
            "completeness_policy",
            Choice(tuple(dict.fromkeys((*COMPLETENESS.values(), "range_sufficient")))),
            _completeness,
            "default by evidence_kind",
        ),
    )
)

OBLIGATION = Record(
    (
        Field("id", _OBLIGATION_ID, _later, "default q1, q2, ... by position"),
        Field("question", Text(OBJECTIVE_CHARS_MAX)),
        Field("required", Flag(), True),
        Field("source_hints", _PHRASES, []),
        Field("source_requirements", Many(SOURCE, SOURCES_MAX), []),
        Field("evidence_needed", _PHRASES, []),
    ),
    shorthand="question",
)
_OBLIGATIONS = Many(OBLIGATION, OBLIGATIONS_MAX)

OBJECTIVE_SPEC = Record(
    (
        Field("objective_type", Nullable(Choice(OBJECTIVE_TYPES)), None),
        Field(
            "target",
            Record(
                (
                    Field("symbol", Nullable(_PHRASE), None),
                    Field("key", Nullable(_PHRASE), None),
                    Field("pattern", Nullable(Regex()), None),
                    Field("value", Nullable(_PHRASE), None),
                    Field("path", Nullable(PathText()), None),
                )
            ),
            {},
        ),
        Field("required_outputs", _PHRASES, []),
        Field("required_evidence_shapes", _PHRASES, []),
        Field("completion_criteria", _PHRASES, []),
        Field("required_values", _PHRASES, []),
        Field("confidence_policy", Record((Field("cap", Choice(CONFIDENCES), "HIGH"),)), {}),
    )
)

_EXPLORATION = Record(
    (
        Field("after_required_floor", _AFTER_FLOOR, "allow_model_exploration"),
        Field("min_optional_actions_after_floor", Whole(0, 100), 1),
        Field("max_optional_actions_after_floor", Whole(0, 100), 4),
        Field("require_contradiction_search", Flag(), True),
    )
)
_SUFFICIENCY = Record(
    (
        Field("min_main_claims", Whole(0, 40), _of_tier("min_main_claims")),
        Field("min_evidence_refs_per_claim", Whole(1, 20), 1),
        Field("must_list_uninspected_areas", Flag(), _of_tier("is_open")),
        Field("confidence_cap_if_partial_extracts", Choice(CONFIDENCES), "MEDIUM"),
        Field("allow_runtime_answer_graph_closure", Flag(), True),
    )
)
_EXPOSURE = Record(
    (
        Field("allow_classes", Many(Choice(EXPOSABLE_CLASSES), len(EXPOSABLE_CLASSES)), []),
        Field("local_only", Flag(), False),
    )
)
_CORROBORATION = Record(
    (
        Field("profiles", Many(_PROFILE, PROFILES_MAX), []),
        Field("min_agree", Whole(2, PROFILES_MAX), 2),
    )
)
_VERIFICATION = Record(
    (
        Field("allowed_commands", Many(_ARGV, 20), []),
        Field("max_commands", Whole(0, 10), 3),
        Field("timeout_seconds", Whole(1, 600), 60),
        Field(
            "network_allowed",
            Flag(only=False, code="network_not_available", why="no jail has a network"),
            False,
        ),
        Field("env_policy", Choice(("minimal",)), "minimal"),
        Field("allow_broad_suite", Flag(), False),
    )
)
_WORKSPACE_SUPERSEDED = (
    *("allow_direct_workspace_apply", "allow_critical_workspace_apply", "require_clean_worktree"),
    *("certification_required", "require_isolated_preflight", "require_rollback_proof"),
)
_WORKSPACE = Record(
    (
        Field("allow_dirty_target_files", Flag(), False),
        Field("require_gpt_review", Flag(only=True, why="a patch is always reviewed"), True),
        Field("reviewer_models", Many(_PROFILE, PROFILES_MAX), []),
        Field("min_reviewer_approvals", Nullable(Whole(1, PROFILES_MAX)), None, "null: all"),
        Field("invariant_commands", Many(_ARGV, 5), []),
        *(Field(name, Flag(), superseded_by="") for name in _WORKSPACE_SUPERSEDED),
    )
)


def _patch_field(name: str, kind: Kind, default: object = REQUIRED) -> Field:
    return Field(name, kind, default, tiers=PATCH_TIERS)


MISSION = Record(
    (
        Field("schema_version", Choice((SCHEMA_VERSION,))),
        Field("mission_id", _MISSION_ID, _later, "default mission_ and 12 hex of the digest"),
        Field("tier", Choice(TIER_NAMES)),
        Field("mode", Choice(tuple(MODES.values())), _of_tier("mode"), "the tier's"),
        Field("objective", Text(OBJECTIVE_CHARS_MAX)),
        Field("risk_tier", Choice(("low", "medium", "critical")), "low"),
        Field("write_allowed", Flag(), False, "true for A5 and A6 only, which need it"),
        Field("allowed_roots", _PATHS, [], "A1 to A6 need one of the lists of paths"),
        Field("allowed_paths", _PATHS, [], "exact paths"),
        Field(
            "forbidden_roots",
            Always(Many(PathText(pattern=True), PATHS_MAX), ALWAYS_FORBIDDEN),
            [],
            "at every depth; deny beats allow",
        ),
        Field("forbidden_topics", _PHRASES, [], "whole words, any case"),
        Field("critical_path_read_allowed", Flag(), False),
        Field(
            "critical_path_read_reason",
            Text(PHRASE_CHARS_MAX, least=0),
            "",
            "10 characters or more where critical paths may be read",
        ),
        Field("allow_broad_read_scope", Flag(), False),
        Field("max_files_to_inspect", Whole(1, 500), 20),
        Field("max_total_observation_bytes", Whole(1_024, 5_000_000), 500_000),
        Field("tool_budget", _TOOL_BUDGET, _of_tier("tool_budget"), "default and cap by tier"),
        Field("time_budget_seconds", _SECONDS, _of_tier("time_budget_seconds"), "default by tier"),
        Field("max_model_calls", Whole(1, 200), 25),
        Field("max_output_tokens_total", Nullable(Whole(1, TOKENS_MAX)), None),
        Field("max_cost_usd", Nullable(Money()), None),
        Field("max_duplicate_actions", Whole(0, 100), 2),
        Field("max_broad_searches", Whole(0, 100), _of_tier("max_broad_searches")),
        Field(
            "max_low_information_actions", Whole(0, 100), _of_tier("max_low_information_actions")
        ),
        Field("phase_policy_enabled", Flag(), True),
        Field("progress_policy_enabled", Flag(), True),
        Field("allowed_tool_classes", _CLASSES, [], "A2 to A6 need one, A0 and A1 have none"),
        Field("stop_conditions", Always(_STOPS, DEFAULT_STOPS), []),
        Field("report_schema", _SCHEMAS, _of_tier("report_schema"), "the tier's"),
        Field("required_outputs", _OUTPUTS, list(DEFAULT_OUTPUTS)),
        Field("fallback_policy", _FALLBACKS, "fallback_policy.v1"),
        Field("deadline_policy", Choice(("deadline_policy.v1", "fail")), "deadline_policy.v1"),
        Field(
            "objective_style",
            _STYLES,
            _of_tier("style"),
            "open_investigation for A3 only, implementation for A4 to A6",
        ),
        Field("objective_spec", Nullable(OBJECTIVE_SPEC), None),
        Field("allow_heuristic_objective", Flag(), True),
        Field("completion_contract", _OBLIGATIONS, superseded_by="answer_obligations"),
        Field("answer_obligations", _OBLIGATIONS, [], "none: one, which is the objective"),
        Field("must_inspect", Many(PathText(), OBLIGATIONS_MAX), [], "paths in scope"),
        Field(
            "evidence_collection_mode",
            _COLLECTIONS,
            "prefetch_floor",
            f"agenda_guided with {OPEN_INVESTIGATION} only",
        ),
        Field("exploration_policy", _EXPLORATION, {}, tiers=_OPEN),
        Field("sufficiency_policy", _SUFFICIENCY, {}),
        Field("closer_model", Nullable(_PROFILE), None),
        Field("fallback_closer_model", Nullable(_PROFILE), None),
        Field("data_exposure", _EXPOSURE, {}),
        Field("corroboration", _CORROBORATION, {}),
        _patch_field(
            "owned_paths",
            Many(PathText(keeps_slash=True, code="owned_path_invalid"), 20, least=1),
        ),
        _patch_field("read_only_paths", Many(PathText(keeps_slash=True), 50), []),
        _patch_field("critical_path_write_allowed", Flag(), False),
        _patch_field("max_files_changed", Whole(1, 20), 1),
        _patch_field("max_patch_bytes", Whole(1, 250_000), 12_000),
        _patch_field("deletions_allowed", Flag(), False),
        _patch_field("max_repair_rounds", Whole(0, 5), 2),
        _patch_field("verification_policy", _VERIFICATION, {}),
        _patch_field(
            "apply_mode",
            Choice(
                ("none", "isolated_worktree", "temp_project"),
                retired="workspace.*|critical_workspace_certified",
                retired_code="apply_mode_superseded",
                retired_hint="codex-oss mission promote",
            ),
            lambda tier, _: "isolated_worktree" if tier and tier.may_write else "none",
        ),
        _patch_field("workspace_apply_policy", _WORKSPACE, {}),
    )
)


def rows(record: Record = MISSION, parent: str = "") -> Iterator[tuple[str, Field]]:
    """Yield each field with its path, nested ones below their object: `a`, `a.b`, `a[].b`."""
    for field in record.fields:
        path = f"{parent}{field.name}"
        yield path, field
        kind, mark = field.kind, "."
        while isinstance(kind, Nullable | Many | Always):
            mark = "[]." if isinstance(kind, Many) else mark
            kind = kind.kind
        if isinstance(kind, Record) and field.superseded_by is None:
            yield from rows(kind, path + mark)
