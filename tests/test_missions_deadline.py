"""A provider that says nothing: a run ends in its time, and lets the connection go."""

import json
import threading
import time
import unittest
from pathlib import Path

from support import scratch
from support.missions import contract, write_tree
from support.silence import SilentProvider

from codex_oss.contract import parse_mission
from codex_oss.deadline import Deadline
from codex_oss.missions import MissionResult, Order
from codex_oss.settings import load_settings
from codex_oss.wiring import wire_workshop

SECONDS = 5  # The least that a contract may have: the last call ends 2 s before.
OVERTIME = 5  # In which a run must have ended, whatever hangs (missions 10.2).


class Silence(unittest.TestCase):
    def run_with(self, folder: Path, url: str, cancel_after: float = 0) -> MissionResult:
        profile = {"silent": {"base_url": url, "upstream_model": "m"}}
        environ = {"HOME": str(folder), "CODEX_HOME": str(folder / "codex-home")}
        environ["PROFILES_JSON"] = json.dumps(profile)
        shop = wire_workshop(load_settings(environ, write_tree(folder)))
        parsed = parse_mission(contract(time_budget_seconds=SECONDS))
        assert parsed.mission, parsed.faults
        silent = shop.registry.resolve("silent")
        deadline = Deadline(shop.clock)
        run = shop.desk.begin(
            Order(parsed.mission, silent, "mission-a3-silent", 3, "cli"), deadline
        )
        if cancel_after:
            threading.Timer(cancel_after, deadline.cancel, ("enough",)).start()
        tuple(run.events())
        return run.result()

    def test_a_run_ends_in_its_time_and_closes_its_connection(self) -> None:
        with scratch() as folder, SilentProvider() as provider:
            started = time.monotonic()
            result = self.run_with(folder, provider.base_url)
            self.assertLess(time.monotonic() - started, SECONDS + OVERTIME)
            self.assertEqual((result.status, result.status_reason), ("FAILED", "deadline_reached"))
            self.assert_left(provider)

    def test_a_cancelled_run_lets_go_at_once(self) -> None:
        with scratch() as folder, SilentProvider() as provider:
            started = time.monotonic()
            result = self.run_with(folder, provider.base_url, cancel_after=0.5)
            self.assertLess(time.monotonic() - started, 0.5 + 2)
            self.assertEqual(result.status_reason, "cancelled")
            self.assert_left(provider)

    def assert_left(self, provider: SilentProvider) -> None:
        give_up = time.monotonic() + 2
        while provider.left < provider.begun and time.monotonic() < give_up:
            time.sleep(0.02)
        self.assertGreater(provider.begun, 0)
        self.assertEqual(provider.left, provider.begun)


if __name__ == "__main__":
    unittest.main()
