"""`python3 bridge.py` as users run it: a process of its own, seen through /proc and its socket.

with bridge_process(project, provider, PROXY_MAX_CONNECTIONS="8") as running:
    running.client.get("/healthz")
    running.cost                           # Threads, descriptors and memory at this moment.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from support import ROOT
from support.clients import Client

KEY = "sk-oss-the-key-of-this-test"
PROGRAM = (sys.executable, "-B", str(ROOT / "bridge.py"), "--port", "0")
SECONDS_MAX = 20.0
SAID = re.compile(r" on http://127\.0\.0\.1:(\d+) ")


@dataclass(frozen=True)
class Cost:
    threads: int
    descriptors: int
    memory_kib: int


@dataclass
class BridgeProcess:
    process: subprocess.Popen
    project: Path
    port: int
    said: list[str] = field(default_factory=list)
    """The lines it wrote so far, output and errors."""

    @property
    def client(self) -> Client:
        return Client(self.port, KEY)

    @property
    def cost(self) -> Cost:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        numbers = dict(re.findall(r"^(Threads|VmRSS):\s+(\d+)", status, re.MULTILINE))
        descriptors = len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208
        return Cost(int(numbers["Threads"]), descriptors, int(numbers["VmRSS"]))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(SECONDS_MAX)


def variables(project: Path, profiles: Mapping[str, object], **environ: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "CODEX_HOME": str(project.parent / "codex-home"),
        "CODEX_OSS_PROJECT": str(project),
        "PROXY_API_KEY": KEY,
        "PROFILES_JSON": json.dumps(profiles),
        "PYTHONUNBUFFERED": "1",
        **environ,
    }


def profile(base_url: str, **more: object) -> dict[str, object]:
    served = {"provider": "openai_compatible", "base_url": base_url, "upstream_model": "acme-1"}
    return {"scripted": {**served, **more}}


@contextmanager
def bridge_process(
    project: Path,
    profiles: Mapping[str, object] | None = None,
    descriptors_max: tuple[int, int] | None = None,
    **environ: str,
) -> Iterator[BridgeProcess]:
    """Yield a bridge that listens. What is left of it at the end is killed."""
    limit = descriptors_max and partial(resource.setrlimit, resource.RLIMIT_NOFILE, descriptors_max)
    process = subprocess.Popen(
        PROGRAM,
        cwd=project,
        env=variables(project, profiles or {}, **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit,
    )
    assert process.stdout
    said: list[str] = []
    port = 0
    try:
        for line in process.stdout:
            said.append(line)
            if found := SAID.search(line):
                port = int(found[1])
                break
        assert port, f"the bridge did not begin to listen:\n{''.join(said)}"
        reading = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
        reading.start()
        yield BridgeProcess(process, project, port, said)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS_MAX)
        reading.join(SECONDS_MAX)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
