"""Calls that this process told in the last hour, for callers that send back nothing but outputs.

Items that are done enter, a call's item leaves by its call id. In memory only, limited in age,
number and bytes: who wants more sends the call along, or stores the response (bridge 9.3).
"""

import json
import threading
from collections import OrderedDict

from codex_oss.deadline import Clock
from codex_oss.responses import ResponseEvent

SECONDS_MAX = 3_600.0
CALLS_MAX = 2_000
BYTES_MAX = 32 * 2**20
Json = dict[str, object]


class RecentCalls:
    """The newest calls; the oldest go first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, tuple[float, int, Json]] = OrderedDict()
        self._bytes = 0

    def heed(self, event: ResponseEvent) -> None:
        """Keep the call that is done, if the event tells of one."""
        item = event.data.get("item")
        call_id = item.get("call_id") if isinstance(item, dict) else None
        if not isinstance(call_id, str) or not isinstance(item, dict):
            return
        size = len(json.dumps(item))
        with self._lock:
            self._forget(call_id)
            self._calls[call_id] = (self._clock.monotonic(), size, item)
            self._bytes += size
            while len(self._calls) > CALLS_MAX or self._bytes > BYTES_MAX:
                self._forget(next(iter(self._calls)))

    def find(self, call_id: str) -> Json | None:
        with self._lock:
            told, _, item = self._calls.get(call_id, (0.0, 0, None))
            is_old = self._clock.monotonic() - told > SECONDS_MAX
            return None if item is None or is_old else item

    def _forget(self, call_id: str) -> None:
        if call_id in self._calls:
            self._bytes -= self._calls.pop(call_id)[1]
