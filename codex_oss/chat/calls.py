"""Function calls that arrive in pieces: `CallDelta`s in, each call whole and in order out.

Providers name a call by index, by id, by both or by neither, say its name late or twice, and
reuse an index for the next call (bridge 12). Which piece belongs to which call is decided here
and nowhere else; no byte of the arguments is lost or changed.
"""

import json
from dataclasses import dataclass, field

from codex_oss.chat.messages import CallDelta


@dataclass(slots=True)
class GatheredCall:
    """A call so far. `pieces` are its arguments as they came; once some came behind a name it
    `is_named`, and has no other."""

    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    is_named: bool = False

    @property
    def arguments(self) -> str:
        """All that came of them; `{}` where nothing did, which is how some say "none"."""
        return "".join(self.pieces) or "{}"


class CallGatherer:
    """The calls of one answer, in order of first sight."""

    def __init__(self) -> None:
        self.calls: list[GatheredCall] = []
        self._by_index: dict[int, GatheredCall] = {}
        self._by_id: dict[str, GatheredCall] = {}

    def take(self, delta: CallDelta) -> GatheredCall:
        """Add one piece and return the call that it belongs to."""
        call = self._known(delta) or self._begin()
        if delta.index is not None:
            self._by_index[delta.index] = call
        if delta.call_id:
            call.call_id = delta.call_id
            self._by_id[delta.call_id] = call
        if delta.name != call.name:  # Some repeat it with every piece.
            call.name += delta.name
        if delta.arguments:
            call.pieces.append(delta.arguments)
            call.is_named = bool(call.name)
        return call

    def _known(self, delta: CallDelta) -> GatheredCall | None:
        call = self._numbered(delta)
        if call and call.is_named and delta.name not in ("", call.name):
            return None  # It is the next call's.
        return call

    def _numbered(self, delta: CallDelta) -> GatheredCall | None:
        if delta.index is None:
            if delta.call_id:
                return self._by_id.get(delta.call_id)
            return self.calls[-1] if self.calls else None
        call = self._by_index.get(delta.index)
        is_another = call and call.call_id and delta.call_id and call.call_id != delta.call_id
        return self._by_id.get(delta.call_id) if is_another else call

    def _begin(self) -> GatheredCall:
        self.calls.append(GatheredCall())
        return self.calls[-1]


def json_object(text: str) -> dict[str, object] | None:
    """Return the JSON object that `text` is, or `None`. NaN and Infinity are no JSON."""
    try:
        if text.startswith("{") and text.endswith("}"):  # Half the work of `decode`.
            value, end = _DECODER.raw_decode(text)
            return value if end == len(text) else None
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # `json.loads` would make one a call.
