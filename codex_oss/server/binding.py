"""Bind loopback, in both families, and run each connection on a thread of its own.

Host and port enter, servers leave that hand each socket to `converse`. IPv6 is bound too: where
`localhost` means ::1, whoever held our port there would be sent our key.
"""

import errno
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer

from codex_oss.deadline import Clock
from codex_oss.errors import Refused
from codex_oss.system import allow_descriptors, start

IPV4_LOOPBACK, IPV6_LOOPBACK = "127.0.0.1", "::1"
NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
NO_DESCRIPTORS_PAUSE_SECONDS = 0.05  # Who waits is still there; without a pause this would spin.
OWN_DESCRIPTORS = 128  # Ports, logs, children of missions, and callers who are turned away.
CONNECTIONS_MIN = 8  # The least that PROXY_MAX_CONNECTIONS may be.
BACKLOG = 256  # The default of 5 loses connections where 64 callers come at once.

Request = socket.socket | tuple[bytes, socket.socket]  # As typeshed has it: also of UDP.
Converse = Callable[[socket.socket, str], None]
Failed = Callable[[BaseException], None]


class BoundServer(ThreadingHTTPServer):
    """One address. `take` takes one caller, or none if he has left."""

    request_queue_size = BACKLOG

    def __init__(
        self, host: str, port: int, converse: Converse, failed: Failed, clock: Clock
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._converse, self._failed, self._clock = converse, failed, clock
        super().__init__((host, port), BaseRequestHandler)
        self.socket.setblocking(False)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's asks a name server who we are.

    def get_request(self) -> tuple[socket.socket, Sequence[object]]:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                self._clock.sleep(NO_DESCRIPTORS_PAUSE_SECONDS)
            raise

    def take(self) -> None:
        with suppress(OSError):
            self.process_request(*self.get_request())

    def process_request(self, request: Request, client_address: Sequence[object]) -> None:
        work = partial(self.process_request_thread, request, client_address)
        try:
            start(work)
        except RuntimeError:  # There is no room for another thread.
            self.handle_error(request, client_address)
            self.shutdown_request(request)

    def finish_request(self, request: object, client_address: Sequence[object]) -> None:
        assert isinstance(request, socket.socket)
        self._converse(request, f"{client_address[0]}:{client_address[1]}")

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        assert error is not None
        self._failed(error)


def bind(
    host: str, port: int, converse: Converse, failed: Failed, clock: Clock
) -> tuple[BoundServer, ...]:
    """Return who listens on `host`, and for 127.0.0.1 also on ::1 where there is one.

    Port 0 takes one that is free in both. What cannot be had is `Refused`.
    """
    try:
        while True:
            first = BoundServer(host, port, converse, failed, clock)
            if host != IPV4_LOOPBACK:
                return (first,)
            try:
                return first, BoundServer(IPV6_LOOPBACK, first.port, converse, failed, clock)
            except OSError as error:
                if error.errno in NO_IPV6:
                    return (first,)
                first.server_close()
                if port or error.errno != errno.EADDRINUSE:
                    raise
    except OSError as error:
        is_unknown = isinstance(error, socket.gaierror)
        raise Refused(
            f"cannot listen on port {port} of {host}: {error.strerror}",
            code="port_unavailable",
            hint="PROXY_HOST is an address of this machine"
            if is_unknown
            else "PROXY_PORT=0 takes any free port",
        ) from error


def connections_that_fit(connections_max: int) -> int:
    """Have the system allow so many connections, each with another one to a provider; return how
    many may be open. Our own files keep their place: who has no key must not take it."""
    allowed = allow_descriptors(2 * connections_max + OWN_DESCRIPTORS)
    return min(connections_max, max(CONNECTIONS_MIN, allowed - OWN_DESCRIPTORS))
