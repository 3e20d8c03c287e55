"""Objects with a table of members: read whole, faults and defaults included, then taken apart.

A JSON object and its table enter; a dict with every default filled in leaves, and `Members` gives
its values their types back. Everything a contract or a report may hold is a row of such a table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codex_oss.contract.kinds import FAULTY, REQUIRED, Kind, Reading, join, nearest
from codex_oss.contract.tiers import Tier
from codex_oss.errors import Fault

Default = Callable[[Tier | None, Mapping[str, object]], object]
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
        return
    if callable(row.default):
        default = row.default(reading.tier, members)
    else:  # Read, so that an object's own defaults are filled in.
        default = row.kind.read(row.default, join(path, row.name), reading)
    if default is not FAULTY:
        members[row.name] = default


class Members:
    """Typed access to what a `Record` read; its kinds checked the types, so a surprise is a bug.

    A null text is "" and a null object is empty.
    """

    def __init__(self, value: object) -> None:
        assert isinstance(value, Mapping), value
        self.value: Mapping[str, object] = value

    def text(self, name: str) -> str:
        value = self.value[name]
        assert value is None or isinstance(value, str), value
        return value or ""

    def flag(self, name: str) -> bool:
        value = self.value[name]
        assert isinstance(value, bool), value
        return value

    def whole(self, name: str) -> int:
        value = self.value[name]
        assert isinstance(value, int), value
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self._items(name))

    def parts(self, name: str) -> tuple["Members", ...]:
        return tuple(Members(item) for item in self._items(name))

    def part(self, name: str) -> "Members":
        return Members(self.value[name] or {})

    def _items(self, name: str) -> list[object]:
        value = self.value[name]
        assert isinstance(value, list), value
        return value
