"""Answers of Chat Completions providers, written and read: for tests of what readers make of them.

`stream_of` writes deltas as a provider does, `ways_to_read` yields the same bytes in every way they
can arrive, `read` and `said_in` tell what a reader makes of them.
"""

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple, Protocol

from codex_oss.chat import Burst, ChatChunk, ChatReader, Reader, TextRun, gather, text_of
from codex_oss.errors import UpstreamError

Delta = dict[str, Any]

DONE = b"data: [DONE]\n\n"


class Said(NamedTuple):
    """What an answer says in the end."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    salvaged: int = 0


class Feedable(Protocol):
    def feed(self, data: bytes) -> Burst: ...


def chunk(delta: Delta, finish: str | None = None, **more: Any) -> Delta:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def framed(*payloads: object, ascii_only: bool = True) -> bytes:
    texts = (json.dumps(each, ensure_ascii=ascii_only) for each in payloads)
    return b"".join(b"data: %b\n\n" % text.encode("utf-8", "surrogatepass") for text in texts)


def stream_of(deltas: Iterable[Delta], finish: str = "stop", *, ascii_only: bool = False) -> bytes:
    payloads = [chunk(delta) for delta in deltas]
    return framed(*payloads, chunk({}, finish), ascii_only=ascii_only) + DONE


def content(*texts: str) -> list[Delta]:
    return [{"content": text} for text in texts]


def pieces_of(text: str, random: Random) -> list[str]:
    """Cut a text into deltas at random places."""
    places = sorted(random.choices(range(len(text) + 1), k=random.randrange(6)))
    cuts = zip([0, *places], [*places, len(text)], strict=True)
    return [text[a:b] for a, b in cuts if a < b]


def ways_to_read(stream: bytes, *, step: int = 1) -> Iterator[list[bytes]]:
    """Yield it whole, byte by byte, and cut in two at every place, or at every `step`-th."""
    yield [stream]
    yield [bytes([byte]) for byte in stream]
    yield from ([stream[:at], stream[at:]] for at in range(1, len(stream), step))


def read(reads: Iterable[bytes], reader: Reader) -> list[Burst]:
    """Return all bursts, the end's too, or raise."""
    bursts = [reader.feed(data) for data in reads]
    return [*bursts, reader.finish()]


def outcome(reads: Iterable[bytes], reader: Reader) -> tuple[list[Burst], str]:
    """Return the bursts up to the end or the failure, and what failed."""
    bursts: list[Burst] = []
    try:
        for data in reads:
            bursts.append(reader.feed(data))
        bursts.append(reader.finish())
    except UpstreamError as error:
        return bursts, f"{type(error).__name__}: {error.message}"
    return bursts, ""


def said_in(bursts: Iterable[Burst]) -> Said:
    whole = list(bursts)
    reply = gather(whole)
    chunks = (piece for burst in whole for piece in burst)
    salvaged = sum(piece.salvaged for piece in chunks if isinstance(piece, ChatChunk))
    calls = tuple((call.name, call.arguments) for call in reply.calls)
    return Said(reply.text, reply.reasoning, calls, salvaged)


def deltas_in(bursts: Iterable[Burst]) -> list[tuple[str, object]]:
    """Return what is said, delta by delta: so the same way of saying it is the same list."""
    deltas: list[tuple[str, object]] = []
    for piece in (piece for burst in bursts for piece in burst):
        if isinstance(piece, TextRun):
            kind = "reasoning" if piece.is_reasoning else "text"
            deltas += [(kind, text_of((literal,))) for literal in piece.literals]
        elif isinstance(piece, ChatChunk):
            told = {"reasoning": piece.reasoning, "text": piece.text, "calls": piece.calls}
            told |= {"finish": piece.finish, "usage": piece.usage, "salvaged": piece.salvaged}
            told["blocks"] = piece.reasoning_blocks
            deltas += [(kind, value) for kind, value in told.items() if value]
    return deltas


class SlowReader(ChatReader):
    """A reader that learns nothing."""

    def _known(self, payload: bytes) -> None:
        return None
