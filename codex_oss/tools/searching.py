"""Search files for a pattern: `rtk_grep`.

A call and what it may use enter, an observation or a denial leaves. The pattern runs in a child
that can be killed (`search_program`); redaction, digests and limits are applied here.

What is found must not depend on a secret, or patterns could guess one letter after the other. So a
line that redaction leaves alone is found by its own text; of a line with a secret only the parts
beside it count, and a match must stand wholly in one of them; and every limit counts lines that
were found, never lines that were looked at.
"""

import io
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from codex_oss.contract import Match
from codex_oss.errors import ProcessFailed
from codex_oss.system import minimal_env, run
from codex_oss.tools.answers import NOTE_BYTES, Means, failure, flags, note
from codex_oss.tools.documents import WHOLE_BYTES_MAX, Document, fitting, read_document
from codex_oss.tools.guard import Resolved, ScopeFiles
from codex_oss.tools.observations import Denied, Failed, Observation, ToolCall
from codex_oss.tools.search_program import BAD_PATTERN_EXIT

PROGRAM = Path(__file__).with_name("search_program.py")
MATCHES_COUNTED_MAX = 1_000  # A search is broad from 100 on; beyond this nobody needs the number.
RESULTS_MAX = 500
ANSWER_BYTES_MAX = 64 << 20  # The numbers of 200,000 lines, some bytes each.
CHILD_SHARE = 0.75  # Of the time left. What it found must still be read and redacted.

_TOKENS = re.compile(r"\\[pP]\{|\\.|\[\[:|\(\?<(?![=!])|.", re.DOTALL)
_FOREIGN = {
    r"\p{": r"write [^\W\d_] for letters, \d for digits, or a range like [А-я]",
    r"\P{": r"write [\W\d_] for what is no letter, \D for what is no digit",
    r"\h": r"write [ \t]",
    r"\<": r"write \b for a word's edge, < for the character",
    r"\>": r"write \b for a word's edge, > for the character",
    r"\Q": "set fixed_strings to true",
    r"\z": r"write \Z",
    "[[:": r"write [A-Za-z], \d, \w or \s for a POSIX class",
    "(?<": "write (?P<name>...) for a named group",
}
"""What other dialects write. Some of it Python reads too, as something else: that would find
nothing, and prove what is not true."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the child answers: lines by file, and what it did not search."""

    hits: Sequence[tuple[int, int, Sequence[int]]]
    searched: int
    skipped: Mapping[str, int]
    stopped: bool


@dataclass(frozen=True, slots=True)
class _Hit:
    """A line that matched as it is, and what may be shown of it."""

    match: Match
    around: tuple[tuple[int, str], ...]
    parts: Sequence[tuple[str, bool, bool]]
    redactions: int
    flags: tuple[str, ...]


def grep(call: ToolCall, means: Means) -> Observation | Denied:
    """`rtk_grep`: the lines of readable files that match a pattern."""
    scope = means.guard.searchable(call.text("path") or ".")
    if isinstance(scope, Denied):
        return scope
    if isinstance(scope, Failed):
        return failure(call, scope, call.text("path"))
    found = _foreign(call) or _search(call, means, scope)
    if isinstance(found, Failed):
        return failure(call, found)
    hits, is_whole = _read_hits(call, means, scope.files, found)
    kept = _independent(call, means, hits)
    if isinstance(kept, Failed):
        return failure(call, kept)
    skipped = Counter({"denied": scope.denials.total()}) + Counter(found.skipped)
    is_whole = is_whole and not (found.stopped or scope.is_cut)
    return _observation(call, means, kept, skipped, found.searched, is_whole=is_whole)


def _foreign(call: ToolCall) -> Failed | None:
    """Say how Python spells what the pattern borrows from another dialect."""
    for token in () if call.flag("fixed_strings") else _TOKENS.finditer(call.text("pattern")):
        if hint := _FOREIGN.get(token[0]):
            message = f"position {token.start()}: `{token[0]}` is no Python; {hint}"
            return Failed("bad_pattern", message)
    return None


def _search(call: ToolCall, means: Means, scope: ScopeFiles) -> _Found | Failed:
    where = {
        "root": str(means.guard.root),
        "files": [(file.path, file.real_path) for file in scope.files],
        "include": call.text("include_glob"),
        "exclude": call.text("exclude_glob"),
        "seconds": CHILD_SHARE * means.deadline.seconds_left(),
    }
    answer = _ask_child(call, means, "files", where)
    return answer if isinstance(answer, Failed) else _Found(**json.loads(answer))


def _ask_child(
    call: ToolCall, means: Means, search: str, where: Mapping[str, object]
) -> bytes | Failed:
    """Let the program search and return its answer, or how the pattern brought it down."""
    pattern = {
        "source": call.text("pattern"),
        "fixed": call.flag("fixed_strings"),
        "word": call.flag("word"),
        "case_sensitive": call.flag("case_sensitive"),
    }
    limit = means.pattern_seconds
    job = {"search": search, "pattern": pattern, "pattern_seconds": limit, "where": where}
    done = run(
        (sys.executable, "-I", "-S", str(PROGRAM)),
        env=minimal_env(),
        input=json.dumps(job).encode(),
        seconds_max=means.deadline.seconds_left(),
        output_bytes_max=ANSWER_BYTES_MAX,
        deadline=means.deadline,
    )
    means.deadline.raise_if_cancelled()
    if done.timed_out or done.exit_code < 0:
        return Failed("search_timeout", "it was ended before its end: search a narrower path")
    if done.stderr.startswith(b"Timeout ("):  # The words of `faulthandler`.
        return Failed("pattern_timeout", f"it ran {limit:g} s: avoid repeats inside repeats")
    if done.exit_code == BAD_PATTERN_EXIT:
        return Failed("bad_pattern", done.stdout.decode())
    if done.exit_code or done.truncated:
        tail = done.stderr[-500:].decode(errors="replace")
        raise ProcessFailed(f"the search program ended with {done.exit_code}: {tail}")
    return done.stdout


def _read_hits(
    call: ToolCall, means: Means, files: Sequence[Resolved], found: _Found
) -> tuple[list[_Hit], bool]:
    """Return the lines that the child found, as they may be shown, and whether these are all."""
    hits: list[_Hit] = []
    is_whole = True
    plain = 0  # Found for sure: lines without a secret.
    for at, checksum, numbers in found.hits:
        document = _document(means, files[at], checksum)
        if document is None:
            is_whole = False
            continue
        for number in numbers:
            if plain >= MATCHES_COUNTED_MAX or means.deadline.is_over:
                return hits, False
            hit = _hit(call, means, files[at].path, document, number)
            hits.append(hit)
            plain += not hit.match.redacted
            if call.flag("files_with_matches") and not hit.match.redacted:
                break
    return hits, is_whole


def _document(means: Means, file: Resolved, checksum: int) -> Document | None:
    """Return a file as the child saw it, `None` if it has changed since."""
    opened = means.guard.open(file)
    if isinstance(opened, Failed):
        return None
    with opened:
        raw = opened.read(WHOLE_BYTES_MAX + 1)
    if zlib.crc32(raw) != checksum:
        return None
    redactor, deadline = means.guard.redactor, means.deadline
    document = read_document(io.BytesIO(raw), redactor, deadline, bytes_max=WHOLE_BYTES_MAX)
    return None if isinstance(document, Failed) else document


def _hit(call: ToolCall, means: Means, path: str, document: Document, number: int) -> _Hit:
    sha256, redacted = document.digest(number, number)
    match = Match(path, number, document.shown(number), sha256, document.sha256, redacted)
    reach = call.whole("context_lines") or 0
    around = range(max(1, number - reach), min(document.total_lines, number + reach) + 1)
    return _Hit(
        match=match,
        around=tuple((n, document.shown(n)) for n in around if n != number),
        parts=document.parts(number),
        redactions=sum(map(document.redactions, around)),
        flags=flags(means.guard, path, is_lossy=document.is_lossy),
    )


def _independent(call: ToolCall, means: Means, hits: Sequence[_Hit]) -> list[_Hit] | Failed:
    """Return the hits that would be there whatever the secrets are."""
    parts = [part for hit in hits if hit.match.redacted for part in hit.parts]
    if not parts:
        return [hit for hit in hits if not hit.match.redacted]
    answer = _ask_child(call, means, "parts", {"parts": parts})
    if isinstance(answer, Failed):
        return answer
    matching = iter(json.loads(answer)["matching"])
    kept = []
    for hit in hits:
        if not hit.match.redacted or any([next(matching) for _ in hit.parts]):
            kept.append(hit)
    return kept


def _observation(
    call: ToolCall,
    means: Means,
    hits: Sequence[_Hit],
    skipped: Counter[str],
    searched: int,
    *,
    is_whole: bool,
) -> Observation:
    names_only = call.flag("files_with_matches")
    found = [next(of_file) for _, of_file in groupby(hits, _path)] if names_only else hits
    results_max = call.whole("max_results") or RESULTS_MAX
    chosen = found[:results_max]
    rows = [(hit.match.path, None) for hit in chosen] if names_only else list(_rows(chosen))
    lines = fitting((line for line, _ in rows), means.result_bytes_max - NOTE_BYTES)
    matches = tuple(match for _, match in rows[: len(lines)] if match)
    shown = len(lines) if names_only else len(matches)
    is_cut = shown < len(found) or not is_whole
    at_least = "" if is_whole else "at least "
    cut = f"{shown} of {at_least}{len(found)} results are shown" if is_cut else ""
    left_out = ", ".join(f"{count} {why}" for why, count in sorted(skipped.items()))
    kept = chosen[:shown]
    return Observation(
        tool=call.name,
        command=call.key,
        exit_code=0 if found else 1,
        text="\n".join((*lines, *note(cut=cut, skipped=left_out))),
        complete=not (is_cut or skipped["too_large"] or skipped["unreadable"]) and searched > 0,
        truncated=is_cut,
        path=call.text("path"),
        next=_next(call, results_max) if shown < len(found) else "",
        matches=matches,
        match_count=len(found),
        redactions=0 if names_only else sum(hit.redactions for hit in kept),
        risk_flags=tuple(dict.fromkeys(flag for hit in kept for flag in hit.flags)),
        files_searched=searched,
    )


def _rows(hits: Sequence[_Hit]) -> Iterator[tuple[str, Match | None]]:
    """Yield each line to show, with the match that it is; `--` stands where lines are missing."""
    above = ("", 0)
    for path, of_file in groupby(hits, _path):
        same = list(of_file)
        matches = {hit.match.line: hit.match for hit in same}
        around = {number: text for hit in same for number, text in hit.around}
        for number in sorted(matches.keys() | around.keys()):
            if around and above not in (("", 0), (path, number - 1)):
                yield "--", None
            above = (path, number)
            match = matches.get(number)
            yield (
                f"{path}:{number}: {match.text}" if match else f"{path}-{number}- {around[number]}",
                match,
            )


def _next(call: ToolCall, results_max: int) -> str:
    """Return the call that shows more: more lines, then only the names of the files."""
    if results_max < RESULTS_MAX:
        return call.changed(max_results=RESULTS_MAX).key
    return "" if call.flag("files_with_matches") else call.changed(files_with_matches=True).key


def _path(hit: _Hit) -> str:
    return hit.match.path
