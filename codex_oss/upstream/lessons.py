"""What providers taught us: fields a model refuses, the wire it speaks.

A refusal's sentence enters, a lesson leaves, or none. One refused request is enough: the next one
goes without that field, or over the other wire, and so does every later one. Fields are known as
long as the process lives; a wire over which an answer came is remembered (bridge 11).
"""

import re
import threading
from dataclasses import dataclass, replace

from codex_oss.chat import Dialect, TranslatedWire
from codex_oss.errors import UpstreamRejected
from codex_oss.profiles import ModelProfile, on_wire
from codex_oss.upstream.wire_memory import ModelAt, ProcessWires, WireMemory

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
    """What is known of one model beyond its row. `wire` is one that is being tried."""

    refused: frozenset[str] = frozenset()
    wire: TranslatedWire | None = None


class Lessons:
    """All lessons of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[ModelAt, Lesson] = {}
        self._wires: WireMemory = ProcessWires()

    def remember_in(self, wires: WireMemory) -> None:
        """Keep wires there from now on, and know those that are there."""
        self._wires = wires

    def dialect_of(self, profile: ModelProfile) -> Dialect:
        """Return its own dialect, on the wire that it speaks, without the fields it refused."""
        dialect, wire = profile.dialect, self.wire_of(profile)
        if wire != profile.wire:
            dialect = on_wire(dialect, profile.provider.name, wire)
        refused = self.refused_by(profile) - dialect.refused
        return replace(dialect, refused=dialect.refused | refused) if refused else dialect

    def refused_by(self, profile: ModelProfile) -> frozenset[str]:
        """Return the fields that it refused in this process."""
        return self._of(profile).refused

    def wire_of(self, profile: ModelProfile) -> TranslatedWire:
        """Return the wire to translate to. `responses` is not translated: its lane relays."""
        return self._of(profile).wire or self._wires.find(_model_at(profile)) or _own_wire(profile)

    def learn(self, profile: ModelProfile, error: UpstreamRejected) -> bool:
        """Return whether a refusal taught something that is worth another try."""
        if _OTHER_WIRE.search(error.message):
            return self._learn_wire(profile)
        known = self._of(profile)
        named = {n for n, pattern in _NAMED.items() if pattern.search(error.message)}
        new = named - known.refused - profile.dialect.refused
        if len(new) != 1:
            return False
        self._know(profile, replace(known, refused=known.refused | new))
        return True

    def confirm(self, profile: ModelProfile) -> None:
        """Remember the wire that was being tried: an answer came over it."""
        known = self._of(profile)
        if known.wire:
            self._wires.save(_model_at(profile), known.wire)
            self._know(profile, replace(known, wire=None))

    def to_json(self) -> dict[str, object]:
        """Return what `/health` shows."""
        with self._lock:
            known = {at.model: sorted(each.refused) for at, each in self._known.items()}
        return {
            "wires": {at.model: wire for at, wire in self._wires.wires().items()},
            "dropped_fields": {model: fields for model, fields in known.items() if fields},
        }

    def _learn_wire(self, profile: ModelProfile) -> bool:
        """Try the other wire, once; or, where a remembered one is refused, its own again."""
        known = self._of(profile)
        if known.wire:
            self._know(profile, replace(known, wire=None))
            return False
        if self._wires.find(_model_at(profile)):
            self._wires.forget(_model_at(profile))
        else:
            self._know(profile, replace(known, wire=_OTHER[_own_wire(profile)]))
        return True

    def _know(self, profile: ModelProfile, lesson: Lesson) -> None:
        with self._lock:
            self._known[_model_at(profile)] = lesson

    def _of(self, profile: ModelProfile) -> Lesson:
        with self._lock:
            return self._known.get(_model_at(profile), Lesson())


def _model_at(profile: ModelProfile) -> ModelAt:
    return ModelAt(profile.provider.base_url, profile.upstream_model)


def _own_wire(profile: ModelProfile) -> TranslatedWire:
    return "chat" if profile.wire == "responses" else profile.wire
