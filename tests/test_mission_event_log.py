"""The log on a real disk: chained, durable, cut, torn, flipped, full, and written by two."""

import json
import os
import signal
import stat
import subprocess
import sys
import unittest
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count, repeat
from pathlib import Path

from support import LONG, ROOT, chance, scratch
from support.facts import observed, requested, short_run
from support.faults import FailingDisk, QuickDisk

from codex_oss.errors import BrokenPromise, LogClosed, LogCorrupt, StorageUnsafe
from codex_oss.log import (
    HEAD_EVERY_EVENTS,
    LOG_BYTES_MAX,
    HeadStore,
    MissionEventLog,
    judge,
    parse_log,
)
from codex_oss.record import (
    CancelRequested,
    Event,
    Fact,
    HeadSealed,
    LogRecovered,
    RuntimeProgressEmitted,
    fold,
    sha256,
)
from codex_oss.system import Disk, SystemClock

RUN_ID = "run_20260102t000000z_00000000"


class Shelf:
    """A folder with one run's log and its head, opened as often as a test wants."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.run = folder / "runs" / RUN_ID
        self.path = self.run / "events.jsonl"
        self.disk = disk or QuickDisk()
        self.heads = HeadStore(folder / "heads", folder / "head.key", self.disk)
        self.clock = SystemClock()

    def log(self, disk: Disk | None = None) -> MissionEventLog:
        return MissionEventLog(
            self.run,
            "mission_1",
            heads=self.heads,
            clock=self.clock,
            redact=lambda payload: json.loads(json.dumps(payload).replace("s3cr3t", "[redacted]")),
            disk=disk or self.disk,
        )

    def written(self, facts: Iterable[Fact]) -> MissionEventLog:
        self.run.parent.mkdir(parents=True, mode=0o700)
        log = self.log()
        log.create({})
        for fact in facts:
            log.append(fact)
        return log

    def verdict(self) -> tuple[str, int, str]:
        judged = judge(RUN_ID, self.log().read(), self.heads.read(RUN_ID))
        return judged.verdict, judged.line, judged.rule


def no_blobs(digest: str, private: bool) -> str:
    return ""


def sealed(events: tuple[Event, ...]) -> HeadSealed:
    return HeadSealed(events[-1].seq, events[-1].event_hash, "final")


def forked(work: Callable[[], None]) -> int:
    """Have a process of its own do this, and return its id. It ends with 0 if nothing is raised."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


class AppendAndRead(unittest.TestCase):
    def test_every_fact_comes_back_as_it_was(self) -> None:
        with scratch() as folder:
            log = Shelf(folder).written(short_run())
            self.assertEqual(tuple(event.fact for event in log.events), short_run())
            again = Shelf(folder).log().read()
            self.assertEqual((tuple(again), again.torn, again.damage), (log.events, b"", None))

    def test_the_record_of_the_log_is_the_fold_of_what_is_on_disk(self) -> None:
        with scratch() as folder:
            log = Shelf(folder).written(short_run())
            self.assertEqual(log.record, fold(Shelf(folder).log().read()))

    def test_numbers_and_hashes_chain_without_a_gap(self) -> None:
        with scratch() as folder:
            events = Shelf(folder).written(short_run()).events
            self.assertEqual([e.seq for e in events], list(range(1, len(events) + 1)))
            self.assertEqual([e.prev_hash for e in events[1:]], [e.event_hash for e in events[:-1]])
            self.assertEqual(events[0].prev_hash, "")

    def test_a_long_text_is_a_blob_and_comes_back(self) -> None:
        text = "1: x\n" * 20_000
        with scratch() as folder:
            facts = (*short_run()[:6], observed("call_1_0", text))
            shelf = Shelf(folder)
            shelf.written(facts)
            self.assertEqual([e.fact for e in shelf.log().read()], list(facts))
            self.assertLess(shelf.path.stat().st_size, len(text))
            (blob,) = (shelf.run / "blobs").iterdir()
            blob.write_bytes(blob.read_bytes().replace(b"x", b"y", 1))
            self.assertEqual(shelf.verdict()[:2], ("damaged", len(facts)))

    def test_a_secret_is_redacted_before_the_hash(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written((*short_run()[:6], observed("call_1_0", "1: s3cr3t\n")))
            self.assertNotIn(b"s3cr3t", shelf.path.read_bytes())
            self.assertEqual(shelf.verdict()[0], "ok")
            self.assertIn("[redacted]", log.record.evidence.commands[0].text)

    def test_files_are_private(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run())
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
            loose = {str(p): oct(m) for p, m in modes.items() if m & 0o077}
            self.assertEqual({p: m for p, m in loose.items() if not p.endswith("/runs")}, {})

    def test_a_link_in_place_of_the_log_is_unsafe(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run()[:3])
            shelf.path.rename(folder / "elsewhere")
            shelf.path.symlink_to(folder / "elsewhere")
            with self.assertRaises(StorageUnsafe):
                shelf.log().open()

    def test_a_folder_or_pipe_in_place_of_the_log_is_unsafe(self) -> None:
        for put in (os.mkdir, os.mkfifo):
            with self.subTest(put.__name__), scratch() as folder:
                shelf = Shelf(folder)
                shelf.written(short_run()[:3])
                shelf.path.unlink()
                put(shelf.path)
                with self.assertRaisesRegex(StorageUnsafe, "not a regular file"):
                    tuple(shelf.log().read())

    def test_a_folder_that_others_can_write_is_unsafe(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run()[:3])
            for mode in (0o770, 0o702):
                shelf.run.chmod(mode)
                with self.assertRaisesRegex(StorageUnsafe, "writable for others"):
                    shelf.log().open()

    @unittest.skipUnless(os.geteuid() == 0, "needs root: only it gives files away")
    def test_a_log_of_somebody_else_is_not_read(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run()[:3])
            os.chown(shelf.path, 65_534, 65_534)
            with self.assertRaisesRegex(StorageUnsafe, "of user 65534"):
                shelf.log().open()

    def test_an_illegal_fact_is_a_broken_promise_and_nothing_is_written(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written(short_run()[:2])
            before = shelf.path.read_bytes()
            with self.assertRaisesRegex(BrokenPromise, "intent_already_open"):
                log.append(requested(2))
            self.assertEqual(shelf.path.read_bytes(), before)


class TwoWriters(unittest.TestCase):
    def test_append_returns_what_the_other_wrote_first(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            ours = shelf.written(short_run()[:3])
            theirs = shelf.log()
            theirs.open()
            cancel = CancelRequested("person", "cli")
            theirs.append(cancel)
            news = ours.append(short_run()[3])
            self.assertEqual([event.fact for event in news], [cancel, short_run()[3]])
            self.assertEqual(ours.record.loop.cancelled_by, "person")
            self.assertEqual([e.fact for e in theirs.poll()], [short_run()[3]])
            self.assertEqual(shelf.verdict()[0], "ok")

    def test_a_visitor_only_offers_and_after_the_end_it_is_too_late(self) -> None:
        admission, *_, end = short_run()
        with scratch() as folder:
            shelf = Shelf(folder)
            ours = shelf.written([admission])
            visitor = shelf.log()
            visitor.visit()
            with self.assertRaisesRegex(BrokenPromise, "not_the_owner"):
                visitor.append(requested(1))
            (offered,) = visitor.offer(CancelRequested("person", "cli"))
            self.assertEqual(ours.poll(), (offered,))
            ours.append(end)
            seen = visitor.offer(CancelRequested("person", "again"))
            self.assertEqual([event.fact for event in seen], [end])
            self.assertEqual(ours.poll(), ())

    def test_eight_processes_leave_one_chain(self) -> None:
        each = 1_000 if LONG else 50
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run()[:1])

            def append() -> None:
                log = Shelf(folder).log()
                log.open()
                for number in range(each):
                    log.append(CancelRequested("person", str(number)))

            running = [forked(append) for _ in range(8)]
            self.assertEqual([os.waitpid(pid, 0)[1] for pid in running], [0] * 8)
            self.assertEqual(len(list(shelf.log().read())), 1 + 8 * each)
            self.assertEqual(shelf.verdict()[0], "ok")


class Damage(unittest.TestCase):
    def test_a_cut_at_every_byte_keeps_all_that_was_acknowledged(self) -> None:
        """The head is as of that moment: every 16 events."""
        with scratch() as folder:
            shelf = Shelf(folder)
            events = shelf.written(short_run()).events
            whole, head = shelf.path.read_bytes(), shelf.heads.read(RUN_ID)
            assert head
            for length in range(0, len(whole), 7 if LONG else 499):
                shelf.path.write_bytes(whole[:length])
                lines = whole[:length].count(b"\n")
                count = lines // HEAD_EVERY_EVENTS * HEAD_EVERY_EVENTS
                last = events[count - 1].event_hash if count else ""
                shelf.heads.write(replace(head, count=count, head=last))
                again = shelf.log()
                again.open()
                self.assertEqual(again.events[:lines], events[:lines])
                torn = length - whole[:length].rfind(b"\n") - 1 if lines else 0
                self.assertEqual(again.record.delivery.recovered_bytes, torn)
                self.assertEqual(shelf.verdict()[0], "ok")

    def test_zeros_that_a_crash_left_behind_the_last_event_are_set_aside(self) -> None:
        facts = short_run()[:5]
        for tail in (bytes(512), bytes(100) + b"\n", b'{"authority":"run' + bytes(40) + b"\n"):
            with self.subTest(tail[:20]), scratch() as folder:
                shelf = Shelf(folder)
                shelf.written(facts)
                with shelf.path.open("ab") as file:
                    file.write(tail)
                self.assertEqual(shelf.verdict()[0], "torn_tail")
                log = shelf.log()
                log.open()
                recovered = LogRecovered(len(tail), sha256(tail), "events.jsonl.torn-6")
                self.assertEqual([e.fact for e in log.events], [*facts, recovered])
                self.assertEqual((shelf.run / recovered.kept_as).read_bytes(), tail)
                self.assertEqual(shelf.verdict()[0], "ok")

    def test_a_full_log_takes_nothing_more_and_stays_whole(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written(short_run()[:3])
            log._size += LOG_BYTES_MAX
            with self.assertRaisesRegex(LogClosed, "is full"):
                log.append(short_run()[3])
            self.assertEqual(shelf.verdict(), ("ok", 0, ""))

    def test_every_flipped_bit_is_found_in_its_line(self) -> None:
        """Line by line, after the true one before it: what stands further on is not read."""
        facts = short_run()
        waiting = RuntimeProgressEmitted("waiting", "Still waiting for the model.")
        padded = (*facts[:-1], *repeat(waiting, 49 - len(facts)), facts[-1])
        with scratch() as folder:
            log = Shelf(folder).written(padded)
            events = (*log.events, *log.append(sealed(log.events)))
            lines = Shelf(folder).path.read_bytes().splitlines(keepends=True)
        self.assertEqual(len(lines), 50)
        for place, (line, after) in enumerate(zip(lines, [*lines[1:], b""], strict=True)):
            for bit in range(place % 7, 8 * len(line), 1 if LONG else 211):
                flipped = bytearray(line)
                flipped[bit // 8] ^= 1 << bit % 8
                before = events[place - 1] if place else None
                reader = parse_log(bytes(flipped) + after, no_blobs, before)
                self.assertEqual(list(reader), [], (place, bit))
                if after or not reader.torn:
                    assert reader.damage, (place, bit)
                    self.assertEqual((reader.damage.line, bool(reader.damage.rule)),
                                     (place + 1, True))  # fmt: skip

    def test_a_flipped_bit_in_any_byte_is_found_with_its_line(self) -> None:
        random = chance("bits")
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written(short_run())
            log.append(sealed(log.events))
            raw = shelf.path.read_bytes()
            for position in range(0, len(raw), 1 if LONG else 61):
                flipped = bytearray(raw)
                flipped[position] ^= 1 << random.randrange(8)
                content = parse_log(bytes(flipped), shelf.log()._blobs.text)
                found = judge(RUN_ID, content, shelf.heads.read(RUN_ID))
                line = raw[:position].count(b"\n") + 1
                self.assertFalse(found.is_good, position)
                if found.verdict == "damaged":
                    self.assertEqual(found.line, line, position)
                else:  # The last line lost its end: the head has counted it.
                    self.assertEqual((found.verdict, line), ("truncated", len(log.events)))

    def test_what_an_editor_or_a_thief_would_do_is_named(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written(short_run())
            log.append(sealed(log.events))
            raw = shelf.path.read_bytes()
            lines = raw.splitlines(keepends=True)
            zeroed = raw[:600] + bytes(512) + raw[1112:]
            cases = {
                "a line deleted": (b"".join(lines[:3] + lines[4:]), "damaged"),
                "a line twice": (b"".join(lines[:3] + lines[2:]), "damaged"),
                "two lines swapped": (b"".join([lines[1], lines[0], *lines[2:]]), "damaged"),
                "CRLF": (raw.replace(b"\n", b"\r\n"), "damaged"),
                "a zeroed block": (zeroed, "damaged"),
                "another spelling": (raw.replace(b'"seq":3,', b'"seq": 3,', 1), "damaged"),
                "the end cut off": (b"".join(lines[:-2]), "truncated"),
                "empty": (b"", "truncated"),
            }
            for name, (data, expected) in cases.items():
                with self.subTest(name):
                    shelf.path.write_bytes(data)
                    self.assertEqual(shelf.verdict()[0], expected)
                    with self.assertRaises(LogCorrupt):
                        shelf.log().open()

    def test_a_rewritten_log_is_told_by_its_head_and_by_the_report(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            log = shelf.written(short_run())
            log.append(sealed(log.events))
            witness, head = log.record.loop.finalized_hash, shelf.heads.read(RUN_ID)
            with scratch() as elsewhere:
                forged = Shelf(elsewhere)
                forged.written(short_run()).append(sealed(log.events))
                shelf.path.write_bytes(forged.path.read_bytes())
            content = shelf.log().read()
            self.assertEqual(judge(RUN_ID, content, head).verdict, "rewritten")
            self.assertIsNone(content.damage)
            self.assertEqual(judge(RUN_ID, shelf.log().read(), None).verdict, "unanchored")
            found = judge(RUN_ID, shelf.log().read(), None, witness)
            self.assertEqual(found.verdict, "rewritten")

    def test_a_head_with_another_mac_is_no_anchor(self) -> None:
        with scratch() as folder:
            shelf = Shelf(folder)
            shelf.written(short_run())
            path = folder / "heads" / f"{RUN_ID}.json"
            count = len(short_run())
            path.write_text(path.read_text().replace(f'"count": {count}', '"count": 3'))
            self.assertEqual(shelf.verdict()[0], "unanchored")


class FailingDisks(unittest.TestCase):
    def test_the_nth_step_fails_until_one_run_gets_through(self) -> None:
        facts = short_run()
        stride = 1 if LONG else 5
        for kind in ("ENOSPC", "EIO", "short"):
            for fail_at in count(1, stride):
                with scratch() as folder:
                    disk = FailingDisk(fail_at, kind)
                    acknowledged = self._acknowledged(Shelf(folder, disk), facts)
                    if not disk.has_failed:
                        break
                    self._check(folder, acknowledged, facts)

    def _acknowledged(self, shelf: Shelf, facts: tuple[Fact, ...]) -> int:
        done = 0
        log = None
        try:
            log = shelf.written(())
            for fact in facts:
                log.append(fact)
                done += 1
        except (OSError, LogClosed):
            if log and log.events:  # After a failure nothing more is promised.
                with self.assertRaises(LogClosed):
                    log.append(facts[done])
        return done

    def _check(self, folder: Path, acknowledged: int, facts: tuple[Fact, ...]) -> None:
        shelf = Shelf(folder)
        if shelf.heads.read(RUN_ID) is None:
            self.assertEqual(acknowledged, 0)
            return
        log = shelf.log()
        log.open()
        kept = [e.fact for e in log.events if type(e.fact).__name__ != "LogRecovered"]
        self.assertEqual(kept, list(facts[: len(kept)]))
        self.assertGreaterEqual(len(kept), acknowledged)
        self.assertEqual(log.record.inconsistent, ())

    def test_a_disk_that_is_really_full(self) -> None:
        """`RLIMIT_FSIZE` lets the kernel refuse the bytes, in a child of its own."""
        with scratch() as folder:
            code = (
                f"import sys; sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT)!r}]\n"
                "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                "from pathlib import Path\n"
                "from test_mission_event_log import *\n"
                "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
                "done = 0\n"
                "try:\n"
                f"    log = Shelf(Path({str(folder)!r}), Disk()).written(())\n"
                "    for fact in short_run(): log.append(fact); done += 1\n"
                "except LogClosed as error: print(done, error.code)\n"
            )
            child = subprocess.run(
                [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True
            )
            done, said = child.stdout.split()
            self.assertEqual(said, "log_write_failed")
            shelf = Shelf(folder)
            log = shelf.log()
            log.open()
            self.assertEqual(
                [e.fact for e in log.events[: int(done)]], list(short_run()[: int(done)])
            )
            self.assertEqual(shelf.verdict()[0], "ok")


class KilledWriters(unittest.TestCase):
    def test_kill_9_at_random_moments_loses_nothing_acknowledged(self) -> None:
        random = chance("kill")
        for _ in range(200 if LONG else 10):
            with scratch() as folder:
                shelf = Shelf(folder)
                shelf.written(short_run()[:1])
                acknowledged = self._killed(folder, random.randrange(1, 60))
                log = shelf.log()
                log.open()
                reasons = [e.fact.reason for e in log.events if isinstance(e.fact, CancelRequested)]
                self.assertEqual(reasons, [str(n) for n in range(len(reasons))])
                self.assertGreater(len(reasons), acknowledged)
                self.assertEqual(shelf.verdict()[0], "ok")

    def _killed(self, folder: Path, after: int) -> int:
        """Kill a process after so many of its appends, and return the last that it told of."""
        ours, its = os.pipe()

        def append() -> None:
            log = Shelf(folder, Disk()).log()
            log.open()
            for number in count():
                log.append(CancelRequested("person", str(number)))
                os.write(its, b"%d\n" % number)

        pid = forked(append)
        os.close(its)
        with open(ours, "rb") as told:  # noqa: PTH123
            lines = [told.readline() for _ in range(after)]
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return int([*lines, *told][-1])


if __name__ == "__main__":
    unittest.main()
