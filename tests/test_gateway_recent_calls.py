"""Calls that a process told in the last hour, for callers who send back nothing but outputs."""

import unittest

import support  # noqa: F401
from support.clocks import HandWoundClock
from support.gateways import gateway
from support.providers import ScriptedProvider

from codex_oss.gateway.recent_calls import BYTES_MAX, CALLS_MAX, SECONDS_MAX, RecentCalls
from codex_oss.responses import ResponseEvent

TOOLS = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
ASK = {"model": "scripted", "tools": TOOLS, "store": False}


def told(call_id: str, arguments: str = "{}") -> ResponseEvent:
    item = {"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments}
    return ResponseEvent("response.output_item.done", {"output_index": 0, "item": item})


class RecentCallsTest(unittest.TestCase):
    def test_an_output_alone_finds_its_call(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.call("f", {"a": 1})
            provider.say("Done.")
            (call,) = bridge.client.turn({**ASK, "input": "Call f."}).json["output"]
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
            self.assertEqual(bridge.client.turn({**ASK, "input": [output]}).status, 200)
            asked, result = provider.requests[1].messages
            self.assertEqual(asked["tool_calls"][0]["function"]["name"], "f")
            self.assertEqual((result["tool_call_id"], result["content"]), (call["call_id"], "ok"))
            unknown = {**output, "call_id": "call_nobody_told"}
            refused = bridge.client.turn({**ASK, "input": [unknown]})
            self.assertEqual(refused.status, 400)
            self.assertIn("with call_id call_nobody_told.", refused.error["message"])

    def test_they_are_limited_in_age_number_and_bytes(self) -> None:
        clock = HandWoundClock()
        calls = RecentCalls(clock)
        for number in range(CALLS_MAX + 1):
            calls.heed(told(f"c{number}"))
        self.assertIsNone(calls.find("c0"))
        self.assertTrue(calls.find("c1"))
        calls.heed(told("large", "x" * BYTES_MAX))
        self.assertIsNone(calls.find("large"))
        self.assertIsNone(calls.find("c1"))
        calls.heed(told("young"))
        clock.seconds += SECONDS_MAX
        self.assertTrue(calls.find("young"))
        clock.seconds += 1
        self.assertIsNone(calls.find("young"))
        self.assertIsNone(calls.find("never"))


if __name__ == "__main__":
    unittest.main()
