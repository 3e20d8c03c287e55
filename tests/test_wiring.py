"""How a bridge comes to life: what it loads before its port is open, and what soon after."""

import subprocess
import sys
import threading
import unittest
from dataclasses import replace

from support import ROOT, scratch
from support.served import until

from codex_oss.settings import load_settings
from codex_oss.system import SystemClock
from codex_oss.wiring import wire_bridge, wire_workshop

OF_MISSIONS = ["log", "missions", "record", "runtime", "tools"]
STARTING = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from codex_oss.settings import load_settings
from codex_oss.wiring import wire_bridge, wire_workshop

def tell():
    print(*(room for room in {OF_MISSIONS} if f"codex_oss.{{room}}" in sys.modules))

project = Path(sys.argv[1])
home = {{"HOME": sys.argv[1], "CODEX_HOME": sys.argv[1], "PROXY_PORT": "0", "PROXY_API_KEY": "k"}}
bridge = wire_bridge(wire_workshop(load_settings(home, project)), print)
tell()
for opened in bridge.later:
    opened()
tell()
"""


class Impatient(SystemClock):
    def sleep(self, seconds: float) -> None:
        """Wait for nothing."""


class Starting(unittest.TestCase):
    def test_a_port_is_open_before_the_rooms_of_missions_are_loaded(self) -> None:
        with scratch() as project:
            command = [sys.executable, "-B", "-c", STARTING, str(project)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
        self.assertEqual(ran.stdout.split("\n"), ["", " ".join(OF_MISSIONS), ""])

    def test_they_are_loaded_without_a_mission_and_what_fails_is_not_lost(self) -> None:
        project = self.enterContext(scratch())
        home = {"HOME": str(project), "PROXY_PORT": "0", "PROXY_API_KEY": "k" * 32}
        workshop = wire_workshop(load_settings(home, project), clock=Impatient())
        asked: list[str] = []

        def broken() -> None:
            asked.append("opened")
            raise ImportError("half a room")

        bridge = replace(wire_bridge(workshop, lambda line: None), later=(broken,))
        raised: list[ImportError] = []

        def serve() -> None:
            try:
                bridge.serve()
            except ImportError as error:
                raised.append(error)

        serving = threading.Thread(target=serve)
        serving.start()
        until(lambda: asked)
        bridge.listener.drain(0)
        serving.join(10)
        self.assertEqual([str(error) for error in raised], ["half a room"])


if __name__ == "__main__":
    unittest.main()
