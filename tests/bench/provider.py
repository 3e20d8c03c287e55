"""A Chat Completions provider that costs next to nothing: whole replies, rendered beforehand.

    python3 tests/bench/provider.py DELTAS...     prints its port; model `bench-N` answers N deltas

One HTTP chunk a delta, as real servers write, all in one `write`: what is measured is the bridge.
"""

import asyncio
import json
import re
import sys

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
MODEL = re.compile(rb'"model": ?"bench-(\d+)"')
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"connection: close\r\n\r\n"
)
CHUNK = {
    "id": "chatcmpl-0123456789abcdef0123456789abcdef",
    "object": "chat.completion.chunk",
    "created": 1_780_000_000,
    "model": "bench",
}
WORDS = ("The ", "quick ", "brown ", 'fox "jumps" ', "over\n", "the ", "lazy ", "d\u00f6g. ")


def rendered(deltas: int) -> bytes:
    """Return head and body of a reply of so many text deltas."""
    said = [{"content": WORDS[n % len(WORDS)]} for n in range(deltas)]
    choices = [(delta, None) for delta in ({"role": "assistant", "content": ""}, *said)]
    events = [
        CHUNK | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]}
        for delta, end in (*choices, ({}, "stop"))
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": deltas, "total_tokens": 10 + deltas}
    events.append(CHUNK | {"choices": [], "usage": usage})
    lines = [json.dumps(event, separators=(",", ":")) for event in events]
    payloads = [b"data: %s\n\n" % line.encode() for line in (*lines, "[DONE]")]
    return HEAD + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in payloads) + b"0\r\n\r\n"


class Connection(asyncio.Protocol):
    replies: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pieces: list[bytes] = []
        self.missing = -1

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        if self.missing < 0:
            head, end, body = b"".join(self.pieces).partition(b"\r\n\r\n")
            if not end:
                return
            self.missing = int(LENGTH.search(head)[1]) - len(body)
        else:
            self.missing -= len(data)
        if self.missing == 0:
            deltas = int(MODEL.search(b"".join(self.pieces))[1])
            self.transport.write(self.replies[deltas])
            self.transport.close()


async def serve() -> None:
    Connection.replies = {int(deltas): rendered(int(deltas)) for deltas in sys.argv[1:]}
    server = await asyncio.get_running_loop().create_server(
        Connection, "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
