"""What enters a tool and what leaves it: calls, allowances, observations, denials.

Everything in an `Observation` may be shown and logged as it is: it is redacted and cut. Outcomes
are values; nothing here is raised.
"""

import json
from dataclasses import dataclass

from codex_oss.contract import TOOLS, Match, Span

_DEFAULTS = {(tool.name, each.name): each.default for tool in TOOLS for each in tool.arguments}
TOOL_CLASSES = tuple(dict.fromkeys(tool.tool_class for tool in TOOLS))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call in the normal form that `contract.parse_action` makes; what is left out stands at
    its default."""

    name: str
    arguments: dict[str, object]

    @property
    def key(self) -> str:
        """Return the call as one line, without what stands at its default."""
        said = {k: v for k, v in self.arguments.items() if v != _DEFAULTS[self.name, k]}
        return f"{self.name} {json.dumps(said, sort_keys=True, ensure_ascii=False)}"

    def text(self, name: str) -> str:
        value = self._value(name)
        assert value is None or isinstance(value, str), f"{name}: {value!r}"
        return value or ""

    def whole(self, name: str) -> int | None:
        value = self._value(name)
        assert value is None or isinstance(value, int), f"{name}: {value!r}"
        return value

    def flag(self, name: str) -> bool:
        return self._value(name) is True

    def changed(self, **arguments: object) -> "ToolCall":
        return ToolCall(self.name, self.arguments | arguments)

    def _value(self, name: str) -> object:
        value = self.arguments.get(name)
        return _DEFAULTS.get((self.name, name)) if value is None else value


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a call may still use of its run: fixed before it runs, so that it cannot grow."""

    observation_bytes_left: int
    result_bytes_max: int
    files_opened: tuple[str, ...]
    files_max: int
    tool_classes: tuple[str, ...] = TOOL_CLASSES


@dataclass(frozen=True, slots=True)
class Denied:
    """What the guard or a budget keeps a call from. `allowed` says what is allowed instead."""

    code: str
    rule: str
    path: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is nothing to show: a code, and a sentence with its hint."""

    code: str
    message: str

    @property
    def exit_code(self) -> int:
        return 1 if self.code in ("absent", "past_end") else 2


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool gave back. `exit_code` is 0, 1 for no match or absent, 2 for an error.

    `complete`: all that was asked for stands in `text`; of a search it proves a zero match.
    `truncated`: it was cut to a limit, and `next` is the call that shows more, in the form of
    `command`. `match_count` may be more than `matches` show.
    """

    tool: str
    command: str
    exit_code: int
    text: str
    complete: bool = True
    truncated: bool = False
    path: str = ""
    next: str = ""
    spans: tuple[Span, ...] = ()
    matches: tuple[Match, ...] = ()
    match_count: int = 0
    redactions: int = 0
    risk_flags: tuple[str, ...] = ()
    files_searched: int = 0
    total_lines: int = 0
