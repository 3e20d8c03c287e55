"""A fact as JSON, with the keys of event-log 3, and the way back, which checks every one.

`to_payload` and `to_fact` are each other's inverse. A long text stands in a blob beside the log:
its member of the payload is then a reference, which a `ReadBlob` follows.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from codex_oss.record.events import Fact, ModelReplied, UnknownFact

PRIVATE = {(ModelReplied, "reasoning")}
"""Fields that are always blobs, in a folder of their own, so that they can be purged."""

REFERENCE = {"blob", "bytes", "preview", "private"}
"""The members of what stands in a payload in place of a blob."""

ReadBlob = Callable[[str, bool], str]
"""(digest, is it private) to text; raises `LineFault` where the blob is missing or wrong."""


class LineFault(Exception):
    """A line that is not what was written. `rule` is one of the names of event-log 2."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a payload. `kind` is its type in JSON, `item` that of what is in a list, or
    the class that an object is."""

    name: str
    key: str
    kind: type
    item: type | None
    is_optional: bool
    is_required: bool
    is_private: bool

    @property
    def is_nested(self) -> bool:
        return self.item in FIELDS


def _field(owner: type, name: str, hint: object, is_required: bool) -> Field:
    is_optional = isinstance(hint, UnionType) or get_origin(hint) is Union
    if is_optional:
        hint = next(a for a in get_args(hint) if a is not type(None))
    origin = get_origin(hint)
    item = get_args(hint)[0] if origin is tuple else hint if is_dataclass(hint) else None
    kind = list if origin is tuple else dict if origin is dict or item else hint
    assert isinstance(kind, type) and (item is None or isinstance(item, type)), (name, hint)
    is_private = (owner, name) in PRIVATE
    return Field(name, name.rstrip("_"), kind, item, is_optional, is_required, is_private)


def _learn(kind: type) -> None:
    hints = get_type_hints(kind)
    known = FIELDS[kind] = tuple(
        _field(kind, f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    )
    for field in known:
        if field.item and is_dataclass(field.item) and field.item not in FIELDS:
            _learn(field.item)


FACTS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Fact)}
FIELDS: dict[type, tuple[Field, ...]] = {}
for _kind in FACTS.values():
    _learn(_kind)


def to_payload(fact: Fact) -> dict[str, object]:
    return fact.payload if isinstance(fact, UnknownFact) else _to_json(fact)


def _to_json(value: object) -> dict[str, object]:
    payload = {}
    for field in FIELDS[type(value)]:
        part = getattr(value, field.name)
        if field.kind is list:
            part = [_to_json(item) for item in part] if field.is_nested else list(part)
        elif field.is_nested and part is not None:
            part = _to_json(part)
        payload[field.key] = part
    return payload


def no_blobs(digest: str, private: bool) -> str:
    raise LineFault(f"blob_missing:{digest}")


def to_fact(event_type: str, payload: dict[str, object], read_blob: ReadBlob = no_blobs) -> Fact:
    """Return the fact that a payload is. Missing members and wrong types are `LineFault`s; a type
    that is not known here is kept as it is."""
    kind = FACTS.get(event_type)
    if kind is None or kind is UnknownFact:
        return UnknownFact(event_type, payload)
    fact: Fact = _from_json(kind, payload, read_blob)
    return fact


def _from_json(kind: type, payload: Mapping[str, object], read_blob: ReadBlob):  # type: ignore[no-untyped-def]  # The class is data here.
    values: dict[str, object] = {}
    for field in FIELDS[kind]:
        if field.key not in payload:
            if field.is_required:
                raise LineFault(f"payload_missing:{field.key}")
            continue
        part = payload[field.key]
        if type(part) is dict and part.keys() == REFERENCE:
            part = _fetched(field, part, read_blob)
        if type(part) is not field.kind:
            if part is not None or not field.is_optional:
                raise LineFault(f"payload_type:{field.key}")
        elif field.item is not None:
            part = _items(field, part, read_blob)
        values[field.name] = part
    return kind(**values)


def _fetched(field: Field, reference: Mapping[str, object], read_blob: ReadBlob) -> object:
    text = read_blob(str(reference["blob"]), reference["private"] is True)
    try:
        return text if field.kind is str else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LineFault(f"payload_type:{field.key}") from error


def _items(field: Field, part: object, read_blob: ReadBlob) -> object:
    items = part if isinstance(part, list) else [part]
    kind = dict if field.is_nested else field.item
    if any(type(item) is not kind for item in items):
        raise LineFault(f"payload_type:{field.key}")
    if field.is_nested:
        nested = [item for item in items if isinstance(item, dict)]
        items = [_from_json(field.item or dict, item, read_blob) for item in nested]
    return tuple(items) if field.kind is list else items[0]
