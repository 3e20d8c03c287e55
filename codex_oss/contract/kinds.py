"""Kinds of JSON values: each reads one value into its normal form, or says what is wrong with it.

A value and its JSON path enter; the normal form leaves, or `FAULTY` with the reasons collected in
the `Reading`. The rule it keeps: no fault stops the reading, so that one pass finds all of them,
and what a kind returns reads back as itself.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Final, Protocol

from codex_oss.contract.tiers import Tier
from codex_oss.errors import Fault

GOT_CHARS_MAX = 80  # Of a wrong value in its fault: enough to find it by, too short to flood.
REGEX_CHARS_MAX = 500
USD_MAX = 1_000_000
REQUIRED: Final = object()
FAULTY: Final = object()

_IDENTIFIER = re.compile(r"\w+")


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
    names = {bool: "a boolean", str: "a string", int: "a whole number", float: "a number"}
    names |= {dict: "an object", list: "a list", type(None): "null"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "no JSON")


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
        if not (0 < amount <= USD_MAX and amount == round(amount, 6)):
            return reading.fault(path, "out_of_range", f"must be {self.legal}", got=excerpt(value))
        return f"{amount.normalize():f}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed list. `retired` words have a code of their own."""

    words: tuple[str, ...]
    retired: tuple[str, ...] = ()
    retired_code: str = "bad_value"
    retired_hint: str = ""

    @property
    def legal(self) -> str:
        return f"one of {', '.join(self.words)}" if len(self.words) > 1 else self.words[0]

    def read(self, value: object, path: str, reading: Reading) -> object:
        if not isinstance(value, str):
            return reading.wrong_type(path, self.legal, value)
        if value in self.retired:
            message = f"must be {self.legal}"
            return reading.fault(
                path, self.retired_code, message, hint=self.retired_hint, got=excerpt(value)
            )
        if value not in self.words:
            hint = nearest(value, self.words)
            return reading.bad_value(path, f"must be {self.legal}", value, hint)
        return value


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
            message = f"has {len(value):,} items, at most {self.most}"
            reading.fault(path, "too_long", message)
        if len(value) < self.least:
            return reading.fault(path, "missing", f"needs at least {self.least} items")
        items = [
            self.kind.read(item, f"{path}[{index}]", reading)
            for index, item in enumerate(value[: self.most])
        ]
        kept: list[object] = []
        for item in items:
            kept += [] if item is FAULTY or item in kept else [item]
        return FAULTY if FAULTY in items or len(value) > self.most else kept


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


Default = Callable[[Tier, Mapping[str, object]], object]
"""What a field is when it is not said: from the tier and the members read before it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a table: a member of an object, how it is read, and what its absence means.

    `tiers` are the labels of the tiers that have it, none for all. A superseded field is read,
    warned of, and taken for the one that `superseded_by` names; "" is dropped.
    """

    name: str
    kind: Kind
    default: object = REQUIRED
    rule: str = ""
    tiers: tuple[str, ...] = ()
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An object with these members and no others, but for `x_...`, which are kept as they are.

    `shorthand` is the member that a plain string stands for. A lenient record drops what it does
    not know and takes null for absent: a model's report, of which the rest is computed.
    """

    fields: tuple[Field, ...]
    shorthand: str = ""
    lenient: bool = False

    @property
    def legal(self) -> str:
        return "a string or an object" if self.shorthand else "an object"

    def read(self, value: object, path: str, reading: Reading) -> object:
        if self.shorthand and isinstance(value, str):
            value = {self.shorthand: value}
        if not isinstance(value, dict):
            return reading.wrong_type(path, self.legal, value)
        if self.lenient:
            value = {key: item for key, item in value.items() if item is not None}
        faults_before = len(reading.faults)
        members = self.members(value, path, reading)
        return FAULTY if len(reading.faults) > faults_before else members

    def members(
        self, value: Mapping[str, object], path: str, reading: Reading
    ) -> dict[str, object]:
        """Return the members that are well-formed, defaults included."""
        members: dict[str, object] = {}
        for row in self.fields:
            if row.name in value:
                _read_given(row, value, path, reading, members)
            else:
                _fill_in(row, path, reading, members)
        if not self.lenient:
            members |= self._foreign(value, path, reading)
        return members

    def _foreign(
        self, value: Mapping[str, object], path: str, reading: Reading
    ) -> dict[str, object]:
        known = {row.name for row in self.fields}
        foreign = [key for key in value if key not in known]
        for key in foreign:
            if not key.startswith("x_"):
                hint = nearest(key, known) or "keys of your own begin with `x_`"
                reading.fault(join(path, key), "unknown_field", "is not a known field", hint=hint)
        return {key: value[key] for key in foreign if key.startswith("x_")}


def _read_given(
    row: Field,
    value: Mapping[str, object],
    path: str,
    reading: Reading,
    members: dict[str, object],
) -> None:
    here = join(path, row.name)
    if row.tiers and reading.tier and reading.tier.label not in row.tiers:
        tiers = ", ".join(row.tiers)
        reading.fault(here, "conflict", f"{reading.tier.label} has no such field: only {tiers}")
        return
    read = row.kind.read(value[row.name], here, reading)
    name = row.name
    if row.superseded_by is not None:
        name = row.superseded_by
        instead = f"use `{name}`" if name else "it has no effect: the runtime is always as strict"
        reading.warnings.append(Fault(here, "superseded", "is superseded", instead))
        if name in value:
            reading.fault(here, "conflict", f"stands beside `{name}`", hint=f"keep `{name}`")
            return
    if read is not FAULTY and name:
        members[name] = read


def _fill_in(row: Field, path: str, reading: Reading, members: dict[str, object]) -> None:
    if row.superseded_by is not None or row.name in members:
        return
    if row.tiers and (reading.tier is None or reading.tier.label not in row.tiers):
        return
    if row.default is REQUIRED:
        reading.fault(join(path, row.name), "missing", f"is missing: must be {row.kind.legal}")
    elif not callable(row.default):  # Read, so that an object's own defaults are filled in.
        members[row.name] = row.kind.read(row.default, join(path, row.name), reading)
    elif reading.tier is not None:
        members[row.name] = row.default(reading.tier, members)
