"""A real `python3 bridge.py` under attack, for all tests of a class.

The provider is real too, so that a request that slipped through would be seen to reach it.
"""

import unittest

from support import scratch
from support.clients import Answer
from support.processes import BridgeProcess, bridge_process, profile
from support.providers import ScriptedProvider, text
from support.served import answers, read_all


class Attack(unittest.TestCase):
    """One bridge for all tests of a class, and a provider that nobody ever reaches."""

    bridge: BridgeProcess
    provider: ScriptedProvider

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(scratch())
        project = folder / "project"
        project.mkdir()
        cls.provider = cls.enterClassContext(ScriptedProvider(always=text("It reached me.")))
        profiles = profile(cls.provider.base_url)
        cls.bridge = cls.enterClassContext(bridge_process(project, profiles))

    def tearDown(self) -> None:
        self.assertEqual(self.provider.requests, [])

    def head(self, method: str, path: str, body: bytes | None = None, **headers) -> bytes:
        return self.bridge.client.head(method, path, body, headers)

    def raw(self, raw: bytes) -> list[Answer]:
        """Send these bytes and return all answers, once the bridge has hung up."""
        with self.bridge.client.send(raw) as client:
            return answers(read_all(client))
