"""Providers that misbehave: recorded streams, damaged at random, read in random pieces.

Whatever the bytes, the client gets one valid stream of events with one terminal event, last; and a
reader that takes the fast way gives the same bytes as one that parses every chunk.
"""

import unittest
from random import Random

from support import LONG, ROOT, chance
from support.turns import bursts_of, check_events, parsed, stream_of, turn_of

from codex_oss.chat import ChatReader
from codex_oss.responses import Style

STREAMS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/upstream.sse"))]
REQUESTS = [path.read_bytes() for path in sorted(ROOT.glob("tests/exchanges/*/request.json"))]
VERSIONS = (None, (0, 148, 0), (0, 169, 0))


class SlowReader(ChatReader):
    def _known(self, payload: bytes) -> None:
        return None


class DamagedStreams(unittest.TestCase):
    def test_one_valid_stream_with_one_end_and_the_same_both_ways(self) -> None:
        random = chance("streams")
        for _ in range(10_000 if LONG else 300):
            shown = Style(reasoning=random.choice(("content", "summary", "sealed")))
            turn = turn_of(random.choice(REQUESTS), random.choice(VERSIONS), shown)
            reads = in_pieces(damaged(random.choice(STREAMS), random), random)
            with self.subTest(reads=reads):
                stream = stream_of(turn, bursts_of(reads, ChatReader()))
                self.assertEqual(stream, stream_of(turn, bursts_of(reads, SlowReader())))
                check_events(self, parsed(stream))


def damaged(stream: bytes, random: Random) -> bytes:
    blocks = stream.split(b"\n\n")
    for _ in range(random.randrange(4)):
        here, there = random.randrange(len(blocks)), random.randrange(len(blocks))
        match random.randrange(5):
            case 0:
                del blocks[here:there]
            case 1:
                blocks[here:here] = blocks[here:there]
            case 2:
                blocks.insert(here, random.choice(random.choice(STREAMS).split(b"\n\n")))
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


if __name__ == "__main__":
    unittest.main()
