"""What a command leaves behind: one result, as text for people or as one JSON document.

Results go to stdout, everything else (progress, warnings, errors) to stderr, so that a pipe gets
the result alone. Text may hold what a model wrote: no control character of it reaches a terminal.
Colours and lines broken at the width are only for a terminal.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TextIO

from codex_oss.errors import BridgeError, StorageUnsafe

DIM, BOLD, RED, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"
WIDTH_MIN = 40  # A narrower terminal, or one that says 0, breaks lines itself.
TOLD_LINES_MAX = 2  # Of one sentence of progress; the log has it in full.
INDENT = " " * 6
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
STRONG = re.compile(r"\*\*([^*\n]+)\*\*")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found. `exit_code` 0 is done or yes, 1 is no (product 5)."""

    document: Mapping[str, object]
    text: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command speaks while it works."""

    is_json: bool

    def say(self, text: str, style: str = "") -> None:
        """Tell a person something on the way. If nobody hears it, the work goes on."""
        try:
            _print(text, sys.stderr, style)
        except OSError:
            sys.stderr = None

    def tell(self, text: str) -> None:
        """Tell how the work goes on: a line each, on a terminal two at most."""
        self.say("\n".join(broken(line, sys.stderr) for line in text.split("\n")), DIM)

    def show(self, result: Result) -> None:
        if self.is_json:
            _put_document(result.document)
        elif result.text:
            self.show_text(result.text)

    def show_text(self, text: str) -> None:
        """Show a part of the result ahead of its end; in JSON it comes whole, at the end."""
        if not self.is_json:
            _put(text)

    def show_error(self, error: BridgeError, hint: str) -> None:
        """Say what failed, then what helps; with `--json` as a document too."""
        from codex_oss.redaction import Redactor  # Too slow to load for what goes well.

        redactor = Redactor()
        if self.is_json:
            told = {
                "code": error.code,
                "message": error.message,
                "hint": hint,
                "faults": [fault.to_json() for fault in error.faults],
            }
            clean, _ = redactor.redact_value(told)
            _put_document({"schema_version": "error.v1", "error": clean})
        first, *rest = redactor.redact("\n".join(_error_lines(error, hint))).text.split("\n")
        self.say(f"codex-oss: {first}", RED)
        for line in rest:
            self.say(line)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under their heads, in columns as wide as they must be."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def fields(rows: Iterable[tuple[str, object]]) -> str:
    """Return `name  value` lines for what there is something to say about."""
    said = [(name, str(value)) for name, value in rows if value not in ("", None)]
    width = max(len(name) for name, _ in said)
    return "\n".join(f"{name:{width}}  {value}" for name, value in said)


def visible(text: str) -> str:
    """Return text whose control characters can be seen and do nothing."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def spelled(text: str, stream: TextIO) -> str:
    """Return text as this stream can write it, without control characters."""
    return visible(text).encode(stream.encoding, "backslashreplace").decode(stream.encoding)


def _error_lines(error: BridgeError, hint: str) -> Iterator[str]:
    """Yield what failed, each fault once, then what helps. A message that repeats its faults for
    other doors ends before the first."""
    message, faults = error.message, error.faults
    if faults and (at := message.find(faults[0].message)) > 0:
        message = message[:at].removesuffix(f"{faults[0].path}: ").rstrip(" :;")
    if len(faults) == 1:
        (fault,) = faults
        whole = f"{message}: {fault}" if message else str(fault)
        yield message if message == fault.message else whole
    else:
        yield message or f"{len(faults)} faults"
        yield from (f"  {fault}" + (f" ({fault.hint})" if fault.hint else "") for fault in faults)
    yield f"hint: {hint}"


def _put_document(document: Mapping[str, object]) -> None:
    _put(json.dumps(document, sort_keys=True))  # ASCII: every pipe takes it.


def _put(text: str) -> None:
    """Write to stdout. A reader who left is `BrokenPipeError`, a full disk an error of its own."""
    try:
        _print(text, sys.stdout)
    except OSError as error:
        sys.stdout = None  # Python would flush it once more at its end.
        if isinstance(error, BrokenPipeError):
            raise
        hint = "make some room, or write elsewhere"
        raise StorageUnsafe(f"the output: {error.strerror}", hint=hint) from error


def _print(text: str, stream: TextIO | None, style: str = "") -> None:
    if stream is None:  # Whoever started us closed it.
        return
    text = spelled(text, stream)
    print(_painted(text, style) if has_colours(stream) else text, file=stream, flush=True)


def _painted(text: str, style: str) -> str:
    return f"{style}{text}{PLAIN}" if style else STRONG.sub(rf"{BOLD}\1{PLAIN}", text)


def has_colours(stream: TextIO) -> bool:
    return is_screen(stream) and not os.environ.get("NO_COLOR")


def is_screen(stream: TextIO) -> bool:
    """Whether it is a terminal that understands more than lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def broken(line: str, stream: TextIO | None) -> str:
    """Return a line of progress as a terminal of this width shows it best."""
    width = os.get_terminal_size(stream.fileno()).columns if stream and stream.isatty() else 0
    if width < WIDTH_MIN or len(line) <= width:
        return line
    lines = wrap(
        line, width, subsequent_indent=INDENT, max_lines=TOLD_LINES_MAX, placeholder=" ..."
    )
    return "\n".join(lines)
