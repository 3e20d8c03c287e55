"""Every kind of call, there and back: an item of the caller's, and a function call of a model's.

A row of `CALLS` says what the item is named and which events it has, how its fields become the
arguments of a function call, and how arguments become fields again. A model that writes arguments
of another form is taken at its word where that makes a call, which counts as salvaged (bridge 8).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codex_oss.chat import argument_object, json_object, to_json
from codex_oss.responses.names import ToolKind
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

Fields = tuple[Mapping[str, object], bool]
"""The fields of an item that its arguments give, and whether they had to be salvaged."""


@dataclass(frozen=True, slots=True)
class CallKind:
    """How a call is told. `delta_of` is the field that comes in deltas, "" where the item comes
    whole; `is_live` says that these are the arguments themselves, passed on as they come."""

    item: str
    prefix: str
    fields: Callable[[str], Fields]
    event: str = ""
    delta_of: str = ""
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a history, by the caller's name of the tool."""

    call_id: str
    namespace: str
    name: str
    arguments: str


def parse_function_call(item: Json, path: str, reading: Reading) -> Call:
    return _named(item, reading.string(item, "arguments", path), path, reading)


def parse_custom_call(item: Json, path: str, reading: Reading) -> Call:
    arguments = to_json({"input": reading.string(item, "input", path)})
    return _named(item, arguments, path, reading)


def parse_search_call(item: Json, path: str, reading: Reading) -> Call:
    arguments = item.get("arguments")
    said = arguments if isinstance(arguments, str) else to_json(arguments or {})
    return Call(reading.string(item, "call_id", path), "", "tool_search", said)


def parse_shell_call(item: Json, path: str, reading: Reading) -> Call:
    action = reading.optional(item, "action", dict, path) or {}
    said = {key: each for key, each in action.items() if key != "type" and each is not None}
    call_id = "call_id" if item.get("call_id") is not None else "id"
    return Call(reading.string(item, call_id, path), "", "local_shell", to_json(said))


def _named(item: Json, arguments: str, path: str, reading: Reading) -> Call:
    return Call(
        reading.string(item, "call_id", path),
        (reading.optional(item, "namespace", str, path) or "") if "namespace" in item else "",
        reading.string(item, "name", path),
        arguments,
    )


def _arguments(said: str) -> Fields:
    return {"arguments": said}, False


def _input(said: str) -> Fields:
    """Return the text that a custom tool gets: `input`, or all that the model wrote."""
    given = json_object(said)
    text = given.get("input") if given else None
    return ({"input": text}, False) if isinstance(text, str) else ({"input": said}, True)


def _search(said: str) -> Fields:
    given = json_object(said)
    arguments = json_object(argument_object(said)) if given is None else given
    return {"execution": "client", "arguments": arguments}, given is None


def _action(said: str) -> Fields:
    """Return the command to run. What is no command is not made one: a shell would run it."""
    given = json_object(said) or {}
    command, env = given.get("command"), given.get("env")
    is_line = isinstance(command, str)
    action: dict[str, object] = {
        "type": "exec",
        "command": ["bash", "-lc", command] if is_line else _words(command),
        "env": {name: str(each) for name, each in env.items()} if isinstance(env, dict) else {},
    }
    optional = (("timeout_ms", int), ("working_directory", str), ("user", str))
    action |= {name: given[name] for name, kind in optional if isinstance(given.get(name), kind)}
    return {"action": action}, is_line


def _words(command: object) -> list[str]:
    return [str(word) for word in command] if isinstance(command, list) else []


CALLS: dict[ToolKind, CallKind] = {
    "function": CallKind(
        item="function_call",
        prefix="fc_",
        fields=_arguments,
        event="response.function_call_arguments",
        delta_of="arguments",
        is_live=True,
    ),
    "custom": CallKind(
        item="custom_tool_call",
        prefix="ctc_",
        fields=_input,
        event="response.custom_tool_call_input",
        delta_of="input",
    ),
    "tool_search": CallKind(item="tool_search_call", prefix="tsc_", fields=_search),
    "local_shell": CallKind(item="local_shell_call", prefix="lsh_", fields=_action),
}
