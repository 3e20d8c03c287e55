"""Sites of a name in files of keys and values: JSON, YAML, TOML and INI.

A `Source` and a name enter, `Site`s leave. Such a file defines a name where it is a key; the keys
above it are its owners.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_oss.rehearsal.masking import Source
from codex_oss.rehearsal.sites import Owner, Site

_JSON = re.compile(
    r'"(?P<key>(?:[^"\\\n]|\\.)*)"(?P<colon>\s*:[ \t]*)?|(?P<open>[\[{])|(?P<close>[\]}])'
)
_JSON_VALUE = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\[{][^\n]*?[\]}](?=\s*(?:[,}\]]|$))|[^,}\]\s]+')
_YAML = re.compile(
    r"^(?P<indent>[ \t]*(?:-[ \t]+)*)[\"']?(?P<key>[\w./$-]+)[\"']?[ \t]*:(?=\s|$)"
    r"[ \t]*(?P<value>[^\n]*)",
    re.MULTILINE,
)
_TOML = re.compile(
    r"^[ \t]*(?:\[+[ \t]*(?P<table>[^\]\n]+?)[ \t]*\]+"
    r"|[\"']?(?P<key>[\w./$-]+)[\"']?[ \t]*[=:][ \t]*(?P<value>[^\n]*))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key at its depth; a dotted one, or a table's, has several parts."""

    depth: int
    parts: tuple[str, ...]
    at: int
    value: str = ""


def sites_by_keys(source: Source, name: str) -> Iterator[Site]:
    """Yield every key `name`, with its value as far as it stands on the line."""
    above: list[tuple[int, tuple[Owner, ...]]] = []
    for key in _KEYS[source.language.name](source.mask):
        while above and above[-1][0] >= key.depth:
            above.pop()
        line = source.line_of(key.at)
        owners = tuple(Owner(part, "key", line) for part in key.parts)
        outer = tuple(owner for _, each in above for owner in each)
        if key.parts[-1] == name:
            yield Site(line, "key", (*outer, *owners[:-1]), line, key.value.strip())
        above.append((key.depth, owners))


def _json_keys(text: str) -> Iterator[Key]:
    depth = 0
    for found in _JSON.finditer(text):
        depth += bool(found["open"]) - bool(found["close"])
        if found["colon"]:
            value = _JSON_VALUE.match(text, found.end())
            yield Key(depth, (found["key"],), found.start(), value[0] if value else "")


def _yaml_keys(text: str) -> Iterator[Key]:
    for found in _YAML.finditer(text):
        yield Key(len(found["indent"]), (found["key"],), found.start("key"), found["value"])


def _toml_keys(text: str) -> Iterator[Key]:
    for found in _TOML.finditer(text):
        if found["table"]:
            parts = tuple(part.strip(" \"'") for part in found["table"].split("."))
            yield Key(0, parts, found.start("table"))
        else:
            parts = tuple(found["key"].split("."))
            yield Key(1, parts, found.start("key"), found["value"])


_KEYS: dict[str, Callable[[str], Iterator[Key]]] = {
    "JSON": _json_keys,
    "YAML": _yaml_keys,
    "TOML": _toml_keys,
}
