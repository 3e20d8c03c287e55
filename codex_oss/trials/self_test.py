"""A bridge's test of itself: one plain turn and one mission, for real, in a scratch folder."""

import json
from collections.abc import Iterator
from pathlib import Path

from codex_oss.errors import BrokenPromise
from codex_oss.system import private_folder, write_atomic
from codex_oss.trials.demo import run_demo
from codex_oss.trials.scratch import scratch_bridge

SOURCE = b"LIMIT = 30\n\n\ndef first_step(limit: int = LIMIT) -> int:\n    return limit\n"
OBJECTIVE = "Where is `first_step` defined?"


def self_test(folder: Path) -> None:
    """Raise `BrokenPromise` with the first thing that is not as it must be."""
    project, state = folder / "project", folder / "state"
    for made in (project, state):
        private_folder(made)
    write_atomic(project / "steps.py", SOURCE)
    for name, holds in (*_plain_turn(project, state), *_mission(project, state)):
        if not holds:
            raise BrokenPromise(f"the self-test failed: {name}")


def _plain_turn(project: Path, state: Path) -> Iterator[tuple[str, bool]]:
    request = {"model": "rehearsal", "input": "Say hello.", "stream": True}
    with scratch_bridge(project, state) as bridge:
        types = [event.type or event.data for event in bridge.post(request)]
        health = json.loads(bridge.get("/health"))
    yield "a plain turn begins with response.created", types[0] == "response.created"
    yield "a plain turn completes", "response.completed" in types
    yield "a stream ends with [DONE]", types[-1] == "[DONE]"
    yield "the bridge runs its own source", health["ok"] is True


def _mission(project: Path, state: Path) -> Iterator[tuple[str, bool]]:
    (mission,) = run_demo(project, state, [OBJECTIVE], lambda _: None)
    yield "a mission is COMPLETE", mission.report["status"] == "COMPLETE"
    yield "it is told as it happens", len(mission.commentary) >= 3
    yield "its evidence names the line", "steps.py:4" in mission.message
