"""A provider that begins each answer and then says nothing, a thousand times with one thread."""

import selectors
import socket
import threading
from contextlib import suppress

from support.providers import delta

BEGINNING = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


class SilentProvider:
    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.over = threading.Event()
        self.begun = self.left = 0  # Answers, and callers that closed their connection.
        self.thread = threading.Thread(target=self.run)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/v1"

    def __enter__(self) -> "SilentProvider":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.server.close()

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.server, selectors.EVENT_READ)
            while not self.over.is_set():
                for key, _ in selector.select(0.02):
                    self.serve(selector, key.fileobj)
            for key in [*selector.get_map().values()]:
                if key.fileobj is not self.server:
                    key.fileobj.close()

    def serve(self, selector: selectors.BaseSelector, sock: socket.socket) -> None:
        if sock is self.server:
            client, _ = sock.accept()
            selector.register(client, selectors.EVENT_READ)
            return
        came = b""
        with suppress(OSError):
            came = sock.recv(65_536)
        if b"HTTP/1.1\r\n" in came:
            sock.sendall(BEGINNING + delta(role="assistant", content=""))
            self.begun += 1
        elif not came:
            self.left += 1
            selector.unregister(sock)
            sock.close()
