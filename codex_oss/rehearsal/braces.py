"""Sites of a name where blocks show by braces: JavaScript, Go, Rust, Java, C and their relatives.

A `Source` and a name enter, `Site`s leave. What a name is shows in the statement round it, with
what stands in brackets folded away, and in the blocks that enclose it. The rule it keeps: where no
row of `shapes` fits, an occurrence is a use and no definition.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from codex_oss.rehearsal.masking import CLOSING, SOURCES_KEPT, Source
from codex_oss.rehearsal.shapes import BLOCKS, KEYWORDS, SHAPES
from codex_oss.rehearsal.sites import Owner, Signature, Site

STATEMENT_CHARACTERS_MAX = 2_000  # Looked at on each side of a name.

_GOES_ON_AFTER = tuple(",=([:?&|+<.")  # A line that ends so goes on, where line ends count.
_GOES_ON_WITH = tuple(".?:&|+*)")
_CHANGES = re.compile(r"\s*(?:(?:[-+*/%&|^]|<<|>>|\?\?|\|\||&&)?=(?![=>])|\+\+|--)")
_COMMANDS = re.compile(r"(?:^|[|&!]|\b(?:then|do|else|if|elif|while|until|time|exec))\s*$")
_ANGLES = r"<(?:[^<>();]|<(?:[^<>();]|<[^<>();]*>)*>)*>"
_CALLS = re.compile(rf"(?:\s*!|\s*(?:::)?{_ANGLES}|\?\.)?\s*\(\)")
_THROWS = re.compile(r"\bthrow\s+(?:new\s+)?(?:[\w$]+\s*(?:\.|::|\\)\s*)*\Z")
_IN_ANGLES = re.compile(r"\s*(?:::)?<[^;()]*$")
_IMPORTS = re.compile(r"^\s*(?:import|use|using|package|include|from)\s(?!\s*[:=(.])")
_TYPE_ARGUMENTS = re.compile(r"<[^<>;={}]*(?:<[^<>;={}]*>[^<>;={}]*)*>")
_RECEIVER = re.compile(r"(?P<name>[\w$]+)(?:\.prototype)?\s*(?:\.|::)\s*~?$")
_GO_RECEIVER = re.compile(r"\bfunc\s*\(\s*(?:\w+\s+)?\*?\s*(?P<name>\w+)[^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """An opening bracket with what its block is: `class`, `enum`, `module`, `function`,
    `control`, `object`, or the word before a round bracket."""

    kind: str
    owner: Owner | None = None


def sites_by_braces(source: Source, name: str) -> Iterator[Site]:
    """Yield every occurrence of `name` in code, in order."""
    brackets = brackets_of(source)
    for found in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", source.mask):
        yield _site(source, brackets, found)


class Brackets:
    """The bracket pairs of a mask, and what encloses a place."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.opener_of: dict[int, int] = {}
        self.closer_of: dict[int, int] = {}
        self.places: list[int] = []
        self.openers_at: list[int] = []  # The innermost open bracket after each place, -1: none.
        self._parents: dict[int, int] = {-1: -1}
        self._blocks: dict[int, Block] = {}
        innermost = -1
        for found in re.finditer(r"[()\[\]{}]", source.mask):
            at = found.start()
            if found[0] in CLOSING:
                self._parents[at] = innermost
                innermost = at
            elif innermost >= 0 and CLOSING[source.mask[innermost]] == found[0]:
                self.opener_of[at], self.closer_of[innermost] = innermost, at
                innermost = self._parents[innermost]
            self.places.append(at)
            self.openers_at.append(innermost)

    def enclosing(self, at: int) -> Iterator[int]:
        """Yield the open brackets round a place, the innermost first."""
        index = bisect_left(self.places, at) - 1
        opener = self.openers_at[index] if index >= 0 else -1
        while opener >= 0:
            yield opener
            opener = self._parents[opener]

    def block(self, opener: int) -> Block:
        if opener not in self._blocks:
            self._blocks[opener] = self._judged(opener)
        return self._blocks[opener]

    def _judged(self, opener: int) -> Block:
        before = self.before(opener)
        if self.source.mask[opener] != "{":
            return Block(self._bracket_kind(opener, before))
        rows = (row for row in BLOCKS if row.is_for(self.source.language.name))
        row, found = next(((r, f) for r in rows if (f := r.match(before))), (None, None))
        if row is None or found is None:
            return Block("object")
        name = found.groupdict().get("name") or ""
        is_open = row.kind == "control" or (row.kind == "function" and self._wraps(opener, name))
        line = self.source.line_of(max(0, self._start(opener)))
        return Block("control") if is_open else Block(row.kind, Owner(name, row.kind, line))

    def _bracket_kind(self, opener: int, before: str) -> str:
        """Return what round or square brackets hold: Go's groups, C's pointers to functions."""
        word = re.search(r"(?:^|\s)(const|var|type|typedef)\b[^=]*$", before)
        if self.source.mask[opener] == "[" or opener not in self.closer_of:
            return "list"
        if word:
            return word[1]
        is_called = re.compile(r"\s*\(").match(self.source.mask, self.closer_of[opener] + 1)
        is_type = self.source.language.name == "C" and before[-1:].isspace()
        return "pointer" if is_type and is_called else "list"

    def _wraps(self, opener: int, name: str) -> bool:
        """Whether a file stands whole in one function without a name: `(function () { ... })()`."""
        outside = list(self.enclosing(opener))
        return not name and len(outside) == 1 and not self.before(outside[0]).strip(" \n!;+")

    def _start(self, opener: int) -> int:
        """Return where the word stands that names the block, near enough for its line."""
        text = self.before(opener)
        blank = len(text) - len(text.rstrip())
        at = opener - 1 - blank
        return self.opener_of.get(at, at) - 1 if self.source.mask[at] == ")" else at

    def before(self, at: int) -> str:
        """Return the statement before a place, with what is in brackets folded away."""
        mask, parts = self.source.mask, list[str]()
        end, place = at, at - 1
        while place >= 0 and end - place < STATEMENT_CHARACTERS_MAX:
            character = mask[place]
            if character in ")]}":
                opener = self.opener_of.get(place)
                if opener is None or (character == "}" and not self._goes_on(parts)):
                    break
                parts.append(mask[opener] + character)
                end -= place - opener
                place = opener
            elif character in "([{;" or (character == "\n" and self.ends_statement(place)):
                break
            else:
                parts.append(character)
            place -= 1
        return "".join(reversed(parts))

    def _goes_on(self, parts: list[str]) -> bool:
        """Whether a statement goes on behind a brace: `}, NAME`, or in C `} NAME;`."""
        behind = "".join(reversed(parts))
        if behind.lstrip().startswith(","):
            return True
        return self.source.language.name == "C" and "\n" not in behind

    def ends_statement(self, line_end: int) -> bool:
        if self.source.language.name == "C":
            return False
        mask = self.source.mask
        before = mask[max(0, line_end - 80) : line_end].rstrip()
        return not before.endswith(_GOES_ON_AFTER)

    def after(self, at: int) -> tuple[str, int]:
        """Return the statement behind a place, folded likewise, and where its last bracket ends."""
        mask, parts, place, length = self.source.mask, list[str](), at, 0
        while place < len(mask) and length < STATEMENT_CHARACTERS_MAX:
            character = mask[place]
            closer = self.closer_of.get(place)
            is_type = character == "{" and _IN_ANGLES.match("".join(parts))
            if closer is not None and (character in "([" or is_type):
                parts.append(character + mask[closer])
                place = closer
            elif character in ")]}":
                break
            else:
                parts.append(character)
            place, length = place + 1, length + 1
            if (character == "{" and not is_type) or character == ";":
                break
        return "".join(parts), place


@lru_cache(maxsize=SOURCES_KEPT)
def brackets_of(source: Source) -> Brackets:
    return Brackets(source)


def _site(source: Source, brackets: Brackets, found: re.Match[str]) -> Site:
    before = brackets.before(found.start())
    after, after_ends = brackets.after(found.end())
    blocks = [brackets.block(opener) for opener in brackets.enclosing(found.start())]
    owners = owners_by_braces(source, found.start())
    kind = _kind(found[0], source.language.name, before, after, blocks)
    line = source.line_of(found.start())
    if kind == "method" or "::" in before or kind == "function":
        owners = (*owners, *_receiver(source, found.start(), line))
    if kind in ("function", "method"):
        signature = _signature(source, brackets, found.end(), after_ends)
        last = source.line_of(max(found.end(), after_ends - 1)) if "{" in after else line
        return Site(line, kind, owners, last, signature=signature)
    if kind in ("constant", "attribute", "entry") or (kind == "macro" and "#" in before):
        start, end = _value(source, brackets, found.end(), kind)
        in_list = before.rstrip().endswith(",") or after.lstrip().startswith(",")
        return Site(
            *(line, kind, owners, source.line_of(end - 1), source.text[start:end].strip()),
            is_shared=source.language.name == "Go" and in_list,
        )
    return Site(line, kind, owners, line, is_raised=bool(_THROWS.search(before)))


def owners_by_braces(source: Source, at: int) -> tuple[Owner, ...]:
    """Return the classes and functions round a place."""
    brackets = brackets_of(source)
    blocks = [brackets.block(opener) for opener in brackets.enclosing(at)]
    return tuple(block.owner for block in reversed(blocks) if block.owner)


def _kind(name: str, language: str, before: str, after: str, blocks: list[Block]) -> str:
    outside = [block for block in blocks if block.kind not in ("control",)]
    innermost = outside[0].kind if outside else ""
    within = {innermost, "class" if innermost in ("class", "interface") else ""}
    if all(block.kind in ("class", "module") for block in outside):
        within.add("outer")
    if name in KEYWORDS and not before.endswith("."):
        return "reference"
    for shape in SHAPES.get(language, ()):
        if shape.fits(before, after, frozenset(within)):
            return _settled(shape.kind, outside)
    if not before.strip() and _CHANGES.match(after):
        return "changed"
    if _CALLS.match(after) or (language == "shell" and _COMMANDS.search(before)):
        return "call"
    if _IMPORTS.search(before):
        return "import"
    return "reference"


def _settled(kind: str, outside: list[Block]) -> str:
    """A constant of a class is an attribute; in a function's body it is the function's own."""
    bodies = [block.kind for block in outside if block.owner]
    if kind == "function" and bodies[:1] == ["class"]:
        return "method"
    if kind != "constant" or not bodies:
        return kind
    return "attribute" if bodies[0] == "class" else "local" if "function" in bodies else kind


def _receiver(source: Source, at: int, line: int) -> tuple[Owner, ...]:
    """Return the type that a method is written for: `func (t *T) name`, `T::name`, `T.name =`."""
    before = source.mask[max(0, at - 200) : at].rpartition("\n")[2]
    found = _GO_RECEIVER.search(before) or _RECEIVER.search(before)
    return (Owner(found["name"], "class", line),) if found else ()


def _signature(source: Source, brackets: Brackets, start: int, end: int) -> Signature | None:
    opener = source.mask.find("(", start, end)
    closer = brackets.closer_of.get(opener)
    if closer is None:
        return None
    return Signature(source.text[opener + 1 : closer], source.line_of(opener + 1))


def _value(source: Source, brackets: Brackets, at: int, kind: str) -> tuple[int, int]:
    """Return where the value that follows a name begins and ends; the same place for none."""
    mask = source.mask
    if kind == "macro":
        end = mask.find(";", at)
        at = brackets.closer_of.get(at, at - 1) + 1  # Behind the parameters, if there are any.
        return at, max(at, end)
    sign, start, place = ":" if kind == "entry" else "=", -1, at
    while place < len(mask):
        character = mask[place]
        if start < 0 and (generic := _TYPE_ARGUMENTS.match(mask, place)):
            place = generic.end()
            continue
        if start < 0 and character == sign and mask[place + 1 : place + 2] not in ("=", ">"):
            start = place + 1
        ends_line = character == "\n" and _line_ends(brackets, place)
        if ends_line or character in ";,)]}" or (start < 0 and character == "{"):
            break
        place = brackets.closer_of.get(place, place) + 1
    return (start, place) if start >= 0 else (at, at)


def _line_ends(brackets: Brackets, line_end: int) -> bool:
    behind = brackets.source.mask[line_end : line_end + 80].lstrip()
    return brackets.ends_statement(line_end) and not behind.startswith(_GOES_ON_WITH)
