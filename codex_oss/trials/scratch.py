"""A real bridge on a free port, with its state in a scratch folder.

A project to look at enters; a bridge that serves it leaves, until the block ends. Nothing is ever
written into that project: the bridge's own folder lies elsewhere.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codex_oss.server import StreamEvent, ask, stream
from codex_oss.settings import load_settings
from codex_oss.system import JsonLog, SystemClock, Worker, new_id
from codex_oss.wiring import Bridge, Workshop, wire_bridge, wire_workshop

HOST = "127.0.0.1"
KEY_DIGITS = 48
STOP_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class ScratchBridge:
    """A bridge that runs, and how to ask it."""

    workshop: Workshop
    port: int

    @property
    def state(self) -> Path:
        return self.workshop.layout.folder

    def post(self, body: Mapping[str, object]) -> Iterator[StreamEvent]:
        """Send one streamed Responses request over the socket and yield its events."""
        key = self.workshop.settings.local_key
        return stream(HOST, self.port, "/v1/responses", key=key, body=body)

    def get(self, path: str) -> bytes:
        key = self.workshop.settings.local_key
        return ask(HOST, self.port, "GET", path, key=key).body


@contextmanager
def scratch_bridge(project: Path, state: Path) -> Iterator[ScratchBridge]:
    """Serve `project` on a free port while the block runs; our folder lies in `state`."""
    key = f"sk-oss-{new_id(KEY_DIGITS)}"
    home = {"HOME": str(state), "CODEX_HOME": str(state)}
    settings = load_settings({**home, "PROXY_PORT": "0", "PROXY_API_KEY": key}, project)
    workshop = wire_workshop(settings, state=state)
    log = JsonLog(workshop.layout.folder / "bridge.log", SystemClock())
    bridge: Bridge = wire_bridge(workshop, log.write)
    serving = Worker(bridge.serve, name="bridge")
    try:
        yield ScratchBridge(workshop, bridge.port)
    finally:
        bridge.listener.drain(0)
        serving.join(STOP_SECONDS_MAX)
