"""Recorded turns, damaged at random: a provider's stream in its bytes, a request in its values."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from support import ROOT

Json = dict[str, Any]

STREAMS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/upstream.sse"))]
REQUESTS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/request.json"))]
ODD: tuple[object, ...] = (
    *(None, True, 0, -1, 1.5, 1e300, 10**30, "", "x", "none", "auto", "custom", "function"),
    *("data:,", "gAAAAAB" + "x" * 80, "oss1.e30.AAAA", "oss1c.e30.AAAA", "\ufffd\0"),
    *([], {}, [None], [[]], [1, 2], {"type": "x"}, {"type": None}, {"a": {"b": []}}),
)
NAMES = (
    "type name namespace output content id call_id arguments input status action tools parameters"
    " encrypted_content summary role execution format text"
).split()


def damaged(stream: bytes, random: Random, others: Sequence[bytes] = STREAMS) -> bytes:
    """Return a stream after up to three accidents; blocks of `others` may get into it."""
    blocks = stream.split(b"\n\n")
    for _ in range(random.randrange(4)):
        here, there = random.randrange(len(blocks)), random.randrange(len(blocks))
        match random.randrange(5):
            case 0:
                del blocks[here:there]
            case 1:
                blocks[here:here] = blocks[here:there]
            case 2:
                blocks.insert(here, random.choice(random.choice(others).split(b"\n\n")))
            case 3:
                random.shuffle(blocks)
            case 4:
                block = bytearray(blocks[here] or b"x")
                block[random.randrange(len(block))] = random.randrange(256)
                blocks[here] = bytes(block)
        blocks = blocks or [b""]
    return b"\n\n".join(blocks)


def in_pieces(stream: bytes, random: Random) -> list[bytes]:
    places = sorted(random.choices(range(len(stream) + 1), k=random.randrange(8)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


def mutated(document: Json, random: Random, others: Sequence[Json]) -> Json:
    """Return a request of which up to four values are odd, swapped for others, doubled or gone."""
    whole = deepcopy(document)
    for _ in range(random.randrange(1, 5)):
        at = random.choice(list(_places(whole)))
        holder, key = _at(whole, at[:-1]), at[-1]
        match random.randrange(4):
            case 0:
                holder[key] = deepcopy(random.choice(ODD))
            case 1:
                other = random.choice(others)
                holder[key] = deepcopy(_at(other, random.choice(list(_places(other)))))
            case 2:
                del holder[key]
            case _ if isinstance(holder, list):
                holder.insert(key, deepcopy(random.choice(holder)))
            case _:
                holder[random.choice(NAMES)] = deepcopy(random.choice(ODD))
        whole = whole or {"model": ""}
    return whole


def _places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*here, key)
        if isinstance(each, (dict, list)):
            yield from _places(each, (*here, key))


def _at(value: Any, place: Sequence[Any]) -> Any:
    for key in place:
        value = value[key]
    return value
