"""Look again at what was cited: are these lines still there, and do they read the same?

A path, line numbers and the lines as they were shown enter, a `Rechecked` leaves. Lines that stand
elsewhere in their file, and only once, have moved; everything else that changed is stale
(missions 11.1).
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from codex_oss.deadline import Deadline
from codex_oss.tools.documents import WHOLE_BYTES_MAX, Document, read_document
from codex_oss.tools.guard import Guard
from codex_oss.tools.observations import Denied, Failed, Observation

QUOTE_CHARACTERS_MAX = 240

Verification = Literal["verified", "moved", "stale", "missing"]


@dataclass(frozen=True, slots=True)
class Cited:
    """Lines as a log holds them. `sha256` is "" where only a part of a shown span is cited."""

    path: str
    first_line: int
    last_line: int
    shown: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What was found, and where. Line numbers and digests are those of this moment."""

    verification: Verification
    first_line: int = 0
    last_line: int = 0
    sha256: str = ""
    file_sha256: str = ""
    redacted: bool = False
    quote: str = ""


def recheck(guard: Guard, cited: Cited, deadline: Deadline) -> Rechecked:
    """Read a file again and say what became of the cited lines."""
    document = _read(guard, cited.path, cited.first_line, cited.last_line, deadline)
    if isinstance(document, Failed):
        return Rechecked("missing", cited.first_line, cited.last_line)
    if _stands_at(cited, document, cited.first_line):
        return _at(cited, document, cited.first_line, "verified")
    document = _read(guard, cited.path, 1, None, deadline)
    if isinstance(document, Failed):
        return Rechecked("missing", cited.first_line, cited.last_line)
    starts = [number for number in document.wanted if _stands_at(cited, document, number)]
    if len(starts) == 1 and len(document.wanted) == document.total_lines:
        return _at(cited, document, starts[0], "moved")
    return Rechecked("stale", cited.first_line, cited.last_line, file_sha256=document.sha256)


def same_result(shown: str, again: Observation | Denied) -> Rechecked:
    """Compare a call's result with what the same call gives at this moment."""
    if isinstance(again, Denied):
        return Rechecked("missing")
    head, _, _ = shown.rpartition("\n[cut: ")
    is_same = again.text == shown or bool(head) and again.text.startswith(head)
    sha256 = hashlib.sha256(shown.encode() if is_same else again.text.encode()).hexdigest()
    quote = shown[:QUOTE_CHARACTERS_MAX]
    return Rechecked("verified" if is_same else "stale", sha256=sha256, quote=quote)


def _read(
    guard: Guard, path: str, first: int, last: int | None, deadline: Deadline
) -> Document | Failed:
    file = guard.resolve(path)
    if isinstance(file, Denied):
        return Failed(file.code, file.rule)
    opened = guard.open(file)
    if isinstance(opened, Failed):
        return opened
    with opened:
        return read_document(
            opened, guard.redactor, deadline, first=first, last=last, bytes_max=WHOLE_BYTES_MAX
        )


def _stands_at(cited: Cited, document: Document, first: int) -> bool:
    last = first + len(cited.shown) - 1
    if not cited.shown or last not in document.wanted or first not in document.wanted:
        return False
    if not all(document.reads(first + at, line) for at, line in enumerate(cited.shown)):
        return False
    return cited.sha256.removeprefix("sha256:") in ("", document.digest(first, last)[0])


def _at(cited: Cited, document: Document, first: int, verification: Verification) -> Rechecked:
    last = first + len(cited.shown) - 1
    sha256, redacted = document.digest(first, last)
    quote = "\n".join(cited.shown)[:QUOTE_CHARACTERS_MAX]
    return Rechecked(verification, first, last, sha256, document.sha256, redacted, quote)
