"""A whole answer at once, for callers that act on it and not on its pieces.

Bursts enter, one `ChatReply` leaves: the same text, calls and usage that a stream of these bursts
would have shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from codex_oss.chat.calls import CallGatherer
from codex_oss.chat.literals import literal_of, text_of
from codex_oss.chat.messages import Burst, FunctionCall, Served, TextRun, Usage


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model said. `finish` is the provider's word for the end: `length` means cut off."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[FunctionCall, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    reasoning_blocks: tuple[str, ...] = ()


def gather(bursts: Iterable[Burst]) -> ChatReply:
    """Return all that these bursts say. No two calls of the reply share an id."""
    text: list[bytes] = []
    reasoning: list[bytes] = []
    blocks: list[str] = []
    gatherer, finish, usage = CallGatherer(), "", None
    for chunk in (chunk for burst in bursts for chunk in burst):
        if isinstance(chunk, Served):
            continue
        if isinstance(chunk, TextRun):
            (reasoning if chunk.is_reasoning else text).extend(chunk.literals)
            continue
        text.append(literal_of(chunk.text))
        reasoning.append(literal_of(chunk.reasoning))
        blocks += chunk.reasoning_blocks
        for delta in chunk.calls:
            gatherer.take(delta)
        finish = finish or chunk.finish
        usage = chunk.usage or usage
    return ChatReply(
        text_of(text), text_of(reasoning), _calls(gatherer), finish, usage, tuple(blocks)
    )


def _calls(gatherer: CallGatherer) -> tuple[FunctionCall, ...]:
    calls: dict[str, FunctionCall] = {}
    for number, call in enumerate(gatherer.calls):
        call_id = call.call_id or f"call_{number}"
        while call_id in calls:
            call_id += "_"
        calls[call_id] = FunctionCall(call_id, call.name, call.arguments)
    return tuple(calls.values())
