"""Models that play a script: bursts, failures, and both one after the other."""

from collections.abc import Iterator

from codex_oss.chat import Burst, ChatChunk, ChatMessage, ChatRequest, Served, TextRun
from codex_oss.deadline import Deadline
from codex_oss.errors import BridgeError

REQUEST = ChatRequest((ChatMessage("user", "hi"),))
HELLO: list[Burst] = [(), (ChatChunk(),), (TextRun((b'"hello"',)),), (ChatChunk(finish="stop"),)]
EMPTY: list[Burst] = [(ChatChunk(finish="stop"),)]
Piece = TextRun | ChatChunk | Served
Step = list[Burst] | BridgeError


class Scripted:
    """A model that plays its steps; an error after bursts breaks off in the middle."""

    def __init__(self, *steps: Step | tuple[list[Burst], BridgeError]) -> None:
        self.steps = steps
        self.asked = 0

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.asked += 1
        step = self.steps[min(self.asked, len(self.steps)) - 1]
        bursts, error = step if isinstance(step, tuple) else (step, None)
        if isinstance(bursts, BridgeError):
            raise bursts
        yield from bursts
        if error:
            raise error


def said(bursts: Iterator[Burst]) -> list[str]:
    """Return the text runs of an answer."""
    return [piece.literals[0].decode() for b in bursts for piece in b if isinstance(piece, TextRun)]
