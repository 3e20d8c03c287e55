"""A short legal run, as facts: every kind that a log of this version can hold, once or more."""

from collections.abc import Iterable, Iterator
from itertools import repeat

from codex_oss.chat import FunctionCall
from codex_oss.contract import Match, contract_digest, parse_mission, render_mission, template
from codex_oss.record import (
    ActionRejected,
    BudgetChanged,
    CallUsage,
    CancelRequested,
    CitationResult,
    ClaimRecorded,
    Event,
    EvidenceVerified,
    Extract,
    Fact,
    GateEvaluated,
    Line,
    MissionAdmitted,
    MissionFinalized,
    ModelFailed,
    ModelNarrationEmitted,
    ModelReplied,
    ModelRequested,
    ModelStopped,
    PhaseChanged,
    Place,
    ProfileFacts,
    ReportDrafted,
    ReportValidated,
    RunResumed,
    RuntimeProgressEmitted,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    encode,
)

HASH = "sha256:" + "5" * 64
USAGE = CallUsage(100, 20, 0, 0, 120, "upstream")


def admitted(**changes: object) -> MissionAdmitted:
    mission = parse_mission(template("A3") | changes).mission
    assert mission
    return MissionAdmitted(
        task_spec=render_mission(mission),
        risk_tier="low",
        allowed_tool_classes=mission.scope.allowed_tool_classes,
        write_allowed=False,
        model_alias="mission-a3-rehearsal",
        route_class="cli",
        contract_sha256=contract_digest(mission),
        admission={"decision": "admitted", "checks": [], "warnings": []},
        profile=ProfileFacts("rehearsal", "rehearsal", "local", 131_072, 8_192, "ours", 0, 0, 0),
        door="cli",
        run_key="",
        project={"name": "demo", "git_head": ""},
        requested_mission_id=mission.mission_id,
        product={"version": "0", "source_sha256": "0", "prompt_version": "1"},
        limits={"requested": {}, "effective": {}, "reductions": []},
    )


def requested(call: int) -> ModelRequested:
    return ModelRequested(
        call, "explore", "rehearsal", "native_tools", HASH, "1", 3, HASH, 100, 8192, 60_000, 1, 5
    )


def replied(call: int, *calls: FunctionCall, text: str = "") -> ModelReplied:
    return ModelReplied(call, HASH, text, calls, "", "stop", USAGE, 0, 3, 9, "rehearsal")


def emitted(call_id: str, path: str = "src/a.py") -> ToolCallEmitted:
    arguments = f'{{"path":"{path}"}}'
    return ToolCallEmitted(call_id, "rtk_read", HASH, "read", "reply_1", arguments, path)


def observed(
    call_id: str, text: str = "1: def main():\n2:     load()\n", number: int = 1
) -> ToolObserved:
    extract = Extract(f"file:src/a.py#extract:{number}", "src/a.py", 1, 2, 2, HASH, HASH)
    return ToolObserved(
        call_id,
        "rtk_read {}",
        0,
        HASH,
        text,
        True,
        False,
        len(text),
        (extract,),
        (),
        0,
        0,
        False,
        2,
    )


DRAFT: dict[str, object] = {
    "status": "PARTIAL",
    "confidence": "LOW",
    "answer": "main is in src/a.py",
    "findings": [],
    "uncertainties": [],
    "caveats": [],
    "escalation_recommendation": {"needed": False, "reason": "", "questions": []},
}


def short_run() -> tuple[Fact, ...]:
    """Return a run from admission to its end, with every fact that may stand in between."""
    read = FunctionCall("call_1_0", "rtk_read", '{"path": "src/a.py"}')
    bad = FunctionCall("call_2_0", "nonsense", "{}")
    claim = FunctionCall("call_3_0", "record_claim", "{}")
    secret = FunctionCall("call_3_1", "rtk_read", '{"path": ".env"}')
    report = FunctionCall("call_5_0", "final_report", "{}")
    stop = FunctionCall("call_6_0", "stop", "{}")
    match = Match("src/a.py", 1, "def main():", "5" * 64, "5" * 64)
    checked = CitationResult("file:src/a.py#extract:1", "verified", "src/a.py", 1, 2, HASH)
    return (
        admitted(),
        requested(1),
        RuntimeProgressEmitted("waiting", "Still waiting for the model (8 s of 180 s)."),
        replied(1, read),
        ModelNarrationEmitted("The model chose rtk_read.", True, True, 1, "call_1_0", "to see"),
        emitted("call_1_0"),
        observed("call_1_0"),
        PhaseChanged("PLAN", "NARROW", "obligation_without_claim", ("file:src/a.py#extract:1",)),
        requested(2),
        replied(2, bad),
        ActionRejected(2, "call_2_0", "unknown_tool", "no such function", "{}", "rtk_read(...)", 1),
        requested(3),
        replied(3, claim, secret),
        ClaimRecorded("c" * 10, "call_3_0", "main is here", "q1", "", ("file:src/a.py#extract:1",)),
        emitted("call_3_1", ".env"),
        ToolDenied("call_3_1", "rtk_read", "secret_path", ".env", ".env"),
        requested(4),
        ModelFailed(4, "server_error", "the provider hung up", True, 1, USAGE),
        RunResumed("resume", "pid 1"),
        requested(5),
        replied(5, report),
        BudgetChanged("model_calls", 5, 5, "exhausted"),
        ReportDrafted(5, "call_5_0", DRAFT),
        requested(6),
        replied(6, stop),
        ModelStopped(6, "call_6_0", "nothing more to see", False),
        CancelRequested("person", "enough"),
        EvidenceVerified((checked,)),
        ReportValidated("evt_000023", True, (), "", ()),
        GateEvaluated("closure", {"a": False}, "PARTIAL", ("a",), ("evt_000023",)),
        MissionFinalized("PARTIAL", "LOW", HASH, f"main is at {match.path}", "cancelled"),
    )


def long_run(events: int) -> Iterator[Fact]:
    """Yield a legal run of so many events: as many full steps as its contract pays for, and then
    the sentences of a model that keeps everybody waiting."""
    yield admitted(tool_budget=100, max_model_calls=200)
    waiting = RuntimeProgressEmitted("waiting", "Still waiting for the model (8 s of 180 s).")
    steps = min(100, (events - 1) // 8)
    for number in range(1, steps + 1):
        call_id = f"call_{number}_0"
        call = FunctionCall(call_id, "rtk_read", '{"path": "src/a.py"}')
        yield PhaseChanged(*(("PLAN", "NARROW") if number % 2 else ("NARROW", "PLAN")), "a step")
        yield requested(number)
        yield waiting
        yield replied(number, call)
        yield ModelNarrationEmitted("The model chose rtk_read.", True, True, number, call_id)
        yield emitted(call_id, f"src/a{number}.py")
        yield observed(call_id, number=number)
    yield from repeat(waiting, events - 1 - 7 * steps)


def lines(facts: Iterable[Fact]) -> Iterator[Line]:
    """Yield these facts as a chain without a fault, legal or not."""
    before = None
    for number, fact in enumerate(facts):
        at = "2026-01-02T00:00:00.000+00:00"
        line = encode(fact, Place(before, "run_chained", "mission_chained", at, number))
        before = line.event
        yield line


def chained(facts: Iterable[Fact]) -> tuple[Event, ...]:
    return tuple(line.event for line in lines(facts))
