"""Where a run disagrees with itself (missions 11.4).

The record enters; leave two supported claims, of the report or recorded on the way, that give one
obligation different values, a claimed zero match that a later search met, and a shown line that the
contract knows for a sign of it. A later claim that cites both sides settles it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from codex_oss.contract import Obligation, SourceRequirement
from codex_oss.record.citations import is_zero_match, shown_lines
from codex_oss.record.findings import Finding, findings, recorded
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import Command, RunRecord

_HOW_MUCH = ("path", "max_results", "context_lines", "files_with_matches")
"""Arguments of a search that do not change what it looks for."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`sides` are the findings that disagree, the searches, or a marker and the line it is on."""

    kind: str
    obligation_id: str
    sides: tuple[str, ...]
    path: str = ""


@remembered("mission", "evidence", "answer")
def contradictions(record: RunRecord) -> tuple[Contradiction, ...]:
    """Return what is not settled."""
    supported = [f for f in findings(record) if f.status == "supported"]
    claimed = [*_passed_over(record, supported), *supported]
    return (
        *_different_values(claimed),
        *_met_zero_matches(record, supported),
        *_shown_markers(record, supported),
    )


def _shown_markers(record: RunRecord, supported: list[Finding]) -> Iterator[Contradiction]:
    for obligation in record.contract.obligations:
        for source in obligation.source_requirements:
            if source.contradiction_markers:
                yield from _markers_in(record, obligation, source, supported)


def _markers_in(
    record: RunRecord,
    obligation: Obligation,
    source: SourceRequirement,
    supported: list[Finding],
) -> Iterator[Contradiction]:
    """Yield each marker of a source once, at the first line that shows it."""
    left = dict.fromkeys(source.contradiction_markers)
    extracts = [(c, e) for c in record.evidence.commands for e in c.extracts]
    for command, extract in ((c, e) for c, e in extracts if e.path == source.path):
        for number, line in enumerate(shown_lines(command.text), extract.start_line):
            for marker in [each for each in left if each in line]:
                del left[marker]
                if not any(_weighs(finding, source.path, number) for finding in supported):
                    sides = (marker, f"{extract.ref}@L{number}")
                    yield Contradiction("marker_shown", obligation.id, sides, source.path)


def _weighs(finding: Finding, path: str, line: int) -> bool:
    """Whether a finding cites this line beside another place."""
    cites = [c for c in finding.citations if c.path == path and c.first_line <= line <= c.last_line]
    return bool(cites) and len(finding.citations) > len(cites)


def _different_values(supported: list[Finding]) -> Iterator[Contradiction]:
    questions: dict[str, dict[str, int]] = {}
    for at, finding in enumerate(supported):
        if finding.obligation_id and plain_value(finding.value):
            values = questions.setdefault(finding.obligation_id, {})
            values.setdefault(plain_value(finding.value), at)
    for obligation_id, values in questions.items():
        sides = [supported[at] for at in values.values()]
        later = supported[max(values.values()) + 1 :]
        if len(sides) > 1 and not _is_settled([set(f.evidence_refs) for f in sides], later):
            ids = tuple(finding.id for finding in sides)
            yield Contradiction("different_values", obligation_id, ids)


def _passed_over(record: RunRecord, supported: list[Finding]) -> Iterator[Finding]:
    """Yield the recorded claims whose evidence no finding of the report on that question cites."""
    for claim in recorded(record) if record.answer.draft else ():
        weighed = (f for f in supported if f.obligation_id == claim.obligation_id)
        cited = [citation for finding in weighed for citation in finding.citations]
        if claim.status == "supported" and not any(
            one.meets(other) or one.place == other.place
            for one in claim.citations
            for other in cited
        ):
            yield claim


def plain_value(value: str) -> str:
    return " ".join(value.split()).casefold()


def _met_zero_matches(record: RunRecord, supported: list[Finding]) -> Iterator[Contradiction]:
    commands = record.evidence.commands
    for finding in supported:
        for claimed in dict.fromkeys(citation.command for citation in finding.citations):
            if not is_zero_match(commands[claimed]):
                continue
            for later in commands[claimed + 1 :]:
                both = [_refs_to(supported, claimed), _refs_to(supported, later.index)]
                if meets(later, commands[claimed]) and not _is_settled(both, supported):
                    sides = (f"command:{claimed}", f"command:{later.index}")
                    yield Contradiction("zero_match_met", finding.obligation_id, sides)


def meets(later: Command, claimed: Command) -> bool:
    """Whether a search found what an earlier one did not, in the place where that one looked."""
    if later.tool_name != claimed.tool_name or not later.match_count:
        return False
    if _looked_for(later) != _looked_for(claimed):
        return False
    if is_below(later.path, claimed.path):
        return True
    return any(is_below(match.path, claimed.path) for match in later.matches)


def is_same_search(one: Command, other: Command) -> bool:
    """Whether both looked for the same, one of them in a place that holds the other's."""
    if one.tool_name != other.tool_name or _looked_for(one) != _looked_for(other):
        return False
    return is_below(one.path, other.path) or is_below(other.path, one.path)


def _looked_for(command: Command) -> dict[str, object]:
    return {key: value for key, value in command.asked.items() if key not in _HOW_MUCH}


def is_below(path: str, folder: str) -> bool:
    return folder in ("", ".", path) or path.startswith(f"{folder}/")


def _refs_to(supported: list[Finding], command: int) -> set[str]:
    return {c.ref for f in supported for c in f.citations if c.command == command}


def _is_settled(sides: Sequence[set[str]], findings: Sequence[Finding]) -> bool:
    """Whether one of these findings cites every side. Sides that rest on one reference cannot be
    told apart by it."""
    if any(one & other for one, other in combinations(sides, 2)):
        return False
    return any(all(side.intersection(f.evidence_refs) for side in sides) for f in findings)
