"""What a model chose to do: a call's name and its argument text, taken apart.

An action leaves, or an `ActionFault` that says what is legal. A tool's arguments leave in one
normal form with every default filled in, so that two spellings of one call are equal
(missions 5.1, 8). Whether a path is in scope is the guard's business.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from codex_oss.contract.functions import (
    CONTROLS,
    LINES_MAX,
    REMARKS,
    TOOLS,
    ActionFault,
    Argument,
    BadCall,
    Tool,
    read_whole,
)
from codex_oss.contract.json_actions import Encoding, spoken
from codex_oss.contract.kinds import FAULTY, Flag, Reading, Text, nearest, type_name
from codex_oss.contract.records import Field, Members, Record
from codex_oss.contract.report import (
    REMARK_CHARS_MAX,
    Claim,
    ReportDraft,
    parse_claim,
    parse_draft,
)
from codex_oss.errors import Fault

ARGUMENTS_CHARS_MAX = 200_000  # A report is at most 16,384 tokens long: half of this.
MESSAGE_CHARS_MAX = 1_000  # Names and keys in it are the model's and may be of any length.
QUOTE_CHARS_MAX = 200  # Of the model's own words beside a normalised call.
REASON_CHARS_MAX = 300
FAULTS_TOLD_MAX = 5  # Of one report to the model: more would cost more than asking again.

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DROPPED = "recursive"  # Our searches are recursive and our listings have a depth.
_FORBIDDEN = frozenset(
    "patch write edit editor create delete remove shell sh bash terminal powershell exec execute"
    " command".split()
)
_STOP = Record(
    (
        Field("reason", Text(REMARK_CHARS_MAX)),
        Field("needs_human", Flag(), False),
    ),
    lenient=True,
)
_TOOL_BY_NAME = {name: tool for tool in TOOLS for name in (tool.name, *tool.aliases)}
_TOOL_NAMES = frozenset(tool.name for tool in TOOLS)


@dataclass(frozen=True, slots=True)
class ToolAction:
    """A call that can be run. Its remarks and its spelling do not count when calls are compared."""

    name: str
    arguments: dict[str, str | int | bool | None]
    remarks: dict[str, str] = field(default_factory=dict, compare=False)
    normalised_from: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """Return the call as one line, the same for equal calls in every run."""
        return f"{self.name} {json.dumps(self.arguments, sort_keys=True, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class ClaimAction:
    claim: Claim


@dataclass(frozen=True, slots=True)
class ReportAction:
    draft: ReportDraft


@dataclass(frozen=True, slots=True)
class StopAction:
    reason: str
    needs_human: bool = False


Action = ToolAction | ClaimAction | ReportAction | StopAction


def parse_action(
    name: str,
    arguments_text: str,
    offered: Collection[str],
    *,
    example_path: str = "README.md",
    encoding: Encoding = "native_tools",
) -> Action | ActionFault:
    """Return the action that a call means. `offered` are the names that were declared to the
    model; `example_path` is a path of the mission for the example in a fault, which is written in
    the run's encoding."""
    tool = _TOOL_BY_NAME.get(name)
    known = tool.name if tool else name
    try:
        _check_name(known, offered)
        given = _read_object(arguments_text)
        if tool:
            return _tool_action(tool, name, arguments_text, given)
        return _control_action(name, given)
    except BadCall as bad:
        message = str(bad)[:MESSAGE_CHARS_MAX]
        return ActionFault(bad.code, message, example_of(known, offered, example_path, encoding))


def _check_name(name: str, offered: Collection[str]) -> None:
    if name in offered:
        return
    legal = f"legal now: {', '.join(offered) or 'nothing'}"
    if _FORBIDDEN & set(re.split("[^a-z]+", name.lower())):
        raise BadCall(
            "no_such_tool_here", f"`{name}` does not exist: nothing is written or run here"
        )
    if name not in _TOOL_NAMES and name not in CONTROLS:
        hint = nearest(name, offered)
        raise BadCall("unknown_tool", f"`{name}` is no function of this mission; {hint or legal}")
    # A mission that has tools has lost them only to the phase.
    code = "tool_class" if _TOOL_NAMES & set(offered) else "phase_closed"
    raise BadCall(code, f"`{name}` is not offered; {legal}")


def _read_object(text: str) -> dict[str, object]:
    if len(text) > ARGUMENTS_CHARS_MAX:
        raise BadCall(
            "bad_argument", f"arguments have more than {ARGUMENTS_CHARS_MAX:,} characters"
        )
    try:
        value = json.loads(text.strip() or "{}", parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # Half a surrogate pair cannot be logged.
    except json.JSONDecodeError as error:
        near = text.strip()[max(0, error.pos - 20) : error.pos + 20]
        raise BadCall("bad_json", f"{error.msg} at offset {error.pos}, near {near!r}") from error
    except (ValueError, RecursionError) as error:
        raise BadCall("bad_json", f"arguments are no JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadCall("not_an_object", f"arguments must be one JSON object, not {type_name(value)}")
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _tool_action(tool: Tool, called: str, text: str, given: Mapping[str, object]) -> ToolAction:
    rows = {name: row for row in tool.arguments for name in (row.name, *row.aliases)}
    chosen: dict[str, str | int | bool | None] = {}
    for key, value in given.items():
        if value is None or key in (*REMARKS, _DROPPED) or _is_line_count(tool, key):
            continue
        row = _argument(tool, rows, key)
        if value == "" and not row.required:  # How many models write "none".
            continue
        read = row.read(value)
        if chosen.setdefault(row.name, read) != read:
            raise BadCall("bad_argument", f"`{row.name}` is given twice, with different values")
    for row in tool.arguments:
        if row.required and row.name not in chosen:
            raise BadCall("bad_argument", f"`{row.name}` is missing")
    arguments = {row.name: chosen.get(row.name, row.default) for row in tool.arguments}
    if "end_line" in arguments:
        arguments |= _line_range(arguments, given.get("limit"))
    remarks = {key: value[:REASON_CHARS_MAX] for key, value in _texts(given) if key in REMARKS}
    said = {key: value for key, value in given.items() if key not in REMARKS}
    as_said = called == tool.name and said.items() <= arguments.items()
    written = "" if as_said else f"{called} {text.strip()}"[:QUOTE_CHARS_MAX]
    return ToolAction(tool.name, arguments, remarks, written)


def _is_line_count(tool: Tool, key: str) -> bool:
    return key == "limit" and tool.name == "rtk_read"


def _argument(tool: Tool, rows: Mapping[str, Argument], key: str) -> Argument:
    """Return the row that a key means: in any case of letters, and all that begin with `context`
    are one."""
    plain = _HUMP.sub("_", key).lower()
    plain = "context_lines" if plain.startswith("context") else plain
    if plain in rows:
        return rows[plain]
    legal = ", ".join(row.name for row in tool.arguments) or "nothing"
    hint = nearest(key, rows)
    message = f"`{key}` is no argument of {tool.name}, which takes {legal}"
    raise BadCall("unknown_argument", f"{message}; {hint}" if hint else message)


def _line_range(
    arguments: Mapping[str, str | int | bool | None], count: object
) -> dict[str, str | int | bool | None]:
    """Return first and last line in order. A `limit` is a number of lines from the first one."""
    first, last = arguments["start_line"], arguments["end_line"]
    assert isinstance(first, int)
    if last is None and count is not None:
        last = min(first + max(1, read_whole("limit", count)) - 1, LINES_MAX)
    if isinstance(last, int) and last < first:
        first, last = last, first
    return {"start_line": first, "end_line": last}


def _texts(given: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in given.items() if isinstance(value, str)]


def _claim(given: Mapping[str, object]) -> Action | tuple[Fault, ...]:
    read = parse_claim(given)
    return ClaimAction(read) if isinstance(read, Claim) else read


def _report(given: Mapping[str, object]) -> Action | tuple[Fault, ...]:
    read = parse_draft(given.get("report"), "$.report")
    return ReportAction(read) if isinstance(read, ReportDraft) else read


def _stop(given: Mapping[str, object]) -> Action | tuple[Fault, ...]:
    reading = Reading()
    read = _STOP.read(given, "$", reading)
    if read is FAULTY:
        return tuple(reading.faults)
    return StopAction(Members(read).text("reason"), Members(read).flag("needs_human"))


_CONTROL_READERS = {"record_claim": _claim, "final_report": _report, "stop": _stop}
assert _CONTROL_READERS.keys() == CONTROLS.keys()


def _control_action(name: str, given: Mapping[str, object]) -> Action:
    read = _CONTROL_READERS[name](given)
    if isinstance(read, tuple):
        told = [f"{fault.path.removeprefix('$.')} {fault.message}" for fault in read]
        more = f"; and {len(told) - FAULTS_TOLD_MAX} more" if len(told) > FAULTS_TOLD_MAX else ""
        raise BadCall("bad_argument", "; ".join(told[:FAULTS_TOLD_MAX]) + more)
    return read


def example_of(
    name: str, offered: Collection[str], path: str, encoding: Encoding = "native_tools"
) -> str:
    """Return one correct call: of the function that was meant, else of the first one offered."""
    examples: dict[str, dict[str, object]] = {
        "rtk_read": {"path": path, "start_line": 1, "end_line": 80},
        "rtk_grep": {"pattern": "def main", "path": path},
        "rtk_ls": {"path": "."},
        "rtk_git_status": {},
        "rtk_git_log": {"limit": 10},
        "rtk_git_show_stat": {"rev": "HEAD"},
        "rtk_git_diff_stat": {"path": "."},
        "record_claim": {"claim": "...", "evidence_refs": [f"file:{path}#extract:1@L1-L2"]},
        "final_report": {
            "report": {
                "status": "PARTIAL",
                "confidence": "LOW",
                "answer": "...",
                "findings": [
                    {"claim": "...", "evidence_refs": [f"file:{path}#extract:1@L1-L2"]},
                ],
            }
        },
        "stop": {"reason": "..."},
    }
    chosen = name if name in offered else next((each for each in offered if each in examples), "")
    if not chosen:
        return ""
    arguments = json.dumps(examples[chosen])
    return f"{chosen}({arguments})" if encoding == "native_tools" else spoken(chosen, arguments)
