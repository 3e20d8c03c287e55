"""Response objects and stream events against the public schema of the Responses API.

`open-responses.openapi.json` is the document of openresponses/openresponses (Apache-2.0, schema
release 2026-04-24) as it is. A JSON value enters, faults leave as sentences with their paths. The
validator knows the keywords that the document uses, and fails on any other.
"""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
SAYS_NOTHING = {"$ref", "additionalProperties", "default", "description", "discriminator"}
SAYS_NOTHING |= {"example", "title"}
SAME_EVENT = {  # What OpenAI has and the document has not: checked under this name.
    "response.reasoning_text.delta": "response.reasoning.delta",
    "response.reasoning_text.done": "response.reasoning.done",
}
OTHER_TOOLS = ["web_search", "mcp", "namespace", "custom", "local_shell", "tool_search"]


def _object(kind: str, **fields: str | list[str]) -> Schema:
    """Return the schema of an object with all of these fields, each of a type or one of words."""
    given: dict[str, str | list[str]] = {"type": [kind], **fields}
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "enum": each} if isinstance(each, list) else {"type": each}
            for name, each in given.items()
        },
        "required": list(given),
    }


ITEM = {"id": "string", "call_id": "string", "status": ["in_progress", "completed", "incomplete"]}
WHERE = {"item_id": "string", "output_index": "integer", "sequence_number": "integer"}
CUSTOM_INPUT = "response.custom_tool_call_input"
OTHER_ITEMS = {  # What OpenAI's own library has (openai 3.54) and the document has not.
    "CustomToolCall": _object("custom_tool_call", **ITEM, name="string", input="string"),
    "ToolSearchCall": _object("tool_search_call", **ITEM, execution="string", arguments="object"),
    "LocalShellCall": _object("local_shell_call", **ITEM, action="object"),
}
OTHER_EVENTS = {
    "CustomToolCallInputDeltaStreamingEvent": _object(
        f"{CUSTOM_INPUT}.delta", **WHERE, delta="string"
    ),
    "CustomToolCallInputDoneStreamingEvent": _object(
        f"{CUSTOM_INPUT}.done", **WHERE, input="string"
    ),
}


def faults_of_event(event: dict[str, Any]) -> list[str]:
    """Return what is wrong with a stream event, by its own type."""
    return _faults_of_text(json.dumps(event))


@lru_cache(4096)  # A stream that is cut at every place begins the same way each time.
def _faults_of_text(text: str) -> list[str]:
    event = json.loads(text)
    kind = SAME_EVENT.get(event["type"], event["type"])
    if kind not in events():
        return [f"{kind} is no event"]
    return list(_faults({**event, "type": kind}, events()[kind], kind))


def faults_of_response(response: dict[str, Any]) -> list[str]:
    return list(_faults(response, schemas()["ResponseResource"], "response"))


def faults_of_compaction(answer: dict[str, Any]) -> list[str]:
    return list(_faults(answer, schemas()["CompactResource"], "compaction"))


@cache
def schemas() -> dict[str, Schema]:
    path = Path(__file__).with_name("open-responses.openapi.json")
    found: dict[str, Schema] = json.loads(path.read_text("utf-8"))["components"]["schemas"]
    # Written as `null` only, which no json_schema format can be.
    found["JsonSchemaResponseFormat"]["properties"]["schema"] = {}
    # Tools of other types are repeated as they came; the document describes functions only.
    other = {"type": "object", "properties": {"type": {"type": "string", "enum": OTHER_TOOLS}}}
    found["Tool"] = {"oneOf": [found["FunctionTool"], other]}
    found["ResponseResource"]["properties"]["tool_choice"]["oneOf"].append(other)
    found["AllowedToolChoice"]["properties"]["tools"]["items"]["oneOf"].append(other)
    found["ItemField"]["oneOf"] += OTHER_ITEMS.values()
    return found | OTHER_ITEMS | OTHER_EVENTS


@cache
def events() -> dict[str, Schema]:
    named = (schema for name, schema in schemas().items() if name.endswith("StreamingEvent"))
    return {schema["properties"]["type"]["enum"][0]: schema for schema in named}


def _faults(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if reference := schema.get("$ref"):
        yield from _faults(value, schemas()[reference.rsplit("/", 1)[1]], path)
    for keyword, asked in schema.items():
        if keyword in CHECKS:
            yield from CHECKS[keyword](value, asked, path)
        elif keyword not in SAYS_NOTHING and not keyword.startswith("x-"):
            raise NotImplementedError(keyword)


def _type(value: Any, asked: str, path: str) -> Iterator[str]:
    is_bool = isinstance(value, bool) and asked != "boolean"
    if is_bool or not isinstance(value, TYPES[asked]):
        yield f"{path}: {value!r:.60} is no {asked}"


def _enum(value: Any, asked: list[Any], path: str) -> Iterator[str]:
    if value not in asked:
        yield f"{path}: {value!r:.60} is none of {asked}"


def _required(value: Any, asked: list[str], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{path}: {name} is missing" for name in asked if name not in value)


def _properties(value: Any, asked: dict[str, Schema], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in asked.keys() & value.keys():
            yield from _faults(value[name], asked[name], f"{path}.{name}")


def _items(value: Any, asked: Schema, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(item, asked, f"{path}[{number}]")


def _all_of(value: Any, asked: list[Schema], path: str) -> Iterator[str]:
    for schema in asked:
        yield from _faults(value, schema, path)


def _any_of(value: Any, asked: list[Schema], path: str) -> Iterator[str]:
    attempts = []
    for schema in asked:
        if not (faults := list(_faults(value, schema, path))):
            return
        attempts.append(faults)
    yield f"{path}: {min(attempts, key=len)[0]}"


CHECKS = {
    "type": _type,
    "enum": _enum,
    "required": _required,
    "properties": _properties,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _any_of,
}
