"""Runs that are told and not played, for types that no mission of this version writes by itself.

Each is legal from its first fact to its last, and stands byte for byte in `tests/logs/told/`.
"""

from collections.abc import Mapping

from codex_oss.contract import contract_digest, parse_mission, render_mission, template
from codex_oss.record import (
    BudgetChanged,
    CancelRequested,
    ClaimGateEvaluated,
    CommentaryDelivered,
    ContradictionRecorded,
    CorroboratingRun,
    CorroborationRecorded,
    DesktopMessageObserved,
    DesktopToolCallResolved,
    DesktopTranscriptCaptured,
    EvidenceVerified,
    Fact,
    FileChange,
    FileImage,
    MissionAdmitted,
    MissionDiscarded,
    MissionFinalized,
    OverrideRecorded,
    PatchAppliedByRuntime,
    PatchApplyStarted,
    PatchBuilt,
    PatchChecked,
    PatchFault,
    PatchIntentProposed,
    PromotionFinished,
    PromotionStarted,
    PromotionUndone,
    ProposalRejected,
    RepairRequested,
    ReviewPacketBuilt,
    ReviewRecorded,
    RollbackRecorded,
    RollbackStarted,
    RunInterrupted,
    RunResumed,
    RuntimeRecoveryRecorded,
    SemanticReviewed,
    VerificationJudged,
    VerificationRan,
    VerificationStarted,
    WorktreeCreated,
    WorktreeRemoved,
)
from support.facts import HASH, admitted

PATCH, PACKET, OTHER = (f"sha256:{digit * 64}" for digit in "678")
IMAGES = (FileImage("src/a.py", HASH, OTHER),)
CHANGED = (FileChange("src/a.py", "modified", HASH, OTHER, 2, 1),)
FAULT = PatchFault("forbidden_path", "README.md", 0, "README.md is not owned")


def admitted_to_write() -> MissionAdmitted:
    mission = parse_mission(template("A5")).mission
    assert mission
    base = admitted()
    return MissionAdmitted(
        **{name: getattr(base, name) for name in base.__slots__}
        | {
            "task_spec": render_mission(mission),
            "write_allowed": True,
            "contract_sha256": contract_digest(mission),
        }
    )


def proposed(attempt: int) -> PatchIntentProposed:
    return PatchIntentProposed(attempt, "edits", HASH, ("src/a.py",), "why", "alias", "medium")


def patch_run() -> tuple[Fact, ...]:
    """Return a run whose second patch is good, promoted, and taken back."""
    return (
        admitted_to_write(),
        WorktreeCreated(".codex-oss/worktrees/run_chained", "1" * 40, 12, 1, 30),
        ProposalRejected(1, (PatchFault("anchor_not_found", "src/a.py", 3, "no such line"),)),
        RepairRequested(1, "proposal_rejected", HASH, OTHER),
        proposed(2),
        PatchBuilt(2, OTHER, 120, CHANGED),
        PatchChecked(OTHER, "INVALID", {"paths_allowed": {"ok": False}}, (FAULT,)),
        RepairRequested(2, "checks", HASH, OTHER),
        proposed(3),
        PatchBuilt(3, PATCH, 100, CHANGED),
        PatchChecked(PATCH, "VALID", {"paths_allowed": {"ok": True}}, ()),
        SemanticReviewed(PATCH, "VALID", 95, (FAULT,)),
        PatchApplyStarted(PATCH, IMAGES),
        PatchAppliedByRuntime(PATCH, ("src/a.py",), "APPLIED", "2" * 40),
        VerificationStarted(PATCH, ("make check",), ("PP", "PB"), "jail"),
        VerificationRan(PATCH, "PP", "make check", 0, "passed", 900, {"run": 3}, HASH, HASH),
        VerificationJudged(PATCH, "passed", ()),
        RollbackRecorded(PATCH, "proof", "PROVED", ("src/a.py",), "1" * 40),
        ReviewPacketBuilt(PATCH, PACKET, True, ()),
        CancelRequested("person", "enough"),
        EvidenceVerified(()),
        MissionFinalized("PARTIAL", "LOW", HASH, "A patch.", "cancelled", "awaiting_review"),
        ReviewRecorded(PACKET, "reviewer", "accept", False, {"q1": "yes"}, 900),
        PromotionStarted(PATCH, PACKET, "reviewer", IMAGES),
        PromotionUndone(PATCH, "target_changed_during_promotion", ("src/a.py",)),
        PromotionStarted(PATCH, PACKET, "reviewer", IMAGES),
        PromotionFinished(PATCH),
        RollbackStarted(PATCH, "person", "not wanted", IMAGES),
        RollbackRecorded(PATCH, "person", "ROLLED_BACK", ("src/a.py",), "1" * 40),
        MissionDiscarded("person", "not wanted"),
        WorktreeRemoved(".codex-oss/worktrees/run_chained", "discarded"),
    )  # fmt: skip


def outside_run() -> tuple[Fact, ...]:
    """Return a run with what others do to it and see of it, during and after."""
    member = CorroboratingRun("run_other", HASH, "COMPLETE")
    return (
        admitted(),
        CommentaryDelivered(1, 1, "sse_emitted", 1, 0, ""),
        RunInterrupted("client_disconnected"),
        OverrideRecorded("raise_limits", "person", "it needs more"),
        BudgetChanged("tool_budget", 20, 30, "raised"),
        RunResumed("resume", "pid 1"),
        RuntimeRecoveryRecorded("model_call:1", "closer", "recovered", "a plain answer", False),
        RuntimeRecoveryRecorded("model_call:2", "upstream_retry", "recovered", "a 503", False),
        ContradictionRecorded("different_values", "q1", ("claim_1", "claim_2")),
        CorroborationRecorded((member,), ("claim_1",), (), ("claim_2",)),
        OverrideRecorded("abort", "person", "enough"),
        EvidenceVerified(()),
        MissionFinalized("PARTIAL", "LOW", HASH, "Ended.", "cancelled"),
        DesktopTranscriptCaptured("agent", "thread", "raw", "desktop", "app_server_client", HASH),
        DesktopMessageObserved(
            "agent", "m1", "Loading.", True, False, "evt_000001", "app_server_client"
        ),
        DesktopTranscriptCaptured("agent", "thread", "raw", "desktop", "file", HASH),
        DesktopMessageObserved("agent", "m2", "Loading.", True, False, "evt_000001", "file"),
        DesktopToolCallResolved("call_1_0", HASH, "desktop", False, "app_server_client"),
        ClaimGateEvaluated("desktop-gold", "UNCONFIRMED", (), ("desktop_gold",), ("evt_000014",)),
    )


TOLD: Mapping[str, tuple[Fact, ...]] = {"outside": outside_run(), "patch": patch_run()}
