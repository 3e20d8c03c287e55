"""Which matching lines could be what is looked for, judged by the line alone.

A name, a line and its language enter, a yes or a no leaves. The rule it keeps: yes may be said to
too much, for then a file is read in vain; no is said only to what surely is none. A line that is
part of a list over several lines is a `weak` one: it counts only in a file that has such lists.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from codex_oss.rehearsal.languages import Language

_FLAT = r"[^()\[\]\n]*"
LIST_ENDS = (
    rf"^{_FLAT}(?:(?:\([^()\n]*\)|\[[^\[\]\n]*\]){_FLAT})*[)\]][ \t]*=[^=]"
    r"|\benum\b|\b(?:const|var|type) *\("
)
"""A pattern for lines without which a list over several lines defines nothing: the end of a tuple
of targets, `enum`, and Go's groups. Without look-ahead it is tried on a whole file at once."""

_HEADS = (
    r"\b(?:macro_rules!|(?:def|class|module|type|function|interface|enum|namespace|const|let|var|val"
    r"|func|fun|fn|struct|union|trait|mod|static|record|object|protocol|extension|typealias|typedef"
    r"|using|define|alias|export|readonly|declare|final|extern)\b)"
)
_NO_TYPE = (
    r"^(?!.*\b(?:return|await|new|throw|else|case|yield|typeof|in|of|and|or|not|assert|raise)\s+$)"
)
_TYPE = rf"{_NO_TYPE}[\w\s*&<>,:\[\]@.~?#]*[\w*&>\]][\s*&]+$"

Row = tuple[re.Pattern[str], re.Pattern[str]]


def _rows(*rows: tuple[str, str]) -> tuple[Row, ...]:
    return tuple((re.compile(before), re.compile(after)) for before, after in rows)


_STRONG: dict[str, tuple[Row, ...]] = {
    "indent": _rows(
        (r"\b(?:def|class|module|type|alias|alias_method)\s+(?:[\w.:]*(?:\.|::))?:?$", ""),
        (r"\battr_\w+\b.*:$", ""),
        ("", r"\s*(?:[,)\]][^=]*)?=(?!=)"),
        ("", r"\s*,?\s*\\$"),
        (r"(?:^|[;:])\s*\(?\s*$", r"\s*\)?\s*:(?!=)"),
    ),
    "brace": _rows(
        (rf"{_HEADS}[^=;]*$", ""),
        (r"\b(?:const|let|var|enum)\b.*[,{]\s*$", ""),
        ("", r"\s*(?:[?!]?\s*:(?!:)|\+?=(?![=>])|(?:\[[^\]]*\]\s*)+[=;,])"),
        (
            rf"{_NO_TYPE}[\w\s*&<>,:\[\]@.~?#()]*$",
            r"\s*(?:<[^>]*>)?\s*\((?!.*\)\s*[;,)]?\s*$|.*\)\s*\.)",
        ),
        (_TYPE, r"\s*(?:<[^>]*>)?\s*\("),
        (r"^$", r"\s*\([^;]*$"),
        (_TYPE, r"\s*[;,]"),
        (r"\}\s*\*?\s*$", r"\s*[;,]"),
        (r"^\s*(?:\w+\s*,\s*)*$", r"[ \t]+[\w*\[(<]"),
    ),
    "foreign": _rows(
        (
            r"\b(?:def|class|function|func|fn|sub|proc|struct|interface|define|const|let|var)\s+$",
            "",
        ),
        (r"^\s*$", r"\s*:?=(?![=>])"),
    ),
    "keys": _rows((r"[\"']?$", r"[\"']?\s*[:=]"), (r"^\s*\[[^\]]*$", r"[^\[]*\]")),
}
"""What may stand before a name, since the last `;` or brace, and behind it where it is defined."""

_WEAK = _rows((r"^[(\[{*\s]*(?:[\w.*]+\s*,\s*)*$", r"\s*(?:[,)\]}({]|$|//|\#|/\*)"))[0]
_QUOTE = ("'", '"', "`")
_QUOTES = re.compile(r"[\"'`]")
_DEFINING_WORD = re.compile(r"\b(?:def|class)\s+$")
_CALLED = re.compile(r"\s*(?:$|[(!<`\\]|::|\?\.\(|\)\s*\()")
_CHANGES = re.compile(r"\s*(?:(?://|\*\*|>>|<<|\?\?|\|\||&&|[-+*/%@&|^])?=(?!=)|\+\+|--)")
_DECORATION = re.compile(r"@[\w.\s]*$")
_MAPS = re.compile(r"\s*(?:$|=>|:(?!:)|\]\s*(?:$|[^\w\s=]{0,3}=(?!=)))")
_FALLS_BACK = re.compile(r"\(\s*[\"'`]?$")
_RAISES = re.compile(r"\b(?:raise|throw)\b|^[\s(]*(?:\w+(?:\.|::))*$")


def may_define(name: str, line: str, language: Language | None) -> bool:
    layout = language.layout if language else "foreign"
    for before, after in _sides(name, line):
        if layout != "keys" and _is_argument(before):
            continue
        statement = re.split(r"[;{}](?=[^;{}]*$)", before)[-1] if layout == "brace" else before
        for row_before, row_after in _STRONG.get(layout, ()):
            fits = row_before.search(before) or row_before.search(statement)
            if fits and row_after.match(after):
                return True
    return False


def may_change(name: str, line: str, language: Language | None) -> bool:
    """Whether it may give another value to what is defined elsewhere."""
    if language is None or language.layout not in ("indent", "brace"):
        return False
    return any(
        _CHANGES.match(after) or re.match(r"\s*global\b", before)
        for before, after in _sides(name, line)
        if not before.rstrip().endswith(".")
    )


def may_map(name: str, line: str, language: Language | None) -> bool:
    """Whether it may be the key of a mapping, or of a look-up in one."""
    if language is None or language.layout not in ("indent", "brace"):
        return False
    for before, after in _sides(name, line):
        is_quoted = before[-1:] in _QUOTE and before[-1:] == after[:1]
        behind = after[1:] if is_quoted else after
        is_argument = _FALLS_BACK.search(before) and behind.lstrip().startswith(",")
        if (is_quoted or name.isdecimal()) and (_MAPS.match(behind) or is_argument):
            return True
    return False


def may_define_in_list(name: str, line: str, language: Language | None) -> bool:
    if language is None or language.layout not in ("indent", "brace") or language.name == "shell":
        return False
    before, after = _WEAK
    return any(before.match(left) and after.match(right) for left, right in _sides(name, line))


def may_be_opened(name: str, line: str, language: Language | None) -> bool:
    """Whether it may open a block, as far as a language always says so with a word."""
    if language is not None and language.name != "Python":
        return language.layout != "keys"
    words = _DEFINING_WORD if language else _STRONG["foreign"][0][0]
    return any(words.search(before) for before, _ in _sides(name, line))


def may_be_raised(name: str, line: str, language: Language | None) -> bool:
    """Whether it may be raised here, or made to be raised elsewhere."""
    if language is None or language.layout not in ("indent", "brace"):
        return language is None
    return any(
        _RAISES.search(before) or _CALLED.match(after) for before, after in _sides(name, line)
    )


def may_be_called(name: str, line: str, language: Language | None) -> bool:
    if language is None:
        return any(after.lstrip().startswith("(") for _, after in _sides(name, line))
    if language.layout in ("prose", "keys"):
        return False
    if line.lstrip().startswith("//" if language.layout == "brace" else "#"):
        return False
    if language.name in ("Ruby", "shell"):
        return True  # There a call may be nothing but the name.
    return any(
        _CALLED.match(after) or _DECORATION.search(before)
        for before, after in _sides(name, line)
        if not (language.name == "Python" and _DEFINING_WORD.search(before))
    )


def _sides(name: str, line: str) -> Iterator[tuple[str, str]]:
    for found in _word(name).finditer(line):
        yield line[: found.start()], line[found.end() :]


@lru_cache(maxsize=64)
def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _is_argument(before: str) -> bool:
    """Whether a bracket that follows a name directly is open, where no string confuses that."""
    if _QUOTES.search(before):
        return False
    open_calls: list[bool] = []
    for found in re.finditer(r"(\w?)\(|\)", before):
        if found[0] != ")":
            open_calls.append(bool(found[1]))
        elif open_calls:
            open_calls.pop()
    return any(open_calls)


def narrower_patterns(name: str, intent: str) -> tuple[str, ...]:
    """Return searches that find fewer lines than the name alone, and together all that count."""
    word = rf"\b{re.escape(name)}\b"
    if intent == "call":
        return (rf"@[\w.]*{word}|{word}\s*(?:[(!<]|::|\\?$)",)
    if intent == "raise":
        return (rf"\b(?:raise|throw)\b.*{word}|^[ \t(]*(?:\w+(?:\.|::))*{word}|{word}\s*(?:\(|$)",)
    mapped = (rf"[\"'`]{word}[\"'`]\s*(?:$|[,\]:]|=>)",) if intent == "value" else ()
    return (
        *mapped,
        rf"{_HEADS}[^=;\n]*{word}",
        rf"{word}\s*(?:[,)\]][^=\n]*)?=(?:$|[^=])|^\s*\(?{word}\)?\s*:",
        rf"^[(\[{{*\s]*(?:[\w.*]+\s*,\s*)*{word}\s*(?:[,)\]}}]|$)",
    )
