"""Server-sent events of a provider: bytes in, the `data` of each whole event out.

Line ends may be LF, CRLF or CR and bytes may be cut anywhere, also inside a line end, a UTF-8
sequence or the byte order mark. Names, ids and comments are skipped: every payload says itself
what it is.
"""

from codex_oss.errors import UpstreamError

EVENT_BYTES_MAX = 8 << 20  # No provider sends one chunk near this: beyond it, it is not a stream.

_BOM = b"\xef\xbb\xbf"


class SseDecoder:
    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._has_begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that these bytes complete, in order."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # The second half of a CRLF that was cut.
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = self._rest + data
        end = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
        events, self._rest = data[:end], data[end:]
        if len(self._rest) > EVENT_BYTES_MAX:
            raise UpstreamError(f"the provider sent an event over {EVENT_BYTES_MAX >> 20} MiB")
        if events.startswith(b"data: "):
            payloads = events[6:-2].split(b"\n\ndata: ")
            if events.count(b"\n") == 2 * len(payloads):  # Each event is one line of data.
                self._has_begun = True
                return list(filter(None, payloads))
        return self._payloads(events.split(b"\n\n")[:-1])

    def finish(self) -> list[bytes]:
        """Return what the end of the stream completes: a last event without its blank line."""
        rest, self._rest = self._rest, b""
        return self._payloads([rest])

    def _payloads(self, blocks: list[bytes]) -> list[bytes]:
        if blocks and not self._has_begun:
            blocks[0], self._has_begun = blocks[0].removeprefix(_BOM), True
        payloads = [
            block[6:] if block[:6] == b"data: " and b"\n" not in block else _data_of(block)
            for block in blocks
        ]
        return list(filter(None, payloads))


def _data_of(block: bytes) -> bytes:
    lines = (line.partition(b":") for line in block.split(b"\n"))
    return b"\n".join(value.removeprefix(b" ") for field, _, value in lines if field == b"data")
