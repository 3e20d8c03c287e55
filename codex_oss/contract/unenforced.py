"""What a contract may say and this runtime does not enforce yet: one table, to be emptied.

A contract with every default filled in enters, and what it says beyond the enforced values leaves.
The rule it keeps: nothing is parsed and then ignored. Admission refuses a mission for each row
that bites, with the code `not_enforced_yet`; enforcing a field is taking its row out.
"""

import json
from collections.abc import Iterator, Mapping

from codex_oss.contract.mission import MissionV1
from codex_oss.errors import Fault

CODE = "not_enforced_yet"


# (field, the values that are enforced, why others are not). No values: the field itself.
NOT_ENFORCED_YET: tuple[tuple[str, tuple[object, ...], str], ...] = (
    ("tier", ("A0", "A1", "A2", "A3"), "no mission that makes patches is run yet"),
    ("write_allowed", (False,), "nothing is written by a mission yet"),
)


def not_enforced(mission: MissionV1) -> tuple[Fault, ...]:
    """Return a fault for each thing the contract says that would not be kept."""
    return tuple(
        Fault(path, CODE, f"is not enforced yet: {reason}", got=_canonical(value))
        for path, value, reason in _beyond(mission.document)
    )


def unenforced(document: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return (JSON path, canonical JSON) of the same things."""
    return tuple((path, _canonical(value)) for path, value, _ in _beyond(document))


def _beyond(document: Mapping[str, object]) -> Iterator[tuple[str, object, str]]:
    for field, enforced, reason in NOT_ENFORCED_YET:
        for path, value in _values(document, field):
            if value not in enforced:
                yield path, value, reason


def _values(document: Mapping[str, object], field: str) -> Iterator[tuple[str, object]]:
    """Yield each value that a path like `a[].b` stands for, with its own path."""
    found: list[tuple[str, object]] = [("$", document)]
    for name in field.split("."):
        found = [
            (f"{path}.{key}", value[key])
            for path, value in found
            for key in [name.removesuffix("[]")]
            if isinstance(value, Mapping) and key in value
        ]
        if name.endswith("[]"):
            found = [
                (f"{path}[{index}]", item)
                for path, items in found
                if isinstance(items, list)
                for index, item in enumerate(items)
            ]
    yield from found


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
