"""Text as JSON string literals: taken from a stream, joined and passed on without being parsed.

Bytes or text enter, literals or text leave. The rule it keeps: a literal is valid UTF-8 and holds
no half of a surrogate pair, so that every JSON parser takes it and literals can be joined.
"""

import json
import re
from collections.abc import Iterable

_PLAIN = rb'[^"\\\x00-\x1f]*+'
_ESCAPE = rb'\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
STRING = rb'"(?!")%b(?:%b%b)*+"' % (_PLAIN, _ESCAPE, _PLAIN)
"""One literal that is not empty and escapes no surrogate. It never backtracks."""

to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
"""Write a value as compact JSON. One encoder for all: `json.dumps` would build one a call. What was
read from JSON has no circles; looking for some takes a twentieth of the time."""

_is_string = re.compile(STRING).fullmatch
_are_strings = re.compile(rb"%b(?:\n%b)*+" % (STRING, STRING)).fullmatch


def literal_of(text: str) -> bytes:
    """Return `text` as a literal."""
    return to_json(text).encode("utf-8", "replace")


def text_of(literals: Iterable[bytes]) -> str:
    """Return what these literals say, one after the other."""
    joined: str = json.loads((b'"%b"' % b"".join(each[1:-1] for each in literals)).decode())
    return joined


def is_literal(candidate: bytes) -> bool:
    """Return whether these bytes are one literal and can be passed on as they are."""
    return bool(_is_string(candidate)) and _is_utf8(candidate)


def are_literals(candidates: list[bytes]) -> bool:
    """Return whether each of these is a literal."""
    lines = b"\n".join(candidates)  # No literal holds a line end.
    is_one_a_line = lines.count(b"\n") == len(candidates) - 1
    return is_one_a_line and bool(_are_strings(lines)) and _is_utf8(lines)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def mended(text: str) -> str:
    """Return `text` with surrogate pairs joined and lone halves replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class SurrogateJoiner:
    """Hold back the first half of a pair at the end of one delta until the next brings the other.

    A provider that counts in UTF-16 cuts an emoji in two, and a client written in Rust refuses the
    whole event in which a half stands.
    """

    def __init__(self) -> None:
        self.held = ""

    def take(self, text: str, *, is_last: bool = False) -> str:
        """Return what can be said of `text`; with `is_last` nothing is held back."""
        text = self.held + text
        self.held = text[-1:] if not is_last and "\ud800" <= text[-1:] <= "\udbff" else ""
        return mended(text.removesuffix(self.held))
