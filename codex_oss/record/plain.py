"""A frozen value as JSON: every field under its name, tuples as lists.

Private fields, whose metadata says so, are left out: what a model thought stands in no file.
"""

from dataclasses import fields, is_dataclass


def plain(value: object) -> object:
    """Return a frozen value as JSON."""
    if is_dataclass(value):
        shown = (f for f in fields(value) if "private" not in f.metadata)
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in shown}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
