"""A real small model behind a real server: the wire as it is, and a mission that it cannot solve.

The model is SmolLM2 with 135M weights behind llama.cpp's own server. What it says is worth
nothing; that it streams, counts, runs full, answers to a schema and is freed is what is tested.
"""

import contextlib
import json
import subprocess
import unittest
import urllib.request
from pathlib import Path

from support import DEV, LONG, ROOT, dev_python, needs, scratch
from support.bridges import RunningBridge, bridge
from support.clients import SECONDS_MAX, Event
from support.missions import contract, write_tree
from support.schema import faults_of_event, faults_of_response
from support.served import until

from codex_oss.contract import render_handoff

SERVER = ROOT / "tests" / "support" / "llama_server.py"
KEY = "sk-the-key-of-the-model"
ASKED = {"model": "tiny", "input": "Name three colours.", "max_output_tokens": 12, "temperature": 0}
COLOURS = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}, "warm": {"type": "boolean"}},
    "required": ["colour", "warm"],
    "additionalProperties": False,
}


@needs("llama")
class LiveModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        model = str(DEV / "models" / "smollm2.gguf")
        cls.server = subprocess.Popen(
            [dev_python(), str(SERVER), model, KEY],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        cls.addClassCleanup(cls.stop)
        assert cls.server.stdout
        cls.address = cls.server.stdout.readline().strip()
        assert cls.address, "the model's server did not start"

    @classmethod
    def stop(cls) -> None:
        with cls.server:
            cls.server.kill()

    def setUp(self) -> None:
        folder = self.enterContext(scratch())
        self.project = write_tree(folder)
        self.running = self.enterContext(self.bridge(self.project))

    def bridge(
        self, project: Path, key: str = KEY
    ) -> contextlib.AbstractContextManager[RunningBridge]:
        profile = {
            "provider": "llama.cpp",
            "base_url": f"{self.address}/v1",
            "key_env": "LLAMA_KEY",
            "upstream_model": "smollm2",
            "context_window": 32_768,  # More than it has: the server has to say so.
            "first_byte_seconds": 300,
            "idle_seconds": 300,
        }
        limits = {"tiny": 80, "talker": 4_000}  # A busy machine makes five tokens a second.
        profiles = {name: {**profile, "max_output_tokens": n} for name, n in limits.items()}
        profiles["caller"] = {**profiles["tiny"], "action_encoding": "native_tools"}
        return bridge(project, PROFILES_JSON=json.dumps(profiles), LLAMA_KEY=key)

    def said(self, response: dict) -> str:
        self.assertEqual(faults_of_response(response), [])
        return response["output"][0]["content"][0]["text"]

    def streamed(self, **changes: object) -> list[Event]:
        events = self.running.client.events({**ASKED, **changes, "stream": True})
        self.assertEqual(events[-1].data, "[DONE]")
        self.assertEqual([faults_of_event(e.data) for e in events[:-1]], [[]] * (len(events) - 1))
        return events

    def test_a_turn_is_the_same_each_time_streamed_or_not(self) -> None:
        whole = [self.running.client.turn(ASKED).json for _ in range(2)]
        events = self.streamed()
        told = "".join(e.data["delta"] for e in events if e.type.endswith("output_text.delta"))
        self.assertEqual([self.said(response) for response in whole], [told] * 2)
        self.assertEqual([response["status"] for response in whole], ["incomplete"] * 2)
        self.assertGreater(len(events), 12)
        for usage in (events[-2].data["response"]["usage"], whole[0]["usage"]):
            self.assertEqual(usage["output_tokens"], 12)
            self.assertGreater(usage["input_tokens"], 20)
        self.assertNotIn("usage_estimated", whole[0].get("oss_receipt", {}))

    def test_a_key_that_is_wrong_is_told_from_ours(self) -> None:
        with scratch() as folder, self.bridge(folder, key="wrong") as running:
            answer = running.client.turn(ASKED)
        self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_auth"))
        self.assertNotIn("wrong", answer.error["message"])

    def test_too_long_an_input_is_told_so(self) -> None:
        long = {"input": "word " * 10_000}
        answer = self.running.client.turn({**ASKED, **long})
        self.assertEqual((answer.status, answer.error["code"]), (400, "context_length_exceeded"))
        last = self.streamed(**long)[-2]
        self.assertEqual(last.type, "response.failed")
        self.assertEqual(last.data["response"]["error"]["code"], "context_length_exceeded")

    def test_an_answer_fits_its_schema(self) -> None:
        form = {"type": "json_schema", "name": "colour", "strict": True, "schema": COLOURS}
        asked = {**ASKED, "max_output_tokens": 60, "text": {"format": form}}
        found = json.loads(self.said(self.running.client.turn(asked).json))
        self.assertEqual(found.keys(), {"colour", "warm"})
        self.assertIn(found["colour"], ("red", "green"))

    def test_a_caller_who_leaves_frees_the_model(self) -> None:
        many = {"model": "talker", "input": "Tell a long story.", "stream": True}
        with self.running.client.stream(many) as events:
            for event in events:
                if event.type == "response.output_text.delta":
                    break
            self.assertTrue(self.is_busy())
            events.hang_up()
        self.assertTrue(until(lambda: not self.is_busy(), seconds=10))
        self.assertEqual(self.running.lines[-1]["outcome"], "cancelled")

    def is_busy(self) -> bool:
        slots = urllib.request.Request(f"{self.address}/slots")
        slots.add_header("Authorization", f"Bearer {KEY}")
        with urllib.request.urlopen(slots, timeout=SECONDS_MAX) as answer:
            return json.loads(answer.read())[0]["is_processing"]

    def test_a_mission_with_it_never_looks_complete(self) -> None:
        for profile in ("tiny", "caller") if LONG else ("tiny",):
            self.run_a_mission(profile)

    def run_a_mission(self, profile: str) -> None:
        few = {"max_model_calls": 8 if LONG else 3, "time_budget_seconds": 180}
        named = contract(**few) | {"mission_id": profile}
        asked = {"model": f"mission-a3-{profile}", "input": render_handoff(named)}
        events = self.running.client.events({**asked, "stream": True})
        self.assertEqual(events[-2].type, "response.completed")
        artifacts = self.project / ".codex-oss/missions" / profile
        report = json.loads((artifacts / "report.json").read_text())
        self.assertIn(report["status"], ("PARTIAL", "FAILED", "ESCALATE"))
        self.assertGreater(report["budget"]["model_calls"]["used"], 0)
        for finding in report["findings"]:
            resolved = [evidence["ref"] for evidence in finding["evidence"]]
            self.assertEqual(finding["evidence_refs"], resolved)


if __name__ == "__main__":
    unittest.main()
