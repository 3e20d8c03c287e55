"""Nothing is acted on before it is durable: writes, syncs, requests, tools, sentences in order."""

import json
import unittest
from collections.abc import Iterator
from pathlib import Path

from support import scratch
from support.faults import FailingDisk
from support.missions import (
    Reply,
    ScriptedModel,
    calls,
    desk_of,
    order,
    report,
    workshop,
    write_tree,
)

from codex_oss.chat import Burst, ChatRequest
from codex_oss.contract import MissionV1, PathRules
from codex_oss.deadline import Deadline
from codex_oss.errors import LogClosed
from codex_oss.missions import Run
from codex_oss.record import commentary_for
from codex_oss.system import Disk
from codex_oss.tools import Guard, Resolved

READ = calls(("rtk_read", {"path": "src/config.py"}))
GREP = calls(("rtk_grep", {"pattern": "load"}))
GOOD = report(("`load` is defined in src/config.py", ["file:src/config.py#extract:1@L4-L5"]))


class Diary:
    """What happened, in order: (what, name)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def note(self, what: str, name: str = "") -> None:
        self.entries.append((what, name))

    def before(self, index: int) -> list[tuple[str, str]]:
        return self.entries[:index]


class DiaryDisk(Disk):
    """A real disk that notes each line of a log that it writes and syncs."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary
        self.unsynced: dict[int, str] = {}

    def write(self, fd: int, data: bytes | memoryview) -> int:
        written = super().write(fd, data)
        if bytes(data[:13]) == b'{"authority":':
            self.unsynced[fd] = json.loads(bytes(data))["event_type"]
            self.diary.note("write", self.unsynced[fd])
        return written

    def sync(self, fd: int) -> None:
        super().sync(fd)
        if fd in self.unsynced:
            self.diary.note("sync", self.unsynced.pop(fd))


class DiaryModel(ScriptedModel):
    diary: Diary

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.diary.note("ask")
        yield from super().stream(request, deadline)


class DiaryGuard(Guard):
    diary: Diary

    def open(self, file: Resolved) -> object:  # type: ignore[override]
        self.diary.note("open", file.path)
        return super().open(file)


def begun(folder: Path, diary: Diary, disk: Disk, *replies: Reply) -> Run:
    """Return a run whose disk, model and guard keep a diary."""
    model = DiaryModel(*replies)
    model.diary = diary
    shop = workshop(write_tree(folder), model)

    def guard_for(mission: MissionV1) -> Guard:
        guard = DiaryGuard(folder, PathRules(mission.scope), shop.redactor)
        guard.diary = diary
        return guard

    desk = desk_of(shop, model, disk=disk, guard_for=guard_for)
    return desk.begin(order(shop), Deadline(shop.clock))


class ActsAfterDisk(unittest.TestCase):
    def test_every_act_follows_the_sync_of_its_announcement(self) -> None:
        diary = Diary()
        with scratch() as folder:
            for event in begun(folder, diary, DiaryDisk(diary), GREP, READ, GOOD).events():
                diary.note("seen", event.event_type)
        acts = {"ask": "ModelRequested", "open": "ToolCallEmitted"}
        found = dict.fromkeys(acts, 0)
        for index, (what, _) in enumerate(diary.entries):
            if what in acts:
                synced = [name for kind, name in diary.before(index) if kind == "sync"]
                allowed = (acts[what], "ReportDrafted", "PhaseChanged")
                self.assertIn(synced[-1], allowed if what == "open" else allowed[:1])
                written = [name for kind, name in diary.before(index) if kind == "write"]
                self.assertEqual(written, synced)
                found[what] += 1
        self.assertEqual(found["ask"], 3)
        self.assertGreaterEqual(found["open"], 2)

    def test_an_event_is_seen_only_after_its_own_sync(self) -> None:
        diary = Diary()
        with scratch() as folder:
            for event in begun(folder, diary, DiaryDisk(diary), READ, GOOD).events():
                diary.note("seen", event.event_type)
                if commentary_for(event):
                    diary.note("told", event.event_type)
        synced: list[str] = []
        seen: list[str] = []
        for what, name in diary.entries:
            if what == "sync":
                synced.append(name)
            if what == "seen":
                seen.append(name)
                self.assertEqual(seen, synced[: len(seen)])
        self.assertEqual(seen, synced)


class FullDisks(unittest.TestCase):
    def test_the_nth_step_fails_and_no_success_is_ever_told(self) -> None:
        fail_at, stride = 1, 7
        while True:
            with scratch() as folder:
                diary, disk = Diary(), FailingDisk(fail_at)
                told: list[str] = []
                try:
                    run = begun(folder, diary, disk, READ, GOOD)
                    told.extend(event.event_type for event in run.events())
                except (OSError, LogClosed):
                    self._check_what_is_left(folder, told)
                if not disk.has_failed:
                    self.assertIn("MissionFinalized", told)
                    return
            fail_at += stride

    def _check_what_is_left(self, folder: Path, told: list[str]) -> None:
        shop = workshop(folder, ScriptedModel(READ, GOOD))
        for head in shop.desk.archive.heads():
            verdict = shop.desk.archive.verify(head.run_id)
            self.assertIn(verdict.verdict, ("ok", "torn_tail"))
            kept = [e.event_type for e in shop.desk.archive.load(head.run_id).events]
            self.assertEqual(kept[: len(told)], told)
            if kept and kept[0] == "MissionAdmitted" and "HeadSealed" not in kept:
                events = shop.desk.resume(head.run_id, Deadline(shop.clock)).events()
                self.assertIn("HeadSealed", [event.event_type for event in events])


if __name__ == "__main__":
    unittest.main()
