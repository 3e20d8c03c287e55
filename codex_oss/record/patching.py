"""The part of the fold that is about a patch, and the order its steps must stand in.

A record and a fact enter; the record after it leaves, or the rule that the fact would break.
`STEPS` is that order: what each step rests on, for the same patch (implementation 3 and 12).
"""

from collections.abc import Mapping
from typing import assert_never

import codex_oss.record.patch_events as facts
from codex_oss.record.patch_events import PatchFact
from codex_oss.record.run_record import PatchPart, RunRecord, evolved

STEPS: Mapping[type[PatchFact], str] = {
    facts.PatchChecked: "built",
    facts.SemanticReviewed: "checked",
    facts.PatchApplyStarted: "reviewed",
    facts.PatchAppliedByRuntime: "applying",
    facts.VerificationStarted: "applied",
    facts.VerificationRan: "verifying",
    facts.VerificationJudged: "applied",
    facts.PromotionStarted: "built",
    facts.PromotionFinished: "promoting",
    facts.PromotionUndone: "promoting",
    facts.RollbackStarted: "built",
}
"""The member of the part that must be there before a step, and have its `patch_hash`."""

OF_A_FINAL_RUN = (
    facts.ReviewRecorded,
    facts.PromotionStarted,
    facts.PromotionFinished,
    facts.PromotionUndone,
    facts.RollbackStarted,
    facts.MissionDiscarded,
)
AFTER_THE_END = (*OF_A_FINAL_RUN, facts.RollbackRecorded, facts.WorktreeRemoved)
"""All of a patch that may happen when its run is over. None of it changes the status."""


def is_implemented(patch: PatchPart) -> bool:
    """Whether one patch was proposed, built, found valid twice, applied, verified, and proved to
    be reversible. That this was the order, and one hash, the rules above have seen to."""
    return bool(
        _is_checked(patch)
        and _is_reviewed(patch)
        and patch.applied
        and patch.judged
        and patch.judged.verdict == "passed"
        and patch.proof
        and patch.proof.rollback_status == "PROVED"
    )


def _is_checked(patch: PatchPart) -> bool:
    return patch.checked is not None and patch.checked.status == "VALID"


def _is_reviewed(patch: PatchPart) -> bool:
    return patch.reviewed is not None and patch.reviewed.decision == "VALID"


def illegal_step(record: RunRecord, fact: PatchFact) -> str:
    """Return the rule that a step of a patch would break at this moment, or ""."""
    patch, is_over = record.patch, record.loop.finalized is not None
    if not record.admitted.admitted.write_allowed:
        return "no_patch_lane"
    if isinstance(fact, OF_A_FINAL_RUN) and not is_over:
        return "before_the_end"
    if is_over and not isinstance(fact, AFTER_THE_END):
        return "nothing_after_the_end"
    if before := STEPS.get(type(fact)):
        rests_on = getattr(patch, before)
        if rests_on is None:
            return f"patch_not_{before}"
        if rests_on.patch_hash != getattr(fact, "patch_hash", ""):
            return "another_patch_hash"
    return _illegal_here(patch, fact)


def _illegal_here(patch: PatchPart, fact: PatchFact) -> str:
    match fact:
        case facts.PatchBuilt():
            is_proposed = patch.proposal and patch.proposal.attempt == fact.attempt
            return "" if is_proposed else "patch_not_proposed"
        case facts.SemanticReviewed():
            return "" if _is_checked(patch) else "patch_not_valid"
        case facts.PatchApplyStarted():
            return "" if _is_reviewed(patch) else "patch_not_valid"
        case facts.VerificationJudged():
            return "passed_without_run" if fact.verdict == "passed" and not patch.runs else ""
        case facts.RollbackRecorded():
            basis = patch.built if fact.reason == "proof" else patch.rolling_back
            if basis is None:
                return "outcome_without_intent"
            return "" if basis.patch_hash == fact.patch_hash else "another_patch_hash"
        case facts.ReviewPacketBuilt():
            built = patch.built.patch_hash if patch.built else ""
            return "" if fact.patch_hash == built else "another_patch_hash"
        case facts.ReviewRecorded():
            is_read = patch.packet and patch.packet.packet_hash == fact.packet_hash
            return "" if is_read else "another_packet_hash"
        case facts.PromotionStarted():
            return _illegal_promotion(patch, fact)
        case facts.RollbackStarted():
            return "" if patch.promotion_state == "promoted" else "not_promoted"
        case facts.MissionDiscarded():
            return "already_promoted" if patch.promotion_state == "promoted" else ""
    return ""


def _illegal_promotion(patch: PatchPart, fact: facts.PromotionStarted) -> str:
    if patch.promoting or patch.promotion_state == "promoted":
        return "promoted_twice"
    review = patch.review
    is_accepted = review and (review.packet_hash, review.decision) == (fact.packet_hash, "accept")
    return "" if is_accepted else "promotion_without_review"


def patched(record: RunRecord, fact: PatchFact) -> RunRecord:
    return evolved(record, patch=_patched(record.patch, fact))


def _patched(patch: PatchPart, fact: PatchFact) -> PatchPart:
    match fact:
        case facts.WorktreeCreated():
            return evolved(patch, worktree=fact)
        case facts.PatchIntentProposed():
            return evolved(patch, proposal=fact)
        case facts.ProposalRejected():
            return evolved(patch, rejected=patch.rejected + 1)
        case facts.PatchBuilt():
            return PatchPart(
                patch.worktree, patch.proposal, patch.rejected, patch.repairs, built=fact
            )
        case facts.PatchChecked():
            return evolved(patch, checked=fact)
        case facts.SemanticReviewed():
            return evolved(patch, reviewed=fact)
        case facts.PatchApplyStarted():
            return evolved(patch, applying=fact)
        case facts.PatchAppliedByRuntime():
            return evolved(patch, applied=fact, applying=None)
        case facts.VerificationStarted():
            return evolved(patch, verifying=fact, runs=())
        case facts.VerificationRan():
            return evolved(patch, runs=(*patch.runs, fact))
        case facts.VerificationJudged():
            return evolved(patch, judged=fact, verifying=None)
        case facts.RepairRequested():
            return evolved(patch, repairs=patch.repairs + 1)
        case facts.RollbackRecorded():
            if fact.reason == "proof":
                return evolved(patch, proof=fact)
            return evolved(patch, rolling_back=None, promotion_state="rolled_back")
        case facts.ReviewPacketBuilt():
            return evolved(patch, packet=fact)
        case facts.ReviewRecorded():
            return evolved(patch, review=fact)
        case facts.PromotionStarted():
            return evolved(patch, promoting=fact)
        case facts.PromotionFinished():
            return evolved(patch, promoting=None, promotion_state="promoted")
        case facts.PromotionUndone():
            return evolved(patch, promoting=None, promotion_state="undone")
        case facts.RollbackStarted():
            return evolved(patch, rolling_back=fact)
        case facts.MissionDiscarded():
            return evolved(patch, promotion_state="discarded")
        case facts.WorktreeRemoved():
            return evolved(patch, worktree=None)
        case _:
            assert_never(fact)
