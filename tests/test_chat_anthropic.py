"""The Anthropic Messages wire: its bodies, and its answers read into the chunks of any wire."""

import json
import unittest
from collections.abc import Iterator
from random import Random
from typing import Any

from support import LONG, chance
from support.answers import deltas_in, outcome, read, ways_to_read
from support.family_rules import anthropic_faults

from codex_oss.chat import (
    ChatMessage,
    ChatReply,
    ChatRequest,
    Dialect,
    FilePart,
    FunctionCall,
    FunctionTool,
    ImagePart,
    TextPart,
    TextRun,
    Usage,
    fit,
    gather,
    wire_of,
)
from codex_oss.chat.anthropic_reader import AnthropicReader
from codex_oss.errors import UpstreamError, UpstreamTruncated

Event = dict[str, Any]

TASK = ChatMessage("user", "Go.")
TOOL = FunctionTool("f", "does it", {"type": "object"})
BLOCK = '{"type":"thinking","thinking":"so","signature":"S"}'
STRANGE = 'é 漢 \u2028 "quoted" back\\slash \U0001f600'


def body_of(request: ChatRequest, dialect: Dialect | None = None, **how: Any) -> dict[str, Any]:
    wire = wire_of("anthropic", dialect or Dialect())
    body: dict[str, Any] = json.loads(wire.body(request, "m", **how))
    assert not anthropic_faults(body), anthropic_faults(body)
    return body


def text(words: str) -> Event:
    return {"type": "text", "text": words}


class Body(unittest.TestCase):
    def test_only_what_is_asked_is_sent(self) -> None:
        said = {"role": "user", "content": [text("Go.")]}
        body = {"model": "m", "max_tokens": 32_000, "messages": [said]}
        self.assertEqual(body_of(ChatRequest((TASK,))), body | {"stream": True})
        self.assertEqual(body_of(ChatRequest((TASK,)), stream=False), body)

    def test_everything_has_its_place(self) -> None:
        call = FunctionCall("c1", "f", '{"a":1}')
        request = ChatRequest(
            messages=(
                ChatMessage("system", "s"),
                ChatMessage("user", "look", parts=(ImagePart("https://x/a.png"), TextPart("b"))),
                ChatMessage("assistant", "So:", (call,), reasoning_blocks=(BLOCK,)),
                ChatMessage("tool", "r", call_id="c1"),
                ChatMessage("user", "and?"),
            ),
            tools=(TOOL, FunctionTool("g", "", {"type": "object"})),
            tool_choice="f",
            parallel_calls=False,
            max_output_tokens=9_000,
            temperature=0.5,
            top_p=0.9,
            presence_penalty=1,
            cache_key="k",
            effort="low",
        )
        use = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
        image = {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "r"}
        choice = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
        self.assertEqual(
            body_of(request),
            {
                "model": "m",
                "max_tokens": 9_000,
                "system": "s",
                "messages": [
                    {"role": "user", "content": [text("look"), image, text("b")]},
                    {"role": "assistant", "content": [json.loads(BLOCK), text("So:"), use]},
                    {"role": "user", "content": [result, text("and?")]},
                ],
                "tools": [
                    {
                        "name": "f",
                        "input_schema": {"type": "object"},
                        "description": "does it",
                    },
                    {"name": "g", "input_schema": {"type": "object"}},
                ],
                "tool_choice": choice,
                "temperature": 0.5,
                "top_p": 0.9,
                "thinking": {"type": "enabled", "budget_tokens": 4_096},
                "stream": True,
            },
        )

    def test_turns_alternate_results_lead_and_nothing_is_empty(self) -> None:
        calls = (FunctionCall("a", "f", "{}"), FunctionCall("b", "f", "[1]"))
        results = [ChatMessage("tool", "", call_id=call.call_id) for call in calls]
        messages = (
            ChatMessage("assistant", " "),
            ChatMessage("user", ""),
            ChatMessage("user", "x", parts=(TextPart(" "),)),
            ChatMessage("assistant", "", calls),
            *results,
            TASK,
            TASK,
        )
        roles = ["user", "assistant", "user", "assistant", "user"]
        body = body_of(fit(ChatRequest(messages, (TOOL,)), Dialect()).request)
        self.assertEqual([message["role"] for message in body["messages"]], roles)
        kinds = [block["type"] for block in body["messages"][-1]["content"]]
        self.assertEqual(kinds, ["tool_result", "tool_result", "text", "text"])

    def test_modes_of_choice_have_words_of_their_own(self) -> None:
        one = {"disable_parallel_tool_use": True}
        for choice, parallel, sent in (
            ("auto", None, None),
            ("auto", True, None),
            ("auto", False, {"type": "auto"} | one),
            ("none", False, {"type": "none"}),
            ("required", None, {"type": "any"}),
            ("f", None, {"type": "tool", "name": "f"}),
        ):
            request = ChatRequest((TASK,), (TOOL,), choice, parallel)
            self.assertEqual(body_of(request).get("tool_choice"), sent)
        self.assertNotIn("tool_choice", body_of(ChatRequest((TASK,), (), "required")))

    def test_thinking_has_a_budget_below_the_length(self) -> None:
        for effort, length, tokens_max, sent in (
            ("none", 9_000, None, {"type": "disabled"}),
            ("minimal", 9_000, None, {"type": "enabled", "budget_tokens": 1_024}),
            ("max", 9_000, None, {"type": "enabled", "budget_tokens": 8_999}),
            ("max", 9_000, 2_000, {"type": "enabled", "budget_tokens": 2_000}),
            ("max", 1_024, None, {"type": "disabled"}),
            ("", 9_000, None, None),
        ):
            request = ChatRequest((TASK,), max_output_tokens=length, effort=effort)
            body = body_of(request, Dialect(thinking_tokens_max=tokens_max))
            self.assertEqual(body.get("thinking"), sent)

    def test_images_and_files_say_what_they_are(self) -> None:
        for part, block in (
            (ImagePart("data:image/jpeg;base64,AA=="), ("image", "image/jpeg", "AA==")),
            (ImagePart("data:;base64,AA=="), ("image", "image/png", "AA==")),
            (
                FilePart("a.pdf", "data:application/pdf;base64,AA=="),
                ("document", "application/pdf", "AA=="),
            ),
            (FilePart("a.pdf", "AA=="), ("document", "application/pdf", "AA==")),
        ):
            message = ChatMessage("user", "", parts=(part,))
            (found,) = body_of(ChatRequest((message,)))["messages"][0]["content"]
            source = {"type": "base64", "media_type": block[1], "data": block[2]}
            self.assertEqual((found["type"], found["source"]), (block[0], source))

    def test_fields_that_are_refused_are_not_sent_but_for_the_length(self) -> None:
        dialect = Dialect(refused=frozenset({"temperature", "max_tokens", "thinking"}))
        request = ChatRequest((TASK,), temperature=1, effort="low")
        body = body_of(request, dialect)
        self.assertEqual({*body}, {"model", "max_tokens", "messages", "stream"})

    def test_a_key_stands_in_its_header(self) -> None:
        wire = wire_of("anthropic", Dialect())
        self.assertEqual(wire.headers("k"), {"anthropic-version": "2023-06-01", "x-api-key": "k"})
        self.assertEqual(wire.headers(""), {"anthropic-version": "2023-06-01"})


def framed(*events: Event) -> bytes:
    lines = (f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events)
    return "".join(lines).encode()


def begun(index: int, **block: Any) -> Event:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **said: Any) -> Event:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": f"{kind}_delta", **said},
    }


def closed(index: int) -> Event:
    return {"type": "content_block_stop", "index": index}


START = {
    "type": "message_start",
    "message": {"usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def ended(reason: str, **counts: int) -> Event:
    usage = {"output_tokens": 20} | counts
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


THOUGHT = (
    begun(0, type="thinking", thinking=""),
    *(delta(0, "thinking", thinking=word) for word in ("so ", STRANGE, " on")),
    delta(0, "signature", signature="SI"),
    delta(0, "signature", signature="G"),
    closed(0),
)
SPOKEN = (
    begun(1, type="text", text=""),
    {"type": "ping"},
    *(delta(1, "text", text=word) for word in ("Yes ", STRANGE, ".")),
    closed(1),
)
CALLED = (
    begun(2, type="tool_use", id="t1", name="f", input={}),
    *(delta(2, "input_json", partial_json=piece) for piece in ("", '{"a":', '"é"}')),
    closed(2),
    begun(3, type="tool_use", id="t2", name="g", input={}),
    closed(3),
)
WHOLE = framed(START, *THOUGHT, *SPOKEN, *CALLED, ended("tool_use"), STOP)
SIGNED = json.dumps(
    {"type": "thinking", "thinking": f"so {STRANGE} on", "signature": "SIG"},
    ensure_ascii=False,
    separators=(",", ":"),
)
REPLY = ChatReply(
    f"Yes {STRANGE}.",
    f"so {STRANGE} on",
    (FunctionCall("t1", "f", '{"a":"é"}'), FunctionCall("t2", "g", "{}")),
    "tool_calls",
    Usage(15, 20, 5),
    (SIGNED,),
)


class Reading(unittest.TestCase):
    def test_an_answer_with_everything_in_it(self) -> None:
        self.assertEqual(gather(read([WHOLE], AnthropicReader())), REPLY)

    def test_the_same_not_streamed(self) -> None:
        thinking = {"type": "thinking", "thinking": REPLY.reasoning, "signature": "SIG"}
        body = {
            "type": "message",
            "content": [
                thinking,
                text(REPLY.text),
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "é"}},
                {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 20},
        }
        whole = AnthropicReader().read_whole(json.dumps(body).encode())
        self.assertEqual(gather([whole]), REPLY)

    def test_it_says_the_same_in_every_way_its_bytes_can_come(self) -> None:
        expected = deltas_in(read([WHOLE], AnthropicReader()))
        for reads in ways_to_read(WHOLE, step=1 if LONG else 29):
            self.assertEqual(deltas_in(read(reads, AnthropicReader())), expected)

    def test_text_and_thinking_of_common_events_are_passed_on_unparsed(self) -> None:
        bursts = read([WHOLE], AnthropicReader())
        runs = [piece for burst in bursts for piece in burst if isinstance(piece, TextRun)]
        self.assertEqual(
            [(len(run.literals), run.is_reasoning) for run in runs], [(3, True), (3, False)]
        )

    def test_thinking_that_is_hidden_or_unsigned_comes_back_as_it_came(self) -> None:
        hidden = {"type": "redacted_thinking", "data": "x"}
        unsigned = (begun(0, type="thinking", thinking="a"), delta(0, "thinking", thinking="b"))
        for events, blocks, shown in (
            ((begun(0, **hidden), closed(0)), (hidden,), ""),
            ((*unsigned, closed(0)), ({"type": "thinking", "thinking": "ab"},), "ab"),
            (unsigned, (), "ab"),
        ):
            reply = gather(read([framed(*events, ended("end_turn"), STOP)], AnthropicReader()))
            self.assertEqual(tuple(map(json.loads, reply.reasoning_blocks)), blocks)
            self.assertEqual(reply.reasoning, shown)

    def test_reasons_to_stop_are_words_that_every_reader_knows(self) -> None:
        for reason, word in (
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("pause_turn", "stop"),
            ("tool_use", "tool_calls"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "refusal"),
            ("something_new", "something_new"),
        ):
            reply = gather(read([framed(*SPOKEN, ended(reason), STOP)], AnthropicReader()))
            self.assertEqual(reply.finish, word)

    def test_usage_is_whole_or_none(self) -> None:
        for first, last, usage in (
            ({"input_tokens": 1}, {"output_tokens": 2}, Usage(1, 2)),
            (
                {"input_tokens": 1, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4},
                {"output_tokens": 2},
                Usage(8, 2, 4, cache_write_tokens=3),
            ),
            (
                {"input_tokens": 1, "output_tokens": 1},
                {"input_tokens": 9, "output_tokens": 2},
                Usage(9, 2),
            ),
            ({}, {"output_tokens": 2}, None),
            ({"input_tokens": "1"}, {"output_tokens": 2}, None),
        ):
            start = {"type": "message_start", "message": {"usage": first}}
            end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}
            reply = gather(read([framed(start, *SPOKEN, end, STOP)], AnthropicReader()))
            self.assertEqual(reply.usage, usage)

    def test_arguments_that_come_whole_are_written_once(self) -> None:
        whole = begun(0, type="tool_use", id="t", name="f", input={"a": 1})
        bursts = read([framed(whole, closed(0), ended("tool_use"), STOP)], AnthropicReader())
        self.assertEqual(gather(bursts).calls, (FunctionCall("t", "f", '{"a":1}'),))

    def test_the_end_is_message_stop_or_a_reason_to_stop(self) -> None:
        reader = AnthropicReader()
        reader.feed(framed(*SPOKEN, STOP) + b"data: {{{\n\n")
        self.assertTrue(reader.is_over)
        self.assertEqual(reader.finish(), ())
        self.assertEqual(gather(read([framed(*SPOKEN, STOP)], AnthropicReader())).finish, "stop")
        reply = gather(read([framed(*SPOKEN, ended("end_turn"))], AnthropicReader()))
        self.assertEqual(reply.finish, "stop")
        for stream in (b"", framed(START, *SPOKEN), framed(*SPOKEN, STOP)[:-6]):
            with self.assertRaises(UpstreamTruncated):
                read([stream], AnthropicReader())

    def test_a_failure_is_told_behind_what_was_said(self) -> None:
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        bursts, failure = outcome([framed(START, *SPOKEN, error)], AnthropicReader())
        self.assertEqual(failure, "UpstreamError: Overloaded (overloaded_error)")
        self.assertEqual(gather(bursts).text, REPLY.text)
        with self.assertRaisesRegex(UpstreamError, "no JSON"):
            read([b"data: <html>\n\n"], AnthropicReader())


class SlowReader(AnthropicReader):
    """A reader that learns nothing."""

    def _known(self, payloads: list[bytes]) -> list[bytes]:
        return []


class RandomStreams(unittest.TestCase):
    def test_random_streams_say_the_same_fast_and_slow_at_every_cut(self) -> None:
        random = chance("anthropic")
        for _ in range(10_000 if LONG else 300):
            stream = random_stream(random)
            places = sorted(random.choices(range(len(stream) + 1), k=random.randrange(5)))
            cuts = zip([0, *places], [*places, len(stream)], strict=True)
            reads = [stream[a:b] for a, b in cuts]
            fast, slow = outcome(reads, AnthropicReader()), outcome(reads, SlowReader())
            with self.subTest(reads):
                self.assertEqual((deltas_in(fast[0]), fast[1]), (deltas_in(slow[0]), slow[1]))
                whole = outcome([stream], AnthropicReader())
                self.assertEqual((deltas_in(whole[0]), whole[1]), (deltas_in(fast[0]), fast[1]))


def random_stream(random: Random) -> bytes:
    """Return blocks in any order, some of them broken, and some kind of end."""
    events: list[Event] = [START]
    for index in range(random.randrange(5)):
        events += random_block(random, index)
    events += random.choice(
        ([ended("end_turn"), STOP], [STOP], [], [{"type": "error", "error": "x"}])
    )
    stream = framed(*events)
    return stream[: random.randrange(len(stream))] if random.random() < 0.2 else stream


def random_block(random: Random, index: int) -> Iterator[Event]:
    kind = random.choice(("text", "thinking", "tool_use", "odd"))
    yield begun(index, type=kind, id=f"t{index}", name="f")
    for _ in range(random.randrange(5)):
        words = random.choice(("a", "word ", STRANGE, ""))
        said = random.choice(
            ({"text": words}, {"thinking": words}, {"partial_json": words}, {"x": 1})
        )
        yield delta(index, "any", **said)
    if random.random() < 0.8:
        yield closed(index)


if __name__ == "__main__":
    unittest.main()
