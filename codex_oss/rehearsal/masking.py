"""What of a text is code: comments become blanks, strings become quotes, the rest stays.

A path and a text enter, a `Source` leaves, in whose mask a name stands only where it is code. The
rule it keeps: an offset in the mask is the same offset in the text. A line end inside a string is
filled too, so that a line end in the mask is one of the code.
"""

import re
from bisect import bisect_right
from functools import cached_property, lru_cache

from codex_oss.rehearsal.languages import Language, tokens_of

FILLER = "'"  # For each character of a string: no name and no bracket, yet not nothing.
HOLES_DEEP_MAX = 20  # A string in a hole of a string in a hole ...: nobody writes more.
SOURCES_KEPT = 32  # Each prompt shows the same files again, and masking is what costs.

CLOSING = {"{": "}", "(": ")", "[": "]"}
_CUT_LINE = re.compile(r"\[\+\d+ chars\]$", re.MULTILINE)  # A tool cut it: strings may stay open.
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*\n", re.MULTILINE | re.DOTALL)
_BEFORE_SLASHED = re.compile(
    r"(?:^|[(,=:\[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|and|or|if|unless|when))$"
)
_SLASHED = re.compile(r"/(?![/*\s])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")


class Source:
    """The first lines of a file, as text and as mask."""

    def __init__(self, path: str, language: Language, text: str) -> None:
        self.path = path
        self.language = language
        self.text = text
        self.mask = mask(text, language)
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def line_of(self, offset: int) -> int:
        """Return the number of the line, from 1, that holds this offset."""
        return bisect_right(self._starts, offset)

    @cached_property
    def sure_lines(self) -> int:
        """How many lines from the first one on are whole, so that no string was lost in a cut."""
        cut = _CUT_LINE.search(self.text)
        return self.line_of(cut.start()) - 1 if cut else len(self._starts)


@lru_cache(maxsize=SOURCES_KEPT)
def source_of(path: str, language: Language, text: str) -> Source:
    return Source(path, language, text)


def mask(text: str, language: Language) -> str:
    """Return `text` with its comments and strings filled, character for character."""
    masked = _Masking(text, language).run()
    if language.name == "C":  # A directive ends with its line, which no semicolon says.
        masked = _DIRECTIVE.sub(lambda d: d[0][:-1].replace("\\\n", "  ") + ";", masked)
    return masked


class _Masking:
    """One pass. `done` is how far `parts` reach; each step is told where it ends."""

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self.language = language
        self.parts: list[str] = []
        self.done = 0
        self.holes_deep = 0

    def run(self) -> str:
        self._code(0, len(self.text))
        self._keep(len(self.text))
        return "".join(self.parts)

    def _keep(self, end: int) -> None:
        self.parts.append(self.text[self.done : end])
        self.done = max(self.done, end)

    def _fill(self, end: int) -> None:
        shown = self.language.layout == "keys"
        hidden = self.text[self.done : end]
        self.parts.append(hidden if shown else FILLER * len(hidden))
        self.done = max(self.done, end)

    def _blank(self, end: int) -> None:
        self.parts.append(re.sub(r"[^\n]", " ", self.text[self.done : end]))
        self.done = max(self.done, end)

    def _code(self, at: int, end: int, ends_at: str = "") -> int:
        """Go through code up to `end`, or up to the first of `ends_at` outside all brackets;
        return that place."""
        tokens = tokens_of(self.language, in_hole=bool(ends_at))
        open_brackets = 0
        while found := tokens.search(self.text, at, end):
            kind, start, at = found.lastgroup, found.start(), found.end()
            if kind == "bracket":
                if not open_brackets and found[0] in ends_at:
                    return start
                open_brackets += (found[0] in CLOSING) - (found[0] in ")]}")
                continue
            self._keep(start)
            if kind == "comment":
                self._blank(at)
            elif kind == "string":
                self._fill(at)
            elif kind == "holed":
                at = self._holed(at, end, found["close"])
            elif kind == "slash":
                at = self._slashed(start)
            elif kind == "heredoc":
                at = self._heredoc(found)
        return end

    def _holed(self, at: int, end: int, closer: str) -> int:
        """Fill a string that may have holes, up to its closing quotes; return where it ended."""
        holed = self.language.holed
        assert holed is not None
        inside = re.compile(f"{re.escape(closer)}|{holed.inside}", re.DOTALL)
        while found := inside.search(self.text, at, end):
            at = found.end()
            if found[0] == closer:
                break
            if found.lastgroup == "code":
                self._fill(found.start())
                self._keep(at)
            elif found.lastgroup == "hole":
                at = self._hole(at, end)
        else:
            at = end
        self._fill(at)
        return at

    def _hole(self, at: int, end: int) -> int:
        """Keep the code of a hole that begins at `at`; return where the string goes on."""
        self._fill(at)
        if self.holes_deep == HOLES_DEEP_MAX:
            return at
        self.holes_deep += 1
        closing = CLOSING[self.text[at - 1]]
        has_format = self.language.holed is not None and self.language.holed.has_format
        at = self._code(at, end, closing + ":" * has_format)
        self._keep(at)
        while has_format and at < end and self.text[at] != closing:  # A format, holes and all.
            found = re.compile(r"[{}]").search(self.text, at, end)
            at = found.end() if found else end
            at = self._hole(at, end) if found and found[0] == "{" else at - bool(found)
        self.holes_deep -= 1
        return min(at + 1, end)

    def _slashed(self, start: int) -> int:
        """Fill an expression between slashes, where a slash cannot mean division."""
        line = self.text[self.text.rfind("\n", 0, start) + 1 : start].rstrip()
        found = _SLASHED.match(self.text, start) if _BEFORE_SLASHED.search(line) else None
        if found is None:
            return start + 1
        self._fill(found.end())
        return found.end()

    def _heredoc(self, opener: re.Match[str]) -> int:
        """Fill the lines after this one up to the tag, if it comes; return where code goes on."""
        line_end = self.text.find("\n", opener.end())
        last = re.compile(rf"^[ \t]*{opener['tag']}[ \t]*$", re.MULTILINE)
        closing = last.search(self.text, line_end + 1) if line_end > 0 else None
        if closing is None:
            return opener.end()
        self._code(opener.end(), line_end)
        self._keep(line_end)  # Its line end too is filled: the statement goes on after the tag.
        self._fill(closing.end())
        return closing.end()
