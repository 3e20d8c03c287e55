"""Sites of a name where blocks show by indentation: Python, and Ruby as people write it.

A `Source` and a name enter, `Site`s leave. The rule it keeps: a line end inside brackets, after a
backslash or in a string ends nothing, so that each statement is judged whole.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from codex_oss.rehearsal.masking import SOURCES_KEPT, Source
from codex_oss.rehearsal.sites import Owner, Signature, Site

_TABS_ARE = 8  # Columns, as Python counts them.
_PAGE_BREAK = re.compile(r"(?m)^(?:\\x0c)+")  # A form feed as tools show it: no statement.
_BRACKET_OR_END = re.compile(r"[()\[\]{}]|\\?\n")
_HEADER = re.compile(
    r"(?:async\s+)?(?P<word>def|class|if|elif|else|for|while|with|try|except|finally)\b"
    r"|(?P<soft>match|case)\b(?!\s*[:=.,])"
)
_RUBY_HEADER = re.compile(r"(?P<word>def|class|module)\s+(?P<name>[\w.:]+[?!=]?)")
_DEFINES = re.compile(r"(?:async\s+)?(?P<word>def|class)\s+(?P<name>\w+)")
_OPENS = re.compile(r"(?:async\s+)?(?P<word>def|class)\s+")
_RUBY_OPENS = re.compile(r"(?P<word>def|class|module)\s+(?:(?:\w+(?:\.|::))*)")
_RUBY_CALLS = re.compile(r"\.$|^\s*$")
_IN_GROUP = re.compile(  # `(name)(...)`, where the first bracket is no call's.
    r"(?:^|[=,(\[{:+\-*/%&|<>^~]|\b(?:return|yield|await|in|is|not|and|or|if|else|assert|raise))"
    r"\s*\(\s*(?:\w+\s*\.\s*)*$"
)
_SEPARATOR = re.compile(r"(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>;)|(?P<colon>:)(?!=)")
_ASSIGNING = re.compile(
    r"(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<changed>(?://|\*\*|>>|<<|[-+*/%@&|^])=)"
    r"|[=!<>:]=|(?P<target>=)|(?P<annotated>:)|(?P<lambda>\blambda\b)"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A simple statement or a header, as offsets into the folded mask; `word` begins a header."""

    start: int
    end: int
    owners: tuple[Owner, ...]
    word: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    code: str
    statements: tuple[Statement, ...]
    starts: tuple[int, ...]


def sites_by_indentation(source: Source, name: str) -> Iterator[Site]:
    """Yield every occurrence of `name` in code, in order."""
    outline = outline_of(source)
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?!\w)")
    for found in word.finditer(outline.code):
        place = bisect_right(outline.starts, found.start()) - 1
        if place >= 0 and found.start() < outline.statements[place].end:
            yield _site(source, outline.code, outline.statements[place], found)


@lru_cache(maxsize=SOURCES_KEPT)
def outline_of(source: Source) -> Outline:
    code = _folded(_PAGE_BREAK.sub(lambda f: " " * len(f[0]), source.mask))
    statements = tuple(_statements(source, code))
    return Outline(code, statements, tuple(statement.start for statement in statements))


def _folded(mask: str) -> str:
    """Blank the line ends that end no statement."""
    parts, done, depth = [], 0, 0
    for found in _BRACKET_OR_END.finditer(mask):
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth = max(0, depth - 1)
        elif depth or len(found[0]) == 2:
            parts += [mask[done : found.start()], " " * len(found[0])]
            done = found.end()
    return "".join((*parts, mask[done:]))


def _statements(source: Source, code: str) -> Iterator[Statement]:
    owners: list[tuple[int, Owner]] = []
    at = 0
    for line in code.split("\n"):
        start, at = at, at + len(line) + 1
        if not line.strip():
            continue
        text = line.lstrip()
        start += len(line) - len(text)
        indent = len(line[: len(line) - len(text)].expandtabs(_TABS_ARE))
        while owners and owners[-1][0] >= indent:
            owners.pop()
        for statement in _parts(source, code, start, at - 1, tuple(o for _, o in owners)):
            yield statement
            owner = _owner(source, code, statement)
            owners += [(indent, owner)] if owner else []


def _parts(
    source: Source, code: str, start: int, end: int, owners: tuple[Owner, ...]
) -> Iterator[Statement]:
    """Yield the header and the simple statements of one logical line."""
    header = _HEADER.match(code, start) if source.language.name == "Python" else None
    word, depth = (header["word"] or header["soft"]) if header else "", 0
    for found in _SEPARATOR.finditer(code, start, end):
        depth += bool(found["open"]) - bool(found["close"])
        if depth or found["open"] or found["close"] or (found["colon"] and not word):
            continue
        statement = Statement(start, found.start(), owners, word)
        yield statement
        owner = _owner(source, code, statement)
        owners = (*owners, owner) if owner else owners
        word, start = "", found.end()
        start += len(code[start:end]) - len(code[start:end].lstrip())
    if start < end:
        yield Statement(start, end, owners, "" if word in ("match", "case") else word)


def _owner(source: Source, code: str, statement: Statement) -> Owner | None:
    """Return what this header opens, if it is a class or a function."""
    pattern = _DEFINES if source.language.name == "Python" else _RUBY_HEADER
    found = pattern.match(code, statement.start, statement.end)
    if found is None:
        return None
    kind = "function" if found["word"] == "def" else "class"
    name = found["name"].rpartition(".")[2].rpartition("::")[2]
    return Owner(name, kind, source.line_of(found.start("name")))


def _site(source: Source, code: str, statement: Statement, found: re.Match[str]) -> Site:
    kind = _kind(source, code, statement, found)
    value = _value(source, code, statement) if kind in ("constant", "attribute") else ""
    owners, last = statement.owners, found.end()
    signature = None
    if kind in ("function", "method", "class"):
        last = max(last, len(code[: statement.end].rstrip()))
        signature = _signature(source, code, found.end(), statement.end)
    elif value:
        last = len(code[: statement.end].rstrip())
    return Site(
        line=source.line_of(found.start()),
        kind=kind,
        owners=owners,
        last_line=source.line_of(last - 1),
        value=value,
        signature=signature,
    )


def _kind(source: Source, code: str, statement: Statement, found: re.Match[str]) -> str:
    before = code[statement.start : found.start()]
    after = code[found.end() : statement.end].lstrip()
    in_class = bool(statement.owners) and statement.owners[-1].kind == "class"
    ruby = source.language.name == "Ruby"
    header = _RUBY_OPENS if ruby else _OPENS
    if found_header := header.fullmatch(before):
        kind = found_header["word"]
        return kind if kind != "def" else "method" if in_class else "function"
    if re.match(r"(?:import|from)\b", before):
        return "import"
    if statement.word == "def" and re.search(r"[(,*]\s*$", before):
        return "parameter"
    if not statement.word and (bound := _bound(before, code[found.end() : statement.end])):
        if bound != "constant":
            return bound
        if in_class:
            return "attribute"
        return "local" if statement.owners else "constant"
    if (
        not statement.word
        and re.fullmatch(r"type\s+", before)
        and re.match(r"(?:\[[^=]*)?=", after)
    ):
        return "type"
    if before.startswith("@") and not after and re.fullmatch(r"@\s*(?:\w+\s*\.\s*)*", before):
        return "decoration"
    if after.startswith("(") and not _is_pattern(statement, before):
        return "call"
    if re.match(r"\)\s*\(", after) and _IN_GROUP.search(before):
        return "call"
    if ruby and _RUBY_CALLS.search(before) and not re.match(r"[.=:,]|\W=", after):
        return "call"
    if re.search(r"[(,]\s*$", before) and re.match(r"=(?!=)", after):
        return "keyword"
    return "reference"


def _is_pattern(statement: Statement, before: str) -> bool:
    return statement.word == "case" and not re.search(r"\bif\b", before)


def _bound(before: str, after: str) -> str:
    """Say how a statement binds the name between these two parts of it: `constant`, `changed`
    (an augmented assignment), or "" when it does not."""
    depth_before = 0
    for found in _ASSIGNING.finditer(before):
        depth_before += bool(found["open"]) - bool(found["close"])
        if depth_before == 0 and (found["changed"] or found["annotated"] or found["lambda"]):
            return ""
        if depth_before == 0 and found["target"]:
            before_this = before[found.end() :]
            return _bound(before_this, after)
    if not _stands_alone(before, after):
        return ""
    for found in _ASSIGNING.finditer(after):
        depth_before += bool(found["open"]) - bool(found["close"])
        if depth_before or found["open"] or found["close"]:
            continue
        if found["changed"]:
            return "changed"
        if found["target"]:
            return "constant"
        if found["annotated"]:
            return (
                "constant"
                if not before.strip("( ") and not after[: found.start()].strip(") ")
                else ""
            )
        return ""
    return ""


def _stands_alone(before: str, after: str) -> bool:
    """Whether the name is a target: nothing but commas, stars and grouping brackets at it."""
    if not re.search(r"(?:^|[,(\[*])\s*$", before) or not re.match(
        r"\s*(?:$|[,)\]=:]|\S{1,2}=)", after
    ):
        return False
    grouping: list[bool] = []
    for found in re.finditer(r"[()\[\]{}]", before):
        if found[0] in "([{":
            grouping.append(bool(re.search(r"(?:^|[,(\[*])\s*$", before[: found.start()])))
        elif grouping:
            grouping.pop()
    return all(grouping)


def _value(source: Source, code: str, statement: Statement) -> str:
    """Return the assigned text as written, where the statement gives one name one value."""
    depth, value_at, targets = 0, 0, ""
    for found in _ASSIGNING.finditer(code, statement.start, statement.end):
        depth += bool(found["open"]) - bool(found["close"])
        if depth == 0 and found["lambda"]:
            break
        if depth == 0 and found["target"]:
            targets = targets or code[statement.start : found.start()]
            value_at = found.end()
    if not value_at or "," in targets.partition(":")[0]:
        return ""
    end = len(code[: statement.end].rstrip())
    return source.text[value_at:end].strip()


def _signature(source: Source, code: str, start: int, end: int) -> Signature | None:
    """Return what stands between the brackets after a name, or `None` where none close."""
    depth, opened = 0, 0
    for found in re.compile(r"[()]").finditer(code, start, end):
        depth += 1 if found[0] == "(" else -1
        opened = opened or found.end()
        if depth == 0:
            return Signature(source.text[opened : found.start()], source.line_of(opened))
    return None
