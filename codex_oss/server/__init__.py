"""Speak HTTP: listen, check, route, stream.

Everything but the `Listener` is cheap to import. That one loads http.server, 20 ms, when it is
asked for: a cold `status` only asks our own daemon.
"""

from typing import TYPE_CHECKING

from codex_oss.server.connection import Limits
from codex_oss.server.gate import Gate, health_proof
from codex_oss.server.loopback import Reply, StreamEvent, ask, prove, stream
from codex_oss.server.replies import HttpReply, error_reply
from codex_oss.server.router import WEBSOCKET, Answer, Handler, HttpRequest, Route
from codex_oss.server.streaming import CLIENT_LEFT, Encoder, StreamReply
from codex_oss.server.websocket import WebSocket, WebSocketReply, answer_handshake

if TYPE_CHECKING:
    from codex_oss.server.listener import Listener

__all__ = [
    "CLIENT_LEFT",
    "WEBSOCKET",
    "Answer",
    "Encoder",
    "Gate",
    "Handler",
    "HttpReply",
    "HttpRequest",
    "Limits",
    "Listener",
    "Reply",
    "Route",
    "StreamEvent",
    "StreamReply",
    "WebSocket",
    "WebSocketReply",
    "answer_handshake",
    "ask",
    "error_reply",
    "health_proof",
    "prove",
    "stream",
]


def __getattr__(name: str) -> object:
    if name != "Listener":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from codex_oss.server.listener import Listener

    return Listener
