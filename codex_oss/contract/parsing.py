"""Make a MissionV1 of JSON, or say everything that is wrong with it.

Text, bytes or an object enter; `Parsed` leaves with the contract or its faults, in document order.
No file, clock or environment is read: whether a path exists is admission's question. The rule it
keeps: `parse_mission(render_mission(m)).mission == m` (missions 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from codex_oss.contract.conflicts import conflicts
from codex_oss.contract.fields import MISSION, OBLIGATION
from codex_oss.contract.kinds import Reading
from codex_oss.contract.mission import (
    Budget,
    Exploration,
    MissionV1,
    ObjectiveSpec,
    Obligation,
    Scope,
    SourceRequirement,
    Sufficiency,
    Target,
    document_digest,
)
from codex_oss.contract.records import Members
from codex_oss.contract.strict_json import read_document
from codex_oss.contract.tiers import tier_of
from codex_oss.contract.unenforced import unenforced
from codex_oss.errors import FAULTS_MAX, Fault

ID_DIGITS = 12
_TARGET = ("symbol", "key", "pattern", "value", "path")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A contract, or at most 50 faults and how many more there are. Warnings stop nothing."""

    mission: MissionV1 | None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    faults_omitted: int = 0


def parse_mission(source: str | bytes | Mapping[str, object], project_root: str = "") -> Parsed:
    """Return the contract that `source` is, or all its faults. Absolute paths below
    `project_root` become relative ones."""
    document = read_document(source)
    given = document.value
    if given is None:
        return Parsed(None, tuple(document.faults))
    tier = tier_of(str(given.get("tier")), str(given.get("objective_style")))
    reading = Reading(tier, project_root)
    contract = MISSION.members(given, "$", reading)
    _settle_obligations(contract, reading)
    told = {fault.path for fault in document.faults}
    found = (*reading.faults, *conflicts(contract, tier))
    faults = document.faults + [fault for fault in found if fault.path not in told]
    faults.sort(key=lambda fault: document.position(fault.path))
    warnings = tuple(sorted(reading.warnings, key=lambda each: document.position(each.path)))
    if faults:
        omitted = max(0, len(faults) - FAULTS_MAX)
        return Parsed(None, tuple(faults[:FAULTS_MAX]), warnings, omitted)
    contract["mission_id"] = contract["mission_id"] or default_id("mission", contract)
    return Parsed(_mission(contract), (), warnings)


def default_id(prefix: str, document: Mapping[str, object]) -> str:
    """Return the id of a contract that names none: equal contracts have equal ids."""
    return f"{prefix}_{document_digest(document)[:ID_DIGITS]}"


def _settle_obligations(contract: dict[str, object], reading: Reading) -> None:
    """Name the nameless, and make the objective the one obligation where there is none."""
    obligations = contract.get("answer_obligations")
    if obligations == [] and "objective" in contract:
        obligations = [OBLIGATION.read(contract["objective"], "$.objective", reading)]
        contract["answer_obligations"] = obligations
    for number, obligation in enumerate(obligations if isinstance(obligations, list) else [], 1):
        obligation["id"] = obligation["id"] or f"q{number}"


def _mission(document: dict[str, object]) -> MissionV1:
    said = Members(document)
    return MissionV1(
        mission_id=said.text("mission_id"),
        tier=said.text("tier"),
        mode=said.text("mode"),
        objective=said.text("objective"),
        scope=_scope(said),
        budget=_budget(said),
        obligations=_obligations(said),
        sufficiency=_sufficiency(said.part("sufficiency_policy")),
        risk_tier=said.text("risk_tier"),
        write_allowed=said.flag("write_allowed"),
        objective_style=said.text("objective_style"),
        report_schema=said.text("report_schema"),
        required_outputs=said.texts("required_outputs"),
        evidence_collection_mode=said.text("evidence_collection_mode"),
        deadline_policy=said.text("deadline_policy"),
        must_inspect=said.texts("must_inspect"),
        stop_conditions=said.texts("stop_conditions"),
        phase_policy_enabled=said.flag("phase_policy_enabled"),
        progress_policy_enabled=said.flag("progress_policy_enabled"),
        exploration=_exploration(said),
        objective_spec=_objective(said),
        closer_model=said.text("closer_model"),
        fallback_closer_model=said.text("fallback_closer_model"),
        document=document,
        unenforced=unenforced(document),
    )


def _scope(said: Members) -> Scope:
    exposure = said.part("data_exposure")
    return Scope(
        allowed_roots=said.texts("allowed_roots"),
        allowed_paths=said.texts("allowed_paths"),
        forbidden_roots=said.texts("forbidden_roots"),
        forbidden_topics=said.texts("forbidden_topics"),
        critical_path_read_allowed=said.flag("critical_path_read_allowed"),
        critical_path_read_reason=said.text("critical_path_read_reason"),
        allow_broad_read_scope=said.flag("allow_broad_read_scope"),
        allowed_tool_classes=said.texts("allowed_tool_classes"),
        exposed_classes=exposure.texts("allow_classes"),
        local_only=exposure.flag("local_only"),
    )


def _budget(said: Members) -> Budget:
    tokens = said.value["max_output_tokens_total"]
    return Budget(
        tool_budget=said.whole("tool_budget"),
        time_budget_seconds=said.whole("time_budget_seconds"),
        max_model_calls=said.whole("max_model_calls"),
        max_output_tokens_total=None if tokens is None else said.whole("max_output_tokens_total"),
        max_cost_usd=said.text("max_cost_usd") or None,
        max_files_to_inspect=said.whole("max_files_to_inspect"),
        max_total_observation_bytes=said.whole("max_total_observation_bytes"),
        max_duplicate_actions=said.whole("max_duplicate_actions"),
        max_broad_searches=said.whole("max_broad_searches"),
        max_low_information_actions=said.whole("max_low_information_actions"),
    )


def _sufficiency(said: Members) -> Sufficiency:
    return Sufficiency(
        said.whole("min_main_claims"),
        said.whole("min_evidence_refs_per_claim"),
        said.flag("must_list_uninspected_areas"),
        said.text("confidence_cap_if_partial_extracts"),
        said.flag("allow_runtime_answer_graph_closure"),
    )


def _obligation(said: Members) -> Obligation:
    return Obligation(
        said.text("id"),
        said.text("question"),
        said.flag("required"),
        said.texts("source_hints"),
        tuple(_source(each) for each in said.parts("source_requirements")),
        said.texts("evidence_needed"),
    )


def _source(said: Members) -> SourceRequirement:
    requirement, patterns = said.part("command_requirement"), said.part("shape_patterns")
    return SourceRequirement(
        path=said.text("path"),
        evidence_kind=said.text("evidence_kind"),
        required=said.flag("required"),
        prefetch=said.flag("prefetch"),
        completeness=said.text("completeness_policy"),
        required_shapes=said.texts("required_shapes"),
        shape_patterns=tuple((name, patterns.text(name)) for name in patterns.value),
        any_shape=said.text("shape_match_policy") == "any",
        contradiction_markers=said.texts("contradiction_markers"),
        is_of_command=said.text("evidence_plane") == "command_result",
        pattern=said.text("pattern"),
        command_pattern=requirement.text("pattern") if requirement.value else "",
    )


def _objective(said: Members) -> ObjectiveSpec | None:
    if not said.value["objective_spec"]:
        return None
    spec = said.part("objective_spec")
    target = spec.part("target")
    return ObjectiveSpec(
        objective_type=spec.text("objective_type"),
        target=Target(*(target.text(name) for name in _TARGET)),
        required_outputs=spec.texts("required_outputs"),
        required_evidence_shapes=spec.texts("required_evidence_shapes"),
        required_values=spec.texts("required_values"),
        confidence_cap=spec.part("confidence_policy").text("cap"),
    )


def _exploration(said: Members) -> Exploration:
    if "exploration_policy" not in said.value:
        return Exploration()
    policy = said.part("exploration_policy")
    return Exploration(
        closes_after_floor=policy.text("after_required_floor") == "close_immediately",
        optional_min=policy.whole("min_optional_actions_after_floor"),
        optional_max=policy.whole("max_optional_actions_after_floor"),
        needs_contradiction_search=policy.flag("require_contradiction_search"),
    )


def _obligations(said: Members) -> tuple[Obligation, ...]:
    """Return the questions, and each criterion of the objective as one more."""
    asked = tuple(_obligation(each) for each in said.parts("answer_obligations"))
    spec = said.value["objective_spec"]
    criteria = Members(spec).texts("completion_criteria") if spec else ()
    named = (Obligation(f"criterion_{n}", text) for n, text in enumerate(criteria, 1))
    return (*asked, *named)
