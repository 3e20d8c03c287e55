"""The limit of open files, raised in processes of their own."""

import resource
import subprocess
import sys
import unittest

from support import ROOT

PROGRAM = """
import resource, sys
from codex_oss.system import allow_descriptors
print(allow_descriptors(int(sys.argv[1])), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def allowed(wanted: int, soft: int, hard: int) -> tuple[int, int, int]:
    """Return what is allowed, and both limits afterwards."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM, str(wanted)],
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=True,
    )
    answer, after_soft, after_hard = map(int, done.stdout.split())
    return answer, after_soft, after_hard


class Descriptors(unittest.TestCase):
    def test_the_limit_is_raised_to_what_is_wanted_and_the_system_lets_us(self) -> None:
        for wanted, soft, hard, expected in (
            (200, 100, 500, (200, 200, 500)),
            (500, 100, 500, (500, 500, 500)),
            (501, 100, 500, (500, 500, 500)),
            (200, 300, 500, (200, 300, 500)),
            (300, 300, 500, (300, 300, 500)),
            (900, 300, 300, (300, 300, 300)),
        ):
            with self.subTest(wanted=wanted, soft=soft, hard=hard):
                self.assertEqual(allowed(wanted, soft, hard), expected)


if __name__ == "__main__":
    unittest.main()
