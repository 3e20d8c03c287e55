"""What is noticed while a request is read: its faults, and the names of what is left out.

The parsers of this room share one `Reading`. It never stops at a fault, so that a caller learns of
all of them at once; no text of the caller stands in a fault, only its kind.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from codex_oss.errors import BadRequest, Fault
from codex_oss.responses.past import NO_PAST, Json, Past

NAME_CHARS_MAX = 64  # Of a caller's name as a receipt repeats it.
NUMBER_CHARS_MAX = 24  # Of a number that is not what was expected: the only value that is shown.
NAMES_MAX = 100  # In a receipt: it stands three times in every stream.

_KINDS: dict[type, str] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
}

Kind = TypeVar("Kind")


class Reading:
    """`declared` are tools that items declare, with their paths; `reasoning_dropped` counts
    reasoning by why it is not used."""

    def __init__(self, past: Past = NO_PAST) -> None:
        self.past = past
        self.faults: list[Fault] = []
        self.declared: list[tuple[str, Json]] = []
        self.reasoning_dropped: Counter[str] = Counter()
        self._dropped: dict[str, None] = {}
        self._unknown: dict[str, None] = {}

    @property
    def dropped(self) -> tuple[str, ...]:
        return _bounded(self._dropped)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The types of items that are shown to the model as text."""
        return _bounded(self._unknown)

    def drop(self, name: str) -> None:
        """Note that this was understood and is left out."""
        self._dropped[name[:NAME_CHARS_MAX]] = None

    def show_unknown(self, kind: str) -> None:
        """Note that an item of this type is shown as it came."""
        self._unknown[kind[:NAME_CHARS_MAX]] = None

    def fault(self, path: str, code: str, message: str, hint: str = "") -> None:
        self.faults.append(Fault(path, code, message, hint))

    def wrong(self, path: str, expected: str, got: object) -> None:
        """Note that something else stands where `expected` should."""
        if got is None:
            self.fault(path, "missing_required_parameter", f"expected {expected}, got nothing")
            return
        kind = _KINDS.get(type(got), "an object")
        told = str(got)[:NUMBER_CHARS_MAX] if kind == "a number" else kind
        self.fault(path, "invalid_type", f"expected {expected}, got {told}")

    def string(self, body: Json, name: str, path: str) -> str:
        """Return a required string, or "" with a fault."""
        value = body.get(name)
        if isinstance(value, str):
            return value
        self.wrong(f"{path}.{name}", "a string", value)
        return ""

    def optional(self, body: Json, name: str, kind: type[Kind], path: str) -> Kind | None:
        """Return a value of this kind, or `None` if there is none, with a fault if it is other."""
        value = body.get(name)
        if value is None or isinstance(value, kind):
            return value
        self.wrong(f"{path}.{name}", _KINDS.get(kind, "an object"), value)
        return None

    def objects(self, value: object, path: str) -> list[tuple[str, Json]]:
        """Return the objects of a list with their paths. What is no object, or no list, is a
        fault; absent is an empty list."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, "a list", value)
            return []
        found: list[tuple[str, Json]] = []
        for number, each in enumerate(value):
            if isinstance(each, dict):
                found.append((f"{path}[{number}]", each))
            else:
                self.wrong(f"{path}[{number}]", "an object", each)
        return found

    def raise_faults(self) -> None:
        if self.faults:
            shown = "; ".join(map(str, self.faults[:5]))
            more = f"; and {len(self.faults) - 5} more" if len(self.faults) > 5 else ""
            first = self.faults[0]
            raise BadRequest(shown + more, code=first.code, hint=first.hint, faults=self.faults)


def _bounded(names: Iterable[str]) -> tuple[str, ...]:
    kept = tuple(names)
    return kept if len(kept) <= NAMES_MAX else (*kept[:NAMES_MAX], "...")
