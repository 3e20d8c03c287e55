"""What single families of models and the Anthropic API ask of a request: a body in, faults out.

Each rule is what its provider documents or was reported to refuse (bridge 19), written anew here:
nothing of the tables that are tested is used.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from codex_oss.profiles import ModelProfile
from support.chat_rules import faults_of

Body = dict[str, Any]
Rule = Callable[[Body], Iterator[str]]


def faults_at(
    profile: ModelProfile, path: str, headers: Mapping[str, str], body: Body
) -> list[str]:
    """Return what this model, where it is served, finds wrong with a request."""
    if profile.wire == "anthropic":
        return anthropic_faults(body)
    if profile.dialect.takes_late_system:
        body = {**body, "messages": [m for m in body["messages"] if m["role"] != "system"]}
    common = faults_of(path, headers, body)
    if profile.family.startswith("kimi"):  # Its ids are its own, and have a rule of their own.
        common = [fault for fault in common if "call ids" not in fault]
    own = (*family_faults(profile.family, body), *family_faults(profile.provider.name, body))
    return [*common, *own]


def family_faults(family: str, body: Body) -> list[str]:
    return [fault for rule in RULES.get(family, ()) for fault in rule(body)]


def anthropic_faults(body: Body) -> list[str]:
    return [fault for rule in (_heads, _turns, _results, _blocks) for fault in rule(body)]


def _said(body: Body) -> list[tuple[int, Body]]:
    return [(n, m) for n, m in enumerate(body["messages"]) if m["role"] == "assistant"]


def _last_user(body: Body) -> int:
    return max((n for n, m in enumerate(body["messages"]) if m["role"] == "user"), default=-1)


def field_everywhere(body: Body) -> Iterator[str]:
    if body.get("tools"):
        for n, message in _said(body):
            if not isinstance(message.get("reasoning_content"), str):
                yield f"messages[{n}]: no reasoning_content"


def thinking_in_the_chain(body: Body) -> Iterator[str]:
    for n, message in _said(body):
        is_sent = bool(message.get("reasoning_content"))
        if n > _last_user(body) and message.get("tool_calls") and not is_sent:
            yield f"messages[{n}]: calls without reasoning_content"
        if n < _last_user(body) and is_sent:
            yield f"messages[{n}]: old reasoning"


def thinking_with_every_call(body: Body) -> Iterator[str]:
    for n, message in _said(body):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            yield f"messages[{n}]: calls without reasoning_content"


def no_thinking_of_others(body: Body) -> Iterator[str]:
    for n, message in _said(body):
        sent = json.dumps([message.get("reasoning_content"), message.get("reasoning_details")])
        if "FOREIGN" in sent:
            yield f"messages[{n}]: {sent}"


def only_auto_and_none(body: Body) -> Iterator[str]:
    if body.get("tool_choice", "auto") not in ("auto", "none"):
        yield f"tool_choice {body['tool_choice']}"


def kimi_ids(body: Body) -> Iterator[str]:
    calls = [call for _, message in _said(body) for call in message.get("tool_calls", ())]
    for n, call in enumerate(calls):
        if call["id"] != f"functions.{call['function']['name']}:{n}":
            yield f"call {n}: id {call['id']}"


def kimi_parameters(body: Body) -> Iterator[str]:
    if body.get("temperature", 1.0) != 1.0:
        yield f"temperature {body['temperature']}"
    if not body.get("max_tokens"):
        yield "no max_tokens"


def kimi_schemas(body: Body) -> Iterator[str]:
    for tool in body.get("tools", ()):
        yield from _schema_faults(tool["function"]["parameters"], tool["function"]["name"])


def _schema_faults(schema: object, path: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield f"{path}: {schema}"
        return
    if "$ref" in schema or ("anyOf" in schema and "type" in schema):
        yield f"{path}: {sorted(schema)}"
    inner = {
        **schema.get("properties", {}),
        **{str(n): s for n, s in enumerate(schema.get("anyOf", ()))},
    }
    if "items" in schema:
        inner["items"] = schema["items"]
    for name, each in inner.items():
        yield from _schema_faults(each, f"{path}.{name}")


def neither_thinking_nor_temperature(body: Body) -> Iterator[str]:
    yield from (name for name in ("thinking", "temperature") if name in body)


def one_system_message(body: Body) -> Iterator[str]:
    if sum(message["role"] == "system" for message in body["messages"]) > 1:
        yield "a second system message"


def lengths_of_openai(body: Body) -> Iterator[str]:
    if "max_tokens" in body:
        yield "max_tokens"


def names_on_results(body: Body) -> Iterator[str]:
    for n, message in enumerate(body["messages"]):
        if message["role"] == "tool" and not message.get("name"):
            yield f"messages[{n}]: a result without a name"


RULES: dict[str, tuple[Rule, ...]] = {
    "deepseek-v4": (field_everywhere, only_auto_and_none, no_thinking_of_others),
    "kimi-k2": (
        thinking_in_the_chain,
        kimi_ids,
        kimi_parameters,
        kimi_schemas,
        no_thinking_of_others,
    ),
    "kimi-k3": (
        thinking_with_every_call,
        kimi_ids,
        kimi_parameters,
        kimi_schemas,
        neither_thinking_nor_temperature,
        no_thinking_of_others,
    ),
    "glm": (no_thinking_of_others,),
    "minimax": (only_auto_and_none, lengths_of_openai, no_thinking_of_others),
    "qwen": (one_system_message, no_thinking_of_others),
    "mimo": (field_everywhere, no_thinking_of_others),
    "opencode_go": (names_on_results,),
}


def _heads(body: Body) -> Iterator[str]:
    known = "model max_tokens system messages tools tool_choice temperature top_p thinking stream"
    yield from (f"unknown field {name}" for name in body.keys() - set(known.split()))
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield f"max_tokens {body.get('max_tokens')}"
    thinking = body.get("thinking", {})
    if (
        thinking.get("type") == "enabled"
        and not 1_024 <= thinking["budget_tokens"] < body["max_tokens"]
    ):
        yield f"thinking {thinking} of {body['max_tokens']}"
    for tool in body.get("tools", ()):
        if tool["input_schema"].get("type") != "object":
            yield f"tool {tool}"


def _turns(body: Body) -> Iterator[str]:
    roles = [message["role"] for message in body["messages"]]
    if (
        roles != ["user" if n % 2 == 0 else "assistant" for n in range(len(roles))]
        or not len(roles) % 2
    ):
        yield f"turns {roles}"


def _results(body: Body) -> Iterator[str]:
    due: list[str] = []
    for n, message in enumerate(body["messages"]):
        kinds = [block["type"] for block in message["content"]]
        results = [b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"]
        if results != due or kinds[: len(due)] != ["tool_result"] * len(due):
            yield f"messages[{n}]: results of {results}, due {due}"
        due = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    if due:
        yield f"results of {due} are missing"


def _blocks(body: Body) -> Iterator[str]:
    for n, message in enumerate(body["messages"]):
        if not message["content"]:
            yield f"messages[{n}]: empty"
        for at, block in enumerate(message["content"]):
            where = f"messages[{n}].content[{at}]"
            if block["type"] == "text" and not block["text"].strip():
                yield f"{where}: no text"
            if block["type"] == "thinking" and (at > 0 or not block["signature"]):
                yield f"{where}: thinking"
            if block["type"] == "tool_use" and not (
                isinstance(block["input"], dict) and re.fullmatch(r"[A-Za-z0-9_-]+", block["id"])
            ):
                yield f"{where}: {block}"
