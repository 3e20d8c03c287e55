"""Find the lines that a pattern matches, as a program of its own: it may have to be killed.

One job enters on standard input, one answer leaves on standard output, both JSON. The pattern is
the model's and the files are the project's: both may be made so that matching never ends, and `re`
lets no other thread run meanwhile (missions 5.3). Every search starts one of these, so it imports
nothing of ours. Files open beneath the root, never through a link, and only regular ones.
"""

import faulthandler
import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Mapping, Sequence

BAD_PATTERN_EXIT = 3
HEAD_BYTES = 8192  # Where a NUL makes a file binary (missions 5.2).
FILE_BYTES_MAX = 8 << 20
HITS_MAX = 200_000  # Far above what anybody is shown, so that this limit tells nothing of a secret.
FUSE_SLACK_SECONDS = 0.1  # Lighting a fuse costs 100 us: not for each of a thousand small files.

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FLAGS_FIRST = re.compile(r"^(?:\(\?[aimsux]+\))*")
_LOOKS_FAR = re.compile(r"\\[AZz]|\(\?[=!<>(]|[*+?}]\+")
_LOOKS_BESIDE = re.compile(r"[\^$]|\\[bB]")
_GLOB_PARTS = re.compile(r"\*\*/|\*+|\?|\[!?\]?[^\]/]*\]|[{},]|[^*?\[{},]+|\[")
_GLOB_MEANS = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def encoding_of(head: bytes) -> str:
    """Return how the text that begins with `head` is encoded, "" for a binary file."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "" if b"\0" in head[:HEAD_BYTES] else "utf-8"


def text_of(raw: bytes) -> str:
    """Return a file as text: no byte order mark, and U+FFFD for what is no text."""
    return raw.decode(encoding_of(raw), "replace").removeprefix("\ufeff")


def glob_expression(glob: str) -> str:
    """Return the expression of a glob: for whole paths with a `/` in it, else for names."""
    glob = glob.removeprefix("./").removeprefix("/")
    glob += "**" if glob.endswith("/") else ""
    depth, expression = 0, "" if "/" in glob else "(?:.*/)?"
    for part in _GLOB_PARTS.findall(glob):
        depth += {"{": 1, "}": -1}.get(part, 0)
        if part == "," and depth:
            expression += "|"
        elif part in _GLOB_MEANS:
            expression += _GLOB_MEANS[part]
        elif part.startswith("[") and len(part) > 1:
            expression += "[" + re.sub("^!", "^/", part[1:])
        else:
            expression += ".*" if part.startswith("**") else re.escape(part)
    return expression


class Fuse:
    """Ends this process when what is done with it takes too long, even in the middle of a match.

    The watchdog of `faulthandler` is a thread of C that does not wait for the interpreter's lock.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._lit_at = self._fires_at = 0.0

    def __enter__(self) -> None:
        self._lit_at = time.perf_counter()
        if self._lit_at + self._left > self._fires_at + FUSE_SLACK_SECONDS:
            faulthandler.dump_traceback_later(max(self._left, 0.001), exit=True)
            self._fires_at = self._lit_at + self._left

    def __exit__(self, *_: object) -> None:
        self._left -= time.perf_counter() - self._lit_at


class Pattern:
    """What is looked for, line by line, and how far beside a match it looks."""

    def __init__(self, source: str, *, fixed: bool, word: bool, case_sensitive: bool) -> None:
        _compiled("" if fixed else source)  # Tells faults at their positions in what was written.
        body = re.escape(source) if fixed else source
        self._looks_far = not fixed and bool(_LOOKS_FAR.search(source))
        self._looks_beside = word or (not fixed and bool(_LOOKS_BESIDE.search(source)))
        if word:
            body = _FLAGS_FIRST.sub(r"\g<0>(?<!\\w)(?:", body, count=1) + r")(?!\w)"
        flags = re.MULTILINE | (0 if case_sensitive else re.IGNORECASE)
        self._search = _compiled(body, flags).search

    def lines_in(self, text: str) -> list[int]:
        """Return the numbers of the lines that match, each looked at alone."""
        if not self._looks_far and not self._search(text):
            return []  # A pattern that does not look far sees a line's edges here as it does there.
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return [number for number, line in enumerate(lines, 1) if self._search(line)]

    def is_in_part(self, part: str, starts_line: bool, ends_line: bool) -> bool:
        """Whether it matches in a part of a line, whatever else the line holds."""
        found = None if self._looks_far else self._search(part)
        if found is None or not self._looks_beside:
            return found is not None
        return (starts_line or found.start() > 0) and (ends_line or found.end() < len(part))


class Beneath:
    """Reads files below a root. They come in order, so the way to the last one is kept open."""

    def __init__(self, root: str) -> None:
        self._folders = [os.open(root, _FOLDER)]
        self._names: list[str] = []

    def read(self, path: str) -> bytes | str:
        """Return a text file's bytes, or why there are none."""
        *folders, name = path.split("/")
        try:
            self._go_to(folders)
            with os.fdopen(os.open(name, _FILE, dir_fd=self._folders[-1]), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return "unreadable"
                head = file.read(HEAD_BYTES)
                if not encoding_of(head):
                    return "binary"
                raw = head + file.read(FILE_BYTES_MAX + 1 - len(head))
        except OSError:
            return "unreadable"
        return raw if len(raw) <= FILE_BYTES_MAX else "too_large"

    def _go_to(self, folders: list[str]) -> None:
        shared = len(os.path.commonprefix([self._names, folders]))
        while len(self._names) > shared:
            self._names.pop()
            os.close(self._folders.pop())
        for name in folders[shared:]:
            self._folders.append(os.open(name, _FOLDER, dir_fd=self._folders[-1]))
            self._names.append(name)


def search_files(
    pattern: Pattern,
    fuse: Fuse,
    *,
    root: str,
    files: Sequence[Sequence[str]],
    include: str,
    exclude: str,
    seconds: float,
) -> dict[str, object]:
    """Return the lines that match, file by file, as numbers, and what was not searched and why."""
    give_up_at = time.perf_counter() + seconds
    with fuse:
        chosen = _chosen([path for path, _ in files], include, exclude)
    skipped = {"binary": 0, "too_large": 0, "unreadable": 0}
    hits: list[tuple[int, int, list[int]]] = []
    found = searched = 0
    stopped = False
    beneath = Beneath(root)
    for at in chosen:
        stopped = time.perf_counter() > give_up_at or found > HITS_MAX
        if stopped:
            break
        raw = beneath.read(files[at][1])
        if isinstance(raw, str):
            skipped[raw] += 1
            continue
        text = text_of(raw).replace("\r\n", "\n")
        with fuse:
            numbers = pattern.lines_in(text)
        searched += 1
        if numbers:
            hits.append((at, zlib.crc32(raw), numbers))
            found += len(numbers)
    return {"hits": hits, "searched": searched, "skipped": skipped, "stopped": stopped}


def search_parts(
    pattern: Pattern, fuse: Fuse, *, parts: Sequence[tuple[str, bool, bool]]
) -> dict[str, object]:
    """Return for each part of a line whether the pattern matches in it."""
    with fuse:
        return {"matching": [pattern.is_in_part(*part) for part in parts]}


def _chosen(paths: Sequence[str], include: str, exclude: str) -> list[int]:
    is_in, is_out = _matcher(include or "**"), _matcher(exclude)
    return [at for at, path in enumerate(paths) if is_in(path) and not (exclude and is_out(path))]


def _matcher(glob: str) -> Callable[[str], object]:
    try:
        return _compiled(glob_expression(glob)).fullmatch
    except re.error as error:
        raise re.error(f"in the glob `{glob}`: {error.msg}") from error


def _compiled(expression: str, flags: int = 0) -> re.Pattern[str]:
    """Compile, and let every way in which `re` refuses be the one that it documents."""
    try:
        return re.compile(expression, flags)
    except (ValueError, RecursionError, OverflowError) as error:
        raise re.error(str(error)) from error


SEARCHES: Mapping[str, Callable[..., dict[str, object]]] = {
    "files": search_files,
    "parts": search_parts,
}


def main() -> None:
    with os.fdopen(0, "rb") as source:
        job = json.load(source)
    fuse = Fuse(job["pattern_seconds"])
    exit_code = 0
    try:
        with fuse:
            pattern = Pattern(**job["pattern"])
        answer = json.dumps(SEARCHES[job["search"]](pattern, fuse, **job["where"]))
    except (re.error, MemoryError) as error:
        exit_code, answer = BAD_PATTERN_EXIT, str(error) or type(error).__name__
    with os.fdopen(1, "wb") as target:
        target.write(answer.encode())
    raise SystemExit(exit_code)


if __name__ == "__main__":
    main()
