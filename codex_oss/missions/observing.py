"""Put what a consumer is said to have shown into the log of a run that has ended.

A transcript enters; its facts are appended, the head is sealed anew, and the files that tell of it
are written again. Report and graphs stay as they were delivered.
"""

from contextlib import ExitStack

from codex_oss.errors import Refused
from codex_oss.layout import Layout
from codex_oss.log import MissionEventLog, write_projections
from codex_oss.missions.archive import RunArchive
from codex_oss.missions.shelf import RunShelf
from codex_oss.record import (
    ClaimGateEvaluated,
    Event,
    HeadSealed,
    Json,
    desktop_gold,
    observed_in,
    sha256,
)
from codex_oss.system import DISK, Disk


class Observer:
    """Keeps observations for the runs of one project."""

    def __init__(
        self, layout: Layout, archive: RunArchive, shelf: RunShelf, disk: Disk = DISK
    ) -> None:
        self._layout, self._archive, self._shelf, self._disk = layout, archive, shelf, disk

    def take_in(self, name: str, transcript: Json, data: bytes) -> tuple[Event, ...]:
        """Import a file, and return the events that it became, the last one what may be claimed."""
        run = self._archive.load(name)
        if run.record.loop.finalized is None:
            hint = f"wait for its end: codex-oss show-summary {run.run_id} --follow"
            raise Refused(f"{run.run_id} has not ended", code="not_final", hint=hint)
        with ExitStack() as held:
            self._shelf.locked(run.run_id, held)
            log = self._shelf.log(run.run_id, run.mission_id)
            log.open()
            news = [
                event
                for fact in observed_in(transcript, sha256(data), run.events)
                for event in log.append(fact)
            ]
            news += log.append(desktop_gold(transcript, run.mission_id, news))
            log.append(HeadSealed(news[-1].seq, news[-1].event_hash, "observation"))
            self._write_files(log)
        return tuple(news)

    def _write_files(self, log: MissionEventLog) -> None:
        if self._archive.is_newest(log.run_id, log.mission_id):
            folder = self._layout.mission(log.mission_id)
            for fact in write_projections(folder, log.events, self._disk):
                log.append(fact)


def gate_of(events: tuple[Event, ...]) -> ClaimGateEvaluated:
    """Return what may be claimed after an import."""
    fact = events[-1].fact
    assert isinstance(fact, ClaimGateEvaluated), "an import ends with its gate"
    return fact
