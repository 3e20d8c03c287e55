"""Kinds of JSON values: each reads one value into its normal form, or says what is wrong with it.

A value and its JSON path enter; the normal form leaves, or `FAULTY` with the reasons collected in
the `Reading`. The rule it keeps: no fault stops the reading, so that one pass finds all of them,
and what a kind returns reads back as itself.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Final, Protocol

from codex_oss.contract.paths import BadPath, normalise
from codex_oss.contract.tiers import Tier
from codex_oss.errors import Fault

GOT_CHARS_MAX = 80  # Of a wrong value in its fault: enough to find it by, too short to flood.
REGEX_CHARS_MAX = 500
USD_MAX = 1_000_000
REQUIRED: Final = object()
FAULTY: Final = object()

_IDENTIFIER = re.compile(r"\w+")
_TYPES = (
    (bool, "a boolean"),  # Before int, which it is a kind of.
    (int, "a whole number"),
    (float, "a number"),
    (str, "a string"),
    (dict, "an object"),
    (list, "a list"),
    (type(None), "null"),
)


def join(path: str, key: str) -> str:
    """Return the JSON path of a member of the object at `path`."""
    return f"{path}.{key}" if _IDENTIFIER.fullmatch(key) else f"{path}[{json.dumps(key)}]"


def excerpt(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= GOT_CHARS_MAX else text[: GOT_CHARS_MAX - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word most like this one, or ""."""
    found = get_close_matches(word, tuple(known), n=1)
    return f"did you mean `{found[0]}`?" if found else ""


def type_name(value: object) -> str:
    """Return what JSON calls the type of this value, with its article."""
    return next((name for type_, name in _TYPES if isinstance(value, type_)), "no JSON")


@dataclass(slots=True)
class Reading:
    """What one pass over a document found. `tier` is `None` while the document's is unknown."""

    tier: Tier | None = None
    project_root: str = ""
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def fault(self, path: str, code: str, message: str, *, hint: str = "", got: str = "") -> object:
        self.faults.append(Fault(path, code, message, hint, got))
        return FAULTY

    def wrong_type(self, path: str, legal: str, value: object) -> object:
        message = f"must be {legal}, not {type_name(value)}"
        return self.fault(path, "wrong_type", message, got=excerpt(value))

    def bad_value(self, path: str, message: str, value: object, hint: str = "") -> object:
        return self.fault(path, "bad_value", message, hint=hint, got=excerpt(value))


class Kind(Protocol):
    @property
    def legal(self) -> str:
        """Say what is legal, as the end of "must be ..."."""

    def read(self, value: object, path: str, reading: Reading) -> object: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `least` to `most` characters that matches `pattern` as a whole."""

    most: int
    least: int = 1
    pattern: str = ""

    @property
    def legal(self) -> str:
        return f"a string of {self.least}..{self.most:,} characters"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, str):
            return reading.wrong_type(path, self.legal, value)
        if len(value) > self.most:
            message = f"has {len(value):,} characters, at most {self.most:,}"
            return reading.fault(path, "too_long", message, got=excerpt(value))
        if len(value) < self.least or (self.least and not value.strip()):
            return reading.bad_value(path, f"must be {self.legal}", value)
        if self.pattern and not re.fullmatch(self.pattern, value):
            return reading.bad_value(path, f"must match {self.pattern}", value)
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean. Where only one value is possible, the other one is a fault with this code."""

    only: bool | None = None
    code: str = "bad_value"
    why: str = ""

    @property
    def legal(self) -> str:
        return "a boolean" if self.only is None else json.dumps(self.only)

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, bool):
            return reading.wrong_type(path, self.legal, value)
        if self.only not in (None, value):
            return reading.fault(path, self.code, f"must be {self.legal}: {self.why}")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of a range. `above` is the code for more than `most`."""

    least: int
    most: int
    above: str = "out_of_range"

    @property
    def legal(self) -> str:
        return f"a whole number {self.least:,}..{self.most:,}"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            return reading.wrong_type(path, self.legal, value)
        if self.least <= value <= self.most:
            return value
        code = self.above if value > self.most else "out_of_range"
        return reading.fault(path, code, f"must be {self.legal}", got=excerpt(value))


@dataclass(frozen=True, slots=True)
class Money:
    """A decimal above 0 with up to 6 places, as a number or a string; its normal form is text,
    because 0.1 has no exact float."""

    legal = f"a decimal above 0, up to {USD_MAX:,}, with at most 6 places"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return reading.wrong_type(path, self.legal, value)
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(0)
        if not (amount.is_finite() and 0 < amount <= USD_MAX and amount == round(amount, 6)):
            return reading.fault(path, "out_of_range", f"must be {self.legal}", got=excerpt(value))
        return f"{amount.normalize():f}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed list. What matches `retired` has a code of its own."""

    words: tuple[str, ...]
    retired: str = ""
    retired_code: str = "bad_value"
    retired_hint: str = ""

    @property
    def legal(self) -> str:
        return f"one of {', '.join(self.words)}" if len(self.words) > 1 else self.words[0]

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, str):
            return reading.wrong_type(path, self.legal, value)
        if self.retired and re.fullmatch(self.retired, value):
            message = f"must be {self.legal}"
            return reading.fault(
                path, self.retired_code, message, hint=self.retired_hint, got=excerpt(value)
            )
        if value not in self.words:
            hint = nearest(value, self.words)
            return reading.bad_value(path, f"must be {self.legal}", value, hint)
        return value


# What a contract's path may not have, beside what has no normal form at all: what it would mean
# depends on who reads it. `[` is a name in an allow list (`app/[id]/page.tsx`); in a deny list it
# could be meant as a pattern, and a restriction must not be dropped.
_AMBIGUOUS = ((re.compile(r"(?:^|/)\.\.(?:/|$)"), "`..`"), (re.compile("~"), "`~`"))
_GLOB = re.compile(r"[*?{}]")
_FOREIGN_GLOB = re.compile(r"[?{}\[\]]")


@dataclass(frozen=True, slots=True)
class PathText:
    """A path in the project, in its normal form. A pattern may have `*`; a path that may be owned
    keeps the final `/` that makes it a folder."""

    pattern: bool = False
    keeps_slash: bool = False
    code: str = "bad_path"

    @property
    def legal(self) -> str:
        return "a relative path or a name pattern with `*`" if self.pattern else "a relative path"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, str):
            return reading.wrong_type(path, self.legal, value)
        for spelling, what in _AMBIGUOUS:
            if spelling.search(value):
                return reading.fault(path, self.code, f"has {what}", got=excerpt(value))
        if (_FOREIGN_GLOB if self.pattern else _GLOB).search(value):
            hint = "only `*` is a pattern" if self.pattern else "name the folder that holds them"
            return reading.fault(path, self.code, "is a glob", hint=hint, got=excerpt(value))
        name = normalise(value, reading.project_root)
        if isinstance(name, BadPath):
            return reading.fault(path, self.code, name.reason, got=excerpt(value))
        if name == "." and (self.pattern or self.keeps_slash):
            return reading.fault(path, self.code, "is the whole project", got=excerpt(value))
        return name + "/" if self.keeps_slash and value.endswith("/") else name


@dataclass(frozen=True, slots=True)
class Regex:
    """A Python regular expression that compiles. It is never run here: a search may not end."""

    legal = f"a regular expression of 1..{REGEX_CHARS_MAX} characters"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if Text(REGEX_CHARS_MAX).read(value, path, reading) is FAULTY:
            return FAULTY
        try:
            re.compile(str(value))
        except (re.error, OverflowError, RecursionError) as error:
            return reading.fault(path, "bad_regex", str(error), got=excerpt(value))
        return value


@dataclass(frozen=True, slots=True)
class Nullable:
    """A value, or null for none."""

    kind: Kind

    @property
    def legal(self) -> str:
        return f"{self.kind.legal}, or null"

    def read(self, value: object, path: str, reading: Reading) -> object:
        return None if value is None else self.kind.read(value, path, reading)


@dataclass(frozen=True, slots=True)
class Many:
    """A list. Equal items count once, as the first of them."""

    kind: Kind
    most: int
    least: int = 0

    @property
    def legal(self) -> str:
        return f"a list of {self.least}..{self.most} items, each {self.kind.legal}"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, list):
            return reading.wrong_type(path, self.legal, value)
        if len(value) > self.most:
            reading.fault(path, "too_long", f"has {len(value):,} items, at most {self.most}")
        if len(value) < self.least:
            return reading.fault(path, "missing", f"needs {self.least} or more items")
        items = [
            self.kind.read(item, f"{path}[{index}]", reading)
            for index, item in enumerate(value[: self.most])
        ]
        if FAULTY in items or len(value) > self.most:
            return FAULTY
        return [item for index, item in enumerate(items) if item not in items[:index]]


@dataclass(frozen=True, slots=True)
class Always:
    """A list in which these items stand, whether they are given or not."""

    kind: Many
    items: tuple[str, ...]

    @property
    def legal(self) -> str:
        return f"{self.kind.legal}; always added: {', '.join(self.items)}"

    def read(self, value: object, path: str, reading: Reading) -> object:
        given = self.kind.read(value, path, reading)
        if not isinstance(given, list):
            return given
        return given + [item for item in self.items if item not in given]


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose keys are names of the writer's choice."""

    kind: Kind
    most: int

    @property
    def legal(self) -> str:
        return f"an object of at most {self.most} members, each {self.kind.legal}"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, dict):
            return reading.wrong_type(path, self.legal, value)
        if len(value) > self.most:
            return reading.fault(path, "too_long", f"has {len(value)} members: {self.legal}")
        members = {
            key: self.kind.read(item, join(path, key), reading) for key, item in value.items()
        }
        return FAULTY if FAULTY in members.values() else members
