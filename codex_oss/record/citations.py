"""What a reference points at: the lines of this run's log that it names, or nothing.

A reference text and the record enter, a `Citation` leaves. A reference to lines that were never
shown resolves to `None`: that is a forged one (missions 11.1).
"""

from dataclasses import dataclass
from functools import lru_cache

from codex_oss.contract import EvidenceRef, parse_ref
from codex_oss.record.events import Extract
from codex_oss.record.run_record import Command, RunRecord

QUOTE_CHARACTERS_MAX = 240
TEXTS_KEPT = 64  # Split texts: a report cites the same few readings again and again.


@dataclass(frozen=True, slots=True)
class Citation:
    """The lines a finding rests on, as they were shown. A command as a whole has no `path`, and is
    not `is_found` where it only says that something is not there."""

    ref: str
    path: str
    first_line: int
    last_line: int
    shown: tuple[str, ...]
    sha256: str
    file_sha256: str
    observed_seq: int
    command: int
    redacted: bool = False
    is_partial: bool = False
    is_found: bool = True

    @property
    def place(self) -> tuple[object, ...]:
        """Return what tells this evidence from other, under whichever reference it is cited."""
        if self.path:
            return self.path, self.file_sha256, self.first_line, self.last_line
        return (self.command,)

    def meets(self, other: "Citation") -> bool:
        """Whether both show a line in common."""
        is_same = self.path == other.path != ""
        return is_same and self.first_line <= other.last_line and other.first_line <= self.last_line

    @property
    def text(self) -> str:
        return "\n".join(self.shown)

    @property
    def quote(self) -> str:
        return self.text[:QUOTE_CHARACTERS_MAX]


def resolve(record: RunRecord, text: str) -> Citation | None:
    """Return what `text` cites, or `None` where this run never showed it."""
    ref = parse_ref(text)
    if ref is None:
        return None
    if ref.command is None:
        return _from_extract(record, ref, text)
    if ref.command >= len(record.evidence.commands):
        return None
    command = record.evidence.commands[ref.command]
    if ref.match:
        return _from_match(command, ref, text)
    if ref.zero_match:
        return _whole(command, text) if is_zero_match(command) and not ref.first_line else None
    if len(command.extracts) == 1:
        return _narrowed(command, command.extracts[0], ref, text)
    return None if ref.first_line else _whole(command, text)


def is_zero_match(command: Command) -> bool:
    """Whether this search proves that there is nothing to find in its scope."""
    found_none = command.exit_code == 1 and command.match_count == 0
    return command.tool_name == "rtk_grep" and found_none and command.complete


def _from_extract(record: RunRecord, ref: EvidenceRef, text: str) -> Citation | None:
    name = str(EvidenceRef(ref.path, ref.extract))
    for command in record.evidence.commands:
        for extract in command.extracts:
            if extract.ref == name:
                return _narrowed(command, extract, ref, text)
    return None


def _narrowed(command: Command, extract: Extract, ref: EvidenceRef, text: str) -> Citation | None:
    first, last = ref.first_line or extract.start_line, ref.last_line or extract.end_line
    if not extract.start_line <= first <= last <= extract.end_line:
        return None
    lines = shown_lines(command.text)
    is_all = (first, last) == (extract.start_line, extract.end_line)
    return Citation(
        ref=text,
        path=extract.path,
        first_line=first,
        last_line=last,
        shown=lines[first - extract.start_line : last - extract.start_line + 1],
        sha256=extract.sha256 if is_all else "",
        file_sha256=extract.file_sha256,
        observed_seq=command.seq,
        command=command.index,
        redacted=extract.redacted,
        is_partial=not (extract.start_line == 1 and extract.end_line == extract.total_lines),
    )


@lru_cache(TEXTS_KEPT)
def shown_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a reading as shown, without their numbers."""
    return tuple(line.partition(": ")[2] for line in text.split("\n") if line)


def _from_match(command: Command, ref: EvidenceRef, text: str) -> Citation | None:
    if ref.match > len(command.matches) or ref.first_line:
        return None
    match = command.matches[ref.match - 1]
    return Citation(
        ref=text,
        path=match.path,
        first_line=match.line,
        last_line=match.line,
        shown=(match.text,),
        sha256=match.sha256,
        file_sha256=match.file_sha256,
        observed_seq=command.seq,
        command=command.index,
        redacted=match.redacted,
        is_partial=True,
    )


def _whole(command: Command, text: str) -> Citation:
    """Cite a command. That nothing was found is said of what was asked; anything else only of
    what was shown, or a model could prove a word by asking for it. Why a search failed quotes its
    pattern, and shows nothing."""
    asked = (command.command,) if is_zero_match(command) else ()
    is_failed_search = command.tool_name == "rtk_grep" and command.exit_code > 1
    return Citation(
        ref=text,
        path="",
        first_line=0,
        last_line=0,
        shown=() if is_failed_search else (*asked, *command.text.split("\n")),
        sha256=command.output_hash,
        file_sha256="",
        observed_seq=command.seq,
        command=command.index,
        redacted=bool(command.redactions),
        is_partial=not command.complete,
        is_found=not command.exit_code,
    )
