"""A real model behind a provider's HTTP API, as a `ChatModel`, in its wire and its dialect.

A `ChatRequest` and a `Deadline` enter, `Burst`s leave as their bytes arrive, first who serves it.
What the provider says instead of an answer, at whatever point, becomes one of our errors with its
sentence redacted.
"""

from collections.abc import Iterator
from dataclasses import replace

from codex_oss.chat import Burst, ChatRequest, Fitted, Reader, Served, fit, wire_of
from codex_oss.deadline import Deadline
from codex_oss.errors import UpstreamError, UpstreamRejected
from codex_oss.profiles import ModelProfile
from codex_oss.upstream.caller import Caller
from codex_oss.upstream.content import up_to_content
from codex_oss.upstream.lessons import Lessons
from codex_oss.upstream.pieces import SIZES, PieceSizes, in_pieces
from codex_oss.upstream.reading import ProviderReply

WHOLE_BODY_BYTES_MAX = 32 << 20  # A reply in one piece: as large as a request may be.


class HttpChatModel:
    """One profile, and what was learned of it. Without `streams` every answer is asked for in one
    piece, and told in pieces of these `sizes`."""

    def __init__(
        self,
        profile: ModelProfile,
        caller: Caller,
        lessons: Lessons,
        *,
        streams: bool = True,
        sizes: PieceSizes = SIZES,
    ) -> None:
        self._profile = profile
        self._caller = caller
        self._lessons = lessons
        self._streams = streams
        self._sizes = sizes

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self._caller.ensure_key()
        while True:
            bursts = self._asked(request, deadline)
            try:
                head, _ = up_to_content(bursts)
            except UpstreamRejected as error:
                if not self._lessons.learn(self._profile, error):
                    raise
                continue  # Each lesson is one field less: this ends.
            self._lessons.confirm(self._profile)
            del request  # A megabyte and more, and the stream may be long.
            yield from head
            yield from bursts
            return

    def _asked(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        """Ask once, over the wire and in the dialect that are known by now."""
        profile, dialect = self._profile, self._lessons.dialect_of(self._profile)
        name = self._lessons.wire_of(profile)
        wire = wire_of(name, dialect)
        fitted = fit(request, dialect)
        body = wire.body(fitted.request, profile.upstream_model, stream=self._streams)
        reader = wire.reader(fitted.request)
        served = self._served(fitted, name)
        is_streamed = self._streams and wire.streams(fitted.request)
        headers = wire.headers(self._caller.key)
        exchange = self._caller.asked(wire.path, headers, body, deadline, is_streamed=is_streamed)
        del request, body, fitted
        with exchange as reply:
            yield (replace(served, queue_ms=reply.queue_ms, ttfb_ms=reply.ttfb_ms),)
            yield from self._answer(reply, reader)

    def _served(self, fitted: Fitted, wire_name: str) -> Served:
        return Served(
            profile=self._profile.name,
            upstream_model=self._profile.upstream_model,
            family=self._profile.family,  # Sealed into the reasoning, so that it finds home.
            wire=wire_name,
            dropped=fitted.dropped,
            downgraded=fitted.downgraded,
            repaired=fitted.repaired,
            reasoning_dropped=fitted.reasoning_dropped,
        )

    def _answer(self, reply: ProviderReply, reader: Reader) -> Iterator[Burst]:
        """Yield what a good reply says, streamed or, from a server that cannot, whole."""
        kind = reply.headers.get("content-type", "").lower()
        try:
            if "html" in kind:
                raise UpstreamError("it sent an HTML page: check base_url of the profile")
            if reply.is_compressed:
                raise UpstreamError("it compresses its replies, which we asked it not to do")
            if "json" in kind:
                yield in_pieces(reader.read_whole(reply.whole(WHOLE_BODY_BYTES_MAX)), self._sizes)
            else:
                yield from _streamed(reply, reader)
        except UpstreamError as error:
            if type(error) is not UpstreamError:
                raise  # Cut or late: our own words, and nothing of the provider's in them.
            raise self._caller.failure(reply, error.message.encode()) from error


def _streamed(reply: ProviderReply, reader: Reader) -> Iterator[Burst]:
    for data in reply.reads():
        yield reader.feed(data)
        if reader.is_over:  # Some providers leave the connection open behind `[DONE]`.
            break
    yield reader.finish()
