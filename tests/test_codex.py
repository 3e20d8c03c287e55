"""The real Codex CLI through the bridge: tool turns against a scripted provider, and missions."""

import functools
import unittest
from pathlib import Path

from support import needs
from support.bridges import bridge
from support.codex import codex, on_each_codex
from support.missions import contract
from support.providers import ScriptedProvider, calls

from codex_oss.contract import render_handoff


@needs("codex")
class RealCodex(unittest.TestCase):
    @on_each_codex()
    def test_two_tool_turns_and_an_answer(self, version: str, project: Path) -> None:
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.call("exec_command", {"cmd": "echo sum-$((40+2))"})
            provider.call("exec_command", {"cmd": "cat README.md"})
            provider.say("The sum is 42.")
            ran = codex(version, project, running.port, "Run two commands.")
        self.assertEqual((ran.exit_code, ran.said), (0, ["The sum is 42."]), ran.output)
        outputs = [item["aggregated_output"] for item in ran.items("command_execution")]
        self.assertEqual(outputs, ["sum-42\n", "# A project\n"])
        self.assertNotIn("disconnected", ran.output)
        self.assertEqual([line["outcome"] for line in running.lines], ["completed"] * 3)
        self.check_the_history(provider)
        self.assertIn("tool:web_search", running.lines[0]["receipt"]["dropped"])  # type: ignore[index]

    def check_the_history(self, provider: ScriptedProvider) -> None:
        """The third request holds both calls, each directly before its result."""
        roles = [message["role"] for message in provider.requests[2].messages]
        self.assertEqual(roles[-4:], ["assistant", "tool", "assistant", "tool"])
        self.assertEqual(roles.count("system"), 1)
        results = [m["content"] for m in provider.requests[2].messages if m["role"] == "tool"]
        self.assertIn("sum-42", results[0])
        self.assertIn("# A project", results[1])

    @on_each_codex()
    def test_parallel_calls_are_answered_in_their_order(self, version: str, project: Path) -> None:
        slow, quick = {"cmd": "sleep 0.5; echo first"}, {"cmd": "echo second"}
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.then(calls(("exec_command", slow), ("exec_command", quick)))
            provider.say("Both are done.")
            ran = codex(version, project, running.port, "Run two commands at once.")
        self.assertEqual((ran.exit_code, ran.said), (0, ["Both are done."]), ran.output)
        asked, *results = provider.requests[1].messages[-3:]
        ids = [call["id"] for call in asked["tool_calls"]]
        self.assertEqual([result["tool_call_id"] for result in results], ids)
        self.assertIn("first", results[0]["content"])
        self.assertIn("second", results[1]["content"])
        self.assertEqual([line["outcome"] for line in running.lines], ["completed"] * 2)

    @on_each_codex()
    def test_a_tool_that_is_not_there_is_said_to_the_model(
        self, version: str, project: Path
    ) -> None:
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.call("run_shell", {"cmd": "ls"})
            provider.say("There is no such tool.")
            ran = codex(version, project, running.port, "List the files.")
        self.assertEqual((ran.exit_code, ran.said), (0, ["There is no such tool."]), ran.output)
        self.assertIn("unsupported call: run_shell", provider.requests[1].messages[-1]["content"])

    @on_each_codex()
    def test_a_mission_is_told_before_it_is_reported(self, version: str, project: Path) -> None:
        prompt = f"Investigate this.\n\n{render_handoff(contract())}"
        with bridge(project) as running:
            ask = functools.partial(codex, version, project, running.port)
            ran = ask(prompt, model="mission-a3-rehearsal")
            thanked = ask("Thanks.", "resume", "--last", model="mission-a3-rehearsal")
        self.assertEqual(ran.exit_code, 0, ran.output)
        self.assertEqual(ran.said[0], "I'm loading the compiled MissionV1 contract.")
        self.assertGreater(len(ran.said), 5)
        reports = [text for text in ran.said if text.startswith("**Outcome**")]
        self.assertEqual(reports, ran.said[-1:])
        self.assertIn("COMPLETE", reports[0])
        self.assertIn("src/config.py:4", reports[0])
        self.assertNotIn("disconnected", ran.output)
        self.assertIn("Mission find_load ended COMPLETE", *thanked.said)
        self.assertEqual([line["lane"] for line in running.lines], ["mission"] * 2)
        self.assertEqual(len(list((project / ".codex-oss/runs").glob("run_*"))), 1)

    @on_each_codex()
    def test_a_refusal_is_shown_as_it_was_said_and_asked_once(
        self, version: str, project: Path
    ) -> None:
        refused = {
            "mission-a3-rehearsal": "handoff_missing",
            "gpt-5.5": "unsupported_bridge_model",
            "scriptd": "no model 'scriptd'",  # 0.169 shows the message alone for model_not_found.
        }
        for model, words in refused.items():
            with bridge(project) as running:
                ran = codex(version, project, running.port, "No handoff.", model=model)
            self.assertEqual(ran.exit_code, 1, ran.output)
            self.assertIn(words, ran.complaints[-1])
            self.assertEqual([line["status"] for line in running.lines], [400])


if __name__ == "__main__":
    unittest.main()
