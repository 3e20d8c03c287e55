"""A frozen value as JSON: every field under its name, tuples as lists.

Private fields, whose metadata says so, are left out: what a model thought stands in no file.
"""

from dataclasses import fields, is_dataclass
from functools import cache


@cache
def _shown(kind: type) -> tuple[tuple[str, str], ...]:
    """Return each field that a type shows, under its own name and the one it is shown by; none for
    what is no dataclass. A record has thousands of values of few types."""
    if not is_dataclass(kind):
        return ()
    return tuple((f.name, f.name.rstrip("_")) for f in fields(kind) if "private" not in f.metadata)


def plain(value: object) -> object:
    """Return a frozen value as JSON."""
    kind: type = type(value)
    if shown := _shown(kind):
        return {name: plain(getattr(value, field)) for field, name in shown}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
