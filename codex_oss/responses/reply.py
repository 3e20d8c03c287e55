"""The response object as it grows: its echo, its done items, its one end.

A `Turn` enters; the events that speak of the response itself leave. Ids of items are drawn from
the response's own, so that a turn told twice has the same events.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from codex_oss.chat import Served, Usage
from codex_oss.errors import BridgeError
from codex_oss.responses.emitter import ResponseEvent
from codex_oss.responses.envelope import SealedReasoning, digest_of, seal_reasoning
from codex_oss.responses.failures import failure
from codex_oss.responses.receipts import Receipt
from codex_oss.responses.requests import ResponsesRequest
from codex_oss.responses.usage import estimated_usage, usage_field

OutputItem = Mapping[str, object]
Status = Literal["completed", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are shown, as the settings of these names say: `REASONING_EXPOSE`,
    `EXPOSE_EMPTY_REASONING_ITEM`, `SSE_CHUNK_SIZE`, `SSE_FUNCTION_ARGS_CHUNK_SIZE`."""

    reasoning: Literal["content", "summary", "sealed"] = "content"
    shows_sealed_reasoning: bool = True
    text_chars: int = 256
    argument_chars: int = 1024


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, and what its reply needs that a pure room cannot make.

    `response_id` is `resp_` and 32 random hex digits, `now` tells Unix seconds, and
    `codex_version` is `None` for a client that is not Codex. `family` is whose reasoning the
    answer's is if nobody says otherwise; without a `seal_key` nothing is sealed.
    """

    request: ResponsesRequest
    receipt: Receipt
    response_id: str
    now: Callable[[], int]
    codex_version: tuple[int, ...] | None = None
    family: str = ""
    seal_key: bytes = b""
    style: Style = Style()


class Reply:
    """The response to one turn."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.output: list[OutputItem] = []
        self.receipt = turn.receipt
        self._family = turn.family
        self._said: list[str] = []
        self._created_at = turn.now()

    def begin(self) -> tuple[ResponseEvent, ResponseEvent]:
        data = {"response": self._response("in_progress")}
        return ResponseEvent("response.created", data), ResponseEvent("response.in_progress", data)

    def heed(self, served: Served) -> None:
        """Note who answers, and what was changed of the request for him."""
        self.receipt = self.receipt.merge(served)
        self._family = served.family or self._family

    def salvage(self, calls: int) -> None:
        """Note that as many calls were made of what was none."""
        self.receipt = replace(self.receipt, salvaged=self.receipt.salvaged + calls)

    def envelope(self, text: str, blocks: tuple[str, ...]) -> str | None:
        """Return what lets reasoning be replayed, or `None` where nobody asked for it."""
        turn, is_hidden = self.turn, self.turn.style.reasoning == "sealed"
        if not (turn.seal_key and (is_hidden or turn.request.wants_envelopes)):
            return None
        sealed = SealedReasoning(
            family=self._family,
            upstream_model=self.receipt.upstream_model,
            response_id=turn.response_id,
            text_sha256=digest_of(text),
            text=text if is_hidden else None,
            blocks=blocks,
        )
        return seal_reasoning(turn.seal_key, sealed)

    def new_id(self, prefix: str, place: int, *, hex_digits: int = 32) -> str:
        """Return the id of what stands at this place of the output."""
        seed = f"{self.turn.response_id} {prefix} {place}"
        return prefix + hashlib.sha256(seed.encode()).hexdigest()[:hex_digits]

    def added(self, item: OutputItem) -> ResponseEvent:
        data = {"output_index": len(self.output), "item": item}
        return ResponseEvent("response.output_item.added", data)

    def done(self, item: OutputItem, said: str) -> ResponseEvent:
        """Say that an item is done, and keep it for the end. `said` is what the model wrote."""
        data = {"output_index": len(self.output), "item": item}
        self.output.append(item)
        self._said.append(said)
        return ResponseEvent("response.output_item.done", data)

    def end(
        self,
        status: Status,
        usage: Usage | None,
        *,
        unfinished: Iterable[OutputItem] = (),
        reason: str = "",
        error: BridgeError | None = None,
    ) -> ResponseEvent:
        """Return the terminal event. A response that did not fail has counts, if need be ours."""
        if usage is None and error is None:
            usage = estimated_usage(self.turn.request, self._said)
            self.receipt = replace(self.receipt, usage_estimated=True)
        fields: dict[str, object] = {
            "output": [*self.output, *unfinished],
            "usage": usage_field(usage),
        }
        if status == "completed":
            fields["completed_at"] = self.turn.now()
        if reason:
            fields["incomplete_details"] = {"reason": reason}
        if error:
            for_codex = self.turn.codex_version is not None
            fields["error"] = failure(error, for_codex=for_codex)
        response = self._response(status) | fields
        return ResponseEvent(f"response.{status}", {"response": response}, error, self.receipt)

    def _response(self, status: str) -> dict[str, object]:
        return {
            "id": self.turn.response_id,
            "object": "response",
            "created_at": self._created_at,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.turn.request.model,
            **self.turn.request.echo,
            "output": [],
            "usage": None,
            "oss_receipt": self.receipt.to_json(),
        }
