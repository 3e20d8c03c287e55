"""A few lines of a terminal that are painted in place, and what stays written above them.

Lines enter as they are asked for, one write a painting leaves, so that nothing flickers. The rule
it keeps: no line is wider than the terminal, and what was painted is taken away at the end.
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TextIO
from unicodedata import combining, east_asian_width

from codex_oss.cli.output import PLAIN, WIDTH_MIN, broken, has_colours, is_screen, spelled, visible

ELLIPSIS = "..."
CLEAR_LINE, CLEAR_BELOW = "\x1b[K", "\x1b[J"
Lines = Callable[[], Sequence[tuple[str, str]]]
"""Each line with its style."""


def panel_of(lines: Lines) -> "Panel | None":
    """Return a panel where people watch a terminal; `None` where lines must do."""
    stream = sys.stderr
    is_wide = stream is not None and is_screen(stream) and columns_of(stream) >= WIDTH_MIN
    return Panel(stream, lines) if is_wide else None


class Panel:
    """Painted by whoever has news, from any thread. If the terminal goes away, so be it."""

    def __init__(self, stream: TextIO, lines: Lines) -> None:
        self._stream, self._lines = stream, lines
        self._painted: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def paint(self) -> None:
        self._write()

    def say(self, text: str, style: str = "") -> None:
        """Write lines that stay, above the panel."""
        lines = broken(visible(text), self._stream).split("\n")
        self._write([(line, style) for line in lines])

    def close(self) -> None:
        self._write(is_last=True)

    def _write(self, above: Sequence[tuple[str, str]] = (), *, is_last: bool = False) -> None:
        with self._lock:
            columns = columns_of(self._stream)
            lines = () if is_last else self._lines()
            shown = [(fitted(spelled(t, self._stream), columns - 1), s) for t, s in lines]
            stays = "".join(f"{self._styled(*line)}{CLEAR_LINE}\n" for line in above)
            below = "\n".join(f"{self._styled(*line)}{CLEAR_LINE}" for line in shown)
            text = f"{self._home(columns)}{stays}{below}{CLEAR_BELOW}"
            self._painted = tuple(text for text, _ in shown)
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError:
                return

    def _styled(self, text: str, style: str) -> str:
        text = spelled(text, self._stream)
        return f"{style}{text}{PLAIN}" if style and has_colours(self._stream) else text

    def _home(self, columns: int) -> str:
        """Return what leads to the first place of what is painted. A terminal that has become
        narrower has broken its lines."""
        rows = sum(max(1, -(-width_of(line) // columns)) for line in self._painted)
        return f"\x1b[{rows - 1}A\r" if rows > 1 else "\r"


def columns_of(stream: TextIO) -> int:
    """Return how wide a terminal is, 1 for one that is gone or does not know."""
    try:
        return max(1, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 1


def fitted(text: str, columns: int) -> str:
    """Return a line that is no wider, its end left away if it must be."""
    if width_of(text) <= columns:
        return text
    text = text[:columns]
    while text and width_of(text) > columns - len(ELLIPSIS):
        text = text[:-1]
    return (text + ELLIPSIS)[: max(0, columns)]


def width_of(text: str) -> int:
    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        for character in text
    )
