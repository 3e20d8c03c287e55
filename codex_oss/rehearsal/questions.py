"""What a question in English asks for, as look-ups: where is X defined, who calls Y, ...

The mission's words enter, `Lookup`s leave: an intent, a name, and what narrows it. The rule it
keeps: what a question says beyond its look-up is named in `unread`, and a question that is none
has no intent, so that nothing found is passed off as an answer to more than was understood.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from codex_oss.rehearsal.phrases import (
    AT_FIRST_INSIDE,
    CALLED_SO,
    CLAUSE_END,
    DEFINES,
    GETS,
    HAS,
    INSIDE,
    INTENTS,
    KINDS,
    KNOWN,
    MARK,
    NAME,
    NUMBER,
    OF_THE_SAME,
    OWNED,
    PART_OF,
    PATH,
    PLAIN,
    RESTRICTS,
    SAME_AGAIN,
    SYMBOL,
    USES,
    Intent,
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One thing to find out. `owners` are the names in front of it in a dotted name, or what the
    question says it belongs to; `path` is where to look, "" for the whole scope; `unread` what
    the question says that no look-up can mind."""

    obligation_id: str
    intent: Intent
    name: str
    owners: tuple[str, ...] = ()
    path: str = ""
    kind: str = ""
    unread: str = ""

    @property
    def symbol(self) -> str:
        return ".".join((*self.owners, self.name))


@dataclass(frozen=True, slots=True)
class _Symbol:
    text: str
    start: int
    end: int
    is_quoted: bool = False
    is_path: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        text = self.text.removesuffix("()")
        parts = tuple(re.split(r"\.|::|#", text))
        return parts if all(NAME.fullmatch(part) for part in parts) else (text,)


@dataclass(slots=True)
class _Roles:
    subjects: list[tuple[str, ...]] = field(default_factory=list)
    owners: tuple[str, ...] = ()
    path: str = ""
    unread: str = ""


def lookups_of(questions: Iterable[tuple[str, str]]) -> tuple[Lookup, ...]:
    """Return what these (obligation id, question) pairs ask for, each look-up once."""
    found = (lookup for question in questions for lookup in _lookups_of(*question))
    return tuple(dict.fromkeys(found))


def _lookups_of(obligation_id: str, question: str) -> Iterator[Lookup]:
    before: tuple[Lookup, ...] = ()
    meant: list[Lookup] = []
    unread = ""
    for clause, is_meant in _clauses(question):
        found = tuple(_lookups(obligation_id, clause, before))
        if not found and SAME_AGAIN.search(clause):
            intents = _intents(clause.lower())
            found = tuple(replace(lookup, intent=i) for lookup in before for i in intents if i)
        if is_meant:
            meant += found
            unread = unread or ("" if found else _unknown(clause.lower()))
        before = found or before
    yield from (replace(lookup, unread=lookup.unread or unread) for lookup in meant)


def _clauses(question: str) -> Iterator[tuple[str, bool]]:
    """Yield each clause, and whether it is meant: not where the next one says it in other words."""
    start = 0
    for end in CLAUSE_END.finditer(question):
        yield question[start : end.start()], end["again"] is None
        start = end.end()
    yield question[start:], True


def _intents(words: str) -> tuple[Intent, ...]:
    """Return what a clause asks: the first row that fits, and beside a use what else it says."""
    fitting = [intent for intent, sign in INTENTS if re.search(sign, words)]
    if not fitting or fitting[0] not in USES:
        return tuple(fitting[:1]) or ("",)
    also: list[Intent] = [intent for intent in fitting if intent in USES]
    also += ["define"] if DEFINES.search(words) else []
    return tuple(dict.fromkeys(also))


def _lookups(obligation_id: str, clause: str, before: tuple[Lookup, ...]) -> Iterator[Lookup]:
    symbols = _symbols(clause)
    words = _words(clause, symbols)
    intents = _intents(words)
    kind = next((k for k in KINDS if re.search(rf"(?<!which )\b{k}(?:e?s)?\b", words)), "")
    roles = _roles(clause, symbols, intents[0])
    if len(before) == 1 and symbols and OF_THE_SAME.search(clause[: symbols[0].start]):
        roles.owners = roles.owners or (*before[0].owners, before[0].name)
    restricts = RESTRICTS.search(words) if intents[0] else None
    narrowed = restricts["word"].replace(MARK, "it") if restricts else ""
    unread = roles.unread or narrowed or (_unknown(words) if intents[0] else "")
    for *owners, name in roles.subjects:
        owned = (*roles.owners, *owners)
        for intent in intents if _is_name(name) or intents[0] == "mention" else ("",):
            asked = kind if intent else ""
            yield Lookup(obligation_id, intent, name, owned, roles.path, asked, unread)


def _is_name(text: str) -> bool:
    return bool(NAME.fullmatch(text)) or text.isdecimal()


def _unknown(words: str) -> str:
    """Return the words of a clause that are more than the look-up, the symbols left away."""
    if found := GETS.search(words):
        return found[0]
    return " ".join(w for w in re.findall(r"[a-z][a-z0-9_]*", words) if w not in KNOWN)


def _symbols(clause: str) -> list[_Symbol]:
    """Return the names and paths of a clause: what is quoted, else what looks like code, else the
    word in the place where such questions have their name."""
    found = []
    for match in SYMBOL.finditer(clause):
        kind = match.lastgroup or ""
        text, quoted = match[kind].strip(), kind in ("tick", "double", "single", "owner")
        is_path = kind == "path" or (quoted and bool(PATH.fullmatch(text)))
        if text:
            found.append(_Symbol(text, match.start(), match.end(), quoted, is_path))
    names = [symbol for symbol in found if not symbol.is_path]
    if any(symbol.is_quoted for symbol in names):
        found = [symbol for symbol in found if symbol.is_quoted or symbol.is_path]
    plain = _part_of(clause, names) if names else _plain(clause)
    return sorted((*found, *plain), key=lambda symbol: symbol.start)


def _plain(clause: str) -> list[_Symbol]:
    """Return the word that must be the name, or a number, where nothing looks like code."""
    for row in PLAIN:
        if found := row.search(clause):
            return [_Symbol(found["plain"], found.start("plain"), found.end("plain"))]
    return [_Symbol(found[0], found.start(), found.end()) for found in NUMBER.finditer(clause)]


def _part_of(clause: str, names: list[_Symbol]) -> list[_Symbol]:
    """Return the plain word for a part of the one name: `what timeout does § use`."""
    if len(names) != 1:
        return []
    (name,) = names
    for before, after in PART_OF:
        found = before.search(clause[: name.start])
        if found and re.match(after, clause[name.end :]):
            return [_Symbol(found["plain"], found.start("plain"), found.end("plain"))]
    return []


def _words(clause: str, symbols: list[_Symbol]) -> str:
    """Return the clause in small letters, with a mark for each symbol."""
    words, done = "", 0
    for symbol in symbols:
        words += clause[done : symbol.start] + MARK
        done = symbol.end
    words = (words + clause[done:]).lower()
    return CALLED_SO.sub(r"\1\2", words)


def _roles(clause: str, symbols: list[_Symbol], intent: Intent) -> _Roles:
    """Say which symbols are asked for, and which say where."""
    roles, end = _Roles(), 0
    for symbol in symbols:
        between = clause[end : symbol.start]
        inside = INSIDE.match(between)
        if symbol.is_path:
            roles.path = symbol.text
        elif not roles.subjects and AT_FIRST_INSIDE.match(clause[: symbol.start]):
            roles.owners = symbol.parts
        elif roles.subjects and OWNED.match(between):
            roles.owners = roles.subjects.pop()
            roles.subjects.append(symbol.parts)
        elif roles.subjects and intent == "value" and HAS.match(between):
            roles.owners = symbol.parts
        elif roles.subjects and inside:
            roles.owners = symbol.parts
            if intent in USES and inside["word"] != "of":
                roles.owners, roles.unread = (), f"{inside['word']} {symbol.text}"
        else:
            roles.subjects.append(symbol.parts)
        end = symbol.end
    return roles
