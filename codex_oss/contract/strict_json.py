"""JSON as a contract must be: one object, small, without anything that readers take differently.

Text, bytes or a parsed object enter; a `Document` leaves with its value and what is wrong with it
as JSON: repeated keys, NaN, half surrogate pairs, too deep, too much. It also knows where in the
document a path stands, so that faults can be told in its order (missions 1.1).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from codex_oss.contract.kinds import join, type_name
from codex_oss.errors import Fault

DOCUMENT_BYTES_MAX = 64 * 1024
DEPTH_MAX = 12
VALUES_MAX = 2_000

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Object(dict[str, object]):
    """An object that remembers the keys it was given twice."""

    repeated: tuple[str, ...] = ()


@dataclass(slots=True)
class Document:
    """An object as it was read; `value` is `None` when it could not be."""

    value: dict[str, object] | None = None
    faults: list[Fault] = field(default_factory=list)
    _first: dict[str, int] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def position(self, path: str) -> tuple[int, int]:
        """Return where a path stands, for sorting; what is missing stands at its parent's end."""
        if path in self._first:
            return self._first[path], 0
        while path and path not in self._last:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._last.get(path, 0), 1


def read_document(source: str | bytes | Mapping[str, object]) -> Document:
    """Return the object that `source` is. A value too large to look at has that one fault only."""
    try:
        text = _text(source)
        if len(text.encode("utf-8", "surrogatepass")) > DOCUMENT_BYTES_MAX:
            return _unreadable("too_large", f"has more than {DOCUMENT_BYTES_MAX:,} bytes")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=float)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return _unreadable("not_json", f"is no JSON: {error.msg} at {where}")
    except RecursionError:
        return _unreadable("too_large", f"is nested deeper than {DEPTH_MAX}")
    except (ValueError, TypeError) as error:
        return _unreadable("not_json", f"is no JSON: {error}")
    if not isinstance(value, dict):
        return _unreadable("wrong_type", f"must be an object, not {type_name(value)}")
    return _surveyed(value)


def _text(source: str | bytes | Mapping[str, object]) -> str:
    if isinstance(source, bytes):
        return source.decode()
    return source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)


def _object(pairs: list[tuple[str, object]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made.repeated = tuple(key for key in made if keys.count(key) > 1)
    return made


def _unreadable(code: str, message: str) -> Document:
    return Document(faults=[Fault("$", code, message)])


def _surveyed(value: dict[str, object]) -> Document:
    document = Document(value)
    for path, item, depth in _walk(value, "$", 1, document):
        if depth > DEPTH_MAX:
            return _unreadable("too_large", f"is nested deeper than {DEPTH_MAX}, at {path}")
        if len(document._first) > VALUES_MAX:
            return _unreadable("too_large", f"has more than {VALUES_MAX:,} values")
        document.faults += _faults_of(item, path)
    return document


def _walk(
    value: object, path: str, depth: int, document: Document
) -> Iterator[tuple[str, object, int]]:
    """Yield every value with its path and depth, in document order, and note where it stands."""
    document._first[path] = len(document._first)
    yield path, value, depth
    members: list[tuple[str, object]] = []
    if isinstance(value, dict):
        members = [(join(path, key), item) for key, item in value.items()]
    elif isinstance(value, list):
        members = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    for here, item in members:
        yield from _walk(item, here, depth + 1, document)
    document._last[path] = len(document._first) - 1


def _faults_of(value: object, path: str) -> Iterator[Fault]:
    if isinstance(value, float) and not isfinite(value):
        yield Fault(path, "not_json", "must be a finite number: JSON has no NaN and no Infinity")
    if isinstance(value, str) and _SURROGATE.search(value):
        yield Fault(path, "bad_value", "holds half of a surrogate pair")
    if isinstance(value, _Object):
        for key in value.repeated:
            yield Fault(join(path, key), "duplicate_key", "is given more than once")
    if isinstance(value, dict) and any(_SURROGATE.search(key) for key in value):
        yield Fault(path, "bad_value", "has a key that holds half of a surrogate pair")
