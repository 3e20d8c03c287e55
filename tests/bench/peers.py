"""The other bridges, as targets: what `.dev/peers` holds, started as their own documents say.

A provider enters; each peer that starts leaves as a `Target`, loaded like ours. One that is not
installed, or does not answer in time, is told and left out: a peer's bad day is no failure.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import bodies
from servers import ROOT, Server

PACKAGES = (
    "codex-relay==0.5.8",
    "codex-bridge-python==0.1.5",
    "codex-rosetta==0.1.0",
    "litellm[proxy]==1.106.2",
)
VENV = ROOT / ".dev" / "peers"
START_SECONDS_MAX = 90  # LiteLLM imports for 10 s on a quiet machine.


@dataclass(frozen=True)
class Setup:
    """How a peer is started. `PORT`, `PROVIDER` and `KEY` are put in wherever they stand."""

    program: str
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


def litellm_config(provider: str) -> str:
    """Return a config that answers by Chat Completions, as most others would not; JSON is YAML."""
    served = {"model": "custom_openai/*", "api_base": provider, "api_key": "none"}
    return json.dumps({"model_list": [{"model_name": "*", "litellm_params": served}]})


SETUPS = {
    "codex-relay": Setup(
        "codex-relay", ("--port", "PORT", "--upstream", "PROVIDER", "--api-key", "none")
    ),
    "codex-bridge-python": Setup(
        "codex-bridge-python", ("--port", "PORT", "--upstream", "PROVIDER", "--api-key", "none")
    ),
    "codex-rosetta": Setup(
        "codex-rosetta",
        environ={
            "UPSTREAM_BASE_URL": "PROVIDER",
            "UPSTREAM_API_KEY": "none",
            "UPSTREAM_PROVIDER": "other",
            "HOST": "127.0.0.1",
            "PORT": "PORT",
            "LOG_LEVEL": "WARNING",
        },
    ),
    "litellm": Setup(
        "litellm",
        ("--config", "config.yaml", "--host", "127.0.0.1", "--port", "PORT", "--num_workers", "1"),
        {"LITELLM_MASTER_KEY": "KEY", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ),
}


def install() -> None:
    """Fill `.dev/peers` anew with the pinned packages, by pip."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "pip"), "install", "-qq", *PACKAGES]
    subprocess.run(pip, check=True)


@contextmanager
def running(provider: Server, venv: Path) -> Iterator[dict[str, tuple[Server, str]]]:
    """Yield server and key of each peer that answers."""
    with ExitStack() as stack:
        found = {}
        for name, setup in SETUPS.items():
            if not (venv / "bin" / setup.program).exists():
                print(f"{name}: not installed", file=sys.stderr)
                continue
            try:
                found[name] = stack.enter_context(started(setup, provider, venv))
            except TimeoutError as error:
                print(f"{name}: {error}", file=sys.stderr)
        yield found


@contextmanager
def started(setup: Setup, provider: Server, venv: Path) -> Iterator[tuple[Server, str]]:
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    values = {"PORT": str(port), "PROVIDER": f"http://127.0.0.1:{provider.port}/v1", "KEY": key}
    environ = {name: values.get(value, value) for name, value in setup.environ.items()}
    with TemporaryDirectory(prefix="codex-oss-bench-") as folder:
        Path(folder, "config.yaml").write_text(litellm_config(values["PROVIDER"]))
        command = [values.get(word, word) for word in setup.arguments]
        with subprocess.Popen(
            [str(venv / "bin" / setup.program), *command],
            cwd=folder,
            env={**os.environ, "HOME": folder, **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            try:
                wait_for(lambda: answers(port, key), child)
                yield Server(child.pid, port), key
            finally:
                child.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(holds: Callable[[], bool], child: subprocess.Popen) -> None:
    give_up = time.monotonic() + START_SECONDS_MAX
    while not holds():
        if child.poll() is not None or time.monotonic() > give_up:
            raise TimeoutError(f"no good stream within {START_SECONDS_MAX} s")
        time.sleep(0.2)


def answers(port: int, key: str) -> bool:
    """Return whether one short turn comes back whole."""
    request = bodies.http_request("/v1/responses", port, key, bodies.short_turn("text-5"))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(request)
            return b"response.completed" in b"".join(pieces(sock))
    except OSError:
        return False


def pieces(sock: socket.socket) -> Sequence[bytes]:
    return list(iter(lambda: sock.recv(65_536), b""))
