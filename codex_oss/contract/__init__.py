"""Say what a mission is and what it must deliver."""

from codex_oss.contract.evidence import EvidenceRef, Match, Span, parse_ref
from codex_oss.contract.mission import (
    Budget,
    MissionV1,
    Obligation,
    Scope,
    SourceRequirement,
    Sufficiency,
    contract_digest,
    render_mission,
)

__all__ = [
    "Budget",
    "EvidenceRef",
    "Match",
    "MissionV1",
    "Obligation",
    "Scope",
    "SourceRequirement",
    "Span",
    "Sufficiency",
    "contract_digest",
    "parse_ref",
    "render_mission",
]
