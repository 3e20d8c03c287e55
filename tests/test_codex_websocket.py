"""The real Codex with `supports_websockets = true`, seen on the wire.

The default bridge is asked once, says 426, and is spoken to over HTTP from then on; with one that
speaks WebSocket, everything goes that way.
"""

import unittest

from support import CODEX_VERSIONS, needs, scratch
from support.bridges import bridge
from support.codex import codex
from support.providers import ScriptedProvider
from support.wiretaps import Wiretap

SUPPORTED = {"model_providers.opencode_bridge.supports_websockets": True}
TURNS = "/v1/responses"


@needs("codex")
class RealCodex(unittest.TestCase):
    def test_one_get_is_answered_426_and_a_normal_turn_follows_without_notice(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version):
                wire = self.tool_turn(version)
                asked = [line for line in wire.requests() if TURNS in line]
                self.assertEqual(asked, [f"GET {TURNS}", *[f"POST {TURNS}"] * 2])
                self.assertEqual(wire.statuses().count(426), 1)

    def test_where_it_is_spoken_no_turn_goes_over_http(self) -> None:
        for version in CODEX_VERSIONS:
            with self.subTest(version):
                wire = self.tool_turn(version, RESPONSES_WEBSOCKET="1")
                asked = [line for line in wire.requests() if TURNS in line]
                self.assertEqual(asked, [f"GET {TURNS}"])
                self.assertIn(101, wire.statuses())

    def tool_turn(self, version: str, **environ: str) -> Wiretap:
        """Have Codex run one command and answer, and return what went over the wire."""
        with scratch() as folder, ScriptedProvider() as provider, Wiretap() as wire:
            provider.call("exec_command", {"cmd": "echo sum-$((40+2))"})
            provider.say("The sum is 42.")
            project = folder / "project"
            project.mkdir()
            host = {"PROXY_ALLOWED_HOSTS": f"127.0.0.1:{wire.port}"}
            with bridge(project, provider, **host, **environ) as running:
                wire.server_port = running.port
                ran = codex(version, project, wire.port, "Add.", settings=SUPPORTED)
        self.assertEqual((ran.exit_code, ran.said), (0, ["The sum is 42."]), ran.output)
        outputs = [item["aggregated_output"] for item in ran.items("command_execution")]
        self.assertEqual(outputs, ["sum-42\n"])
        for notice in ("Falling back", "Reconnecting"):
            self.assertNotIn(notice, ran.output)
        return wire


if __name__ == "__main__":
    unittest.main()
