"""Input items of the Responses API, read into values.

JSON enters with its path, `Item`s leave: chat's own words where chat has one. A row of `_PARSERS`
reads each type that carries the conversation on; what OpenAI's own servers did becomes a line, and
what nobody knows becomes text in tags, so that nothing is lost in silence (bridge 7).
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from codex_oss.chat import ChatMessage, FilePart, ImagePart
from codex_oss.responses.calls import (
    Call,
    parse_custom_call,
    parse_function_call,
    parse_search_call,
    parse_shell_call,
)
from codex_oss.responses.envelope import digest_of, unseal_reasoning, unseal_summary
from codex_oss.responses.foreign import HOSTED, line_of, text_of_item
from codex_oss.responses.parts import joined, parse_content, parse_part
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

SUMMARY_HEAD = "[Summary of the conversation so far]"
UNREADABLE = (
    "unreadable_compaction",
    "this summary was sealed elsewhere, or is damaged",
    "start a new thread",
)


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """What another agent sent. `is_sealed`: part of it is a token that only OpenAI can open, and
    the text says so in its place."""

    message: ChatMessage
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning of an earlier answer; the family is "" where nobody vouches for it."""

    text: str
    family: str = ""
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What the bridge says in somebody's name, of an item that a model has no form for."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class FoundTools:
    """The result of a search for tools: the namespaces and names of what was found."""

    call_id: str
    names: tuple[tuple[str, str], ...]


Item = ChatMessage | Call | AgentMessage | Thought | Note | FoundTools

_is_base64 = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3}={0,2})?").fullmatch

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


def parse_item(item: Json, path: str, reading: Reading) -> Item | None:
    """Return what an item says, or `None` if it only declares, or has a fault."""
    kind = item.get("type")
    if kind is None:
        kind = "item_reference" if _is_reference(item) else "message"
    if not isinstance(kind, str):
        reading.wrong(f"{path}.type", "a string", kind)
        return None
    if parse := _PARSERS.get(kind):
        return parse(item, path, reading)
    if kind in HOSTED:
        return Note("assistant", line_of(item, kind))
    reading.show_unknown(kind)
    return Note("user", text_of_item(item, kind))


def _is_reference(item: Json) -> bool:
    return "id" in item and "role" not in item and "content" not in item


def _message(item: Json, path: str, reading: Reading) -> Item:
    said = reading.string(item, "role", path)
    role = _ROLES.get(said, "user")
    if said and said not in _ROLES:
        reading.fault(f"{path}.role", "invalid_value", f"expected one of {', '.join(_ROLES)}")
    text, parts = parse_content(item.get("content"), f"{path}.content", reading)
    if parts and role == "assistant":
        told = "an assistant's message holds text only"
        reading.fault(f"{path}.content", "invalid_value", told)
    return ChatMessage(role, text, parts=parts)


def _agent_message(item: Json, path: str, reading: Reading) -> Item:
    author, is_sealed = item.get("author") or "another agent", False
    parts: list[str | ImagePart | FilePart] = []
    for at, part in reading.objects(item.get("content"), f"{path}.content"):
        if part.get("type") != "encrypted_content":
            parts.append(parse_part(part, at, reading))
            continue
        text = reading.string(part, "encrypted_content", at)
        if _is_sealed(text):
            is_sealed, text = True, f"[encrypted message from {author}: not readable here]"
        parts.append(text)
    said, rest = joined(parts)
    return AgentMessage(ChatMessage("user", said, parts=rest), is_sealed)


def _is_sealed(text: str) -> bool:
    """Return whether this is a Fernet token: version 0x80, a header and an HMAC of 57 bytes in
    all, and whole AES blocks between them (bridge 5)."""
    if not _is_base64(text):
        return False
    token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return token[:1] == b"\x80" and len(token) >= 73 and (len(token) - 57) % 16 == 0


def _call_output(item: Json, path: str, reading: Reading) -> Item:
    text, parts = parse_content(item.get("output"), f"{path}.output", reading)
    return ChatMessage("tool", text, call_id=reading.string(item, "call_id", path), parts=parts)


def _shell_output(item: Json, path: str, reading: Reading) -> Item:
    call_id = item.get("call_id") or item.get("id")  # The API calls it `id`, and means the call's.
    return _call_output({**item, "call_id": call_id}, path, reading)


def _search_call(item: Json, path: str, reading: Reading) -> Item:
    if item.get("execution") == "server":
        return Note("assistant", line_of(item, "tool_search_call"))
    return parse_search_call(item, path, reading)


def _search_output(item: Json, path: str, reading: Reading) -> Item | None:
    tools = reading.objects(item.get("tools"), f"{path}.tools")
    reading.declared += tools
    if item.get("execution") == "server":
        return None  # Nobody here asked for it.
    call_id = reading.string(item, "call_id", path)
    return FoundTools(call_id, tuple(_names(tool for _, tool in tools)))


def _names(tools: Iterable[Json]) -> Iterable[tuple[str, str]]:
    for tool in tools:
        inner, name = tool.get("tools"), str(tool.get("name") or tool.get("type"))
        if tool.get("type") != "namespace":
            yield "", name
        elif isinstance(inner, list):
            named = (each for each in inner if isinstance(each, dict) and "name" in each)
            yield from ((name, str(each["name"])) for each in named)


def _additional_tools(item: Json, path: str, reading: Reading) -> None:
    reading.declared += reading.objects(item.get("tools"), f"{path}.tools")


def _reasoning(item: Json, path: str, reading: Reading) -> Thought | None:
    """Return the reasoning, if it is ours and as we wrote it, or if nobody sealed it."""
    text = _shown(item, "content", path, reading) or _shown(item, "summary", path, reading)
    token = reading.optional(item, "encrypted_content", str, path)
    if not token:
        return Thought(text) if text else None
    sealed = unseal_reasoning(reading.past.key, token)
    if isinstance(sealed, str):
        reading.reasoning_dropped[sealed] += 1
        return None
    text = text if sealed.text is None else sealed.text
    if digest_of(text) != sealed.text_sha256:
        reading.reasoning_dropped["tampered" if text else "text_missing"] += 1
        return None
    return Thought(text, sealed.family, sealed.blocks)


def _shown(item: Json, name: str, path: str, reading: Reading) -> str:
    parts = reading.objects(item.get(name), f"{path}.{name}")
    return "".join(reading.string(part, "text", at) for at, part in parts)


def _compaction(item: Json, path: str, reading: Reading) -> Note | None:
    token = reading.string(item, "encrypted_content", path)
    summary = unseal_summary(reading.past.key, token)
    if summary is None:
        reading.fault(path, *UNREADABLE)
        return None
    return Note("user", f"{SUMMARY_HEAD}\n{summary}")


def _trigger(item: Json, path: str, reading: Reading) -> None:
    reading.fault(path, "invalid_value", "a compaction_trigger can only be the last item")


def _reference(item: Json, path: str, reading: Reading) -> Item | None:
    stored = reading.past.item(reading.string(item, "id", path))
    if stored is None or stored.get("type") == "item_reference":
        told, hint = "no item of this id is stored here", "send the item itself"
        reading.fault(path, "item_not_found", told, hint)
        return None
    return parse_item(stored, path, reading)


_PARSERS: dict[str, Callable[[Json, str, Reading], Item | None]] = {
    "message": _message,
    "agent_message": _agent_message,
    "function_call": parse_function_call,
    "function_call_output": _call_output,
    "custom_tool_call": parse_custom_call,
    "custom_tool_call_output": _call_output,
    "tool_search_call": _search_call,
    "tool_search_output": _search_output,
    "local_shell_call": parse_shell_call,
    "local_shell_call_output": _shell_output,
    "additional_tools": _additional_tools,
    "reasoning": _reasoning,
    "compaction": _compaction,
    "compaction_summary": _compaction,
    "context_compaction": _compaction,
    "compaction_trigger": _trigger,
    "item_reference": _reference,
}
