"""Golden runs: a folder each, with what was asked, what the model said, and what came of it.

    tests/runs/NAME/case.json       the contract's changes, and what happens to the run
                    model.jsonl     a reply a line, the last one for ever
                    events.jsonl    the log, byte for byte
                    views/...       its files, all of them or the two that `case.json` leaves

`UPDATE_GOLDEN=1` writes the last two; `git diff` is the review. Time stands still but for the
`seconds` of a reply, so that the bytes are the same on every machine.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from codex_oss import errors
from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatRequest, Usage
from codex_oss.contract import (
    MissionV1,
    PathRules,
    contract_digest,
    parse_mission,
    render_mission,
)
from codex_oss.deadline import Deadline
from codex_oss.log import HeadStore, MissionEventLog, write_projections
from codex_oss.missions import MissionRun, Performer
from codex_oss.record import (
    Event,
    HeadSealed,
    Json,
    MissionAdmitted,
    MissionRefused,
    ModelFailed,
    ModelReplied,
    ProfileFacts,
    RunResumed,
)
from codex_oss.redaction import Redactor
from codex_oss.tools import Guard, ToolBroker
from support import ROOT
from support.clocks import HandWoundClock
from support.faults import QuickDisk
from support.missions import contract, write_tree

RUNS = ROOT / "tests" / "runs"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
RUN_ID = "run_20260102t000000z_00000000"
SHORT_VIEWS = ("report.json", "summary.md")
PROGRESS_SECONDS = 8.0
REDACTOR = Redactor((), b"golden")


@dataclass(frozen=True)
class Case:
    """One golden run. `dies_after` events it is cut off, `torn` stands behind them, and it is
    taken up again. One that `is_waited_for` waits for who left it, and nobody comes."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def said(self) -> Json:
        found: Json = json.loads((self.folder / "case.json").read_text("utf-8"))
        return found

    @cached_property
    def replies(self) -> tuple[Json, ...]:
        path = self.folder / "model.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else ()
        return tuple(json.loads(line) for line in lines)

    @cached_property
    def mission(self) -> MissionV1:
        parsed = parse_mission(contract(**self.said.get("contract", {})))  # type: ignore[arg-type]
        assert parsed.mission, parsed.faults
        return parsed.mission

    @property
    def views(self) -> tuple[str, ...] | None:
        return None if self.said.get("all_views") else SHORT_VIEWS


def cases() -> tuple[Case, ...]:
    return tuple(Case(path.parent) for path in sorted(RUNS.glob("*/case.json")))


class Stage:
    """A folder in which one case is played, as often as a test wants."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        self.clock = HandWoundClock()
        self.deadline = Deadline(self.clock)
        disk = QuickDisk()
        self.heads = HeadStore(folder / "heads", folder / "head.key", disk)
        self.run = folder / "runs" / RUN_ID
        self.disk = disk

    def log(self) -> MissionEventLog:
        return MissionEventLog(
            self.run,
            self.case.mission.mission_id,
            heads=self.heads,
            clock=self.clock,
            redact=lambda payload: REDACTOR.redact_value(payload)[0],  # type: ignore[arg-type, return-value]
            disk=self.disk,
        )

    def performer(self, asked: int = 0) -> Performer:
        """Return a performer whose model was asked so many times before."""
        guard = Guard(self.folder, PathRules(self.case.mission.scope), REDACTOR)
        model = Player(self, asked)
        return Performer(
            model,
            ToolBroker(guard),
            self.clock,
            self.deadline,
            progress_seconds=PROGRESS_SECONDS,
            bursts_ahead_max=64,
        )

    def play(self) -> tuple[Event, ...]:
        """Play the case from its opening to its last file, and return its events."""
        write_tree(self.folder)
        self.run.parent.mkdir(parents=True, mode=0o700)
        log = self.log()
        log.create({})
        if self.case.said.get("refused"):
            event = log.append(refused(self.case))[-1]
            log.append(HeadSealed(event.seq, event.event_hash, "refused"))
            return log.events
        log.append(admitted(self.case))
        if self.case.said.get("dies_after"):
            log = self._killed(log)
        performer = self.performer(answered(log.events))
        waits = (lambda: False) if self.case.said.get("is_waited_for") else None
        tuple(MissionRun(log, performer, self.deadline, waits).run())
        files = self.folder / "missions" / self.case.mission.mission_id
        for fact in write_projections(files, log.events, self.disk):
            log.append(fact)
        return log.events

    def _killed(self, log: MissionEventLog) -> MissionEventLog:
        """Let the run go on to where it dies, and return its log, opened by the next process."""
        running = MissionRun(log, self.performer(), self.deadline).run()
        while len(log.events) < self.case.said["dies_after"]:  # type: ignore[operator]
            next(running)
        with (self.run / "events.jsonl").open("ab") as file:
            file.write(str(self.case.said.get("torn", "")).encode())
        again = self.log()
        again.open()
        loop = again.record.loop
        unknown = [f"model_call:{loop.open_request.call}"] if loop.open_request else []
        unknown += [f"tool_call:{loop.open_tool.call_id}"] if loop.open_tool else []
        again.append(RunResumed("resume", "pid 1, started 0", tuple(unknown)))
        return again

    def written(self) -> bytes:
        return (self.run / "events.jsonl").read_bytes()

    def files(self) -> Mapping[str, bytes]:
        folder = self.folder / "missions" / self.case.mission.mission_id
        wanted = self.case.views
        paths = sorted(folder.iterdir()) if folder.is_dir() else ()
        return {p.name: p.read_bytes() for p in paths if wanted is None or p.name in wanted}


class Player:
    """A chat model that says what the case's lines say."""

    def __init__(self, stage: Stage, asked: int) -> None:
        self.stage, self.asked = stage, asked

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        replies = self.stage.case.replies
        reply = replies[min(self.asked, len(replies) - 1)]
        self.asked += 1
        self._happens(reply)
        if "error" in reply:
            raise getattr(errors, str(reply["error"]))(str(reply.get("message", "it failed")))
        yield (ChatChunk(text=str(reply.get("text", ""))),)
        for index, (name, arguments) in enumerate(reply.get("calls", ())):  # type: ignore[call-overload]
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield (ChatChunk(calls=(CallDelta(index, f"p{index}", name, text),)),)
        usage = Usage(*reply.get("usage", (100, 10)))  # type: ignore[misc, arg-type]
        yield (ChatChunk(finish=str(reply.get("finish", "stop")), usage=usage),)

    def _happens(self, reply: Json) -> None:
        """Do what happens while the model thinks: time passes, files change, people leave."""
        self.stage.clock.seconds += float(reply.get("seconds", 0))  # type: ignore[arg-type]
        for path, text in reply.get("writes", {}).items():  # type: ignore[attr-defined]
            target = self.stage.folder / path
            target.unlink(missing_ok=True) if text is None else target.write_text(text, "utf-8")
        if why := reply.get("cancelled"):
            self.stage.deadline.cancel(str(why))


def answered(events: Iterable[Event]) -> int:
    """Return how many of the case's replies stand in these events."""
    return sum(isinstance(event.fact, ModelReplied | ModelFailed) for event in events)


def admitted(case: Case) -> MissionAdmitted:
    mission = case.mission
    sizes = {"context_window": 131_072, "max_output_tokens": 8_192}
    sizes |= case.said.get("profile", {})  # type: ignore[arg-type, operator]
    return MissionAdmitted(
        task_spec=render_mission(mission),
        risk_tier=mission.risk_tier,
        allowed_tool_classes=mission.scope.allowed_tool_classes,
        write_allowed=False,
        model_alias="mission-a3-golden",
        route_class="cli",
        contract_sha256=contract_digest(mission),
        admission={"decision": "admitted", "checks": [], "warnings": []},
        profile=ProfileFacts("golden", "golden-1", "local", provider="ours", input_price=2_000_000,
                             cached_price=200_000, output_price=8_000_000, **sizes),
        door="cli",
        run_key="",
        project={"name": "golden", "sha256": "sha256:" + "0" * 64, "git_head": ""},
        requested_mission_id=mission.mission_id,
        product={"version": "0", "source_sha256": "0", "prompt_version": "1"},
        limits={"requested": {}, "effective": {}, "reductions": []},
    )  # fmt: skip


def refused(case: Case) -> MissionRefused:
    check = {"id": "scope", "result": "deny", "input": 0, "reason": "scope_empty", "hint": ""}
    admission: Json = {"decision": "refused", "checks": [check], "warnings": []}
    return MissionRefused(render_mission(case.mission), admission)


def update(stage: Stage) -> None:
    """Write what was played as what is expected."""
    folder = stage.case.folder
    (folder / "events.jsonl").write_bytes(stage.written())
    for path in folder.glob("views/*"):
        path.unlink()
    for name, data in stage.files().items():
        (folder / "views").mkdir(exist_ok=True)
        (folder / "views" / name).write_bytes(data)
