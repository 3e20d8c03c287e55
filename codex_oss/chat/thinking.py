"""Thinking that a model writes into its answer, in tags, told apart from the answer.

Deltas enter and leave, each as reasoning or as text. A tag counts at the very start only (bridge
13): one further on, or in a code fence, is text. Tags may be cut anywhere, and no more is held back
than what can still become one. White space before a first tag and behind a last one belongs to it;
what stands between them is reasoning to the character, all of it if there is no last one.
"""

from collections.abc import Iterator
from typing import Literal

from codex_oss.chat.dialect import Dialect
from codex_oss.chat.messages import ChatChunk

CLOSER_OF = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<mm:think>": "</mm:think>",
    "◁think▷": "◁/think▷",
}
_STRAY = {"</think>": ""}
_MARKS = (b"<", "◁".encode(), b"\\u")  # A literal without any holds no part of a tag.


class ThinkSplitter:
    """A sieve. Reasoning that comes in a field of its own passes, and shows that the provider does
    not leave a first tag out."""

    def __init__(self, dialect: Dialect) -> None:
        self._closer_of = CLOSER_OF if dialect.think_tags else {}
        if dialect.strays_think_end:
            self._closer_of = {**self._closer_of, **_STRAY}
        self._is_open = dialect.think_open
        self._state: Literal["before", "inside", "behind", "past"] = "before"
        self._closers: tuple[str, ...] = ()
        self._held = ""

    @property
    def is_idle(self) -> bool:
        return self._state == "past"

    def kind_of(self, raw: bytes, is_reasoning: bool) -> bool | None:
        if is_reasoning:
            self._is_open = False
            return True
        is_inside = self._state == "inside" and not self._held
        return True if is_inside and not any(mark in raw for mark in _MARKS) else None

    def take(self, text: str, is_reasoning: bool) -> Iterator[ChatChunk]:
        if is_reasoning:
            self._is_open = False
            yield ChatChunk(reasoning=text)
            return
        text, self._held = self._held + text, ""
        if self._state == "before":
            text = self._opened(text)
        if self._state == "inside":
            reasoning, text = self._closed(text)
            if reasoning:
                yield ChatChunk(reasoning=reasoning)
        if self._state == "behind" and (text := text.lstrip()):
            self._state = "past"
        if text:
            yield ChatChunk(text)

    def end(self) -> Iterator[ChatChunk]:
        held, self._held = self._held, ""
        is_reasoning = self._state == "inside" or self._is_open
        if self._state == "before":
            self._state = "past"
        if held:
            yield ChatChunk(reasoning=held) if is_reasoning else ChatChunk(held)

    give_up = end

    def _opened(self, text: str) -> str:
        """Return what stands behind a first tag, or all of it, or nothing while that is open."""
        shown = text.lstrip()
        for tag, closer in self._closer_of.items():
            if shown.startswith(tag):
                self._state = "inside" if closer else "behind"
                self._closers = (closer,)
                return shown[len(tag) :]
        if any(tag.startswith(shown) for tag in self._closer_of):
            self._held = text
            return ""
        self._state = "inside" if self._is_open else "past"
        self._closers = tuple(CLOSER_OF.values())
        return text

    def _closed(self, text: str) -> tuple[str, str]:
        """Return the reasoning, and what stands behind the last tag if that is here."""
        found = [(text.find(closer), closer) for closer in self._closers if closer in text]
        if found:
            self._state = "behind"
            at, closer = min(found)
            return text[:at], text[at + len(closer) :]
        kept = max(_overlap(text, closer) for closer in self._closers)
        text, self._held = text[: len(text) - kept], text[len(text) - kept :]
        return text, ""


def _overlap(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` can be the beginning of `tag`."""
    longest = min(len(text), len(tag) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(tag[:n])), 0)
