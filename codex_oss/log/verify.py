"""Say what a log is worth: whole, torn, damaged, cut, rewritten or without an anchor.

The events of a log and the head kept outside it enter, a `LogVerdict` leaves. A chain alone cannot
show that its end was cut off or that it was written anew; the head can (event-log 5 and 6).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from codex_oss.log.heads import Head
from codex_oss.log.reading import LogReader
from codex_oss.record import Event, Json

Verdict = Literal[
    "ok", "torn_tail", "damaged", "truncated", "rewritten", "unanchored", "unreadable"
]
GOOD: tuple[Verdict, ...] = ("ok", "torn_tail")
READABLE: tuple[Verdict, ...] = (*GOOD, "unanchored")
"""What the events of a log may be shown on: without an anchor nobody vouches for their end."""


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """`log_verify.v1`: what a log is worth, and where it breaks if it does."""

    run_id: str
    verdict: Verdict
    events: int = 0
    bytes: int = 0
    head: str = ""
    sealed: bool = False
    line: int = 0
    offset: int = 0
    rule: str = ""
    torn_bytes: int = 0
    blobs: int = 0
    purged_blobs: int = 0
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
            "blobs": self.blobs,
            "purged_blobs": self.purged_blobs,
            "ms": self.ms,
        }

    def to_text(self) -> str:
        text = f"{self.run_id}: {self.verdict}, {self.events} events, {self.bytes} bytes"
        if self.rule:
            text += f"; line {self.line}, byte {self.offset}: {self.rule}"
        if self.torn_bytes:
            text += f"; {self.torn_bytes} bytes behind the last event were never acknowledged"
        return f"{text}\nhead {self.head or 'none'}{' (sealed)' if self.sealed else ''}"


def judge(
    run_id: str,
    reader: LogReader,
    head: Head | None,
    witness: str = "",
    each: Callable[[Event], object] = lambda event: None,
) -> LogVerdict:
    """Read a log to its end and say what it is worth, given its head file and, if any, the head
    that a report printed. `each` gets every good event. Without a `run_id` it may be any run's."""
    anchor = _Anchor(head, witness)
    last = anchor.follow(reader, each)
    verdict, rule = anchor.verdict(last)
    if reader.damage:
        verdict, rule = "damaged", reader.damage.rule
    elif last and run_id and last.run_id != run_id:
        verdict, rule = "damaged", "run_id_mismatch"
    elif reader.torn and verdict == "ok":
        verdict = "torn_tail"
    return LogVerdict(
        run_id=run_id or (last.run_id if last else ""),
        verdict=verdict,
        events=last.seq if last else 0,
        bytes=reader.size,
        head=last.event_hash if last else "",
        sealed=bool(head and head.sealed),
        line=reader.damage.line if reader.damage else 0,
        offset=reader.damage.offset if reader.damage else 0,
        rule=rule,
        torn_bytes=len(reader.torn),
        blobs=reader.blobs,
    )


class _Anchor:
    """What is known of a log from outside it, held against its events as they are read."""

    def __init__(self, head: Head | None, witness: str) -> None:
        self._head, self._witness = head, witness
        self._hash_at_head = ""
        self._witness_seen = False

    def follow(self, events: Iterable[Event], each: Callable[[Event], object]) -> Event | None:
        """Hand on every event and return the last one."""
        event, count = None, self._head.count if self._head else 0
        for event in events:
            if event.seq == count:
                self._hash_at_head = event.event_hash
            if event.event_hash == self._witness:
                self._witness_seen = True
            each(event)
        return event

    def verdict(self, last: Event | None) -> tuple[Verdict, str]:
        head = self._head
        if self._witness and not self._witness_seen:
            return "rewritten", "head_of_the_report_not_in_log"
        if head is None:
            return ("ok", "") if self._witness else ("unanchored", "head_file_missing_or_not_ours")
        if head.count > (last.seq if last else 0):
            return "truncated", f"head_counts_{head.count}"
        if head.count and self._hash_at_head != head.head:
            return "rewritten", f"head_differs_at_{head.count}"
        return "ok", ""
