"""Serve one Responses turn."""

from codex_oss.gateway.conversations import (
    MIGRATIONS,
    ConversationStore,
    MemoryConversations,
    SqliteConversations,
    StoreLimits,
)
from codex_oss.gateway.lanes import MissionLane, SupportRules
from codex_oss.gateway.managed_bridge import MissionTurns, TraceStyle
from codex_oss.gateway.receipts import Log
from codex_oss.gateway.rounds import RoundLimits
from codex_oss.gateway.routes import Gateway, Missions
from codex_oss.gateway.source_packs import Finalizers, PackLimits, SourcePacks
from codex_oss.gateway.stored import StoredTurns
from codex_oss.gateway.support import SupportLimits, SupportTurns
from codex_oss.gateway.turns import Manner, Served, new_turn

__all__ = [
    "MIGRATIONS",
    "ConversationStore",
    "Finalizers",
    "Gateway",
    "Log",
    "Manner",
    "MemoryConversations",
    "MissionLane",
    "MissionTurns",
    "Missions",
    "PackLimits",
    "RoundLimits",
    "Served",
    "SourcePacks",
    "SqliteConversations",
    "StoreLimits",
    "StoredTurns",
    "SupportLimits",
    "SupportRules",
    "SupportTurns",
    "TraceStyle",
    "new_turn",
]
