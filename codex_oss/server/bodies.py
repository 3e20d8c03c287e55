"""Gather the body of a request, by its length or by its chunks.

Bytes enter as they come; what leaves is whether the body is whole. Chunks are read strictly, with
no extensions and no trailers, and one that does not fit into the limit is refused before its
bytes are taken (bridge.md 3.7 and 3.10).
"""

import re
from typing import Protocol

from codex_oss.errors import TooLarge
from codex_oss.server.head import malformed

SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
SIZE_LINE_START = re.compile(rb"[0-9A-Fa-f]{0,8}|[0-9A-Fa-f]{1,8}\r")


class Body(Protocol):
    gathered: bytearray
    rest: bytes
    """What came behind the body, once it is whole."""

    def feed(self, data: bytes) -> bool:
        """Take what came and return whether the body is whole."""


class CountedBody:
    def __init__(self, length: int) -> None:
        self.gathered = bytearray()
        self.rest = b""
        self._length = length

    def feed(self, data: bytes) -> bool:
        self.gathered += data
        if len(self.gathered) < self._length:
            return False
        self.rest = bytes(self.gathered[self._length :])
        del self.gathered[self._length :]
        return True


class ChunkedBody:
    def __init__(self, bytes_max: int) -> None:
        self.gathered = bytearray()
        self.rest = b""
        self._bytes_max = bytes_max
        self._came = bytearray()

    def feed(self, data: bytes) -> bool:
        self._came += data
        while line := SIZE_LINE.match(self._came):
            start, size = line.end(), int(line[1], 16)
            if len(self.gathered) + size > self._bytes_max:
                raise body_too_large(self._bytes_max)
            end = start + size + 2
            if not b"\r\n".startswith(bytes(self._came[start + size : end])):
                raise malformed("a chunk is longer than its size, or a trailer follows the last")
            if len(self._came) < end:
                return False
            self.gathered += self._came[start : end - 2]
            del self._came[:end]
            if size == 0:
                self.rest = bytes(self._came)
                return True
        if not SIZE_LINE_START.fullmatch(self._came):
            raise malformed("the size of a chunk is not 1 to 8 hexadecimal digits")
        return False


def body_too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {bytes_max} bytes", hint="raise PROXY_MAX_BODY_BYTES")
