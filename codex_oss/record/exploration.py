"""What an open investigation did beyond its required sources, and what of its scope it never saw.

The record enters; leave the count of its further looks, whether it searched for what would
contradict it, and the areas that nobody was shown (missions 11.4, 11.5).
"""

from collections import Counter
from collections.abc import Iterator
from posixpath import dirname

from codex_oss.record.citations import is_zero_match
from codex_oss.record.contradictions import is_below
from codex_oss.record.findings import findings
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import Command, RunRecord
from codex_oss.record.sources import required_sources, source_states

SEARCHES_FOR = "contradiction"
"""What a model says as `target_question` of a call that looks for the opposite."""

AREAS_SHOWN = 40


def floor_is_reached(record: RunRecord) -> bool:
    """Whether every required source was seen, or cannot be."""
    return all(state.state not in ("missing",) for state in source_states(record))


def optional_actions(record: RunRecord) -> int:
    """Return how many calls the model made after the last of what was required."""
    wanted = set(required_sources(record))
    last = max((c.index for c in record.evidence.commands if _paths(c) & wanted), default=-1)
    return sum(not c.by_runtime for c in record.evidence.commands[last + 1 :])


def _paths(command: Command) -> set[str]:
    return {command.path, *(extract.path for extract in command.extracts)} - {""}


@remembered("mission", "evidence", "answer")
def contradiction_search_done(record: RunRecord) -> bool:
    """Whether a call that looks for a contradiction saw other places than those that support what
    is claimed. The word in a sentence counts nothing."""
    cited = [c for f in findings(record) if f.status == "supported" for c in f.citations if c.path]
    spans = {(c.path, line) for c in cited for line in range(c.first_line, c.last_line + 1)}
    asked = (c for c in record.evidence.commands if _looks_for_the_opposite(c))
    return any(_saw_more(record, command, spans) for command in asked)


def _looks_for_the_opposite(command: Command) -> bool:
    return command.target_question.strip().casefold() == SEARCHES_FOR


def _saw_more(record: RunRecord, command: Command, spans: set[tuple[str, int]]) -> bool:
    """Whether a call saw a line beside these. A search that found nothing saw every line of its
    files: of one at least that is not cited whole."""
    if not is_zero_match(command):
        return not spans.issuperset(_places(command))
    totals = {e.path: e.total_lines for c in record.evidence.commands for e in c.extracts}
    cited = Counter(path for path, _ in spans if is_below(path, command.path))
    whole = [path for path, lines in cited.items() if lines >= totals.get(path, lines + 1)]
    return command.files_searched > len(whole)


def _places(command: Command) -> Iterator[tuple[str, int]]:
    for extract in command.extracts:
        yield from ((extract.path, n) for n in range(extract.start_line, extract.end_line + 1))
    yield from ((match.path, match.line) for match in command.matches)


def is_explored_enough(record: RunRecord) -> bool:
    """Whether an open investigation has done what its contract asks beyond its sources; every
    other mission has."""
    policy = record.contract.exploration
    if not record.contract.is_open:
        return True
    if policy.needs_contradiction_search and not contradiction_search_done(record):
        return False
    return policy.closes_after_floor or optional_actions(record) >= policy.optional_min


def explored_all_it_may(record: RunRecord) -> bool:
    """Whether nothing further may be looked at: the floor is reached and so is the most that is
    allowed beyond it, and what must still be searched for was."""
    policy = record.contract.exploration
    if not record.contract.is_open or not floor_is_reached(record):
        return False
    if policy.needs_contradiction_search and not contradiction_search_done(record):
        return False
    return policy.closes_after_floor or optional_actions(record) >= policy.optional_max


@remembered("mission", "evidence")
def uninspected(record: RunRecord) -> tuple[str, ...]:
    """Return the folders of the scope with files that were never shown, and how many."""
    areas = record.admitted.admitted.areas
    shown = {*record.evidence.files, *(m.path for c in record.evidence.commands for m in c.matches)}
    seen = Counter(_area(path, areas) for path in shown)
    left = {
        area: (count - seen[area], count)
        for area, count in sorted(areas.items())
        if isinstance(count, int) and count > seen[area]
    }
    lines = [f"{area}/: {unseen} of {count} files" for area, (unseen, count) in left.items()]
    if len(lines) <= AREAS_SHOWN:
        return tuple(lines)
    more = sum(unseen for unseen, _ in list(left.values())[AREAS_SHOWN - 1 :])
    return (*lines[: AREAS_SHOWN - 1], f"{len(lines) - AREAS_SHOWN + 1} more folders: {more} files")


def _area(path: str, areas: dict[str, object]) -> str:
    """Return the counted folder that a file is in: small ones are counted with their parent."""
    folder = dirname(path) or "."
    while folder not in areas and folder != ".":
        folder = dirname(folder) or "."
    return folder
