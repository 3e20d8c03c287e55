"""The Anthropic Messages wire: a fitted `ChatRequest` to the body of a request.

Turns alternate and a user begins; results stand first in the user's turn, signed thinking first in
the assistant's, and no text is empty: the API refuses what is otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from codex_oss.chat.anthropic_reader import AnthropicReader
from codex_oss.chat.calls import json_object
from codex_oss.chat.dialect import GENERIC, Dialect
from codex_oss.chat.efforts import THINKING_TOKENS
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import (
    ChatMessage,
    ChatRequest,
    FilePart,
    FunctionTool,
    ImagePart,
    TextPart,
)

VERSION = "2023-06-01"
OUTPUT_TOKENS = 32_000  # Where nothing else says how long an answer may be: a number must be sent.
THINKING_TOKENS_MIN = 1_024  # Documented; the answer's length must be above what is thought.
NOTHING_SAID = "[no text]"

Block = dict[str, object]

_DATA_URL = r"(?is)data:([^;,]*)(?:;[^;,]*)*?;base64,(.*)"


class AnthropicWire:
    """What a server of this API takes, as this dialect has it."""

    path = "/messages"

    def __init__(self, dialect: Dialect = GENERIC) -> None:
        self._dialect = dialect

    def headers(self, key: str) -> dict[str, str]:
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})

    def streams(self, request: ChatRequest) -> bool:
        return self._dialect.streams_tools or not request.tools

    def reader(self, request: ChatRequest) -> AnthropicReader:
        return AnthropicReader(self._dialect, request.tools)

    def body(self, request: ChatRequest, upstream_model: str, *, stream: bool = True) -> bytes:
        """Return the body. Messages of the system are its first ones, joined."""
        tokens = request.max_output_tokens or OUTPUT_TOKENS
        system = "\n\n".join(m.text for m in request.messages if m.role == "system")
        asked: dict[str, object] = {
            "model": upstream_model,
            "max_tokens": tokens,
            "system": system or None,
            "messages": list(_turns(request.messages)),
            "tools": [_tool(tool) for tool in request.tools] or None,
            "tool_choice": _tool_choice(request),
            "temperature": request.temperature,
            "top_p": request.top_p,
            "thinking": _thinking(request.effort, tokens, self._dialect),
            "stream": (stream and self.streams(request)) or None,
            **self._dialect.extra,
        }
        refused = self._dialect.refused - {"max_tokens"}
        body = {k: v for k, v in asked.items() if v is not None and k not in refused}
        return to_json(body).encode("utf-8", "replace")


def _turns(messages: Iterable[ChatMessage]) -> Iterator[Block]:
    said = (message for message in messages if message.role != "system")
    is_first = True
    for is_assistant, group in groupby(said, key=lambda message: message.role == "assistant"):
        if is_first and is_assistant:
            yield {"role": "user", "content": [_text(NOTHING_SAID)]}
        is_first = False
        role, blocks_of = ("assistant", _assistant) if is_assistant else ("user", _user)
        blocks = [block for message in group for block in blocks_of(message)]
        # Results lead: words of the user between them would part them from their calls.
        blocks.sort(key=lambda block: block["type"] != "tool_result" and not is_assistant)
        yield {"role": role, "content": blocks or [_text(NOTHING_SAID)]}


def _assistant(message: ChatMessage) -> Iterator[Block]:
    blocks = (json_object(block) for block in message.reasoning_blocks)
    yield from (block for block in blocks if block)
    if message.text.strip():
        yield _text(message.text)
    for call in message.calls:
        arguments = json_object(call.arguments) or {}
        yield {"type": "tool_use", "id": call.call_id, "name": call.name, "input": arguments}


def _user(message: ChatMessage) -> Iterator[Block]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.call_id}
        yield {**result, "content": message.text}
        return
    if message.text.strip():
        yield _text(message.text)
    yield from map(_part, message.parts)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _part(part: TextPart | ImagePart | FilePart) -> Block:
    match part:
        case TextPart(text):
            return _text(text if text.strip() else NOTHING_SAID)
        case ImagePart(url):
            return {"type": "image", "source": _source(url, "image/png")}
        case FilePart(filename, data):
            source = _source(data, "application/pdf")
            return {"type": "document", "source": source, "title": filename}


def _source(content: str, kind: str) -> Block:
    """Return where an image or a file is; `kind` is that of one that does not say its own."""
    if content.startswith(("https://", "http://")):
        return {"type": "url", "url": content}
    found = re.fullmatch(_DATA_URL, content)
    kind, encoded = (found[1] or kind, found[2]) if found else (kind, content)
    return {"type": "base64", "media_type": kind, "data": encoded}


def _tool(tool: FunctionTool) -> Block:
    said: Block = {"name": tool.name, "input_schema": tool.parameters}
    return said | ({"description": tool.description} if tool.description else {})


def _tool_choice(request: ChatRequest) -> Block | None:
    if not request.tools:
        return None
    modes = {"auto": "auto", "none": "none", "required": "any"}
    choice: Block = {"type": modes.get(request.tool_choice, "tool")}
    if choice["type"] == "tool":
        choice["name"] = request.tool_choice
    if request.parallel_calls is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return choice if choice != {"type": "auto"} else None


def _thinking(effort: str, tokens: int, dialect: Dialect) -> Mapping[str, object] | None:
    if not effort:
        return None
    budget = min(THINKING_TOKENS.get(effort, 0), dialect.thinking_tokens_max or tokens, tokens - 1)
    if budget < THINKING_TOKENS_MIN:
        return {"type": "disabled"}
    return {"type": "enabled", "budget_tokens": budget}
