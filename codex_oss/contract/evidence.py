"""How shown lines are named, so that a finding can be checked later.

`file:PATH#extract:N` is the N-th reading of PATH in a run (from 1), `command:N` the N-th executed
tool call (from 0), `command:N#match:M` its M-th match (from 1), `command:N#zero_match` the proof
that there is none; `@L88-L96` narrows an extract. Text enters, an `EvidenceRef` leaves, or `None`
where the text is no reference (missions 11.1).
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_REF = re.compile(
    r"(?:file:(?P<path>[^#\s]+)#extract:(?P<extract>[1-9]\d{0,5})"
    r"|command:(?P<command>\d{1,6})(?:#match:(?P<match>[1-9]\d{0,5})|(?P<zero>#zero_match))?)"
    r"(?:@L(?P<first>[1-9]\d{0,8})(?:-L?(?P<last>[1-9]\d{0,8}))?)?"
)
_QUOTED = re.compile(r"[%#\s\x00-\x1f\x7f-\x9f]")

EVIDENCE_SHAPES = (
    *("function_definition", "class_definition", "mapping_assignment", "dictionary_entry"),
    *("literal_value", "config_value", "flag_parameter", "flag_read", "behavior_derivation"),
    *("zero_match", "grep_zero_match", "test_assertion", "test_definition"),
    *("verification_command", "source_change"),
)
"""What a contract may ask its evidence to look like (missions 11.2)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a file as they were shown: `sha256` is over their bytes with their line ends, after
    redaction; without redaction it is what `sed -n 'FIRST,LASTp' PATH | sha256sum` says."""

    path: str
    first_line: int
    last_line: int
    total_lines: int
    sha256: str
    file_sha256: str
    redacted: bool = False

    @property
    def is_whole_file(self) -> bool:
        return self.first_line == 1 and self.last_line == self.total_lines


@dataclass(frozen=True, slots=True)
class Match:
    """One matching line: its text as shown, and the digest of the line with its end."""

    path: str
    line: int
    text: str
    sha256: str
    file_sha256: str
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """A parsed reference. Exactly one of `path` (with `extract`) and `command` is set."""

    path: str = ""
    extract: int = 0
    command: int | None = None
    match: int = 0
    zero_match: bool = False
    first_line: int = 0
    last_line: int = 0

    def __str__(self) -> str:
        if self.command is None:
            path = _QUOTED.sub(lambda found: quote(found[0]), self.path)
            text = f"file:{path}#extract:{self.extract}"
        else:
            text = f"command:{self.command}"
            text += f"#match:{self.match}" if self.match else "#zero_match" * self.zero_match
        return text + (f"@L{self.first_line}-L{self.last_line}" if self.first_line else "")


def parse_ref(text: str) -> EvidenceRef | None:
    """Return the reference that `text` is, or `None`."""
    found = _REF.fullmatch(text.strip())
    if found is None:
        return None
    first, last = int(found["first"] or 0), int(found["last"] or found["first"] or 0)
    if first > last:
        first, last = last, first
    if found["path"]:
        return EvidenceRef(
            unquote(found["path"]), int(found["extract"]), None, 0, False, first, last
        )
    return EvidenceRef(
        command=int(found["command"]),
        match=int(found["match"] or 0),
        zero_match=bool(found["zero"]),
        first_line=first,
        last_line=last,
    )
