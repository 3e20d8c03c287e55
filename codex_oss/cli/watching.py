"""What a person sees of a run that works: phase, what is left, the step and the last evidence.

A run's events enter, lines leave; between two events only the time goes on.
"""

from collections.abc import Callable, Iterable

from codex_oss.cli.output import BOLD, DIM
from codex_oss.deadline import Clock
from codex_oss.record import Command, Event, fold, reduce

NAME_COLUMNS = 9


class Watching:
    """A run as far as its events were seen. `step` is the last sentence about it."""

    def __init__(self, clock: Clock, earlier: Callable[[], Iterable[Event]]) -> None:
        self._clock, self._earlier = clock, earlier
        self._record = fold(())
        self.step = ""
        self._seen_at = clock.monotonic()

    def see(self, event: Event) -> None:
        """Take the next event. Where it is not the next one, the run was begun elsewhere, and what
        came before is fetched."""
        if event.seq > self._record.last_seq + 1:
            self._record = fold(before for before in self._earlier() if before.seq < event.seq)
        self._record = reduce(self._record, event)
        self._seen_at = self._clock.monotonic()

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return what is painted, each line with its style."""
        if self._record.mission is None:
            return ((f"{'':{NAME_COLUMNS}}{self.step}", DIM),)
        evidence = self._record.evidence.commands
        return (
            (f"{self._record.loop.phase:{NAME_COLUMNS}}{self._left()}", BOLD),
            (f"{'now':{NAME_COLUMNS}}{self.step}", ""),
            (f"{'found':{NAME_COLUMNS}}{found(evidence[-1]) if evidence else 'nothing yet'}", DIM),
        )

    def _left(self) -> str:
        spent, limits = self._record.budget, self._record.contract.budget
        files = len(self._record.evidence.files)
        left = (
            (limits.tool_budget - spent.tool_calls, "tool calls"),
            (limits.max_model_calls - spent.model_calls, "model calls"),
            (limits.max_files_to_inspect - files, "files"),
            ((limits.max_total_observation_bytes - spent.observation_bytes) // 1000, "kB"),
        )
        seconds = limits.time_budget_seconds - self._elapsed_ms() // 1000
        amounts = (f"{max(0, amount)} {unit}" for amount, unit in left)
        return f"left: {minutes(seconds)}, {', '.join(amounts)}"

    def _elapsed_ms(self) -> int:
        since = 0.0
        if self._record.loop.finalized is None:
            since = self._clock.monotonic() - self._seen_at
        return self._record.budget.elapsed_ms + int(since * 1000)

    def spent(self) -> str:
        """Return in one line what it took."""
        spent = self._record.budget
        tokens = spent.input_tokens + spent.output_tokens
        return (
            f"it took {minutes(self._elapsed_ms() // 1000)}, {spent.tool_calls} tool calls,"
            f" {spent.model_calls} model calls, {tokens} tokens"
        )


def found(command: Command) -> str:
    """Return where the last look led, as a citation begins."""
    if command.extracts:
        places = [f"{e.path}:{e.start_line}-{e.end_line}" for e in command.extracts]
        return ", ".join(places)
    if command.tool_name == "rtk_grep":
        matches = "1 match" if command.match_count == 1 else f"{command.match_count} matches"
        return f"{matches} of {command.asked.get('pattern')!r}"
    return command.command


def minutes(seconds: int) -> str:
    return f"{max(0, seconds) // 60}:{max(0, seconds) % 60:02}"
