"""A request's body as JSON, within limits.

Bytes enter; one JSON object leaves, or a `BadRequest` with code `invalid_json`. What comes out is
at most 128 deep and holds no lone surrogate: whoever walks or writes it may rely on both.
"""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from codex_oss.chat import mended, to_json
from codex_oss.errors import BadRequest, Fault

DEPTH_MAX = 128  # Codex nests about 12 deep; the parser's own recursion ends near 1,000.
VALUES_MAX = 2_000_000  # Each takes 50 bytes of memory or more: `[[],[],...]` is the worst.
INTEGER_DIGITS_MAX = 4_000  # Reading an integer costs the square of its digits.

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_has_escaped_surrogate = re.compile(rb"\\u[dD][89a-fA-F]").search


class Body(NamedTuple):
    """What a caller sent. `is_mended`: lone surrogates in it became U+FFFD."""

    values: Mapping[str, object]
    is_mended: bool = False

    @property
    def model(self) -> str:
        """The model's name, "" where there is none: the lane is chosen by it."""
        name = self.values.get("model")
        return name if isinstance(name, str) else ""


def parse_body(body: bytes) -> Body:
    _ensure_few_values(body)
    value = _parsed(body)
    if not isinstance(value, dict):
        raise _invalid("expected an object")
    _ensure_flat(value)
    if not _has_escaped_surrogate(body):
        return Body(value)
    text = to_json(value)
    whole = mended(text)
    return Body(value) if whole == text else Body(json.loads(whole), is_mended=True)


def _ensure_few_values(body: bytes) -> None:
    """Count what separates values, and only where that is too much, what does so in earnest. One
    value side by side with others takes 2 bytes at the least."""
    if len(body) < 2 * VALUES_MAX or _separators(body) < VALUES_MAX:
        return
    if _separators(_STRING.sub(b"", body)) >= VALUES_MAX:
        raise _invalid(f"more than {VALUES_MAX:,} values")


def _separators(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_number,
        )
    except UnicodeDecodeError as error:
        raise _invalid(f"not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        raise _too_deep() from None


def _ensure_flat(value: dict[str, object]) -> None:
    """Go down level by level, without recursion."""
    level: list[dict[str, object] | list[object]] = [value]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


def _integer(digits: str) -> int:
    if len(digits) > INTEGER_DIGITS_MAX:
        raise ValueError(f"an integer of more than {INTEGER_DIGITS_MAX:,} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:20]} is no number")
    return value


def _too_deep() -> BadRequest:
    return _invalid(f"nested deeper than {DEPTH_MAX}")


def _invalid(why: str) -> BadRequest:
    told = f"The body is not valid JSON: {why}."
    return BadRequest(told, code="invalid_json", faults=[Fault("", "invalid_json", told)])
