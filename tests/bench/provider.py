"""A Chat Completions provider that costs next to nothing: whole replies, rendered beforehand.

    python3 tests/bench/provider.py MODEL...     prints its port

`text-N` answers N text deltas at once, `paced-N` one every 20 ms, `calls-N` two tool calls whose
arguments come by turns in N deltas; a request without `stream` gets the same as one JSON object.
One HTTP chunk a delta, as real servers write, all in one `write`: what is measured is the bridge.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterator

Json = dict[str, object]

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
MODEL = re.compile(rb'"model": ?"((?:text|paced|calls)-\d+)"')
STREAMED = re.compile(rb'"stream": ?true')
PACE_SECONDS = 0.02
JSON_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n"
)
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


def chunks(model: str) -> list[Json]:
    """Return the deltas of a model's reply; the first says who speaks."""
    kind, _, number = model.partition("-")
    count = int(number)
    if kind != "calls":
        said = [{"content": WORDS[n % len(WORDS)]} for n in range(count)]
        return [{"role": "assistant", "content": ""}, *said]
    names = enumerate(("exec_command", "tool_1"))
    begun = [_call(n, {"name": name, "arguments": ""}, f"call_{n}") for n, name in names]
    pieces = [_call(n % 2, {"arguments": piece}) for n, piece in enumerate(_arguments(count))]
    return [{"role": "assistant", "content": None}, *begun, *pieces]


def _call(index: int, function: Json, call_id: str = "") -> Json:
    named = {"id": call_id, "type": "function"} if call_id else {}
    return {"tool_calls": [{"index": index, **named, "function": function}]}


def _arguments(count: int) -> list[str]:
    """Return so many pieces, which by turns are two JSON objects."""
    opening, closing = ['{"argument_0":"'] * 2, ['"}'] * 2
    return [*opening, *["src/module_7.py "] * (count - 4), *closing]


def streamed(model: str) -> list[bytes]:
    """Return head and body of a reply, a piece a delta."""
    told = chunks(model)
    end = "tool_calls" if model.startswith("calls") else "stop"
    events = [_event(delta, None) for delta in told] + [_event({}, end)]
    events.append(CHUNK | {"choices": [], "usage": _usage(len(told))})
    lines = [json.dumps(event, separators=(",", ":")) for event in events]
    payloads = [b"data: %s\n\n" % line.encode() for line in (*lines, "[DONE]")]
    pieces = [b"%x\r\n%s\r\n" % (len(p), p) for p in payloads]
    first, last = pieces[0], b"".join(pieces[len(told) :]) + b"0\r\n\r\n"
    return [HEAD + first, *pieces[1 : len(told)], last]


def _event(delta: Json, end: str | None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
    return CHUNK | {"choices": [choice]}


def _usage(count: int) -> Json:
    return {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": 10 + count}


def whole(model: str) -> bytes:
    """Return the reply of a text as one object."""
    text = "".join(str(delta["content"]) for delta in chunks(model))
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    reply = CHUNK | {"object": "chat.completion", "choices": [choice], "usage": _usage(len(text))}
    body = json.dumps(reply, separators=(",", ":")).encode()
    return JSON_HEAD % len(body) + body


class Connection(asyncio.Protocol):
    streams: dict[str, list[bytes]] = {}
    objects: dict[str, bytes] = {}

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
            request = b"".join(self.pieces)
            self.answer(MODEL.search(request)[1].decode(), bool(STREAMED.search(request)))

    def answer(self, model: str, is_streamed: bool) -> None:
        if not is_streamed:
            self.finish(self.objects[model])
        elif model.startswith("paced"):
            self.pace(iter(self.streams[model]), asyncio.get_running_loop().time())
        else:
            self.finish(b"".join(self.streams[model]))

    def finish(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()

    def pace(self, pieces: Iterator[bytes], due: float) -> None:
        """Write the next piece and come back when one more is due, however late this one is."""
        piece = next(pieces, None)
        if piece is None:
            self.transport.close()
            return
        self.transport.write(piece)
        loop = asyncio.get_running_loop()
        loop.call_at(due + PACE_SECONDS, self.pace, pieces, due + PACE_SECONDS)


async def serve() -> None:
    models = sys.argv[1:]
    Connection.streams = {model: streamed(model) for model in models}
    texts = [model for model in models if not model.startswith("calls")]
    Connection.objects = {model: whole(model) for model in texts}
    server = await asyncio.get_running_loop().create_server(
        Connection, "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
