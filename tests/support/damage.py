"""Streams of a provider, damaged at random: cut, doubled, mixed, shuffled, a byte changed."""

from collections.abc import Sequence
from random import Random

from support import ROOT

STREAMS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/upstream.sse"))]
REQUESTS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/request.json"))]


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
