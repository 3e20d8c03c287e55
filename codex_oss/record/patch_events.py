"""What can happen to a patch: the facts of a mission that writes, from its worktree to its end.

Each step names the patch by its hash; large texts (proposal, diff, file images, output) stand in
blobs and are named by theirs. `patching` folds these facts and holds their order
(implementation 3, 11 and 12).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorktreeCreated:
    worktree: str
    base_tree: str
    file_count: int
    excluded_count: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class PatchFault:
    """One thing wrong with a proposal or a patch. `class_` is what it means for the run, where
    that depends on the code: blocking, repairable or informational."""

    code: str
    path: str
    line: int
    detail: str
    class_: str = ""


@dataclass(frozen=True, slots=True)
class FileChange:
    path: str
    change_type: str
    base_sha256: str
    new_sha256: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class FileImage:
    """A file before and after; a digest is "" where there is none."""

    path: str
    base_sha256: str
    new_sha256: str


@dataclass(frozen=True, slots=True)
class PatchIntentProposed:
    attempt: int
    proposal_kind: str
    proposal_hash: str
    owned_paths: tuple[str, ...]
    rationale: str
    model_alias: str
    risk_tier: str


@dataclass(frozen=True, slots=True)
class ProposalRejected:
    attempt: int
    errors: tuple[PatchFault, ...]


@dataclass(frozen=True, slots=True)
class PatchBuilt:
    attempt: int
    patch_hash: str
    bytes: int
    changed_files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class PatchChecked:
    """`status` is VALID, INVALID or ESCALATE; `checks` holds each by its name."""

    patch_hash: str
    status: str
    checks: dict[str, object]
    errors: tuple[PatchFault, ...]


@dataclass(frozen=True, slots=True)
class SemanticReviewed:
    """`decision` is VALID, REPAIRABLE or INVALID; `score` lies in 0..100."""

    patch_hash: str
    decision: str
    score: int
    codes: tuple[PatchFault, ...]


@dataclass(frozen=True, slots=True)
class PatchApplyStarted:
    """On disk before the worktree is touched."""

    patch_hash: str
    files: tuple[FileImage, ...]


@dataclass(frozen=True, slots=True)
class PatchAppliedByRuntime:
    patch_hash: str
    owned_paths: tuple[str, ...]
    apply_status: str
    post_tree: str


@dataclass(frozen=True, slots=True)
class VerificationStarted:
    """On disk before a command runs. `plan` are the commands, `cells` the combinations of sources
    and checks in which each is to run."""

    patch_hash: str
    plan: tuple[str, ...]
    cells: tuple[str, ...]
    rung: str


@dataclass(frozen=True, slots=True)
class VerificationRan:
    patch_hash: str
    cell: str
    command: str
    exit_code: int
    result: str
    duration_ms: int
    counts: dict[str, object]
    receipt_hash: str
    output_hash: str


@dataclass(frozen=True, slots=True)
class VerificationJudged:
    """`verdict` is passed, failed, failed_preexisting, inconclusive or not_run."""

    patch_hash: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairRequested:
    round: int
    cause: str
    fingerprint: str
    feedback_hash: str


@dataclass(frozen=True, slots=True)
class RollbackRecorded:
    """`reason` is `proof` for the one that every patch is put to before its run ends."""

    patch_hash: str
    reason: str
    rollback_status: str
    affected_paths: tuple[str, ...]
    restored_tree: str


@dataclass(frozen=True, slots=True)
class ReviewPacketBuilt:
    patch_hash: str
    packet_hash: str
    adequate: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRecorded:
    """A person's word on the packet that was read. `decision` is accept, reject or redo."""

    packet_hash: str
    reviewer: str
    decision: str
    unsafe: bool = False
    answers: dict[str, object] = field(default_factory=dict)
    review_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PromotionStarted:
    """On disk before a file of the workspace is touched."""

    patch_hash: str
    packet_hash: str
    reviewer: str
    files: tuple[FileImage, ...]


@dataclass(frozen=True, slots=True)
class PromotionFinished:
    patch_hash: str


@dataclass(frozen=True, slots=True)
class PromotionUndone:
    """Every file that carried our bytes is what it was; `conflicts` carry somebody else's."""

    patch_hash: str
    reason: str
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RollbackStarted:
    """On disk before a promoted file is put back."""

    patch_hash: str
    by: str
    reason: str
    files: tuple[FileImage, ...]
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class MissionDiscarded:
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorktreeRemoved:
    worktree: str
    reason: str


PatchFact = (
    WorktreeCreated
    | PatchIntentProposed
    | ProposalRejected
    | PatchBuilt
    | PatchChecked
    | SemanticReviewed
    | PatchApplyStarted
    | PatchAppliedByRuntime
    | VerificationStarted
    | VerificationRan
    | VerificationJudged
    | RepairRequested
    | RollbackRecorded
    | ReviewPacketBuilt
    | ReviewRecorded
    | PromotionStarted
    | PromotionFinished
    | PromotionUndone
    | RollbackStarted
    | MissionDiscarded
    | WorktreeRemoved
)
