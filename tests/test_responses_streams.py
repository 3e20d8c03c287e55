"""Providers that misbehave: recorded streams, damaged at random, read in random pieces.

Whatever the bytes, the client gets one valid stream of events with one terminal event, last; and a
reader that takes the fast way gives the same bytes as one that parses every chunk.
"""

import unittest

from support import LONG, chance
from support.damage import REQUESTS, STREAMS, damaged, in_pieces
from support.turns import bursts_of, check_events, parsed, stream_of, turn_of

from codex_oss.chat import ChatReader
from codex_oss.responses import Style

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


if __name__ == "__main__":
    unittest.main()
