"""A chat model that says what it was given to say, in order: for tests and demonstrations.

Replies enter once, `Burst`s leave, one reply a call. An exception in the list is raised in its
turn; a call beyond the list is a bug of whoever wrote the list, and is told so.
"""

from collections.abc import Iterable, Iterator

from codex_oss.chat import Burst, ChatChunk, ChatReply, ChatRequest
from codex_oss.deadline import Deadline
from codex_oss.rehearsal.rehearsal_model import pieces


class ScriptedChatModel:
    """Plays `replies`. `requests` are those it was asked, in order."""

    def __init__(self, replies: Iterable[ChatReply | Exception]) -> None:
        self.requests: list[ChatRequest] = []
        self._replies = list(replies)

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        deadline.raise_if_cancelled()
        self.requests.append(request)
        assert len(self.requests) <= len(self._replies), "the script has no more replies"
        reply = self._replies[len(self.requests) - 1]
        if isinstance(reply, Exception):
            raise reply
        if reply.reasoning:
            yield (ChatChunk(reasoning=reply.reasoning),)
        for chunk in pieces(reply.text, reply.calls):
            deadline.raise_if_cancelled()
            is_end = bool(chunk.finish)
            yield (ChatChunk(finish=reply.finish or chunk.finish),) if is_end else (chunk,)
        if reply.usage:
            yield (ChatChunk(usage=reply.usage),)
