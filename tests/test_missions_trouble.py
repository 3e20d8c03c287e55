"""What a run meets outside itself: strange trees, changing files, bad disks, other processes."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from support import ROOT, scratch
from support.missions import (
    ScriptedModel,
    begin,
    calls,
    desk_of,
    order,
    report,
    run_mission,
    workshop,
    write_tree,
)

from codex_oss.chat import Burst, ChatRequest
from codex_oss.contract import PathRules
from codex_oss.deadline import Deadline
from codex_oss.errors import BridgeError, Busy, Refused
from codex_oss.log import check_projections
from codex_oss.missions import Run
from codex_oss.record import (
    RENDERER_VERSION,
    CancelRequested,
    MissionFinalized,
    ProjectionWritten,
    RunResumed,
    ToolObserved,
    story,
)
from codex_oss.system import Disk
from codex_oss.tools import Guard, Resolved

READ = calls(("rtk_read", {"path": "src/config.py"}))
CLAIM = "`load` is defined in src/config.py at line 4"
REF = "file:src/config.py#extract:1@L4-L5"
GOOD = report((CLAIM, [REF]))


class StrangeTrees(unittest.TestCase):
    def cited(self, name: str, content: bytes, claim: str, ref: str = "") -> tuple[str, object]:
        """Read a file of this name and content, cite its first line, and return what came of it."""
        with scratch() as folder:
            write_tree(folder)
            (folder / "src" / name).write_bytes(content)
            path = f"src/{name}"
            quoted = path.replace("%", "%25").replace("#", "%23").replace(" ", "%20")
            ref = ref or f"file:{quoted}#extract:1@L1"
            model = ScriptedModel(calls(("rtk_read", {"path": path})), report((claim, [ref])))
            result, _ = run_mission(folder, model)
            assert isinstance(result.report["findings"], list)
            evidence = [e for f in result.report["findings"] for e in f["evidence"]]
            return result.status, evidence[0]["sha256"] if evidence else None

    def test_any_name_and_content_that_can_be_shown_can_be_cited(self) -> None:
        crlf = b"load = 1\r\nmore = 2\r\n"
        cases = {
            "a name with blanks": ("b l a n k.py", b"load = 1\n"),
            "a name with marks of references": ("a#b%20@L1.py", b"load = 1\n"),
            "a name of another script": ("файл.py", b"load = 1\n"),
            "CRLF": ("crlf.py", crlf),
            "a BOM": ("bom.py", b"\xef\xbb\xbfload = 1\n"),
            "no line end": ("end.py", b"load = 1"),
            "a gigantic line": ("long.py", b"load = '" + b"x" * 300_000 + b"'\nmore = 2\n"),
            "not UTF-8": ("latin.py", b"load = '\xe4\xf6'\n"),
            "control characters": ("control.py", b"load = '\x1b[2J\x9b'\n"),
        }
        for what, (name, content) in cases.items():
            with self.subTest(what):
                status, digest = self.cited(name, content, "`load` is set here")
                first = content.splitlines(keepends=True)[0]
                self.assertEqual((status, digest), ("COMPLETE", sha256(first)))

    def test_what_cannot_be_shown_proves_nothing(self) -> None:
        key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
        cases = {
            "binary": ("data.bin", b"load\0\1\2"),
            "a secret in the name": (f"{key}.py", b"load = 1\n"),
            "an empty file": ("empty.py", b""),
        }
        for what, (name, content) in cases.items():
            with self.subTest(what):
                status, digest = self.cited(name, content, "`load` is set here")
                self.assertEqual((status, digest), ("ESCALATE", None))

    def test_names_that_no_reference_can_spell_end_no_run(self) -> None:
        with scratch() as folder:
            write_tree(folder)
            src = os.fsencode(folder / "src")
            for name in (b"new\nline.py", b"\xff\xfe.py", b"tab\t.py", b'quote".py', b"-rf"):
                with open(os.path.join(src, name), "wb") as file:  # noqa: PTH118, PTH123
                    file.write(b"load = 1\n")
            looks = [calls(("rtk_ls", {"path": "src"}), ("rtk_grep", {"pattern": "load"}))]
            result, events = run_mission(folder, ScriptedModel(*looks, READ, GOOD))
            self.assertEqual(result.status, "COMPLETE")
            shown = [e.fact.text for e in events if isinstance(e.fact, ToolObserved)]
            self.assertIn("src/-rf:1: load = 1", shown[1])
            json.dumps(result.to_json()).encode()

    def test_a_thousand_matches_of_escapes_fit_into_a_line_of_the_log(self) -> None:
        with scratch() as folder:
            write_tree(folder)
            line = '\\"' * 80 + "load\n"
            (folder / "src/quotes.txt").write_text(line * 600)
            look = calls(("rtk_grep", {"pattern": "load", "max_results": 500}))
            ref = "command:0#match:480"
            result, events = run_mission(
                folder, ScriptedModel(look, report(("`load` is here", [ref])))
            )
            self.assertEqual(result.status, "COMPLETE")
            (found,) = [e for e in events if isinstance(e.fact, ToolObserved)]
            self.assertGreater(found.blob_bytes, 300_000)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class ChangingFiles(unittest.TestCase):
    def check(self, change: Callable[[Path], object], *expected: str) -> dict[str, object]:
        """Change the cited file after it was read, and expect status and verification."""
        with scratch() as folder:
            target = write_tree(folder) / "src/config.py"

            def reporting(_request: ChatRequest) -> object:
                change(target)
                return GOOD

            result, _ = run_mission(folder, ScriptedModel(READ, reporting))  # type: ignore[arg-type]
            (finding,) = result.report["findings"]  # type: ignore[misc]
            (evidence,) = finding["evidence"]
            found = result.status, finding["status"], evidence["verification"]
            self.assertEqual(found, expected)
            return {**evidence, "caveats": result.report["caveats"]}

    def test_lines_inserted_above_are_found_where_they_went(self) -> None:
        def insert(path: Path) -> None:
            path.write_text("# one\n# two\n" + path.read_text())

        moved = self.check(insert, "COMPLETE", "supported", "moved")
        self.assertEqual((moved["start_line"], moved["end_line"]), (6, 7))

    def test_edited_lines_are_stale(self) -> None:
        def edit(path: Path) -> None:
            path.write_text(path.read_text().replace("return {}", "return []"))

        stale = self.check(edit, "PARTIAL", "weak", "stale")
        self.assertIn(f"Cited lines are no longer what was read: {REF}.", str(stale["caveats"]))

    def test_lines_that_stand_twice_are_stale(self) -> None:
        def double(path: Path) -> None:
            path.write_text("x\n" + path.read_text() * 2)

        self.check(double, "PARTIAL", "weak", "stale")

    def test_a_file_that_is_gone_is_missing(self) -> None:
        self.check(Path.unlink, "PARTIAL", "weak", "missing")

    def test_a_file_read_again_after_a_change_is_no_duplicate(self) -> None:
        with scratch() as folder:
            target = write_tree(folder) / "src/config.py"

            def reading(_request: ChatRequest) -> object:
                target.write_text("TIMEOUT = 31\n")
                return READ

            model = ScriptedModel(READ, reading, report(("TIMEOUT is 31", ["command:1"])))  # type: ignore[arg-type]
            result, events = run_mission(folder, model)
            seen = [e.fact for e in events if isinstance(e.fact, ToolObserved)]
            self.assertEqual([fact.cached for fact in seen], [False, False])
            self.assertEqual(seen[1].risk_flags, ("file_changed",))
            self.assertEqual(result.status, "COMPLETE")


class BadDisks(unittest.TestCase):
    def test_files_that_cannot_be_written_leave_the_report_as_it_is(self) -> None:
        class NoFiles(Disk):
            def replace(self, src: str | Path, dst: str | Path) -> None:
                if "missions" in Path(dst).parts:
                    raise OSError(28, "No space left on device")
                super().replace(src, dst)

        with scratch() as folder:
            shop = workshop(write_tree(folder), None)
            desk = desk_of(shop, ScriptedModel(READ, GOOD), disk=NoFiles())
            run = desk.begin(order(shop), Deadline(shop.clock))
            tuple(run.events())
            result = run.result()
            self.assertEqual(result.status, "COMPLETE")
            self.assertIn("files could not be written (No space left on device)", result.message)
            self.assertIn(f"codex-oss log rebuild {run.run_id}", result.message)
            self.assertEqual(desk.archive.verify(run.run_id).verdict, "ok")
            shop.desk.archive.rebuild(run.run_id)
            self.assertEqual({s.state for s in shop.desk.archive.check(run.run_id)}, {"same"})

    def test_a_folder_that_may_only_be_read_is_read_and_refuses_a_mission(self) -> None:
        """In a process without root's rights, for whom a mode means something."""
        program = (
            "import os, sys; sys.path[:0] = {path!r}\n"
            "from test_missions_trouble import *\n"
            "model = ScriptedModel(READ, GOOD)\n"
            "root = Path({project!r})\n"
            "shop = workshop(root, model); archive = shop.desk.archive\n"
            "tuple(begin(shop).events())\n"
            "for path in (root, *root.rglob('*')): os.chown(path, 65534, 65534)\n"
            "(root / '.codex-oss/runs').chmod(0o500)\n"
            "os.setgid(65534); os.setuid(65534)\n"
            "states = {{state.state for state in archive.check('find_load')}}\n"
            "rows = [row['state'] for row in archive.list()]\n"
            "print(archive.verify('find_load').verdict, states, rows)\n"
            "try: shop.desk.begin(order(shop), Deadline(shop.clock))\n"
            "except BridgeError as error: print(error.code, len(model.requests), error.message)\n"
        )
        with scratch() as folder:
            write_tree(folder)
            path = [str(ROOT / "tests"), str(ROOT)]
            code = program.format(path=path, project=str(folder))
            argv = [sys.executable, "-B", "-c", code]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            said = done.stdout.splitlines()
            self.assertEqual(said[:1], ["ok {'same'} ['final']"], done.stderr)
            self.assertTrue(said[1].startswith("storage_unavailable 2"), said)

    def test_a_log_that_vanishes_ends_the_run_with_one_clear_error(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            events = run.events()
            next(events)
            shop.layout.events(run.run_id).unlink()
            with self.assertRaises(BridgeError) as caught:
                tuple(events)
            self.assertEqual(caught.exception.code, "log_write_failed")


class OtherProcesses(unittest.TestCase):
    def test_a_cancel_from_another_process_ends_the_run_within_two_seconds(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), Silent())
            run = begin(shop)
            events = iter(run.events())
            while next(events).event_type != "ModelRequested":
                continue
            code = (
                f"import sys; sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT)!r}]\n"
                "from pathlib import Path\n"
                "from support.missions import workshop\n"
                "from codex_oss.record import CancelRequested\n"
                f"shop = workshop(Path({str(folder)!r}), None)\n"
                f"log = shop.desk._shelf.log({run.run_id!r}, 'find_load'); log.open()\n"
                "log.append(CancelRequested('person', 'enough'))\n"
            )
            other = subprocess.Popen([sys.executable, "-B", "-c", code])
            seen = []
            for event in events:
                seen.append((type(event.fact), time.monotonic()))
            self.assertEqual(other.wait(), 0)
            times = dict(seen)
            self.assertLess(times[MissionFinalized] - times[CancelRequested], 2)
            self.assertEqual(run.result().status_reason, "cancelled")

    def test_of_two_that_resume_at_once_one_does(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            interrupted(run)
            outcomes: list[object] = []

            def resume() -> None:
                try:
                    again = shop.desk.resume(run.run_id, Deadline(shop.clock))
                    tuple(again.events())
                    outcomes.append(again.result().status)
                except Refused as error:
                    outcomes.append(error.code)

            both = [threading.Thread(target=resume) for _ in range(2)]
            for thread in both:
                thread.start()
            for thread in both:
                thread.join()
            self.assertIn("COMPLETE", outcomes)
            self.assertIn(
                outcomes[1 - outcomes.index("COMPLETE")], ("run_is_active", "already_final")
            )
            events = shop.desk.archive.load(run.run_id).events
            kinds = [type(event.fact) for event in events]
            self.assertEqual((kinds.count(MissionFinalized), kinds.count(RunResumed)), (1, 1))

    def test_a_run_that_nobody_pulls_gives_its_place_back(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            events = run.events()
            archive = shop.desk.archive
            self.assertEqual(archive.live_runs(archive.heads()), 1)
            del events, run
            self.assertEqual(archive.live_runs(archive.heads()), 0)

    def test_the_fifth_run_at_once_is_told_to_try_again(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), Silent())
            runs = [begin(shop, mission_id=f"m{number}") for number in range(4)]
            with self.assertRaises(Busy) as caught:
                begin(shop, mission_id="m5")
            self.assertIn("try again in 30s", caught.exception.message)
            self.assertEqual(len(list(shop.desk.archive.heads())), len(runs))

    def test_an_older_run_does_not_write_over_the_files_of_a_newer_one(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            old = begin(shop)
            interrupted(old)
            new = begin(shop)
            tuple(new.events())
            late = desk_of(shop, ScriptedModel(READ, GOOD))
            again = late.resume(old.run_id, Deadline(shop.clock))
            tuple(again.events())
            self.assertEqual(again.result().status, "COMPLETE")
            archive = shop.desk.archive
            self.assertEqual(archive.find("find_load"), new.run_id)
            folder = shop.layout.mission("find_load")
            states = check_projections(folder, archive.load(new.run_id).events)
            self.assertEqual({state.state for state in states}, {"same"})
            with self.assertRaises(Refused):
                archive.rebuild(old.run_id)
            aside = shop.project / "aside"
            self.assertEqual({s.state for s in archive.rebuild(old.run_id, aside)}, {"missing"})
            self.assertEqual({s.state for s in archive.check(old.run_id, aside)}, {"same"})
            self.assertIn(old.run_id, (aside / "report.json").read_text())

    def test_what_another_renderer_wrote_or_did_not_write_is_no_drift(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            events = tuple(run.events())
            files = shop.layout.mission(run.mission_id)
            (files / "ledger.json").write_text("{}")
            (files / "summary.md").unlink()
            cases = {RENDERER_VERSION: ["drifted", "missing"], "0": ["renderer_changed"]}
            for version, expected in cases.items():
                facts = (
                    replace(e.fact, renderer_version=version)
                    for e in events
                    if isinstance(e.fact, ProjectionWritten)
                )
                told = [replace(events[0], fact=fact) for fact in facts]
                states = check_projections(files, (*story(events).events, *told))
                self.assertEqual(sorted({s.state for s in states} - {"same"}), expected)


class UnreadableRuns(unittest.TestCase):
    def test_a_contract_that_no_longer_parses_is_said_and_never_run(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), None)
            model = ScriptedModel(READ, GOOD)
            wanted = order(shop)
            wanted.mission.document["of_tomorrow"] = True
            run = desk_of(shop, model).begin(wanted, Deadline(shop.clock))
            self.assertEqual(run._log.record.status, "UNREADABLE")
            with self.assertRaises(Refused) as caught:
                shop.desk.resume(run.run_id, Deadline(shop.clock))
            self.assertEqual((caught.exception.code, model.requests), ("contract_unreadable", []))
            self.assertEqual(shop.desk.archive.load(run.run_id).state, "unreadable")


class EndsInTime(unittest.TestCase):
    """A terminal answer exists 5 s after the time of a mission, whatever hangs."""

    def check(self, hangs_at: int) -> None:
        class Hanging(Guard):
            def open(self, file: Resolved) -> object:  # type: ignore[override]
                opened.append(file.path)
                if len(opened) == hangs_at:
                    over.wait(60)
                return super().open(file)

        opened: list[str] = []
        over = threading.Event()
        with scratch() as folder:
            shop = workshop(write_tree(folder), None)
            desk = desk_of(
                shop,
                ScriptedModel(READ, GOOD),
                guard_for=lambda mission: Hanging(folder, PathRules(mission.scope), shop.redactor),
            )
            began = time.monotonic()
            run = desk.begin(order(shop, time_budget_seconds=5), Deadline(shop.clock))
            tuple(run.events())
            took = time.monotonic() - began
            over.set()
            self.assertEqual(len(opened) >= hangs_at, True)
            self.assertNotEqual(run.result().status, "COMPLETE")
            self.assertLess(took, 10)

    def test_a_tool_that_hangs(self) -> None:
        self.check(hangs_at=1)

    def test_a_second_look_that_hangs(self) -> None:
        self.check(hangs_at=2)


class Silent(ScriptedModel):
    """Answers nothing until it is called off."""

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        self.requests.append(request)
        called_off = threading.Event()
        with deadline.on_cancel(called_off.set):
            called_off.wait(deadline.seconds_left())
        deadline.raise_if_cancelled()
        yield ()


def interrupted(run: Run) -> None:
    """Leave a run in its first call, as a killed process would."""
    steps = run._steps()
    while next(steps).event_type != "ModelRequested":
        continue
    run._lock.release()


if __name__ == "__main__":
    unittest.main()
