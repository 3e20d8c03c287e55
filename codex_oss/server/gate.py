"""Decide who may talk to us, before anything of the body is read.

A `RequestHead` enters; what leaves is nothing, or the error of the first failed check, in the
order of bridge.md 3.1: framing (that is `head`), Host, Origin, key, route (that is `router`),
type, body. What a stranger gets is the same for every path: nothing here looks at the routes.
"""

import hmac
import re
from dataclasses import dataclass, field

from codex_oss.errors import Forbidden, Misdirected, Unauthorized, UnsupportedMedia
from codex_oss.server.head import RequestHead

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
OPEN_PATHS = ("/healthz", "/readyz")  # Asked before the caller knows that we are ourselves.
CHALLENGE = re.compile(r"[0-9A-Fa-f]{32}")
SAME_SITE = ("none", "same-origin")
JSON_TYPE = re.compile(r'application/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gate:
    """Hosts and key of one listener. A `port` of 0 is filled in when it is known."""

    key: str = field(repr=False)
    port: int = 0
    extra_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.key, "a bridge without a key would serve every page and process"

    def check(self, head: RequestHead) -> None:
        """Raise `Misdirected`, `Forbidden` or `Unauthorized`, in this order."""
        self._check_host(head.headers.get("host", "").lower())
        self._check_origin(head)
        if head.path not in OPEN_PATHS:
            self._check_key(head.headers.get("authorization", ""))

    def proof(self, challenge: str) -> str:
        return health_proof(self.key, challenge, self.port)

    def _check_host(self, host: str) -> None:
        # A web page whose own name resolves to 127.0.0.1 still sends that name.
        name, _, port = host.rpartition(":")
        if name in LOOPBACK_NAMES and port == str(self.port):
            return
        if host in self.extra_hosts or (self.port == 80 and host in LOOPBACK_NAMES):
            return
        raise Misdirected(
            f"the Host header must name this machine and port {self.port}",
            hint="list further names in PROXY_ALLOWED_HOSTS",
        )

    def _check_origin(self, head: RequestHead) -> None:
        if "origin" in head.headers or head.headers.get("sec-fetch-site", "none") not in SAME_SITE:
            raise Forbidden("web pages may not use this server", code="origin_not_allowed")

    def _check_key(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        presented, expected = key.encode("utf-8"), self.key.encode("utf-8")
        if not hmac.compare_digest(presented, expected) or scheme.lower() != "bearer":
            raise Unauthorized(
                "the local key is missing or wrong",
                hint="send `Authorization: Bearer KEY` with the bridge's own key (PROXY_API_KEY)",
            )


def check_media(head: RequestHead) -> None:
    """Refuse a POST that is not plain JSON: a web form cannot send that without a preflight."""
    if head.method != "POST":
        return
    if not JSON_TYPE.fullmatch(head.headers.get("content-type", "")):
        raise UnsupportedMedia(
            "a POST must be JSON in UTF-8", hint="send `Content-Type: application/json`"
        )
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia(
            "compressed bodies are not read", hint="send no Content-Encoding header"
        )


def health_proof(key: str, challenge: str, port: int) -> str:
    """Return what only a holder of `key` that listens on `port` can answer (delivery.md 6)."""
    text = f"codex-oss-health-v1\n{challenge}\n{port}"
    return hmac.new(key.encode("utf-8"), text.encode("utf-8"), "sha256").hexdigest()
