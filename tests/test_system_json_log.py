"""The log of a bridge: one bounded JSON line each, private, rotated, and never a failure."""

import json
import os
import subprocess
import sys
import unittest
from datetime import UTC, datetime

from support import ROOT, scratch

from codex_oss.errors import StorageUnsafe
from codex_oss.system import JsonLog, SystemClock
from codex_oss.system.json_log import FILES_KEPT, LINE_BYTES_MAX


class StoppedClock(SystemClock):
    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


class Logging(unittest.TestCase):
    def setUp(self) -> None:
        self.path = self.enterContext(scratch()) / "bridge.log"
        self.log = JsonLog(self.path, StoppedClock(), bytes_max=200)

    def lines(self, suffix: str = "") -> list[dict[str, object]]:
        text = self.path.with_name(self.path.name + suffix).read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def test_a_line_is_stamped_and_private(self) -> None:
        self.log.write({"level": "info", "event": "stärted", "path": self.path})
        said = {"level": "info", "event": "stärted", "path": str(self.path)}
        self.assertEqual(self.lines(), [{"ts": "2026-01-02T03:04:05.678+00:00"} | said])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_a_line_that_is_too_long_keeps_what_it_is_about(self) -> None:
        short = {"level": "info", "event": "turn", "request_id": "req_1", "total_ms": 7}
        self.log.write({**short, "receipt": ["x" * LINE_BYTES_MAX], "lane": "plain"})
        (line,) = self.lines()
        cut = line.pop("cut")
        self.assertEqual(line, {"ts": line["ts"], **short, "lane": "plain"})
        self.assertGreater(cut, LINE_BYTES_MAX)

    def test_a_line_of_many_fields_is_cut_to_the_size_of_a_line(self) -> None:
        self.log.write({"event": "odd"} | {f"field{n}": "é" * 100 for n in range(500)})
        (line,) = self.lines(".1")
        self.assertLessEqual(len(json.dumps(line, ensure_ascii=False).encode()), LINE_BYTES_MAX)
        self.assertEqual((line["event"], "cut" in line), ("odd", True))

    def test_what_is_below_the_level_is_left_out(self) -> None:
        for level, count in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
            path = self.path.with_name(level)
            log = JsonLog(path, StoppedClock(), level=level)
            for each in ("debug", "info", "warning", "error"):
                log.write({"level": each})
            self.assertEqual(len(path.read_text().splitlines()), count, level)

    def test_a_folder_that_is_missing_is_made_for_us_alone(self) -> None:
        path = self.path.parent / "a" / "b" / "x.log"
        JsonLog(path, StoppedClock()).write({"event": "there"})
        self.assertIn("there", path.read_text())
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)

    def test_a_path_where_no_log_can_be_is_refused_at_once(self) -> None:
        folder = self.path.parent
        (folder / "link").symlink_to(folder / "elsewhere")
        os.mkfifo(folder / "pipe")
        for path in (folder, folder / "link", folder / "pipe", self.path / "below-a-file"):
            with self.subTest(path.name), self.assertRaises(StorageUnsafe) as caught:
                JsonLog(path, StoppedClock())
            self.assertIn(str(path), str(caught.exception))

    def test_what_is_no_text_is_written_all_the_same(self) -> None:
        self.log.write({"event": "\ud800", "odd": {1, 2}})
        self.assertEqual(self.lines()[0]["event"], "\ud800")

    def test_files_are_rotated_and_the_oldest_goes(self) -> None:
        for number in range(3 * (FILES_KEPT + 3)):
            self.log.write({"event": f"{number:02}", "filler": "x" * 40})
        names = sorted(path.name for path in self.path.parent.iterdir())
        rotated = [f"bridge.log.{number}" for number in range(1, FILES_KEPT + 1)]
        self.assertEqual([name for name in names if name != "bridge.log"], rotated)
        newest_first = [self.lines(f".{number}")[0]["event"] for number in range(1, FILES_KEPT + 1)]
        self.assertEqual(newest_first, sorted(newest_first, reverse=True))

    def test_a_pipe_that_nobody_reads_and_one_that_is_closed_hold_nobody(self) -> None:
        program = (
            "from codex_oss.system import JsonLog, SystemClock\n"
            "log = JsonLog(None, SystemClock())\n"
            "for number in range(2000): log.write({'event': 'x' * 9000, 'number': number})\n"
        )
        for redirection in ("", " 2>&-"):
            command = f'exec "$0" -c "$1"{redirection}'
            argv = ["sh", "-c", command, sys.executable, program]
            with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE) as child:
                try:
                    self.assertEqual(child.wait(20), 0, redirection)
                finally:
                    child.kill()
                assert child.stderr
                first = child.stderr.readline()
            if not redirection:
                self.assertEqual(json.loads(first)["number"], 0)

    def test_a_log_that_cannot_be_written_fails_nothing(self) -> None:
        self.path.unlink()
        self.path.mkdir()
        self.log.write({"event": "lost"})


if __name__ == "__main__":
    unittest.main()
