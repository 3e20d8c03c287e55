"""An action that a model wrote as JSON in its text, for models that call no functions.

A reply's text enters; the calls that it means leave, the same as of a model that calls functions,
or the fault of missions 8. One object is accepted bare, in a fence or in a little prose, and what a
model thought aloud before it does not count. What a call's arguments mean is read by `actions`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from codex_oss.contract.functions import REMARKS, ActionFault, BadCall

Encoding = Literal["native_tools", "json_action"]
Spoken = tuple[str, str]
"""The name of a function and the text of its arguments."""

PROSE_CHARS_MAX = 2_000  # Beside the object: who writes more has written a report, not an action.
QUOTE_CHARS = 40
OBJECTS_MAX = 64  # Tried of one reply: each try reads on to the first thing that is wrong.
CLAIMS_MAX = 40

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"\s*```\w*\n(.*?)\n?```\s*", re.DOTALL)
_MEMBERS = {  # What each action has beside remarks and claims.
    "tool_call": ("tool_name", "arguments"),
    "final_report": ("report",),
    "stop": ("needs_human",),
}
_EVERYWHERE = ("action_type", "claims", *REMARKS)


@dataclass(frozen=True, slots=True)
class _Found:
    value: dict[str, object]
    length: int


def spoken(name: str, arguments: str) -> str:
    """Return a function call as the JSON that means the same, on one line."""
    try:
        given = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        given = arguments
    if name == "record_claim":
        action: dict[str, object] = {"claims": [given]}
    elif name in ("final_report", "stop"):
        action = {"action_type": name, **(given if isinstance(given, dict) else {})}
    else:
        action = {"action_type": "tool_call", "tool_name": name, "arguments": given}
    return json.dumps(action)


def read_spoken(text: str) -> tuple[Spoken, ...] | ActionFault:
    """Return the calls that a text means, claims first; one of them is the action."""
    try:
        return tuple(_calls(_the_action(_THOUGHT.sub("", text).strip())))
    except BadCall as bad:
        return ActionFault(bad.code, str(bad), "")


def object_in(text: str) -> object:
    """Return the one object that a text holds, bare, in a fence or in prose, else `None`."""
    found, _ = _objects(_THOUGHT.sub("", text))
    return found[0].value if len(found) == 1 else None


def _the_action(text: str) -> dict[str, object]:
    if not text:
        raise BadCall("empty_reply", "you answered nothing: answer with one JSON object")
    found, error = _objects(text)
    actions = [each for each in found if "action_type" in each.value]
    if len(actions) > 1 or len(found) > 1 and not actions:
        raise BadCall("several_objects", "you wrote several JSON objects: one action at a time")
    if not found:
        raise _none(text, error)
    if not actions:
        raise BadCall("unknown_action", f"your object has no `action_type`; legal: {_legal()}")
    if len(text) - actions[0].length > PROSE_CHARS_MAX:
        raise BadCall(
            "prose_report", f"more than {PROSE_CHARS_MAX:,} characters stand beside your object"
        )
    return actions[0].value


def _objects(text: str) -> tuple[list[_Found], json.JSONDecodeError | None]:
    """Return the outermost objects of a text, and why the first brace begins none."""
    decoder = json.JSONDecoder()
    found: list[_Found] = []
    first_error = None
    at = text.find("{")
    for _ in range(OBJECTS_MAX):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(_Found(value, end - at))
        except json.JSONDecodeError as error:
            first_error = first_error or error
            end = at + 1
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    # Objects inside a broken one are its parts.
    is_part = first_error and not any(_is_action(each) for each in found)
    return [] if is_part else found, first_error


def _is_action(found: _Found) -> bool:
    return "action_type" in found.value


def _none(text: str, error: json.JSONDecodeError | None) -> BadCall:
    """Return what is wrong with a text that holds no object."""
    if error:
        near = text[max(0, error.pos - QUOTE_CHARS // 2) :][:QUOTE_CHARS]
        return BadCall("bad_json", f"{error.msg} at offset {error.pos}, near {near!r}")
    fenced = _FENCED.fullmatch(text)
    try:
        json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return BadCall("no_json", "you answered in prose: answer with one JSON object")
    return BadCall("not_an_object", "you answered with JSON that is no object")


def _calls(action: Mapping[str, object]) -> Iterator[Spoken]:
    kind = action["action_type"]
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise BadCall("unknown_action", f"`{str(kind)[:QUOTE_CHARS]}` is no action; {_legal()}")
    foreign = [
        key
        for key in action
        if key not in (*_MEMBERS[kind], *_EVERYWHERE) and key in sum(_MEMBERS.values(), ())
    ]
    if foreign:
        raise BadCall("mixed_action", f"`{foreign[0]}` does not belong to {kind}")
    claims = action.get("claims") or []
    if not isinstance(claims, list) or len(claims) > CLAIMS_MAX:
        raise BadCall("bad_argument", f"`claims` must be a list of at most {CLAIMS_MAX} objects")
    yield from (("record_claim", _text(claim)) for claim in claims)
    remarks = {key: action[key] for key in REMARKS if key in action}
    if kind == "tool_call":
        given = action.get("arguments") or {}
        said = given | remarks if isinstance(given, dict) else given
        yield str(action.get("tool_name") or ""), _text(said)
    else:
        own = {key: action[key] for key in _MEMBERS[kind] if key in action}
        yield kind, _text(own | (remarks if kind == "stop" else {}))


def _text(value: object) -> str:
    return json.dumps(value)


def _legal() -> str:
    return f"legal: {', '.join(_MEMBERS)}"
