"""What an audit looks at, gathered before it: the log, the files, the workspace at this moment.

A `Subject` is frozen and knows no more than what was found; what follows from that is computed
once, when the first check asks for it. A check yields what it has to say as (status, sentence);
the worst of that is its outcome, and a check that yields nothing has passed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Literal

from codex_oss.record import (
    CitationResult,
    Event,
    Json,
    MissionFinalized,
    RunRecord,
    Story,
    reduce,
    render,
    report,
    story,
)

Status = Literal["PASS", "WARN", "FAIL", "SKIP"]
Says = Iterator[tuple[Status, str]]
SENTENCES_MAX = 3  # Of one check: the first ones say where to look.
FOREIGN = ("CancelRequested", "OverrideRecorded", "CommentaryDelivered")
"""Events that another process may write between a decision and the event that shows it."""


@dataclass(frozen=True, slots=True)
class LogState:
    """What `log verify` says of the bytes, and the head file: how many events it counts, and the
    hash of the last of them. `head_count` is -1 where there is no head that we wrote."""

    verdict: str
    rule: str = ""
    line: int = 0
    offset: int = 0
    blobs: int = 0
    purged_blobs: int = 0
    head_count: int = -1
    head_hash: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a mission as they stand on the disk."""

    path: str
    mode: int
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    status: Status
    message: str

    @property
    def ok(self) -> bool:
        return self.status != "FAIL"

    def to_json(self) -> Json:
        return {"name": self.name, "ok": self.ok, "status": self.status, "message": self.message}


@dataclass(frozen=True)
class Subject:
    """A run under audit. `folder` is `None` where the mission's files are those of a newer run;
    `again` says what became of every cited and every shown line; `denies` is the guard's word on
    a path; `secrets` counts what a redactor still finds in a JSON value."""

    run_id: str
    log: LogState
    events: tuple[Event, ...]
    folder: Folder | None
    again: Mapping[str, CitationResult] = field(default_factory=dict)
    denies: Callable[[str], str] = lambda path: ""
    secrets: Callable[[Json], int] = lambda value: 0

    @cached_property
    def record(self) -> RunRecord:
        return self.records[-1]

    @cached_property
    def story(self) -> Story:
        return story(self.events)

    @property
    def told(self) -> RunRecord:
        """Return the record that the files tell: nothing after the end."""
        return self.story.record

    @cached_property
    def rendered(self) -> Mapping[str, str]:
        return render(self.events)

    @cached_property
    def report(self) -> Json:
        """Return the report as it must be."""
        return report(self.told)

    @cached_property
    def records(self) -> tuple[RunRecord, ...]:
        """Return what was known after so many events."""
        return tuple(accumulate(self.events, reduce, initial=RunRecord()))

    def before(self, seq: int) -> Iterator[RunRecord]:
        """Yield the record on which event `seq` may have been decided: the one just before it,
        and those before what other processes wrote meanwhile."""
        at = seq - 1
        yield self.records[at]
        while at and self.events[at - 1].event_type in FOREIGN:
            at -= 1
            yield self.records[at]

    @cached_property
    def end(self) -> tuple[Event, MissionFinalized] | None:
        """Return the event that ends the run, legal or not, with its fact."""
        for event in self.events:
            if isinstance(event.fact, MissionFinalized):
                return event, event.fact
        return None

    def file(self, name: str) -> bytes | None:
        return self.folder.files.get(name) if self.folder else None

    def parsed(self, name: str) -> Json:
        """Return a file of JSON; empty where it is none. What is wrong with it then is said by the
        check of the file itself."""
        try:
            found = json.loads(self.file(name) or b"")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def rows(self, name: str) -> list[Json]:
        """Return the lines of a file of JSON lines, the good ones up to the first bad one."""
        rows: list[Json] = []
        for line in (self.file(name) or b"").splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                break
            if isinstance(row, dict):
                rows.append(row)
        return rows


def differing(pairs: Mapping[str, tuple[object, object]]) -> Says:
    """Fail for each name whose two values are not one."""
    for name, (found, expected) in pairs.items():
        if found != expected:
            yield "FAIL", f"{name} is {_short(found)}, must be {_short(expected)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
