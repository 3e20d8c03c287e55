"""Providers that misbehave: recorded streams, damaged at random, read in random pieces.

Whatever the bytes, the client gets one valid stream of events with one terminal event, last; and a
reader that takes the fast way gives the same bytes as one that parses every chunk.
"""

import unittest

from support import LONG, chance
from support.damage import REQUESTS, STREAMS, damaged, in_pieces
from support.turns import bursts_of, check_events, parsed, stream_of, turn_of

from codex_oss.chat import ChatReader
from codex_oss.responses import Style, Turn

VERSIONS = (None, (0, 148, 0), (0, 169, 0))


class SlowReader(ChatReader):
    def _known(self, payloads: list[bytes]) -> list[bytes]:
        return []


class DamagedStreams(unittest.TestCase):
    def test_one_valid_stream_with_one_end_and_the_same_both_ways(self) -> None:
        random = chance("streams")
        for number in range(10_000 if LONG else 300):
            shown = Style(reasoning=random.choice(("content", "summary", "sealed")))
            turn = turn_of(random.choice(REQUESTS), random.choice(VERSIONS), shown)
            reads = in_pieces(damaged(random.choice(STREAMS), random), random)
            with self.subTest(reads=reads):
                stream = stream_of(turn, bursts_of(reads, ChatReader()))
                self.assertEqual(stream, stream_of(turn, bursts_of(reads, SlowReader())))
                check_events(self, parsed(stream))
                if number % (500 if LONG else 50) == 0:
                    self.check_cuts(turn, b"".join(reads), stream)

    def check_cuts(self, turn: Turn, damaged: bytes, whole: bytes) -> None:
        """Byte by byte it says the same, and cut anywhere it ends once."""
        singly = [damaged[at : at + 1] for at in range(len(damaged))]
        self.assertEqual(stream_of(turn, bursts_of(singly, ChatReader())), whole)
        for at in range(0, len(damaged), 1 if LONG else 41):
            events = parsed(stream_of(turn, bursts_of([damaged[:at]], ChatReader())))
            check_events(self, events)


if __name__ == "__main__":
    unittest.main()
