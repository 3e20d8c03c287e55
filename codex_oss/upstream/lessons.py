"""What providers taught us in this process: fields a model refuses, the wire it speaks.

A refusal's sentence enters, a lesson leaves, or none. One refused request is enough: the next one
goes without that field, or over the other wire, and so does every later one (bridge 11).
"""

import re
import threading
from dataclasses import dataclass, replace

from codex_oss.chat import Dialect, TranslatedWire
from codex_oss.errors import UpstreamRejected
from codex_oss.profiles import ModelProfile, on_wire

OPTIONAL_FIELDS = (
    *("stream_options", "parallel_tool_calls", "tool_choice", "response_format", "temperature"),
    *("top_p", "presence_penalty", "frequency_penalty", "reasoning_effort", "thinking"),
    *("enable_thinking", "thinking_budget", "preserve_thinking", "reasoning_split"),
    *("prompt_cache_key", "max_tokens", "max_completion_tokens"),
)
"""Fields whose absence changes how an answer is made, not what was asked."""

_NAMED = {name: re.compile(rf"(?<![\w.]){name}(?!\w)") for name in OPTIONAL_FIELDS}
_OTHER_WIRE = re.compile(r"not supported for format|ModelProtocolUnsupported|wrong[ _]protocol")
_OTHER: dict[str, TranslatedWire] = {"chat": "anthropic", "anthropic": "chat"}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is known of one model beyond its row."""

    refused: frozenset[str] = frozenset()
    wire: TranslatedWire | None = None


class Lessons:
    """All lessons of a process, by profile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Lesson] = {}

    def dialect_of(self, profile: ModelProfile) -> Dialect:
        """Return its own dialect, on the wire that it speaks, without the fields it refused."""
        dialect, wire = profile.dialect, self.wire_of(profile)
        if wire != profile.wire:
            dialect = on_wire(dialect, profile.provider.name, wire)
        return replace(dialect, refused=dialect.refused | self.refused_by(profile))

    def refused_by(self, profile: ModelProfile) -> frozenset[str]:
        """Return the fields that it refused in this process."""
        return self._of(profile).refused

    def wire_of(self, profile: ModelProfile) -> TranslatedWire:
        """Return the wire to translate to. `responses` is not translated: its lane relays."""
        own = profile.wire if profile.wire != "responses" else "chat"
        return self._of(profile).wire or own

    def learn(self, profile: ModelProfile, error: UpstreamRejected) -> bool:
        """Return whether a refusal taught something that is worth another try."""
        known = self._of(profile)
        if _OTHER_WIRE.search(error.message) and not known.wire:
            lesson = replace(known, wire=_OTHER.get(profile.wire))
        else:
            named = {n for n, pattern in _NAMED.items() if pattern.search(error.message)}
            new = named - known.refused - profile.dialect.refused
            if len(new) != 1:
                return False
            lesson = replace(known, refused=known.refused | new)
        with self._lock:
            self._known[profile.name] = lesson
        return lesson != known

    def to_json(self) -> dict[str, object]:
        """Return what `/health` shows."""
        with self._lock:
            return {
                name: {"refused": sorted(lesson.refused), "wire": lesson.wire}
                for name, lesson in self._known.items()
            }

    def _of(self, profile: ModelProfile) -> Lesson:
        with self._lock:
            return self._known.get(profile.name, Lesson())
