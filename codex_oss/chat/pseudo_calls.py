"""Calls that models write as text where their server does not catch them.

Text that begins with markup enters, the calls in it leave; `None` is what is no call: a tool that
was not declared, arguments that do not parse, anything else between the tags. `FORMS` is the table
of the markup that is known, a row a form.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from codex_oss.chat.calls import json_object
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import CallDelta, FunctionTool

Tools = Mapping[str, FunctionTool]
Told = Iterator[tuple[str, str]]
"""Names and arguments. Reading them raises `ValueError` where the markup is not as it should be."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a block can open, spelled out; what comes next, "" for anything; patterns of its
    first and of its last tag, and of what stands behind the first, up to the name of a tool; and
    how what stands between the tags is read.

    Patterns stay text until a block is met: few answers hold one, and compiling takes 10 ms.
    """

    openings: tuple[str, ...]
    next: str
    first: str
    last: str
    head: str
    read: Callable[[str, Tools], Told]

    def may_begin(self, text: str) -> bool:
        """Return whether more of it could make `text` the head of a block."""
        for opening in self.openings:
            if opening.startswith(text):
                return True
            if text.startswith(opening):
                rest = text[len(opening) :].lstrip()
                return rest.startswith(self.next) or self.next.startswith(rest)
        return False

    def name_in(self, text: str) -> str:
        """Return the name of the first tool of a block, "" while it is not there."""
        found = re.match(rf"{self.first}\s*{self.head}", text)
        return found["name"] if found else ""

    def last_tag(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return the next tag that can end a block."""
        return re.compile(self.last).search(text, start)

    def calls_in(self, block: str, tools: Tools) -> tuple[CallDelta, ...] | None:
        """Return the calls of a block, given without its last tag, or `None`."""
        try:
            told = tuple(self.read(re.sub(rf"\A{self.first}", "", block).strip(), tools))
        except (ValueError, RecursionError):
            return None
        if not all(name in tools and json_object(text) is not None for name, text in told):
            return None
        return tuple(CallDelta(name=name, arguments=text) for name, text in told) or None


def _objects(inside: str, tools: Tools) -> Told:
    """Read objects with `name` and `arguments`, or `parameters` as some say."""
    while inside:
        value, end = _decode(inside)
        if not isinstance(value, dict):
            raise ValueError("no object")
        arguments = value.get("arguments", value.get("parameters"))
        yield str(value.get("name")), arguments if type(arguments) is str else to_json(arguments)
        inside = inside[end:].lstrip()


def _kimi_calls(inside: str, tools: Tools) -> Told:
    for found in _each(_KIMI_CALL, inside):
        yield found["name"], found["inside"]


def _elements(element: str, parameter: str, inside: str, tools: Tools) -> Told:
    """Read elements that name a tool, and in each the parameters that name a key."""
    for found in _each(element, inside):
        tool = tools.get(found["name"])
        schemas = tool.parameters.get("properties") if tool else None
        values = {
            each["key"]: _value(each, schemas if isinstance(schemas, dict) else {})
            for each in _each(parameter, found["inside"].strip())
        }
        yield found["name"], to_json(values)


def _each(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Yield what the text consists of, and raise where it is anything else."""
    at, match = 0, re.compile(pattern, re.DOTALL).match
    while at < len(text):
        found = match(text, at)  # Never a search: markup without ends would be quadratic.
        if not found:
            raise ValueError("text beside the calls")
        yield found
        at = found.end()


def _value(parameter: re.Match[str], schemas: Mapping[str, object]) -> object:
    """Return a value: text, unless its tag or its schema says that it is something else."""
    is_string = parameter.groupdict().get("string")
    schema = schemas.get(parameter["key"])
    kind = schema.get("type") if isinstance(schema, dict) else None
    is_json = is_string == "false" if is_string else kind in _NOT_TEXT
    return json.loads(parameter["inside"]) if is_json else parameter["inside"]


_decode = json.JSONDecoder().raw_decode
_NOT_TEXT = ("integer", "number", "boolean", "object", "array", "null")


def _element(first: str, last: str, around: str = "") -> str:
    return rf"{first}{around}(?P<inside>.*?){around}{last}\s*"


_NAME = "(?P<name>[A-Za-z0-9_-]{1,64})"  # Declared names are like this: no other is a call.

_FUNCTION = f"<function={_NAME}>"
_functions = partial(
    _elements,
    _element(_FUNCTION, r"(?:</function>|\Z)"),  # The last one may be cut off with the block.
    _element(r"<parameter=(?P<key>[^\s<>]+)>", "</parameter>", around=r"\n?"),
)

_INVOKE = f'<invoke name="{_NAME}">'
_invokes = partial(
    _elements,
    _element(_INVOKE, "</invoke>"),
    _element('<parameter name="(?P<key>[^"]+)">', "</parameter>"),
)

_KIMI_HEAD = (
    rf"<\|tool_call_begin\|>\s*(?:functions\.)?{_NAME}(?::\d+)?\s*<\|tool_call_argument_begin\|>"
)
_KIMI_CALL = _element(_KIMI_HEAD, r"<\|tool_call_end\|>")

_BAR = "[|｜]{1,2}"
_DSML, _DSML_END = rf"<{_BAR}DSML{_BAR}\s?", rf"</{_BAR}DSML{_BAR}\s?"
_DSML_BLOCK = "(?:tool_calls|function_calls|calls)>"
_DSML_INVOKE = f'{_DSML}invoke name="{_NAME}">'
_DSML_KEY = rf'{_DSML}parameter name="(?P<key>[^"]+)"(?: string="(?P<string>true|false)")?>'
_dsml_invokes = partial(
    _elements,
    _element(_DSML_INVOKE, f"{_DSML_END}invoke>"),
    _element(_DSML_KEY, f"{_DSML_END}parameter>"),
)

_TAG, _TAG_END = "<tool_call>", "</tool_call>"
_MINIMAX, _MINIMAX_END = "<minimax:tool_call>", "</minimax:tool_call>"
_JSON_HEAD = rf'\{{\s*"name"\s*:\s*"{_NAME}"'


_bars = ("|", "||", "｜", "｜｜")

FORMS = {
    "tool_call": (Form((_TAG,), "{", _TAG, _TAG_END, _JSON_HEAD, _objects),),
    "function": (
        Form((_TAG,), "<function=", _TAG, _TAG_END, _FUNCTION, _functions),
        Form(("<function=",), "", "", "</function>", _FUNCTION, _functions),
    ),
    "kimi": (
        Form(
            ("<|tool_calls_section_begin|>",),
            "<|tool_call_begin|>",
            r"<\|tool_calls_section_begin\|>",
            r"<\|tool_calls_section_end\|>",
            _KIMI_HEAD,
            _kimi_calls,
        ),
    ),
    "dsml": (
        Form(
            tuple(f"<{bar}DSML{bar}" for bar in _bars),
            "",
            _DSML + _DSML_BLOCK,
            _DSML_END + _DSML_BLOCK,
            _DSML_INVOKE,
            _dsml_invokes,
        ),
    ),
    "minimax": (Form((_MINIMAX,), "<invoke name=", _MINIMAX, _MINIMAX_END, _INVOKE, _invokes),),
}
"""The forms of each name that a dialect may list."""

SALVAGE_FORMS = tuple(FORMS)
