"""A Responses request: its body in, a `ResponsesRequest` out, or all of its faults at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from codex_oss.chat import FunctionTool
from codex_oss.responses.bodies import parse_body
from codex_oss.responses.items import Item, parse_items
from codex_oss.responses.parameters import (
    ECHOED,
    read_parameters,
    reasoning_field,
    text_field,
)
from codex_oss.responses.reading import Reading
from codex_oss.responses.tools import parse_tool_choice, parse_tools


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """What a caller asks. `echo` holds the parameters as every response object repeats them;
    `None` is what the caller left to the provider."""

    model: str
    items: tuple[Item, ...]
    echo: Mapping[str, object]
    instructions: str = ""
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: str = "auto"
    stream: bool = False
    store: bool = True
    parallel_calls: bool = True
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    dropped: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()


def parse_request(body: bytes) -> ResponsesRequest:
    """Read a request, or raise `BadRequest` with every fault and its JSON path."""
    given, is_mended = parse_body(body)
    reading = Reading()
    values = read_parameters(given, reading)
    if values["model"] is None:
        reading.wrong("model", "the name of a model", None)
    items = parse_items(values["input"], reading)
    tools, tools_echo = parse_tools(values["tools"], reading)
    tool_choice, tools = parse_tool_choice(values["tool_choice"], tools, reading)
    echo = {name: values[name] for name in ECHOED} | {
        "tools": tools_echo,
        "tool_choice": values["tool_choice"] or "auto",
        "text": text_field(values["text"], reading),
        "reasoning": reasoning_field(values["reasoning"], reading),
    }
    reading.raise_faults()
    return ResponsesRequest(
        model=str(values["model"]),
        items=items,
        echo=echo,
        instructions=str(values["instructions"] or ""),
        tools=tools,
        tool_choice=tool_choice,
        stream=values["stream"] is True,
        store=values["store"] is True,
        parallel_calls=values["parallel_tool_calls"] is True,
        max_output_tokens=_whole(given.get("max_output_tokens")),
        temperature=_number(given.get("temperature")),
        top_p=_number(given.get("top_p")),
        dropped=reading.dropped,
        repaired=("surrogates",) if is_mended else (),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) else None
