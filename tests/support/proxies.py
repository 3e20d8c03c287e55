"""A proxy of the network on loopback: it takes CONNECT, and every way leads to this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def proxy(status: bytes = b"200 Connection established") -> Iterator[tuple[int, list[bytes]]]:
    """Serve as a proxy whose every way leads to 127.0.0.1; yield its port and what it was asked."""
    asked: list[bytes] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def serve(client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        asked.append(head)
        client.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if not status.startswith(b"200"):
            client.close()
            return
        port = int(head.split(b" ")[1].rsplit(b":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as way, client:
            back = threading.Thread(target=pump, args=(way, client), daemon=True)
            back.start()
            pump(client, way)
            back.join(5)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
