"""Time and chance that come from this machine."""

import unittest
from datetime import UTC, datetime, timedelta

import support  # noqa: F401

from codex_oss.system import SystemClock, new_id, random_bytes


class TimeAndChance(unittest.TestCase):
    def test_wall_time_carries_its_offset_and_monotonic_time_passes_asleep(self) -> None:
        clock = SystemClock()
        self.assertEqual(clock.now().utcoffset(), timedelta(0))
        self.assertLess(abs(clock.now() - datetime.now(UTC)), timedelta(seconds=5))
        before = clock.monotonic()
        clock.sleep(0.01)
        self.assertGreaterEqual(clock.monotonic() - before, 0.01)

    def test_ids_have_the_asked_length_and_do_not_repeat(self) -> None:
        ids = [new_id(digits) for digits in (1, 8, 9, 32)]
        for digits, got in zip((1, 8, 9, 32), ids, strict=True):
            self.assertRegex(got, f"^[0-9a-f]{{{digits}}}$")
        self.assertEqual(len({new_id(32) for _ in range(100)}), 100)
        self.assertEqual(len(random_bytes(33)), 33)


if __name__ == "__main__":
    unittest.main()
