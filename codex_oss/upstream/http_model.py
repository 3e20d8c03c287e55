"""A real model behind a provider's HTTP API, as a `ChatModel`, in its wire and its dialect.

A `ChatRequest` and a `Deadline` enter, `Burst`s leave as their bytes arrive, first who serves it.
What the provider says instead of an answer, at whatever point, becomes one of our errors with its
sentence redacted.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from codex_oss.chat import Burst, ChatRequest, Fitted, Reader, Served, fit, wire_of
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BadSettings, UpstreamAuth, UpstreamError, UpstreamRejected
from codex_oss.profiles import ModelProfile
from codex_oss.upstream.content import up_to_content
from codex_oss.upstream.endpoint import parse_endpoint
from codex_oss.upstream.failures import failure_of
from codex_oss.upstream.lessons import Lessons
from codex_oss.upstream.patience import Patience, TransportLimits
from codex_oss.upstream.slots import Slots
from codex_oss.upstream.transport import ProviderReply, Transport

ERROR_BODY_BYTES_MAX = 65_536
WHOLE_BODY_BYTES_MAX = 32 << 20  # A reply that ignored `stream`: as large as a request may be.
BODY_BYTES_A_SECOND = 16_000  # 4,000 estimated tokens, for which a provider gets 1 s more.


class HttpChatModel:
    """One profile, the key of its provider, and the slots that all models share. `redact` takes
    secrets out of a provider's sentence."""

    def __init__(
        self,
        profile: ModelProfile,
        key: str,
        *,
        limits: TransportLimits,
        slots: tuple[Slots, ...],
        lessons: Lessons,
        redact: Callable[[str], str],
        clock: Clock,
    ) -> None:
        self._profile = profile
        self._key = key
        self._limits = replace(
            limits,
            first_byte=max(limits.first_byte, profile.first_byte_seconds),
            idle=max(limits.idle, profile.idle_seconds),
        )
        self._slots = slots
        self._lessons = lessons
        self._redact = redact
        self._clock = clock
        self._transport = Transport(parse_endpoint(profile.provider.base_url))
        if not (key.isascii() and key.isprintable()):
            raise BadSettings(
                f"the key for {profile.provider.name} holds characters that no HTTP header carries",
                hint="set it again, without line ends",
            )

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self._ensure_key()
        while True:
            bursts = self._asked(request, deadline)
            try:
                head, _ = up_to_content(bursts)
            except UpstreamRejected as error:
                if not self._lessons.learn(self._profile, error):
                    raise
                continue  # Each lesson is one field less: this ends.
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
        body = wire.body(fitted.request, profile.upstream_model)
        reader = wire.reader(fitted.request)
        served = self._served(fitted, name)
        is_streamed = wire.streams(fitted.request)
        patience = self._patience(len(body), deadline, is_streamed=is_streamed)
        exchange = self._transport.post(wire.path, wire.headers(self._key), body, patience)
        del request, body, fitted
        with ExitStack() as held:
            for slots in self._slots:
                held.enter_context(slots.held(deadline))
            reply = held.enter_context(exchange)
            if reply.status != 200:
                raise self._failure(reply, reply.start(ERROR_BODY_BYTES_MAX))
            yield (served,)
            yield from self._answer(reply, reader)

    def _served(self, fitted: Fitted, wire_name: str) -> Served:
        learned = sorted(self._lessons.refused_by(self._profile))
        return Served(
            profile=self._profile.name,
            upstream_model=self._profile.upstream_model,
            family=self._profile.family,  # Sealed into the reasoning, so that it finds home.
            wire=wire_name,
            dropped=tuple(dict.fromkeys((*fitted.dropped, *learned))),
            downgraded=fitted.downgraded,
            repaired=fitted.repaired,
            reasoning_dropped=fitted.reasoning_dropped,
        )

    def _patience(self, body_bytes: int, deadline: Deadline, *, is_streamed: bool) -> Patience:
        """Return the limits of one call: a long request takes long to be read, and of an answer
        that is not streamed the first byte is the last."""
        first_byte = self._limits.first_byte if is_streamed else self._limits.whole
        first_byte += body_bytes // BODY_BYTES_A_SECOND
        limits = replace(self._limits, first_byte=first_byte)
        return Patience(self._transport.endpoint.host, limits, deadline)

    def _answer(self, reply: ProviderReply, reader: Reader) -> Iterator[Burst]:
        """Yield what a good reply says, streamed or, from a server that cannot, whole."""
        kind = reply.headers.get("content-type", "").lower()
        try:
            if "html" in kind:
                raise UpstreamError("it sent an HTML page: check base_url of the profile")
            if reply.is_compressed:
                raise UpstreamError("it compresses its replies, which we asked it not to do")
            yield from _whole(reply, reader) if "json" in kind else _streamed(reply, reader)
        except UpstreamError as error:
            if type(error) is not UpstreamError:
                raise  # Cut or late: our own words, and nothing of the provider's in them.
            raise self._failure(reply, error.message.encode()) from error

    def _failure(self, reply: ProviderReply, said: bytes) -> UpstreamError:
        provider = self._profile.provider
        return failure_of(
            reply.status,
            reply.headers,
            said,
            provider=provider.name,
            key_env=provider.key_env,
            redact=self._redact,
            now=self._clock.now(),
        )

    def _ensure_key(self) -> None:
        provider = self._profile.provider
        if provider.key_env and not self._key:
            raise UpstreamAuth(
                f"there is no key for {provider.name}", hint=f"set {provider.key_env} and restart"
            )


def _streamed(reply: ProviderReply, reader: Reader) -> Iterator[Burst]:
    for data in reply.reads():
        yield reader.feed(data)
        if reader.is_over:  # Some providers leave the connection open behind `[DONE]`.
            break
    yield reader.finish()


def _whole(reply: ProviderReply, reader: Reader) -> Iterator[Burst]:
    pieces, size = [], 0
    for data in reply.reads():
        pieces.append(data)
        size += len(data)
        if size > WHOLE_BODY_BYTES_MAX:
            raise UpstreamError(f"its reply is over {WHOLE_BODY_BYTES_MAX >> 20} MiB")
    yield reader.read_whole(b"".join(pieces))
