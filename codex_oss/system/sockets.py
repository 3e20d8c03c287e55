"""Bound how long a call on a blocking socket may wait, in the kernel.

A socket and seconds enter; a call that waited longer raises `BlockingIOError`, or has sent a part.
A timeout of Python's costs an `ioctl` to be set and a `poll` beside every `recv` and `send`, and
each of them lets go of the GIL, so that under load a turn waits for two more threads. Not for TLS,
whose session waits on until there is a whole record.
"""

import socket
import struct
from math import inf

SHORTEST_SECONDS = 0.001  # 0 means for ever, as `inf` does here.


def bound_reads(sock: socket.socket, seconds: float) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))


def bound_writes(sock: socket.socket, seconds: float) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))


def _timeval(seconds: float) -> bytes:
    whole, fraction = divmod(0 if seconds == inf else max(seconds, SHORTEST_SECONDS), 1)
    return struct.pack("@ll", int(whole), int(fraction * 1e6))
