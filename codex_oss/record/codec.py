"""The bytes of the log: a fact becomes one chained line, a line becomes an event again.

A stored line *is* its canonical bytes: sorted keys, no blanks, UTF-8, no floats, one `\\n`. Its
`event_hash` is SHA-256 over that line without the `event_hash` member, so it covers `prev_hash`
and with it all before (event-log 2). A string over 32 KiB, and all of a model's reasoning, stands
in a blob beside the log; the line names its digest. Whatever a line can be wrong about is one of
the rules that `LineFault` names.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from codex_oss.chat import FunctionCall
from codex_oss.record.events import AUTHORITY, RUNTIME, Event, Fact, ModelReplied, UnknownFact

SCHEMA_VERSION = "mission_event.v1"
LINE_BYTES_MAX = 262_144
STRING_BYTES_MAX = 32_768  # A longer string is a blob.
PREVIEW_CHARACTERS = 200
PRIVATE = {(ModelReplied, "reasoning")}
"""Fields that are always blobs of their own folder, so that they can be purged."""

HASH = r"sha256:[0-9a-f]{64}"
_ENVELOPE = re.compile(
    rb'\{"authority":"[a-z_]+","created_at":"[^"\\]{1,40}","elapsed_ms":\d{1,15},'
    rb'("event_hash":"(' + HASH.encode() + rb')",)"event_id":"evt_'
)

ReadBlob = Callable[[str, bool], str]
"""(digest, is it private) to text; raises `LineFault` where the blob is missing or wrong."""


class LineFault(Exception):
    """A line that is not what was written. `rule` is one of the names of event-log 2."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Blob:
    sha256: str
    data: bytes
    private: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next line stands: everything in it that is not the fact."""

    seq: int
    run_id: str
    mission_id: str
    created_at: str
    elapsed_ms: int
    prev_hash: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line to append, the blobs to write before it, and the event that it is."""

    data: bytes
    blobs: tuple[Blob, ...]
    event: Event


def canonical(value: object) -> bytes:
    """Return the one spelling of a JSON value. Floats and lone surrogates are bugs of ours."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- a fact and its payload ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    key: str
    kind: type
    nested: type | None
    is_list: bool
    optional: bool
    required: bool


def _field(name: str, hint: object, required: bool) -> _Field:
    key, optional = name.rstrip("_"), False
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        optional, hint = True, next(a for a in get_args(hint) if a is not type(None))
    origin, arguments = get_origin(hint), get_args(hint)
    item = arguments[0] if origin is tuple else hint
    nested = item if isinstance(item, type) and is_dataclass(item) else None
    kind = list if origin is tuple else dict if origin is dict or nested else hint
    assert isinstance(kind, type), (name, hint)
    return _Field(name, key, kind, nested, origin is tuple, optional, required)


def _fields_of(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _field(f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    )


FACTS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Fact)}
_NESTED: set[type] = set()
_FIELDS: dict[type, tuple[_Field, ...]] = {}


def _learn(kind: type) -> None:
    if kind not in _FIELDS:
        _FIELDS[kind] = _fields_of(kind)
        for field in _FIELDS[kind]:
            if field.nested:
                _learn(field.nested)


for _kind in FACTS.values():
    _learn(_kind)
_learn(FunctionCall)


def to_payload(fact: Fact) -> dict[str, object]:
    """Return the fact as JSON, its keys as event-log 3 names them."""
    if isinstance(fact, UnknownFact):
        return fact.payload
    return _to_json(fact)


def _to_json(value: object) -> dict[str, object]:
    payload = {}
    for field in _FIELDS[type(value)]:
        part = getattr(value, field.name)
        if field.nested and part is not None:
            part = [_to_json(item) for item in part] if field.is_list else _to_json(part)
        elif field.is_list:
            part = list(part)
        payload[field.key] = part
    return payload


def no_blobs(digest: str, private: bool) -> str:
    raise LineFault(f"blob_missing:{digest}")


def to_fact(event_type: str, payload: dict[str, object], read_blob: ReadBlob = no_blobs) -> Fact:
    """Return the fact that a payload is. Missing keys and wrong types are `LineFault`s."""
    kind = FACTS.get(event_type)
    if kind is None or kind is UnknownFact:
        return UnknownFact(event_type, payload)
    fact: Fact = _from_json(kind, payload, read_blob)
    return fact


def _from_json(kind: type, payload: Mapping[str, object], read_blob: ReadBlob):  # type: ignore[no-untyped-def]  # The class is data here.
    values: dict[str, object] = {}
    for field in _FIELDS[kind]:
        if field.key not in payload:
            if field.required:
                raise LineFault(f"payload_missing:{field.key}")
            continue
        part = payload[field.key]
        if part is None and field.optional:
            values[field.name] = None
            continue
        if field.kind is str and isinstance(part, dict):
            part = read_blob(str(part.get("blob")), part.get("private") is True)
        if type(part) is not field.kind:
            raise LineFault(f"payload_type:{field.key}")
        if field.nested or field.is_list:
            part = _nested(field, part, read_blob)
        values[field.name] = part
    return kind(**values)


def _nested(field: _Field, part: object, read_blob: ReadBlob) -> object:
    if field.nested is None:
        assert isinstance(part, list)
        return tuple(part)
    items = part if isinstance(part, list) else [part]
    objects = [item for item in items if isinstance(item, dict)]
    if len(objects) < len(items):
        raise LineFault(f"payload_type:{field.key}")
    values = tuple(_from_json(field.nested, item, read_blob) for item in objects)
    return values if field.is_list else values[0]


# ---- a line --------------------------------------------------------------------------------------


def encode(fact: Fact, payload: dict[str, object], place: Place) -> Line:
    """Return the line for `fact` at `place`. `payload` is its JSON, already redacted."""
    blobs: list[Blob] = []
    stored = payload if isinstance(fact, UnknownFact) else _store(type(fact), payload, blobs)
    source_kind, authority = AUTHORITY.get(type(fact), RUNTIME)
    body = {
        "schema_version": SCHEMA_VERSION,
        "run_id": place.run_id,
        "mission_id": place.mission_id,
        "seq": place.seq,
        "event_id": f"evt_{place.seq:06}",
        "event_type": type(fact).__name__,
        "payload": stored,
        "source_kind": source_kind,
        "authority": authority,
        "created_at": place.created_at,
        "elapsed_ms": place.elapsed_ms,
        "prev_hash": place.prev_hash,
    }
    event_hash = sha256(canonical(body))
    data = canonical({**body, "event_hash": event_hash}) + b"\n"
    event = Event(
        place.seq, fact, place.created_at, place.elapsed_ms, place.run_id, place.mission_id,
        place.prev_hash, event_hash,
    )  # fmt: skip
    return Line(data, tuple(blobs), event)


def _store(kind: type, payload: dict[str, object], blobs: list[Blob]) -> dict[str, object]:
    """Return the payload with its long and private strings moved into `blobs`."""
    stored = dict(payload)
    for field in _FIELDS[kind]:
        part = payload[field.key]
        if field.kind is str and isinstance(part, str) and part:
            stored[field.key] = _store_text(part, (kind, field.name) in PRIVATE, blobs)
        elif field.nested and isinstance(part, list):
            stored[field.key] = [_store(field.nested, item, blobs) for item in part]
    return stored


def _store_text(text: str, private: bool, blobs: list[Blob]) -> str | dict[str, object]:
    if not private and len(text) <= STRING_BYTES_MAX // 4:
        return text  # No UTF-8 character takes more than four bytes.
    data = text.encode()
    if not private and len(data) <= STRING_BYTES_MAX:
        return text
    blobs.append(Blob(sha256(data), data, private))
    preview = "" if private else text[:PREVIEW_CHARACTERS]
    return {"blob": blobs[-1].sha256, "bytes": len(data), "preview": preview, "private": private}


def decode(line: bytes, before: Event | None, read_blob: ReadBlob) -> Event:
    """Return the event of a whole line (with its `\\n`), checked against the event before it."""
    found = _ENVELOPE.match(line)
    if found is None:
        raise LineFault(_why_no_envelope(line))
    event_hash = found[2].decode()
    body = _parse(line)
    if sha256(line[: found.start(1)] + line[found.end(1) : -1]) != event_hash:
        raise LineFault(_why_other_hash(body, event_hash))
    seq = before.seq + 1 if before else 1
    expected = {"seq": seq, "event_id": f"evt_{seq:06}", "schema_version": SCHEMA_VERSION}
    for key, value in expected.items():
        if body.get(key) != value:
            raise LineFault("seq_mismatch" if key != "schema_version" else "unsupported_schema")
    if body.get("prev_hash") != (before.event_hash if before else ""):
        raise LineFault("prev_hash_mismatch")
    if before and (body.get("run_id"), body.get("mission_id")) != (
        before.run_id,
        before.mission_id,
    ):
        raise LineFault("run_id_mismatch")
    payload = body.get("payload")
    if not isinstance(payload, dict):
        raise LineFault("payload_type:payload")
    fact = to_fact(str(body.get("event_type")), payload, read_blob)
    return Event(
        seq, fact, body["created_at"], body["elapsed_ms"], body["run_id"], body["mission_id"],
        body["prev_hash"], event_hash,
    )  # fmt: skip


def _parse(line: bytes):  # type: ignore[no-untyped-def]  # Whatever JSON holds; `decode` checks it.
    if not line.endswith(b"}\n"):
        raise LineFault("event_json_invalid")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineFault("event_json_invalid") from error


def _why_no_envelope(line: bytes) -> str:
    body = _parse(line)
    known = isinstance(body, dict) and isinstance(body.get("event_hash"), str)
    return "not_canonical" if known else "event_json_invalid"


def _why_other_hash(body: dict[str, object], event_hash: str) -> str:
    respelled = canonical({key: value for key, value in body.items() if key != "event_hash"})
    return "not_canonical" if sha256(respelled) == event_hash else "event_hash_mismatch"
