"""A payload of any provider as JSON that nobody vouches for: bytes in, an object out.

What is an error, or is no object at all, raises `UpstreamError` with the provider's own sentence.
The rest are ways to take such an object apart: what is not of the kind that is looked for counts as
not there.
"""

import json
from collections.abc import Mapping

from codex_oss.chat.literals import mended, to_json
from codex_oss.errors import UpstreamError

DONE = b"[DONE]"
SENTENCE_CHARS_MAX = 300  # Of what a provider says of its failure (bridge 14).
GARBLED_CHARS_MAX = 80  # Of what should have been JSON: enough to tell a proxy's page by.

Json = Mapping[str, object]
NOTHING: Json = {}


def object_in(payload: bytes) -> Json:
    """Return the object that a payload is, if it is no error."""
    try:
        body = json.loads(payload.decode())
    except (ValueError, RecursionError):
        shown = _line(payload.decode("utf-8", "replace"), GARBLED_CHARS_MAX)
        raise UpstreamError(f"the provider sent no JSON: {shown}") from None
    if not isinstance(body, dict):
        shown = _line(to_json(body), GARBLED_CHARS_MAX)
        raise UpstreamError(f"the provider sent no chunk: {shown}")
    if error := body.get("error"):
        raise UpstreamError(provider_sentence(error))
    if body.get("object") == "error":  # vLLM.
        raise UpstreamError(provider_sentence(body))
    result = as_object(body.get("base_resp"))  # MiniMax says every failure in a good reply.
    if result.get("status_code"):
        told = {"message": result.get("status_msg"), "code": result["status_code"]}
        raise UpstreamError(provider_sentence(told))
    return body


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


def as_object(value: object) -> Json:
    return value if isinstance(value, dict) else NOTHING


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a text that may begin or end with half of a surrogate pair."""
    return value if isinstance(value, str) else ""


def as_word(value: object) -> str:
    return mended(value) if isinstance(value, str) else ""


def as_count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _line(text: str, chars_max: int) -> str:
    line = " ".join(mended(text).split())
    return line if len(line) <= chars_max else line[: chars_max - 1] + "…"
