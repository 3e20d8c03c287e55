"""The tools a request declares, and which of them it wants called.

JSON enters; `FunctionTool`s, the mode or name of the choice, and the echo for the response leave.
Only functions are sent on; every other tool is left out and named.
"""

from codex_oss.chat import FunctionTool
from codex_oss.responses.reading import Json, Reading

TOOLS_MAX = 512

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}
_MODES = ("auto", "none", "required")


def parse_tools(value: object, reading: Reading) -> tuple[tuple[FunctionTool, ...], list[Json]]:
    """Return the functions, and all tools as the response repeats them: functions flat."""
    given = reading.objects(value, "tools")
    if len(given) > TOOLS_MAX:
        reading.fault("tools", "invalid_value", f"expected at most {TOOLS_MAX} tools")
    functions: list[FunctionTool] = []
    echo: list[Json] = []
    for path, tool in given:
        if reading.string(tool, "type", path) == "function":
            flat = _flat(tool)
            functions.append(_function(flat, path, reading))
            echo.append(flat)
        else:
            reading.drop(f"tool:{tool.get('name') or tool.get('type')}")
            echo.append(tool)
    return tuple(functions), echo


def parse_tool_choice(
    value: object, functions: tuple[FunctionTool, ...], reading: Reading
) -> tuple[str, tuple[FunctionTool, ...]]:
    """Return a mode or a function's name, and the functions cut to what the choice allows."""
    if value is None:
        return "auto", functions
    if not isinstance(value, dict):
        return _mode(value, "tool_choice", reading), functions
    if value.get("type") == "allowed_tools":
        allowed = {
            _name(tool) for _, tool in reading.objects(value.get("tools"), "tool_choice.tools")
        }
        mode = _mode(value.get("mode"), "tool_choice.mode", reading)
        return mode, tuple(function for function in functions if function.name in allowed)
    name = _name(value)
    if value.get("type") != "function" or name not in [function.name for function in functions]:
        told = "names a tool that is not declared or that the bridge leaves out"
        reading.fault("tool_choice", "invalid_value", told)
    return name, functions


def _flat(tool: Json) -> Json:
    inner = tool.get("function")
    fields = inner if isinstance(inner, dict) else tool
    names = ("name", "description", "parameters", "strict")
    return {"type": "function"} | {name: fields.get(name) for name in names}


def _function(tool: Json, path: str, reading: Reading) -> FunctionTool:
    return FunctionTool(
        name=reading.string(tool, "name", path),
        description=reading.optional(tool, "description", str, path) or "",
        parameters=reading.optional(tool, "parameters", dict, path) or _NO_PARAMETERS,
        strict=reading.optional(tool, "strict", bool, path),
    )


def _name(tool: Json) -> str:
    return str(_flat(tool)["name"])


def _mode(value: object, path: str, reading: Reading) -> str:
    if value in _MODES:
        return str(value)
    reading.fault(path, "invalid_value", f"expected one of {', '.join(_MODES)}, or a function")
    return "auto"
