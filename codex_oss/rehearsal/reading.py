"""What a prompt shows: the mission, each look that was taken and what came of it, what is left.

A `ChatRequest` enters, a `Prompt` leaves; nothing else is ever known to the planner. The rule it
keeps: an observation that is not there whole (shrunk, denied, failed) shows nothing.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codex_oss.chat import ChatMessage, ChatRequest
from codex_oss.contract import MISSION, OBSERVATION, STATE, blocks

_MATCH = re.compile(r"(?P<path>.+?):(?P<line>[1-9]\d*): ?(?P<text>.*)", re.DOTALL)
_NUMBERED = re.compile(r"(?P<line>[1-9]\d*): ?(?P<text>.*)", re.DOTALL)

NO_ROOM = ("phase_closed", "max_files_reached", "observation_budget")
"""Denials that say nothing of what was asked for: only that there is no room for it left."""

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, as this planner makes it and as it stands in a prompt."""

    name: str
    arguments: tuple[tuple[str, object], ...]
    reason: str = field(default="", compare=False)

    @classmethod
    def of(cls, name: str, reason: str = "", **arguments: object) -> "Call":
        return cls(name, tuple(sorted(arguments.items())), reason)

    @property
    def path(self) -> str:
        return str(dict(self.arguments).get("path") or "")


@dataclass(frozen=True, slots=True)
class Hit:
    """One matching line of a search, with the reference that cites it."""

    path: str
    line: int
    text: str
    ref: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was answered. `is_complete`: every line that matches is among the hits."""

    ref: str
    hits: tuple[Hit, ...]
    is_complete: bool


@dataclass(slots=True)
class File:
    """The lines of a file that were shown, and the reading that shows each of them."""

    lines: dict[int, str] = field(default_factory=dict)
    refs: dict[int, str] = field(default_factory=dict)
    total_lines: int = 0

    @property
    def lines_from_first(self) -> int:
        """How many lines are shown without a gap from the first one on."""
        known = 0
        while known + 1 in self.lines:
            known += 1
        return known

    @property
    def is_whole(self) -> bool:
        return 0 < self.total_lines == self.lines_from_first

    def ref_of(self, first: int, last: int) -> str:
        """Return a reference to these lines, or to as many of them as one reading shows."""
        ref = self.refs[first]
        while last > first and self.refs.get(last) != ref:
            last -= 1
        return f"{ref}@L{first}-L{last}"


@dataclass(slots=True)
class Prompt:
    """All that is known. `unseen` counts looks whose result is not shown whole any more."""

    objective: str = ""
    obligations: tuple[tuple[str, str], ...] = ()
    roots: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    functions: frozenset[str] = frozenset()
    phase: str = ""
    limits_left: dict[str, float] = field(default_factory=dict)
    agenda: tuple[Call, ...] = ()
    made: Counter[str] = field(default_factory=Counter)
    asked: Counter[Call] = field(default_factory=Counter)
    failed: dict[Call, str] = field(default_factory=dict)
    unseen: set[Call] = field(default_factory=set)
    searches: dict[Call, Search] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    refused: str = ""
    shown_bytes: int = 0

    def left(self, limit: str) -> float:
        return self.limits_left.get(limit, 0)


def prompt_of(request: ChatRequest) -> Prompt | None:
    """Return what the request shows, or `None` where it holds no mission."""
    prompt = Prompt(functions=frozenset(tool.name for tool in request.tools))
    results = {m.call_id: m.text for m in request.messages if m.role == "tool"}
    found = False
    for message in request.messages:
        prompt.shown_bytes += len(message.text)
        if message.role == "assistant":
            for call in message.calls:
                _read_call(prompt, call.name, call.arguments, results.get(call.call_id, ""))
        elif message.role == "user":
            found = _read_blocks(prompt, message) or found
    return prompt if found else None


def _read_blocks(prompt: Prompt, message: ChatMessage) -> bool:
    missions = [value for value in blocks(MISSION, message.text) if isinstance(value, dict)]
    for mission in missions:
        _read_mission(prompt, mission)
    for value in blocks(OBSERVATION, message.text):
        if isinstance(value, dict):
            _read_result(prompt, Call.of(_text(value, "tool"), path=_text(value, "path")), value)
    for value in blocks(STATE, message.text):
        if isinstance(value, dict):
            _read_state(prompt, value)
    return bool(missions)


def _read_mission(prompt: Prompt, mission: Json) -> None:
    prompt.objective = _text(mission, "objective")
    prompt.obligations = tuple(
        (_text(row, "id"), _text(row, "question")) for row in _rows(mission, "obligations")
    ) or (("", prompt.objective),)
    scope = mission.get("scope")
    if isinstance(scope, dict):
        prompt.roots = _texts(scope, "allowed_roots")
        prompt.paths = _texts(scope, "allowed_paths")


def _read_state(prompt: Prompt, state: Json) -> None:
    prompt.phase = _text(state, "phase")
    limits = state.get("limits_left")
    if isinstance(limits, dict):
        prompt.limits_left = {k: float(v) for k, v in limits.items() if isinstance(v, int | float)}
    calls = (row.get("call") for row in _rows(state, "agenda"))
    prompt.agenda = tuple(
        _call(_text(call, "name"), _object(call, "arguments"), "It is on the agenda.")
        for call in calls
        if isinstance(call, dict)
    )


def _read_call(prompt: Prompt, name: str, arguments: str, answer: str) -> None:
    result = _parsed(answer)
    prompt.made[name] += 1
    if name == "final_report":
        prompt.refused = ", ".join(_texts(result, "failed")) or _text(result, "message") or "it"
        return
    call = _call(name, _parsed(arguments))
    if _text(result, "error") == "not_run":
        return  # Nothing came of it: it may be made again.
    prompt.asked[call] += 1
    _read_result(prompt, call, result)


def _read_result(prompt: Prompt, call: Call, result: Json) -> None:
    refusal = _text(result, "denied") or _text(result, "error")
    if refusal in NO_ROOM:
        return
    if refusal or (result.get("exit_code") or 0) not in (0, 1):
        prompt.failed[call] = refusal or _text(result, "text")
    elif "text" not in result:
        prompt.unseen.add(call)
    elif call.name == "rtk_grep":
        prompt.searches[call] = _search(result)
    elif result.get("exit_code") == 1:
        prompt.failed[call] = _text(result, "text")
    elif call.name == "rtk_read":
        _read_lines(prompt, result)


def _call(name: str, arguments: Json, reason: str = "") -> Call:
    plain = {k: v for k, v in arguments.items() if k != "reason" and not isinstance(v, list | dict)}
    return Call(name, tuple(sorted(plain.items())), reason)


def _search(result: Json) -> Search:
    ref = _text(result, "ref")
    found = [match for row in _text(result, "text").split("\n") if (match := _MATCH.fullmatch(row))]
    hits = [
        Hit(row["path"], int(row["line"]), row["text"], f"{ref}#match:{number}")
        for number, row in enumerate(found, 1)
    ]
    whole = result.get("complete") is True and result.get("truncated") is not True
    return Search(ref, tuple(hits), whole and len(hits) == result.get("match_count", len(hits)))


def _read_lines(prompt: Prompt, result: Json) -> None:
    path, ref = _text(result, "path"), _text(result, "ref")
    file = prompt.files.setdefault(path, File())
    total = result.get("total_lines")
    file.total_lines = total if isinstance(total, int) else 0
    for row in _text(result, "text").split("\n"):
        if found := _NUMBERED.fullmatch(row):
            line = int(found["line"])
            file.lines[line] = found["text"]
            file.refs.setdefault(line, ref)


def _parsed(text: str) -> Json:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(row: Json, key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _texts(row: Json, key: str) -> tuple[str, ...]:
    value = row.get(key)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _object(row: Json, key: str) -> dict[str, object]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _rows(row: Json, key: str) -> Iterator[Json]:
    value = row.get(key)
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
