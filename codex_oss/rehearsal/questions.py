"""What a question in English asks for, as look-ups: where is X defined, who calls Y, ...

The mission's words enter, `Lookup`s leave: an intent, a name, and what narrows it. The rule it
keeps: what a question says beyond its look-up is named in `unread`, and a question that is none
has no intent, so that nothing found is passed off as an answer to more than was understood.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Intent = Literal["define", "call", "use", "value", ""]

KINDS = (
    "function method class constant variable struct type interface enum trait module macro key"
    " attribute option setting field parameter argument"
).split()
PARAMETERS = ("parameter", "argument")

_ENDINGS = (
    "py pyi js jsx mjs cjs ts tsx go rs java kt cc cpp hpp rb php sh json yaml yml toml ini cfg md"
    " txt swift scala cs c h"
).replace(" ", "|")
_SYMBOL = re.compile(
    r"`(?P<tick>[^`\n]{1,120})`|\"(?P<double>[^\"\n]{1,120})\""
    r"|(?<!\w)'(?P<single>[^'\n]{1,120})'(?!\w)"
    rf"|(?<![\w./])(?P<path>[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:{_ENDINGS}))(?![\w(])"
    r"|(?<!\w)(?P<owner>(?!(?:where|what|who|that|it|there)'s)[A-Za-z_$][\w$.]*)(?='s\s)"
    r"|(?P<dotted>[A-Za-z_$][\w$]*(?:(?:\.|::|\#)[A-Za-z_$][\w$]*)+)(?:\(\))?"
    r"|(?P<called>[A-Za-z_$][\w$]*)\(\)"
    r"|\b(?P<snake>[A-Za-z]*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z][A-Z0-9]{2,})\b"
)
_PATH = re.compile(rf"[\w.@-]+(?:/[\w.@-]+)*(?:/|/[\w.@-]+|\.(?:{_ENDINGS}))")
_NAME = re.compile(r"[A-Za-z_$][\w$-]*[?!]?")

_KIND = "|".join(KINDS)
_ARTICLES = (
    rf"(?:(?:the|a|an|its?|this|that|our|all|any|every|each|of|name|named|called|symbol|file|folder"
    rf"|directory|package|default|value|(?:{_KIND})(?:e?s)?)\s+)*+"
)
_PLAIN = re.compile(
    rf"\b(?:where(?:'s|\s+is|\s+are|\s+was)|find|locate|calls?|uses?|invokes?|references?|defines?"
    rf"|does|is|of|to|for)\s+{_ARTICLES}(?P<plain>[A-Za-z_$][\w$-]*)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[?;\n]+|\.(?=\s|$)"
    r"|,?\s+(?:and|also|then)\s+(?=(?:where|who|what|which|how|find|locate|list|show)\b)",
    re.IGNORECASE,
)
_AT_FIRST_INSIDE = re.compile(rf"^\W*(?:in|inside|within|for)\s+{_ARTICLES}$", re.IGNORECASE)
_INSIDE = re.compile(
    rf"^[\s,]*(?:\w+\s+){{0,3}}?(?P<word>of|in|on|inside|within|from|for|to|by)\s+{_ARTICLES}$",
    re.IGNORECASE,
)
_BESIDE = re.compile(rf"^\s*(?:,|,?\s*(?:and|or)\b|&)\s*{_ARTICLES}$", re.IGNORECASE)
_OWNED = re.compile(rf"^\s*'s\s+{_ARTICLES}$", re.IGNORECASE)

_MARK = "\N{SECTION SIGN}"  # Stands for a symbol where only the words round it count.
_INTENTS: tuple[tuple[Intent, str], ...] = (
    (
        "",
        rf"\bdo(?:es)?\b[^{_MARK}]*{_MARK}.*\b(?:call|use|invoke|depend|import)\b"
        r"|\b(?:called|used) by\b",
    ),
    ("call", r"\bcall(?:s|ed|ers?|ing)?\b|\binvok\w+"),
    ("value", r"\bdefaults?\b|\bset to\b|\binitiali[sz]ed\b|\bhow (?:big|long|large|many)\b"),
    ("use", r"\b(?:used|usages?|uses?|using|referenc\w+|mention\w*|import(?:s|ed)?)\b"),
    ("value", r"\b(?:values?|equals?)\b"),
    (
        "define",
        r"\bdefin\w+|\bdeclar\w+|\bimplement\w*|\blocat\w+|\blives?\b|\bcomes? from\b|\bwhere\b"
        r"|\bwhich (?:file|module|class)\b|\bfind\b|\bintroduced\b|\bcreated\b|\bassigned\b"
        rf"|^\W*what(?:'s| is| are) (?:the )?(?:(?:{_KIND}) )?{_MARK}\W*$",
    ),
)
"""What a clause asks: the first row that fits. The first one asks for more than a look-up."""

_DEFINES = re.compile(r"\b(?:defined?|definitions?|declar\w+|implement\w*)\b(?! in\b)")
_GENERIC = (
    "repository|repo|project|code|codebase|checkout|sources?|tree|scope|library|packages?|modules?"
    "|files?|folders?|lines?|numbers?|evidence|paths?|definitions?|it|its|them|their|which|what"
    "|detail|here|values?|defaults?"
)
_SAME_AGAIN = re.compile(r"\b(?:it|its|they|them|their)\b", re.IGNORECASE)
_RESTRICTS = re.compile(
    r"\b(?P<word>(?:only|except|excluding|without|unless|if|when|whenever|during|after|before|first"
    r"|last|most|least|why|how|should|not|never|instead|differ\w*|between|versus|vs)\b"
    rf"|(?:for|in|on|by|from|within|inside|under|with|against)\s+{_ARTICLES}"
    rf"(?!(?:{_GENERIC})\b|{_MARK})\w+)",
    re.IGNORECASE,
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
    is_quoted: bool
    is_path: bool

    @property
    def parts(self) -> tuple[str, ...]:
        text = self.text.removesuffix("()")
        parts = tuple(re.split(r"\.|::|#", text))
        return parts if all(_NAME.fullmatch(part) for part in parts) else (text,)


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
    for clause in _CLAUSE_END.split(question):
        found = tuple(_lookups(obligation_id, clause))
        if not found and _SAME_AGAIN.search(clause):
            intents = _intents(clause.lower())
            found = tuple(replace(lookup, intent=i) for lookup in before for i in intents if i)
        yield from found
        before = found or before


def _intents(words: str) -> tuple[Intent, ...]:
    """Return what a clause asks: the first row that fits, and beside a use what else it says."""
    fitting = [intent for intent, sign in _INTENTS if re.search(sign, words)]
    if not fitting or fitting[0] not in ("call", "use"):
        return tuple(fitting[:1]) or ("",)
    also: list[Intent] = [intent for intent in fitting if intent in ("call", "use")]
    also += ["define"] if _DEFINES.search(words) else []
    return tuple(dict.fromkeys(also))


def _lookups(obligation_id: str, clause: str) -> Iterator[Lookup]:
    symbols = _symbols(clause)
    words = _words(clause, symbols)
    intents = _intents(words)
    kind = next((k for k in KINDS if re.search(rf"(?<!which )\b{k}(?:e?s)?\b", words)), "")
    roles = _roles(clause, symbols, intents[0])
    restricts = _RESTRICTS.search(words) if intents[0] else None
    unread = roles.unread or (restricts["word"].replace(_MARK, "it") if restricts else "")
    for *owners, name in roles.subjects:
        owned = (*roles.owners, *owners)
        for intent in intents:
            yield Lookup(obligation_id, intent, name, owned, roles.path, kind, unread)


def _symbols(clause: str) -> list[_Symbol]:
    """Return the names and paths of a clause: what is quoted, else what looks like code, else the
    word in the place where such questions have their name."""
    found = []
    for match in _SYMBOL.finditer(clause):
        kind = match.lastgroup or ""
        text, quoted = match[kind].strip(), kind in ("tick", "double", "single", "owner")
        is_path = kind == "path" or (quoted and bool(_PATH.fullmatch(text)))
        if text:
            found.append(_Symbol(text, match.start(), match.end(), quoted, is_path))
    names = [symbol for symbol in found if not symbol.is_path]
    if any(symbol.is_quoted for symbol in names):
        return [symbol for symbol in found if symbol.is_quoted or symbol.is_path]
    plain = None if names else _PLAIN.search(clause)
    if plain and not re.fullmatch(_GENERIC, plain["plain"], re.IGNORECASE):
        found.append(_Symbol(plain["plain"], plain.start("plain"), plain.end(), False, False))
    return sorted(found, key=lambda symbol: symbol.start)


def _words(clause: str, symbols: list[_Symbol]) -> str:
    """Return the clause in small letters, with a mark for each symbol."""
    words, done = "", 0
    for symbol in symbols:
        words += clause[done : symbol.start] + _MARK
        done = symbol.end
    words = (words + clause[done:]).lower()
    return re.sub(rf"\b((?:{_KIND}) )?(?:called|named) (?={_MARK})(?!{_MARK}\W*$)", r"\1", words)


def _roles(clause: str, symbols: list[_Symbol], intent: Intent) -> _Roles:
    """Say which symbols are asked for, and which say where."""
    roles, end = _Roles(), 0
    for symbol in symbols:
        between = clause[end : symbol.start]
        inside = _INSIDE.match(between)
        if symbol.is_path:
            roles.path = symbol.text
        elif not roles.subjects and _AT_FIRST_INSIDE.match(clause[: symbol.start]):
            roles.owners = symbol.parts
        elif roles.subjects and _OWNED.match(between):
            roles.owners = roles.subjects.pop()
            roles.subjects.append(symbol.parts)
        elif roles.subjects and inside:
            roles.owners = symbol.parts
            if intent in ("call", "use") and inside["word"] != "of":
                roles.owners, roles.unread = (), f"{inside['word']} {symbol.text}"
        else:
            roles.subjects.append(symbol.parts)
        end = symbol.end
    return roles
