"""Token counts as a response object tells them: whole, estimated, or null, never partial."""

from collections.abc import Iterable

from codex_oss.chat import FunctionCall, Usage, to_json
from codex_oss.responses.items import Item, LeftOut
from codex_oss.responses.requests import ResponsesRequest

BYTES_PER_TOKEN = 4  # Bridge 12. It only has to be of the right size: Codex compacts by it.


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
    heard = [request.instructions, to_json(request.echo["tools"]), *map(_words, request.items)]
    return Usage(_tokens(heard), _tokens(said))


def _words(item: Item) -> str:
    match item:
        case LeftOut():
            return ""
        case FunctionCall():
            return item.name + item.arguments
        case _:
            return item.text


def _tokens(texts: Iterable[str]) -> int:
    return -(-sum(len(text.encode()) for text in texts) // BYTES_PER_TOKEN)
