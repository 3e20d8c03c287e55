"""What the first and the second signal do to a process, and that it has its handlers back."""

import signal
import subprocess
import sys
import unittest

from support import ROOT

CHILD = """
import os, signal, time
from codex_oss.system import on_interrupt
before = signal.getsignal(signal.SIGTERM)
try:
    with on_interrupt(lambda: os.write(1, b"asked\\n")):
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
except KeyboardInterrupt:
    print("left", signal.getsignal(signal.SIGTERM) == before, flush=True)
"""


class Interrupts(unittest.TestCase):
    def test_the_first_signal_asks_and_the_second_one_leaves(self) -> None:
        for first in (signal.SIGINT, signal.SIGTERM):
            with (
                self.subTest(first),
                subprocess.Popen(
                    [sys.executable, "-c", CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True
                ) as child,
            ):
                assert child.stdout
                self.assertEqual(child.stdout.readline(), "ready\n")
                child.send_signal(first)
                self.assertEqual(child.stdout.readline(), "asked\n")
                child.send_signal(signal.SIGTERM)
                self.assertEqual(child.stdout.readline(), "left True\n")
                self.assertEqual(child.wait(), 0)


if __name__ == "__main__":
    unittest.main()
