"""Sites of a name in files of keys and values: JSON, YAML, TOML and INI.

A `Source` and a name enter, `Site`s leave. Such a file defines a name where it is a key; the keys
above it are its owners.
"""

import re
from collections.abc import Iterator

from codex_oss.rehearsal.masking import Source
from codex_oss.rehearsal.sites import Owner, Site

_KEYS = {
    "JSON": r"\"(?P<key>[^\"\n]*)\"\s*:[ \t]*(?=(?P<value>[^\n]*))",
    "YAML": r"^(?P<indent>[ \t]*(?:-[ \t]+)*)[\"']?(?P<key>[\w./$-]+)[\"']?[ \t]*:(?=\s|$)"
    r"[ \t]*(?P<value>[^\n]*)",
    "TOML": r"^[ \t]*(?:\[+[ \t]*(?P<table>[^\]\n]+?)[ \t]*\]+"
    r"|[\"']?(?P<key>[\w./$-]+)[\"']?[ \t]*[=:][ \t]*(?P<value>[^\n]*))",
}


def sites_by_keys(source: Source, name: str) -> Iterator[Site]:
    """Yield every key `name`, with its value as far as it stands on the line."""
    above: list[tuple[int, Owner]] = []
    for found in re.finditer(_KEYS[source.language.name], source.mask, re.MULTILINE):
        groups = found.groupdict()
        at = found.start("table") if groups.get("table") else found.start("key")
        line, key = source.line_of(at), groups.get("table") or found["key"]
        depth = _depth(source, found)
        while above and above[-1][0] >= depth:
            above.pop()
        parts = key.split(".")
        if name in (key, parts[-1]):
            owners = tuple(owner for _, owner in above)
            owners += tuple(Owner(part, "key", line) for part in parts[:-1] if name != key)
            yield Site(line, "key", owners, line, _value(source, groups.get("value") or ""))
        above.append((depth, Owner(key, "key", line)))


def _depth(source: Source, found: re.Match[str]) -> int:
    """Return how deep a key stands: by brackets, by columns, or below its table."""
    if source.language.name == "JSON":
        before = re.sub(r'"[^"\n]*"', "", source.mask[: found.start()])
        return before.count("{") + before.count("[") - before.count("}") - before.count("]")
    if source.language.name == "YAML":
        return len(found["indent"])
    return 1 if found["key"] else 0


def _value(source: Source, text: str) -> str:
    if source.language.name != "JSON":
        return text.strip()
    value = re.match(r"\"(?:[^\"\\]|\\.)*\"|[\[{].*?[\]}](?=,|\s*$)|[^,}\]\s]+", text)
    return value[0] if value else ""
