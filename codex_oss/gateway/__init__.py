"""Serve one Responses turn."""

from codex_oss.gateway.lanes import MissionLane
from codex_oss.gateway.managed_bridge import MissionTurns, TraceStyle
from codex_oss.gateway.receipts import Log
from codex_oss.gateway.routes import Gateway, Missions
from codex_oss.gateway.turns import Served, new_turn

__all__ = [
    "Gateway",
    "Log",
    "MissionLane",
    "MissionTurns",
    "Missions",
    "Served",
    "TraceStyle",
    "new_turn",
]
