"""Turns that wait: for a provider, for a slot, for nobody any more, and for a bridge that stops."""

import gc
import json
import threading
import time
import unittest

from support.clients import Event
from support.gateways import HEARTBEAT_SECONDS, HELLO, WHOLE, end_of, gateway
from support.providers import Pause, Reply, ScriptedProvider, delta, text
from support.served import open_descriptors, running_threads, until

from codex_oss.upstream import Slots, TransportLimits, WaitingRoom


class Silence(unittest.TestCase):
    def test_the_response_is_there_before_the_provider_answers_and_then_beats(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(text("At last").after(4 * HEARTBEAT_SECONDS))
            started = time.monotonic()
            events = bridge.client.events(HELLO)
        self.assertLess(events[0].at - started, 0.5)
        beats = [e for e in events[2:] if e.type == "response.in_progress"]
        self.assertGreaterEqual(len(beats), 2)
        gaps = [b.at - a.at for a, b in zip(events[1:], beats, strict=False)]
        self.assertLess(max(gaps), HEARTBEAT_SECONDS + 0.5)
        self.assertEqual(beats[0].data["response"]["tools"], [])
        self.assertEqual(end_of(events)["status"], "completed")

    def test_beats_stand_between_deltas_too(self) -> None:
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(text("one two").spaced(2 * HEARTBEAT_SECONDS))
            events = bridge.client.events(HELLO)
        order = [e.type for e in events]
        said = [at for at, each in enumerate(order) if each == "response.output_text.delta"]
        self.assertIn("response.in_progress", order[said[0] : said[-1]])
        self.assertEqual(end_of(events)["output"][0]["content"][0]["text"], "one two")

    def test_limits_end_a_silent_turn(self) -> None:
        half = text("Half of it")
        silent = Reply((*half.pieces[:3], Pause(3), *half.pieces[3:]))
        comments = Reply((b": wait\n\n",) * 40).spaced(0.05)
        cases = (
            (silent, TransportLimits(idle=0.3), "was silent for 0.3 s"),
            (text("x").after(3), TransportLimits(first_byte=0.3), "did not answer for 0.3"),
            (comments, TransportLimits(), "no answer began within 0.4 s"),
        )
        for reply, limits, words in cases:
            begin = 0.4 if reply is comments else 10.0
            with (
                ScriptedProvider() as provider,
                gateway(provider, limits=limits, begin_seconds=begin) as bridge,
            ):
                provider.then(reply, reply)
                answer = bridge.client.turn(WHOLE)
                response = end_of(bridge.client.events(HELLO))
            with self.subTest(words):
                self.assertEqual((answer.status, answer.error["code"]), (504, "server_error"))
                self.assertIn(words, answer.error["message"])
                self.assertIn(words, response["error"]["message"])

    def test_a_turn_whose_content_has_come_outlives_the_first_limit(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, begin_seconds=0.3) as bridge:
            provider.then(text("one two three four").spaced(0.15))
            self.assertEqual(end_of(bridge.client.events(HELLO))["status"], "completed")


class Leaving(unittest.TestCase):
    def test_a_client_who_leaves_takes_the_provider_call_with_him(self) -> None:
        for request in (HELLO, WHOLE):
            with self.subTest(stream=request["stream"]), ScriptedProvider() as provider:
                with gateway(provider) as bridge:
                    half = text("Half of it")
                    provider.then(Reply((*half.pieces[:3], Pause(10))))
                    left_at = self.leave(bridge, provider, request)
                    asked = provider.requests[0]
                    self.assertTrue(asked.over.wait(3))
                    self.assertLess(asked.hung_up_at - left_at, 1)
                    self.assertTrue(until(lambda: bool(bridge.lines)))
                    self.assertEqual(bridge.lines[0]["outcome"], "cancelled")

    def test_fifty_who_leave_leave_nothing_behind(self) -> None:
        half = text("Half of it")
        endless = Reply((*half.pieces[:3], Pause(10)))
        with ScriptedProvider(always=endless) as provider, gateway(provider) as bridge:
            self.leave(bridge, provider, HELLO)
            self.assertTrue(until(lambda: len(bridge.lines) == 1))
            before = running_threads(), open_descriptors()
            for _ in range(50):
                self.leave(bridge, provider, HELLO)
            self.assertTrue(until(lambda: len(bridge.lines) == 51))
            self.assertTrue(all(asked.over.wait(3) for asked in provider.requests))
            self.assertTrue(until(lambda: running_threads() <= before[0]))
            self.assertTrue(until(lambda: open_descriptors() <= before[1]))
        self.assertEqual({line["outcome"] for line in bridge.lines}, {"cancelled"})

    def leave(self, bridge, provider: ScriptedProvider, request: dict) -> float:
        """Hang up once the provider was asked, and for a stream once it has spoken."""
        asked_before = len(provider.requests)
        raw = bridge.client.head("POST", "/v1/responses", json.dumps(request).encode(), {})
        with bridge.client.send(raw) as client:
            self.assertTrue(until(lambda: len(provider.requests) > asked_before))
            while request["stream"] and b"output_text.delta" not in client.recv(65536):
                pass
        return time.monotonic()


class Ending(unittest.TestCase):
    def test_a_turn_that_fails_early_lets_go_of_a_provider_who_speaks_on(self) -> None:
        """At once, not when the garbage collector finds the failure and all that it refers to."""
        gc.disable()
        self.addCleanup(gc.enable)
        nameless = {"index": 0, "id": "a", "function": {"arguments": "{}"}}
        endless = Reply((delta(tool_calls=[nameless]), delta(content="So:"), Pause(10)))
        for request in (HELLO, WHOLE):
            with self.subTest(stream=request["stream"]), ScriptedProvider() as provider:
                with gateway(provider, slots=Slots(1, WaitingRoom(0))) as bridge:
                    provider.then(endless, text("Four."))
                    bridge.client.turn(request)
                    self.assertTrue(provider.requests[0].over.wait(1))
                    self.assertEqual(bridge.client.turn(WHOLE).status, 200)  # Its slot is free.


class Stopping(unittest.TestCase):
    def test_a_bridge_that_stops_ends_its_turns(self) -> None:
        half = text("Half of it")
        with ScriptedProvider() as provider, gateway(provider) as bridge:
            provider.then(Reply((*half.pieces[:3], Pause(10))))
            with bridge.client.stream(HELLO) as stream:
                events = [next(iter(stream))]
                self.assertTrue(until(lambda: bool(provider.requests)))
                self.assertEqual(bridge.client.post("/admin/shutdown", {}).status, 202)
                events += stream
        response = end_of(events)
        self.assertEqual(response["status"], "failed")
        self.assertEqual(response["error"]["code"], "server_error")
        self.assertIn("bridge stopped", response["error"]["message"])


class Waiting(unittest.TestCase):
    def test_turns_are_served_in_order_and_too_many_are_refused(self) -> None:
        slots = Slots(1, WaitingRoom(2))
        said = text("Hello there").spaced(0.1)
        with ScriptedProvider(always=said) as provider, gateway(provider, slots=slots) as bridge:
            heard: list[list[Event]] = []
            turns = []
            for number in range(3):
                turn = {**HELLO, "input": str(number)}
                turns.append(
                    threading.Thread(target=lambda t=turn: heard.append(bridge.client.events(t)))
                )
                turns[-1].start()
                self.assertTrue(until(lambda n=number: slots.in_use + slots.waiting == n + 1))
            answer = bridge.client.turn(WHOLE)
            self.assertEqual((answer.status, answer.error["code"]), (429, "rate_limit_exceeded"))
            self.assertIn("try again in 5s", answer.error["message"])
            for turn in turns:
                turn.join()
            ends = [end_of(events)["status"] for events in heard]
            self.assertEqual(ends, ["completed"] * 3)
            for waited in heard[1:]:  # Signs of life before anything is said.
                beats = [e.type for e in waited].index("response.output_item.added")
                self.assertGreater(beats, 2)
            self.assertEqual(
                [r.messages[-1]["content"] for r in provider.requests], ["0", "1", "2"]
            )
            self.assertEqual((slots.in_use, slots.waiting), (0, 0))


if __name__ == "__main__":
    unittest.main()
