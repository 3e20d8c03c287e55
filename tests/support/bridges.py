"""A whole bridge in this process, wired as users run it, on a free port.

with ScriptedProvider() as provider, bridge(project, provider) as running:
    running.client.turn({"model": "scripted", "input": "hi"})
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from codex_oss.settings import load_settings
from codex_oss.wiring import Workshop, wire_bridge, wire_workshop
from support.clients import Client
from support.providers import ScriptedProvider

KEY = "sk-oss-the-key-of-this-test"


@dataclass
class RunningBridge:
    port: int
    workshop: Workshop
    lines: list[dict[str, object]] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return Client(self.port, KEY)


@contextmanager
def bridge(
    project: Path, provider: ScriptedProvider | None = None, **environ: str
) -> Iterator[RunningBridge]:
    """Yield a bridge of `project`; `provider` answers for the profile `scripted`."""
    profiles = {}
    if provider:
        served = {"provider": "openai_compatible", "base_url": provider.base_url}
        profiles = {"scripted": {**served, "upstream_model": "acme-1"}}
    variables = {
        "HOME": str(project),
        "CODEX_HOME": str(project / "codex-home"),
        "PROXY_PORT": "0",
        "PROXY_API_KEY": KEY,
        "PROFILES_JSON": json.dumps(profiles),
        **environ,
    }
    lines: list[dict[str, object]] = []
    workshop = wire_workshop(load_settings(variables, project))
    wired = wire_bridge(workshop, lines.append)
    serving = threading.Thread(target=wired.serve, daemon=True)
    serving.start()
    try:
        yield RunningBridge(wired.port, workshop, lines)
    finally:
        wired.listener.drain(0)
        serving.join(10)
        assert not serving.is_alive(), "the bridge did not stop"
