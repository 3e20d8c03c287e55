"""Texts while they are written, a message or reasoning: what opens, fills and closes the item.

Literals enter, events leave. The joined deltas of an item, the text of its `done` event and the
item itself are equal to the character. What breaks off is listed as unfinished and gets no
`output_item.done`: Codex keeps a text that has one.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from codex_oss.chat import text_of
from codex_oss.responses.emitter import Deltas, ResponseEvent, delta_head
from codex_oss.responses.reply import OutputItem, Reply

Event = ResponseEvent | Deltas


class TextKind(NamedTuple):
    """An item that holds one text: its own fields, the field that its part stands in, that part,
    the names of its events, and what an event says beside each text. Without events the text is
    not shown."""

    prefix: str
    item: Mapping[str, object]
    holder: str
    part: Mapping[str, object]
    part_event: str
    event: str
    beside: Mapping[str, object]


MESSAGE = TextKind(
    prefix="msg_",
    item={"type": "message", "role": "assistant"},
    holder="content",
    part={"type": "output_text", "annotations": [], "logprobs": []},
    part_event="response.content_part",
    event="response.output_text",
    beside={"logprobs": []},
)
_AS_CONTENT = TextKind(
    prefix="rs_",
    item={"type": "reasoning", "summary": []},
    holder="content",
    part={"type": "reasoning_text"},
    part_event="response.content_part",
    event="response.reasoning_text",
    beside={},
)
_AS_SUMMARY = TextKind(
    prefix="rs_",
    item={"type": "reasoning"},
    holder="summary",
    part={"type": "summary_text"},
    part_event="response.reasoning_summary_part",
    event="response.reasoning_summary_text",
    beside={},
)
_SEALED = TextKind(
    prefix="rs_",
    item={"type": "reasoning"},
    holder="summary",
    part={},
    part_event="",
    event="",
    beside={},
)
NO_MARKS: Mapping[str, object] = {}
REASONING = {"content": _AS_CONTENT, "summary": _AS_SUMMARY, "sealed": _SEALED}


class TextDraft:
    """An item with one text. `marks` are further fields of it."""

    def __init__(
        self, reply: Reply, kind: TextKind, marks: Mapping[str, object] = NO_MARKS
    ) -> None:
        place = len(reply.output)
        self._kind = kind
        self._reply = reply
        self._item = {"id": reply.new_id(kind.prefix, place), **kind.item, **marks}
        number = kind.holder.replace("content", "content_index").replace("summary", "summary_index")
        self._where = {"item_id": self._item["id"], "output_index": place, number: 0}
        self._step = f"{kind.event}.delta"
        self._head = delta_head(self._step, {**self._where, **kind.beside})
        self._literals: list[bytes] = []
        self._is_done = False

    def begin(self) -> Iterator[Event]:
        yield self._reply.added({**self._item, "status": "in_progress", self._kind.holder: []})
        if self._kind.event:
            yield self._part("added", "")

    def say(self, literals: tuple[bytes, ...]) -> Deltas:
        self._literals += literals
        return Deltas(self._step, self._head, literals)

    def close(self, status: str) -> Iterator[Event]:
        self._is_done = True
        text = text_of(self._literals)
        if self._kind.event:
            said = {**self._where, "text": text, **self._kind.beside}
            yield ResponseEvent(f"{self._kind.event}.done", said)
            yield self._part("done", text)
        yield self._reply.done({**self._with(text), "status": status, **self._seal(text)}, text)

    def unfinished(self) -> list[OutputItem]:
        if self._is_done:
            return []
        return [{**self._with(text_of(self._literals)), "status": "incomplete"}]

    def _with(self, text: str) -> OutputItem:
        parts = [{**self._kind.part, "text": text}] if self._kind.event else []
        return {**self._item, self._kind.holder: parts}

    def _part(self, step: str, text: str) -> ResponseEvent:
        part = {**self._kind.part, "text": text}
        return ResponseEvent(f"{self._kind.part_event}.{step}", {**self._where, "part": part})

    def _seal(self, text: str) -> Mapping[str, object]:
        return {}


class MessageDraft(TextDraft):
    def __init__(self, reply: Reply, marks: Mapping[str, object] = NO_MARKS) -> None:
        super().__init__(reply, MESSAGE, marks)


class ReasoningDraft(TextDraft):
    """Reasoning, shown as the settings say, with what lets it be replayed."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply, REASONING[reply.turn.style.reasoning])
        self._blocks: list[str] = []

    def think(self, literals: tuple[bytes, ...], blocks: tuple[str, ...] = ()) -> Iterator[Deltas]:
        """Add text, and a provider's own form of it, which only an envelope holds."""
        self._blocks += blocks
        deltas = self.say(literals)
        if literals and self._kind.event:
            yield deltas

    def _seal(self, text: str) -> Mapping[str, object]:
        token = self._reply.envelope(text, tuple(self._blocks))
        return {"encrypted_content": token} if token else {}
