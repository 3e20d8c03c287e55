"""Which words of a claim must stand in its evidence, and whether they do.

Claims and citations enter, the missing words leave. Only literal words count: names, quoted texts,
numbers (missions 11.3). What a sentence means is the reviewer's to judge.
"""

import re
from collections.abc import Iterable

from codex_oss.record.citations import Citation

_CODE_LIKE = re.compile(
    r"`([^`\n]{1,500})`"
    r"|\"([^\"\n]{1,500})\""
    r"|(?<!\w)'([^'\n]{1,500})'(?!\w)"
    r"|\b([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+)"  # dotted
    r"|\b([A-Za-z]+_\w+|_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*)"  # snake, camel
    r"|(?<![\w.])(\d{2,}(?:\.\d+)?)\b"  # numbers of two and more digits
)
_PLACE = re.compile(r"(?P<path>.*?)(?::?L?(?P<first>\d+)(?:-L?(?P<last>\d+))?)?", re.DOTALL)
_DEEDS = re.compile(
    r"\b(?:I|we)(?:'ve| have)?(?: also| then| already| \w+ly)? (?:ran|run|executed|tested|"
    r"verified by running|built|compiled|edited|changed|wrote|fixed|installed|debugged)\b",
    re.IGNORECASE,
)


def claims_a_deed(claim: str) -> bool:
    """Whether a claim says in the first person what no tool of a read-only run can have done
    (missions 12.2)."""
    return bool(_DEEDS.search(claim))


def missing_tokens(claim: str, value: str, citations: Iterable[Citation]) -> tuple[str, ...]:
    """Return the code-like words of a claim, and its value, that no cited span holds, nor its path
    or line numbers. A value is what was found: that something is not there gives none."""
    cited = tuple(citations)
    shown = "\n".join(citation.text for citation in cited)
    found = tuple(citation for citation in cited if citation.is_found)
    shown_found = "\n".join(citation.text for citation in found)
    missing = [
        token
        for token, parts in _tokens(claim)
        if not all(_stands(part, shown, cited) for part in parts)
    ]
    if value.strip() and not _stands(value, shown_found, found):
        missing.append(value)
    return tuple(dict.fromkeys(missing))


def new_tokens(text: str, known: str) -> tuple[str, ...]:
    """Return the code-like words of a text that do not stand in what is known."""
    tokens = dict.fromkeys(token for token, _ in _tokens(text))
    return tuple(token for token in tokens if not _stands_in(_bare(token), known))


def _tokens(claim: str) -> Iterable[tuple[str, list[str]]]:
    """Yield each word that counts, with its parts: the names of a dotted one may stand apart."""
    for found in _CODE_LIKE.finditer(claim):
        token = next(group for group in found.groups() if group)
        yield token, token.split(".") if found[4] else [token]


def _stands(token: str, shown: str, cited: tuple[Citation, ...]) -> bool:
    bare = _bare(token)
    return _stands_in(bare, shown) or any(_names(bare, each) for each in cited)


def _bare(token: str) -> str:
    return token.strip().removesuffix("()") or token.strip()


def _stands_in(word: str, text: str) -> bool:
    """Whether a word stands in a text, and not as a part of a longer one. A unit may follow a
    number: `30s`. No word stands everywhere."""
    if not word:
        return True
    joins_after = str.isdigit if word.isdigit() else _is_letter
    start = text.find(word)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(word) : start + len(word) + 1]
        is_part = _is_letter(word[0]) and _is_letter(before)
        is_part = is_part or _is_letter(word[-1]) and joins_after(after)
        if not is_part:
            return True
        start = text.find(word, start + 1)
    return False


def _is_letter(character: str) -> bool:
    return character.isalnum() or character == "_"


def _names(token: str, citation: Citation) -> bool:
    """Whether a word names the cited place: a part of its path, one of its lines, or both."""
    if not citation.path:
        return False
    found = _PLACE.fullmatch(token)
    assert found, "every part of it is optional"
    if _stands_in(token, citation.path):
        return True
    if not found["first"]:
        return False
    first, last = int(found["first"]), int(found["last"] or found["first"])
    is_inside = citation.first_line <= first <= last <= citation.last_line
    return is_inside and (not found["path"] or _stands_in(found["path"], citation.path))
