"""An agent of the openai-agents SDK whose model is behind the bridge."""

import unittest

from support import dev_python, needs
from support.providers import ScriptedProvider, calls, text
from support.sdks import SdkCase

LOOKS = calls(("look", {"room": "attic"}), ("look", {"room": "hall"}))
COUNTS = calls(("count", {"things": ["coat", "cat", "trunk"]}))
USED = [["look", "attic"], ["look", "hall"], ["count", ["coat", "cat", "trunk"]]]
PROMPT = "How many things are there?"


@needs("agents")
class Agents(SdkCase):
    program = (dev_python(), "agents_client.py")

    def check(self, found: dict, provider: ScriptedProvider) -> None:
        self.assertEqual(found["output"], "Three things.")
        self.assertEqual(sorted(found["used"][:2]), USED[:2])
        self.assertEqual(found["used"][2:], USED[2:])
        self.assertEqual(found["usage"], {"requests": 3, "total_tokens": 54})
        roles = [message["role"] for message in provider.requests[-1].messages]
        self.assertEqual(
            roles, ["system", "user", "assistant", "tool", "tool", "assistant", "tool"]
        )
        declared = [tool["function"]["name"] for tool in provider.requests[0].body["tools"]]
        self.assertEqual(declared, ["look", "count"])

    def test_an_agent_uses_two_tools(self) -> None:
        for store in (None, False):
            with self.subTest(store=store), self.bridge() as (provider, running):
                provider.then(LOOKS, COUNTS, text("Three things."))
                found = self.sdk.ask(running, "plain", prompt=PROMPT, store=store)
                self.check(found, provider)

    def test_a_streamed_run_tells_each_step(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(LOOKS, COUNTS, text("Three things."))
            found = self.sdk.ask(running, "streamed", prompt=PROMPT)
            self.check(found, provider)
        self.assertEqual("".join(found["deltas"]), "Three things.")
        steps = ["tool_called"] * 3 + ["tool_output"] * 3 + ["message_output_created"]
        self.assertEqual(sorted(found["items"]), sorted(steps))

    def test_an_agent_hands_over_to_another(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(calls(("transfer_to_searcher", {})), LOOKS, text("Three things."))
            found = self.sdk.ask(running, "handed_over", prompt=PROMPT)
        self.assertEqual((found["output"], found["last_agent"]), ("Three things.", "searcher"))

    def test_an_answer_has_the_form_that_was_asked(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(LOOKS, text('{"thing": "cat", "room": "attic"}'))
            found = self.sdk.ask(running, "formed", prompt=PROMPT)
        self.assertEqual(found["output"], {"thing": "cat", "room": "attic"})
        self.assertEqual(provider.requests[0].body["response_format"]["type"], "json_schema")


if __name__ == "__main__":
    unittest.main()
