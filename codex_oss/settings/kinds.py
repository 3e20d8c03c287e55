"""The types of values: text as somebody wrote it in, a value out, or `ValueError` with what was
expected. None of these messages repeats the text: the table knows whether it may be shown.
"""

import json
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

Word = TypeVar("Word", bound=str)
REFERENCES = ("pass://", "op://", "vault://")  # Of other programs, which would run a command.
Strategy = Literal["error", "oss", "openai"]
STRATEGIES: Mapping[str, Strategy] = {  # Words of older texts beside ours.
    "error": "error",
    **dict.fromkeys(("oss", "alias", "alias_to_oss", "opencode"), "oss"),
    **dict.fromkeys(("openai", "passthrough"), "openai"),
}
SWITCHES = {"1": True, "true": True, "yes": True, "on": True}
SWITCHES |= {"0": False, "false": False, "no": False, "off": False}


def text(value: str) -> str:
    return value


def key(value: str) -> str:
    """A key goes into a header: no blank, no control character."""
    if value.startswith(REFERENCES):
        raise ValueError("expected the key itself: no reference is followed")
    if not re.fullmatch(r"[!-~]*", value):
        raise ValueError("expected visible ASCII characters")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", value) or not least <= int(value) <= most:
            raise ValueError(f"expected {least}..{most}")
        return int(value)

    return parse


def amount(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        raise ValueError("expected a number, as in 0.5")
    return float(value)


def switch(value: str) -> bool:
    if value.lower() not in SWITCHES:
        raise ValueError(f"expected one of {', '.join(SWITCHES)}")
    return SWITCHES[value.lower()]


def one_of(*words: Word) -> Callable[[str], Word]:
    def parse(value: str) -> Word:
        for word in words:
            if word == value:
                return word
        raise ValueError(f"expected one of {', '.join(words)}")

    return parse


def strategy(value: str) -> Strategy:
    if value not in STRATEGIES:
        raise ValueError(f"expected one of {', '.join(STRATEGIES)}")
    return STRATEGIES[value]


def proxy(value: str) -> str:
    host = r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
    if value and not re.fullmatch(rf"(http://)?([!-.0-~]+@)?{host}/?", value):
        raise ValueError("expected http://HOST:PORT, or http://NAME:PASSWORD@HOST:PORT")
    return value


def names(value: str) -> tuple[str, ...]:
    return tuple(name for part in value.split(",") if (name := part.strip()))


def names_or_none(value: str) -> tuple[str, ...]:
    return () if value.lower() == "none" else names(value)


def path(value: str) -> Path | None:
    return Path(value) if value else None


def folder(value: str) -> Path:
    return Path(value)


def base_url(value: str) -> str:
    """A key goes there: encrypted, or not beyond this machine."""
    told = "expected https://HOST/PATH, or http to this machine"
    try:
        parts = urlsplit(value)
        where, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(told) from None
    is_plain = value.isascii() and value.isprintable() and " " not in value and "@" not in value
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(where))
    if not (where and is_plain and is_safe):
        raise ValueError(told)
    return value


def host(value: str) -> str:
    """An address to listen at: without the brackets of a URL, and `localhost` in both families."""
    bare = value.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[A-Za-z0-9.:%_-]{1,253}", bare) or max(map(len, bare.split("."))) > 63:
        raise ValueError("expected an address of this machine")
    return "127.0.0.1" if bare == "localhost" else bare


def is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def document(value: str) -> str:
    """JSON text: the room that it is for takes it apart."""
    try:
        json.loads(value or "null")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected one JSON document ({error})") from error
    return value


def renaming(value: str) -> Mapping[str, str]:
    found = json.loads(document(value))
    if not isinstance(found, dict) or not all(isinstance(to, str) for to in found.values()):
        raise ValueError('expected a JSON object of strings, {"name": "model"}')
    return found


def chains(value: str) -> Mapping[str, tuple[str, ...]]:
    found = json.loads(document(value))
    told = 'expected a JSON object of lists, {"model": ["next", "last"]}'
    if not isinstance(found, dict):
        raise ValueError(told)
    for chain in found.values():
        if not isinstance(chain, list) or not all(isinstance(name, str) for name in chain):
            raise ValueError(told)
    return {model: tuple(chain) for model, chain in found.items()}


def counts(least: int, most: int) -> Callable[[str], Mapping[str, int]]:
    def parse(value: str) -> Mapping[str, int]:
        found = json.loads(document(value))
        numbers = found.values() if isinstance(found, dict) else (None,)
        if not all(type(number) is int and least <= number <= most for number in numbers):
            raise ValueError(f'expected a JSON object of {least}..{most}, {{"model": {least}}}')
        return dict(found)

    return parse
