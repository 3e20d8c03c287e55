"""Run a tool call within its allowance, and hand back what may be shown.

A `ToolCall` enters; an `Observation` or `Denied` leaves, whatever the model has thought of. Every
tool is a row of `TOOLS`; budgets are checked here, before a tool touches a file (missions 1.2, 5).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from codex_oss.contract import TOOLS as DECLARED
from codex_oss.contract import normalise, topic_in
from codex_oss.deadline import Deadline
from codex_oss.tools.answers import Means
from codex_oss.tools.guard import Guard
from codex_oss.tools.history import diff_stat, log, show_stat, status
from codex_oss.tools.observations import Allowance, Denied, Observation, ToolCall
from codex_oss.tools.readers import list_folder, read
from codex_oss.tools.searching import grep
from codex_oss.tools.spans import Cited, Rechecked, recheck, same_result

TOOL_SECONDS_MAX = 20.0
PATTERN_SECONDS_MAX = 5.0  # `(a+)+$` over 26 letters takes 4 s, over 36 a day (missions 5.3).
RESULT_BYTES_MAX = 100_000
_ESCAPE = re.compile(r"\\(?=\W)")
RESULT_BYTES_MIN = 1_024  # With less left of the budget nothing is worth a call.

TOOLS: Mapping[str, Callable[[ToolCall, Means], Observation | Denied]] = {
    "rtk_read": read,
    "rtk_grep": grep,
    "rtk_ls": list_folder,
    "rtk_git_status": status,
    "rtk_git_log": log,
    "rtk_git_show_stat": show_stat,
    "rtk_git_diff_stat": diff_stat,
}
_CLASSES = {tool.name: tool.tool_class for tool in DECLARED}
assert TOOLS.keys() == _CLASSES.keys()


class ToolBroker:
    """The tools of one mission. `pattern_seconds` is how long a search may match."""

    def __init__(self, guard: Guard, pattern_seconds: float = PATTERN_SECONDS_MAX) -> None:
        self._guard = guard
        self._pattern_seconds = pattern_seconds

    def run(self, call: ToolCall, allowance: Allowance, deadline: Deadline) -> Observation | Denied:
        """Run one call. Raises Cancelled when the deadline is called off meanwhile."""
        if denied := self._over_budget(call, allowance):
            return denied
        bytes_max = min(
            RESULT_BYTES_MAX, allowance.observation_bytes_left, allowance.result_bytes_max
        )
        return self._run(call, bytes_max, deadline)

    def recheck(self, cited: Cited, deadline: Deadline) -> Rechecked:
        """Look again at lines that were shown. Costs nothing of any budget."""
        return recheck(self._guard, cited, deadline.within(TOOL_SECONDS_MAX))

    def recheck_call(self, call: ToolCall, shown: str, deadline: Deadline) -> Rechecked:
        """Run a call again and compare. Costs nothing of any budget."""
        return same_result(shown, self._run(call, RESULT_BYTES_MAX, deadline))

    def _run(self, call: ToolCall, bytes_max: int, deadline: Deadline) -> Observation | Denied:
        means = Means(
            self._guard, deadline.within(TOOL_SECONDS_MAX), bytes_max, self._pattern_seconds
        )
        result = TOOLS[call.name](call, means)
        deadline.raise_if_cancelled()
        if isinstance(result, Denied):
            return result
        clear = self._guard.redactor.redact  # A model may quote anything in its arguments.
        text = clear(result.text).text if result.exit_code else result.text
        command, more = clear(result.command).text, clear(result.next).text
        return replace(result, text=text, command=command, next=more)

    def _over_budget(self, call: ToolCall, allowance: Allowance) -> Denied | None:
        denied = self._guard.denied
        path = call.text("path")
        if (tool_class := _CLASSES[call.name]) not in allowance.tool_classes:
            return denied("tool_class", tool_class, path)
        if allowance.observation_bytes_left < RESULT_BYTES_MIN:
            rule = f"{allowance.observation_bytes_left} bytes left, at least {RESULT_BYTES_MIN}"
            return denied("observation_budget", rule, path)
        if call.name == "rtk_read" and len(allowance.files_opened) >= allowance.files_max:
            if normalise(path, str(self._guard.root)) not in allowance.files_opened:
                rule = f"max_files_to_inspect {allowance.files_max}"
                return denied("max_files_reached", rule, path)
        if topic := topic_in(self._guard.rules.scope.forbidden_topics, _searched(call)):
            return denied("forbidden_topic", topic, path)
        return None


def _searched(call: ToolCall) -> str:
    """Return what a call looks for: as it is written, and as it reads without its escapes."""
    written = " ".join(call.text(name) for name in ("pattern", "rev"))
    return f"{written}\n{_ESCAPE.sub('', written)}"
