"""Open a connection to a provider, in the time allowed: TCP, the tunnel of a proxy, TLS.

An endpoint and a `Patience` enter, a socket leaves on which HTTP is spoken. A cancelled deadline
shuts it down while it is being opened: nothing else wakes who waits.
"""

import socket
import ssl
from contextlib import ExitStack, suppress
from functools import cache, partial

from codex_oss.errors import UpstreamError
from codex_oss.upstream.endpoint import Endpoint
from codex_oss.upstream.patience import Patience
from codex_oss.upstream.proxies import Proxy
from codex_oss.upstream.reading import ProviderStream, read_head


def connect(
    endpoint: Endpoint, proxy: Proxy | None, tls: ssl.SSLContext | None, patience: Patience
) -> socket.socket:
    """Return a connection that is the caller's to close."""
    place = (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port)
    with ExitStack() as on_failure:
        try:
            sock = _open(place, patience)
            on_failure.callback(sock.close)
            if proxy:
                _tunnel(sock, proxy, endpoint, patience)
            if endpoint.scheme == "https":
                sock = (tls or _tls()).wrap_socket(
                    sock, server_hostname=endpoint.host, do_handshake_on_connect=False
                )
                on_failure.callback(sock.close)
                with patience.deadline.on_cancel(partial(shut_down, sock)):
                    sock.settimeout(patience.seconds_left())
                    sock.do_handshake()
        except (OSError, ValueError) as error:
            raise patience.failure(error) from error
        on_failure.pop_all()
    return sock


def shut_down(sock: socket.socket) -> None:
    """Wake whoever reads or writes. Not `SSLSocket.shutdown`: it takes the session from under a
    reader."""
    with suppress(OSError):  # Not connected yet, or gone already.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _open(place: tuple[str, int], patience: Patience) -> socket.socket:
    """Return a connection to the first address that takes one. Name look-up is not timed."""
    last = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(*place, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            with patience.deadline.on_cancel(partial(shut_down, sock)):
                sock.settimeout(patience.seconds_left())
                sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            last = error
            continue
        return sock
    raise last


def _tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint, patience: Patience) -> None:
    """Have the proxy connect us to the provider. It sees the host's name and nothing else."""
    place = f"{endpoint.host}:{endpoint.port}"
    if ":" in endpoint.host:
        place = f"[{endpoint.host}]:{endpoint.port}"
    who = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    with patience.deadline.on_cancel(partial(shut_down, sock)):
        wire = ProviderStream(sock, patience)
        wire.send(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{who}\r\n".encode("ascii"), b"")
        head = read_head(wire)
    if head.status >= 300:
        raise UpstreamError(
            f"the proxy refuses the way to {endpoint.host} with status {head.status}",
            hint="check HTTPS_PROXY and NO_PROXY",
        )


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
