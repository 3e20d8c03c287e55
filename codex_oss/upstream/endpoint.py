"""Know where a provider listens: a base URL from the configuration in, a checked `Endpoint` out.

The rule it keeps: `https`, or `http` to this machine; a key never crosses a network in the clear.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from codex_oss.errors import BadSettings

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host, port and path of an API. `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_endpoint(base_url: str) -> Endpoint:
    """Return the endpoint, or raise `BadSettings`. The URL is not shown: it may hold a password."""
    try:
        parts = urlsplit(base_url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        raise BadSettings(f"a provider's base URL is not a URL: {error}") from error
    plain = base_url.isascii() and base_url.isprintable() and " " not in base_url
    if not host or scheme not in DEFAULT_PORTS or "@" in parts.netloc or not plain:
        raise BadSettings(
            f"a provider's base URL with the host {host!r} cannot be used",
            hint="give https://HOST/PATH in ASCII, without user name, password or spaces",
        )
    if scheme == "http" and not is_loopback(host):
        raise BadSettings(
            f"http://{host} would carry the provider's key unencrypted",
            hint="use https; http is for servers on this machine",
        )
    return Endpoint(scheme, host, port or DEFAULT_PORTS[scheme], parts.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
