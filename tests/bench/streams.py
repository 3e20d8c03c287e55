"""Workloads (a) and (c): the same streamed turns straight to a provider and through the bridge.

A `Scale` enters, `Row`s leave: one for each target and concurrency, and ratios of the bridge's to
each other's in the same run. Ratios are what can be compared between machines and days.
"""

import json
import secrets
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import bodies
import load
import peers
from servers import HERE, ROOT, Server, started

TEXT_DELTAS = 200
CODEX_DELTAS = 5
AT_ONCE_MAX = 64


@dataclass(frozen=True)
class Scale:
    streams: int
    codex_turns: int


QUICK = Scale(32, 8)
FULL = Scale(128, 32)


@dataclass(frozen=True)
class Target:
    """Who is loaded, how, and how his good streams are told."""

    name: str
    server: Server
    path: str
    key: str
    short: Callable[[int], bodies.Json]
    codex: Callable[[int], bodies.Json]
    delta_mark: bytes
    end_mark: bytes


@dataclass(frozen=True)
class Row:
    workload: str
    target: str
    at_once: int
    first_p50_ms: float
    first_p95_ms: float
    whole_p50_ms: float
    deltas_per_s: float
    cpu_ms_per_stream: float | None
    cpu_us_per_delta: float | None
    peak_mb: float | None
    failed: int


def measure(scale: Scale, wanted: Container[str], venv: Path | None = None) -> list[Row]:
    """Return the rows of workloads `a` and `c`, in the order of the load: direct, bridge, peers."""
    rows = []
    with targets(venv) as each:
        for at_once in (1, 16, AT_ONCE_MAX) if "a" in wanted else ():
            for target in each:
                body = target.short(TEXT_DELTAS)
                rows.append(run("a", target, body, TEXT_DELTAS, scale.streams, at_once))
        for target in each if "c" in wanted else ():
            body = target.codex(CODEX_DELTAS)
            rows.append(run("c", target, body, CODEX_DELTAS, scale.codex_turns, 1))
    return rows


def ratios(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return figures of ours as multiples of each other target's, under the same load."""
    found = []
    for ours in (row for row in rows if row.target == "bridge"):
        load_of_ours = (ours.workload, ours.at_once)
        for other in rows:
            if other is ours or (other.workload, other.at_once) != load_of_ours:
                continue
            found.append(
                {
                    "workload": ours.workload,
                    "at_once": ours.at_once,
                    "beside": other.target,
                    "first_p50": quotient(ours.first_p50_ms, other.first_p50_ms),
                    "first_p50_added_ms": ours.first_p50_ms - other.first_p50_ms,
                    "whole_p50": quotient(ours.whole_p50_ms, other.whole_p50_ms),
                    "deltas_per_s": quotient(ours.deltas_per_s, other.deltas_per_s),
                    "cpu_per_delta": quotient(ours.cpu_us_per_delta, other.cpu_us_per_delta),
                    "peak_mb": quotient(ours.peak_mb, other.peak_mb),
                }
            )
    return found


def quotient(ours: float | None, other: float | None) -> float | None:
    return ours / other if ours is not None and other else None


def run(
    workload: str,
    target: Target,
    body: Mapping[str, object],
    deltas: int,
    streams: int,
    at_once: int,
) -> Row:
    request = bodies.http_request(target.path, target.server.port, target.key, body)
    marks = (deltas, target.delta_mark, target.end_mark)
    load.run(load.Load(target.server.port, request, at_once, at_once, *marks))  # Warm.
    before = target.server.cpu_seconds
    seen = load.run(load.Load(target.server.port, request, streams, at_once, *marks))
    after = target.server.cpu_seconds
    cpu = None if before is None or after is None else after - before
    return Row(
        workload,
        target.name,
        at_once,
        seen.first_delta_ms(50),
        seen.first_delta_ms(95),
        seen.whole_ms(50),
        seen.deltas / seen.seconds,
        None if cpu is None else cpu * 1e3 / streams,
        None if cpu is None else cpu * 1e6 / (streams * deltas),
        target.server.peak_mb,
        seen.failed,
    )


@contextmanager
def targets(venv: Path | None) -> Iterator[list[Target]]:
    counts = map(str, (TEXT_DELTAS, CODEX_DELTAS))
    with ExitStack() as stack:
        provider = stack.enter_context(started([str(HERE / "provider.py"), *counts]))
        ours = stack.enter_context(bridge(provider))
        others = stack.enter_context(peers.running(provider, venv)) if venv else {}
        beside = [replace(ours, name=n, server=s, key=key) for n, (s, key) in others.items()]
        yield [direct_target(provider), ours, *beside]


def direct_target(provider: Server) -> Target:
    return Target(
        "direct",
        provider,
        "/v1/chat/completions",
        "none",
        bodies.short_chat,
        bodies.codex_chat,
        b'"delta":{"content":',
        b"data: [DONE]",
    )


@contextmanager
def bridge(provider: Server) -> Iterator[Target]:
    """Start the bridge as users do, but for the limits, which are raised to the load."""
    key = secrets.token_hex(16)
    with TemporaryDirectory(prefix="codex-oss-bench-") as project:
        env = {
            "CODEX_OSS_PROJECT": project,
            "CODEX_HOME": str(Path(project, "codex-home")),
            "PROXY_API_KEY": key,
            "PROFILES_JSON": json.dumps(profiles(provider)),
            "MAX_GLOBAL_UPSTREAM_CONCURRENCY": str(2 * AT_ONCE_MAX),
            "PROXY_LOG_PATH": str(Path(project, "bridge.log")),
        }
        with started([str(ROOT / "bridge.py"), "--port", "0"], env) as server:
            yield Target(
                "bridge",
                server,
                "/v1/responses",
                key,
                bodies.short_turn,
                bodies.codex_turn,
                b'"response.output_text.delta"',  # One peer writes no `event:` lines.
                b'"response.completed"',
            )


def profiles(provider: Server) -> dict[str, object]:
    """Return a profile for each length of reply: the provider tells them by the model's name."""
    profile = {
        "base_url": f"http://127.0.0.1:{provider.port}/v1",
        "context_window": 1_000_000,
        "max_output_tokens": 8_192,
    }
    names = [f"bench-{deltas}" for deltas in (TEXT_DELTAS, CODEX_DELTAS)]
    return {name: {**profile, "upstream_model": name} for name in names}
