"""Rules of a secret scanner, and secrets that they find: gitleaks' own, read where CI put them.

A configuration enters, `Rule`s leave; of a rule strings leave that it finds, spelled by chance. No
rule is ours and none is kept here: `.ci/run` takes them out of a pinned package of the scanner.
"""

import math
import random
import re
import string
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import _constants as op
from re import _parser
from typing import Any

REPEATS_MORE_MAX = 8  # Of what may repeat without end: so many more than it must.
Parsed = Sequence[tuple[Any, Any]]
"""What the parser of `re` makes of an expression."""

LETTERS = string.ascii_letters + string.digits

_IDENTIFIERS = re.compile(r"\[\\w\.-\]\{0,50\}\?\(\?i?:((?:\w|[|_-])+)\)")
_MEMBERS = {"[:alnum:]": "A-Za-z0-9", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9"}
_CATEGORIES = {op.CATEGORY_DIGIT: string.digits, op.CATEGORY_SPACE: " "}
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, with its expression in the spelling of Python."""

    id: str
    expression: re.Pattern[str]
    names: tuple[str, ...]
    entropy_min: float
    group: int

    def secret_in(self, text: str) -> str:
        """Return the secret that the rule finds in a text, "" if it finds none."""
        found = self.expression.search(text)
        if found is None:
            return ""
        groups = [found[self.group]] if self.group else found.groups()
        secret = next((group for group in groups if group), found[0])
        return secret if _entropy(secret) > self.entropy_min else ""

    def secret(self, dice: random.Random) -> str:
        """Return a secret of this rule without quotes: what its group says, else all of it."""
        groups = dict(_groups(self._parsed()))
        spelled = _spell(groups.get(self.group or 1, self._parsed()), dice)
        return "".join(spelled).strip("\"'")

    def text(self, dice: random.Random) -> str:
        """Return a text of this rule: a secret and what must stand around it."""
        return "".join(_spell(self._parsed(), dice))

    def _parsed(self) -> Parsed:
        return _parser.parse(self.expression.pattern)


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a configuration that are about text."""
    rows = tomllib.loads(path.read_text("utf-8"))["rules"]
    return [_rule(row) for row in rows if "regex" in row]


def words_of_no_secret(path: Path) -> list[str]:
    """Return the words by which the scanner's generic rule knows a value that is no secret."""
    rows = tomllib.loads(path.read_text("utf-8"))["rules"]
    allowed = [each for row in rows for each in row.get("allowlists", ())]
    words = {word.strip("-_.") for each in allowed for word in each.get("stopwords", ())}
    return sorted(word for word in words if word.isalpha())


def _rule(row: dict[str, Any]) -> Rule:
    named = _IDENTIFIERS.search(row["regex"])
    names = named[1].split("|") if named else row.get("keywords", ["x"])
    group = row.get("secretGroup", 0)
    return Rule(row["id"], to_python(row["regex"]), tuple(names), row.get("entropy", 0), group)


def to_python(expression: str) -> re.Pattern[str]:
    """Compile an expression of Go: there, flags within it hold to the end of their group."""
    for name, members in _MEMBERS.items():
        expression = expression.replace(name, members)
    expression = expression.replace(r"\z", r"\Z")
    while (at := expression.rfind("(?i)")) > 0:
        end = _end_of_group(expression, at + 4)
        expression = f"{expression[:at]}(?i:{expression[at + 4 : end]}){expression[end:]}"
    return re.compile(expression)


def _end_of_group(expression: str, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(expression, start):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth < 0:
            return token.start()
    return len(expression)


def _entropy(text: str) -> float:
    """Return the bits of a character of this text, as the scanner counts them."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _groups(items: Parsed) -> Iterator[tuple[int, Parsed]]:
    """Yield what is in the groups that have a number."""
    for code, value in items:
        if code is op.SUBPATTERN:
            if value[0] is not None:
                yield value[0], value[3]
            yield from _groups(value[3])
        elif code is op.BRANCH:
            for branch in value[1]:
                yield from _groups(branch)
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            yield from _groups(value[2])


def _spell(items: Parsed, dice: random.Random) -> Iterator[str]:
    for code, value in items:
        if code is op.LITERAL:
            yield chr(value)
        elif code is op.ANY:  # Most of these were meant: `hooks.slack.com`.
            yield "."
        elif code is op.IN:
            yield dice.choice(_members(value))
        elif code is op.SUBPATTERN:
            yield from _spell(value[3], dice)
        elif code is op.BRANCH:
            yield from _spell(dice.choice(value[1]), dice)
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, inner = value
            for _ in range(dice.randint(least, min(most, least + REPEATS_MORE_MAX))):
                yield from _spell(inner, dice)


def _members(ranges: Parsed) -> str:
    members = ""
    for code, value in ranges:
        if code is op.LITERAL:
            members += chr(value)
        elif code is op.RANGE:
            members += "".join(map(chr, range(value[0], value[1] + 1)))
        elif code is op.CATEGORY:
            members += _CATEGORIES.get(value, LETTERS + "_")
    if ranges[0][0] is op.NEGATE:
        return "".join(each for each in LETTERS if each not in members) or " "
    plain = "".join(each for each in members if each in LETTERS)
    return plain if len(plain) > 9 else members
