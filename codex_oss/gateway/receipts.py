"""Say in one line what became of each turn, and count the turns.

A request enters when it arrives, its events pass through `follow`; where they end, one line leaves
through `log`. Nothing of what was asked or answered stands in it, no path, no header and no key:
only names that the bridge itself knows, sizes and times (bridge 20).
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import TypeVar

from codex_oss.chat import Usage
from codex_oss.deadline import Clock
from codex_oss.errors import BridgeError, Cancelled
from codex_oss.gateway.turns import client_version
from codex_oss.profiles import ModelProfile, cost_of
from codex_oss.responses import Events, ResponseEvent, Turn
from codex_oss.server import HttpRequest

Burst = TypeVar("Burst")
Line = dict[str, object]
Log = Callable[[Line], None]
"""Takes a line, and never fails the turn that it speaks of."""

OUTCOMES = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
SUBAGENT = re.compile(r"[a-z_]{1,40}")  # Codex's word for what a thread is: `collab_spawn`.


class TurnLog:
    """All turns of one process."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._turns: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()

    def begin(self, http: HttpRequest) -> "TurnEntry":
        return TurnEntry(http, self._clock, self._write)

    def counters(self) -> dict[str, object]:
        """Return what `/health` tells: turns by lane and outcome, tokens by model."""
        with self._lock:
            return {"turns": _nested(self._turns), "tokens": _nested(self._tokens)}

    def _write(self, line: Line) -> None:
        with self._lock:
            self._turns[str(line["lane"]), str(line["outcome"])] += 1
            if isinstance(usage := line.get("usage"), dict):
                for kind in ("input_tokens", "output_tokens"):
                    self._tokens[str(line["model"]), kind] += usage[kind]
        self._log(line)


class TurnEntry:
    """The line of one request, from its arrival to its end."""

    def __init__(self, http: HttpRequest, clock: Clock, write: Log) -> None:
        self._clock = clock
        self._write = write
        self._began = clock.monotonic()
        version = client_version(http)
        self._line: Line = {
            "level": "info",
            "event": "turn",
            "request_id": http.request_id,
            "route": http.path,
            "codex": ".".join(map(str, version)) if version else None,
            "thread": _thread(http.headers),
            "subagent": _subagent(http.headers),
            "bytes_in": len(http.body),
        }

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Write the refusal that is raised in this block."""
        try:
            yield
        except BridgeError as error:
            self.refuse(error)
            raise

    def refuse(self, error: BridgeError) -> None:
        """Write that the request became no turn. Its model is not named: anything may stand
        there."""
        refusal = {"lane": "refused", "outcome": "refused", "status": error.http_status}
        self._end({**refusal, "code": error.code})

    def follow(
        self, turn: Turn, profile: ModelProfile, events: Iterator[Events]
    ) -> Iterator[Events]:
        """Yield the events, and write how they ended."""
        end: Line = {}

        def heeded() -> Iterator[Events]:
            for burst in events:
                yield burst
                if isinstance(last := burst[-1], ResponseEvent) and last.type in OUTCOMES:
                    end.update(_outcome(last, profile))

        return self.watch(heeded(), lambda: _facts(turn) | end, is_streamed=turn.request.stream)

    def watch(
        self, bursts: Iterator[Burst], facts: Callable[[], Line], *, is_streamed: bool
    ) -> Iterator[Burst]:
        """Yield these, and write the facts. What was yielded counts as sent once the next is asked
        for; facts that name no outcome by then are of a turn that is `cancelled`."""
        end: Line = {"outcome": "failed", "code": "internal_error", "status": 500}
        count = 0
        try:
            for burst in bursts:
                count += 1
                if count == 2:  # The first says only that there is a response.
                    end["ttft_ms"] = self._elapsed_ms()
                yield burst
        except (GeneratorExit, Cancelled):
            end |= {"outcome": "cancelled", "code": None, "status": None}
            raise
        finally:
            # The head of a stream was out before anything could fail.
            self._end(end | facts() | ({"status": 200} if is_streamed else {}))

    def _end(self, facts: Line) -> None:
        times = {"ts": self._clock.now().isoformat("T", "milliseconds")}
        self._write({**times, **self._line, **facts, "total_ms": self._elapsed_ms()})

    def _elapsed_ms(self) -> int:
        return round((self._clock.monotonic() - self._began) * 1000)


def _facts(turn: Turn) -> Line:
    request, receipt = turn.request, turn.receipt
    return {
        "lane": receipt.lane,
        "model": receipt.profile,
        "upstream_model": receipt.upstream_model,
        "stream": request.stream,
        "items": len(request.items),
        "tools": len(request.tools),
        "receipt": receipt.to_json(),
    }


def _outcome(event: ResponseEvent, profile: ModelProfile) -> Line:
    """Return what the terminal event of a turn says of it."""
    response = event.data["response"]
    assert isinstance(response, dict)
    return ending_of(response, event.error, profile)


def ending_of(
    response: Mapping[str, object], error: BridgeError | None, profile: ModelProfile
) -> Line:
    """Return how a turn ended, by its last response object, or by the error that it ended in."""
    told, usage = response.get("error"), _whole_usage(response.get("usage"))
    code = told.get("code") if isinstance(told, dict) else None
    outcome = OUTCOMES.get(f"response.{response.get('status')}", "completed")
    return {
        "outcome": "failed" if error else outcome,
        "code": error.code if error else code,
        "status": error.http_status if error else 200,
        "usage": usage,
        "cost_usd": _cost_usd(usage, profile),
    }


def _whole_usage(usage: object) -> Line | None:
    """Return counts that can be summed, `None` for a provider's that cannot."""
    counts = usage if isinstance(usage, dict) else {}
    kinds = ("input_tokens", "output_tokens")
    return counts if all(type(counts.get(kind)) is int for kind in kinds) else None


def _cost_usd(usage: Line | None, profile: ModelProfile) -> float | None:
    """Return what these tokens cost, or `None` where count or price is not known."""
    if usage is None:
        return None
    spent, said, details = (
        usage.get(name) for name in ("input_tokens", "output_tokens", "input_tokens_details")
    )
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    assert isinstance(spent, int) and isinstance(said, int)
    cost = cost_of(Usage(spent, said, cached if isinstance(cached, int) else 0), profile.prices)
    return None if cost is None else cost / 1_000_000


def _thread(headers: Mapping[str, str]) -> str | None:
    """Return a mark by which lines of one thread are told to belong together."""
    thread = headers.get("thread-id") or headers.get("thread_id")  # Codex before 0.140.
    return sha256(thread.encode()).hexdigest()[:8] if thread else None


def _subagent(headers: Mapping[str, str]) -> str | None:
    found = SUBAGENT.fullmatch(headers.get("x-openai-subagent", ""))
    return found[0] if found else None


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (outer, inner), count in counts.items():
        nested.setdefault(outer, {})[inner] = count
    return nested
