"""The demo: real missions about a real project, through a real bridge, told as they happen.

A project and objectives enter; each mission's report leaves, with what was said on the way. The
model is the built-in rehearsal: no key, no network, and said so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_oss.contract import PathRules, Scope, render_handoff
from codex_oss.errors import BrokenPromise
from codex_oss.layout import Layout
from codex_oss.record import REPORT_FILE
from codex_oss.redaction import Redactor
from codex_oss.system import read_bounded
from codex_oss.tools import Failed, Guard
from codex_oss.trials.objectives import FILE_BYTES_MAX, FILES_MAX, choose_objectives
from codex_oss.trials.scratch import ScratchBridge, scratch_bridge

ALIAS = "mission-a3-rehearsal"
REPORT_BYTES_MAX = 16 * 2**20
SOURCE_ENDINGS = tuple(".py .js .mjs .ts .tsx .go .rs .java .c .cc .cpp .h .rb .sh".split())

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoMission:
    """One mission of the demo. `report` is its `report.json`, unchanged."""

    objective: str
    commentary: tuple[str, ...]
    message: str
    report: Mapping[str, object]
    artifacts: Path

    def to_json(self) -> dict[str, object]:
        return {
            "objective": self.objective,
            "commentary": list(self.commentary),
            "message": self.message,
            "report": dict(self.report),
            "artifacts": str(self.artifacts),
        }


def run_demo(
    project: Path, state: Path, objectives: Sequence[str], tell: Tell
) -> tuple[DemoMission, ...]:
    """Run one mission an objective; without any, choose them from the project's own source."""
    chosen = tuple(objectives) or choose_objectives(_source(project))
    with scratch_bridge(project, state) as bridge:
        tell(f"A bridge runs on 127.0.0.1:{bridge.port}; the model is the built-in rehearsal.")
        return tuple(
            _mission(bridge, f"demo-{number}", objective, tell)
            for number, objective in enumerate(chosen, 1)
        )


def _source(project: Path) -> dict[str, str]:
    """Return the text of source files of this project, as a mission may see them."""
    scope = Scope(allowed_roots=(".",), allow_broad_read_scope=True)
    guard = Guard(project, PathRules(scope), Redactor())
    files = [f for f in guard.readable_files().files if f.path.endswith(SOURCE_ENDINGS)]
    texts = {}
    for file in files[:FILES_MAX]:
        opened = guard.open(file)
        if not isinstance(opened, Failed):
            with opened:
                texts[file.path] = opened.read(FILE_BYTES_MAX).decode(errors="replace")
    return texts


def _mission(bridge: ScratchBridge, mission_id: str, objective: str, tell: Tell) -> DemoMission:
    tell(f"\nObjective: {objective}")
    commentary: list[str] = []
    message = ""
    for event in bridge.post(_request(mission_id, objective)):
        if event.type != "response.output_item.done":
            continue
        item = json.loads(event.data)["item"]
        text = item["content"][0]["text"]
        if item.get("phase") == "commentary":
            commentary.append(text)
            tell(f"  {text}")
        else:
            message = text
    if not message:
        raise BrokenPromise("the demo's mission ended without a report")
    folder = Layout(bridge.workshop.layout.root).mission(mission_id)
    report = json.loads(read_bounded(folder / REPORT_FILE, REPORT_BYTES_MAX))
    return DemoMission(objective, tuple(commentary), message, report, folder)


def _request(mission_id: str, objective: str) -> dict[str, object]:
    handoff = render_handoff(
        {
            "schema_version": "oss_agent_mission.v1",
            "mission_id": mission_id,
            "tier": "A3",
            "mode": "managed_investigation",
            "objective": objective,
            "allowed_roots": ["."],
            "allow_broad_read_scope": True,
            "allowed_tool_classes": ["read", "search", "list"],
        }
    )
    return {"model": ALIAS, "input": f"Investigate this.\n\n{handoff}", "stream": True}
