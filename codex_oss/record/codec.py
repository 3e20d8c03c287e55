"""The bytes of the log: a fact becomes one chained line, a line becomes an event again.

A stored line *is* its canonical bytes: sorted keys, no blanks, UTF-8, no floats, one `\\n`. Its
`event_hash` is SHA-256 over that line without the `event_hash` member, so it covers `prev_hash`
and with it all before (event-log 2). A string over 32 KiB, and all of a model's reasoning, stands
in a blob beside the log; so do the longest lists of a line that would be over its limit. Whatever
a line can be wrong about is one of the rules that `LineFault` names.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from codex_oss.chat import mended
from codex_oss.record.events import AUTHORITIES, SOURCES, Event, Fact, Json, UnknownFact, spoken_by
from codex_oss.record.payloads import FIELDS, Field, LineFault, ReadBlob, to_fact, to_payload

SCHEMA_VERSION = "mission_event.v1"
LINE_BYTES_MAX = 262_144
STRING_BYTES_MAX = 32_768  # A longer string is a blob.
PREVIEW_CHARACTERS = 200

HASH = r"sha256:[0-9a-f]{64}"
_HEAD = (
    rb'\{"authority":"(?P<authority>[a-z_]+)","created_at":"(?P<at>%b)",'
    rb'"elapsed_ms":(?P<ms>0|[1-9]\d{0,14}),(?P<member>"event_hash":"(?P<hash>%b)",)"event_id":"'
)
_AT = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_ZONE = rb"(?:Z|[+-]\d\d:\d\d)"
_ENVELOPE = re.compile(_HEAD % (_AT + _ZONE, HASH.encode()))
_NO_ZONE = re.compile(_HEAD % (_AT, HASH.encode()))
_REFERENCE = re.compile(rb'\{"blob":"%b","bytes":(\d{1,15}),"preview":"' % HASH.encode())
_VERSION = re.compile(r"mission_event\.v\d{1,4}")

Redact = Callable[[Json], Json]
"""A payload to the same payload without secrets, keys included."""


@dataclass(frozen=True, slots=True)
class Blob:
    sha256: str
    data: bytes
    private: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next line stands: all that is in it beside the fact."""

    before: Event | None
    run_id: str
    mission_id: str
    created_at: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line to append, the blobs to write before it, and the event that it is."""

    data: bytes
    blobs: tuple[Blob, ...]
    event: Event


def canonical(value: object) -> bytes:
    """Return the one spelling of a JSON value. Half a surrogate pair cannot be spelled: U+FFFD
    stands for it."""
    return utf8(_spell(value))


_spell = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return mended(text).encode()


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- writing -------------------------------------------------------------------------------------


def encode(fact: Fact, place: Place, redact: Redact = lambda payload: payload) -> Line:
    """Return the line for `fact` at `place`, redacted before it is hashed. Its event is read back
    from the very payload that is written, so that whoever writes remembers what a reader finds."""
    blobs: dict[str, Blob] = {}
    payload = redact(to_payload(fact))
    fields = FIELDS[type(fact)]
    if not isinstance(fact, UnknownFact):
        payload = _without_long_strings(fields, payload, blobs)
    text = _spell(payload)
    data, event_hash = _line(fact, place, text)
    if len(data) > LINE_BYTES_MAX:
        text = _spell(_without_long_lists(fields, payload, blobs))
        data, event_hash = _line(fact, place, text)
    assert len(data) <= LINE_BYTES_MAX, f"{type(fact).__name__}: {len(data)} bytes"
    event = Event(
        seq=_seq_after(place.before),
        fact=to_fact(
            _type_of(fact),
            _JSON.raw_decode(utf8(text).decode())[0],
            lambda digest, _: blobs[digest].data.decode(),
        ),
        created_at=place.created_at,
        elapsed_ms=place.elapsed_ms,
        run_id=place.run_id,
        mission_id=place.mission_id,
        prev_hash=_hash_of(place.before),
        event_hash=event_hash,
        line_bytes=len(data),
        blob_bytes=_blob_bytes(data),
    )
    return Line(data, tuple(blobs.values()), event)


def _line(fact: Fact, place: Place, payload: str) -> tuple[bytes, str]:
    """Return the line of a spelled payload, and its hash. The members stand written out in their
    order: to sort and spell this object anew took a third of an append."""
    source_kind, authority = spoken_by(fact)
    seq = _seq_after(place.before)
    head = (
        f'{{"authority":"{authority}","created_at":"{place.created_at}"'
        f',"elapsed_ms":{place.elapsed_ms}'
    )
    rest = utf8(
        f',"event_id":"evt_{seq:06}","event_type":{_spell(_type_of(fact))}'
        f',"mission_id":{_spell(place.mission_id)},"payload":{payload}'
        f',"prev_hash":"{_hash_of(place.before)}","run_id":{_spell(place.run_id)}'
        f',"schema_version":"{SCHEMA_VERSION}","seq":{seq},"source_kind":"{source_kind}"}}'
    )
    start = head.encode()
    event_hash = sha256(start + rest)
    return b'%b,"event_hash":"%b"%b\n' % (start, event_hash.encode(), rest), event_hash


def _type_of(fact: Fact) -> str:
    return fact.event_type if isinstance(fact, UnknownFact) else type(fact).__name__


def _seq_after(before: Event | None) -> int:
    return before.seq + 1 if before else 1


def _hash_of(before: Event | None) -> str:
    return before.event_hash if before else ""


def _without_long_strings(fields: tuple[Field, ...], payload: Json, blobs: dict[str, Blob]) -> Json:
    stored = dict(payload)
    for field in fields:
        part = payload[field.key]
        if isinstance(part, str) and part and _is_long(part, field.is_private):
            stored[field.key] = _moved(part, field.is_private, blobs)
        elif field.is_nested and isinstance(part, list):
            assert field.item
            inner = FIELDS[field.item]
            stored[field.key] = [_without_long_strings(inner, item, blobs) for item in part]
    return stored


def _is_long(text: str, is_private: bool) -> bool:
    if is_private or len(text) <= STRING_BYTES_MAX // 4:
        return is_private  # No character takes more than four bytes.
    return len(utf8(text)) > STRING_BYTES_MAX


def _without_long_lists(fields: tuple[Field, ...], payload: Json, blobs: dict[str, Blob]) -> Json:
    stored = dict(payload)
    for field in fields:
        if field.kind in (list, dict):
            text = canonical(payload[field.key]).decode()
            if len(text) > STRING_BYTES_MAX // 4:
                stored[field.key] = _moved(text, False, blobs)
    return stored


def _moved(text: str, is_private: bool, blobs: dict[str, Blob]) -> Json:
    """Put a text into a blob and return the reference to it."""
    data = utf8(text)
    blob = Blob(sha256(data), data, is_private)
    blobs[blob.sha256] = blob
    preview = "" if is_private else text[:PREVIEW_CHARACTERS]
    return {
        "blob": blob.sha256, "bytes": len(data), "preview": preview, "private": is_private
    }  # fmt: skip


# ---- reading -------------------------------------------------------------------------------------


def decode(line: bytes, before: Event | None, read_blob: ReadBlob) -> Event:
    """Return the event of a whole line (with its `\\n`), checked against the event before it."""
    found = _ENVELOPE.match(line)
    if found is None:
        raise LineFault(_why_no_envelope(line))
    body, event_hash = _parsed(line), found["hash"].decode()
    digest = hashlib.sha256(line[: found.start("member")])
    digest.update(line[found.end("member") : -1])
    if f"sha256:{digest.hexdigest()}" != event_hash:
        raise LineFault(_why_other_hash(body, event_hash))
    elapsed_ms = int(found["ms"])
    _check_place(body, before, elapsed_ms)
    payload = body.get("payload")
    if not isinstance(payload, dict):
        raise LineFault("payload_type:payload")
    event_type = str(body.get("event_type"))
    if body.get("schema_version") == SCHEMA_VERSION:
        fact = to_fact(event_type, payload, read_blob)
    else:
        fact = UnknownFact(event_type, payload)
    return Event(
        seq=before.seq + 1 if before else 1,
        fact=fact,
        created_at=found["at"].decode(),
        elapsed_ms=elapsed_ms,
        run_id=body["run_id"],
        mission_id=body["mission_id"],
        prev_hash=body["prev_hash"],
        event_hash=event_hash,
        line_bytes=len(line),
        blob_bytes=_blob_bytes(line),
    )


def _check_place(body: Json, before: Event | None, elapsed_ms: int) -> None:
    """Raise what is wrong with all that stands beside the payload."""
    seq, hash_before, ms_before = 1, "", 0
    names = (body.get("run_id"), body.get("mission_id"))
    if before:
        seq, hash_before, ms_before = before.seq + 1, before.event_hash, before.elapsed_ms
    if body.get("seq") != seq or body.get("event_id") != f"evt_{seq:06}":
        raise LineFault("seq_mismatch")
    if body.get("prev_hash") != hash_before:
        raise LineFault("prev_hash_mismatch")
    if names != (before.run_id, before.mission_id) if before else not _are_texts(names):
        raise LineFault("run_id_mismatch")
    if elapsed_ms < ms_before:
        raise LineFault("elapsed_ms_falls")
    if body.get("source_kind") not in SOURCES:
        raise LineFault(f"unsupported_source_kind:{body.get('source_kind')}")
    if body.get("authority") not in AUTHORITIES:
        raise LineFault(f"unsupported_authority:{body.get('authority')}")
    if not _VERSION.fullmatch(str(body.get("schema_version"))):
        raise LineFault(f"unsupported_schema:{body.get('schema_version')}")


def _are_texts(values: tuple[object, ...]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def _blob_bytes(line: bytes) -> int:
    """Return how long the texts are that stand beside a line, those that are purged included."""
    return sum(map(int, _REFERENCE.findall(line))) if b'{"blob":"' in line else 0


def _parsed(line: bytes):  # type: ignore[no-untyped-def]  # Whatever JSON holds; `decode` checks it.
    try:
        text = line.decode()
        body, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise LineFault("event_json_invalid") from error
    if text[end:] != "\n" or not isinstance(body, dict):
        raise LineFault("event_json_invalid")
    return body


def _no_float(text: str) -> NoReturn:
    raise LineFault("not_canonical")


_JSON = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float)


def _why_no_envelope(line: bytes) -> str:
    if _NO_ZONE.match(line):
        return "created_at_timezone_missing"
    return "not_canonical" if isinstance(_parsed(line).get("event_hash"), str) else (
        "event_json_invalid"
    )  # fmt: skip


def _why_other_hash(body: Json, event_hash: str) -> str:
    respelled = canonical({key: value for key, value in body.items() if key != "event_hash"})
    return "not_canonical" if sha256(respelled) == event_hash else "event_hash_mismatch"
