"""Find whole private keys: PEM, OpenSSH, PGP and PuTTY, also cut off at either end.

A page enters, spans leave. A key goes from its first to its last marker, whatever it is wrapped in:
indented, quoted line by line, behind the signs of a diff, in one line with escaped line ends. Where
one marker is missing, it goes as far as lines hold nothing but base64.
"""

import re
from collections.abc import Iterator

from codex_oss.redaction.families import Page, Span, places

KEY_CHARS_MAX = 65_536  # An RSA key of 16,384 bits has 13,000; a PGP key with subkeys more.
_LAST_LINE_CHARS_MAX = 31  # A line of base64 as short as that is a key's last one.

_MARKER = "PRIVATE KEY"
_MARKER_ENDS = re.compile(r"PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_BEGIN = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]*\Z")
_END = re.compile(r"-{4,5} ?END [A-Z0-9 ]*\Z")
_BEFORE_MARKER_CHARS_MAX = len("-----BEGIN SSH2 ENCRYPTED ")
_NEXT_MARKER = re.compile(r"--[- ]{0,3}(?:END|BEGIN) ")

_WRAPPING = r"""[ \t+\-"'`#*|>,.;:()]{0,64}+"""
_LINE_END = r"(?:\\?\r?\n|(?:\\{1,4}r)?\\{1,4}n|\\{0,4}\Z)"
_KEY_LINE = re.compile(
    rf"{_WRAPPING}(?:\d{{1,6}}[:|\t] ?)?"
    rf"(?P<base64>(?:[A-Za-z0-9+=]|\\{{0,2}}/){{0,16384}}+){_WRAPPING}{_LINE_END}"
)
_HEADER_LINE = re.compile(rf"{_WRAPPING}[A-Z][A-Za-z-]{{2,30}}: [^\r\n\\]{{0,200}}+{_LINE_END}")
_LINE = re.compile(rf".*?{_LINE_END}", re.DOTALL)
_MATERIAL = re.compile(r"(?=[A-Za-z+/]{0,24}[0-9])[A-Za-z0-9+/=]{16}")  # No word of prose.

_PUTTY_MARKER = "Private-Lines: "
_PUTTY_LINES = re.compile(r"\d{1,3}((?:\s{1,4}[A-Za-z0-9+/=]{1,80}+){1,400}+)")


def find_private_keys(page: Page) -> Iterator[Span]:
    """Yield where keys are, markers included."""
    text, done = page.text, 0
    for at in places(text, _MARKER):
        marker_ends = _MARKER_ENDS.match(text, at)
        if at < done or marker_ends is None:
            continue
        before = text[max(done, at - _BEFORE_MARKER_CHARS_MAX) : at]
        if begin := _BEGIN.search(before):
            start = at - len(before) + begin.start()
            done = _end_of_key(text, marker_ends.end())
        elif end := _END.search(before):
            start = _start_of_key(text, done, at - len(before) + end.start())
            done = marker_ends.end()
        else:
            continue
        if _MATERIAL.search(text, start, done):
            yield start, done


def find_putty_keys(page: Page) -> Iterator[Span]:
    for at in places(page.text, _PUTTY_MARKER):
        if found := _PUTTY_LINES.match(page.text, at + len(_PUTTY_MARKER)):
            yield found.span(1)


def _end_of_key(text: str, start: int) -> int:
    """Return the end of the last marker, or of the last line that belongs to the key."""
    following = _NEXT_MARKER.search(text, start, start + KEY_CHARS_MAX)
    if following and "END" in following[0]:
        marker = text.find(_MARKER, following.end(), following.end() + _BEFORE_MARKER_CHARS_MAX)
        if marker >= 0 and (marker_ends := _MARKER_ENDS.match(text, marker)):
            return marker_ends.end()
    end = start
    while end < len(text):
        line = _KEY_LINE.match(text, end) or _HEADER_LINE.match(text, end)
        if line is None or line.end() - start > KEY_CHARS_MAX:
            break
        end = line.end()
        if 0 < len(line.groupdict().get("base64", "")) <= _LAST_LINE_CHARS_MAX:
            break
    return end


def _start_of_key(text: str, earliest: int, end: int) -> int:
    """Return where the lines of base64 begin that go up to a last marker at `end`."""
    start, has_material = end, False
    lines = [line.span() for line in _LINE.finditer(text, max(earliest, end - KEY_CHARS_MAX), end)]
    for span in reversed(lines):
        line = _KEY_LINE.fullmatch(text, *span)
        if line is None or has_material and 0 < len(line["base64"]) <= _LAST_LINE_CHARS_MAX:
            break
        start, has_material = span[0], has_material or bool(line["base64"])
    return start
