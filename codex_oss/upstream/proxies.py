"""Which way leads to a provider: straight, or through the proxy of the network (settings 9).

`HTTPS_PROXY` and `NO_PROXY` enter as they are written, a `Proxy` or none leaves. What is served on
this machine is never asked through one.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from codex_oss.errors import BadSettings
from codex_oss.upstream.endpoint import Endpoint, is_loopback

PORT = 80  # Of a proxy that names none.


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a tunnel is asked for. `authorization` is a header's value, "" for none."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)


def proxy_for(endpoint: Endpoint, url: str, exceptions: Iterable[str]) -> Proxy | None:
    """Return the proxy on the way to a provider. The URL is never shown: it may hold a password."""
    if not url or endpoint.scheme != "https" or is_loopback(endpoint.host):
        return None
    if any(_is_excepted(endpoint, each.strip().lower()) for each in exceptions):
        return None
    return parse_proxy(url)


def parse_proxy(url: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError:
        host, port = "", 0
    if not host or parts.scheme != "http" or not re.fullmatch(r"[!-~]+", url):
        raise BadSettings(
            "HTTPS_PROXY cannot be used",
            hint="give http://HOST:PORT, with NAME:PASSWORD@ if need be",
        )
    if parts.username is None:
        return Proxy(host, port)
    who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(host, port, f"Basic {b64encode(who.encode()).decode()}")


def _is_excepted(endpoint: Endpoint, exception: str) -> bool:
    """Whether `NO_PROXY` means this host: by its name, its domain, either with a port, or `*`."""
    name, _, port = exception.partition(":") if exception.count(":") == 1 else (exception, "", "")
    if port and port != str(endpoint.port):
        return False
    host, name = endpoint.host.lower(), name.strip("[]").removeprefix("*").removeprefix(".")
    return exception == "*" or bool(name) and (host == name or host.endswith(f".{name}"))
