"""Gather what an audit of a run looks at: its log, its files, its lines in the workspace.

A run's name enters, a `Subject` leaves. Nothing is written, and nothing is believed: the log is
read byte by byte, damage and all, and each shown line is looked for again.
"""

from collections.abc import Callable, Iterable

from codex_oss.audit import Folder, LogState, Subject
from codex_oss.contract import MissionV1
from codex_oss.deadline import Clock, Deadline
from codex_oss.layout import Layout
from codex_oss.log import found_files
from codex_oss.missions.archive import RunArchive
from codex_oss.missions.perform import look_again
from codex_oss.record import (
    CitationResult,
    Event,
    RunRecord,
    findings,
    fold,
    resolve,
)
from codex_oss.redaction import Redactor
from codex_oss.tools import Guard, ToolBroker

LOOKING_SECONDS_MAX = 120.0  # For all lines that a run was shown.


class Auditor:
    """Gathers for the runs of one project."""

    def __init__(
        self,
        layout: Layout,
        archive: RunArchive,
        guard_for: Callable[[MissionV1], Guard],
        redactor: Redactor,
        clock: Clock,
    ) -> None:
        self._layout = layout
        self._archive = archive
        self._guard_for = guard_for
        self._redactor = redactor
        self._clock = clock

    def subject(self, name: str) -> Subject:
        """Return all there is to judge about a run, or the newest run of a mission."""
        run_id = self._archive.find(name)
        verdict, head, events = self._archive.examined(run_id)
        state = LogState(
            verdict=verdict.verdict,
            rule=verdict.rule,
            line=verdict.line,
            offset=verdict.offset,
            blobs=verdict.blobs,
            purged_blobs=verdict.purged_blobs,
            head_count=head.count if head else -1,
            head_hash=head.head if head else "",
        )
        record = fold(events)
        guard = self._guard_for(record.contract) if record.mission else None
        return Subject(
            run_id=run_id,
            log=state,
            events=events,
            folder=self._folder(run_id, events),
            again=self._looked_again(record, guard) if guard else {},
            denies=guard.rules.verdict if guard else lambda path: "",
            secrets=lambda value: self._redactor.redact_value(value)[1],
        )

    def _folder(self, run_id: str, events: Iterable[Event]) -> Folder | None:
        mission_id = next((event.mission_id for event in events), "")
        if not mission_id or not self._archive.is_newest(run_id, mission_id):
            return None
        folder = self._layout.mission(mission_id)
        return Folder(str(folder.relative_to(self._layout.root)), *found_files(folder))

    def _looked_again(self, record: RunRecord, guard: Guard) -> dict[str, CitationResult]:
        broker, deadline = ToolBroker(guard), Deadline(self._clock, LOOKING_SECONDS_MAX)
        refs = [e.ref for c in record.evidence.commands for e in c.extracts]
        refs += [ref for finding in findings(record) for ref in finding.evidence_refs]
        citations = (resolve(record, ref) for ref in dict.fromkeys(refs))
        return {c.ref: look_again(record, broker, c, deadline) for c in citations if c}
