"""How a row of the table is written: a variable with its default, its type and its meaning."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: its default is written as a user would write it, and `parse` says what it expected.
    One that has no effect in this version says in a word what it `waits_for`, or `nothing`."""

    name: str
    default: str
    sentence: str
    is_secret: bool
    parse: Callable[[str], object]
    waits_for: str = ""


def setting(
    default: str, parse: Callable[[str], Value], sentence: str, *, is_secret: bool = False
) -> Value:
    """Declare a row that is a field of `Settings`. Its variable is the field's name in capitals."""
    row = partial(Setting, default=default, sentence=sentence, is_secret=is_secret, parse=parse)
    default_of = partial(parse, default)
    return field(default_factory=default_of, repr=not is_secret, metadata={"row": row})
