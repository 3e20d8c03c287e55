"""Workloads (a) to (e): the same turns straight to a provider, through the bridge, through peers.

A `Scale` enters, `Row`s leave: one for each workload and target, each the median of its rounds, in
which the targets take turns. Ratios are what can be compared between machines and days.
"""

import json
import secrets
import statistics
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import bodies
import load
import peers
from provider import PACE_SECONDS
from servers import HERE, ROOT, Server, started

AT_ONCE_MAX = 64
SETTLE_SECONDS = 1.0  # What a bridge loads soon after its start belongs to no load.
CODEX_PAIRS = 400  # Call and output: about 0.9 MB, a long day of Codex.

Body = Callable[[str], bodies.Json]


@dataclass(frozen=True)
class Marks:
    """How one delta and a good end are told, in the bytes of a reply."""

    delta: bytes
    end: bytes


TEXT = {
    "chat": Marks(b'"delta":{"content":', b"data: [DONE]"),
    "responses": Marks(b'"response.output_text.delta"', b'"response.completed"'),
}
CALLS = {
    "chat": Marks(b'"arguments":"', b"data: [DONE]"),
    "responses": Marks(b'"response.function_call_arguments.delta"', b'"response.completed"'),
}
WHOLE = {
    "chat": Marks(b'"content":', b'"finish_reason"'),
    "responses": Marks(b"output_text", b'"output_tokens"'),
}


@dataclass(frozen=True)
class Workload:
    """What is asked, of a model whose name says what it answers, and how a good answer is told.
    `streams` and `deltas_min` are of one load and of one stream."""

    name: str
    what: str
    model: str
    chat: Body
    responses: Body
    marks: dict[str, Marks]
    at_once: int
    streams: int
    deltas_min: int = 1
    apart_seconds: float = 0.0

    @property
    def deltas(self) -> int:
        """Return how many the provider sends."""
        return int(self.model.partition("-")[2])

    def body(self, api: str) -> bodies.Json:
        return (self.chat if api == "chat" else self.responses)(self.model)


def _texts(name: str, at_once: int, streams: int = 128, model: str = "text-200") -> Workload:
    deltas = int(model.partition("-")[2])
    what = f"{model}, {at_once} at once"
    bodies_of = (bodies.short_chat, bodies.short_turn)
    return Workload(name, what, model, *bodies_of, TEXT, at_once, streams, deltas)


def _codex(name: str, pairs: int) -> Workload:
    chat: Body = lambda model: bodies.codex_chat(model, pairs)  # noqa: E731
    turn: Body = lambda model: bodies.codex_turn(model, pairs)  # noqa: E731
    return Workload(name, f"{pairs} pairs of history", "text-5", chat, turn, TEXT, 1, 32, 5)


STREAMS = (
    *(_texts(f"a{at_once}", at_once) for at_once in (1, 16, AT_ONCE_MAX)),
    replace(_texts("b", AT_ONCE_MAX, AT_ONCE_MAX, "paced-50"), apart_seconds=0.01),
    Workload(
        "d",
        "not streamed, 16 at once",
        "text-200",
        lambda model: bodies.short_chat(model, streams=False),
        lambda model: bodies.short_turn(model, streams=False),
        WHOLE,
        at_once=16,
        streams=128,
    ),
    Workload(
        "e",
        "two calls by turns, 16 at once",
        "calls-200",
        lambda model: bodies.codex_chat(model, 0),
        lambda model: bodies.codex_turn(model, 0),
        CALLS,
        at_once=16,
        streams=128,
    ),
)
HISTORIES = (_codex("c", CODEX_PAIRS), _codex("2c", 2 * CODEX_PAIRS))
"""Asked of processes of their own: what they need of memory is measured from a quiet start."""

MODELS = sorted({workload.model for workload in (*STREAMS, *HISTORIES)})


@dataclass(frozen=True)
class Scale:
    rounds: int
    share: float
    """Of the streams of a load."""


QUICK = Scale(3, 0.25)
FULL = Scale(5, 1)


@dataclass(frozen=True)
class Target:
    name: str
    server: Server
    api: str
    path: str
    key: str


@dataclass(frozen=True)
class Row:
    """CPU is the target's, of a stream and of a delta that its provider sent; deltas of a second
    are those that came out. `grown_mb` is what a load took on top of what was there before the
    first one; deltas are late that came later than their provider was due to send them."""

    workload: str
    target: str
    first_p50_ms: float | None
    first_p95_ms: float | None
    whole_p50_ms: float | None
    late_p95_ms: float | None
    deltas_per_s: float
    cpu_ms_per_stream: float | None
    cpu_us_per_delta: float | None
    peak_mb: float | None
    grown_mb: float | None
    failed: int


def measure(scale: Scale, wanted: Container[str], venv: Path | None = None) -> list[Row]:
    """Return the rows of the wanted letters, in the order of the load: direct, bridge, peers."""
    rows: list[Row] = []
    for group in (STREAMS, HISTORIES):
        chosen = [each for each in group if each.name.strip("0123456789") in wanted]
        if not chosen:
            continue
        with targets(venv) as found:
            for workload in chosen:
                rested = [target.server.resident_mb for target in found]
                rounds = [
                    [
                        run(workload, target, scale.share, before)
                        for target, before in zip(found, rested, strict=True)
                    ]
                    for _ in range(scale.rounds)
                ]
                rows += map(middle, zip(*rounds, strict=True))
    return rows


def middle(rows: Sequence[Row]) -> Row:
    """Return the median of each figure of some rounds, and all that failed in any."""
    figures = {}
    for name in (f.name for f in fields(Row) if f.type in ("float", float, float | None)):
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        figures[name] = statistics.median(values) if values else None
    return replace(rows[0], **figures, failed=sum(row.failed for row in rows))


def ratios(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return figures of ours as multiples of each other target's, under the same load."""
    found = []
    for ours in (row for row in rows if row.target == "bridge"):
        for other in rows:
            if other is ours or other.workload != ours.workload:
                continue
            found.append(
                {
                    "workload": ours.workload,
                    "beside": other.target,
                    "first_p50": quotient(ours.first_p50_ms, other.first_p50_ms),
                    "first_p50_added_ms": difference(ours.first_p50_ms, other.first_p50_ms),
                    "whole_p50": quotient(ours.whole_p50_ms, other.whole_p50_ms),
                    "late_p95_added_ms": difference(ours.late_p95_ms, other.late_p95_ms),
                    "deltas_per_s": quotient(ours.deltas_per_s, other.deltas_per_s),
                    "cpu": quotient(ours.cpu_ms_per_stream, other.cpu_ms_per_stream),
                    "peak_mb": quotient(ours.peak_mb, other.peak_mb),
                }
            )
    return found


def quotient(ours: float | None, other: float | None) -> float | None:
    return ours / other if ours is not None and other else None


def difference(ours: float | None, other: float | None) -> float | None:
    return ours - other if ours is not None and other is not None else None


def run(workload: Workload, target: Target, share: float, rested_mb: float | None) -> Row:
    server, marks = target.server, workload.marks[target.api]
    body = workload.body(target.api)
    request = bodies.http_request(target.path, server.port, target.key, body)
    at_once, deltas = workload.at_once, workload.deltas
    streams = max(at_once, round(workload.streams * share))
    told = (workload.deltas_min, marks.delta, marks.end)
    load.run(load.Load(server.port, request, min(at_once, 8), at_once, *told))  # Warm.
    server.forget_peak()
    before = server.cpu_seconds
    wanted = load.Load(server.port, request, streams, at_once, *told, workload.apart_seconds)
    seen = load.run(wanted)
    cpu = difference(server.cpu_seconds, before)
    peak = server.peak_mb
    is_paced = workload.model.startswith("paced")
    return Row(
        workload.name,
        target.name,
        seen.first_delta_ms(50),
        seen.first_delta_ms(95),
        seen.whole_ms(50),
        seen.late_ms(95, PACE_SECONDS) if is_paced else None,
        seen.deltas / seen.seconds,
        None if cpu is None else cpu * 1e3 / streams,
        None if cpu is None else cpu * 1e6 / (streams * deltas),
        peak,
        difference(peak, rested_mb),
        seen.failed,
    )


@contextmanager
def targets(venv: Path | None) -> Iterator[list[Target]]:
    with ExitStack() as stack:
        provider = stack.enter_context(started([str(HERE / "provider.py"), *MODELS]))
        ours = stack.enter_context(bridge(provider))
        others = stack.enter_context(peers.running(provider, venv)) if venv else {}
        direct = Target("direct", provider, "chat", "/v1/chat/completions", "none")
        beside = [replace(ours, name=n, server=s, key=key) for n, (s, key) in others.items()]
        time.sleep(SETTLE_SECONDS)
        yield [direct, ours, *beside]


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
            yield Target("bridge", server, "responses", "/v1/responses", key)


def profiles(provider: Server) -> dict[str, object]:
    """Return a profile for each kind of reply: the provider tells them by the model's name."""
    profile = {
        "base_url": f"http://127.0.0.1:{provider.port}/v1",
        "context_window": 1_000_000,
        "max_output_tokens": 8_192,
    }
    return {name: {**profile, "upstream_model": name} for name in MODELS}
