"""Read lines of a file and list a folder: `rtk_read` and `rtk_ls`.

A call and what it may use enter, an observation or a denial leaves. What a result may be long is
fixed before anything is read, and it is cut between lines (missions 5.1, 5.2).
"""

import os
from contextlib import suppress
from unicodedata import normalize

from codex_oss.contract import Denial, Span, normalise
from codex_oss.tools.answers import NOTE_BYTES, Means, failure, flags, note
from codex_oss.tools.documents import UNRANGED_BYTES_MAX, Document, fitting, is_cut, read_document
from codex_oss.tools.guard import Guard, Resolved, failed_open
from codex_oss.tools.observations import Denied, Failed, Observation, ToolCall
from codex_oss.tools.tree import Tree

FIRST_LINE_BYTES_MIN = 64  # Its number, and the count of what was cut.
ENTRIES_MAX = 2_000


def read(call: ToolCall, means: Means) -> Observation | Denied:
    """`rtk_read`: numbered lines of a file, and the span that they are."""
    guard = means.guard
    file = guard.resolve(call.text("path"))
    if isinstance(file, Denied):
        return file
    first, last = call.whole("start_line") or 1, call.whole("end_line")
    if last is not None and last < first:
        first, last = last, first
    opened = guard.open(file)
    if isinstance(opened, Failed):
        return failure(call, opened, file.path)
    with opened:
        size = os.fstat(opened.fileno()).st_size
        if size > UNRANGED_BYTES_MAX and (first, last) == (1, None):
            message = f"it has {size} bytes: give start_line and end_line"
            return failure(call, Failed("too_large", message), file.path)
        document = read_document(opened, guard.redactor, means.deadline, first=first, last=last)
    if isinstance(document, Failed):
        return failure(call, document, file.path)
    if not document.wanted and first > 1:
        lines = document.total_lines
        return failure(call, Failed("past_end", f"it has {lines} lines"), file.path, lines)
    return _extract(call, means, file.path, document, last)


def _extract(
    call: ToolCall, means: Means, path: str, document: Document, last: int | None
) -> Observation:
    first, total = document.wanted.start, document.total_lines
    shown = _numbered(document, means.result_bytes_max)
    end = first + len(shown) - 1
    is_truncated = end < min(last or total, total)
    sha256, redacted = document.digest(first, end)
    span = Span(path, first, end, total, sha256, document.sha256, redacted)
    return Observation(
        tool=call.name,
        command=call.key,
        exit_code=0,
        text="\n".join(shown),
        complete=not is_truncated and not any(map(is_cut, shown)),
        truncated=is_truncated,
        path=path,
        next=call.changed(start_line=end + 1, end_line=last).key if is_truncated else "",
        spans=(span,) if shown else (),
        redactions=sum(map(document.redactions, range(first, end + 1))),
        risk_flags=flags(means.guard, path, is_lossy=document.is_lossy),
        total_lines=total,
    )


def _numbered(document: Document, bytes_max: int) -> list[str]:
    """Return the lines that fit. The first one always does: else nothing could ever go on."""
    lines = fitting((f"{n}: {document.shown(n)}" for n in document.wanted), bytes_max)
    if lines or not document.wanted:
        return lines
    number = document.wanted.start
    characters_max = max(1, (bytes_max - FIRST_LINE_BYTES_MIN) // 4)
    return [f"{number}: {document.shown(number, characters_max)}"]


def list_folder(call: ToolCall, means: Means) -> Observation | Denied:
    """`rtk_ls`: name, type and size of what stands in a folder, as far as it may be seen."""
    guard = means.guard
    folder = guard.resolve_folder(call.text("path"))
    if isinstance(folder, Denied):
        return folder
    entries_max = call.whole("max_entries") or ENTRIES_MAX
    listing = _Listing(guard, entries_max)
    try:
        listing.add(folder, "", call.whole("depth") or 1)
    except NotADirectoryError:
        failed = Failed("not_a_folder", "read it with rtk_read, or list the folder above")
        return failure(call, failed, folder.path)
    except OSError as error:
        return failure(call, failed_open(error), folder.path)
    lines = listing.lines[:entries_max]
    shown = fitting(lines, means.result_bytes_max - NOTE_BYTES)
    cut = f"the first {len(shown)} entries" if len(shown) < len(listing.lines) else ""
    more = call.changed(max_entries=ENTRIES_MAX).key if entries_max < ENTRIES_MAX else ""
    return Observation(
        tool=call.name,
        command=call.key,
        exit_code=0,
        text="\n".join((*shown, *note(cut=cut, hidden=str(listing.hidden or "")))),
        complete=not cut,
        truncated=bool(cut),
        path=folder.path,
        next=more if cut and shown == lines else "",
    )


class _Listing:
    """The visible entries below a folder, and how many are not visible."""

    def __init__(self, guard: Guard, entries_max: int) -> None:
        self._guard, self._entries_max = guard, entries_max
        self._tree = Tree(guard.root)
        self.lines: list[str] = []
        self.hidden = 0

    def add(self, folder: Resolved, prefix: str, depth: int) -> None:
        above = "" if folder.path == "." else f"{folder.path}/"
        entries = _entries(self._guard, folder)
        secret = self._guard.with_secrets(above + name for name, _, _ in entries)
        for name, kind, size in entries:
            if len(self.lines) > self._entries_max:  # One more tells that there are more.
                return
            path = above + normalize("NFC", name)
            found = self._guard.judge(path, self._tree, is_folder=kind == "folder")
            if isinstance(found, Denial) or normalise(path) != path or above + name in secret:
                self.hidden += 1
                continue
            self.lines.append(f"{prefix}{name} {kind} {size}")
            if kind == "folder" and depth > 1:
                with suppress(OSError):  # One that cannot be listed was seen at least.
                    self.add(found, f"{prefix}{name}/", depth - 1)


def _entries(guard: Guard, folder: Resolved) -> list[tuple[str, str, str]]:
    """Return name, type and size of everything in a folder, or raise `OSError`."""
    fd = guard.open_beneath(folder)
    try:
        with os.scandir(fd) as entries:
            return sorted((entry.name, *_kind_and_size(entry)) for entry in entries)
    finally:
        os.close(fd)


def _kind_and_size(entry: os.DirEntry[str]) -> tuple[str, str]:
    if entry.is_symlink():
        return "link", "-"
    if entry.is_dir(follow_symlinks=False):
        return "folder", "-"
    with suppress(OSError):  # Removed since it was listed.
        if entry.is_file(follow_symlinks=False):
            return "file", str(entry.stat(follow_symlinks=False).st_size)
    return "other", "-"
