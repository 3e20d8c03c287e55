"""Take a mission in at any door and keep it until it is settled."""

from codex_oss.missions.archive import LoggedRun, RunArchive
from codex_oss.missions.attached import AttachedRun
from codex_oss.missions.desk import MissionDesk
from codex_oss.missions.facts import Order, Sources, strength_of
from codex_oss.missions.group import AnyRun, GroupRun
from codex_oss.missions.handover import Handover
from codex_oss.missions.keeping import Housekeeper, Keeping, Step
from codex_oss.missions.loop import MissionRun
from codex_oss.missions.observing import gate_of
from codex_oss.missions.perform import Performer
from codex_oss.missions.results import MissionResult, result_of
from codex_oss.missions.run import Run
from codex_oss.missions.telling import TraceStyle, telling

__all__ = [
    "AnyRun",
    "AttachedRun",
    "GroupRun",
    "Handover",
    "Housekeeper",
    "Keeping",
    "LoggedRun",
    "MissionDesk",
    "MissionResult",
    "MissionRun",
    "Order",
    "Performer",
    "Run",
    "RunArchive",
    "Sources",
    "Step",
    "TraceStyle",
    "gate_of",
    "result_of",
    "strength_of",
    "telling",
]
