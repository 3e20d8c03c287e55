"""The log of a bridge: one bounded JSON line each, private, rotated, and never a failure."""

import json
import unittest
from datetime import UTC, datetime

from support import scratch

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
        self.log.write({"level": "info", "event": "turn", "text": "x" * LINE_BYTES_MAX})
        (line,) = self.lines()
        self.assertEqual((line["event"], "text" in line), ("turn", False))
        self.assertGreater(line["cut"], LINE_BYTES_MAX)

    def test_files_are_rotated_and_the_oldest_goes(self) -> None:
        for number in range(3 * (FILES_KEPT + 3)):
            self.log.write({"event": f"{number:02}", "filler": "x" * 40})
        names = sorted(path.name for path in self.path.parent.iterdir())
        rotated = [f"bridge.log.{number}" for number in range(1, FILES_KEPT + 1)]
        self.assertEqual([name for name in names if name != "bridge.log"], rotated)
        newest_first = [self.lines(f".{number}")[0]["event"] for number in range(1, FILES_KEPT + 1)]
        self.assertEqual(newest_first, sorted(newest_first, reverse=True))

    def test_a_log_that_cannot_be_written_fails_nothing(self) -> None:
        self.path.mkdir()
        self.log.write({"event": "lost"})


if __name__ == "__main__":
    unittest.main()
