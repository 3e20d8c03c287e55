"""Connections to one provider that wait for another call.

A connection whose reply was taken enters, it leaves once, within half a minute, and only if nothing
but the rest of that reply has come over it meanwhile (bridge 15).
"""

import socket
import ssl
import threading
from typing import NamedTuple

from codex_oss.deadline import Clock
from codex_oss.errors import UpstreamTruncated
from codex_oss.upstream.framing import Framing

SECONDS_MAX = 30.0
CONNECTIONS_MAX = 32  # More than run at once by default; each is a descriptor.
READ_BYTES_MAX = 65_536
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class _Idle(NamedTuple):
    sock: socket.socket
    framing: Framing
    since: float


class IdleConnections:
    """The one that waited the shortest is used first; who waited too long is closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[_Idle] = []

    def put(self, sock: socket.socket, framing: Framing) -> None:
        """Keep a connection. `framing` knows what is missing of its last reply."""
        with self._lock:
            self._idle.append(_Idle(sock, framing, self._clock.monotonic()))
        self.close_old()

    def take(self) -> socket.socket | None:
        """Return a connection on which a call can be made, if there is one."""
        self.close_old()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                idle = self._idle.pop()
            if _is_clean(idle):
                return idle.sock
            idle.sock.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            closed, self._idle = self._idle, []
        for idle in closed:
            idle.sock.close()

    def close_old(self) -> None:
        """Close those that waited too long, or that there is no room for."""
        oldest = self._clock.monotonic() - SECONDS_MAX
        with self._lock:
            kept = [idle for idle in self._idle if idle.since > oldest][-CONNECTIONS_MAX:]
            closed = [idle for idle in self._idle if idle not in kept]
            self._idle = kept
        for idle in closed:
            idle.sock.close()


def _is_clean(idle: _Idle) -> bool:
    """Take the rest of the last reply, and say whether that is all that came."""
    try:
        idle.sock.settimeout(0)
        while data := idle.sock.recv(READ_BYTES_MAX):
            if idle.framing.is_over:
                return False
            idle.framing.feed(data)
    except NOTHING_YET:
        return idle.framing.is_over and not idle.framing.has_more
    except (OSError, UpstreamTruncated):
        return False
    return False  # It was closed.
