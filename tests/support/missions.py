"""Missions for real in a scratch project, with a model that says what the test wants."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatRequest, TextRun, Usage
from codex_oss.contract import MissionV1, PathRules, parse_mission
from codex_oss.deadline import Clock, Deadline
from codex_oss.missions import AnyRun, Handover, MissionDesk, MissionResult, Order
from codex_oss.record import Event
from codex_oss.settings import load_settings
from codex_oss.system import DISK, Disk, SystemClock
from codex_oss.tools import Guard
from codex_oss.wiring import Workshop, wire_workshop

Reply = list[ChatChunk] | Exception
GuardFor = Callable[[MissionV1], Guard]

FILES = {
    "src/config.py": 'TIMEOUT = 30\n\n\ndef load(path: str = "app.toml") -> dict:\n    return {}\n',
    "src/main.py": "from config import load\n\n\ndef main() -> None:\n    load()\n",
    "README.md": "# A project\n",
    "secrets/key.txt": "do not read me\n",
    ".env": "TOKEN=do-not-read-me-either\n",
}


def calls(*wanted: tuple[str, Mapping[str, object]], text: str = "") -> list[ChatChunk]:
    """Return a reply that calls these functions, in pieces as a provider sends them."""
    chunks = [ChatChunk(text=text)] if text else []
    for index, (name, arguments) in enumerate(wanted):
        written = json.dumps(arguments)
        chunks.append(ChatChunk(calls=(CallDelta(index, f"p{index}", name, written[:5]),)))
        chunks.append(ChatChunk(calls=(CallDelta(index, arguments=written[5:]),)))
    return [*chunks, ChatChunk(finish="tool_calls", usage=Usage(100, 10))]


def says(text: str, finish: str = "stop") -> list[ChatChunk]:
    return [ChatChunk(text=text), ChatChunk(finish=finish, usage=Usage(100, 10))]


def report(
    *findings: tuple[str, list[str]], status: str = "COMPLETE", **more: object
) -> list[ChatChunk]:
    """Return a reply that hands in a report with these claims and references."""
    rows = [{"claim": c, "evidence_refs": refs, "obligation_id": "q1"} for c, refs in findings]
    body: dict[str, object] = {"status": status, "confidence": "HIGH", "answer": "Found."}
    return calls(("final_report", {"report": body | {"findings": rows} | more}))


class ScriptedModel:
    """Plays its replies in order, the last one for ever, and keeps every request it got."""

    def __init__(self, *replies: Reply | Callable[[ChatRequest], Reply]) -> None:
        self.replies = replies
        self.requests: list[ChatRequest] = []

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        chunks = reply(request) if callable(reply) else reply
        if isinstance(chunks, Exception):
            raise chunks
        for chunk in chunks:
            yield (chunk,)


def write_tree(root: Path, files: Mapping[str, str] = FILES) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def contract(**changes: object) -> dict[str, object]:
    """Return an A3 contract about FILES."""
    base: dict[str, object] = {
        "schema_version": "oss_agent_mission.v1",
        "mission_id": "find_load",
        "tier": "A3",
        "mode": "managed_investigation",
        "objective": "Where is `load` defined?",
        "allowed_roots": ["src"],
        "allowed_tool_classes": ["read", "search", "list"],
    }
    return base | changes


def workshop(project: Path, model: object, clock: Clock | None = None, **environ: str) -> Workshop:
    """Return the workshop of a scratch project in which `model` answers for every profile."""
    home = {"HOME": str(project), "CODEX_HOME": str(project / "codex-home")}
    settings = load_settings({**home, **environ}, project)
    return wire_workshop(settings, models=lambda _: model, clock=clock)  # type: ignore[arg-type, return-value]


def desk_of(
    shop: Workshop,
    model: object,
    *,
    disk: Disk = DISK,
    guard_for: GuardFor | None = None,
    handover: Handover | None = None,
) -> MissionDesk:
    """Return a desk of this workshop's project with another model, disk, guard or patience."""

    def plain_guard(mission: MissionV1) -> Guard:
        return Guard(shop.project, PathRules(mission.scope), shop.redactor)

    return MissionDesk(
        shop.layout,
        project=shop.project,
        registry=shop.registry,
        models=lambda _: model,  # type: ignore[arg-type, return-value]
        provider_fault=lambda _: "",
        guard_for=guard_for or plain_guard,
        redactor=shop.redactor,
        clock=shop.clock,
        product=lambda: {"version": "0", "source_sha256": "0"},
        progress_seconds=8,
        bursts_ahead_max=4,
        disk=disk,
        handover=handover,
    )


def order(shop: Workshop, **changes: object) -> Order:
    parsed = parse_mission(contract(**changes))
    assert parsed.mission, parsed.faults
    profile = shop.registry.resolve("rehearsal")
    return Order(parsed.mission, profile, "mission-a3-rehearsal", 3, "cli", parsed.warnings)


def begin(shop: Workshop, deadline: Deadline | None = None, **changes: object) -> AnyRun:
    return shop.desk.begin(order(shop, **changes), deadline or Deadline(shop.clock))


def run_mission(
    project: Path, model: object, **changes: object
) -> tuple[MissionResult, tuple[Event, ...]]:
    """Run one contract to its end and return what it gave, with its events."""
    run = begin(workshop(project, model), **changes)
    events = tuple(run.events())
    return run.result(), events


__all__ = [
    "FILES",
    "MissionDesk",
    "ScriptedModel",
    "SystemClock",
    "TextRun",
    "begin",
    "calls",
    "contract",
    "desk_of",
    "order",
    "report",
    "run_mission",
    "says",
    "workshop",
    "write_tree",
]
