"""The answer of a Chat Completions provider, read: bytes in, `Burst`s out."""

from collections.abc import Sequence

from codex_oss.chat.chunks import parse_chunk
from codex_oss.chat.dialect import GENERIC, Dialect
from codex_oss.chat.messages import ChatChunk, FunctionTool
from codex_oss.chat.payloads import DONE
from codex_oss.chat.stream_reader import StreamReader


class ChatReader(StreamReader):
    """`[DONE]` ends it, with or without a finish word before."""

    keys = ("content", "reasoning_content", "reasoning")

    def __init__(self, dialect: Dialect = GENERIC, tools: Sequence[FunctionTool] = ()) -> None:
        super().__init__(dialect, tools)

    def _read(self, payload: bytes) -> ChatChunk:
        if payload.strip() != DONE:
            return parse_chunk(payload)
        self.is_over = True
        return ChatChunk(finish="" if self._has_finish_word else "stop")

    def _plain(self, payload: bytes) -> ChatChunk:
        return parse_chunk(payload)

    def _whole(self, body: bytes) -> ChatChunk:
        return parse_chunk(body)
