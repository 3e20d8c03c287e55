"""One payload of a Chat Completions provider, parsed: bytes in, a `ChatChunk` out.

The same reading serves a chunk of a stream and a whole reply, which says `message` where a chunk
says `delta`.
"""

from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import CallDelta, ChatChunk, Usage
from codex_oss.chat.payloads import (
    NOTHING,
    Json,
    as_count,
    as_list,
    as_object,
    as_text,
    as_word,
    object_in,
)


def parse_chunk(payload: bytes) -> ChatChunk:
    """Return what this payload says, or raise the provider's error. Text may begin or end with half
    of a surrogate pair."""
    body = object_in(payload)
    choices = body.get("choices")
    choice = as_object(choices[0]) if isinstance(choices, list) and choices else NOTHING
    said = as_object(choice.get("delta") or choice.get("message"))
    return ChatChunk(
        text=_text(said.get("content")) + _text(said.get("refusal")),  # Of which one is empty.
        reasoning=_reasoning(said),
        calls=tuple(map(_call, _calls(said))),
        finish=as_word(choice.get("finish_reason")),
        # Moonshot reports usage inside the choice.
        usage=_usage(as_object(body.get("usage"))) or _usage(as_object(choice.get("usage"))),
    )


def _reasoning(said: Json) -> str:
    """Return the first that is there: vLLM and OpenRouter say `reasoning`, MiniMax the details, and
    some say the same under several names."""
    for name in ("reasoning_content", "reasoning", "reasoning_details"):
        if text := _text(said.get(name)):
            return text
    return ""


def _text(value: object) -> str:
    if isinstance(value, list):  # Mistral sends parts.
        return "".join(as_text(as_object(part).get("text")) for part in value)
    return value if isinstance(value, str) else ""


def _calls(said: Json) -> list[object]:
    """Return the pieces of calls; servers of the first API have one call, under its older name."""
    older = said.get("function_call")
    return as_list(said.get("tool_calls")) or ([{"function": older}] if older else [])


def _call(value: object) -> CallDelta:
    call = as_object(value)
    function, index = as_object(call.get("function")), call.get("index")
    arguments = function.get("arguments")
    return CallDelta(
        index=index if isinstance(index, int) else None,
        call_id=as_word(call.get("id")),
        name=as_word(function.get("name")),
        arguments=as_word(to_json(arguments) if isinstance(arguments, dict) else arguments),
    )


def _usage(usage: Json) -> Usage | None:
    """Return the counts if they are whole: a partial object makes Codex fail the turn."""
    spent, said = as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens"))
    if spent is None or said is None:
        return None
    details = as_object(usage.get("prompt_tokens_details"))
    cached = (
        as_count(details.get("cached_tokens"))
        or as_count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek.
        or as_count(usage.get("cached_tokens"))  # Moonshot.
    )
    written = as_count(details.get("cache_creation_input_tokens"))  # Qwen.
    thought = as_object(usage.get("completion_tokens_details")).get("reasoning_tokens")
    return Usage(spent, said, cached or 0, as_count(thought) or 0, written or 0)
