"""Input items of the Responses API, read into values.

JSON enters with its path, an `Item` leaves: chat's own words where chat has one, so that a call is
a `FunctionCall` and its output a tool message. The tables say which item and part types are read;
a type that cannot be left out without losing the conversation is refused, any other is left out
and named.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from codex_oss.chat import ChatMessage, FunctionCall
from codex_oss.responses.reading import Json, Reading

ITEMS_MAX = 20_000  # A day of Codex is about 2,000.


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """What another agent sent. `is_sealed`: part of it is a token that only OpenAI can open, and
    the text says so in its place."""

    text: str
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that is not sent on."""

    type: str


Item = ChatMessage | FunctionCall | AgentMessage | LeftOut

_is_base64 = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3}={0,2})?").fullmatch

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
_TEXT_KEY = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_OMITTED = {
    "input_image": "[image omitted]",
    "input_file": "[file omitted]",
    "input_audio": "[audio omitted]",
}
_UNREADABLE = ("unreadable_compaction", "this summary was sealed elsewhere", "start a new thread")
_REFUSED = {  # Type: code, message, hint.
    "compaction": _UNREADABLE,
    "compaction_summary": _UNREADABLE,
    "context_compaction": _UNREADABLE,
    "compaction_trigger": (
        "unsupported_parameter",
        "the bridge does not compact",
        "give the provider another name than OpenAI in config.toml: Codex then compacts by itself",
    ),
    "item_reference": ("item_not_found", "nothing is stored here", "send the item itself"),
}


def parse_items(value: object, reading: Reading) -> tuple[Item, ...]:
    """Return the items of `input`."""
    if isinstance(value, str):
        return (ChatMessage("user", value),)
    if not isinstance(value, list):
        reading.wrong("input", "a string or a list of items", value)
        return ()
    if not 1 <= len(value) <= ITEMS_MAX:
        reading.fault("input", "invalid_value", f"expected 1 to {ITEMS_MAX:,} items")
        return ()
    return tuple(_item(item, path, reading) for path, item in reading.objects(value, "input"))


def _item(item: Json, path: str, reading: Reading) -> Item:
    kind = item.get("type") or "message"
    if not isinstance(kind, str):
        reading.wrong(f"{path}.type", "a string", kind)
    elif parse := _PARSERS.get(kind):
        return parse(item, path, reading)
    elif kind in _REFUSED:
        reading.fault(path, *_REFUSED[kind])
    else:
        reading.drop(f"item:{kind}")
    return LeftOut(str(kind))


def _message(item: Json, path: str, reading: Reading) -> Item:
    said = reading.string(item, "role", path)
    role = _ROLES.get(said, "user")
    if said and said not in _ROLES:
        reading.fault(f"{path}.role", "invalid_value", f"expected one of {', '.join(_ROLES)}")
    return ChatMessage(role, _text(item, "content", path, reading))


def _agent_message(item: Json, path: str, reading: Reading) -> Item:
    author, is_sealed, texts = item.get("author") or "another agent", False, []
    for part_path, part in reading.objects(item.get("content"), f"{path}.content"):
        if part.get("type") != "encrypted_content":
            texts.append(_part(part, part_path, reading))
            continue
        text = reading.string(part, "encrypted_content", part_path)
        if _is_sealed(text):
            is_sealed, text = True, f"[encrypted message from {author}: not readable here]"
        texts.append(text)
    return AgentMessage("\n".join(texts), is_sealed)


def _function_call(item: Json, path: str, reading: Reading) -> Item:
    name, namespace = reading.string(item, "name", path), item.get("namespace")
    return FunctionCall(
        reading.string(item, "call_id", path),
        f"{namespace}__{name}" if namespace else name,
        reading.string(item, "arguments", path),
    )


def _function_call_output(item: Json, path: str, reading: Reading) -> Item:
    text = _text(item, "output", path, reading)
    return ChatMessage("tool", text, call_id=reading.string(item, "call_id", path))


def _text(item: Json, name: str, path: str, reading: Reading) -> str:
    """Return a text, or the texts of its parts joined with newlines."""
    content = item.get(name)
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        reading.wrong(f"{path}.{name}", "a string or a list of parts", content)
        return ""
    parts = reading.objects(content, f"{path}.{name}")
    return "\n".join([_part(part, part_path, reading) for part_path, part in parts])


def _part(part: Json, path: str, reading: Reading) -> str:
    kind = reading.string(part, "type", path)
    if key := _TEXT_KEY.get(kind):
        return reading.string(part, key, path)
    if kind in _OMITTED:
        reading.drop(f"part:{kind}")
    elif kind:
        known = ", ".join((*_TEXT_KEY, *_OMITTED))
        reading.fault(f"{path}.type", "invalid_value", f"expected one of {known}")
    return _OMITTED.get(kind, "")


def _is_sealed(text: str) -> bool:
    """Return whether this is a Fernet token: version 0x80, a header and an HMAC of 57 bytes in
    all, and whole AES blocks between them (bridge 5)."""
    if not _is_base64(text):
        return False
    token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return token[:1] == b"\x80" and len(token) >= 73 and (len(token) - 57) % 16 == 0


_PARSERS: dict[str, Callable[[Json, str, Reading], Item]] = {
    "message": _message,
    "agent_message": _agent_message,
    "function_call": _function_call,
    "function_call_output": _function_call_output,
}
