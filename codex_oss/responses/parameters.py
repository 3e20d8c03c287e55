"""Every parameter of the Responses API: what it may be, its default, and what becomes of it.

A body enters, the value of each parameter leaves, given or default. What is not used and not at
its default is noted as dropped; what could not be left out without changing what was asked is a
fault, as is a value that the API does not have (bridge 4). null is absent.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from codex_oss.chat import ResponseFormat
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

MODEL_CHARS_MAX = 200
METADATA_PAIRS_MAX, METADATA_NAME_CHARS_MAX, METADATA_VALUE_CHARS_MAX = 16, 64, 512


class _Kind(NamedTuple):
    expected: str
    holds: Callable[[object], bool]


def _number(low: float, high: float) -> _Kind:
    def holds(value: object) -> bool:
        return isinstance(value, (int, float)) and type(value) is not bool and low <= value <= high

    return _Kind(f"a number from {low} to {high}", holds)


def _integer(low: int) -> _Kind:
    return _Kind(f"an integer from {low}", lambda value: type(value) is int and value >= low)


def _one_of(*words: str) -> _Kind:
    return _Kind(f"one of {', '.join(words)}", lambda value: value in words)


def _is_model(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MODEL_CHARS_MAX


def _is_metadata(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= METADATA_PAIRS_MAX
        and all(len(name) <= METADATA_NAME_CHARS_MAX for name in value)
        and all(isinstance(v, str) and len(v) <= METADATA_VALUE_CHARS_MAX for v in value.values())
    )


_ANY = _Kind("a value", lambda value: True)  # Read by a parser of its own.
_STRING = _Kind("a string", lambda value: isinstance(value, str))
_BOOLEAN = _Kind("a boolean", lambda value: isinstance(value, bool))
_OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
_LIST = _Kind("a list", lambda value: isinstance(value, list))
_MODEL = _Kind(f"a string of 1 to {MODEL_CHARS_MAX} characters", _is_model)
_METADATA = _Kind("at most 16 pairs of strings, 64 and 512 characters long", _is_metadata)

PARAMETERS: dict[str, tuple[_Kind, object]] = {
    "model": (_MODEL, None),
    "input": (_ANY, None),
    "instructions": (_STRING, None),
    "tools": (_ANY, None),
    "tool_choice": (_ANY, None),
    "parallel_tool_calls": (_BOOLEAN, True),
    "stream": (_BOOLEAN, False),
    "store": (_BOOLEAN, True),
    "background": (_BOOLEAN, False),
    "max_output_tokens": (_integer(1), None),
    "temperature": (_number(0, 2), 1.0),
    "top_p": (_number(0, 1), 1.0),
    "presence_penalty": (_number(-2, 2), 0.0),
    "frequency_penalty": (_number(-2, 2), 0.0),
    "text": (_OBJECT, None),
    "reasoning": (_OBJECT, None),
    "include": (_LIST, []),
    "metadata": (_METADATA, {}),
    "truncation": (_one_of("auto", "disabled"), "disabled"),
    "service_tier": (_STRING, "auto"),
    "max_tool_calls": (_integer(1), None),
    "top_logprobs": (_integer(0), 0),
    "safety_identifier": (_STRING, None),
    "prompt_cache_key": (_STRING, None),
    "user": (_STRING, None),
    "stream_options": (_OBJECT, None),
    "client_metadata": (_OBJECT, None),
    "previous_response_id": (_STRING, None),
    "conversation": (_ANY, None),
    "prompt": (_ANY, None),
}
USED = frozenset(
    "model input instructions tools tool_choice parallel_tool_calls stream store background"
    " max_output_tokens temperature top_p presence_penalty frequency_penalty text reasoning include"
    " metadata prompt_cache_key previous_response_id".split()
)
ECHOED = (
    "previous_response_id instructions truncation parallel_tool_calls top_p presence_penalty"
    " frequency_penalty top_logprobs temperature max_output_tokens max_tool_calls store background"
    " service_tier metadata safety_identifier prompt_cache_key".split()
)
_UNSUPPORTED = "unsupported_parameter"
_REFUSED = {  # Name: code, message, hint.
    "conversation": (_UNSUPPORTED, "conversations are not kept", "send their items as `input`"),
    "prompt": (_UNSUPPORTED, "stored prompts are not offered", "send its text"),
}
ENVELOPES = "reasoning.encrypted_content"


def read_parameters(body: Json, reading: Reading) -> dict[str, object]:
    """Return the value of every parameter, given or default."""
    for name in body:
        if name not in PARAMETERS:
            reading.drop(name)
    return {name: _value(name, body.get(name), reading) for name in PARAMETERS}


def _value(name: str, given: object, reading: Reading) -> object:
    kind, default = PARAMETERS[name]
    if given is None:
        return default
    if not kind.holds(given):
        reading.wrong(name, kind.expected, given)
    elif given != default and name in _REFUSED:
        reading.fault(name, *_REFUSED[name])
    elif given != default and name not in USED:
        reading.drop(name)
    return given


def ensure_background(values: Json, reading: Reading) -> None:
    """Find fault with a response that nobody could fetch."""
    if values["background"] is not True:
        return
    for name, told in (("stream", "cannot be streamed"), ("store", "must be stored")):
        if values[name] is (name == "stream"):
            told = f"a background response {told}"
            reading.fault("background", _UNSUPPORTED, told, "poll GET /v1/responses/{id}")


def wants_envelopes(value: object, reading: Reading) -> bool:
    """Return whether `include` asks for sealed reasoning; the rest of it is left out."""
    names = value if isinstance(value, list) else []
    for number, name in enumerate(names):
        if not isinstance(name, str):
            reading.wrong(f"include[{number}]", "a string", name)
        elif name != ENVELOPES:
            reading.drop(f"include:{name}")
    return ENVELOPES in names


def text_field(
    value: object, reading: Reading
) -> tuple[Mapping[str, object], ResponseFormat | None]:
    """Return `text` as the response repeats it, with its format and all fields of that, and the
    format as a model is asked for it."""
    given = value if isinstance(value, dict) else {}
    form = reading.optional(given, "format", dict, "text") or {"type": "text"}
    kind = reading.string(form, "type", "text.format")
    if reading.optional(given, "verbosity", str, "text"):
        reading.drop("text.verbosity")
    asked = None
    if kind == "json_schema":
        form = {"description": None, "strict": False} | form
        asked = _schema(form, reading)
    elif kind == "json_object":
        asked = ResponseFormat()
    elif kind not in ("text", ""):
        told = "expected one of text, json_schema, json_object"
        reading.fault("text.format.type", "invalid_value", told)
    return given | {"format": form}, asked


def _schema(form: Json, reading: Reading) -> ResponseFormat:
    path = "text.format"
    schema = reading.optional(form, "schema", dict, path)
    if form.get("schema") is None:
        reading.wrong(f"{path}.schema", "an object", None)
    return ResponseFormat(
        name=reading.string(form, "name", path),
        schema=schema or {},
        strict=reading.optional(form, "strict", bool, path),
        description=reading.optional(form, "description", str, path) or "",
    )


def reasoning_field(value: object, reading: Reading) -> tuple[Mapping[str, object], str]:
    """Return `reasoning` as the response repeats it, and the effort."""
    given = value if isinstance(value, dict) else {}
    effort = reading.optional(given, "effort", str, "reasoning") or ""
    if reading.optional(given, "summary", str, "reasoning"):
        reading.drop("reasoning.summary")
    return {"effort": None, "summary": None} | given, effort
