"""The answer of an Anthropic Messages provider, read: bytes in, the `Burst`s of any other wire out.

Blocks of thinking leave twice: their text as it comes, and whole with their signature at their end,
since the provider wants them back unchanged. Words for the end are those of Chat Completions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from codex_oss.chat.dialect import GENERIC, Dialect
from codex_oss.chat.literals import mended, text_of, to_json
from codex_oss.chat.messages import CallDelta, ChatChunk, FunctionTool, Usage
from codex_oss.chat.payloads import Json, as_count, as_list, as_object, as_text, as_word, object_in
from codex_oss.chat.stream_reader import StreamReader

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
"""Stop reasons in words that every reader of bursts knows; `refusal` is one."""


@dataclass(slots=True)
class _Thinking:
    """A block of thinking while it comes: its first fields, the pieces of its text, some of them
    literals, and its signature."""

    block: Json
    pieces: list[str | bytes] = field(default_factory=list)
    signature: str = ""

    def whole(self) -> str:
        """Return the block as it must come back."""
        if self.block.get("type") != "thinking":
            return to_json(self.block)  # Redacted: it came whole.
        first, pieces = as_text(self.block.get("thinking")), self.pieces
        text = mended(first + "".join(x if isinstance(x, str) else text_of((x,)) for x in pieces))
        signature = as_text(self.block.get("signature")) + self.signature
        signed = {"signature": signature} if signature else {}
        return to_json({**self.block, "thinking": text, **signed})


class AnthropicReader(StreamReader):
    """`message_stop` ends it."""

    keys = ("text", "thinking")

    def __init__(self, dialect: Dialect = GENERIC, tools: Sequence[FunctionTool] = ()) -> None:
        super().__init__(dialect, tools)
        self._thinking: _Thinking | None = None
        self._counts: dict[str, object] = {}

    def _known(self, payloads: list[bytes]) -> list[bytes]:
        literals = super()._known(payloads)
        if self._thinking and self._frame.is_reasoning:
            self._thinking.pieces += literals
        return literals

    def _plain(self, payload: bytes) -> ChatChunk:
        event = object_in(payload)
        is_delta = event.get("type") == "content_block_delta"
        return _said(as_object(event.get("delta"))) if is_delta else ChatChunk()

    def _read(self, payload: bytes) -> ChatChunk:
        event = object_in(payload)
        match event.get("type"):
            case "message_start":
                self._counts |= as_object(as_object(event.get("message")).get("usage"))
            case "content_block_start":
                return self._begin(event)
            case "content_block_delta":
                return self._delta(event)
            case "content_block_stop" if self._thinking:
                block, self._thinking = self._thinking.whole(), None
                return ChatChunk(reasoning_blocks=(block,))
            case "message_delta":
                self._counts |= as_object(event.get("usage"))
                return ChatChunk(
                    finish=_finish(as_object(event.get("delta"))), usage=_usage(self._counts)
                )
            case "message_stop":
                self.is_over = True
                return ChatChunk(finish="" if self._has_finish_word else "stop")
        return ChatChunk()

    def _begin(self, event: Json) -> ChatChunk:
        block = as_object(event.get("content_block"))
        if "thinking" in as_text(block.get("type")):
            self._thinking = _Thinking(block)
            return ChatChunk(reasoning=as_text(block.get("thinking")))
        if block.get("type") != "tool_use":
            return ChatChunk(as_text(block.get("text")))
        return ChatChunk(calls=(_call(block, as_count(event.get("index"))),))

    def _delta(self, event: Json) -> ChatChunk:
        delta = as_object(event.get("delta"))
        if pieces := as_word(delta.get("partial_json")):
            index = as_count(event.get("index"))
            return ChatChunk(calls=(CallDelta(index, arguments=pieces),))
        chunk = _said(delta)
        if self._thinking:
            self._thinking.signature += as_word(delta.get("signature"))
            self._thinking.pieces.append(chunk.reasoning)
        return chunk

    def _whole(self, body: bytes) -> ChatChunk:
        reply = object_in(body)
        blocks = [as_object(block) for block in as_list(reply.get("content"))]
        calls = (
            _call(block, index)
            for index, block in enumerate(blocks)
            if block.get("type") == "tool_use"
        )
        thinking = (block for block in blocks if "thinking" in as_text(block.get("type")))
        return ChatChunk(
            text="".join(as_text(block.get("text")) for block in blocks),
            reasoning="".join(as_text(block.get("thinking")) for block in blocks),
            calls=tuple(calls),
            finish=_finish(reply),
            usage=_usage(as_object(reply.get("usage"))),
            reasoning_blocks=tuple(map(to_json, thinking)),
        )


def _said(delta: Json) -> ChatChunk:
    return ChatChunk(as_text(delta.get("text")), as_text(delta.get("thinking")))


def _finish(said: Json) -> str:
    word = as_word(said.get("stop_reason"))
    return FINISH.get(word, word)


def _call(block: Json, index: int | None) -> CallDelta:
    """Return the beginning of a call. Its arguments come in pieces, or are here already."""
    given = block.get("input")
    return CallDelta(
        index=index,
        call_id=as_word(block.get("id")),
        name=as_word(block.get("name")),
        arguments=as_word(to_json(given)) if given else "",
    )


def _usage(counts: Json) -> Usage | None:
    """Return the counts if they are whole. What went through a cache is not in `input_tokens`."""
    spent, said = as_count(counts.get("input_tokens")), as_count(counts.get("output_tokens"))
    if spent is None or said is None:
        return None
    cached = as_count(counts.get("cache_read_input_tokens")) or 0
    written = as_count(counts.get("cache_creation_input_tokens")) or 0
    return Usage(spent + cached + written, said, cached, cache_write_tokens=written)
