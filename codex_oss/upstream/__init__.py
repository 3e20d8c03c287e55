"""Talk to model providers and nothing else."""

from codex_oss.upstream.caller import Caller
from codex_oss.upstream.endpoint import parse_endpoint
from codex_oss.upstream.http_model import HttpChatModel
from codex_oss.upstream.idle import IdleConnections
from codex_oss.upstream.insisting import Insisting
from codex_oss.upstream.lessons import Lessons
from codex_oss.upstream.patience import TransportLimits
from codex_oss.upstream.pieces import PieceSizes
from codex_oss.upstream.proxies import proxy_for
from codex_oss.upstream.relay import HttpRelay, RelayRequest
from codex_oss.upstream.reliability import (
    Breaker,
    Breaking,
    Choice,
    FallingBack,
    Retrying,
    Starting,
    Tries,
)
from codex_oss.upstream.slots import Slots, WaitingRoom
from codex_oss.upstream.transport import Transport
from codex_oss.upstream.wire_memory import WIRES_TABLE, SqliteWires, WireMemory

__all__ = [
    "Breaker",
    "Breaking",
    "Caller",
    "Choice",
    "FallingBack",
    "HttpChatModel",
    "HttpRelay",
    "IdleConnections",
    "Insisting",
    "Lessons",
    "PieceSizes",
    "RelayRequest",
    "Retrying",
    "Slots",
    "SqliteWires",
    "Starting",
    "Transport",
    "TransportLimits",
    "Tries",
    "WIRES_TABLE",
    "WaitingRoom",
    "WireMemory",
    "parse_endpoint",
    "proxy_for",
]
