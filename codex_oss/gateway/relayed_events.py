"""Look at a provider's Responses events while they pass: what they began with, how they ended.

Bytes enter, the same bytes leave up to the last whole event: so that a sign of life, or an end that
is missing, can stand behind it. Nothing but the first and the last event is read.
"""

import json
import re
from collections.abc import Mapping

from codex_oss.chat import SseDecoder

Json = Mapping[str, object]
NOTHING: Json = {}
ENDS = ("response.completed", "response.incomplete", "response.failed")

_WHOLE_EVENTS = re.compile(rb".*(?:\n\n|\r\n\r\n|\r\r)", re.DOTALL)
_may_be_end = re.compile("|".join(map(re.escape, ENDS)).encode()).search


class RelayedEvents:
    """`begun` and `end` are response objects, empty until they came; `count` is of events."""

    def __init__(self) -> None:
        self.begun: Json = NOTHING
        self.end: Json = NOTHING
        self.count = 0
        self._rest = b""
        self._sse = SseDecoder()

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the events that these complete."""
        for payload in self._sse.feed(data):
            if not self.begun:
                self.begun = _response_in(payload)
            if not self.end and _may_be_end(payload) and json_object(payload).get("type") in ENDS:
                self.end = _response_in(payload)
            self.count += 1
        came = self._rest + data
        whole = found[0] if (found := _WHOLE_EVENTS.match(came)) else b""
        self._rest = came[len(whole) :]
        return whole


def json_object(text: bytes) -> Json:
    """Return the object that a text is, an empty one for any other."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return NOTHING
    return found if isinstance(found, dict) else NOTHING


def _response_in(payload: bytes) -> Json:
    response = json_object(payload).get("response")
    return response if isinstance(response, dict) else NOTHING
