"""Pseudo tool calls in what a model says, made real ones at its end.

A sieve: deltas of text and of reasoning enter and leave as they came, but for blocks of markup that
hold calls of declared tools. Such a block is held back to the end of the answer, since it counts
only if no real call comes (bridge 13); then it leaves as calls and is not shown. What turns out to
be none is said as it came, to the character. Nothing in a code fence is a call: that is how a model
shows markup to its reader.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codex_oss.chat.messages import CallDelta, ChatChunk, FunctionTool
from codex_oss.chat.pseudo_calls import FORMS, Form

HEAD_CHARACTERS_MAX = 256  # In which a block names its first tool: twice the longest there can be.
LAST_TAGS_MAX = 8  # Tried as the end of one block: an argument may hold one.
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
        self._looked_at = self._last_tags = 0

    def kind_of(self, raw: bytes, is_reasoning: bool) -> bool | None:
        if self._held or self._pieces or self._fences[is_reasoning].half:
            return None
        return None if any(mark in raw for mark in _MARKS) else is_reasoning

    def take(self, text: str, is_reasoning: bool) -> Iterator[ChatChunk]:
        if self._held and self._holds_reasoning is not is_reasoning:
            yield from self._say(self._let_go(), not is_reasoning)
        self._held.append(text)
        if self._block and not self._may_close(self._block, text):
            return
        text, said = "".join(self._held), ""
        self._held.clear()
        self._holds_reasoning = is_reasoning
        while text:
            end, calls = self._look_at(text)
            if end < 0:
                self._held.append(text)
                break
            if calls:
                yield from self._say(said, is_reasoning)
                self._pieces.append(_Piece(text[:end], is_reasoning, calls))
                said = ""
            else:
                end = text.find("<", 1) if "<" in text[1:] else len(text)
                said += text[:end]
                self._fences[is_reasoning].take(text[:end])
            text = text[end:]
        yield from self._say(said, is_reasoning)

    def end(self) -> Iterator[ChatChunk]:
        self.is_idle, count = True, 0
        calls = self._block.calls_in("".join(self._held), self._tools) if self._block else None
        if self._held:
            self._pieces.append(_Piece(self._let_go(), self._holds_reasoning, calls or ()))
        for piece in self._pieces:
            if not piece.calls:
                yield piece.as_text()
                continue
            numbered = [replace(call, index=n) for n, call in enumerate(piece.calls, count)]
            count += len(numbered)
            yield ChatChunk(calls=tuple(numbered), salvaged=len(numbered))

    def give_up(self) -> Iterator[ChatChunk]:
        self.is_idle = True
        yield from (piece.as_text() for piece in self._pieces)
        self._pieces.clear()
        yield from self._say(self._let_go(), self._holds_reasoning)

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
        self._block, self._tail = None, ""
        self._looked_at = self._last_tags = 0

    def _may_close(self, block: Form, text: str) -> bool:
        """Return whether a last tag may end in this delta. A long block is joined only then."""
        window = self._tail + text
        self._tail = window[-LAST_TAG_CHARACTERS_MAX:]
        return block.last_tag(window) is not None

    def _look_at(self, text: str) -> tuple[int, tuple[CallDelta, ...]]:
        """Return the length and the calls of the block that `text` begins with; length 0 is none,
        -1 is perhaps one."""
        if not text.startswith("<") or self._fences[self._holds_reasoning].is_open:
            return 0, ()
        if not self._block:
            forms = [form for form in self._forms if form.may_begin(text)]
            names = [form.name_in(text) for form in forms]
            named = (f for f, name in zip(forms, names, strict=True) if name in self._tools)
            self._block = next(named, None)
            if not self._block:
                may_be = not all(names) and len(text) < HEAD_CHARACTERS_MAX
                return (-1 if may_be else 0), ()
        return self._closed(text, self._block)

    def _closed(self, text: str, block: Form) -> tuple[int, tuple[CallDelta, ...]]:
        while last := block.last_tag(text, self._looked_at):
            self._looked_at = last.end()
            self._last_tags += 1
            calls = block.calls_in(text[: last.start()], self._tools) or ()
            if calls or self._last_tags == LAST_TAGS_MAX:
                self._leave_block()
                return (last.end() if calls else 0), calls
        self._tail = text[-LAST_TAG_CHARACTERS_MAX:]
        return -1, ()
