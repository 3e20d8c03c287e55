"""A Responses request: its body in, a `ResponsesRequest` out, or all of its faults at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_oss.chat import ChatRequest, FunctionTool
from codex_oss.responses.bodies import Body, parse_body
from codex_oss.responses.history import parse_history
from codex_oss.responses.items import Item
from codex_oss.responses.names import ToolTable
from codex_oss.responses.parameters import (
    ECHOED,
    ensure_background,
    read_parameters,
    reasoning_field,
    text_field,
    wants_envelopes,
)
from codex_oss.responses.past import NO_PAST, Json, Past
from codex_oss.responses.reading import Reading
from codex_oss.responses.tools import parse_tool_choice, parse_tools


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """What a caller asks.

    `items` are the whole history, `given` what of it stood in this request, as it came. `asked` is
    what a model is asked, but for the messages. `table` has every tool of the history and of the
    request, whatever the choice allows. `echo` holds the parameters as every response object
    repeats them. `unknown_types` are those of items that are shown to the model as text.
    """

    model: str
    items: tuple[Item, ...]
    given: tuple[Json, ...]
    asked: ChatRequest
    table: ToolTable
    echo: Mapping[str, object]
    instructions: str = ""
    stream: bool = False
    store: bool = True
    background: bool = False
    previous_response_id: str = ""
    compacts: bool = False
    wants_envelopes: bool = False
    dropped: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    reasoning_dropped: Mapping[str, int] = field(default_factory=dict)
    unknown_types: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[FunctionTool, ...]:
        return self.asked.tools


def parse_request(
    body: bytes | Body, past: Past = NO_PAST, *, compacts: bool = False, warms: bool = False
) -> ResponsesRequest:
    """Read a request, or raise `BadRequest` with every fault and its JSON path. One that
    `compacts` asks for a summary of its history, and may have no input of its own; one that `warms`
    a connection up may have none at all, as Codex sends it."""
    given = body if isinstance(body, Body) else parse_body(body)
    reading = Reading(past)
    values = read_parameters(given.values, reading)
    if values["model"] is None:
        reading.wrong("model", "the name of a model", None)
    previous = values["previous_response_id"]
    history = parse_history(values["input"], previous, reading, compacts=compacts, warms=warms)
    table, tools_echo = parse_tools(values["tools"], reading.declared, reading)
    tool_choice, tools = parse_tool_choice(values["tool_choice"], table, reading)
    text, response_format = text_field(values["text"], reading)
    reasoning, effort = reasoning_field(values["reasoning"], reading)
    includes_envelopes = wants_envelopes(values["include"], reading)
    ensure_background(values, reading)
    reading.raise_faults()
    echo = {name: values[name] for name in ECHOED} | {
        "tools": tools_echo,
        "tool_choice": values["tool_choice"] or "auto",
        "text": text,
        "reasoning": reasoning,
    }
    asked = ChatRequest(
        messages=(),
        tools=tools,
        tool_choice=tool_choice,
        parallel_calls=None if values["parallel_tool_calls"] is True else False,
        max_output_tokens=_whole(given.values.get("max_output_tokens")),
        temperature=_number(given.values.get("temperature")),
        top_p=_number(given.values.get("top_p")),
        presence_penalty=_number(given.values.get("presence_penalty")),
        frequency_penalty=_number(given.values.get("frequency_penalty")),
        response_format=response_format,
        effort=effort,
        cache_key=str(values["prompt_cache_key"] or ""),
    )
    return ResponsesRequest(
        model=str(values["model"]),
        items=history.items,
        given=history.given,
        asked=asked,
        table=table,
        echo=echo,
        instructions=str(values["instructions"] or ""),
        stream=values["stream"] is True,
        store=values["store"] is True,
        background=values["background"] is True,
        previous_response_id=str(previous or ""),
        compacts=history.compacts,
        wants_envelopes=includes_envelopes or values["store"] is False,
        dropped=reading.dropped,
        repaired=_repaired(given, reading),
        reasoning_dropped=dict(reading.reasoning_dropped),
        unknown_types=reading.unknown,
    )


def _repaired(body: Body, reading: Reading) -> tuple[str, ...]:
    repairs = {"surrogates": body.is_mended, "unknown_item": bool(reading.unknown)}
    return tuple(name for name, is_made in repairs.items() if is_made)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) else None
