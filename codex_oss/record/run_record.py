"""What is known of a run: the fold of its events, in seven frozen parts.

`reducer` makes it and nothing else does; `decide`, the prompt, the verdict, the commentary and
every file of a mission are functions of it. It holds no clock time that a decision could read but
`budget.elapsed_ms`, which stands in the events. No tuple here outgrows a budget of the contract:
model calls, their calls and the required sources bound them all, so that a step costs the same in
a log of a hundred events and in one of a hundred thousand.
"""

import json
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from codex_oss.chat import FunctionCall
from codex_oss.contract import Match, MissionV1
from codex_oss.record.delivery_events import ClaimGateEvaluated, CommentaryDelivered
from codex_oss.record.events import (
    CitationResult,
    ContradictionRecorded,
    CorroborationRecorded,
    Extract,
    GateEvaluated,
    HeadSealed,
    Json,
    MissionAdmitted,
    MissionFinalized,
    ModelRequested,
    ModelStopped,
    OverrideRecorded,
    ProfileFacts,
    ReportDrafted,
    ReportValidated,
    RuntimeRecoveryRecorded,
    ToolCallEmitted,
)
from codex_oss.record.patch_events import (
    PatchAppliedByRuntime,
    PatchApplyStarted,
    PatchBuilt,
    PatchChecked,
    PatchIntentProposed,
    PromotionStarted,
    ReviewPacketBuilt,
    ReviewRecorded,
    RollbackRecorded,
    RollbackStarted,
    SemanticReviewed,
    VerificationJudged,
    VerificationRan,
    VerificationStarted,
    WorktreeCreated,
)

TAKEN = "taken"
"""The result of a gate behind which a run goes another way."""

NOTED_MAX = 50  # Of what is wrong or unknown in a log: one is as bad as all of them.

Phase = Literal["PLAN", "EXPLORE", "NARROW", "VERIFY", "REPORT"]
Part = TypeVar("Part")


def evolved(part: Part, **changes: object) -> Part:
    """Return a copy of a frozen part with other members; for classes without slots. By
    `dataclasses.replace`, which sets every member anew, a fold took 38 us an event, and so 5 us
    (CPython 3.11.7, 100,000 events)."""
    assert changes.keys() <= part.__dict__.keys(), (type(part), changes.keys())
    copy = object.__new__(type(part))
    copy.__dict__.update(part.__dict__, **changes)
    return copy


@dataclass(frozen=True)
class MissionPart:
    """What was admitted. `contract` is parsed from `admitted.task_spec`; its limits are those that
    hold, for a person may raise them."""

    admitted: MissionAdmitted
    contract: MissionV1
    run_id: str
    mission_id: str
    started_at: str


@dataclass(frozen=True, slots=True)
class Said:
    """One reply of the model, as the next prompt repeats it. `is_cut`: at its output limit;
    `is_text`: its calls stand in its text."""

    call: int
    text: str
    calls: tuple[FunctionCall, ...]
    is_cut: bool = False
    is_text: bool = False
    profile: str = ""
    reasoning: str = field(default="", metadata={"private": True})


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one function call (`call_id`), or of a reply without any (""): the index of
    its observation in `evidence.commands`, or a note for the model as JSON. `cached`: the log held
    that observation already."""

    call_id: str
    observation: int | None = None
    note: Json | None = None
    cached: bool = False


@dataclass(frozen=True)
class LoopPart:
    """Where the run stands. `queue` holds the calls of the last reply that wait for their turn;
    `has_acted` says whether any call of that reply was an action. A reply without one is
    *faulty*, and asking again is a repair round. `misspoken_in_a_row` counts those that were no
    action in the encoding they were asked in, `cut_in_a_row` those that were cut off; `is_json`:
    the run goes on in JSON. `interrupted` says why nobody works on it."""

    phase: str = "PLAN"
    phase_history: tuple[str, ...] = ("PLAN",)
    open_request: ModelRequested | None = None
    open_tool: ToolCallEmitted | None = None
    queue: tuple[FunctionCall, ...] = ()
    narrated: str = ""
    transcript: tuple[Said | Answered, ...] = ()
    has_acted: bool = False
    faulty_in_a_row: int = 0
    faulty: int = 0
    misspoken_in_a_row: int = 0
    cut_in_a_row: int = 0
    is_json: bool = False
    failed_in_a_row: int = 0
    last_failure: str = ""
    last_failure_retryable: bool = True
    write_attempts: int = 0
    cancelled_by: str = ""
    cancel_reason: str = ""
    interrupted: str = ""
    recoveries: tuple[RuntimeRecoveryRecorded, ...] = ()
    overrides: tuple[OverrideRecorded, ...] = ()
    stopped: ModelStopped | None = None
    refused: bool = False
    finalized: MissionFinalized | None = None
    finalized_seq: int = 0
    finalized_hash: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One executed tool call. `index` is the N of `command:N`, `path` the one it asked for."""

    index: int
    seq: int
    call_id: str
    tool_name: str
    arguments: str
    path: str
    command: str
    exit_code: int
    text: str
    output_hash: str
    complete: bool
    truncated: bool
    extracts: tuple[Extract, ...]
    matches: tuple[Match, ...]
    match_count: int
    redactions: int
    by_runtime: bool
    next: str
    risk_flags: tuple[str, ...]
    target_question: str = ""
    files_searched: int = 0
    total_lines: int = 0

    def __hash__(self) -> int:
        return hash((self.seq, self.output_hash))  # Not over a thousand matches each time.

    @property
    def asked(self) -> Json:
        return arguments_of(self.arguments)


def arguments_of(text: str) -> Json:
    """Return the arguments of an announced call; none where they are no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Denial:
    """One denied tool call. `path` is the one it asked for, `shown_path` how a denial names it:
    redacted, escaped, cut."""

    tool_name: str
    path: str
    code: str
    rule: str
    shown_path: str
    by_runtime: bool


@dataclass(frozen=True)
class EvidencePart:
    """What was shown, in order. A path is inspected from its first extract on."""

    commands: tuple[Command, ...] = ()
    files: tuple[str, ...] = ()
    denials: tuple[Denial, ...] = ()

    def original_of(self, call: ToolCallEmitted, output_hash: str) -> Command | None:
        """Return the first call with these arguments that gave the same, if any did."""
        wanted = (call.arguments, call.tool_name, output_hash)
        for command in self.commands:
            if (command.arguments, command.tool_name, command.output_hash) == wanted:
                return command
        return None


@dataclass(frozen=True, slots=True)
class Claim:
    claim_id: str
    text: str
    obligation_id: str
    value: str
    evidence_refs: tuple[str, ...]


@dataclass(frozen=True)
class AnswerPart:
    """What was claimed, drafted and checked. A new draft forgets the check of the one before.
    `narrated` is what closers said, by profile; "" where the call failed. `forged` are the
    references of any draft that were never shown: no later draft undoes the attempt."""

    claims: tuple[Claim, ...] = ()
    draft: ReportDrafted | None = None
    draft_event: str = ""
    drafts: int = 0
    checked: tuple[CitationResult, ...] | None = None
    forged: tuple[str, ...] = ()
    validated: ReportValidated | None = None
    closure: GateEvaluated | None = None
    fast_path: GateEvaluated | None = None
    narrated: tuple[tuple[str, str], ...] = ()
    contradictions: tuple[ContradictionRecorded, ...] = ()
    corroboration: CorroborationRecorded | None = None

    @property
    def is_fast(self) -> bool:
        """Whether a search of the runtime answers the mission, and no model was asked."""
        return self.fast_path is not None and self.fast_path.result == TAKEN


@dataclass(frozen=True)
class BudgetPart:
    """What was spent. `redirected` names the progress limits that the model was told of, each
    with its count then; `exhausted` the counters that ended exploration."""

    elapsed_ms: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    observation_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    usage_sources: tuple[str, ...] = ()
    cost_microusd: int | None = 0
    estimate_scale_percent: int = 100
    duplicates: int = 0
    low_information: int = 0
    broad_searches: int = 0
    redirected: tuple[tuple[str, int], ...] = ()
    exhausted: tuple[str, ...] = ()
    log_bytes: int = 0
    blob_bytes: int = 0


@dataclass(frozen=True)
class PatchPart:
    """The last patch, as far as it came: whoever builds another begins anew. What is done to the
    workspace and not yet told the end of is `promoting` or `rolling_back`."""

    worktree: WorktreeCreated | None = None
    proposal: PatchIntentProposed | None = None
    rejected: int = 0
    repairs: int = 0
    built: PatchBuilt | None = None
    checked: PatchChecked | None = None
    reviewed: SemanticReviewed | None = None
    applying: PatchApplyStarted | None = None
    applied: PatchAppliedByRuntime | None = None
    verifying: VerificationStarted | None = None
    runs: tuple[VerificationRan, ...] = ()
    judged: VerificationJudged | None = None
    proof: RollbackRecorded | None = None
    packet: ReviewPacketBuilt | None = None
    review: ReviewRecorded | None = None
    promoting: PromotionStarted | None = None
    rolling_back: RollbackStarted | None = None
    promotion_state: str = ""


@dataclass(frozen=True)
class DeliveryPart:
    """What left the run. Neighbouring deliveries in one state are one; `messages_matched` of the
    `messages_observed` are sentences of this log, seen by ourselves."""

    sealed: HeadSealed | None = None
    files_written: int = 0
    resumes: int = 0
    recovered_bytes: int = 0
    redactions: int = 0
    commentary: tuple[CommentaryDelivered, ...] = ()
    captures: int = 0
    messages_observed: int = 0
    messages_matched: int = 0
    calls_adopted: int = 0
    claim_gates: tuple[ClaimGateEvaluated, ...] = ()


@dataclass(frozen=True)
class RunRecord:
    mission: MissionPart | None = None
    loop: LoopPart = field(default_factory=LoopPart)
    evidence: EvidencePart = field(default_factory=EvidencePart)
    answer: AnswerPart = field(default_factory=AnswerPart)
    budget: BudgetPart = field(default_factory=BudgetPart)
    patch: PatchPart = field(default_factory=PatchPart)
    delivery: DeliveryPart = field(default_factory=DeliveryPart)
    last_seq: int = 0
    last_hash: str = ""
    last_at: str = ""
    inconsistent: tuple[tuple[int, str], ...] = ()
    unknown_events: tuple[tuple[int, str], ...] = ()

    @property
    def status(self) -> str:
        """NEW, OPEN, REFUSED, UNREADABLE (a contract of another version, or no beginning), or the
        status with which the run was finalized."""
        if self.loop.finalized:
            return self.loop.finalized.status
        if self.loop.refused:
            return "REFUSED"
        if self.mission:
            return "OPEN"
        return "UNREADABLE" if self.last_seq else "NEW"

    @property
    def is_open(self) -> bool:
        return self.status == "OPEN"

    @property
    def promotion_state(self) -> str:
        """Return what became of the patch since the run ended, `none` where there is none."""
        ended = self.loop.finalized
        return self.patch.promotion_state or (ended.promotion_state if ended else "none")

    @property
    def admitted(self) -> MissionPart:
        assert self.mission, "this run was never admitted"
        return self.mission

    @property
    def profile(self) -> ProfileFacts:
        """The model that is asked: the admitted one, or the last that took its place."""
        switched = (each.profile for each in reversed(self.loop.recoveries) if each.profile)
        return next(switched, self.admitted.admitted.profile)

    @property
    def contract(self) -> MissionV1:
        return self.admitted.contract
