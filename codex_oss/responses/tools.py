"""The tools a request declares, and which of them it wants called.

JSON enters, from `tools` and from items that declare more; a `ToolTable`, the choice and the echo
for the response leave. Every kind of tool that a client runs becomes a function; what only
OpenAI's servers can run is left out and named (bridge 8).
"""

from collections.abc import Callable, Iterable

from codex_oss.chat import FunctionTool
from codex_oss.responses.names import (
    CHOICES,
    DeclaredTool,
    ToolKind,
    ToolTable,
    marked_name,
    upstream_name,
)
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

TOOLS_MAX = 512
GRAMMAR_CHARS_MAX = 8_192  # Codex's own for apply_patch has 600.

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}
_RAW_INPUT: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
_SEARCH: Json = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
}
_SHELL: Json = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}},
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["command"],
}


def parse_tools(
    value: object, found: Iterable[tuple[str, Json]], reading: Reading
) -> tuple[ToolTable, list[Json]]:
    """Return the table of `tools` and of those that items declare, and `tools` as the response
    repeats them: functions flat."""
    given = reading.objects(value, "tools")
    declared = _Declaring(reading)
    for path, tool in given:
        declared.add(tool, path)
    for path, tool in found:
        declared.add(tool, path)
    if len(declared.tools) > TOOLS_MAX:
        reading.fault("tools", "invalid_value", f"expected at most {TOOLS_MAX} tools")
    echo = [_flat(tool) if tool.get("type") == "function" else tool for _, tool in given]
    return ToolTable(declared.tools, declared.names), echo


def parse_tool_choice(
    value: object, table: ToolTable, reading: Reading
) -> tuple[str, tuple[FunctionTool, ...]]:
    """Return a mode or a function's name, and the functions cut to what the choice allows."""
    functions = table.functions
    if not isinstance(value, dict):
        choice = "auto" if value is None else _mode(value, "tool_choice", reading)
    elif value.get("type") == "allowed_tools":
        choice = _mode(value.get("mode"), "tool_choice.mode", reading)
        listed = reading.objects(value.get("tools"), "tool_choice.tools")
        allowed = {name for _, tool in listed for name in _meant(tool, table)}
        functions = tuple(function for function in functions if function.name in allowed)
    else:
        meant = _meant(value, table)
        choice = meant[0] if len(meant) == 1 else ""
        if not choice:
            told = "names a tool that is not declared or that the bridge leaves out"
            reading.fault("tool_choice", "invalid_value", told)
    if choice == "required" and not functions:
        told = "asks for a call, and the bridge is left with no tool to call"
        reading.fault("tool_choice", "invalid_value", told)
    return choice, functions


class _Declaring:
    """The table while it is written. What is declared first keeps its name."""

    def __init__(self, reading: Reading) -> None:
        self.tools: dict[str, DeclaredTool] = {}
        self.names: dict[tuple[str, str], str] = {}
        self._told: dict[tuple[str, str], tuple[ToolKind, FunctionTool]] = {}
        self._reading = reading

    def add(self, tool: Json, path: str) -> None:
        if tool.get("type") != "namespace":
            self._add_one(tool, path, "", "")
            return
        namespace = self._reading.string(tool, "name", path)
        about = self._reading.optional(tool, "description", str, path) or ""
        for inner_path, inner in self._reading.objects(tool.get("tools"), f"{path}.tools"):
            self._add_one(inner, inner_path, namespace, about)
            about = ""  # Said once: before the first tool.

    def _add_one(self, tool: Json, path: str, namespace: str, about: str) -> None:
        said = self._reading.string(tool, "type", path)
        is_hosted = said == "tool_search" and tool.get("execution") != "client"
        if said in _KINDS and not is_hosted:
            kind, parse = _KINDS[said]
            self._declare(kind, namespace, parse(tool, path, self._reading), about)
        elif said:
            self._leave_out(namespace, str(tool.get("name") or said))

    def _declare(self, kind: ToolKind, namespace: str, told: FunctionTool, about: str) -> None:
        own = namespace, told.name
        if first := self._told.get(own):
            if first != (kind, told):  # Those that were found are found again in every turn.
                self._leave_out(*own)
            return
        name = upstream_name(*own)
        if name in self.tools:
            name = marked_name(*own)
        description = "\n\n".join(filter(None, (about, told.description)))
        function = FunctionTool(name, description, told.parameters, told.strict)
        self.tools[name] = DeclaredTool(kind, *own, function)
        self.names[own], self._told[own] = name, (kind, told)

    def _leave_out(self, namespace: str, name: str) -> None:
        self._reading.drop(f"tool:{namespace}.{name}" if namespace else f"tool:{name}")


def _function(tool: Json, path: str, reading: Reading) -> FunctionTool:
    flat = _flat(tool)
    has_schema = not isinstance(flat["parameters"], bool)  # `true`: any arguments.
    schema = reading.optional(flat, "parameters", dict, path) if has_schema else None
    return FunctionTool(
        name=_name(flat, path, reading),
        description=reading.optional(flat, "description", str, path) or "",
        parameters=schema or _NO_PARAMETERS,
        strict=reading.optional(flat, "strict", bool, path),
    )


def _custom(tool: Json, path: str, reading: Reading) -> FunctionTool:
    told = [reading.optional(tool, "description", str, path) or ""]
    form = reading.optional(tool, "format", dict, path) or {}
    if form.get("type") == "grammar":
        rule = reading.string(form, "definition", f"{path}.format")[:GRAMMAR_CHARS_MAX]
        told.append(f"The text must match this {form.get('syntax') or ''} grammar:\n{rule}")
    told.append("Put the raw text in `input`, as it is.")
    name = _name(tool, path, reading)
    return FunctionTool(name, "\n\n".join(filter(None, told)), _RAW_INPUT)


def _tool_search(tool: Json, path: str, reading: Reading) -> FunctionTool:
    description = reading.optional(tool, "description", str, path)
    parameters = reading.optional(tool, "parameters", dict, path)
    return FunctionTool("tool_search", description or "Search for tools.", parameters or _SEARCH)


def _local_shell(tool: Json, path: str, reading: Reading) -> FunctionTool:
    told = "Run a command, given as a list of arguments, and return its output."
    return FunctionTool("local_shell", told, _SHELL)


_KINDS: dict[str, tuple[ToolKind, Callable[[Json, str, Reading], FunctionTool]]] = {
    "function": ("function", _function),
    "custom": ("custom", _custom),
    "tool_search": ("tool_search", _tool_search),
    "local_shell": ("local_shell", _local_shell),
}


def _flat(tool: Json) -> Json:
    inner = tool.get("function")
    fields = inner if isinstance(inner, dict) else tool
    names = ("name", "description", "parameters", "strict")
    return {"type": "function"} | {name: fields.get(name) for name in names}


def _name(tool: Json, path: str, reading: Reading) -> str:
    name = reading.string(tool, "name", path)
    if not name and isinstance(tool.get("name"), str):
        reading.fault(f"{path}.name", "invalid_value", "expected a name, got an empty string")
    return name


def _meant(choice: Json, table: ToolTable) -> tuple[str, ...]:
    """Return the upstream names of the tools that a choice speaks of."""
    inner = choice.get("function")
    fields = inner if isinstance(inner, dict) else choice
    kind, namespace = choice.get("type"), fields.get("namespace") or ""
    name = fields.get("name") or kind
    if kind == "namespace":
        return tuple(n for n, tool in table.tools.items() if tool.namespace == name)
    return tuple(
        upstream
        for upstream, tool in table.tools.items()
        if (tool.kind, tool.namespace, tool.name) == (kind, namespace, name)
    )


def _mode(value: object, path: str, reading: Reading) -> str:
    if value in CHOICES:
        return str(value)
    reading.fault(path, "invalid_value", f"expected one of {', '.join(CHOICES)}, or a tool")
    return "auto"
