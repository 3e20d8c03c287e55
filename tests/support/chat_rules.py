"""What any Chat Completions server asks of a request: a body in, sentences about its faults out."""

import json
import re
from collections.abc import Iterator, Mapping

ROLES = {"system", "user", "assistant", "tool"}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KNOWN = set(
    "model messages tools tool_choice parallel_tool_calls stream stream_options max_tokens"
    " max_completion_tokens temperature top_p presence_penalty frequency_penalty response_format"
    " reasoning_effort thinking enable_thinking thinking_budget preserve_thinking reasoning_split"
    " prompt_cache_key".split()
)


def faults_of(path: str, headers: Mapping[str, str], body: dict) -> list[str]:
    return [*_head_faults(path, headers), *_body_faults(body), *_pairing_faults(body)]


def _head_faults(path: str, headers: Mapping[str, str]) -> Iterator[str]:
    if not path.endswith("/chat/completions"):
        yield f"path {path}"
    if headers.get("content-type") != "application/json":
        yield f"content type {headers.get('content-type')}"
    if headers.get("accept-encoding") != "identity":
        yield f"accept-encoding {headers.get('accept-encoding')}"


def _body_faults(body: dict) -> Iterator[str]:
    yield from (f"unknown field {name}" for name in body.keys() - KNOWN)
    yield from (f"{name} is null" for name, value in body.items() if value is None)
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "no model"
    if body.get("stream") and body.get("stream_options") != {"include_usage": True}:
        yield "a stream without include_usage"
    if "tools" in body and not body["tools"]:
        yield "empty tools"
    if "tool_choice" in body and not body.get("tools"):
        yield "tool_choice without tools"
    names = [tool["function"]["name"] for tool in body.get("tools", [])]
    yield from (f"tool name {name!r}" for name in names if not NAME.fullmatch(name))
    if len(set(names)) < len(names):
        yield f"a tool twice: {names}"
    for tool in body.get("tools", []):
        if tool["type"] != "function" or tool["function"]["parameters"].get("type") != "object":
            yield f"tool {tool}"


def _pairing_faults(body: dict) -> Iterator[str]:
    messages = body.get("messages") or []
    if not messages or messages[-1]["role"] == "assistant":
        yield "no message to answer"
    waiting: list[str] = []  # Ids of calls whose result must come next, in this order.
    for at, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        if role not in ROLES or (role == "system" and at > 0):
            yield f"messages[{at}]: role {role}"
        if role == "tool":
            if waiting[:1] != [message.get("tool_call_id")]:
                yield f"messages[{at}]: result of {message.get('tool_call_id')}, due: {waiting}"
            waiting = waiting[1:]
        elif waiting:
            yield f"messages[{at}]: {role} while results of {waiting} are missing"
        calls = message.get("tool_calls")
        if calls is not None:
            yield from (f"messages[{at}]: {fault}" for fault in _call_faults(role, calls))
            waiting = [call["id"] for call in calls]
        elif not isinstance(content, str | list):
            yield f"messages[{at}]: content {content!r}"
    if waiting:
        yield f"results of {waiting} are missing"
    if any("tool_calls" in message for message in messages) and not body.get("tools"):
        yield "calls in the history, and no tools"


def _call_faults(role: object, calls: list[dict]) -> Iterator[str]:
    if role != "assistant" or not calls:
        yield f"{role} with tool_calls {calls}"
    ids = [call.get("id", "") for call in calls]
    if len(set(ids)) < len(ids) or not all(map(CALL_ID.fullmatch, ids)):
        yield f"call ids {ids}"
    for call in calls:
        function = call["function"]
        if call["type"] != "function" or not NAME.fullmatch(function["name"]):
            yield f"call {call}"
        try:
            if not isinstance(json.loads(function["arguments"]), dict):
                yield f"arguments {function['arguments']!r}"
        except ValueError:
            yield f"arguments {function['arguments']!r}"
