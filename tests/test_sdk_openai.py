"""The official openai SDK through the bridge: its strict types take every object and event."""

import unittest

from support import dev_python, needs
from support.bridges import RunningBridge
from support.missions import contract
from support.providers import (
    calls,
    delta,
    failure,
    stream,
    text,
)
from support.sdks import Refused, SdkCase

from codex_oss.contract import render_handoff

LOOK = {
    "type": "function",
    "name": "look",
    "description": "Look into a room.",
    "parameters": {
        "type": "object",
        "properties": {"room": {"type": "string"}},
        "required": ["room"],
        "additionalProperties": False,
    },
    "strict": True,
}
PATCH = {"type": "custom", "name": "patch", "description": "Apply a patch."}
ASKED = {"model": "scripted", "input": "What is there?"}
THOUGHT = [
    delta(reasoning_content="I had "),
    delta(reasoning_content="a look."),
    delta(content="A cat."),
]


@needs("openai", "jsonschema")
class WithTheSdk(SdkCase):
    program = (dev_python(), "openai_client.py")

    def refusal(self, running: RunningBridge, do: str, **arguments: object) -> tuple[object, ...]:
        with self.assertRaises(Refused) as caught:
            self.sdk.ask(running, do, **arguments)
        fields = caught.exception.fields
        self.assertRegex(fields["request_id"], "^req_[0-9a-f]{24}$")
        return fields["is"], fields["status_code"], fields["code"]


class Turns(WithTheSdk):
    def test_a_turn_streamed_or_not_is_the_same(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A cat."), text("A cat."), text("A cat."))
            whole = self.sdk.ask(running, "create", **ASKED)
            events = self.sdk.ask(running, "stream", **ASKED)["events"]
            put_together = self.sdk.ask(running, "accumulate", **ASKED)
        self.assertEqual([whole["text"], put_together["text"]], ["A cat."] * 2)
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        self.assertEqual(events[0]["type"], "response.created")
        last = events[-1]
        self.assertEqual(last["type"], "response.completed")
        own = ("id", "created_at", "completed_at", "output")
        for name in last["response"].keys() - set(own):
            self.assertEqual(last["response"][name], whole["response"][name], name)

    def test_the_asynchronous_client(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A cat."), text("A cat."))
            found = self.sdk.ask(running, "create_async", **ASKED)
        self.assertEqual(found["text"], "A cat.")
        self.assertEqual(found["events"][-1]["type"], "response.completed")

    def test_reasoning_before_text(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(stream(THOUGHT), stream(THOUGHT))
            whole = self.sdk.ask(running, "create", **ASKED)["response"]
            put_together = self.sdk.ask(running, "accumulate", **ASKED)
        self.assertEqual([item["type"] for item in whole["output"]], ["reasoning", "message"])
        self.assertEqual(
            [item["type"] for item in put_together["output"]], ["reasoning", "message"]
        )

    def test_two_calls_at_once_and_their_results(self) -> None:
        with self.bridge() as (provider, running):
            wanted = calls(("look", {"room": "hall"}), ("look", {"room": "attic"}), preface="Now.")
            provider.then(wanted, wanted)
            asked = {**ASKED, "tools": [LOOK]}
            kinds = self.sdk.ask(running, "accumulate", **asked)["kinds"]
            output = self.sdk.ask(running, "create", **asked)["response"]["output"]
            results = [
                {"type": "function_call_output", "call_id": item["call_id"], "output": "a cat"}
                for item in output
                if item["type"] == "function_call"
            ]
            provider.say("Two cats.")
            question = {"role": "user", "content": "What is there?"}
            history = [question, *output, *results]
            said = self.sdk.ask(running, "create", **{**asked, "input": history})["text"]
        self.assertEqual(said, "Two cats.")
        self.assertEqual(kinds.count("response.function_call_arguments.done"), 2)
        self.assertEqual([m["role"] for m in provider.requests[2].messages][-3:][0], "assistant")

    def test_a_turn_that_is_cut_off_at_the_limit_is_incomplete(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A c", finish="length"), text("A c", finish="length"))
            whole = self.sdk.ask(running, "create", **ASKED)["response"]
            last = self.sdk.ask(running, "stream", **ASKED)["events"][-1]
        self.assertEqual(whole["incomplete_details"], {"reason": "max_output_tokens"})
        self.assertEqual(last["type"], "response.incomplete")

    def test_a_stream_that_fails_in_the_middle_ends_in_a_failed_response(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(stream([delta(content="A ")]).cut(300))
            last = self.sdk.ask(running, "stream", **ASKED)["events"][-1]
        self.assertEqual(last["type"], "response.failed")
        self.assertEqual(last["response"]["error"]["code"], "server_error")

    def test_a_mission(self) -> None:
        with self.bridge() as (_, running):
            asked = {"model": "mission-a3-rehearsal", "input": render_handoff(contract())}
            whole = self.sdk.ask(running, "create", **asked)["response"]
            events = self.sdk.ask(running, "stream", **asked)["events"]
        phases = [item["phase"] for item in whole["output"]]
        self.assertEqual(set(phases[:-1]), {"commentary"})
        self.assertEqual(phases[-1], "final_answer")
        self.assertEqual(events[-1]["type"], "response.completed")

    def test_an_answer_that_has_a_form(self) -> None:
        with self.bridge() as (provider, running):
            answer = text('{"city": "Oslo", "degrees": -4}')
            provider.then(answer, answer)
            parsed = self.sdk.ask(running, "parse", **ASKED)["parsed"]
            streamed = self.sdk.ask(running, "parse_streamed", **ASKED)["parsed"]
        self.assertEqual([parsed, streamed], [{"city": "Oslo", "degrees": -4}] * 2)
        for asked in provider.requests:
            form = asked.body["response_format"]
            self.assertEqual((form["type"], form["json_schema"]["strict"]), ("json_schema", True))
            self.assertEqual(set(form["json_schema"]["schema"]["properties"]), {"city", "degrees"})

    def test_a_custom_tool_is_called_with_plain_text(self) -> None:
        with self.bridge() as (provider, running):
            wanted = calls(("patch", {"input": "*** Begin\n+a line"}))
            provider.then(wanted, wanted)
            asked = {**ASKED, "tools": [PATCH]}
            output = self.sdk.ask(running, "create", **asked)["response"]["output"]
            events = self.sdk.ask(running, "stream", **asked)["events"]
            provider.say("Patched.")
            result = {"type": "custom_tool_call_output", "call_id": output[0]["call_id"]}
            history = [{"role": "user", "content": "Patch."}, *output, {**result, "output": "ok"}]
            said = self.sdk.ask(running, "create", **{**asked, "input": history})["text"]
        self.assertEqual((output[0]["type"], output[0]["name"]), ("custom_tool_call", "patch"))
        self.assertEqual(output[0]["input"], "*** Begin\n+a line")
        deltas = [e["delta"] for e in events if e["type"].endswith("input.delta")]
        self.assertEqual("".join(deltas), "*** Begin\n+a line")
        self.assertEqual(said, "Patched.")


class Refusals(WithTheSdk):
    def test_each_kind_of_error_is_the_sdks_own(self) -> None:
        with self.bridge() as (provider, running):
            refused = [
                self.refusal(running, "create", key="sk-local-codex-bridge", **ASKED),
                self.refusal(running, "create", model="scripted", input=[]),
                self.refusal(running, "create", model="nobody", input="hi"),
                self.refusal(running, "create", model="gpt-5.5", input="hi"),
                self.refusal(running, "create", conversation="conv_1", **ASKED),
                self.refusal(running, "model", name="nobody"),
            ]
            provider.then(failure(429, {"error": {"message": "slow down"}}, {"retry-after": "61"}))
            refused.append(self.refusal(running, "create", **ASKED))
        self.assertEqual(
            refused,
            [
                ("AuthenticationError", 401, "invalid_api_key"),
                ("BadRequestError", 400, "invalid_value"),
                ("BadRequestError", 400, "model_not_found"),
                ("BadRequestError", 400, "unsupported_bridge_model"),
                ("BadRequestError", 400, "unsupported_parameter"),
                ("NotFoundError", 404, "not_found"),
                ("RateLimitError", 429, "insufficient_quota"),
            ],
        )


class Kept(WithTheSdk):
    """Responses that are stored: found again, continued, listed, deleted."""

    def test_a_stored_response_is_the_one_that_was_given(self) -> None:
        with self.bridge() as (provider, running):
            provider.say("A cat.")
            given = self.sdk.ask(running, "create", **ASKED)["response"]
            found = self.sdk.ask(running, "retrieve", response_id=given["id"])["response"]
        self.assertEqual(found, given)

    def test_a_response_is_continued_by_its_id(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(calls(("look", {"room": "hall"})), text("A cat."), text("It is black."))
            first = self.sdk.ask(running, "create", **ASKED, tools=[LOOK])["response"]
            result = {
                "type": "function_call_output",
                "call_id": first["output"][0]["call_id"],
                "output": "a cat",
            }
            second = self.sdk.ask(
                running,
                "create",
                model="scripted",
                input=[result],
                tools=[LOOK],
                previous_response_id=first["id"],
            )["response"]
            self.sdk.ask(
                running,
                "create",
                model="scripted",
                input="Which colour?",
                previous_response_id=second["id"],
            )
        roles = [message["role"] for message in provider.requests[1].messages]
        self.assertEqual(roles, ["user", "assistant", "tool"])
        said = [message["content"] for message in provider.requests[2].messages]
        self.assertEqual(said[0], ASKED["input"])
        self.assertEqual(said[-2:], ["A cat.", "Which colour?"])

    def test_its_input_items_come_in_pages(self) -> None:
        words = ["one", "two", "three", "four", "five"]
        items = [{"role": "user", "content": word} for word in words]
        with self.bridge() as (provider, running):
            provider.say("Counted.")
            given = self.sdk.ask(running, "create", model="scripted", input=items)["response"]
            walked = {
                order: self.sdk.ask(
                    running, "input_items", response_id=given["id"], limit=2, order=order
                )
                for order in ("asc", "desc")
            }
        said = {
            order: [item["content"][0]["text"] for item in found["items"]]
            for order, found in walked.items()
        }
        self.assertEqual(said, {"asc": words, "desc": words[::-1]})
        first = walked["asc"]["first"]
        ids = [item["id"] for item in first["data"]]
        self.assertEqual([first["first_id"], first["last_id"]], ids)
        self.assertIs(first["has_more"], True)

    def test_what_is_deleted_or_was_not_stored_is_not_found(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A cat."), text("A cat."))
            given = self.sdk.ask(running, "create", **ASKED)["response"]
            passing = self.sdk.ask(running, "create", **ASKED, store=False)["response"]
            deleted = self.sdk.ask(running, "delete", response_id=given["id"])["deleted"]
            refused = {
                self.refusal(running, do, response_id=response["id"])
                for do in ("retrieve", "delete", "input_items")
                for response in (given, passing)
            }
        self.assertEqual(deleted, {"id": given["id"], "object": "response", "deleted": True})
        self.assertEqual(refused, {("NotFoundError", 404, "not_found")})

    def test_an_unknown_response_cannot_be_continued(self) -> None:
        with self.bridge() as (_, running):
            refused = self.refusal(
                running, "create", **ASKED, previous_response_id="resp_" + "0" * 32
            )
        self.assertEqual(refused, ("BadRequestError", 400, "previous_response_not_found"))


class InTheBackground(WithTheSdk):
    def test_a_response_is_polled_to_its_end(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A cat.").after(0.3))
            found = self.sdk.ask(running, "in_background", **ASKED)
        states = found["states"]
        self.assertEqual(states, sorted(states, key=["queued", "in_progress", "completed"].index))
        self.assertEqual(states[-1], "completed")
        self.assertEqual(found["response"]["output"][0]["content"][0]["text"], "A cat.")

    def test_only_what_runs_in_the_background_is_cancelled(self) -> None:
        with self.bridge() as (provider, running):
            provider.then(text("A cat."), text("A dog.").after(10))
            plain = self.sdk.ask(running, "create", **ASKED)["response"]
            refused = self.refusal(running, "cancel", response_id=plain["id"])
            begun = self.sdk.ask(running, "create", **ASKED, background=True)["response"]
            cancelled = self.sdk.ask(running, "cancel", response_id=begun["id"])["response"]
            found = self.sdk.ask(running, "retrieve", response_id=begun["id"])["response"]
        self.assertEqual(refused[:2], ("BadRequestError", 400))
        self.assertIn(begun["status"], ("queued", "in_progress"))
        self.assertEqual([cancelled["status"], found["status"]], ["cancelled"] * 2)


class Compaction(WithTheSdk):
    def test_a_conversation_is_compacted_and_goes_on(self) -> None:
        history = [
            {"role": "user", "content": "Look for the cat."},
            {"role": "assistant", "content": "It is in the attic."},
        ]
        with self.bridge() as (provider, running):
            provider.then(text("The cat is in the attic."), text("Still there."))
            compacted = self.sdk.ask(running, "compact", model="scripted", input=history)
            output = compacted["compacted"]["output"]
            asked = [*output, {"role": "user", "content": "And now?"}]
            said = self.sdk.ask(running, "create", model="scripted", input=asked)["text"]
        self.assertEqual([item["type"] for item in output], ["compaction"])
        self.assertNotIn("tools", provider.requests[0].body)
        self.assertIn("The cat is in the attic.", str(provider.requests[1].messages))
        self.assertNotIn("Look for the cat.", str(provider.requests[1].messages))
        self.assertEqual(said, "Still there.")

    def test_tokens_are_counted_without_the_provider(self) -> None:
        with self.bridge() as (provider, running):
            counts = [
                self.sdk.ask(running, "input_tokens", model="scripted", input="word " * n)
                for n in (1, 10, 100)
            ]
        found = [count["counted"]["input_tokens"] for count in counts]
        self.assertEqual(found, sorted(set(found)))
        self.assertEqual(provider.requests, [])


class OnASocket(WithTheSdk):
    def test_turns_on_one_socket_continue_what_is_not_stored(self) -> None:
        with self.bridge(RESPONSES_WEBSOCKET="1") as (provider, running):
            provider.then(text("A cat."), text("It is black."))
            turn = {"model": "scripted", "store": False}
            turns = [{**turn, "input": "What is there?"}, {**turn, "input": "Which colour?"}]
            ended = self.sdk.ask(running, "on_a_socket", turns=turns)["ended"]
        self.assertEqual([event["type"] for event in ended], ["response.completed"] * 2)
        said = [message["content"] for message in provider.requests[1].messages]
        self.assertEqual(said, ["What is there?", "A cat.", "Which colour?"])


class Models(WithTheSdk):
    def test_models_are_listed_and_found_by_their_ids(self) -> None:
        with self.bridge() as (_, running):
            found = self.sdk.ask(running, "models")
        ids = [model["id"] for model in found["listed"]]
        self.assertIn("scripted", ids)
        self.assertEqual(found["each"], ids[:3])


if __name__ == "__main__":
    unittest.main()
