"""The answer to a request that wants none: Codex warms a connection up with `generate: false`."""

from collections.abc import Iterator

from codex_oss.chat import Usage
from codex_oss.responses.emitter import Events
from codex_oss.responses.reply import Reply, Turn


def warm(turn: Turn) -> Iterator[Events]:
    """Yield the events of a turn in which no model was asked: it can be continued all the same."""
    reply = Reply(turn)
    yield [*reply.begin(), reply.end("completed", Usage(0, 0))]
