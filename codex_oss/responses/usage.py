"""Token counts as a response object tells them: whole, estimated, or null, never partial."""

from collections.abc import Iterable, Iterator
from math import ceil

from codex_oss.chat import ChatMessage, FilePart, TextPart, Usage, to_json
from codex_oss.responses.calls import Call
from codex_oss.responses.items import AgentMessage, FoundTools, Item, Note, Thought
from codex_oss.responses.requests import ResponsesRequest

BYTES_PER_TOKEN = 4  # Bridge 12. It only has to be of the right size: Codex compacts by it.
IMAGE_BYTES = 4_000  # An image of a megapixel is about 1,000 tokens, however long its base64 is.


def usage_field(usage: Usage | None) -> dict[str, object] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,  # openai 3.54 requires it.
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def estimated_usage(request: ResponsesRequest, said: Iterable[str]) -> Usage:
    """Return counts for a provider that gave none."""
    return Usage(_input_tokens(request), _tokens(map(_bytes, said)))


def input_tokens_object(request: ResponsesRequest) -> dict[str, object]:
    """Return what `/v1/responses/input_tokens` answers: an estimate, never lowered by more."""
    return {"object": "response.input_tokens", "input_tokens": _input_tokens(request)}


def _input_tokens(request: ResponsesRequest) -> int:
    heard = [_bytes(request.instructions)]
    for tool in request.table.functions:
        heard.append(_bytes(tool.name + tool.description + to_json(tool.parameters)))
    return _tokens([*heard, *map(_size, request.items)])


def _size(item: Item) -> int:
    match item:
        case Call(_, namespace, name, arguments):
            return _bytes(namespace + name + arguments)
        case FoundTools(_, names):
            return _bytes("".join(map("".join, names)))
        case AgentMessage(message) | (ChatMessage() as message):
            return _bytes(message.text) + sum(_size_of_parts(message))
        case Note(_, text) | Thought(text):
            return _bytes(text)


def _size_of_parts(message: ChatMessage) -> Iterator[int]:
    for part in message.parts:
        match part:
            case TextPart(text) | FilePart(data=text):
                yield _bytes(text)
            case _:
                yield IMAGE_BYTES


def _bytes(text: str) -> int:
    return len(text.encode())


def _tokens(sizes: Iterable[int]) -> int:
    return ceil(sum(sizes) / BYTES_PER_TOKEN)
