"""Say what a mission is and what it must deliver."""

from codex_oss.contract.actions import (
    Action,
    ClaimAction,
    ReportAction,
    StopAction,
    ToolAction,
    example_of,
    parse_action,
)
from codex_oss.contract.closer import CloserDraft, read_closer_draft
from codex_oss.contract.compiler import template
from codex_oss.contract.evidence import EVIDENCE_SHAPES, EvidenceRef, Match, Span, parse_ref
from codex_oss.contract.functions import (
    CONTROLS,
    REMARKS,
    TOOLS,
    ActionFault,
    Argument,
    Tool,
    declared,
)
from codex_oss.contract.handoff import (
    HandoffValidation,
    extract_handoff,
    render_handoff,
    validate_handoff,
)
from codex_oss.contract.json_actions import Encoding, read_spoken, spoken
from codex_oss.contract.mission import (
    Budget,
    MissionV1,
    ObjectiveSpec,
    Obligation,
    Scope,
    SourceRequirement,
    Sufficiency,
    contract_digest,
    render_mission,
)
from codex_oss.contract.packing import (
    EXACT_WRITE_FIELD,
    exact_write_mission,
    packed_mission,
    scope_of,
    searches_in,
)
from codex_oss.contract.parsing import Parsed, parse_mission
from codex_oss.contract.paths import (
    IGNORED_FOLDERS,
    BadPath,
    Denial,
    PathRules,
    is_protected,
    normalise,
)
from codex_oss.contract.protocol import ANSWER, MISSION, OBSERVATION, STATE, block, blocks
from codex_oss.contract.report import (
    REPORT_FIELDS,
    Claim,
    Escalation,
    ReportDraft,
    Uncertainty,
    parse_claim,
    parse_draft,
)
from codex_oss.contract.support import (
    SUPPORT_MODES,
    SupportTask,
    mode_of,
    refusal_of,
    support_task_of,
)
from codex_oss.contract.text_report import read_text_report
from codex_oss.contract.tiers import MODES, TIER_NAMES, TIERS, Tier, tier_of
from codex_oss.contract.topics import topic_in
from codex_oss.contract.unenforced import NOT_ENFORCED_YET, not_enforced

__all__ = [
    "ANSWER",
    "CONTROLS",
    "EVIDENCE_SHAPES",
    "EXACT_WRITE_FIELD",
    "HandoffValidation",
    "IGNORED_FOLDERS",
    "NOT_ENFORCED_YET",
    "MISSION",
    "MODES",
    "OBSERVATION",
    "REMARKS",
    "REPORT_FIELDS",
    "STATE",
    "SUPPORT_MODES",
    "TIERS",
    "TIER_NAMES",
    "TOOLS",
    "Action",
    "ActionFault",
    "Argument",
    "BadPath",
    "Budget",
    "Claim",
    "ClaimAction",
    "CloserDraft",
    "Denial",
    "Encoding",
    "Escalation",
    "EvidenceRef",
    "Match",
    "MissionV1",
    "ObjectiveSpec",
    "Obligation",
    "Parsed",
    "PathRules",
    "ReportAction",
    "ReportDraft",
    "Scope",
    "SourceRequirement",
    "Span",
    "StopAction",
    "Sufficiency",
    "SupportTask",
    "Tier",
    "Tool",
    "ToolAction",
    "Uncertainty",
    "block",
    "blocks",
    "contract_digest",
    "declared",
    "exact_write_mission",
    "example_of",
    "extract_handoff",
    "is_protected",
    "mode_of",
    "normalise",
    "not_enforced",
    "packed_mission",
    "parse_action",
    "parse_claim",
    "parse_draft",
    "parse_mission",
    "parse_ref",
    "read_closer_draft",
    "read_spoken",
    "read_text_report",
    "refusal_of",
    "render_handoff",
    "render_mission",
    "scope_of",
    "searches_in",
    "spoken",
    "support_task_of",
    "template",
    "tier_of",
    "validate_handoff",
    "topic_in",
]
