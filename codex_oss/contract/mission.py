"""What a mission is: the contract a subagent works under, as one frozen value.

`parsing` makes it from JSON and is the only one that does; everything here is therefore valid.
The rule it keeps: nothing about scope, budget or duty of a run is known anywhere but here, and
`render_mission` gives back every field, so that a contract survives its log.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA_VERSION = "oss_agent_mission.v1"


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be looked at. Paths are relative POSIX, normalised; deny beats allow."""

    allowed_roots: tuple[str, ...] = ()
    allowed_paths: tuple[str, ...] = ()
    forbidden_roots: tuple[str, ...] = ()
    forbidden_topics: tuple[str, ...] = ()
    critical_path_read_allowed: bool = False
    critical_path_read_reason: str = ""
    allow_broad_read_scope: bool = False
    allowed_tool_classes: tuple[str, ...] = ()
    exposed_classes: tuple[str, ...] = ()
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent. Bytes, seconds and counts as named; `None` is no limit of this kind."""

    tool_budget: int
    time_budget_seconds: int
    max_model_calls: int = 25
    max_output_tokens_total: int | None = None
    max_cost_usd: str | None = None
    max_files_to_inspect: int = 20
    max_total_observation_bytes: int = 500_000
    max_duplicate_actions: int = 2
    max_broad_searches: int = 6
    max_low_information_actions: int = 3


@dataclass(frozen=True, slots=True)
class SourceRequirement:
    """What must be seen before its obligation counts as answered: how much of a file, or which
    search. Every shape must stand in it, or `any_shape` of them; a named pattern is a shape of the
    contract's own. `is_of_command`: what a command gave counts, not what a file holds."""

    path: str
    evidence_kind: str = "source_read"
    required: bool = True
    prefetch: bool = True
    completeness: str = "shape_sufficient"
    required_shapes: tuple[str, ...] = ()
    shape_patterns: tuple[tuple[str, str], ...] = ()
    any_shape: bool = False
    contradiction_markers: tuple[str, ...] = ()
    is_of_command: bool = False
    pattern: str = ""
    command_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Obligation:
    """A question that the report must answer."""

    id: str
    question: str
    required: bool = True
    source_hints: tuple[str, ...] = ()
    source_requirements: tuple[SourceRequirement, ...] = ()
    evidence_needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """How much proof COMPLETE takes."""

    min_main_claims: int = 0
    min_evidence_refs_per_claim: int = 1
    must_list_uninspected_areas: bool = False
    confidence_cap_if_partial_extracts: str = "MEDIUM"
    allow_runtime_answer_graph_closure: bool = True


@dataclass(frozen=True, slots=True)
class Exploration:
    """What an open investigation does beyond its required sources."""

    closes_after_floor: bool = False
    optional_min: int = 1
    optional_max: int = 4
    needs_contradiction_search: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What an objective is about; "" is not said."""

    symbol: str = ""
    key: str = ""
    pattern: str = ""
    value: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class ObjectiveSpec:
    """An objective in words that the runtime understands. Every value must occur in a cited span,
    and every shape stand in one."""

    objective_type: str = ""
    target: Target = Target()
    required_outputs: tuple[str, ...] = ()
    required_evidence_shapes: tuple[str, ...] = ()
    required_values: tuple[str, ...] = ()
    confidence_cap: str = "HIGH"


@dataclass(frozen=True, slots=True)
class MissionV1:
    """One contract. `unenforced` holds, as (path, canonical JSON), what was parsed whole but has
    no enforcement yet and is not at its default: admission refuses it, nothing ignores it."""

    mission_id: str
    tier: str
    mode: str
    objective: str
    scope: Scope
    budget: Budget
    obligations: tuple[Obligation, ...]
    sufficiency: Sufficiency = Sufficiency()
    risk_tier: str = "low"
    write_allowed: bool = False
    objective_style: str = "deterministic_lookup"
    report_schema: str = "managed_investigation_report.v1"
    required_outputs: tuple[str, ...] = ()
    evidence_collection_mode: str = "prefetch_floor"
    deadline_policy: str = "deadline_policy.v1"
    must_inspect: tuple[str, ...] = ()
    stop_conditions: tuple[str, ...] = ()
    phase_policy_enabled: bool = True
    progress_policy_enabled: bool = True
    exploration: Exploration = Exploration()
    objective_spec: ObjectiveSpec | None = None
    closer_model: str = ""
    fallback_closer_model: str = ""
    document: dict[str, object] = field(default_factory=dict)
    unenforced: tuple[tuple[str, str], ...] = ()

    @property
    def is_packed(self) -> bool:
        """Whether the runtime reads all there is to read, if anything, and the model only
        reports."""
        return self.tier in ("A0", "A1")

    @property
    def is_exact(self) -> bool:
        """Whether nothing is read, and the whole reply is the answer."""
        return self.tier == "A0"

    @property
    def is_open(self) -> bool:
        """Whether it explores beyond its required sources."""
        return self.objective_style == "open_investigation"


def render_mission(mission: MissionV1) -> dict[str, object]:
    """Return the contract as JSON, with every default filled in: `parse(render(m)) == m`."""
    return mission.document


def contract_digest(mission: MissionV1) -> str:
    """Return 64 hex: SHA-256 over sorted-key compact JSON of everything but the id."""
    return document_digest(mission.document)


def document_digest(document: Mapping[str, object]) -> str:
    """Return the digest of a contract in which every default is filled in."""
    body = {key: value for key, value in document.items() if key != "mission_id"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
