"""The support lane: legacy handoffs to raw models, over a whole bridge."""

import json
import unittest
from contextlib import AbstractContextManager
from pathlib import Path

from support import scratch
from support.bridges import RunningBridge, bridge
from support.handoffs import handoff, labelled
from support.providers import Asked, ScriptedProvider, calls, failure, text

from codex_oss.errors import BadRequest

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
RUN = {"type": "function", "name": "run", "parameters": {"type": "object"}}
TASK = handoff(read_only_paths=[])


def turn(task: str, rounds: int = 0, output: str = "30", **more: object) -> dict[str, object]:
    """Return a request after so many rounds of the caller's tool."""
    items: list[dict[str, object]] = [{"role": "user", "content": task}]
    for number in range(rounds):
        named = {"call_id": f"call_{number}", "name": "look", "arguments": f'{{"n":{number}}}'}
        items.append({"type": "function_call", **named})
        items.append(
            {"type": "function_call_output", "call_id": f"call_{number}", "output": output}
        )
    return {"model": "scripted", "input": items, "tools": [TOOL, RUN]} | more


def said(answer: dict[str, object]) -> str:
    output = answer["output"]
    assert isinstance(output, list)
    return "".join(part["text"] for item in output for part in item.get("content", ()))


def named(asked: Asked) -> list[str]:
    return [tool["function"]["name"] for tool in asked.body.get("tools", [])]


class Chosen(unittest.TestCase):
    def test_a_broken_handoff_is_a_400_with_every_fault_and_no_stream(self) -> None:
        task = handoff(task_type="poetry", owned_paths=["../x"])
        with scratch() as folder, ScriptedProvider() as provider:
            with bridge(folder, provider) as running:
                for streamed in (True, False):
                    answer = running.client.turn(turn(task, stream=streamed))
                    paths = {fault["path"] for fault in answer.error["faults"]}
                    self.assertEqual(answer.status, 400)
                    self.assertEqual(paths, {"$.task_type", "$.owned_paths[0]"})
                self.assertEqual(provider.requests, [])

    def test_switched_off_it_is_ordinary_text(self) -> None:
        broken, critical = handoff(task_type="poetry"), handoff(proof_critical=True)
        with scratch() as folder, ScriptedProvider(always=text("I will.")) as provider:
            with bridge(folder, provider, OSS_SUPPORT_MODES="0") as running:
                for task in (broken, critical):
                    answer = running.client.turn(turn(task, 9))
                    self.assertEqual((answer.status, answer.headers["x-oss-lane"]), (200, "plain"))
            self.assertEqual([named(asked) for asked in provider.requests], [["look", "run"]] * 2)

    def test_what_is_critical_is_for_a_person_and_no_model_is_asked(self) -> None:
        with scratch() as folder, ScriptedProvider() as provider:
            with bridge(folder, provider, PROJECT_CRITICAL_ROOTS="own/") as running:
                for task, why in (
                    (handoff(proof_critical=True), "proof-critical"),
                    (handoff(owned_paths=["src/auth/x.py"]), "`src/auth/x.py` is a critical path"),
                    (handoff(owned_paths=["own/x.py"]), "`own/x.py` is a critical path"),
                    (labelled(owned="migrations/1.sql", deliverable="d"), "`migrations/1.sql`"),
                ):
                    answer = running.client.turn(turn(task))
                    self.assertEqual(answer.json["status"], "completed")
                    self.assertIn("**Outcome**: ESCALATE", said(answer.json))
                    self.assertIn(why, said(answer.json))
                    receipt = answer.json["oss_receipt"]
                    self.assertEqual((receipt["lane"], receipt["mode"]), ("support", "refused"))
            self.assertEqual(provider.requests, [])

    def test_an_older_handoff_in_the_history_is_none(self) -> None:
        items = [
            {"role": "user", "content": handoff(proof_critical=True)},
            {"role": "user", "content": "hi"},
        ]
        with scratch() as folder, ScriptedProvider(always=text("Hello.")) as provider:
            with bridge(folder, provider) as running:
                answer = running.client.turn({"model": "scripted", "input": items})
        self.assertEqual(answer.headers["x-oss-lane"], "plain")


class WithoutTools(unittest.TestCase):
    def test_no_tool_is_declared_and_the_text_is_unchanged(self) -> None:
        task = handoff(goal="Answer exactly `ready`, use no tools.", read_only_paths=[])
        with scratch() as folder, ScriptedProvider(always=text("I will  `ready`")) as provider:
            with bridge(folder, provider) as running:
                answer = running.client.turn(turn(task)).json
        self.assertEqual(said(answer), "I will  `ready`")
        self.assertNotIn("tools", provider.requests[0].body)
        receipt = answer["oss_receipt"]
        self.assertEqual((receipt["mode"], receipt["dropped"]), ("no_tool_exact", ["tools"]))


class Managed(unittest.TestCase):
    def asked(self, body: dict[str, object], **environ: str) -> Asked:
        """Return what the model was asked for this turn."""
        with scratch() as folder, ScriptedProvider(always=text("The timeout is 30.")) as provider:
            with bridge(folder, provider, **environ) as running:
                answer = running.client.turn(body)
                self.assertEqual(answer.json["oss_receipt"]["mode"], "managed_autonomy")
            self.assertEqual(len(provider.requests), 1)
            return provider.requests[0]

    def test_the_callers_tools_are_there_until_the_rounds_are_used_up(self) -> None:
        writing = handoff(read_only_paths=[], task_type="bounded_write")
        more = handoff(read_only_paths=[], completion_rule="at most 4 tool calls")
        cases: tuple[tuple[str, int, dict[str, str], bool], ...] = (
            (TASK, 0, {}, True),
            (TASK, 1, {}, False),
            (TASK, 0, {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "0"}, False),
            (TASK, 2, {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "3"}, True),
            (more, 3, {}, True),
            (more, 4, {}, False),
            (more, 2, {"OSS_MAX_TOOL_TURNS": "2"}, False),
            (writing, 2, {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "9"}, True),
            (writing, 3, {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "9"}, False),
            (writing, 1, {"OSS_MAX_WRITE_TOOL_TURNS": "0"}, False),
        )
        for task, rounds, environ, has_tools in cases:
            with self.subTest(rounds=rounds, environ=environ):
                asked = self.asked(turn(task, rounds), **environ)
                self.assertEqual(named(asked), ["look", "run"] if has_tools else [])
                is_due = "tool budget" in asked.messages[-1]["content"]
                self.assertEqual(is_due, not has_tools)

    def test_some_tools_may_be_left_for_a_while(self) -> None:
        left = {"CONTINUATION_TOOLS": "run, other", "OSS_MAX_TOOL_TURNS": "2"}
        self.assertEqual(named(self.asked(turn(TASK, 1), **left)), ["run"])
        self.assertEqual(named(self.asked(turn(TASK, 2), **left)), [])

    def test_a_long_output_is_cut_and_the_plain_lane_passes_it_whole(self) -> None:
        long = "x" * 500
        limits = {"MAX_TOOL_OUTPUT_CHARS": "100", "OSS_NATIVE_MAX_TOOL_EXCHANGES": "3"}
        asked = self.asked(turn(TASK, 1, long), **limits)
        self.assertIn("cut: 500 characters, sha256", asked.messages[-1]["content"])
        self.assertLess(len(asked.messages[-1]["content"]), 250)
        with scratch() as folder, ScriptedProvider(always=text("It is 30.")) as provider:
            with bridge(folder, provider, MAX_TOOL_OUTPUT_CHARS="100") as running:
                running.client.turn(turn("Just look.", 1, long))
            self.assertEqual(provider.requests[0].messages[-1]["content"], long)

    def test_what_only_announces_something_is_asked_once_more(self) -> None:
        with scratch() as folder, ScriptedProvider() as provider:
            provider.then(text("Let me look at it."), text("It is 30."))
            with bridge(folder, provider) as running:
                answer = running.client.turn(turn(TASK)).json
        self.assertEqual(said(answer), "It is 30.")
        self.assertEqual(answer["usage"]["total_tokens"], 36)
        self.assertEqual(provider.requests[1].messages[-2]["content"], "Let me look at it.")

    def test_said_twice_it_is_the_answer_where_nothing_may_be_read(self) -> None:
        with scratch() as folder, ScriptedProvider(always=text("Let me look.")) as provider:
            with bridge(folder, provider) as running:
                answer = running.client.turn(turn(TASK)).json
            self.assertEqual((said(answer), len(provider.requests)), ("Let me look.", 2))

    def test_calls_go_through_as_in_the_plain_lane(self) -> None:
        with scratch() as folder, ScriptedProvider() as provider:
            provider.then(calls(("look", {"path": "a"}), preface="Now "))
            with bridge(folder, provider) as running:
                events = running.client.events(turn(TASK, stream=True))
        response = events[-2].data["response"]
        kinds = [item["type"] for item in response["output"]]
        self.assertEqual(kinds, ["message", "function_call"])

    def test_errors_among_tool_results_end_nothing(self) -> None:
        trace = "Traceback (most recent call last):\n  exit code 1"
        asked = self.asked(turn(TASK, 1, trace), OSS_NATIVE_MAX_TOOL_EXCHANGES="3")
        self.assertEqual(named(asked), ["look", "run"])


class WhoWritesTheReport(unittest.TestCase):
    def running(
        self, folder: Path, provider: ScriptedProvider
    ) -> AbstractContextManager[RunningBridge]:
        served = {"provider": "openai_compatible", "base_url": provider.base_url}
        names = ("scripted", "writer", "second")
        profiles = {name: {**served, "upstream_model": f"acme-{name}"} for name in names}
        return bridge(
            folder,
            PROFILES_JSON=json.dumps(profiles),
            CONTINUATION_MODEL="writer",
            CONTINUATION_FALLBACK_MODELS="second",
            UPSTREAM_RETRIES="0",
        )

    def test_the_continuation_model_and_then_its_fallbacks(self) -> None:
        down = failure(500, {"error": {"message": "down"}})
        for steps, models in (
            ([text("It is 30.")], ["acme-writer"]),
            ([down, text("It is 30.")], ["acme-writer", "acme-second"]),
            ([down, down, text("It is 30.")], ["acme-writer", "acme-second", "acme-scripted"]),
        ):
            with scratch() as folder, ScriptedProvider() as provider:
                provider.then(*steps)
                with self.running(folder, provider) as running:
                    answer = running.client.turn(turn(TASK, 1)).json
                self.assertEqual([asked.body["model"] for asked in provider.requests], models)
                self.assertEqual(said(answer), "It is 30.")
                receipt = answer["oss_receipt"]
                self.assertEqual(receipt["upstream_model"], models[-1])
                self.assertEqual(receipt.get("fallback_from"), "writer" if steps[1:] else None)

    def test_what_a_local_model_reads_is_not_sent_away_for_a_report(self) -> None:
        key = {"OPENCODE_GO_API_KEY": "sk-of-the-provider"}
        with scratch() as folder, ScriptedProvider(always=text("It is 30.")) as provider:
            with bridge(folder, provider, **key) as running:
                answer = running.client.turn(turn(TASK, 1)).json
            self.assertEqual(answer["oss_receipt"]["upstream_model"], "acme-1")
            self.assertEqual(len(provider.requests), 1)

    def test_a_name_that_no_model_has_is_refused_at_the_start(self) -> None:
        with scratch() as folder, self.assertRaises(BadRequest) as caught:
            with bridge(folder, CONTINUATION_MODEL="no-such-model"):
                self.fail("it began to listen")
        self.assertIn("no-such-model", caught.exception.message)

    def test_before_the_report_is_due_the_callers_own_model_is_asked(self) -> None:
        with scratch() as folder, ScriptedProvider(always=text("It is 30.")) as provider:
            with self.running(folder, provider) as running:
                running.client.turn(turn(TASK))
            self.assertEqual(provider.requests[0].body["model"], "acme-scripted")


if __name__ == "__main__":
    unittest.main()
