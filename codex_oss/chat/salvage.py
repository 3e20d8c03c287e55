"""Pseudo tool calls in what a model says, made real ones at its end.

A sieve: deltas of text and of reasoning enter and leave as they came, but for blocks of markup that
hold calls of declared tools. Such a block is held back to the end of the answer, since it counts
only if no real call comes (bridge 13); then it leaves as calls and is not shown. What turns out to
be none is said as it came, to the character. Nothing in a code fence is a call: that is how a model
shows markup to its reader.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from codex_oss.chat.messages import CallDelta, ChatChunk, FunctionTool
from codex_oss.chat.pseudo_calls import FORMS, Form

HEAD_CHARACTERS_MAX = 256  # In which a block names its first tool: twice the longest there can be.
FAILURES_MAX = 64  # To read a block, in one answer: whoever shows so much markup calls nothing.
LAST_TAG_CHARACTERS_MAX = 32

_FENCE = "```"
_MARKS = (b"<", b"`", b"\\u")  # Literals without any hold no part of a tag or a fence.


@dataclass(frozen=True, slots=True)
class _Piece:
    """Of the answer, from the first block on: its text, and its calls if it is a block."""

    text: str
    is_reasoning: bool
    calls: tuple[CallDelta, ...] = ()

    def as_text(self) -> ChatChunk:
        return ChatChunk(reasoning=self.text) if self.is_reasoning else ChatChunk(self.text)


class _Fence:
    """Whether a place in a text is inside a code fence."""

    def __init__(self) -> None:
        self.is_open = False
        self.half = ""

    def take(self, text: str) -> None:
        *fences, rest = (self.half + text).split(_FENCE)
        self.is_open ^= len(fences) % 2 == 1
        self.half = rest[len(rest.rstrip("`")) :]


class Salvager:
    """Takes the names of forms, and the tools that were declared."""

    def __init__(self, forms: Sequence[str], tools: Sequence[FunctionTool]) -> None:
        self.is_idle = False
        self._forms = [form for name in forms for form in FORMS[name]]
        self._tools = {tool.name: tool for tool in tools}
        self._fences = {True: _Fence(), False: _Fence()}
        self._pieces: list[_Piece] = []
        self._held: list[str] = []
        self._holds_reasoning = False
        self._block: Form | None = None  # The form of what is held, once it has named a tool.
        self._tail = ""
        self._looked_at = self._failures = 0

    def kind_of(self, raw: bytes, is_reasoning: bool) -> bool | None:
        if self._held or self._pieces or self._fences[is_reasoning].half:
            return None
        return None if any(mark in raw for mark in _MARKS) else is_reasoning

    def take(self, text: str, is_reasoning: bool) -> Iterator[ChatChunk]:
        if self._held and self._holds_reasoning is not is_reasoning:
            yield from self._say(self._let_go(), not is_reasoning)
        self._held.append(text)
        self._holds_reasoning = is_reasoning
        if not self._block or self._may_close(self._block, text):
            yield from self._scan(is_end=False)

    def end(self) -> Iterator[ChatChunk]:
        yield from self._scan(is_end=True)
        self.is_idle, count = True, 0
        for is_block, group in groupby(self._pieces, key=lambda piece: bool(piece.calls)):
            pieces = tuple(group)
            if not is_block:  # White space between blocks belongs to them.
                is_said = any(piece.text.strip() for piece in pieces)
                yield from (piece.as_text() for piece in pieces if is_said)
                continue
            for piece in pieces:
                numbered = [replace(call, index=n) for n, call in enumerate(piece.calls, count)]
                count += len(numbered)
                yield ChatChunk(calls=tuple(numbered), salvaged=len(numbered))

    def give_up(self) -> Iterator[ChatChunk]:
        self.is_idle = True
        yield from (piece.as_text() for piece in self._pieces)
        self._pieces.clear()
        yield from self._say(self._let_go(), self._holds_reasoning)

    def _scan(self, *, is_end: bool) -> Iterator[ChatChunk]:
        """Say what is held, but for blocks and, unless this is the end, what may become one."""
        text, is_reasoning, at, unsaid = "".join(self._held), self._holds_reasoning, 0, 0
        while at < len(text):
            end, calls = self._look_at(text, at, is_end)
            if end < 0:
                break
            if calls:
                yield from self._say(text[unsaid:at], is_reasoning)
                self._pieces.append(_Piece(text[at:end], is_reasoning, calls))
                at = unsaid = end
                continue
            plain = text.find("<", at + 1) if "<" in text[at + 1 :] else len(text)
            self._fences[is_reasoning].take(text[at:plain])
            at = plain
        self._held = [text[at:]] if text[at:] else []
        yield from self._say(text[unsaid:at], is_reasoning)

    def _say(self, text: str, is_reasoning: bool) -> Iterator[ChatChunk]:
        piece = _Piece(text, is_reasoning)
        if text and self._pieces:
            self._pieces.append(piece)
        elif text:
            yield piece.as_text()

    def _let_go(self) -> str:
        held = "".join(self._held)
        self._held.clear()
        self._leave_block()
        self._fences[self._holds_reasoning].take(held)
        return held

    def _leave_block(self) -> None:
        self._block, self._tail, self._looked_at = None, "", 0

    def _may_close(self, block: Form, text: str) -> bool:
        """Return whether a last tag may end in this delta. A long block is joined only then."""
        window = self._tail + text
        self._tail = window[-LAST_TAG_CHARACTERS_MAX:]
        return block.last_tag(window) is not None

    def _look_at(self, text: str, at: int, is_end: bool) -> tuple[int, tuple[CallDelta, ...]]:
        """Return the end and the calls of the block that begins here; 0 is none, -1 perhaps one."""
        is_shown = self._fences[self._holds_reasoning].is_open or self._failures == FAILURES_MAX
        if is_shown or not text.startswith("<", at):
            return 0, ()
        if not self._block:
            head = text[at : at + HEAD_CHARACTERS_MAX]
            names = {form.name_in(head): form for form in self._forms if form.may_begin(head)}
            self._block = next((form for name, form in names.items() if name in self._tools), None)
            if not self._block:
                may_be = "" in names and len(head) < HEAD_CHARACTERS_MAX and not is_end
                return (-1 if may_be else 0), ()
        end, calls = self._closed(text, at, is_end, self._block)
        if end >= 0:
            self._leave_block()
        return end, calls

    def _closed(
        self, text: str, at: int, is_end: bool, block: Form
    ) -> tuple[int, tuple[CallDelta, ...]]:
        while last := block.last_tag(text, max(at, self._looked_at)):
            self._looked_at = last.end()
            if calls := block.calls_in(text[at : last.start()], self._tools):
                return last.end(), calls
            self._failures += 1
            if self._failures == FAILURES_MAX:
                return 0, ()
        if is_end and (calls := block.calls_in(text[at:], self._tools)):
            return len(text), calls
        self._failures += is_end
        self._looked_at -= at  # What stands before is not held any longer.
        self._tail = text[-LAST_TAG_CHARACTERS_MAX:]
        return (0 if is_end else -1), ()
