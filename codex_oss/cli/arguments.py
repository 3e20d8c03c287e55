"""Kinds of arguments that several commands take: text in, a value out, or what was expected."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from re import fullmatch

PORT_MAX = 65_535
RUN_HELP = "a run id, or a mission id for its newest run"


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        if not fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"expected {least}..{most}, got {text!r}")
        return int(text)

    return parse


def log_head(text: str) -> str:
    """Take the head of a log as a report prints it."""
    if not fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ArgumentTypeError(f"expected sha256: and 64 hex digits, got {text[:80]!r}")
    return text
