"""Where a name is the key of a mapping: written in quotes, or a number, before a colon or an arrow.

A `Source` and a name enter, `Site`s leave: `mapped` with what it is mapped to, and the mapping's
own name as innermost owner; `remapped` where an item is assigned; `fallback` where a caller says
what to take if there is none; `quoted` where it is any other string.
"""

import re
from collections.abc import Callable, Iterator

from codex_oss.rehearsal.braces import Brackets, brackets_of
from codex_oss.rehearsal.masking import FILLER, Source
from codex_oss.rehearsal.sites import Owner, Site

Owners = Callable[[Source, int], tuple[Owner, ...]]

_COLON = re.compile(r"\s*:(?![:=])")
_ARROW = re.compile(r"\s*=>")
_ASSIGNED = re.compile(r"\s*\]\s*(?://|\*\*|>>|<<|\?\?|\|\||&&|[-+*/%@&|^])?=(?![=>])")
_LAMBDA = re.compile(r"\blambda\b[^:]*:")
_FALLBACK = re.compile(r"\.\s*(?:get|setdefault|pop|fetch)\s*\(\s*\Z")
_NAMED = re.compile(r"(?P<name>[\w$]+)\s*(?::[^=]*)?=\s*(?:new\s+)?&?[\w.$:]*(?:\[\]\w+)?\s*\Z")
_BEFORE_CHARACTERS = 80  # Looked at for a call that has the key as its argument.


def entries_in(source: Source, name: str, owners_at: Owners) -> Iterator[Site]:
    """Yield every place where `name` is a key, in order."""
    for start, end in _keys(source, name):
        brackets = brackets_of(source)
        opener = next(brackets.enclosing(start), -1)
        line = source.line_of(start)
        kind = _kind(source, brackets, opener, start, end)
        if kind == "mapped":
            found = _COLON.match(source.mask, end) or _ARROW.match(source.mask, end)
            assert found is not None
            first, last = found.end(), _value_end(source.mask, brackets, found.end())
            value = source.text[first:last].strip()
            owners = (*owners_at(source, start), *_mapping(source, brackets, start))
            yield Site(line, kind, owners, source.line_of(max(first, last - 1)), value)
        elif kind:
            yield Site(line, kind, owners_at(source, start), line)


def _keys(source: Source, name: str) -> Iterator[tuple[int, int]]:
    """Yield where the name stands as a whole string, or as a number in code."""
    word = re.escape(name)
    for found in re.finditer(rf"(?P<quote>[\"'`]){word}(?P=quote)", source.text):
        if set(source.mask[found.start() : found.end()]) == {FILLER}:
            yield found.span()
    if name.isdecimal():
        yield from (f.span() for f in re.finditer(rf"(?<![\w.]){word}(?![\w.])", source.mask))


def _kind(source: Source, brackets: Brackets, opener: int, start: int, end: int) -> str:
    mask = source.mask
    before = mask[max(0, start - _BEFORE_CHARACTERS) : start]
    if before.rstrip().endswith("[") and _ASSIGNED.match(mask, end):
        return "remapped"
    if _FALLBACK.search(before) and re.compile(r"\s*,").match(mask, end):
        return "fallback"
    other = "quoted" if mask[start] == FILLER else ""
    if opener < 0 or not re.search(r"[{,(\[]\s*\Z", before):
        return other
    if _ARROW.match(mask, end):
        return "mapped"
    is_mapping = mask[opener] == "{" and (
        source.language.layout == "indent" or brackets.block(opener).kind == "object"
    )
    return "mapped" if is_mapping and _COLON.match(mask, end) else other


def _value_end(mask: str, brackets: Brackets, at: int) -> int:
    place = at
    while place < len(mask) and mask[place] not in ",)]}":
        taken = _LAMBDA.match(mask, place)
        place = taken.end() if taken else brackets.closer_of.get(place, place) + 1
    return at + len(mask[at:place].rstrip())


def _mapping(source: Source, brackets: Brackets, at: int) -> tuple[Owner, ...]:
    """Return what the mapping round a key is assigned to."""
    for opener in brackets.enclosing(at):
        if found := _NAMED.search(brackets.before(opener).rpartition("\n")[2]):
            return (Owner(found["name"], "mapping", source.line_of(opener)),)
    return ()
