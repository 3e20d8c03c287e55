"""The chat model that needs no network: it answers in the protocol of any other model.

A `ChatRequest` enters, `Burst`s leave: calls in pieces, a finish word, an estimate of the tokens.
Deterministic: the same request gets the same bursts, up to the pieces' bounds.
"""

import json
from collections.abc import Iterator

from codex_oss.chat import Burst, CallDelta, ChatChunk, ChatRequest, FunctionCall, Usage
from codex_oss.deadline import Deadline
from codex_oss.rehearsal.planning import next_calls
from codex_oss.rehearsal.reading import Call, prompt_of

PIECE_CHARACTERS = 48  # About what providers send at once; long enough to keep bursts few.
BYTES_PER_TOKEN = 3  # The runtime's own guess for code: an estimate, and marked as one upstream.

NO_MISSION = (
    "This is the rehearsal model: an offline planner without a language model. It takes part in"
    " missions, where it looks up names; to a conversation it has nothing to say. Choose another"
    " profile to talk to a model."
)


class RehearsalModel:
    """A `ChatModel` that plans from what the prompt shows and knows nothing else."""

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        deadline.raise_if_cancelled()
        prompt = prompt_of(request)
        planned = next_calls(prompt) if prompt else ()
        calls = spoken(request, planned) if prompt and prompt.functions else ()
        text = "" if calls else _written(planned) or NO_MISSION
        for chunk in pieces(text, calls):
            deadline.raise_if_cancelled()
            yield (chunk,)
        yield (ChatChunk(usage=_usage(request, text, calls)),)


def _written(planned: tuple[Call, ...]) -> str:
    """Return the report as text, for a mission that has no function to hand it in with."""
    reports = [dict(call.arguments)["report"] for call in planned if call.name == "final_report"]
    return json.dumps(reports[0], ensure_ascii=False) if reports else ""


def spoken(request: ChatRequest, calls: tuple[Call, ...]) -> tuple[FunctionCall, ...]:
    """Return the calls as a model writes them, each with an id that no earlier one has."""
    earlier = sum(len(message.calls) for message in request.messages)
    return tuple(
        FunctionCall(
            f"rehearsal_{number}",
            call.name,
            json.dumps(dict(call.arguments) | ({"reason": call.reason} if call.reason else {})),
        )
        for number, call in enumerate(calls, earlier + 1)
    )


def pieces(text: str, calls: tuple[FunctionCall, ...]) -> Iterator[ChatChunk]:
    """Yield text and calls in pieces, as providers stream them, and then how it ended."""
    for at in range(0, len(text), PIECE_CHARACTERS):
        yield ChatChunk(text=text[at : at + PIECE_CHARACTERS])
    for index, call in enumerate(calls):
        yield ChatChunk(calls=(CallDelta(index, call.call_id, call.name),))
        for at in range(0, len(call.arguments), PIECE_CHARACTERS):
            piece = call.arguments[at : at + PIECE_CHARACTERS]
            yield ChatChunk(calls=(CallDelta(index, arguments=piece),))
    yield ChatChunk(finish="tool_calls" if calls else "stop")


def _usage(request: ChatRequest, text: str, calls: tuple[FunctionCall, ...]) -> Usage:
    asked = sum(len(m.text) + sum(len(c.arguments) for c in m.calls) for m in request.messages)
    said = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
    return Usage(asked // BYTES_PER_TOKEN + 1, said // BYTES_PER_TOKEN + 1)
