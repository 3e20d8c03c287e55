"""What can happen in a run: the closed list of facts, and the event that carries one.

A *fact* is what happened, in the past tense, as a frozen value; an *event* is that fact at its
place in the chain. Keys of a payload are the fields of its fact (`from_` is written `from`).
Numbers are integers, money is micro-USD, time is milliseconds (event-log 2 and 3). A fact is not
done until four places name it: this list, the reducer, the commentary, a golden run. The facts of
patches and of delivery have modules of their own.
"""

from dataclasses import dataclass, field

from codex_oss.chat import FunctionCall
from codex_oss.contract import Match
from codex_oss.record.delivery_events import DeliveryFact, DesktopFact, is_observed
from codex_oss.record.patch_events import PatchFact, ReviewRecorded

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class MissionAdmitted:
    """The first fact of a run. `profile` holds the prices that every cost of the run uses;
    `fallbacks` are the profiles that may take its place, in order; `areas` the folders of its
    scope with how many readable files each had."""

    task_spec: Json
    risk_tier: str
    allowed_tool_classes: tuple[str, ...]
    write_allowed: bool
    model_alias: str
    route_class: str
    contract_sha256: str
    admission: Json
    profile: "ProfileFacts"
    door: str
    run_key: str
    project: Json
    requested_mission_id: str
    product: Json
    limits: Json
    fallbacks: tuple[str, ...] = ()
    areas: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """Micro-USD per million tokens; `None` where the cache has no price of its own."""

    input: int
    output: int
    cached: int | None = None
    written: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """What a run needs to know of its model. Prices are micro-USD per million tokens, `long` those
    of a call whose input is over `long_tokens`; `family` is whose reasoning it can be sent back."""

    name: str
    upstream_model: str
    exposure: str
    context_window: int
    max_output_tokens: int
    provider: str = ""
    input_price: int | None = None
    cached_price: int | None = None
    output_price: int | None = None
    written_price: int | None = None
    long_tokens: int | None = None
    long: PriceFacts | None = None
    family: str = ""
    action_encoding: str = "native_tools"


@dataclass(frozen=True, slots=True)
class MissionRefused:
    task_spec: Json
    admission: Json


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    from_: str
    to: str
    cause: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetChanged:
    """`reason` is `exhausted`, and `counter` what was spent; or `raised` or `cut`, and `counter`
    the field of the contract that is another from here on."""

    counter: str
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True)
class OverrideRecorded:
    """A person's word: `action` is `raise_limits`, `add_note` or `abort`."""

    action: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """Nobody works on the run from here on, until somebody resumes it."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed:
    """Another process took the run up. What it found announced without an outcome is UNKNOWN."""

    reason: str
    owner: str
    unknown_outcomes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuntimeProgressEmitted:
    """`progress_type` is `waiting`, or `redirect:` and the limit that the model was told of."""

    progress_type: str
    text: str
    visible: bool = True


@dataclass(frozen=True, slots=True)
class RuntimeRecoveryRecorded:
    """What the runtime did about a failure of `call_id`. `recovery_class` is one of RECOVERIES; a
    step that `fail_closed` is over and not resolved. `profile` is asked from here on, `admission`
    says why, or why not."""

    call_id: str
    recovery_class: str
    status: str
    reason: str
    fail_closed: bool
    detail: str = ""
    profile: ProfileFacts | None = None
    admission: Json = field(default_factory=dict)


RECOVERIES = (
    *("repair_round", "output_limit_raised", "protocol_switch", "fallback_profile"),
    *("transcript_flattened", "closer", "source_pack", "upstream_retry", "resume_reask"),
)


@dataclass(frozen=True, slots=True)
class GateEvaluated:
    gate: str
    inputs: Json
    result: str
    reasons: tuple[str, ...]
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissionFinalized:
    """The last word. `final_text` is the report message up to its footer."""

    status: str
    confidence: str
    summary_hash: str
    final_text: str
    status_reason: str
    promotion_state: str = "none"


@dataclass(frozen=True, slots=True)
class HeadSealed:
    sealed_seq: int
    sealed_hash: str
    reason: str


@dataclass(frozen=True, slots=True)
class LogRecovered:
    torn_bytes: int
    torn_sha256: str
    kept_as: str


@dataclass(frozen=True, slots=True)
class ModelRequested:
    """On disk before a byte goes to the provider. `request_sha256` is the prompt's digest,
    `asked_at_ms` the time that the prompt shows, `est_cost_microusd` what its input costs even if
    nothing comes of it."""

    call: int
    purpose: str
    profile: str
    encoding: str
    request_sha256: str
    prompt_version: str
    messages: int
    tools_sha256: str
    est_input_tokens: int
    max_output_tokens: int
    deadline_ms: int
    attempt: int
    asked_at_ms: int = 0
    est_cost_microusd: int | None = None


@dataclass(frozen=True, slots=True)
class CallUsage:
    """Tokens of one call, `written` those of the input that went into a cache; `source` says who
    counted: upstream, estimated or unknown."""

    input: int
    output: int
    cached: int
    reasoning: int
    total: int
    source: str
    written: int = 0


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """What the model said. `reasoning` is kept as a private blob and never shown;
    `calls_left_out` are more than anybody would answer. `encoding`: its calls are function calls,
    or they were read in its text."""

    call: int
    response_sha256: str
    text: str
    tool_calls: tuple[FunctionCall, ...]
    reasoning: str
    finish_reason: str
    usage: CallUsage
    cost_microusd: int | None
    first_byte_ms: int
    total_ms: int
    upstream_model: str
    calls_left_out: int = 0
    encoding: str = "native_tools"


@dataclass(frozen=True, slots=True)
class ModelFailed:
    call: int
    code: str
    message: str
    retryable: bool
    attempt: int
    usage: CallUsage


@dataclass(frozen=True, slots=True)
class ActionRejected:
    """The model's choice was no action. `call_id` is the function call's, "" for plain text."""

    call: int
    call_id: str
    code: str
    message: str
    excerpt: str
    example: str
    repair_round: int


@dataclass(frozen=True, slots=True)
class ModelNarrationEmitted:
    """The chosen action, announced. `reason` is the model's own word for it."""

    text: str
    visible: bool
    pre_final: bool
    call: int
    call_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClaimRecorded:
    claim_id: str
    call_id: str
    text: str
    obligation_id: str
    value: str
    evidence_refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportDrafted:
    call: int
    call_id: str
    draft: Json


@dataclass(frozen=True, slots=True)
class ModelStopped:
    call: int
    call_id: str
    reason: str
    needs_human: bool


@dataclass(frozen=True, slots=True)
class ToolCallEmitted:
    """On disk before the tool touches a file. `arguments` is canonical JSON, `subject` what a
    sentence names; `response_id` is "" for what the runtime reads by itself; `target_question` is
    what the model wants to know by it."""

    call_id: str
    tool_name: str
    arguments_hash: str
    tool_class: str
    response_id: str
    arguments: str
    subject: str
    target_question: str = ""


@dataclass(frozen=True, slots=True)
class ToolDenied:
    call_id: str
    tool_name: str
    code: str
    rule: str
    path: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """Lines of a file that were shown, under the reference that names them."""

    ref: str
    path: str
    start_line: int
    end_line: int
    total_lines: int
    sha256: str
    file_sha256: str
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class ToolObserved:
    """What a tool gave back, redacted and cut. `bytes` of it count against the budget. `cached`:
    the log holds it already and shows it again; `recalled`: because the prompt no longer did.
    `files_searched` is of a search, `total_lines` of a reading, also of one past the end."""

    call_id: str
    command: str
    exit_code: int
    output_hash: str
    text: str
    complete: bool
    truncated: bool
    bytes: int
    extracts: tuple[Extract, ...]
    matches: tuple[Match, ...]
    match_count: int
    redactions: int
    cached: bool
    duration_ms: int
    next: str = ""
    risk_flags: tuple[str, ...] = ()
    recalled: bool = False
    files_searched: int = 0
    total_lines: int = 0


@dataclass(frozen=True, slots=True)
class ContradictionRecorded:
    """Two `sides`, as findings or searches, that cannot both be so. `resolved_by` names what
    settles it, "" while nothing does."""

    kind: str
    obligation_id: str
    sides: tuple[str, ...]
    resolved_by: str = ""


@dataclass(frozen=True, slots=True)
class CitationResult:
    """One citation, looked at again: verified, moved, stale, missing or forged."""

    ref: str
    verification: str
    path: str
    start_line: int
    end_line: int
    sha256: str
    file_sha256: str = ""
    redacted: bool = False
    quote: str = ""
    observed_seq: int = 0


@dataclass(frozen=True, slots=True)
class EvidenceVerified:
    results: tuple[CitationResult, ...]


@dataclass(frozen=True, slots=True)
class ReportValidated:
    draft_event: str
    ok: bool
    faults: tuple[str, ...]
    downgraded_from: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorroboratingRun:
    """A run that worked on the same contract, as it stood at `head`; without a run `reason` says
    why."""

    run_id: str
    head: str
    status: str
    profile: str = ""
    reason: str = ""
    calls: int = 0
    usage: CallUsage | None = None
    cost_microusd: int | None = None


@dataclass(frozen=True, slots=True)
class CorroborationRecorded:
    """What independent runs make of one another: claims that several found, that they dispute,
    and that one alone found, by their ids in `detail`."""

    members: tuple[CorroboratingRun, ...]
    agreed: tuple[str, ...]
    contradicted: tuple[str, ...]
    single_source: tuple[str, ...]
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectionWritten:
    projection_name: str
    path: str
    source_run_record_hash: str
    sha256: str
    renderer_version: str


@dataclass(frozen=True, slots=True)
class UnknownFact:
    """A fact of a newer version: kept, and a reason to withhold claims."""

    event_type: str
    payload: Json


Fact = (
    MissionAdmitted
    | MissionRefused
    | PhaseChanged
    | BudgetChanged
    | OverrideRecorded
    | CancelRequested
    | RunInterrupted
    | RunResumed
    | RuntimeProgressEmitted
    | RuntimeRecoveryRecorded
    | GateEvaluated
    | MissionFinalized
    | HeadSealed
    | LogRecovered
    | ModelRequested
    | ModelReplied
    | ModelFailed
    | ActionRejected
    | ModelNarrationEmitted
    | ClaimRecorded
    | ReportDrafted
    | ModelStopped
    | ToolCallEmitted
    | ToolDenied
    | ToolObserved
    | ContradictionRecorded
    | EvidenceVerified
    | ReportValidated
    | CorroborationRecorded
    | PatchFact
    | DeliveryFact
    | ProjectionWritten
    | UnknownFact
)

RUNTIME = ("runtime", "runtime_authoritative")
MODEL = ("model", "model_narrative")
PERSON = ("person", "reviewer_judgment")
DESKTOP = ("desktop_app", "desktop_observed")
IMPORT = ("cli_import", "diagnostic_only")
PROJECTION = ("projection", "compatibility_projection")
_SPOKEN_BY: dict[type[Fact], tuple[str, str]] = {
    ModelReplied: MODEL,
    ModelNarrationEmitted: MODEL,
    ClaimRecorded: MODEL,
    ReportDrafted: MODEL,
    ModelStopped: MODEL,
    OverrideRecorded: PERSON,
    ReviewRecorded: PERSON,
    ProjectionWritten: PROJECTION,
}
"""Who says it, and with what weight. A fact that is not here is the runtime's own."""

SOURCES = frozenset(
    "runtime model desktop_app adapter projection cli_import test_fixture person".split()
)
AUTHORITIES = frozenset(
    "runtime_authoritative model_narrative desktop_observed compatibility_projection"
    " diagnostic_only reviewer_judgment".split()
)


def spoken_by(fact: Fact) -> tuple[str, str]:
    """Return the source kind and the authority of a fact."""
    if isinstance(fact, CancelRequested) and fact.by == "person":
        return PERSON
    if isinstance(fact, BudgetChanged) and fact.reason == "raised":
        return PERSON
    if isinstance(fact, DesktopFact):
        return DESKTOP if is_observed(fact) else IMPORT
    return _SPOKEN_BY.get(type(fact), RUNTIME)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact at its place: `prev_hash` covers all before it, `event_hash` covers it too. The bytes
    are those that it takes on disk."""

    seq: int
    fact: Fact
    created_at: str
    elapsed_ms: int
    run_id: str
    mission_id: str
    prev_hash: str
    event_hash: str
    line_bytes: int
    blob_bytes: int

    @property
    def event_id(self) -> str:
        return f"evt_{self.seq:06}"

    @property
    def event_type(self) -> str:
        if isinstance(self.fact, UnknownFact):
            return self.fact.event_type
        return type(self.fact).__name__
