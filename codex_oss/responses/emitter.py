"""Response events: what may follow what, and their bytes.

Events enter in bursts, one bytes object a burst leaves. Everything that may follow what is in
`NEXT_STATE`; a pair that is not there is a bug of ours. Numbers are given where the bytes are
written, so that a sign of life may stand between any two events.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from codex_oss.chat import to_json
from codex_oss.errors import BridgeError, BrokenPromise
from codex_oss.responses.failures import failure
from codex_oss.responses.receipts import Receipt


@dataclass(frozen=True, slots=True)
class ResponseEvent:
    """One event. On `response.failed`, `error` is why: a reply that is not streamed raises it. The
    last event has the `receipt` that its data shows."""

    type: str
    data: Mapping[str, object]
    error: BridgeError | None = None
    receipt: Receipt | None = field(default=None, compare=False)

    @property
    def step(self) -> str:
        """What the transition table calls it: each type of item has events of its own."""
        item = self.data.get("item")
        return f"{self.type} {item['type']}" if isinstance(item, dict) else self.type


@dataclass(frozen=True, slots=True)
class Deltas:
    """As many delta events of one item as there are literals. `head` is what they share, rendered
    once an item: all up to the number."""

    step: str
    head: bytes
    literals: tuple[bytes, ...]


Events = list[ResponseEvent | Deltas]
"""What one burst of the provider, or one sentence of a mission, gives: one write."""

NEXT_STATE = {
    ("new", "response.created"): "created",
    ("created", "response.in_progress"): "idle",
    ("idle", "response.output_item.added message"): "message",
    ("message", "response.content_part.added"): "message text",
    ("message text", "response.output_text.delta"): "message text",
    ("message text", "response.output_text.done"): "message part",
    ("message part", "response.content_part.done"): "whole message",
    ("whole message", "response.output_item.done message"): "idle",
    ("idle", "response.output_item.added reasoning"): "reasoning",
    ("reasoning", "response.content_part.added"): "reasoning text",
    ("reasoning text", "response.reasoning_text.delta"): "reasoning text",
    ("reasoning text", "response.reasoning_text.done"): "reasoning part",
    ("reasoning part", "response.content_part.done"): "whole reasoning",
    ("whole reasoning", "response.output_item.done reasoning"): "idle",
    ("idle", "response.output_item.added function_call"): "call",
    ("call", "response.function_call_arguments.delta"): "call",
    ("call", "response.function_call_arguments.done"): "whole call",
    ("whole call", "response.output_item.done function_call"): "idle",
    ("reasoning", "response.reasoning_summary_part.added"): "summary text",
    ("summary text", "response.reasoning_summary_text.delta"): "summary text",
    ("summary text", "response.reasoning_summary_text.done"): "summary part",
    ("summary part", "response.reasoning_summary_part.done"): "whole reasoning",
    ("reasoning", "response.output_item.done reasoning"): "idle",  # Sealed: nothing is shown.
    ("idle", "response.output_item.added custom_tool_call"): "custom call",
    ("custom call", "response.custom_tool_call_input.delta"): "custom input",
    ("custom input", "response.custom_tool_call_input.delta"): "custom input",
    ("custom input", "response.custom_tool_call_input.done"): "whole custom call",
    ("whole custom call", "response.output_item.done custom_tool_call"): "idle",
    ("idle", "response.output_item.added tool_search_call"): "search",
    ("search", "response.output_item.done tool_search_call"): "idle",
    ("idle", "response.output_item.added local_shell_call"): "shell",
    ("shell", "response.output_item.done local_shell_call"): "idle",
    ("idle", "response.output_item.added compaction"): "compaction",
    ("compaction", "response.output_item.done compaction"): "idle",
    ("idle", "response.completed"): "over",
    ("idle", "response.incomplete"): "over",
    ("call", "response.incomplete"): "over",  # Codex runs a call that is done: a cut one is not.
    ("custom call", "response.incomplete"): "over",
    ("idle", "response.failed"): "over",
    ("message text", "response.failed"): "over",
    ("reasoning text", "response.failed"): "over",
    ("reasoning", "response.failed"): "over",
    ("summary text", "response.failed"): "over",
    ("call", "response.failed"): "over",
    ("custom call", "response.failed"): "over",
}


class _Order:
    """Where a stream of events stands."""

    def __init__(self) -> None:
        self.state = "new"

    def follow(self, event: ResponseEvent | Deltas) -> None:
        try:
            self.state = NEXT_STATE[self.state, event.step]
        except KeyError:
            raise BrokenPromise(f"{event.step} cannot follow in state {self.state!r}") from None


class Encoder:
    """Write the events of one response as server-sent events. Not for two threads at a time."""

    def __init__(self) -> None:
        self._order = _Order()
        self._number = 0
        self._response: Mapping[str, object] = {}
        self._shell: Mapping[str, object] = {}
        self._data: Mapping[str, object] = {}
        self._told = ""

    @property
    def is_over(self) -> bool:
        """Whether the terminal event was written."""
        return self._order.state == "over"

    def encode(self, events: Events) -> bytes:
        """Return the bytes of these events. `data: [DONE]` follows the terminal one."""
        for event in events:  # All of them first: a broken order takes no number.
            self._order.follow(event)
        written: list[bytes] = []
        for event in events:
            if isinstance(event, Deltas):
                numbered = enumerate(event.literals, self._number)
                deltas = [b'%d,"delta":%b}\n\n' % each for each in numbered]
                written.append(event.head.join([b"", *deltas]))
                self._number += len(deltas)
                continue
            if event.type == "response.created":
                self._keep(event.data["response"])
            written.append(self._frame(event.type, event.data))
        if self.is_over:
            written.append(b"data: [DONE]\n\n")
        return b"".join(written)

    def beat(self) -> bytes:
        """Return one sign of life, or nothing before the response began and after it ended.

        An event, not a comment: comments do not keep Codex waiting (codex-facts 7).
        """
        if self._order.state in ("new", "created", "over"):
            return b""
        return self._frame("response.in_progress", {"response": self._shell})

    def fail(self, error: BridgeError, *, for_codex: bool) -> bytes:
        """Return the end of a response whose events broke off: a bug of ours, or a stop. Nothing
        where it has not begun or is over."""
        if self._order.state in ("new", "over"):
            return b""
        self._order.state = "over"
        failed = {"status": "failed", "error": failure(error, for_codex=for_codex)}
        frame = self._frame("response.failed", {"response": {**self._response, **failed}})
        return frame + b"data: [DONE]\n\n"

    def _keep(self, response: object) -> None:
        assert isinstance(response, dict)
        self._response = response
        self._shell = response | {"tools": [], "instructions": None}

    def _frame(self, kind: str, data: Mapping[str, object]) -> bytes:
        if data is not self._data:  # The first two events tell the same whole response.
            self._data, self._told = data, to_json(data).removeprefix("{")
        number = self._number
        self._number += 1
        frame = (
            f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{number},{self._told}\n\n'
        )
        return frame.encode("utf-8", "replace")


def delta_head(kind: str, fields: Mapping[str, object]) -> bytes:
    """Render what all delta events of one item share."""
    body = to_json({"type": kind, **fields, "sequence_number": 0}).removesuffix("0}")
    return f"event: {kind}\ndata: {body}".encode()


def whole(bursts: Iterable[Events]) -> dict[str, object]:
    """Return the response that a stream of these events would have ended with, or raise why it
    failed: the JSON reply is the fold of the same events."""
    order, last = _Order(), None
    for event in (event for events in bursts for event in events):
        order.follow(event)
        last = event
    if order.state != "over":
        raise BrokenPromise("the events of a response ended without a terminal one")
    assert isinstance(last, ResponseEvent)
    if last.error:
        raise last.error
    response = last.data["response"]
    assert isinstance(response, dict)
    return response
