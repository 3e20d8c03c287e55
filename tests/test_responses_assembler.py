"""How a turn ends (bridge 13 and 14), and what a stream of events holds to whatever happens."""

import json
import unittest
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from support import chance
from support.schema import faults_of_response
from support.turns import Event, check_events, parsed, stream_of, text_of, turn_of

from codex_oss.chat import TOLERATED_EOF, Burst, CallDelta, ChatChunk, Served, TextRun, Usage
from codex_oss.errors import (
    BridgeError,
    BrokenPromise,
    Busy,
    Cancelled,
    ContextTooLong,
    QuotaExhausted,
    RateLimited,
    UpstreamAuth,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamTruncated,
)
from codex_oss.responses import Encoder, Receipt, Turn, assemble, whole

OLD, NEW, OTHER = (0, 160, 0), (0, 169, 0), None
CODEX = (OLD, NEW)
ALL = (OLD, NEW, OTHER)

TEXT = TextRun((b'"Hel"', b'"lo"'))
CALL = ChatChunk(calls=(CallDelta(0, "i", "f", '{"a":1}'),))
CUT_CALL = ChatChunk(calls=(CallDelta(1, "j", "g", '{"a":'),))
CALL_TOO = ChatChunk(calls=(CallDelta(1, "j", "g", "{}"),))
THOUGHT = ChatChunk(reasoning="hm")
COUNTS = ChatChunk(usage=Usage(9, 4, 2, 1))


def end(word: str) -> ChatChunk:
    return ChatChunk(finish=word)


def turn(version: tuple[int, ...] | None = OTHER, **fields: Any) -> Turn:
    return turn_of(json.dumps({"model": "m", "input": "hi"} | fields).encode(), version)


def model(*bursts: Burst, error: BridgeError | None = None) -> Iterator[Burst]:
    yield from bursts
    if error:
        raise error


def ends(asked: Turn, bursts: Iterable[Burst]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Return the terminal event, its reason or code, and type, status and text of all items."""
    response = parsed(stream_of(asked, bursts))[-1]["response"]
    why = response["error"] or response["incomplete_details"] or {}
    items = [(item["type"], item["status"], text_of(item)) for item in response["output"]]
    return response["status"], why.get("code", why.get("reason", "")), items


MESSAGE = ("message", "completed", "Hello")
MESSAGE_CUT = ("message", "incomplete", "Hello")
DONE_CALL = ("function_call", "completed", '{"a":1}')
OPEN_CALL = ("function_call", "incomplete", '{"a":')
# What the model says, to whom, and how it ends: status, code or reason, items.
ENDS: tuple[tuple[Burst, tuple[tuple[int, ...] | None, ...], str, str, list[Any]], ...] = (
    ((TEXT, end("stop")), ALL, "completed", "", [MESSAGE]),
    ((TEXT, end("tool_calls")), ALL, "completed", "", [MESSAGE]),
    ((TEXT, CALL, end("stop")), ALL, "completed", "", [MESSAGE, DONE_CALL]),
    ((TEXT, end("a word nobody knows")), ALL, "completed", "", [MESSAGE]),
    (
        (TEXT, THOUGHT, end("stop")),
        ALL,
        "completed",
        "",
        [MESSAGE, ("reasoning", "completed", "hm")],
    ),
    ((CUT_CALL, end("stop")), ALL, "completed", "", [("function_call", "completed", '{"a":')]),
    ((TEXT, end("length")), (NEW, OTHER), "incomplete", "max_output_tokens", [MESSAGE_CUT]),
    ((TEXT, end("length")), (OLD,), "failed", "invalid_prompt", [MESSAGE_CUT]),
    (
        (TEXT, CALL, CUT_CALL, end("length")),
        (NEW, OTHER),
        "incomplete",
        "max_output_tokens",
        [MESSAGE, DONE_CALL, OPEN_CALL],
    ),
    ((CUT_CALL, end("length")), (OLD,), "failed", "invalid_prompt", [OPEN_CALL]),
    ((CUT_CALL, end("length")), (OTHER,), "incomplete", "max_output_tokens", [OPEN_CALL]),
    ((end("length"),), (OTHER,), "incomplete", "max_output_tokens", []),
    ((TEXT, end("content_filter")), (OTHER,), "incomplete", "content_filter", [MESSAGE_CUT]),
    ((TEXT, end("sensitive")), CODEX, "failed", "invalid_prompt", [MESSAGE_CUT]),
    (
        (TEXT, end("insufficient_system_resource")),
        ALL,
        "failed",
        "server_is_overloaded",
        [MESSAGE_CUT],
    ),
    ((TEXT, end("error")), ALL, "failed", "server_error", [MESSAGE_CUT]),
    ((TEXT,), ALL, "failed", "server_error", [MESSAGE_CUT]),
    ((CALL,), ALL, "failed", "server_error", [("function_call", "incomplete", '{"a":1}')]),
    ((), ALL, "failed", "server_error", []),
    ((end("stop"),), ALL, "failed", "server_error", []),
    ((THOUGHT, end("stop")), ALL, "failed", "server_error", [("reasoning", "incomplete", "hm")]),
    (
        (ChatChunk(calls=(CallDelta(0, "i"),)), end("stop")),
        ALL,
        "failed",
        "server_error",
        [("function_call", "incomplete", "{}")],
    ),
)
# The provider's failure, and the code that another client and a Codex client get.
FAILURES: tuple[tuple[BridgeError, str, str], ...] = (
    (UpstreamError("x"), "server_error", "server_error"),
    (UpstreamTruncated("x"), "server_error", "server_error"),
    (UpstreamOverloaded("x"), "server_is_overloaded", "server_is_overloaded"),
    (RateLimited("x"), "rate_limit_exceeded", "rate_limit_exceeded"),
    (Busy("x"), "rate_limit_exceeded", "rate_limit_exceeded"),
    (ContextTooLong("x"), "context_length_exceeded", "context_length_exceeded"),
    (QuotaExhausted("x"), "insufficient_quota", "invalid_prompt"),
    (UpstreamAuth("x"), "upstream_auth", "invalid_prompt"),
    (BrokenPromise("x"), "internal_error", "invalid_prompt"),
)


class Endings(unittest.TestCase):
    def test_every_way_in_which_an_answer_ends(self) -> None:
        for said, versions, status, why, items in ENDS:
            for version in versions:
                with self.subTest(said, version=version):
                    asked = turn(version)
                    self.assertEqual(ends(asked, [said]), (status, why, items))
                    check_events(self, parsed(stream_of(asked, [said])))

    def test_every_word_for_a_cut_and_for_a_failure_counts(self) -> None:
        for words, found in (
            ("length max_tokens", ("incomplete", "max_output_tokens")),
            ("content_filter refusal sensitive", ("incomplete", "content_filter")),
            ("error network_error", ("failed", "server_error")),
            ("insufficient_system_resource", ("failed", "server_is_overloaded")),
        ):
            for word in words.split():
                self.assertEqual(ends(turn(), [(TEXT, end(word))])[:2], found, word)

    def test_a_failure_at_any_place_has_its_code_and_comes_last(self) -> None:
        for error, code, codex_code in FAILURES:
            for version, expected in ((OTHER, code), (NEW, codex_code)):
                for bursts in ((), ((TEXT,),), ((TEXT, CALL),), ((TEXT, end("stop")),)):
                    with self.subTest(type(error).__name__, version=version, bursts=bursts):
                        stream = stream_of(turn(version), model(*bursts, error=error))
                        events = parsed(stream)
                        check_events(self, events)
                        failed = events[-1]["response"]["error"]
                        self.assertEqual(failed, {"code": expected, "message": "x"})

    def test_what_is_open_at_a_failure_is_listed_and_never_done(self) -> None:
        other = ChatChunk(calls=(CallDelta(1, "j", "g", "{}"),))
        events = parsed(stream_of(turn(), model((TEXT, CALL, other), error=UpstreamError("x"))))
        done = [event["item"]["type"] for event in events if event["type"].endswith("item.done")]
        self.assertEqual(done, ["message"])
        listed = [(item["name"], item["status"]) for item in events[-1]["response"]["output"][1:]]
        self.assertEqual(listed, [("f", "incomplete"), ("g", "incomplete")])

    def test_what_was_said_before_a_failure_in_the_same_burst_is_still_said(self) -> None:
        nameless = ChatChunk(calls=(CallDelta(0, "i", "", "{}"),))
        said = parsed(stream_of(turn(), [(TEXT, nameless, ChatChunk("more"), end("stop"))]))
        check_events(self, said)
        self.assertEqual([event["delta"] for event in said if "delta" in event], ["Hel", "lo"])
        self.assertIn("without a name", said[-1]["response"]["error"]["message"])

    def test_beside_a_call_without_a_name_none_is_done(self) -> None:
        nameless = ChatChunk(calls=(CallDelta(1, "j", "", "{}"),))
        for last in (end("stop"), ChatChunk("more")):
            status, _, items = ends(turn(), [(CALL, nameless, last)])
            cut = [("function_call", "incomplete", said) for said in ('{"a":1}', "{}")]
            self.assertEqual((status, items), ("failed", cut))

    def test_a_wait_and_a_hint_are_told_in_the_sentence(self) -> None:
        for error, told in (
            (
                RateLimited("slow down.", retry_after_seconds=1.5),
                "slow down. Please try again in 1.5s.",
            ),
            (RateLimited("try again in 3s", retry_after_seconds=3), "try again in 3s"),
            (UpstreamAuth("no key", hint="set X"), "no key Hint: set X"),
            (UpstreamError("two\n lines " + "x" * 999), "two lines " + "x" * 590),
        ):
            events = parsed(stream_of(turn(NEW), model(error=error)))
            self.assertEqual(events[-1]["response"]["error"]["message"], told)

    def test_output_limits_are_told_with_their_number_where_it_is_known(self) -> None:
        for asked, bursts, told in (
            (turn(OLD, max_output_tokens=7), [(TEXT, end("length"))], "output limit of 7 tokens"),
            (turn(OLD), [(TEXT, end("length"), COUNTS)], "output limit of 4 tokens"),
            (turn(OLD), [(TEXT, end("length"))], "output limit"),
        ):
            error = parsed(stream_of(asked, bursts))[-1]["response"]["error"]
            self.assertEqual(error["message"], f"{told} reached")

    def test_an_end_of_file_is_an_end_after_whole_calls_where_a_dialect_says_so(self) -> None:
        eof = end(TOLERATED_EOF)
        for said, status in (
            ((CALL, eof), "completed"),
            ((TEXT, CALL, CALL_TOO, eof), "completed"),
            ((CALL, CUT_CALL, eof), "failed"),
            ((CALL, TEXT, eof), "failed"),
            ((TEXT, eof), "failed"),
            ((eof,), "failed"),
        ):
            response = parsed(stream_of(turn(), [said]))[-1]["response"]
            found = response["status"], response["oss_receipt"].get("eof_tolerated", False)
            self.assertEqual(found, (status, status == "completed"), said)

    def test_who_answers_is_told_at_the_end_and_who_should_have_at_the_beginning(self) -> None:
        receipt = Receipt(lane="plain", profile="kimi", repaired=("surrogates",))
        served = Served("flash", tries=2, fallback_from="kimi", repaired=("arguments",))
        asked = replace(turn(), receipt=receipt)
        for bursts in (
            [(served,), (TEXT, end("stop"), COUNTS)],
            [(served, TEXT), (end("x"), COUNTS)],
        ):
            events = parsed(stream_of(asked, bursts))
            check_events(self, events)
            self.assertEqual(
                [event["response"]["oss_receipt"] for event in (events[0], events[-1])],
                [
                    {"lane": "plain", "profile": "kimi", "repaired": ["surrogates"]},
                    {
                        "lane": "plain",
                        "profile": "flash",
                        "tries": 2,
                        "fallback_from": "kimi",
                        "repaired": ["surrogates", "arguments"],
                    },
                ],
            )
        failed = parsed(stream_of(asked, model((served,), error=UpstreamError("x"))))[-1]
        self.assertEqual(failed["response"]["oss_receipt"]["profile"], "flash")

    def test_thinking_of_a_try_that_led_to_nothing_is_an_item_of_its_own(self) -> None:
        thought = ChatChunk(reasoning="hm")
        again = [(Served(),), (thought,), (Served(tries=2),), (thought,), (TEXT, end("stop"))]
        events = parsed(stream_of(turn(), again))
        check_events(self, events)
        kinds = [item["type"] for item in events[-1]["response"]["output"]]
        self.assertEqual(kinds, ["reasoning", "reasoning", "message"])

    def test_nobody_is_answered_who_left(self) -> None:
        with self.assertRaises(Cancelled):
            list(assemble(turn(), model((TEXT,), error=Cancelled("client left"))))

    def test_the_first_events_come_before_the_provider_is_asked(self) -> None:
        asked: list[str] = []

        def provider() -> Iterator[Burst]:
            asked.append("now")
            yield (TEXT, end("stop"))

        events = assemble(turn(), provider())
        self.assertEqual(
            [event.step for event in next(events)], ["response.created", "response.in_progress"]
        )
        self.assertEqual(asked, [])

    def test_silence_makes_no_event_and_each_burst_one_list(self) -> None:
        bursts = [(), (ChatChunk(),), (TEXT,), (), (TEXT, CALL), (end("stop"),), (COUNTS,)]
        self.assertEqual(len(list(assemble(turn(), bursts))), 4)


class Usages(unittest.TestCase):
    def usage_of(self, *bursts: Burst, error: BridgeError | None = None) -> tuple[Any, bool]:
        asked = turn(instructions="12345678", tools=[])
        response = parsed(stream_of(asked, model(*bursts, error=error)))[-1]["response"]
        return response["usage"], response["oss_receipt"].get("usage_estimated", False)

    def test_counts_of_the_provider_are_told_whole(self) -> None:
        counts = {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
            "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 13,
        }
        self.assertEqual(self.usage_of((TEXT, end("stop")), (COUNTS,)), (counts, False))
        self.assertEqual(self.usage_of((TEXT, COUNTS), error=UpstreamError("x")), (counts, False))

    def test_without_counts_they_are_estimated_or_null_on_a_failure(self) -> None:
        usage, is_estimated = self.usage_of((TEXT, THOUGHT, CALL, end("stop")))
        # 8 + 2 + 2 bytes of instructions, `[]` and "hi"; 5 + 2 + 8 of what the model wrote.
        self.assertEqual((usage["input_tokens"], usage["output_tokens"]), (3, 4))
        self.assertTrue(is_estimated)
        self.assertEqual(self.usage_of((TEXT,), error=UpstreamError("x")), (None, False))


class Responses(unittest.TestCase):
    def test_the_response_repeats_the_request_or_its_defaults(self) -> None:
        given = {
            "instructions": "i",
            "tools": [{"type": "function", "name": "f"}],
            "tool_choice": "required",
            "temperature": 0.5,
            "top_p": 0.25,
            "parallel_tool_calls": False,
            "max_output_tokens": 77,
            "metadata": {"k": "v"},
            "store": False,
            "truncation": "auto",
            "text": {"verbosity": "low"},
            "reasoning": {"effort": "low"},
            "prompt_cache_key": "key",
            "service_tier": "flex",
        }
        shown = self.response_of(turn(**given))
        flat = {"description": None, "parameters": None, "strict": None}
        expected = given | {
            "tools": [{"type": "function", "name": "f", **flat}],
            "text": {"format": {"type": "text"}, "verbosity": "low"},
            "reasoning": {"effort": "low", "summary": None},
        }
        self.assertEqual({name: shown[name] for name in given}, expected)
        defaults = self.response_of(turn())
        plain = {
            "instructions": None,
            "tools": [],
            "tool_choice": "auto",
            "temperature": 1.0,
            "top_p": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "parallel_tool_calls": True,
            "truncation": "disabled",
            "store": True,
            "background": False,
            "top_logprobs": 0,
            "text": {"format": {"type": "text"}},
            "model": "m",
            "object": "response",
            "created_at": 1_790_000_000,
        }
        self.assertEqual({name: defaults[name] for name in plain}, plain)

    def response_of(self, asked: Turn) -> Event:
        events = parsed(stream_of(asked, [(TEXT, CALL, end("stop"), COUNTS)]))
        check_events(self, events)
        final = {"output", "usage", "status", "completed_at"}
        for event in events[:2]:  # Only these differ between the beginning and the end.
            first, last = event["response"], events[-1]["response"]
            self.assertEqual({name for name in last if first[name] != last[name]}, final)
        response = events[-1]["response"]
        assert isinstance(response, dict)
        return response

    def test_a_json_reply_is_the_fold_of_the_events(self) -> None:
        for said, versions, status, _, _ in ENDS:
            asked = turn(versions[0])
            streamed = parsed(stream_of(asked, [said]))[-1]["response"]
            if status == "failed":
                with self.assertRaises(BridgeError) as caught:
                    whole(assemble(asked, [said]))
                self.assertTrue(streamed["error"]["message"].startswith(caught.exception.message))
            else:
                reply = json.loads(json.dumps(whole(assemble(asked, [said]))))
                self.assertEqual(reply, streamed)
                self.assertEqual(faults_of_response(reply), [])

    def test_ids_are_ours_and_unique(self) -> None:
        calls = tuple(CallDelta(n, "same", "f", "{}") for n in range(5))
        said = (THOUGHT, TEXT, ChatChunk(calls=calls), THOUGHT, TEXT, end("stop"))
        output = parsed(stream_of(turn(), [said]))[-1]["response"]["output"]
        ids = [item["id"] for item in output]
        call_ids = [item["call_id"] for item in output if "call_id" in item]
        self.assertEqual(len({*ids, *call_ids}), 14)
        for item_id in ids:
            self.assertRegex(item_id, r"^(msg|rs|fc)_[0-9a-f]{32}$")
        for call_id in call_ids:
            self.assertRegex(call_id, r"^call_[0-9a-f]{24}$")


class RandomAnswers(unittest.TestCase):
    def test_whatever_a_model_does_there_is_one_terminal_event_and_it_is_last(self) -> None:
        random = chance("answers")
        pieces = (TEXT, CALL, CUT_CALL, THOUGHT, COUNTS, end("stop"), end("length"), ChatChunk())
        more = (ChatChunk("a", "b", CALL.calls), ChatChunk(calls=(CallDelta(),)))
        errors = (None, None, UpstreamError("x"), QuotaExhausted("x"))
        for _ in range(200):
            bursts = [
                tuple(random.choices(pieces + more, k=random.randrange(4)))
                for _ in range(random.randrange(6))
            ]
            asked = turn(random.choice(ALL))
            stream = stream_of(asked, model(*bursts, error=random.choice(errors)))
            check_events(self, parsed(stream))

    def test_a_heartbeat_may_stand_between_any_two_events(self) -> None:
        encoder, stream = Encoder(), b""
        for events in assemble(turn(), [(THOUGHT,), (TEXT,), (CALL,), (CUT_CALL,), (end("stop"),)]):
            stream += encoder.encode(events) + encoder.beat()
        self.assertEqual(encoder.beat(), b"")
        events_sent = parsed(stream)
        self.assertEqual([event["type"] for event in events_sent].count("response.in_progress"), 5)
        check_events(self, events_sent)


if __name__ == "__main__":
    unittest.main()
