"""Carry one request to one provider, and its reply back, in the time allowed.

A path, a body and a `Patience` enter, the reply leaves while it comes. The key goes to the one host
this transport was made for, and no redirect is followed. A cancelled deadline shuts the socket
down: nothing else wakes a blocked reader (measured; closing the reply waits for it).
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from codex_oss.errors import UpstreamError, UpstreamTimeout
from codex_oss.upstream.connecting import connect, shut_down
from codex_oss.upstream.endpoint import Endpoint
from codex_oss.upstream.idle import IdleConnections
from codex_oss.upstream.patience import Patience
from codex_oss.upstream.proxies import Proxy
from codex_oss.upstream.reading import ProviderReply, ProviderStream, read_head


class Transport:
    """The way to one provider. Threads may share it: each exchange has a connection to itself.
    Without a place for `idle` ones, each has its own."""

    def __init__(
        self,
        endpoint: Endpoint,
        tls: ssl.SSLContext | None = None,
        *,
        proxy: Proxy | None = None,
        idle: IdleConnections | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._tls = tls
        self._proxy = proxy
        self._idle = idle

    @contextmanager
    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, patience: Patience
    ) -> Iterator[ProviderReply]:
        """Send JSON and yield the reply once its head is here. Leaving the block by an error hangs
        up; otherwise the connection may be used again."""
        with ExitStack() as closing:
            exchange = _Exchange(closing, patience)
            pieces = [self._head(path, headers, len(body)), body]
            del body
            reply = self._reply(exchange, pieces, patience)
            pieces.clear()  # A body may be large, and the reply long.
            yield reply
            sock = exchange.kept() if self._idle and reply.keeps_open else None
        if sock and self._idle:
            self._idle.put(sock, reply.framing)

    def tidy(self) -> None:
        """Close the connections that nobody used for too long."""
        if self._idle:
            self._idle.close_old()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        if self._idle:
            self._idle.close()

    def _reply(
        self, exchange: "_Exchange", pieces: list[bytes], patience: Patience
    ) -> ProviderReply:
        """Ask over a connection that is there. If it fails before a byte came, it was closed
        meanwhile: that is no failure of this call."""
        if self._idle and (sock := self._idle.take()):
            wire = exchange.over(sock)
            patience.enter("first_byte")
            try:
                wire.send(*pieces)
                return ProviderReply(read_head(wire), patience)
            except UpstreamError as error:
                if wire.has_come or isinstance(error, UpstreamTimeout):
                    raise
        patience.enter("connect")
        wire = exchange.over(connect(self.endpoint, self._proxy, self._tls, patience))
        patience.enter("first_byte")
        wire.send(*pieces)
        pieces.clear()  # The wait for an answer may be long, too.
        return ProviderReply(read_head(wire), patience)

    def _head(self, path: str, headers: Mapping[str, str], body_bytes: int) -> bytes:
        ours = {
            "Host": self.endpoint.authority,
            "Content-Length": str(body_bytes),
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "opencode-bridge",
            "Connection": "keep-alive" if self._idle else "close",
        }
        told = {name.lower() for name in headers}
        fields = {name: value for name, value in ours.items() if name.lower() not in told}
        lines = (f"{name}: {value}" for name, value in {**fields, **headers}.items())
        head = (f"POST {self.endpoint.path}{path} HTTP/1.1", *lines, "")
        return "".join(f"{line}\r\n" for line in head).encode("ascii")


class _Exchange:
    """The connection of one call, which a cancelled deadline shuts and `closing` closes."""

    def __init__(self, closing: ExitStack, patience: Patience) -> None:
        self._closing = closing
        self._patience = patience
        self._sock: socket.socket | None = None
        self._kept: socket.socket | None = None

    def over(self, sock: socket.socket) -> ProviderStream:
        self._sock = sock
        self._closing.callback(self._close, sock)
        self._closing.enter_context(self._patience.deadline.on_cancel(partial(shut_down, sock)))
        self._patience.deadline.raise_if_cancelled()
        return ProviderStream(sock, self._patience)

    def kept(self) -> socket.socket | None:
        """Return the connection, which is the caller's from here on."""
        self._kept = self._sock
        return self._kept

    def _close(self, sock: socket.socket) -> None:
        if sock is not self._kept:
            sock.close()
