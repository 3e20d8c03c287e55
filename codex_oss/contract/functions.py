"""The functions that a model is given: its tools and its ways to speak, as tables.

Tool classes enter, declarations leave; one argument's value enters its row and its normal form
leaves. Everything that may be called is in these tables (missions 5.2, 8).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from codex_oss.contract.kinds import excerpt, type_name
from codex_oss.contract.paths import normalise
from codex_oss.contract.report import ANSWER_CHARS_MAX, CONFIDENCES, FINDINGS_MAX, STATUSES

PATTERN_CHARS_MAX = 500
REVISION_CHARS_MAX = 200
WRITTEN_PATH_CHARS_MAX = 4_096  # The guard says what is wrong with a long path; this bounds it.
LINES_MAX = 100_000_000

REMARKS = (
    *("reason", "hypothesis", "target_question", "expected_information_gain"),
    "why_not_report_yet",
)
"""Texts that may stand beside the arguments of any call; commentary may quote them."""

_WHOLE = re.compile(r"\s*[+-]?\d{1,18}\s*")


class BadCall(Exception):
    """Where reading a call ends: its code in missions 8, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ActionFault:
    """Why a call is no action: a code of missions 8, a sentence, and one correct call."""

    code: str
    message: str
    example: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool. A number is drawn into `least..most`: results say what they left
    out, so that a wish for too many costs no model call."""

    name: str
    type: Literal["string", "integer", "boolean"]
    default: str | int | bool | None
    least: int = 0
    most: int = 0
    required: bool = False
    aliases: tuple[str, ...] = ()
    note: str = ""

    @property
    def schema(self) -> dict[str, object]:
        schema: dict[str, object] = {"type": self.type}
        if self.type == "integer" and self.most != LINES_MAX:
            schema |= {"minimum": self.least, "maximum": self.most}
        if self.default not in (None, False):
            schema["default"] = self.default
        return schema | ({"description": self.note} if self.note else {})

    def read(self, value: object) -> str | int | bool:
        """Return the normal form of a value, or raise `BadCall`."""
        if self.type == "string":
            return self._read_text(value)
        if self.type == "boolean":
            return _read_flag(self.name, value)
        return max(self.least, min(self.most, read_whole(self.name, value)))

    def _read_text(self, value: object) -> str:
        if self.name == "path" and isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, str):
            _wrong_type(self.name, "a string", value)
        if not self.least <= len(value) <= self.most:
            raise BadCall(
                "bad_argument", f"`{self.name}` must have {self.least}..{self.most:,} characters"
            )
        if self.name != "path":
            return value
        path = normalise(value)
        return path if isinstance(path, str) else value


@dataclass(frozen=True, slots=True)
class Tool:
    """One row of the table of tools. `aliases` are names that other agents' models know it by."""

    name: str
    tool_class: str
    description: str
    arguments: tuple[Argument, ...]
    aliases: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments."""
        properties: dict[str, object] = {each.name: each.schema for each in self.arguments}
        required = [each.name for each in self.arguments if each.required]
        return _schema(properties | {"reason": _TEXT, "target_question": _TEXT}, required)


def read_whole(name: str, value: object) -> int:
    """Return the whole number that `value` is or spells."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        _wrong_type(name, "a whole number", value)
    return value


def _read_flag(name: str, value: object) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        _wrong_type(name, "a boolean", value)
    return value


def _wrong_type(name: str, legal: str, value: object) -> NoReturn:
    message = f"`{name}` must be {legal}, not {type_name(value)}: {excerpt(value)}"
    raise BadCall("bad_argument", message)


def _schema(properties: Mapping[str, object], required: Iterable[str]) -> dict[str, object]:
    """Return the schema of an object. It does not forbid other members: reading a call does, and
    every byte here stands in every prompt."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


_TEXT: dict[str, object] = {"type": "string"}
_TEXTS: dict[str, object] = {"type": "array", "items": _TEXT}
_FLAG: dict[str, object] = {"type": "boolean"}
_CONFIDENCE: dict[str, object] = {"type": "string", "enum": list(CONFIDENCES)}
_CLAIM: dict[str, object] = {
    "claim": _TEXT,
    "evidence_refs": _TEXTS,
    "obligation_id": _TEXT,
    "value": _TEXT | {"description": "the answer itself, copied from a cited line"},
}
_CLAIM_REQUIRED = ("claim", "evidence_refs")


def _path(default: str | None = None, *, required: bool = False, note: str = "") -> Argument:
    aliases = "file_path file filename root dir directory folder paths files".split()
    return Argument(
        "path", "string", default, 1, WRITTEN_PATH_CHARS_MAX, required, tuple(aliases), note
    )


def _pattern(name: str, *aliases: str, required: bool = False) -> Argument:
    return Argument(name, "string", None, 1, PATTERN_CHARS_MAX, required, aliases)


def _whole(name: str, default: int | None, least: int, most: int, *aliases: str) -> Argument:
    return Argument(name, "integer", default, least, most, aliases=aliases)


TOOLS = (
    Tool(
        "rtk_read",
        "read",
        "Read lines of a file, numbered.",
        (
            _path(required=True),
            _whole("start_line", 1, 1, LINES_MAX, "offset"),
            _whole("end_line", None, 1, LINES_MAX),
        ),
        aliases=("read_file", "read"),
    ),
    Tool(
        "rtk_grep",
        "search",
        "Search files for a Python regular expression. Matches are path:line: text.",
        (
            _pattern("pattern", "query", "regex", required=True),
            _path(note="file or folder; default: the whole scope"),
            Argument("fixed_strings", "boolean", False),
            Argument("case_sensitive", "boolean", True),
            Argument("word", "boolean", False),
            _pattern("include_glob", "include", "glob"),
            _pattern("exclude_glob"),
            _whole("max_results", 100, 1, 500),
            _whole("context_lines", 0, 0, 5),
            Argument("files_with_matches", "boolean", False),
        ),
        aliases=("grep", "rg", "search", "rtk_search"),
    ),
    Tool(
        "rtk_ls",
        "list",
        "List a folder: name, type, size.",
        (_path("."), _whole("depth", 1, 1, 3), _whole("max_entries", 500, 1, 2_000)),
        aliases=("ls", "list_dir"),
    ),
    Tool("rtk_git_status", "safe_git", "Show branch, head and changed files.", ()),
    Tool(
        "rtk_git_log",
        "safe_git",
        "List commits, newest first: id, date, author, subject.",
        (_whole("limit", 10, 1, 50), _path()),
    ),
    Tool(
        "rtk_git_show_stat",
        "safe_git",
        "Count the lines that a commit changed, file by file.",
        (
            Argument(
                *("rev", "string", None, 1, REVISION_CHARS_MAX, True, ("revision", "commit")),
                note="a commit's id, branch or tag, HEAD~2",
            ),
        ),
    ),
    Tool(
        "rtk_git_diff_stat",
        "safe_git",
        "Count the lines that are changed and not committed, file by file.",
        (_path(), Argument("staged", "boolean", False)),
    ),
)
"""Every tool that a model can be given."""

_REPORT = _schema(
    {
        "status": {"type": "string", "enum": list(STATUSES)},
        "confidence": _CONFIDENCE,
        "answer": _TEXT | {"maxLength": ANSWER_CHARS_MAX},
        "findings": {
            "type": "array",
            "maxItems": FINDINGS_MAX,
            "items": _schema(_CLAIM | {"confidence": _CONFIDENCE}, _CLAIM_REQUIRED),
        },
        "uncertainties": {
            "type": "array",
            "items": _schema({"text": _TEXT, "obligation_id": _TEXT}, ("text",)),
        },
        "caveats": _TEXTS,
        "escalation_recommendation": _schema(
            {"needed": _FLAG, "reason": _TEXT, "questions": _TEXTS}, ("needed",)
        ),
    },
    ("status", "confidence", "answer", "findings"),
)

CONTROLS = {
    "record_claim": (
        "Note a claim that evidence shows. Free.",
        _schema(_CLAIM, _CLAIM_REQUIRED),
    ),
    "final_report": (
        "End the mission with its report.",
        _schema({"report": _REPORT}, ("report",)),
    ),
    "stop": (
        "Give up, when the mission cannot be done.",
        _schema({"reason": _TEXT, "needs_human": _FLAG}, ("reason",)),
    ),
}
"""What a model can do beside using tools: description and JSON Schema by name."""


def declared(
    tool_classes: Collection[str], with_tools: bool
) -> tuple[tuple[str, str, dict[str, object]], ...]:
    """Return (name, description, parameters) of all that may be called: everything of these
    classes while there are tools, only the ways to end in the phase REPORT."""
    tools = [tool for tool in TOOLS if with_tools and tool.tool_class in tool_classes]
    controls = [name for name in CONTROLS if with_tools or name != "record_claim"]
    return (
        *((tool.name, tool.description, tool.parameters) for tool in tools),
        *((name, *CONTROLS[name]) for name in controls),
    )
