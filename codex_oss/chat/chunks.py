"""One payload of a Chat Completions provider, parsed: bytes in, a `ChatChunk` out.

The same reading serves a chunk of a stream and a whole reply, which says `message` where a chunk
says `delta`. A payload that is an error, or no chunk at all, raises `UpstreamError` with the
provider's own sentence.
"""

import json
from collections.abc import Mapping

from codex_oss.chat.literals import mended, to_json
from codex_oss.chat.messages import CallDelta, ChatChunk, Usage
from codex_oss.errors import UpstreamError

DONE = b"[DONE]"
SENTENCE_CHARS_MAX = 300  # Of what a provider says of its failure (bridge 14).
GARBLED_CHARS_MAX = 80  # Of what should have been JSON: enough to tell a proxy's page by.

_Json = Mapping[str, object]
_NOTHING: _Json = {}


def parse_chunk(payload: bytes) -> ChatChunk:
    """Return what this payload says. Text may begin or end with half of a surrogate pair."""
    body = _parsed(payload)
    if error := body.get("error"):
        raise UpstreamError(provider_sentence(error))
    choices = body.get("choices")
    choice = _object(choices[0]) if isinstance(choices, list) and choices else _NOTHING
    said = _object(choice.get("delta") or choice.get("message"))
    return ChatChunk(
        text=_text(said.get("content")),
        # vLLM and OpenRouter call it `reasoning`; some send the same text under both names.
        reasoning=_text(said.get("reasoning_content")) or _text(said.get("reasoning")),
        calls=_calls(said.get("tool_calls")),
        finish=_word(choice.get("finish_reason")),
        # Moonshot reports usage inside the choice.
        usage=_usage(body.get("usage")) or _usage(choice.get("usage")),
    )


def is_cut(payload: bytes) -> bool:
    """Return whether this is the beginning of a payload and no whole one."""
    try:
        json.loads(payload.decode())
    except (ValueError, RecursionError):
        return payload.strip() != DONE
    return False


def provider_sentence(error: object) -> str:
    """Return what a provider's error says, with its type and code, on one line of at most 300
    characters."""
    kinds: list[str] = []
    while isinstance(error, dict):
        marks = (error.get("type"), error.get("code"))
        kinds += [str(mark) for mark in marks if isinstance(mark, str | int)]
        named = (error.get(key) for key in ("message", "msg", "detail", "error"))
        error = next(filter(None, named), None) or to_json(error)
    told = error if isinstance(error, str) else to_json(error)
    unsaid = [kind for kind in dict.fromkeys(kinds) if kind not in told]
    return _line(f"{told} ({', '.join(unsaid)})" if unsaid else told, SENTENCE_CHARS_MAX)


def _parsed(payload: bytes) -> _Json:
    try:
        body = json.loads(payload.decode())
    except (ValueError, RecursionError):
        shown = _line(payload.decode("utf-8", "replace"), GARBLED_CHARS_MAX)
        raise UpstreamError(f"the provider sent no JSON: {shown}") from None
    if not isinstance(body, dict):
        raise UpstreamError(
            f"the provider sent no chunk: {_line(to_json(body), GARBLED_CHARS_MAX)}"
        )
    return body


def _line(text: str, chars_max: int) -> str:
    line = " ".join(mended(text).split())
    return line if len(line) <= chars_max else line[: chars_max - 1] + "…"


def _object(value: object) -> _Json:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: object) -> str:
    if isinstance(value, list):  # Mistral sends parts.
        return "".join(_text(_object(part).get("text")) for part in value)
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    return mended(value) if isinstance(value, str) else ""


def _calls(calls: object) -> tuple[CallDelta, ...]:
    return tuple(map(_call, calls)) if isinstance(calls, list) else ()


def _call(value: object) -> CallDelta:
    call = _object(value)
    function, index = _object(call.get("function")), call.get("index")
    arguments = function.get("arguments")
    return CallDelta(
        index=index if isinstance(index, int) else None,
        call_id=_word(call.get("id")),
        name=_word(function.get("name")),
        arguments=_word(to_json(arguments) if isinstance(arguments, dict) else arguments),
    )


def _usage(value: object) -> Usage | None:
    """Return the counts if they are whole: a partial object makes Codex fail the turn."""
    usage = _object(value)
    spent, said = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if spent is None or said is None:
        return None
    details = _object(usage.get("prompt_tokens_details"))
    cached = (
        _count(details, "cached_tokens")
        or _count(usage, "prompt_cache_hit_tokens")  # DeepSeek.
        or _count(usage, "cached_tokens")  # Moonshot.
    )
    thought = _count(_object(usage.get("completion_tokens_details")), "reasoning_tokens")
    return Usage(spent, said, cached or 0, thought or 0)


def _count(counts: _Json, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int and value >= 0 else None
