"""What a pattern is: a family of secrets, where it begins, how it goes on, and its examples.

A text enters as a `Page`, made ready once for every search; spans of that text leave. Most
families begin with letters that their issuer chose so that a machine can find them: `family` makes
a row of such letters, which costs one substring search over the long words of a text. What is known
by the words around it is a row with a function of its own.

No expression is ever searched for: each is matched at a place that a literal gave, with bounded or
possessive repeats only, so that no text makes it slow.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from codex_oss.redaction.randomness import Threshold, is_random

LONG_WORD_CHARS_MIN = 20  # No family is shorter, prefix included: `AKIA` and 16 more.
_WORD_CHARS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/=:~@%$&#;\\"
_AS_WORDS = bytes(ord("w") if byte in _WORD_CHARS else ord(" ") for byte in range(256))
_LONG_WORD = b"w" * LONG_WORD_CHARS_MIN
_COULD_BE_SECRET = re.compile(r"[0-9A-Z]")  # 20 random characters have one of these.

# A secret does not begin within a word, but an escape before it is no word: `\nghp_…` in JSON,
# `%3Dghp_…` in a query, a colour in a terminal's output. A token of ours counts as a word: what it
# stands for was one.
_BEGINS = (
    r"(?:(?=\W)|(?<![A-Za-z0-9_])(?<!:[0-9a-f]{4}\])|(?<=\\[nrtbfv0])|(?<=%[0-9A-Fa-f]{2})"
    r"|(?<=\\u00[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})"
    r"|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m)|(?<=\x1b\[K))"
)
_ENDS = r"(?![A-Za-z0-9_]|\[redacted:)"
_DRAWN = re.compile(r"[xX]{6}")  # `sk-xxxxxxxx`: a key that is only drawn.
_JUDGED = Threshold(chars_min=16, breaks_min=2, share_min=0.12)

TOKEN = re.compile(r"\[redacted:[a-z0-9-]{1,40}:[0-9a-f]{4}\]")
"""What stands in place of a secret."""

_ALPHABETS = {
    "d": "0123456789",
    "x": "0123456789abcdef",
    "X": "0123456789ABCDEF",
    "l": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "a": "abcdefghijklmnopqrstuvwxyz0123456789",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "v": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "w": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "t": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
    "b": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
    "s": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "c": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_BLANK = re.compile(rf"\{{([{''.join(_ALPHABETS)}])(\d+)\}}")


def spell(example: str, choose: Callable[[str], str]) -> str:
    """Fill the blanks of an example: `{x32}` becomes 32 characters that `choose` takes from hex.

    Examples are spelled and never stored: a stored one would be a secret in our own source, blanked
    whenever the bridge reads itself and refused by code hosts.
    """

    def fill(blank: re.Match[str]) -> str:
        return "".join(choose(_ALPHABETS[blank[1]]) for _ in range(int(blank[2])))

    return _BLANK.sub(fill, example)


Span = tuple[int, int]
"""Where a secret stands in a text, the end excluded."""


@dataclass(frozen=True, slots=True)
class Page:
    """A text and what every search in it shares."""

    text: str
    folded: str
    """In lower case, of the same length: places in it are places in the text. Tokens of ours are
    blank in it: a `[redacted:live-key:…]` is no name."""
    long_words: str
    """Its words of 20 characters and more that are not all small letters, each once, in any order:
    what is not in them begins no family."""

    @classmethod
    def of(cls, text: str) -> "Page":
        # U+0130 is the only character whose lower case is longer than itself.
        folded = (text if text.isascii() else text.replace("\u0130", "i")).lower()
        if "[redacted:" in folded:
            folded = TOKEN.sub(lambda token: " " * len(token[0]), folded)
        words = filter(_COULD_BE_SECRET.search, {text[slice(*span)] for span in _long_words(text)})
        return cls(text, folded, "\n".join(words))


def _long_words(text: str) -> Iterator[Span]:
    """Yield where long words stand: four times as fast as an expression, and every text is read."""
    marks = text.encode("ascii", "replace").translate(_AS_WORDS)
    at = marks.find(_LONG_WORD)
    while at >= 0:
        end = marks.find(b" ", at)
        end = end if end >= 0 else len(marks)
        yield at, end
        at = marks.find(_LONG_WORD, end)


def is_long_word(literal: str) -> bool:
    """Say whether a text that holds `literal` holds it in one of its page's long words."""
    spans = tuple(_long_words(literal))
    return spans == ((0, len(literal)),) and bool(_COULD_BE_SECRET.search(literal))


def places(text: str, literal: str) -> Iterator[int]:
    """Yield where `literal` stands in `text`."""
    at = text.find(literal)
    while at >= 0:
        yield at
        at = text.find(literal, at + 1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret: how it is found, why that is enough, and what it does not take. One with
    prefixes needs no search where none of them is in the page's long words."""

    kind: str
    find: Callable[[Page], Iterator[Span]]
    reason: str
    positive: str
    near_miss: str
    prefixes: tuple[str, ...] = ()


compiled = cache(re.compile)  # When first needed: all at once cost a tenth of a second.


@dataclass(frozen=True, slots=True)
class _Prefixed:
    """Find what `expression` says, `before_chars` in front of a prefix."""

    prefixes: tuple[str, ...]
    expression: str
    before_chars: int
    is_judged: bool

    def __call__(self, page: Page) -> Iterator[Span]:
        for prefix in self.prefixes:
            yield from self._at(prefix, page.text)

    def _at(self, prefix: str, text: str) -> Iterator[Span]:
        expression, done = compiled(self.expression), 0
        for at in places(text, prefix):
            start = at - self.before_chars
            found = expression.match(text, start) if start >= done else None
            if found:
                done = found.end()
                if not _DRAWN.search(found[0]) and self._is_likely(found["body"]):
                    yield start, done

    def _is_likely(self, body: str) -> bool:
        return not self.is_judged or is_random(body, _JUDGED)


def family(
    kind: str,
    prefixes: str,
    body: str,
    reason: str,
    positive: str,
    near_miss: str,
    *,
    before: tuple[int, str] | None = None,
    judged: bool = False,
) -> Pattern:
    """Return the pattern of secrets that begin with one of the blank-separated `prefixes`.

    `before` counts and names the characters that the secret has before the prefix, where its
    issuer's letters stand inside. `judged`: words have the prefix too, the body must look random.
    """
    literals = tuple(prefixes.split())
    count, alphabet = before or (0, "")
    lead = f"{alphabet}{{{count}}}" if before else _BEGINS
    expression = f"{lead}(?:{'|'.join(map(re.escape, literals))})(?P<body>{body}){_ENDS}"
    find = _Prefixed(literals, expression, count, judged)
    return Pattern(kind, find, reason, positive, near_miss, literals)
