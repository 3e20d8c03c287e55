"""A frozen value as JSON: every field under its name, tuples as lists."""

from dataclasses import fields, is_dataclass


def plain(value: object) -> object:
    """Return a frozen value as JSON."""
    if is_dataclass(value):
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
