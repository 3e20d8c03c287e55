"""The Chat Completions wire: a `ChatRequest` to a body, the provider's bytes to `Burst`s.

Most chunks of a stream differ in one string only. So the reader learns, from each chunk that it
parses and that holds nothing but text, what stands before and after that string, tries on a probe
that nothing else in it matters, and takes the string out of the next such chunk unparsed. Whatever
it does not recognise goes the slow way, and both ways give the same bursts. An answer ends with a
finish word or with `[DONE]`; any other end is an `UpstreamError`.
"""

import re
from dataclasses import replace
from typing import NamedTuple

from codex_oss.chat.chunks import DONE, is_cut, parse_chunk
from codex_oss.chat.dialect import GENERIC, Dialect
from codex_oss.chat.literals import STRING, SurrogateJoiner, is_literal, mended, to_json
from codex_oss.chat.messages import (
    Burst,
    ChatChunk,
    ChatMessage,
    ChatRequest,
    FunctionTool,
    TextRun,
)
from codex_oss.chat.sse import SseDecoder
from codex_oss.errors import UpstreamError, UpstreamTruncated


class ChatWire:
    """What every OpenAI-compatible server takes, as this dialect has it."""

    path = "/chat/completions"

    def __init__(self, dialect: Dialect = GENERIC) -> None:
        self._dialect = dialect

    def headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def reader(self, request: ChatRequest) -> "ChatReader":
        return ChatReader()

    def body(self, request: ChatRequest, upstream_model: str, *, stream: bool = True) -> bytes:
        """Return the body. What the request does not say is not sent: the provider decides it."""
        body: dict[str, object] = {
            "model": upstream_model,
            "messages": [_message(message) for message in request.messages],
        }
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
            if request.tool_choice != "auto":
                body["tool_choice"] = _tool_choice(request.tool_choice)
            if request.parallel_calls is not None:
                body["parallel_tool_calls"] = request.parallel_calls
        optional = {
            "max_tokens": request.max_output_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
        }
        body |= {name: value for name, value in optional.items() if value is not None}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return to_json(body).encode("utf-8", "replace")


class ChatReader:
    """Read one answer: `feed` until the bytes end or it `is_over`, then `finish`.

    A failure is raised only after everything that came before it was returned.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._sse = SseDecoder()
        self._frame = _UNKNOWN
        self._text, self._reasoning = SurrogateJoiner(), SurrogateJoiner()
        self._has_finish_word = False
        self._failure: UpstreamError | None = None

    def feed(self, data: bytes) -> Burst:
        """Return what these bytes complete."""
        self._raise_failure()
        return self._burst(self._sse.feed(data))

    def finish(self) -> Burst:
        """Return what the end of the stream completes, or raise if it is no end."""
        rest = self._sse.finish()
        if not self.is_over and any(map(is_cut, rest)):
            raise UpstreamTruncated("the provider's stream was cut inside a chunk")
        burst = self._burst(rest)
        self._raise_failure()
        if not (self.is_over or self._has_finish_word):
            raise UpstreamTruncated("the provider's stream ended without a finish word")
        return burst

    def read_whole(self, body: bytes) -> Burst:
        """Return what a reply that was not streamed says, or raise the provider's error."""
        chunk = parse_chunk(body)
        text, reasoning = mended(chunk.text), mended(chunk.reasoning)
        return (replace(chunk, text=text, reasoning=reasoning, finish=chunk.finish or "stop"),)

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    def _burst(self, payloads: list[bytes]) -> Burst:
        burst: list[TextRun | ChatChunk] = []
        run: list[bytes] = []
        for payload in payloads:
            if self.is_over:
                break
            try:
                piece = self._known(payload) or self._parsed(payload)
            except UpstreamError as failure:
                self.is_over, self._failure = True, failure
                break
            if isinstance(piece, bytes):
                run.append(piece)
                continue
            if run:
                burst.append(TextRun(tuple(run)))
                run.clear()
            burst.append(piece)
        return (*burst, TextRun(tuple(run))) if run else tuple(burst)

    def _known(self, payload: bytes) -> bytes | None:
        """Return the literal of a chunk that differs from an earlier one in its text only."""
        before, after = self._frame
        if not (payload.startswith(before) and payload.endswith(after)) or self._text.held:
            return None
        literal = payload[len(before) : -len(after)]
        return literal if is_literal(literal) else None

    def _parsed(self, payload: bytes) -> bytes | ChatChunk:
        if payload.strip() == DONE:
            self.is_over = True
            finish = "" if self._has_finish_word else "stop"
            return ChatChunk(self._text.take("", is_last=True), finish=finish)
        chunk = parse_chunk(payload)
        if not self._text.held and (learned := _learned(payload, chunk)):
            self._frame, literal = learned
            return literal
        return self._joined(chunk)

    def _joined(self, chunk: ChatChunk) -> ChatChunk:
        self._has_finish_word = self._has_finish_word or bool(chunk.finish)
        ends_text = bool(chunk.calls or chunk.finish)
        text = self._text.take(chunk.text, is_last=ends_text)
        reasoning = self._reasoning.take(chunk.reasoning, is_last=ends_text or bool(text))
        if (text, reasoning) == (chunk.text, chunk.reasoning):
            return chunk
        return replace(chunk, text=text, reasoning=reasoning)


class _Frame(NamedTuple):
    before: bytes
    after: bytes


_UNKNOWN = _Frame(b"\0", b"\0")  # No literal ever stands between these.
_CONTENT = re.compile(rb'"content" ?: ?(%b)' % STRING)
_PROBE = ChatChunk(text="probe")


def _learned(payload: bytes, chunk: ChatChunk) -> tuple[_Frame, bytes] | None:
    """Return the frame and the literal of a chunk that holds nothing but text."""
    found = _CONTENT.search(payload) if chunk == ChatChunk(chunk.text) else None
    if found is None:
        return None
    frame = _Frame(payload[: found.start(1)], payload[found.end(1) :])
    if parse_chunk(b'%b"probe"%b' % frame) != _PROBE:
        return None
    return frame, found[1]


def _message(message: ChatMessage) -> dict[str, object]:
    said: dict[str, object] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    if message.calls:
        # Some servers refuse an empty text, all take null beside calls.
        said["content"] = message.text or None
        said["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    return said


def _tool(tool: FunctionTool) -> dict[str, object]:
    function: dict[str, object] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters
    if tool.strict:  # `false` is every server's default, and some refuse to hear it.
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> object:
    if choice in ("none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}
