"""What a prompt shows: the mission, each look that was taken and what came of it, what is left.

A `ChatRequest` enters, a `Prompt` leaves; nothing else is ever known to the planner. The rule it
keeps: an observation that is not there whole (shrunk, denied, failed) shows nothing.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codex_oss.chat import ChatRequest
from codex_oss.contract import MISSION, OBSERVATION, STATE, blocks

_MATCH = re.compile(r"(?P<path>.+?):(?P<line>[1-9]\d*): ?(?P<text>.*)", re.DOTALL)
_NUMBERED = re.compile(r"(?P<line>[1-9]\d*): ?(?P<text>.*)", re.DOTALL)

NO_ROOM = ("phase_closed", "max_files_reached", "observation_budget")
"""Denials that say nothing of what was asked for: only that there is no room for it left."""

CONTRADICTION = "contradiction"
"""What a call says as `target_question` if it looks for what speaks against an answer."""

_IS_OPEN = re.compile(rf"target_question\W+{CONTRADICTION}\b")

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


@dataclass(frozen=True, slots=True)
class Looks:
    """The calls of a transcript and what came of them. `unseen` are those whose result is not
    shown whole any more; `made` counts calls by name, `asked` the looks among them."""

    made: Counter[str] = field(default_factory=Counter)
    asked: Counter[Call] = field(default_factory=Counter)
    failed: dict[Call, str] = field(default_factory=dict)
    unseen: set[Call] = field(default_factory=set)
    searches: dict[Call, Search] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that is known. Obligations are (id, question); `functions` are those that are offered;
    `is_open`: the rules ask for a search for contradictions."""

    functions: frozenset[str]
    shown_bytes: int
    objective: str
    obligations: tuple[tuple[str, str], ...]
    roots: tuple[str, ...]
    paths: tuple[str, ...]
    phase: str
    limits_left: Mapping[str, float]
    agenda: tuple[Call, ...]
    looks: Looks
    is_open: bool = False

    def left(self, limit: str) -> float:
        return self.limits_left.get(limit, 0)


def prompt_of(request: ChatRequest) -> Prompt | None:
    """Return what the request shows, or `None` where it holds no mission."""
    told = [message.text for message in request.messages if message.role == "user"]
    missions = [value for text in told for value in _objects(MISSION, text)]
    if not missions:
        return None
    states = [value for text in told for value in _objects(STATE, text)]
    mission, state = missions[0], states[-1] if states else {}
    scope, limits = _object(mission, "scope"), _object(state, "limits_left")
    objective = _text(mission, "objective")
    asked = tuple(
        (_text(row, "id"), _text(row, "question")) for row in _rows(mission, "obligations")
    )
    return Prompt(
        functions=frozenset(tool.name for tool in request.tools),
        shown_bytes=sum(len(message.text) for message in request.messages),
        objective=objective,
        obligations=asked or (("", objective),),
        roots=_texts(scope, "allowed_roots"),
        paths=_texts(scope, "allowed_paths"),
        phase=_text(state, "phase"),
        limits_left={k: float(v) for k, v in limits.items() if isinstance(v, int | float)},
        agenda=tuple(_agenda(state)),
        looks=_looks(request),
        is_open=any(m.role == "system" and _IS_OPEN.search(m.text) for m in request.messages),
    )


def _agenda(state: Json) -> Iterator[Call]:
    for row in _rows(state, "agenda"):
        if call := _object(row, "call"):
            yield _call(_text(call, "name"), _object(call, "arguments"), "It is on the agenda.")


def _looks(request: ChatRequest) -> Looks:
    looks = Looks()
    results = {m.call_id: m.text for m in request.messages if m.role == "tool"}
    for message in request.messages:
        for call in message.calls:
            _read_call(looks, call.name, call.arguments, results.get(call.call_id, ""))
        for value in _objects(OBSERVATION, message.text) if message.role == "user" else ():
            _read_result(looks, Call.of(_text(value, "tool"), path=_text(value, "path")), value)
    return looks


def _read_call(looks: Looks, name: str, arguments: str, answer: str) -> None:
    result = _parsed(answer)
    looks.made[name] += 1
    if name == "final_report":
        looks.refusals.append(", ".join(_texts(result, "failed")) or _text(result, "message"))
        return
    call = _call(name, _parsed(arguments))
    if _text(result, "error") == "not_run":
        return  # Nothing came of it: it may be made again.
    looks.asked[call] += 1
    _read_result(looks, call, result)


def _read_result(looks: Looks, call: Call, result: Json) -> None:
    refusal = _text(result, "denied") or _text(result, "error")
    if refusal in NO_ROOM:
        return
    if refusal or (result.get("exit_code") or 0) not in (0, 1):
        looks.failed[call] = refusal or _text(result, "text")
    elif "text" not in result:
        looks.unseen.add(call)
    elif call.name == "rtk_grep":
        looks.searches[call] = _search(result)
    elif result.get("exit_code") == 1:
        looks.failed[call] = _text(result, "text")
    elif call.name == "rtk_read":
        _read_lines(looks, result)


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


def _read_lines(looks: Looks, result: Json) -> None:
    path, ref = _text(result, "path"), _text(result, "ref")
    file = looks.files.setdefault(path, File())
    total = result.get("total_lines")
    file.total_lines = total if isinstance(total, int) else 0
    for row in _text(result, "text").split("\n"):
        if found := _NUMBERED.fullmatch(row):
            line = int(found["line"])
            file.lines[line] = found["text"]
            file.refs.setdefault(line, ref)


def _objects(tag: str, text: str) -> Iterator[Json]:
    yield from (value for value in blocks(tag, text) if isinstance(value, dict))


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
