"""Owners of WebSocket conversations, and a server that leads them to one.

with served(*talking(answering)) as server, WebSocketClient(server.client) as client:
    ...
"""

import threading
from collections.abc import Callable

from codex_oss.server import (
    WEBSOCKET,
    HttpReply,
    HttpRequest,
    Limits,
    Route,
    WebSocket,
    WebSocketReply,
    answer_handshake,
)
from support.served import echo
from support.websockets import CLOSE, close_of

FAST = Limits(heartbeat_seconds=0.2, write_seconds=0.5, body_bytes_max=100_000)
STOPPED = (CLOSE, close_of(1001, b"bridge stopped"))


def talking(serve: Callable[[WebSocket], None]) -> tuple[Route, Route]:
    def answer(request: HttpRequest) -> HttpReply | WebSocketReply:
        return answer_handshake(request.headers, serve)

    return Route("POST", "/v1/responses", echo), Route(WEBSOCKET, "/v1/responses", answer)


def answering(conversation: WebSocket) -> None:
    for text in conversation.messages():
        conversation.send(f"you said {text}")


class Owner:
    """Answers `wait` only when its turn is called off, and notes how conversations end."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ends: list[str] = []

    def __call__(self, conversation: WebSocket) -> None:
        try:
            for text in conversation.messages():
                self.began.append(text)
                if text.startswith("wait"):
                    self.wait(conversation)
                conversation.send(f"answer to {text}")
        finally:
            self.ends.append(conversation.deadline.cancelled_because)

    def wait(self, conversation: WebSocket) -> None:
        woken = threading.Event()
        with conversation.deadline.on_cancel(woken.set):
            woken.wait(10)
