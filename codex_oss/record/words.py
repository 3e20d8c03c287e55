"""Text as it may be shown to people: nothing in it acts on a terminal or hides what it says.

Whatever a model or a repository wrote enters; the same text leaves with escapes for control
characters and for those that make a line read in another order.
"""

import re

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def shown(text: str, characters_max: int | None = None) -> str:
    """Return a text for people, cut to so many characters. Line ends and tabs stay."""
    text = _ACTING.sub(_escaped, text)
    if characters_max is None or len(text) <= characters_max:
        return text
    return text[: characters_max - 1] + "…"


def one_line(text: str, characters_max: int | None = None) -> str:
    return shown(" ".join(text.split()), characters_max)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
