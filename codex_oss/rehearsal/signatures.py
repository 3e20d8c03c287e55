"""What a parameter defaults to, from the text between the brackets of a signature.

A signature as written and a name enter, a `Parameter` leaves, or `None` where no parameter is
called so.
"""

import re
from dataclasses import dataclass

from codex_oss.rehearsal.languages import Language
from codex_oss.rehearsal.masking import mask

_ANGLES = re.compile(r"(?<=\w)<[^<>()=]*(?:<[^<>()=]*>[^<>()=]*)*>")  # Arguments of a type.
_NAMES = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """`default` is as written, `None` where the caller must say it; lines count from 0."""

    default: str | None
    first_line: int
    last_line: int


def parameter_of(signature: str, name: str, language: Language) -> Parameter | None:
    masked = _ANGLES.sub(lambda found: "'" * len(found[0]), mask(signature, language))
    for start, end in split_at_commas(masked, 0, len(masked)):
        left, equals, _ = _split(masked, start, end)
        names = _NAMES.findall(re.split(r":(?!:)", masked[start:left])[0])
        if not names or name not in (names[0], names[-1]):
            continue
        at = start + len(masked[start:end]) - len(masked[start:end].lstrip())
        last = start + len(masked[start:end].rstrip())
        lines = signature.count("\n", 0, at), signature.count("\n", 0, last)
        return Parameter(signature[equals:end].strip() if equals else None, *lines)
    return None


def split_at_commas(masked: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the parts of a list stand: what the commas outside all brackets divide, the
    brackets round all of it left away."""
    while (inner := _unwrapped(masked, start, end)) != (start, end):
        start, end = inner
    parts, depth = [], 0
    for found in re.compile(r"[()\[\]{},]").finditer(masked, start, end):
        depth += (found[0] in "([{") - (found[0] in ")]}")
        if found[0] == "," and depth == 0:
            parts.append((start, found.start()))
            start = found.end()
    is_ended = bool(parts) and not masked[start:end].strip()  # By a comma.
    return parts if is_ended else [*parts, (start, end)]


def _unwrapped(masked: str, start: int, end: int) -> tuple[int, int]:
    text = masked[start:end].strip()
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]"):
        return start, end
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and place < len(text) - 1:
            return start, end
    first = masked.index(text, start)
    return first + 1, first + len(text) - 1


def _split(masked: str, start: int, end: int) -> tuple[int, int, int]:
    """Return where the name's side of a parameter ends and its default begins, 0 for none."""
    depth = 0
    for found in re.compile(r"[()\[\]{}]|[=!<>]=|=>|=").finditer(masked, start, end):
        depth += (found[0] in "([{") - (found[0] in ")]}")
        if found[0] == "=" and depth == 0:
            return found.start(), found.end(), end
    return end, 0, end
