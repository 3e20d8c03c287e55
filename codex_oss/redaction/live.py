"""Find this installation's own keys, whatever encoding they went through.

Keys enter once, texts after that; spans leave, each with the key it stands for. Other patterns
guess; here the value is known, so that every place is found where it stands plain, reversed, in
base64 at any offset, in hex, or with any of its characters escaped for JSON, an address or HTML.
"""

import base64
import re
from collections.abc import Iterable, Iterator

from codex_oss.errors import BadSettings
from codex_oss.redaction.families import Page, Span, compiled, is_long_word, places

LIVE_CHARS_MIN = 8  # A shorter one occurs in ordinary words, and would blank them everywhere.
_ESCAPE_MARKS = ("\\", "%", "&")  # Every escape begins with one.
_ENTITIES = {"&": ["amp"], "<": ["lt"], ">": ["gt"], '"': ["quot"], "'": ["apos"]}


class LiveSecrets:
    """The keys of this installation. Empty ones are not set; short ones are refused: BadSettings,
    which tells the length and never the value."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret.strip() for secret in secrets} - {""})
        for secret in known:
            _ensure_long_enough(secret)
        self._encoded = tuple(
            (literal, is_long_word(literal), secret)
            for secret in known
            for literal in sorted(_encodings(secret))
        )
        self._escaped = tuple((_any_escape(key), is_long_word(key), key) for key in known)

    def find(self, page: Page) -> Iterator[tuple[Span, str]]:
        """Yield where a key stands, and which."""
        for literal, is_long, secret in self._encoded:
            if not is_long or literal in page.long_words:
                for at in places(page.text, literal):
                    yield (at, at + len(literal)), secret
        for expression, is_long, secret in self._escaped:
            words = page.long_words if is_long else page.text
            if any(mark in words for mark in _ESCAPE_MARKS) and compiled(expression).search(words):
                for found in compiled(expression).finditer(page.text):
                    yield found.span(), secret


def _ensure_long_enough(secret: str) -> None:
    if len(secret) < LIVE_CHARS_MIN:
        raise BadSettings(
            f"a key has {len(secret)} characters, at least {LIVE_CHARS_MIN}: it could not be kept"
            " out of texts without blanking ordinary words",
            hint="set a longer key; an empty value means none",
        )


def _encodings(secret: str) -> set[str]:
    data = secret.encode()
    encoded = {secret, secret[::-1], data.hex(), data.hex().upper()}
    for offset in range(3):
        encoded.add(_base64_within(data, offset))
    return encoded | {text.replace("+", "-").replace("/", "_") for text in encoded}


def _base64_within(data: bytes, offset: int) -> str:
    """Return the characters that `data` alone decides, where `offset` bytes stand before it."""
    whole = base64.b64encode(bytes(offset) + data).decode()
    return whole[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]


def _any_escape(secret: str) -> str:
    """Return an expression for `secret` with any of its characters escaped in any way."""
    return "".join(map(_any_escape_of, secret))


def _any_escape_of(letter: str) -> str:
    point, data = f"0{{0,4}}{ord(letter):x}", letter.encode()
    after_backslash = [f"u{point}", "x" + r"\\{1,4}x".join(f"{byte:02x}" for byte in data)]
    if letter in "/\\\"'":
        after_backslash.append(re.escape(letter))
    entities = [rf"\#0{{0,4}}{ord(letter)}", rf"\#x{point}", *_ENTITIES.get(letter, ())]
    forms = (
        rf"\\{{1,4}}(?i:{'|'.join(after_backslash)})",
        "".join(f"%(?i:{byte:02x})" for byte in data),
        rf"&(?i:{'|'.join(entities)});",
        re.escape(letter),
    )
    # What begins no escape has one form at a place: without going back, `aaaa…` stays cheap.
    group = "?:" if letter in "\\%&" else "?>"
    return f"({group}{'|'.join(forms)})"
