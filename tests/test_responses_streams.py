"""Providers that misbehave: recorded streams, damaged at random, read in random pieces.

Whatever the bytes, the client gets one valid stream of events with one terminal event, last; and a
reader that takes the fast way gives the same bytes as one that parses every chunk. So does one that
is given a byte at a time, and wherever it is cut off it ends once, with no call done.
"""

import unittest
from collections.abc import Iterator
from typing import TypeVar

from support import ALL, LONG, chance
from support.damage import REQUESTS, STREAMS, damaged, in_pieces
from support.turns import Event, bursts_of, check_events, parsed, stream_of, turn_of

from codex_oss.chat import Burst, ChatReader
from codex_oss.errors import UpstreamError
from codex_oss.responses import Style, Turn

VERSIONS = (None, (0, 148, 0), (0, 169, 0))
BYTE_BY_BYTE = 1 if ALL else 10 if LONG else 20  # One stream of so many; all take minutes.
LITERALLY = 500 if LONG else 100  # Each cut read again from its first byte: seconds a stream.
CALLS = {"function_call", "custom_tool_call", "tool_search_call", "local_shell_call"}
End = Burst | UpstreamError
T = TypeVar("T")


class SlowReader(ChatReader):
    def _known(self, payloads: list[bytes]) -> list[bytes]:
        return []


def end_of(reader: ChatReader) -> End:
    """Return how a reader would end here. It reads on as if it had not been asked."""
    twin = _twin(reader)
    for name in ("_sse", "_text", "_reasoning"):
        setattr(twin, name, _twin(getattr(reader, name)))
    try:
        return twin.finish()
    except UpstreamError as error:
        return error


def _twin(original: T) -> T:  # `copy.copy` takes three times as long.
    twin: T = object.__new__(type(original))
    twin.__dict__.update(original.__dict__)
    return twin


def cuts(stream: bytes) -> Iterator[tuple[tuple[Burst, ...], End]]:
    """Read a stream byte by byte; before each and at last yield what was read and its end."""
    reader, bursts = ChatReader(), []
    for at in range(len(stream)):
        yield tuple(bursts), end_of(reader)
        if burst := reader.feed(stream[at : at + 1]):
            bursts.append(burst)
        if reader.is_over:
            break
    yield tuple(bursts), end_of(reader)


def replay(turn: Turn, bursts: tuple[Burst, ...], end: End) -> bytes:
    def said() -> Iterator[Burst]:
        yield from bursts
        if isinstance(end, UpstreamError):
            raise end
        yield end

    return stream_of(turn, said())


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
                if number % BYTE_BY_BYTE == 0:
                    self.check_cuts(turn, b"".join(reads), stream)
                if number % LITERALLY == 0:
                    self.check_literally(turn, b"".join(reads))

    def check_cuts(self, turn: Turn, damaged: bytes, whole: bytes) -> None:
        """Byte by byte it says the same, and cut anywhere it ends once."""
        read: dict[object, bytes] = {}  # Most cuts in one chunk end alike.
        for bursts, end in cuts(damaged):
            how = (len(bursts), type(end), str(end))
            if how not in read:
                read[how] = replay(turn, bursts, end)
                events = parsed(read[how])
                check_events(self, events)
                if isinstance(end, UpstreamError):
                    self.assertEqual(runnable(events), [])
        self.assertEqual(read[how], whole)

    def check_literally(self, turn: Turn, damaged: bytes) -> None:
        """What is true of a reader that is asked at each byte is true of one that is cut there."""
        for at, (bursts, end) in enumerate(cuts(damaged)):
            if at % (1 if LONG else 41) == 0:
                stream = stream_of(turn, bursts_of([damaged[:at]], ChatReader()))
                self.assertEqual(replay(turn, bursts, end), stream, at)


def runnable(events: list[Event]) -> list[Event]:
    """Return the calls that are done and behind which nothing came: those that a cut could hit."""
    steps = [event["type"].removeprefix("response.output_item.") for event in events]
    last = max((at for at, step in enumerate(steps) if step == "added"), default=0)
    done = [events[at]["item"] for at in range(last, len(steps)) if steps[at] == "done"]
    return [item for item in done if item["type"] in CALLS]


if __name__ == "__main__":
    unittest.main()
