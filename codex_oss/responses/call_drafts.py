"""Calls while they are written: pieces in, items that a client runs out.

Pieces of calls enter, events leave. What comes is passed on as it comes where the item holds the
arguments themselves; any other kind of call is told once it is whole. A call that breaks off gets
no `output_item.done`: Codex would run it.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from codex_oss.chat import CallDelta, CallGatherer, GatheredCall, json_object, literal_of
from codex_oss.errors import UpstreamError
from codex_oss.responses.calls import CALLS, CallKind
from codex_oss.responses.drafts import Event
from codex_oss.responses.emitter import Deltas, ResponseEvent, delta_head
from codex_oss.responses.names import DeclaredTool
from codex_oss.responses.reply import OutputItem, Reply


class CallsDraft:
    """Calls that stand side by side. The first that is not done streams; of the others every piece
    waits, since items are open one at a time and calls may be interleaved."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._gatherer = CallGatherer()
        self._done = 0
        self._open: _Open | None = None
        self._sent = 0

    @property
    def is_whole(self) -> bool:
        """Whether all that has come of each call is a JSON object."""
        return all(map(_is_whole, self._gatherer.calls))

    def take(self, delta: CallDelta) -> Iterator[Event]:
        """Add a piece. A call begins with its first argument: by then it has its name."""
        self._gatherer.take(delta)
        call = self._gatherer.calls[self._done]
        if call.name and call.pieces:
            yield from self._stream(call)

    def close(self, status: str) -> Iterator[Event]:
        """Finish the calls in order; with status "incomplete" up to the first that was cut. One
        without a name is told of before any is done: a client runs what is done."""
        calls = self._waiting()
        if status == "incomplete":
            calls = list(takewhile(_is_whole, calls))
        if not all(call.name for call in calls):
            raise UpstreamError("the model called a function without a name")
        for call in calls:
            call.pieces = call.pieces or [call.arguments]
            yield from self._stream(call)
            yield from self._finish(call)

    def unfinished(self) -> list[OutputItem]:
        first = len(self._reply.output)
        return [self._cut(call, first + n) for n, call in enumerate(self._waiting())]

    def _waiting(self) -> list[GatheredCall]:
        return self._gatherer.calls[self._done :]

    def _stream(self, call: GatheredCall) -> Iterator[Event]:
        opened = self._open
        if not opened:
            kind, item = self._kind_of(call), self._item(call, len(self._reply.output))
            self._open = opened = _opened(kind, item, len(self._reply.output))
            if kind.event:
                yield self._reply.added({**item, kind.delta_of: ""})
        pieces = call.pieces[self._sent :]
        if pieces and opened.kind.is_live:
            self._sent = len(call.pieces)
            yield Deltas(opened.step, opened.head, tuple(map(literal_of, pieces)))

    def _finish(self, call: GatheredCall) -> Iterator[Event]:
        opened = self._open
        assert opened
        fields, is_salvaged = opened.kind.fields(call.arguments)
        if is_salvaged:
            self._reply.salvage(1)
        item = {**opened.item, **fields}
        if opened.kind.event:
            yield from self._said(opened, str(fields[opened.kind.delta_of]))
        else:
            yield self._reply.added(item)
        yield self._reply.done({**item, "status": "completed"}, call.name + call.arguments)
        self._done, self._open, self._sent = self._done + 1, None, 0

    def _said(self, opened: "_Open", text: str) -> Iterator[Event]:
        """Yield the end of the field that comes in deltas, and before it what is not live."""
        kind, item = opened.kind, opened.item
        done = {"item_id": item["id"], "output_index": len(self._reply.output)}
        if kind.is_live:
            done["name"] = item["name"]
        else:
            chars = self._reply.turn.style.argument_chars
            pieces = [text[start : start + chars] for start in range(0, len(text), chars)] or [""]
            yield Deltas(opened.step, opened.head, tuple(map(literal_of, pieces)))
        yield ResponseEvent(f"{kind.event}.done", {**done, kind.delta_of: text})

    def _cut(self, call: GatheredCall, place: int) -> OutputItem:
        """Return a call that broke off, with as much of it as the client was told."""
        kind, item = self._kind_of(call), {**self._item(call, place), "status": "incomplete"}
        if kind.is_live:
            return {**item, kind.delta_of: call.arguments}
        return {**item, kind.delta_of: ""} if kind.event else {**item, **kind.fields("{}")[0]}

    def _item(self, call: GatheredCall, place: int) -> OutputItem:
        """Return the item as it opens, but for what its arguments give."""
        kind, tool = self._kind_of(call), self._tool(call)
        item: dict[str, object] = {
            "id": self._reply.new_id(kind.prefix, place),
            "type": kind.item,
            "status": "in_progress",
            "call_id": self._reply.new_id("call_", place, hex_digits=24),
        }
        if kind.event:
            item["name"] = tool.name if tool else call.name
        if tool and tool.namespace:
            item["namespace"] = tool.namespace
        return item

    def _kind_of(self, call: GatheredCall) -> CallKind:
        tool = self._tool(call)
        return CALLS[tool.kind if tool else "function"]

    def _tool(self, call: GatheredCall) -> DeclaredTool | None:
        """Return the tool by the request's table. What is not in it goes back as it was said:
        Codex answers "unsupported call", and the model corrects itself."""
        return self._reply.turn.request.table.tools.get(call.name)


class _Open(NamedTuple):
    """The call that is being told."""

    kind: CallKind
    item: OutputItem
    step: str
    head: bytes


def _opened(kind: CallKind, item: OutputItem, place: int) -> _Open:
    step = f"{kind.event}.delta"
    head = delta_head(step, {"item_id": item["id"], "output_index": place})
    return _Open(kind, item, step, head)


def _is_whole(call: GatheredCall) -> bool:
    return bool(call.pieces) and json_object(call.arguments) is not None
