"""Call one profile's provider: with its key, in its slots, within its limits.

A path, headers and a body enter, a good reply leaves while it comes. What the provider says
instead of one becomes one of our errors, with its sentence redacted.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BadSettings, UpstreamAuth, UpstreamError
from codex_oss.profiles import ModelProfile
from codex_oss.upstream.endpoint import parse_endpoint
from codex_oss.upstream.failures import failure_of
from codex_oss.upstream.patience import Patience, TransportLimits
from codex_oss.upstream.reading import ProviderReply
from codex_oss.upstream.slots import Slots
from codex_oss.upstream.transport import Transport

ERROR_BODY_BYTES_MAX = 65_536
BODY_BYTES_A_SECOND = 16_000  # 4,000 estimated tokens, for which a provider gets 1 s more.


class Caller:
    """`slots` are those that all models share, and the profile's own. `redact` takes secrets out of
    a provider's sentence."""

    def __init__(
        self,
        profile: ModelProfile,
        key: str,
        *,
        limits: TransportLimits,
        slots: tuple[Slots, ...],
        redact: Callable[[str], str],
        clock: Clock,
        transport: Transport | None = None,
    ) -> None:
        self.key = key
        self._profile = profile
        self._limits = limits.at_least(profile.first_byte_seconds, profile.idle_seconds)
        self._slots = slots
        self._redact = redact
        self._clock = clock
        self._transport = transport or Transport(parse_endpoint(profile.provider.base_url))
        if not (key.isascii() and key.isprintable()):
            raise BadSettings(
                f"the key for {profile.provider.name} holds characters that no HTTP header carries",
                hint="set it again, without line ends",
            )

    def ensure_key(self) -> None:
        provider = self._profile.provider
        if provider.key_env and not self.key:
            raise UpstreamAuth(
                f"there is no key for {provider.name}", hint=f"set {provider.key_env} and restart"
            )

    @contextmanager
    def asked(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        deadline: Deadline,
        *,
        is_streamed: bool,
    ) -> Iterator[ProviderReply]:
        """Ask once, and yield a reply of status 200 once its head is here."""
        with ExitStack() as held:
            came = self._clock.monotonic()
            for slots in self._slots:
                held.enter_context(slots.held(deadline))
            began = self._clock.monotonic()
            patience = self._patience(len(body), deadline, is_streamed=is_streamed)
            exchange = self._transport.post(path, headers, body, patience)
            del body  # It may be large, and the reply long.
            reply = held.enter_context(exchange)
            if reply.status != 200:
                raise self.failure(reply, reply.start(ERROR_BODY_BYTES_MAX))
            reply.queue_ms = round((began - came) * 1000)
            reply.ttfb_ms = round((self._clock.monotonic() - began) * 1000)
            yield reply

    def failure(self, reply: ProviderReply, said: bytes) -> UpstreamError:
        """Return what it means that the provider says this instead of an answer."""
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

    def _patience(self, body_bytes: int, deadline: Deadline, *, is_streamed: bool) -> Patience:
        """Return the limits of one call: a long request takes long to be read. One that is not
        streamed has begun when it is asked, and is bounded as a whole."""
        host, late = self._transport.endpoint.host, body_bytes // BODY_BYTES_A_SECOND
        if is_streamed:
            return Patience(host, self._limits.first_byte_later(late), deadline)
        return Patience(host, self._limits, deadline.once_begun, is_streamed=False)
