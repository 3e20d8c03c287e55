"""The real Codex CLI through two bridges: the outer one passes on, the inner one is its OpenAI."""

import unittest
from pathlib import Path

from support import needs, scratch
from support.bridges import bridge
from support.codex import codex, on_each_codex
from support.providers import ScriptedProvider

INNER_KEY = "sk-oss-the-key-of-the-inner-bridge"


@needs("codex")
class Relayed(unittest.TestCase):
    @on_each_codex()
    def test_two_tool_turns_and_an_answer_of_a_gpt_name(self, version: str, project: Path) -> None:
        with scratch() as elsewhere, ScriptedProvider() as provider:
            names = {"MODEL_MAP_JSON": '{"gpt-5.5": "scripted"}', "PROXY_API_KEY": INNER_KEY}
            with bridge(elsewhere, provider, **names) as inner:
                settings = {
                    "GPT_MODEL_STRATEGY": "openai",
                    "OPENAI_BASE_URL": f"http://127.0.0.1:{inner.port}/v1",
                    "OPENAI_API_KEY": INNER_KEY,
                }
                with bridge(project, None, **settings) as outer:
                    provider.call("exec_command", {"cmd": "echo sum-$((40+2))"})
                    provider.call("exec_command", {"cmd": "cat README.md"})
                    provider.say("The sum is 42.")
                    ran = codex(version, project, outer.port, "Run two.", model="gpt-5.5")
        self.assertEqual((ran.exit_code, ran.said), (0, ["The sum is 42."]), ran.output)
        self.assertNotIn("disconnected", ran.output)
        self.assertEqual([line["lane"] for line in outer.lines], ["passthrough"] * 3)
        self.assertEqual([line["outcome"] for line in outer.lines], ["completed"] * 3)
        self.assertEqual({line["codex"] for line in inner.lines}, {version})
        self.assertEqual(
            [line["thread"] for line in inner.lines], [line["thread"] for line in outer.lines]
        )


if __name__ == "__main__":
    unittest.main()
