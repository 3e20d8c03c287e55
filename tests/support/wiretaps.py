"""Stand between a client and a server of ours, and see what both said.

with Wiretap(bridge.port) as wire:
    ...                                    # Point the client at wire.port.
wire.requests()                            # ["GET /v1/responses", "POST /v1/responses"]
"""

import re
import socket
import socketserver
import threading
from contextlib import suppress

REQUEST_LINE = re.compile(rb"^([A-Z]+ \S+) HTTP/1\.1\r$", re.MULTILINE)
STATUS_LINE = re.compile(rb"^HTTP/1\.1 (\d+) ", re.MULTILINE)


class Wiretap(socketserver.ThreadingTCPServer):
    """The server must accept `127.0.0.1:PORT` of this as a Host."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.server_port = 0
        self.asked: list[bytes] = []
        self.answered: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def requests(self) -> list[str]:
        return [line.decode() for line in REQUEST_LINE.findall(b"\n".join(self.asked))]

    def statuses(self) -> list[int]:
        return [int(status) for status in STATUS_LINE.findall(b"\n".join(self.answered))]

    def __enter__(self) -> "Wiretap":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Relay(socketserver.BaseRequestHandler):
    server: Wiretap

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.server_port)) as far:
            back = threading.Thread(target=relay, args=(far, self.request, self.server.answered))
            back.start()
            relay(self.request, far, self.server.asked)
            back.join()


def relay(source: socket.socket, target: socket.socket, seen: list[bytes]) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            seen.append(data)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
