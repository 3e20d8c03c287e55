"""Output items while they are written: what opens, fills and closes one.

Literals and pieces of calls enter, events leave. The joined deltas of an item, the text of its
`done` event and the item itself are equal to the character. What breaks off is listed as
unfinished and gets no `output_item.done`: Codex runs a call, and keeps a text, that has one.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from codex_oss.chat import CallDelta, CallGatherer, GatheredCall, json_object, literal_of, text_of
from codex_oss.errors import UpstreamError
from codex_oss.responses.emitter import Deltas, ResponseEvent, delta_head
from codex_oss.responses.reply import OutputItem, Reply

Event = ResponseEvent | Deltas


class TextKind(NamedTuple):
    """An item that holds one text: its own fields, those of its part, the names of its events.
    `beside` is what an event says beside each text."""

    prefix: str
    item: Mapping[str, object]
    part: Mapping[str, object]
    event: str
    beside: Mapping[str, object]


MESSAGE = TextKind(
    prefix="msg_",
    item={"type": "message", "role": "assistant"},
    part={"type": "output_text", "annotations": [], "logprobs": []},
    event="response.output_text",
    beside={"logprobs": []},
)
REASONING = TextKind(
    prefix="rs_",
    item={"type": "reasoning", "summary": []},
    part={"type": "reasoning_text"},
    event="response.reasoning_text",
    beside={},
)


class TextDraft:
    """A message or a reasoning item. `marks` are further fields of the item."""

    def __init__(self, reply: Reply, kind: TextKind, **marks: object) -> None:
        place = len(reply.output)
        self.kind = kind
        self._reply = reply
        self._item = {"id": reply.new_id(kind.prefix, place), **kind.item, **marks}
        self._where = {"item_id": self._item["id"], "output_index": place, "content_index": 0}
        self._step = f"{kind.event}.delta"
        self._head = delta_head(self._step, {**self._where, **kind.beside})
        self._literals: list[bytes] = []
        self._is_done = False

    def begin(self) -> Iterator[Event]:
        yield self._reply.added({**self._item, "status": "in_progress", "content": []})
        part = {**self.kind.part, "text": ""}
        yield ResponseEvent("response.content_part.added", {**self._where, "part": part})

    def say(self, literals: tuple[bytes, ...]) -> Deltas:
        self._literals += literals
        return Deltas(self._step, self._head, literals)

    def close(self, status: str) -> Iterator[Event]:
        self._is_done = True
        text = text_of(self._literals)
        said = {**self._where, "text": text, **self.kind.beside}
        yield ResponseEvent(f"{self.kind.event}.done", said)
        part = {**self.kind.part, "text": text}
        yield ResponseEvent("response.content_part.done", {**self._where, "part": part})
        yield self._reply.done({**self._item, "status": status, "content": [part]}, text)

    def unfinished(self) -> list[OutputItem]:
        if self._is_done:
            return []
        part = {**self.kind.part, "text": text_of(self._literals)}
        return [{**self._item, "status": "incomplete", "content": [part]}]


class CallsDraft:
    """Calls that stand side by side. The first that is not done streams; of the others every piece
    waits, since items are open one at a time and calls may be interleaved."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._gatherer = CallGatherer()
        self._done = 0
        self._head = b""  # Of the open call; b"" while it has not begun.
        self._sent = 0

    def take(self, delta: CallDelta) -> Iterator[Event]:
        """Add a piece. A call begins with its first argument: by then it has its name."""
        self._gatherer.take(delta)
        call = self._gatherer.calls[self._done]
        if call.name and call.pieces:
            yield from self._stream(call)

    def close(self, status: str) -> Iterator[Event]:
        """Finish the calls in order; with status "incomplete" up to the first that was cut."""
        for call in self._waiting():
            if status == "incomplete" and json_object(call.arguments) is None:
                return
            if not call.name:
                raise UpstreamError("the model called a function without a name")
            call.pieces = call.pieces or [call.arguments]
            yield from self._stream(call)
            yield from self._finish(call)

    def unfinished(self) -> list[OutputItem]:
        first = len(self._reply.output)
        return [self._item(call, first + n, "incomplete") for n, call in enumerate(self._waiting())]

    def _waiting(self) -> list[GatheredCall]:
        return self._gatherer.calls[self._done :]

    def _stream(self, call: GatheredCall) -> Iterator[Event]:
        step, place = "response.function_call_arguments.delta", len(self._reply.output)
        if not self._head:
            item = self._item(call, place, "in_progress")
            self._head = delta_head(step, {"item_id": item["id"], "output_index": place})
            yield self._reply.added({**item, "arguments": ""})
        if pieces := call.pieces[self._sent :]:
            self._sent = len(call.pieces)
            yield Deltas(step, self._head, tuple(map(literal_of, pieces)))

    def _finish(self, call: GatheredCall) -> Iterator[Event]:
        item = self._item(call, len(self._reply.output), "completed")
        done = {
            "item_id": item["id"],
            "output_index": len(self._reply.output),
            "name": call.name,
            "arguments": call.arguments,
        }
        yield ResponseEvent("response.function_call_arguments.done", done)
        yield self._reply.done(item, call.name + call.arguments)
        self._done, self._head, self._sent = self._done + 1, b"", 0

    def _item(self, call: GatheredCall, place: int, status: str) -> OutputItem:
        return {
            "id": self._reply.new_id("fc_", place),
            "type": "function_call",
            "status": status,
            "call_id": self._reply.new_id("call_", place, hex_digits=24),
            "name": call.name,
            "arguments": call.arguments,
        }
