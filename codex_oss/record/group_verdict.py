"""What a group of runs has earned: from its comparison alone (missions 16).

COMPLETE takes as many COMPLETE members as the contract says, every required question answered by
that many with proof, and no dispute. Agreement never repairs missing evidence.
"""

from codex_oss.contract import MissionV1
from codex_oss.record.events import CorroborationRecorded, Json
from codex_oss.record.run_record import RunRecord

_NO_GROUP = CorroborationRecorded((), (), (), ())


def is_group(record: RunRecord) -> bool:
    """Whether this run compares others, and asks no model itself."""
    mission = record.mission
    return mission is not None and mission.admitted.route_class == GROUP


GROUP = "corroboration"
MEMBER = "corroboration_member"


def group_conditions(record: RunRecord) -> dict[str, bool]:
    """Return what COMPLETE takes, each as the record stands."""
    found, needed = record.answer.corroboration or _NO_GROUP, min_agree(record.contract)
    required = [o.id for o in record.contract.obligations if o.required]
    return {
        "enough_members_complete": sum(m.status == "COMPLETE" for m in found.members) >= needed,
        "required_obligations_agreed": all(_is_agreed(found, each, needed) for each in required),
        "no_contradiction": not found.contradicted,
        "log_verifies": not record.inconsistent and not record.unknown_events,
    }


def group_status(record: RunRecord, reason: str) -> tuple[str, str, str]:
    """Return status, reason and confidence."""
    found = record.answer.corroboration
    if found is None or not any(member.run_id for member in found.members):
        return "FAILED", reason or "no_member_ran", "LOW"
    if found.contradicted:
        return "ESCALATE", "contradiction_found", "LOW"
    failed = [name for name, holds in group_conditions(record).items() if not holds]
    if not failed:
        return "COMPLETE", "valid_report", "HIGH"
    if not found.agreed and not found.single_source:
        return "FAILED", "report_validation_failed:nothing_proven", "LOW"
    return "PARTIAL", reason or f"objective_coverage_failed:{failed[0]}", "MEDIUM"


def min_agree(contract: MissionV1) -> int:
    policy = contract.document.get("corroboration")
    least = policy.get("min_agree") if isinstance(policy, dict) else None
    return least if isinstance(least, int) else 2


def rows(found: CorroborationRecorded, kind: str) -> list[Json]:
    """Return the findings of one kind: agreed, contradicted or single_source."""
    listed = found.detail.get(kind)
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _is_agreed(found: CorroborationRecorded, obligation_id: str, needed: int) -> bool:
    for row in rows(found, "agreed"):
        proven = row.get("proven_by")
        backers = len(proven) if isinstance(proven, list) else 0
        if row.get("obligation_id") == obligation_id and backers >= needed:
            return True
    return False
