"""Decide whether the value of a graded name is a secret, or stands for one, or is no value at all.

A value and its name's grade enter, a verdict leaves. Templates, references to where a secret is
kept, checksums and placeholders are what careful people write instead of a secret: never blanked.
"""

import re

from codex_oss.redaction.names import Grade
from codex_oss.redaction.randomness import MEASURED_CHARS_MAX, Threshold, is_random

VALUE_CHARS_MIN = 6  # What is shorter could be guessed.

_STANDS_FOR_ONE = re.compile(
    r"""
    \$[{(] | ^\$\w+(?:$|->|::|[.,;)\[]) | ^\$env: | [{}]{2} | <% | [#%]\{ | %[(sdrf] | ^%\w+%$
    | ^@\w+@$ | \{\w*\} | ^<.*>$ | \[redacted: | ^! | ^--[a-z-]+$     # a template, a tag
    | x{4} | X{4} | \*{3} | \.{3} | [\u2026\u2022] | ^(.{1,6}?)\1+$      # drawn
    | ^[A-Z]+\d*(?:[-_][A-Z]*\d*)+$                               # a constant, an algorithm
    | \[.{0,24}?(?:A-Z|a-z|0-9) | \\[sSwWdDbB][{*+)\]] | \(\?     # a regular expression
    | (?i: process\.env | environ\b | getenv | import\.meta | ^(?:env|secrets?|vars?|config)[.:\[]
      | ^(?:vault|op|arn|ssm|file|urn|data|pass|keychain|secretsmanager|https?):
      | ^(?:sha|md|blake)\d*[-:=_] )                               # where one is kept, a checksum
    """,
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"""
    change.?(?:me|this|it) | \byour | place.?holder | replace[-_ ] | redacted | insert[-_ ]
    | dummy | example | sample | to.?do\b | fixme | fake | anonymous
    | ^(?:abc|foo|bar|test)*(?:123\d{0,3})?$
    | ^(?:my|test|user|root|admin|db|the|super)?[-_.]?
      (?:pass(?:word|wd|phrase)?|pwd|secrets?|token|key|value|hidden|null|none|nil|undefined
      |true|false|default|empty|unset)[-_.]?(?:\d|here)?$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[-_.:]")
_DIGIT = re.compile(r"[0-9]")
_KEY = re.compile(r"(?=.*[0-9])[A-Za-z0-9+/=~]+")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
_CALL = re.compile(r"[A-Za-z_][\w.:>-]*[(\[].*")
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_PATH = re.compile(r"(?:[a-zA-Z]:)?[./\\~]*(?:[\w.@\-]+[/\\])+[\w.\-]*|[A-Za-z_]\w*(?:\.\w+)+")
_PATH_BEGINS = re.compile(r"\.{0,2}/[a-z][\w.-]*/")
_APP_PASSWORD = re.compile(r"[a-z]{4}(?: [a-z]{4}){3}")  # As Google shows them.
_NUMBER_IN_WORD = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[\x21-\x7e]{6,}")
_MARK_IN_WORD = re.compile(r"(?=.*[A-Za-z])(?=.*[!@#$^&*+~?])[\x21-\x7e]{8,}")

# Chosen on CPython 3.11's library with its tests and on random strings of each length.
_ENOUGH = {
    Grade.PASSWORD: Threshold(chars_min=8, breaks_min=2, share_min=0.15),
    Grade.SECRET: Threshold(chars_min=8, breaks_min=2, share_min=0.15),
    Grade.HINT: Threshold(chars_min=16, breaks_min=4, share_min=0.25),
}
_BEYOND_WORDS = Threshold(chars_min=20, breaks_min=5, share_min=0.25)
_ENOUGH_IN_CODE = _ENOUGH | {
    Grade.PASSWORD: Threshold(chars_min=10, breaks_min=3, share_min=0.2),
    Grade.SECRET: Threshold(chars_min=12, breaks_min=3, share_min=0.2),
    Grade.HINT: Threshold(chars_min=20, breaks_min=5, share_min=0.3),
}


def is_secret(value: str, grade: Grade, *, is_quoted: bool = True) -> bool:
    """Say whether `value`, all that a name was given, is a secret."""
    if not is_quoted and _is_expression(value):
        return False
    if grade is Grade.PASSWORD and _is_password(value):
        return not stands_for_one(value)
    return _is_random(value, grade, _ENOUGH)


def is_secret_in_code(value: str, grade: Grade) -> bool:
    """The same of a value that may be a name, an expression or an argument of another meaning."""
    if _is_expression(value) or not _NUMBER_IN_WORD.fullmatch(value):
        return False
    return _is_random(value, grade, _ENOUGH_IN_CODE)


def stands_for_one(value: str) -> bool:
    """Say whether `value` is what people write in place of a secret. A key may hold such a word by
    chance, or to mark it as a sample: that one is a secret."""
    shown = value[:MEASURED_CHARS_MAX]
    if _STANDS_FOR_ONE.search(shown):
        return True
    return bool(_PLACEHOLDER.search(shown)) and not is_random(value, _BEYOND_WORDS)


def _is_expression(value: str) -> bool:
    if _ATTRIBUTE.fullmatch(value):
        return not any(is_random(name, _ENOUGH[Grade.SECRET]) for name in value.split("."))
    return bool(_CALL.fullmatch(value) or _PATH_BEGINS.match(value))


def _is_password(value: str) -> bool:
    worded = _NUMBER_IN_WORD.fullmatch(value) or _MARK_IN_WORD.fullmatch(value)
    return bool(worded and not _PATH.fullmatch(value) or _APP_PASSWORD.fullmatch(value))


def _is_random(value: str, grade: Grade, enough: dict[Grade, Threshold]) -> bool:
    longest = max(_SEPARATORS.split(value), key=len)
    if grade is Grade.HINT:  # An identifier is made of words, numbers and digests: look at a part.
        value = longest
        if not _KEY.fullmatch(value) or _HEX.fullmatch(value):
            return False
    elif not _DIGIT.search(value):  # `webkit-webgl`: names have odd pairs where words meet.
        value = longest
    if not is_random(value, enough[grade]) or any(map(str.isspace, value)):
        return False
    return not stands_for_one(value)
