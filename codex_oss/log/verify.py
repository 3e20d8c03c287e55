"""Read a log as a stranger would: whole, damaged, torn, cut, rewritten or without an anchor.

The bytes of a log and the head kept outside it enter, a `LogVerdict` leaves. Only a torn tail is
ever mended, and not here: this module writes nothing (event-log 6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from codex_oss.log.heads import Head
from codex_oss.record import Event, Json, LineFault, ReadBlob, decode

Verdict = Literal[
    "ok", "torn_tail", "damaged", "truncated", "rewritten", "unanchored", "unreadable"
]
GOOD: tuple[Verdict, ...] = ("ok", "torn_tail")


@dataclass(frozen=True, slots=True)
class Damage:
    """The first line that is not what was written."""

    line: int
    offset: int
    rule: str


@dataclass(frozen=True, slots=True)
class LogContent:
    """What stands in a log: its good events and what follows them, if anything does."""

    events: tuple[Event, ...]
    size: int
    torn: bytes = b""
    damage: Damage | None = None


def parse_log(raw: bytes, read_blob: ReadBlob, before: Event | None = None) -> LogContent:
    """Return the events of `raw`, which follows `before`, up to the first damage or torn tail."""
    events: list[Event] = []
    size = 0
    for line in _lines(raw):
        if not line.endswith(b"\n"):
            return LogContent(tuple(events), size, torn=line)
        try:
            before = decode(line, before, read_blob)
        except LineFault as fault:
            rest = raw[size:]
            if is_torn(rest):
                return LogContent(tuple(events), size, torn=rest)
            where = before.seq + 1 if before else 1
            return LogContent(tuple(events), size, damage=Damage(where, size, fault.rule))
        events.append(before)
        size += len(line)
    return LogContent(tuple(events), size)


def _lines(raw: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(raw):
        end = raw.find(b"\n", start) + 1 or len(raw)
        yield raw[start:end]
        start = end


def is_torn(rest: bytes) -> bool:
    """Whether bytes behind the last good event are one line that was never acknowledged: without
    its end, or with the zeros of sectors that a crash left unwritten."""
    ends = rest.count(b"\n")
    return ends == 0 or (ends == 1 and rest.endswith(b"\n") and b"\0" in rest)


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """`log_verify.v1`: what a log is worth, and where it breaks if it does."""

    run_id: str
    verdict: Verdict
    events: int
    bytes: int
    head: str
    sealed: bool
    line: int = 0
    offset: int = 0
    rule: str = ""
    torn_bytes: int = 0
    ms: int = 0

    @property
    def is_good(self) -> bool:
        return self.verdict in GOOD

    def to_json(self) -> Json:
        return {
            "schema_version": "log_verify.v1",
            "run_id": self.run_id,
            "verdict": self.verdict,
            "events": self.events,
            "bytes": self.bytes,
            "head": self.head,
            "sealed": self.sealed,
            "line": self.line,
            "offset": self.offset,
            "rule": self.rule,
            "torn_bytes": self.torn_bytes,
            "ms": self.ms,
        }

    def to_text(self) -> str:
        text = f"{self.run_id}: {self.verdict}, {self.events} events, {self.bytes} bytes"
        if self.rule:
            text += f"; line {self.line}, byte {self.offset}: {self.rule}"
        if self.torn_bytes:
            text += f"; {self.torn_bytes} bytes behind the last event were never acknowledged"
        return f"{text}\nhead {self.head or 'none'}{' (sealed)' if self.sealed else ''}"


def judge(run_id: str, content: LogContent, head: Head | None, witness: str = "") -> LogVerdict:
    """Say what this log is worth, given its head file and, if any, the head a report printed."""
    events, damage = content.events, content.damage
    verdict, rule = _against_head(events, head, witness)
    if damage:
        verdict, rule = "damaged", damage.rule
    elif content.torn and verdict == "ok":
        verdict = "torn_tail"
    return LogVerdict(
        run_id=run_id,
        verdict=verdict,
        events=len(events),
        bytes=content.size,
        head=events[-1].event_hash if events else "",
        sealed=bool(head and head.sealed),
        line=damage.line if damage else 0,
        offset=damage.offset if damage else 0,
        rule=rule,
        torn_bytes=len(content.torn),
    )


def _against_head(
    events: tuple[Event, ...], head: Head | None, witness: str
) -> tuple[Verdict, str]:
    hashes = {event.event_hash for event in events}
    if witness and witness not in hashes:
        return "rewritten", "head_of_the_report_not_in_log"
    if head is None:
        return ("ok", "") if witness else ("unanchored", "head_file_missing_or_not_ours")
    if len(events) < head.count:
        return "truncated", f"head_counts_{head.count}"
    if head.count and events[head.count - 1].event_hash != head.head:
        return "rewritten", f"head_differs_at_{head.count}"
    return "ok", ""
