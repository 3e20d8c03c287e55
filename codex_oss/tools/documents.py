"""Turn a file's bytes into lines that may be shown, and into digests that anybody can check.

An open file enters, a `Document` leaves: some of its lines, as they are and as they read without
their secrets. Only the wanted lines and their surroundings are held and redacted, so that a large
file costs no more than a small one; secrets are shorter than the surroundings.

A digest is over the bytes of whole lines with their ends, so that `sed -n 'S,Ep' FILE | sha256sum`
says the same; where redaction changed one of them, over the redacted text in UTF-8 (missions 11.1).
A file in UTF-16 counts as what it is in UTF-8.
"""

import hashlib
import io
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from codex_oss.deadline import Deadline
from codex_oss.redaction import Redactor
from codex_oss.tools.observations import Failed
from codex_oss.tools.search_program import FILE_BYTES_MAX, HEAD_BYTES, encoding_of

LINE_CHARACTERS_MAX = 4_000
LINE_BYTES_MAX = 8 << 20  # A longer line is no text; nothing of a file is held for it.
WHOLE_BYTES_MAX = FILE_BYTES_MAX  # What a search reads of one file, and a second look at it.
UNRANGED_BYTES_MAX = 64 << 20  # Missions 5.2: above this a range must be given.
DIGEST_BYTES_MAX = 256 << 20  # Of a binary file: half a second to two, and a call has twenty.
WANTED_BYTES_MAX = 1 << 20  # Held of the wanted lines: ten times what is ever shown.
AROUND_LINES = 1_000  # The longest private keys have some hundred lines.
AROUND_BYTES_MAX = 1 << 18
TOKEN_CHARACTERS_MAX = 64  # Of `_TOKEN`.
LINES_BETWEEN_CHECKS = 10_000  # Of the deadline: some milliseconds.

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, what makes a line read in another order, and what no UTF-8 can carry."""

_TOKEN = re.compile(r"\[redacted:[a-z0-9-]{1,40}:[0-9a-f]{4}\]")
_CUT = re.compile(r"(.*)\[\+\d+ chars\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """The lines `first` and following of a file: `raw` with their ends, `plain` the same as text,
    `clear` without secrets. `wanted` are the numbers of the lines that were asked for."""

    first: int
    raw: tuple[bytes, ...]
    plain: tuple[str, ...]
    clear: tuple[str, ...]
    wanted: range
    total_lines: int
    sha256: str
    is_lossy: bool

    def __post_init__(self) -> None:
        assert len(self.raw) == len(self.plain) == len(self.clear), "redaction moved a line"

    def shown(self, number: int, characters_max: int = LINE_CHARACTERS_MAX) -> str:
        """Return a line as it is shown: no end, no secret, nothing that acts on a terminal."""
        return shown_text(self._clear_line(number), characters_max)

    def is_redacted(self, number: int) -> bool:
        at = number - self.first
        return self.plain[at] != self.clear[at]

    def redactions(self, number: int) -> int:
        """Return how many secrets of this line are not shown, at least 1 if it is redacted."""
        return max(1, len(_TOKEN.findall(self._clear_line(number)))) * self.is_redacted(number)

    def parts(self, number: int) -> list[tuple[str, bool, bool]]:
        """Return what stands beside the secrets of a line, and whether each part begins and ends
        the line. A line in the middle of a secret has no such parts."""
        parts = _TOKEN.split(self._clear_line(number))
        if len(parts) == 1:
            return []
        follows_secret = number > self.first and self.is_redacted(number - 1)
        last = len(parts) - 1
        return [(p, at == 0 and not follows_secret, at == last) for at, p in enumerate(parts)]

    def reads(self, number: int, line: str) -> bool:
        """Whether a line reads like this one was shown, however short it was cut."""
        if line == self.shown(number):
            return True
        cut = _CUT.fullmatch(line)
        return cut is not None and line == self.shown(number, len(cut[1]))

    def digest(self, first: int, last: int) -> tuple[str, bool]:
        """Return the digest of lines, and whether it is over redacted text."""
        lines = slice(first - self.first, last - self.first + 1)
        is_redacted = self.plain[lines] != self.clear[lines]
        data = "".join(self.clear[lines]).encode() if is_redacted else b"".join(self.raw[lines])
        return hashlib.sha256(data).hexdigest(), is_redacted

    def _clear_line(self, number: int) -> str:
        line = self.clear[number - self.first]
        return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def shown_text(text: str, characters_max: int = LINE_CHARACTERS_MAX) -> str:
    """Return a text on one line, with escapes for what acts instead of being read. It is not cut
    within what stands for a secret."""
    text = _HIDDEN.sub(_escaped, text)
    if len(text) <= characters_max:
        return text
    for token in _TOKEN.finditer(text, max(0, characters_max - TOKEN_CHARACTERS_MAX)):
        if token.start() < characters_max < token.end():
            characters_max = token.start()
    return f"{text[:characters_max]}[+{len(text) - characters_max} chars]"


def is_cut(line: str) -> bool:
    """Whether a line that is shown was too long to be shown whole."""
    return _CUT.fullmatch(line) is not None


def fitting(lines: Iterable[str], bytes_max: int) -> list[str]:
    """Return as many lines as fit, joined with line ends."""
    kept: list[str] = []
    for line in lines:
        bytes_max -= len(line.encode()) + 1
        if bytes_max < -1:
            break
        kept.append(line)
    return kept


def read_document(
    file: BinaryIO,
    redactor: Redactor,
    deadline: Deadline,
    *,
    first: int = 1,
    last: int | None = None,
    bytes_max: int = WANTED_BYTES_MAX,
) -> Document | Failed:
    """Read the lines `first` to `last` of a file, or as many of them as fit into `bytes_max`."""
    encoding = encoding_of(file.read(HEAD_BYTES))
    file.seek(0)
    sha256 = ""
    if not encoding:
        return _binary(file, deadline)
    if encoding == "utf-16":  # Its line ends are not found in its bytes, so it is read whole.
        raw = file.read(UNRANGED_BYTES_MAX + 1)
        if len(raw) > UNRANGED_BYTES_MAX:
            return Failed("too_large", f"UTF-16 is read up to {UNRANGED_BYTES_MAX >> 20} MiB")
        sha256 = hashlib.sha256(raw).hexdigest()
        file = io.BytesIO(raw.decode(encoding, "replace").encode())
    window = _Window(first, last, bytes_max)
    if failed := window.fill(file, deadline):
        return failed
    raw_text = b"".join(window.lines)
    text = raw_text.decode("utf-8", "replace")
    if window.first == 1:
        text = text.removeprefix("\ufeff")
    return Document(
        window.first,
        tuple(window.lines),
        _lines_of(text),
        _lines_of(redactor.redact(text).text),
        range(first, first + window.wanted),
        window.total_lines,
        sha256 or window.digest.hexdigest(),
        "\ufffd" in text,
    )


class _Window:
    """What is held of a file that is read once: the wanted lines and some before and after."""

    def __init__(self, first: int, last: int | None, bytes_max: int) -> None:
        self._first, self._last, self._wanted_left = first, last, bytes_max
        self._before = 0
        self._after_left, self._after_lines_left = AROUND_BYTES_MAX, AROUND_LINES
        self.first = 1
        self.lines: deque[bytes] = deque()
        self.wanted = self.total_lines = 0
        self.digest = hashlib.sha256()

    def fill(self, file: BinaryIO, deadline: Deadline) -> Failed | None:
        for line in iter(partial(file.readline, LINE_BYTES_MAX), b""):
            if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
                return Failed("line_too_long", f"a line has more than {LINE_BYTES_MAX >> 20} MiB")
            if self.total_lines % LINES_BETWEEN_CHECKS == 0 and deadline.is_over:
                return _TOO_SLOW
            self.digest.update(line)
            self.total_lines += 1
            self._take(line)
        return None

    def _take(self, line: bytes) -> None:
        number = self.total_lines
        if number < self._first:
            self._take_before(line)
        elif number != self.first + len(self.lines):
            return  # One before it was not held, so what is held ends there.
        elif self._is_wanted(line):
            self.lines.append(line)
            self.wanted += 1
            self._wanted_left -= len(line)
        elif self._after_lines_left and len(line) <= self._after_left:
            self.lines.append(line)
            self._after_lines_left -= 1
            self._after_left -= len(line)

    def _take_before(self, line: bytes) -> None:
        self.lines.append(line)
        self._before += len(line)
        while len(self.lines) > AROUND_LINES or self._before > AROUND_BYTES_MAX:
            self._before -= len(self.lines.popleft())
        self.first = self.total_lines - len(self.lines) + 1

    def _is_wanted(self, line: bytes) -> bool:
        number = self.total_lines
        if number != self._first + self.wanted or (self._last is not None and number > self._last):
            return False
        return not self.wanted or len(line) <= self._wanted_left


_TOO_SLOW = Failed("too_slow", "it was not read in time: give a range near its beginning")


def _binary(file: BinaryIO, deadline: Deadline) -> Failed:
    """Say what was seen in its head; a digest goes with it where there is time for one."""
    size, digest = file.seek(0, io.SEEK_END), hashlib.sha256()
    if size > DIGEST_BYTES_MAX:
        return Failed("binary_file", f"{size} bytes, too many for a digest")
    file.seek(0)
    while chunk := file.read(LINE_BYTES_MAX):
        if deadline.is_over:
            return Failed("binary_file", f"{size} bytes, no time for a digest")
        digest.update(chunk)
    return Failed("binary_file", f"{size} bytes, sha256 {digest.hexdigest()}")


def _lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text with their ends. Only `\n` ends a line, as for `sed`."""
    *lines, rest = text.split("\n")
    return (*(f"{line}\n" for line in lines), *((rest,) if rest else ()))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
