"""Chunks that differ in one string only: the rest of them learned, the string taken out unparsed.

Most chunks of a stream are such. From a parsed chunk that holds nothing but text, or nothing but
reasoning, `frame_of` learns what stands before and after that string, and tries on a probe that
nothing else in it matters. What no frame fits goes the slow way; both ways say the same.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from codex_oss.chat.literals import STRING, are_literals, is_literal
from codex_oss.chat.messages import ChatChunk


class Frame(NamedTuple):
    """What stands before and after the literal of such a chunk, and what that says."""

    before: bytes
    after: bytes
    is_reasoning: bool

    def fits(self, payload: bytes) -> bool:
        return payload.startswith(self.before) and payload.endswith(self.after)

    def literal(self, payload: bytes) -> bytes | None:
        """Return the literal of a payload that differs in nothing else."""
        if not self.fits(payload):
            return None
        literal = payload[len(self.before) : -len(self.after)]
        return literal if is_literal(literal) else None

    def literals(self, payloads: list[bytes]) -> list[bytes]:
        """Return the literals of payloads of which each differs in nothing else, all at once: none
        if that does not hold for all."""
        before, after = self.before, self.after
        start, end = len(before), -len(after)
        found = [x[start:end] for x in payloads if x.startswith(before) and x.endswith(after)]
        return found if len(found) == len(payloads) and are_literals(found) else []


UNKNOWN = Frame(b"\0", b"\0", is_reasoning=False)  # No literal ever stands between these.


@cache
def key_pattern(*keys: str) -> re.Pattern[bytes]:
    """Return the pattern of one of these keys with its literal, as group 1."""
    return re.compile(rb'"(?:%b)" ?: ?(%b)' % ("|".join(keys).encode(), STRING))


def frame_of(
    payload: bytes,
    chunk: ChatChunk,
    key: re.Pattern[bytes],
    parse: Callable[[bytes], ChatChunk],
) -> tuple[Frame, bytes] | None:
    """Return frame and literal of a payload that was parsed to `chunk`, if it has a frame."""
    is_reasoning = bool(chunk.reasoning)
    if chunk != _only(chunk.reasoning or chunk.text, is_reasoning):
        return None
    if not (found := key.search(payload)):
        return None
    frame = Frame(payload[: found.start(1)], payload[found.end(1) :], is_reasoning)
    probed = parse(b'%b"probe"%b' % (frame.before, frame.after))
    return (frame, found[1]) if probed == _only("probe", is_reasoning) else None


def _only(text: str, is_reasoning: bool) -> ChatChunk:
    return ChatChunk(reasoning=text) if is_reasoning else ChatChunk(text)
