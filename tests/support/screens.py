"""A terminal: commands on one of their own, and what its screen shows while they write.

A control sequence that `Screen` does not know is a failure: nothing else may reach a terminal.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable

from codex_oss.cli import run
from support.commands import PROGRAM, CommandLine, become

ROWS = 24
_PIECE = re.compile(
    r"\x1b\[(?P<number>\d*)(?P<code>[A-Za-z])|(?P<text>[^\x1b\r\n]+)|(?P<move>[\r\n])"
)

OnScreen = Callable[[str], bytes]
"""Gets all that was written so far, and returns what a person types then."""


class Screen:
    """What a person sees, line by line, without colours. It never forgets a line."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self.row = self.column = 0
        self.wrapped = 0

    def write(self, text: str) -> None:
        at = 0
        while at < len(text):
            piece = _PIECE.match(text, at)
            assert piece, f"a terminal would not print {text[at : at + 20]!r}"
            at = piece.end()
            if piece["code"]:
                self._control(piece["code"], int(piece["number"] or 1))
            elif piece["move"]:  # A line end goes back to the margin too: so terminals are set.
                self.column = 0
                if piece["move"] == "\n":
                    self._down()
            else:
                for character in piece["text"]:
                    self._put(character)

    def _control(self, code: str, number: int) -> None:
        if code == "A":
            self.row -= number
            assert self.row >= 0, "it moved above all that was written"
        elif code == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif code == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        else:
            assert code == "m", f"what is {code}?"

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            self.wrapped += 1
            self.column = 0
            self._down()
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


def in_terminal(
    line: CommandLine,
    *words: str,
    columns: int = 80,
    stdout: int | None = None,
    types: OnScreen | None = None,
    is_program: bool = False,
    **environ: str,
) -> tuple[int, str]:
    """Run a command on a terminal of its own, which sends its keys; return its exit code and all
    that it wrote there. `is_program` runs `bin/codex-oss` itself."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environ = line.environ | environ

    def begin() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if not is_program:
            become(words, environ, lambda: run(list(words)))

    process = subprocess.Popen(
        (*PROGRAM, *words),
        cwd=line.project,
        env=environ,
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        start_new_session=True,
        restore_signals=is_program,
        preexec_fn=begin,
    )
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65536):
            shown += more
            if types and (keys := types(shown.decode(errors="replace"))):
                os.write(ours, keys)
    except OSError:  # So Linux says that the other side is closed.
        pass
    finally:
        os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")
