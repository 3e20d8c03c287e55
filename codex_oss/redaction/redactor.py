"""Take every secret out of a text, the same way everywhere.

A text or a JSON value enters; it leaves with `[redacted:<kind>:<4 hex>]` in place of each secret,
as many lines long as before. The same secret always leaves the same token, which nobody can check
a guess against: its digits are an HMAC under a key of this installation. Tokens are left alone, so
that redacting twice is redacting once.
"""

import hmac
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from codex_oss.redaction.assignments import is_secret_of
from codex_oss.redaction.families import TOKEN, Page
from codex_oss.redaction.live import LiveSecrets
from codex_oss.redaction.patterns import likely_patterns

ROUNDS_MAX = 3  # A secret may have hidden where another one ends; more than two were never needed.
_TEXT_CHARS_MIN = 8  # The shortest live key; what is assigned is longer.
_LIVE_KIND = "live-key"
_KEPT_CHARS_MAX = 48  # Names of members and short values: most of an event, and always the same.
_KEPT_MAX = 4_096

_LINE_ENDS = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets, and a kind for each that was taken out."""

    text: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    kind: str
    secret: str
    """What the token stands for: for a live key the key, whatever it was encoded in."""


class Redactor:
    """Redact with this installation's live keys and its HMAC key. Raises BadSettings for a live
    key of fewer than 8 characters."""

    def __init__(self, live_secrets: Iterable[str] = (), key: bytes = b"") -> None:
        self._live, self._key = LiveSecrets(live_secrets), key
        self._clean_texts: dict[str, Redacted] = {}

    def redact(self, text: str) -> Redacted:
        if known := self._clean_texts.get(text):
            return known
        redacted = self._redacted(text)
        if not redacted.kinds and len(text) <= _KEPT_CHARS_MAX:  # No secret is kept.
            if len(self._clean_texts) >= _KEPT_MAX:
                self._clean_texts.clear()
            self._clean_texts[text] = redacted
        return redacted

    def _redacted(self, text: str) -> Redacted:
        kinds: list[str] = []
        for _ in range(ROUNDS_MAX):
            hits = self._hits(text) if len(text) >= _TEXT_CHARS_MIN else []
            if not hits:
                break
            kinds += (hit.kind for hit in hits)
            text = self._without(text, hits)
        return Redacted(text, tuple(kinds))

    def redact_value(self, value: object) -> tuple[object, int]:
        """Return a JSON value without secrets, of the same shape, and how many were taken out.

        Keys are redacted too, and a string is judged by its name: its key, the `name` beside its
        `value`, the flag before it in a list of arguments.
        """
        return self._clean(value, "")

    def _hits(self, text: str) -> list[_Hit]:
        page = Page.of(text)
        hits = [_Hit(*span, _LIVE_KIND, secret) for span, secret in self._live.find(page)]
        for pattern in likely_patterns(page):
            hits += (_Hit(*span, pattern.kind, text[slice(*span)]) for span in pattern.find(page))
        return list(_disjoint(_outside_tokens(hits, text), text)) if hits else hits

    def _without(self, text: str, hits: list[_Hit]) -> str:
        parts: list[str] = []
        done = 0
        for hit in hits:
            line_ends = _LINE_ENDS.sub("", text[hit.start : hit.end])
            parts += text[done : hit.start], self._token(hit.kind, hit.secret), line_ends
            done = hit.end
        return "".join((*parts, text[done:]))

    def _token(self, kind: str, secret: str) -> str:
        digest = hmac.digest(self._key, secret.encode("utf-8", "surrogatepass"), "sha256")
        return f"[redacted:{kind}:{digest.hex()[:4]}]"

    def _clean(self, value: object, name: str) -> tuple[object, int]:
        match value:
            case str():
                return self._clean_text(value, name)
            case dict():
                return self._clean_object(value)
            case list():
                return self._clean_list(value, name)
            case _:
                return value, 0

    def _clean_text(self, text: str, name: str) -> tuple[str, int]:
        redacted = self.redact(text)
        if not redacted.kinds and name and is_secret_of(name, text):
            return self._token("secret", text), 1
        return redacted.text, len(redacted.kinds)

    def _clean_object(self, value: dict[str, object]) -> tuple[dict[str, object], int]:
        clean: dict[str, object] = {}
        count = 0
        for key, member in value.items():
            beside = value.get("name", value.get("key")) if key == "value" else key
            shown, in_key = self._clean_text(key, "")
            clean_member, in_member = self._clean(member, beside if isinstance(beside, str) else "")
            while shown in clean:  # Two keys may have become one token: neither member is lost.
                shown += "'"
            clean[shown] = clean_member
            count += in_key + in_member
        return clean, count

    def _clean_list(self, value: list[object], name: str) -> tuple[list[object], int]:
        clean: list[object] = []
        count = 0
        before: object = ""
        for member in value:
            flag = isinstance(before, str) and before.startswith("-")
            clean_member, in_member = self._clean(member, str(before) if flag else name)
            clean.append(clean_member)
            count += in_member
            before = member
        return clean, count


def _outside_tokens(hits: list[_Hit], text: str) -> list[_Hit]:
    tokens = [token.span() for token in TOKEN.finditer(text)] if "[redacted:" in text else []
    starts = [start for start, _ in tokens]

    def is_outside(hit: _Hit) -> bool:
        before = bisect_left(starts, hit.end) - 1  # The last token that begins before its end.
        return before < 0 or tokens[before][1] <= hit.start

    return [hit for hit in hits if is_outside(hit)]


def _disjoint(hits: list[_Hit], text: str) -> Iterator[_Hit]:
    """Yield hits in order, overlapping ones as one; of equals the first row's is taken."""
    last: _Hit | None = None
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if last is None or hit.start >= last.end:
            if last:
                yield last
            last = hit
        elif hit.end > last.end:
            last = replace(last, end=hit.end, secret=text[last.start : hit.end])
    if last:
        yield last
