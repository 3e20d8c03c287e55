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
from codex_oss.rehearsal.signatures import split_at_commas
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
_IN_GROUP = (  # `(name)(...)`, where the first bracket is no call's.
    r"(?:^|[=,(\[{:+\-*/%&|<>^~]|\b(?:return|yield|await|in|is|not|and|or|if|else|assert|raise))"
    r"\s*\(\s*(?:\w+\s*\.\s*)*"
)
_RAISES = re.compile(r"\braise\s*[(\s]\s*(?:\w+\s*(?:\.|::)\s*)*\Z")
_CONTINUED = re.compile(r"\A\s*(?:\\\n\s*)+")  # It begins on a line of its own.
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
    around = _Around(
        source.language.name,
        statement,
        code[statement.start : found.start()],
        code[found.end() : statement.end],
    )
    kind = next((kind for rule in _RULES if (kind := rule(around))), "reference")
    end = len(code[: statement.end].rstrip())
    place = source.line_of(found.start())
    if kind in ("function", "method", "class"):
        signature = _signature(source, code, found.end(), statement.end)
        last = source.line_of(max(found.end(), end) - 1)
        return Site(place, kind, statement.owners, last, signature=signature)
    if kind in ("constant", "attribute"):
        value = _value(code, statement, found)
        text = None if value is None else _written(source, code, *value)
        last = source.line_of(end - 1)
        return Site(place, kind, statement.owners, last, text or "", is_shared=text is None)
    is_raised = bool(_RAISES.search(around.before))
    return Site(place, kind, statement.owners, place, is_raised=is_raised)


def owners_by_indentation(source: Source, at: int) -> tuple[Owner, ...]:
    """Return the classes and functions round a place."""
    outline = outline_of(source)
    place = bisect_right(outline.starts, at) - 1
    return outline.statements[place].owners if place >= 0 else ()


def _written(source: Source, code: str, start: int, end: int) -> str:
    """Return the source between two places, without a comment behind it."""
    text = source.text[start : max(start, len(code[:end].rstrip()))]
    return _CONTINUED.sub("", text).strip()


# ---- what a name is: the first rule that says something ------------------------------------------


@dataclass(frozen=True, slots=True)
class _Around:
    """A name's statement, and what stands in it before and behind the name."""

    language: str
    statement: Statement
    before: str
    after: str

    @property
    def is_in_class(self) -> bool:
        return bool(self.statement.owners) and self.statement.owners[-1].kind == "class"

    def has(self, before: str, after: str = "") -> bool:
        """Whether a pattern ends at the name, and another one begins behind it."""
        return bool(re.search(rf"(?:{before})\Z", self.before) and re.match(after, self.after))


def _opened(around: _Around) -> str:
    header = (_RUBY_OPENS if around.language == "Ruby" else _OPENS).fullmatch(around.before)
    word = header["word"] if header else ""
    return {"def": "method" if around.is_in_class else "function"}.get(word, word)


def _imported(around: _Around) -> str:
    return "import" if re.match(r"(?:import|from)\b", around.before) else ""


def _given(around: _Around) -> str:
    return "parameter" if around.statement.word == "def" and around.has(r"[(,*]\s*") else ""


def _assigned(around: _Around) -> str:
    if around.has(r"^global\b.*"):  # A function says so where it means to change a constant.
        return "changed"
    bound = "" if around.statement.word else _bound(around.before, around.after)
    if not bound or not around.statement.owners:
        return bound
    return "local" if not around.is_in_class else "attribute" if bound == "constant" else bound


def _typed(around: _Around) -> str:
    return "type" if around.has(r"^type\s+", r"\s*(?:\[[^=]*)?=") else ""


def _declared(around: _Around) -> str:
    is_declared = around.language == "Ruby" and around.has(r"^attr_\w+\b.*:")
    return "attribute" if is_declared else ""


def _decorating(around: _Around) -> str:
    return "decoration" if around.has(r"^@\s*(?:\w+\s*\.\s*)*", r"\s*\Z") else ""


def _called(around: _Around) -> str:
    is_pattern = around.statement.word == "case" and not re.search(r"\bif\b", around.before)
    is_called = around.has("", r"\s*\(") and not is_pattern
    in_group = around.has(_IN_GROUP, r"\s*\)\s*\(")
    in_ruby = around.language == "Ruby" and around.has(r"\.|^\s*", r"(?!\s*(?:[.=:,]|\W=))")
    return "call" if is_called or in_group or in_ruby else ""


def _named(around: _Around) -> str:
    return "keyword" if around.has(r"[(,]\s*", r"\s*=(?!=)") else ""


_RULES = (
    *(_opened, _imported, _given, _assigned, _typed, _declared),
    *(_decorating, _called, _named),
)


# ---- assignments ---------------------------------------------------------------------------------


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


def _value(code: str, statement: Statement, name: re.Match[str]) -> tuple[int, int] | None:
    """Return where the value of a target stands, an empty place where it has none; `None` where
    several names share one value."""
    depth, start, target = 0, statement.start, (0, 0)
    for found in _ASSIGNING.finditer(code, statement.start, statement.end):
        depth += bool(found["open"]) - bool(found["close"])
        if depth == 0 and found["lambda"]:
            break
        if depth == 0 and found["target"]:
            target = (start, found.start()) if start <= name.start() else target
            start = found.end()
    if start == statement.start:
        return start, start
    if code[slice(*target)].partition(":")[0].strip("() ") == name[0]:
        return start, statement.end
    names, values = split_at_commas(code, *target), split_at_commas(code, start, statement.end)
    place = next((n for n, (first, last) in enumerate(names) if first <= name.start() < last), 0)
    is_plain = len(names) == len(values) > 1 and "*" not in code[slice(*target)] + code[start:][:1]
    is_bare = code[slice(*names[place])].strip() == name[0]
    return values[place] if is_plain and is_bare else None


def _signature(source: Source, code: str, start: int, end: int) -> Signature | None:
    """Return what stands between the brackets after a name, or `None` where none close."""
    depth, opened = 0, 0
    for found in re.compile(r"[()]").finditer(code, start, end):
        depth += 1 if found[0] == "(" else -1
        opened = opened or found.end()
        if depth == 0:
            return Signature(source.text[opened : found.start()], source.line_of(opened))
    return None
