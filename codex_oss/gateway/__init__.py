"""Serve one Responses turn."""

from importlib import import_module
from typing import TYPE_CHECKING

from codex_oss.gateway.conversations import (
    MIGRATIONS,
    ConversationStore,
    MemoryConversations,
    SqliteConversations,
    StoreLimits,
)
from codex_oss.gateway.lanes import MissionLane, SupportLane, SupportRules
from codex_oss.gateway.receipts import Log
from codex_oss.gateway.routes import Gateway, Missions, Support
from codex_oss.gateway.stored import StoredTurns
from codex_oss.gateway.turns import Manner, Served, new_turn

if TYPE_CHECKING:
    from codex_oss.gateway.managed_bridge import MissionTurns
    from codex_oss.gateway.rounds import RoundLimits
    from codex_oss.gateway.source_packs import Finalizers, PackLimits, SourcePacks
    from codex_oss.gateway.support import SupportLimits, SupportTurns

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
    "Support",
    "SupportLane",
    "SupportLimits",
    "SupportRules",
    "SupportTurns",
    "new_turn",
]

_WITH_MISSIONS = {
    "Finalizers": "source_packs",
    "MissionTurns": "managed_bridge",
    "PackLimits": "source_packs",
    "RoundLimits": "rounds",
    "SourcePacks": "source_packs",
    "SupportLimits": "support",
    "SupportTurns": "support",
}


def __getattr__(name: str) -> object:
    """Load what runs missions, and with it their rooms, only for who asks for it."""
    if name not in _WITH_MISSIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"codex_oss.gateway.{_WITH_MISSIONS[name]}"), name)
