"""Kinds of arguments that several commands take: text in, a value out, or what was expected."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta
from re import fullmatch

PORT_MAX = 65_535
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
RUN_HELP = "a run id, or a mission id for its newest run"


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        if not fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"expected {least}..{most}, got {text!r}")
        return int(text)

    return parse


def duration(text: str) -> timedelta:
    """Take a length of time, as `30d`, `12h`, `5m` or `90s`."""
    found = fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise ArgumentTypeError(f"expected a time as in 30d, 12h or 5m, got {text[:80]!r}")
    return int(found[1]) * UNITS[found[2]]


def limit(text: str) -> tuple[str, int]:
    """Take a limit of a contract and its number, as `tool_budget=30`."""
    found = fullmatch(r"([a-z_]{1,64})=([0-9]{1,15})", text)
    if not found:
        raise ArgumentTypeError(f"expected LIMIT=N as in tool_budget=30, got {text[:80]!r}")
    return found[1], int(found[2])


def log_head(text: str) -> str:
    """Take the head of a log as a report prints it."""
    if not fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ArgumentTypeError(f"expected sha256: and 64 hex digits, got {text[:80]!r}")
    return text
