"""Say in one line what became of each turn, and count the turns.

A request enters when it arrives, its events pass through `follow`; where they end, one line leaves
through `log`. Nothing of what was asked or answered stands in it, no path, no header and no key:
only names that the bridge itself knows, sizes and times (bridge 20).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from codex_oss.chat import Usage
from codex_oss.deadline import Clock
from codex_oss.errors import BridgeError, Cancelled
from codex_oss.gateway.counters import Counters, Line
from codex_oss.gateway.turns import client_version
from codex_oss.profiles import ModelProfile, cost_of
from codex_oss.responses import Events, Receipt, ResponseEvent, Turn
from codex_oss.server import HttpRequest

Burst = TypeVar("Burst")
Log = Callable[[Line], None]
"""Takes a line, and never fails the turn that it speaks of."""
Profiles = Callable[[str], ModelProfile]
"""Finds who answered by its name: what that costs is his price, and not that of who was asked."""

OUTCOMES = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
SUBAGENT = re.compile(r"[a-z_]{1,40}")  # Codex's word for what a thread is: `collab_spawn`.


FIELDS = tuple(
    "level event request_id lane route status outcome code model upstream_model codex thread"
    " subagent stream bytes_in items tools queue_ms ttfb_ms ttft_ms total_ms tries usage cost_usd"
    " receipt".split()
)
"""What every line of a turn has, null where it is not known (bridge 20)."""
NAME = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,64}")
UNKNOWN_MAX = 100  # Items and models that are warned of in one process.


class TurnLog:
    """All turns of one process."""

    def __init__(self, log: Log, clock: Clock, profiles: Profiles) -> None:
        self._log = log
        self._clock = clock
        self._profiles = profiles
        self._counters = Counters()
        self._warned: set[tuple[str, str]] = set()

    def begin(self, http: HttpRequest) -> "TurnEntry":
        return TurnEntry(http, self._clock, self._profiles, self._write)

    def health(self) -> dict[str, object]:
        """Return what `/health` tells of turns."""
        return {
            "counters": self._counters.to_json(),
            "codex_versions": self._counters.codex_versions(),
        }

    def _write(self, line: Line, unknown: Iterable[tuple[str, str]] = ()) -> None:
        self._counters.count(line)
        self._log(line)
        receipt = line["receipt"]
        for event, name in unknown:
            self._warn_once(event, name, line)
        if isinstance(receipt, dict):
            if "fallback_from" in receipt:
                self._warn("fallback", line, fallback_from=receipt["fallback_from"])
            if tampered := receipt.get("reasoning_dropped", {}).get("tampered"):
                self._warn("tampered_envelope", line, count=tampered)

    def _warn_once(self, event: str, name: str, line: Line) -> None:
        if (event, name) not in self._warned and len(self._warned) < UNKNOWN_MAX:
            self._warned.add((event, name))
            self._warn(event, line, name=_safe(name))

    def _warn(self, event: str, line: Line, **facts: object) -> None:
        about = {"request_id": line["request_id"], "model": line["model"]}
        self._log({"level": "warning", "event": event, **about, **facts})


class TurnEntry:
    """The line of one request, from its arrival to its end."""

    def __init__(
        self, http: HttpRequest, clock: Clock, profiles: Profiles, write: Callable[..., None]
    ) -> None:
        self._clock = clock
        self._profiles = profiles
        self._write = write
        self._began = clock.monotonic()
        self._unknown: list[tuple[str, str]] = []
        version = client_version(http)
        self._line: Line = dict.fromkeys(FIELDS) | {
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

    def follow(self, turn: Turn, asked: ModelProfile, events: Iterator[Events]) -> Iterator[Events]:
        """Yield the events, and write how they ended, and what it cost with who answered."""
        end = _facts(turn, turn.receipt)
        self._unknown = [("unknown_item", name) for name in turn.request.unknown_types]
        if asked.is_unlisted:
            self._unknown.append(("unlisted_model", asked.upstream_model))

        def heeded() -> Iterator[Events]:
            for burst in events:
                yield burst
                if isinstance(last := burst[-1], ResponseEvent) and last.type in OUTCOMES:
                    receipt = last.receipt or turn.receipt
                    end.update(_facts(turn, receipt))
                    end.update(_outcome(last, self._answering(receipt.profile, asked)))

        return self.watch(heeded(), lambda: end, is_streamed=turn.request.stream)

    def _answering(self, name: str, asked: ModelProfile) -> ModelProfile:
        if name == asked.name:
            return asked
        with suppress(BridgeError):
            return self._profiles(name)
        return replace(asked, prices=None)  # One that no name leads to: what it costs is not known.

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
        line = {**self._line, **facts, "total_ms": self._elapsed_ms()}
        self._write(line, self._unknown)

    def _elapsed_ms(self) -> int:
        return round((self._clock.monotonic() - self._began) * 1000)


def facts_of(receipt: Receipt, *, stream: bool, items: int, tools: int) -> Line:
    """Return what a line says of who answered, and of the size of what was asked."""
    return {
        "lane": receipt.lane,
        "model": receipt.profile,
        "upstream_model": receipt.upstream_model,
        "stream": stream,
        "items": items,
        "tools": tools,
        "queue_ms": receipt.queue_ms,
        "ttfb_ms": receipt.ttfb_ms,
        "tries": receipt.tries,
        "receipt": _named(receipt.to_json()),
    }


def _facts(turn: Turn, receipt: Receipt) -> Line:
    request = turn.request
    return facts_of(
        receipt, stream=request.stream, items=len(request.items), tools=len(request.tools)
    )


def _named(receipt: Line) -> Line:
    """Return a receipt as a line may show it: what callers called something can be anything."""
    return {
        name: [_safe(each) for each in value] if isinstance(value, tuple) else value
        for name, value in receipt.items()
    }


def _safe(name: str) -> str:
    return name if NAME.fullmatch(name) else "[other]"


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
