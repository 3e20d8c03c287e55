"""Read an env file: bytes in, its assignments out, each with its line; a bad line is a fault.

`NAME=value`, with `export ` before it if you like, values plain, 'literal' or "quoted" (`\\"`,
`\\\\`, `\\n`), comments, blank lines, LF or CRLF, a byte order mark. Nothing is expanded or
executed, and no message repeats a line: it may hold a key (settings 1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codex_oss.errors import Fault
from codex_oss.settings.kinds import REFERENCES

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
VALUES = (
    re.compile(r"'([^']*)'\s*(?:#.*)?"),
    re.compile(r'"((?:[^"\\]|\\["\\n])*)"\s*(?:#.*)?'),
    re.compile(r"((?:[^\s'\"].*?)?)(?:\s+#.*|\s*)"),
)
ESCAPE = re.compile(r'\\(["\\n])')


@dataclass(frozen=True, slots=True)
class Assignment:
    name: str
    value: str
    line: int


def read_assignments(data: bytes, file_name: str) -> Iterator[Assignment | Fault]:
    """Yield each line that says something, in order."""
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        where = f"{file_name}:{number}"
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            yield Fault(where, "bad_line", "expected UTF-8", hint="save the file as UTF-8")
            continue
        if line.strip() and not line.lstrip().startswith("#"):
            yield _assignment(line, number, where)


def _assignment(line: str, number: int, where: str) -> Assignment | Fault:
    found = ASSIGNMENT.fullmatch(line)
    value = _value(found[2]) if found else None
    if not found or value is None:
        hint = "no blanks around `=`; quote a value that holds quotes: NAME='value'"
        return Fault(where, "bad_line", "expected NAME=value", hint=hint)
    if value.startswith(REFERENCES):
        return Fault(
            where,
            "secret_reference",
            f"{found[1]} is a reference, and none is followed",
            hint=f"write the value itself, or the path of a file that holds it: {found[1]}_FILE=",
        )
    return Assignment(found[1], value, number)


def _value(written: str) -> str | None:
    literal, quoted, plain = (pattern.fullmatch(written) for pattern in VALUES)
    if quoted:
        return ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], quoted[1])
    found = literal or plain
    return found[1] if found else None
