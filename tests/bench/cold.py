"""Workload (f): how long a command takes from nothing, and a bridge until it answers."""

import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from servers import ROOT, started

STATUS = [sys.executable, str(ROOT / "bin" / "codex-oss"), "status"]
PYTHON = [sys.executable, "-c", "pass"]


def measure(runs: int) -> dict[str, float]:
    """Return medians in milliseconds."""
    with TemporaryDirectory(prefix="codex-oss-bench-") as project:
        env = {
            **os.environ,
            "CODEX_OSS_PROJECT": project,
            "CODEX_HOME": str(Path(project, "codex-home")),
            "PROXY_API_KEY": secrets.token_hex(16),
            "PROXY_LOG_PATH": str(Path(project, "bridge.log")),
            "PYTHONDONTWRITEBYTECODE": "",  # Users have compiled modules; ours go to the scratch.
            "PYTHONPYCACHEPREFIX": str(Path(project, "compiled")),
        }
        return {
            "python itself": median_ms(runs, lambda: run(PYTHON, env)),
            "status, no bridge": median_ms(runs, lambda: run(STATUS, env)),
            "bridge ready": median_ms(runs, lambda: bridge_ready(env)),
        }


def median_ms(runs: int, act: Callable[[], None]) -> float:
    act()  # What is compiled and cached once is not part of a cold start.
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def run(argv: list[str], env: dict[str, str]) -> None:
    subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, check=False)


def bridge_ready(env: dict[str, str]) -> None:
    """Start a bridge and wait for the first answer of `/readyz`."""
    with started([str(ROOT / "bridge.py"), "--port", "0"], env) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200"), "the bridge is not ready"
