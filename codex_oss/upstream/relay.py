"""A provider that speaks the Responses API itself: its reply is passed on, not read.

A request as the provider wants it enters, the bytes of the reply leave as they come, first who
serves it. Until the first of them a call is made again as any other, and no longer (bridge 15).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from codex_oss.chat import Served
from codex_oss.deadline import Deadline
from codex_oss.errors import UpstreamError, UpstreamTruncated
from codex_oss.profiles import ModelProfile
from codex_oss.upstream.caller import ERROR_BODY_BYTES_MAX, Caller
from codex_oss.upstream.http_model import WHOLE_BODY_BYTES_MAX
from codex_oss.upstream.reading import ProviderReply
from codex_oss.upstream.reliability import Breaker, Tries, in_time


@dataclass(frozen=True, slots=True)
class RelayRequest:
    """What goes on. `headers` are the caller's; the key is ours."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    is_streamed: bool


class HttpRelay:
    """One profile, with its tries and its breaker."""

    def __init__(
        self,
        profile: ModelProfile,
        caller: Caller,
        *,
        tries: Tries,
        breaker: Breaker,
        begin_seconds_max: float,
    ) -> None:
        self._profile = profile
        self._caller = caller
        self._tries = tries
        self._breaker = breaker
        self._begin_seconds_max = begin_seconds_max

    def reads(self, request: RelayRequest, deadline: Deadline) -> Iterator[Served | bytes]:
        """Yield who serves it, then the body of a good reply; or raise what was said instead."""
        self._caller.ensure_key()
        tries, first = 0, b""
        with in_time(deadline, self._begin_seconds_max) as starting:
            while not first:
                tries += 1
                reads = self._asked(request, starting)
                try:
                    served, first = next(reads), _first_of(reads)
                except UpstreamError as error:
                    self._tries.wait_or_raise(error, tries, starting)
        assert isinstance(served, Served), "a good reply begins with who serves it"
        yield replace(served, tries=tries)
        yield first
        yield from reads

    def _asked(self, request: RelayRequest, deadline: Deadline) -> Iterator[Served | bytes]:
        key = self._caller.key
        ours = {"Authorization": f"Bearer {key}"} if key else {}
        exchange = self._caller.asked(
            request.path,
            {**request.headers, **ours},
            request.body,
            deadline,
            is_streamed=request.is_streamed,
        )
        with self._breaker.watching(), exchange as reply:
            yield self._served(reply)
            kind = reply.headers.get("content-type", "").lower()
            if not request.is_streamed:
                yield self._document(reply)
            elif "event-stream" in kind and not reply.is_compressed:
                yield from reply.reads()
            else:
                raise self._caller.failure(reply, reply.start(ERROR_BODY_BYTES_MAX))

    def _served(self, reply: ProviderReply) -> Served:
        return Served(
            self._profile.name,
            self._profile.upstream_model,
            wire=self._profile.wire,
            queue_ms=reply.queue_ms,
            ttfb_ms=reply.ttfb_ms,
        )

    def _document(self, reply: ProviderReply) -> bytes:
        """Return a reply in one piece, if it is a response and no error."""
        body = b"" if reply.is_compressed else reply.whole(WHOLE_BODY_BYTES_MAX)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and "id" in document:
            return body
        raise self._caller.failure(reply, body)


def _first_of(reads: Iterator[Served | bytes]) -> bytes:
    for data in reads:
        if isinstance(data, bytes):
            return data
    raise UpstreamTruncated("the provider's reply is empty")
