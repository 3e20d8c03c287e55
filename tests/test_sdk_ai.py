"""The AI SDK through the bridge: a second parser, of another language and other habits."""

import unittest

from support import DEV, needs
from support.providers import ScriptedProvider, calls, delta, stream, text
from support.sdks import Refused, SdkCase

LOOKS = calls(("look", {"room": "attic"}), ("look", {"room": "hall"}))
COUNTS = calls(("count", {"things": ["coat", "cat", "trunk"]}))
THOUGHT = (delta(reasoning_content="Coat, "), delta(reasoning_content="cat, trunk."))
ENDS = stream([*THOUGHT, *(delta(content=word) for word in ("Three", " things."))])
USED = [["look", "attic"], ["look", "hall"], ["count", ["coat", "cat", "trunk"]]]
ASKED = {"prompt": "How many things are there?", "store": False}


@needs("node", "aisdk")
class AiSdk(SdkCase):
    program = ("node", "ai_sdk_client.mjs", str(DEV / "aisdk"))

    def check(self, found: dict, provider: ScriptedProvider) -> None:
        self.assertEqual((found["output"], found["finish"]), ("Three things.", "stop"))
        self.assertEqual(found["used"], USED)
        self.assertEqual(found["usage"]["totalTokens"], 54)
        roles = [message["role"] for message in provider.requests[-1].messages]
        self.assertEqual(roles, ["user", "assistant", "tool", "tool", "assistant", "tool"])

    def test_text_is_generated_over_two_rounds_of_tools(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(LOOKS, COUNTS, ENDS)
            found = self.sdk.ask(running, "generate", **ASKED)
            self.check(found, provider)
        self.assertEqual(found["warnings"], [])

    def test_text_is_streamed_over_two_rounds_of_tools(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(LOOKS, COUNTS, ENDS)
            found = self.sdk.ask(running, "stream", **ASKED)
            self.check(found, provider)
        self.assertEqual(found["errors"], [])
        for part, times in {
            "tool-call": 3,
            "tool-result": 3,
            "finish-step": 3,
            "text-delta": 2,
        }.items():
            self.assertEqual(found["parts"].count(part), times, part)

    def test_rounds_of_tools_with_items_that_are_stored(self) -> None:
        for do in ("generate", "stream"):
            with self.subTest(do), self.bridge() as (provider, running):
                provider.then(LOOKS, COUNTS, ENDS)
                self.check(self.sdk.ask(running, do, prompt=ASKED["prompt"]), provider)

    def test_an_object_of_a_schema(self) -> None:
        with self.bridge() as (provider, running):
            provider.say('{"thing": "cat", "room": "attic"}')
            found = self.sdk.ask(running, "object", **ASKED)
        self.assertEqual(found, {"output": {"thing": "cat", "room": "attic"}, "warnings": []})
        self.assertEqual(provider.requests[0].body["response_format"]["type"], "json_schema")

    def test_a_stream_that_fails_says_why(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("Three things.").cut(300))
            found = self.sdk.ask(running, "stream", **ASKED)
        self.assertEqual((found["output"], found["finish"]), ("Three", "error"))
        self.assertIn("the provider's reply was cut", found["errors"][0])

    def test_a_refusal_is_the_sdks_own_error(self) -> None:
        with self.bridge() as (_, running), self.assertRaises(Refused) as caught:
            self.sdk.ask(running, "generate", key="wrong", **ASKED)
        fields = caught.exception.fields
        self.assertEqual((fields["is"], fields["status_code"]), ("AI_APICallError", 401))
        self.assertIn("Hint:", fields["message"])


if __name__ == "__main__":
    unittest.main()
