"""Reading a request: limits of the body, every fault at once, defaults, what is left out."""

import json
import unittest
from typing import Any

from support import LONG, chance

from codex_oss.chat import ChatMessage, ChatRequest, ResponseFormat
from codex_oss.errors import BadRequest
from codex_oss.responses import ResponsesRequest, parse_request

USER = {"role": "user", "content": "hi"}


def read(**fields: Any) -> ResponsesRequest:
    return parse_request(json.dumps({"model": "m", "input": "hi"} | fields).encode())


def faults_of(body: bytes) -> list[tuple[str, str]]:
    """Return path and code of each fault of this body."""
    try:
        parse_request(body)
    except BadRequest as error:
        assert error.code == error.faults[0].code
        return [(fault.path, fault.code) for fault in error.faults]
    return []


def faults(**fields: Any) -> list[tuple[str, str]]:
    return faults_of(json.dumps({"model": "m", "input": "hi"} | fields).encode())


class Bodies(unittest.TestCase):
    def test_what_is_no_json_object_within_limits_is_refused(self) -> None:
        for body in (
            b"",
            b"{",
            b"[]",
            b'"x"',
            b"null",
            b"\xef\xbb\xbf{}",
            b'{"model":"\xff"}',
            '{"model":"m"}'.encode("utf-16"),
            b'{"model":"m","model":"n","input":"x"}',
            b'{"model":"m","input":[{"a":1,"a":2}]}',
            b'{"temperature":NaN}',
            b'{"temperature":-Infinity}',
            b'{"temperature":1e999}',
            b'{"max_output_tokens":' + b"9" * 4_001 + b"}",
            b'{"metadata":"a\nb"}',
            b'{"input":' + b"[" * 128 + b"]" * 128 + b"}",
            b'{"input":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
            b"[" * 1_000_000,
            b'{"input":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
        ):
            with self.subTest(body[:40]):
                self.assertEqual(faults_of(body), [("", "invalid_json")])

    def test_at_most_128_levels_and_2_000_000_values(self) -> None:
        deep = b'{"model":"m","input":"x","x":%b1%b}' % (b"[" * 127, b"]" * 127)
        self.assertEqual(faults_of(deep), [])
        many = b'{"model":"m","input":"x","x":[%b]}'
        self.assertEqual(faults_of(many % b",".join([b"0"] * 1_999_996)), [])
        self.assertEqual(faults_of(many % b",".join([b"0"] * 1_999_997)), [("", "invalid_json")])
        self.assertEqual(faults_of(many % (b"9" * 4_000)), [])
        text = b'{"model":"m","input":"%b"}' % (b"[,{" * 1_000_000)
        self.assertEqual(faults_of(text), [])

    def test_lone_surrogates_become_replacement_characters(self) -> None:
        request = parse_request(b'{"model":"m","input":"a\\ud83d b\\ud83d\\ude00 \\\\ud83d"}')
        said = ChatMessage("user", "a\ufffd b\U0001f600 \\ud83d")
        self.assertEqual((request.items, request.repaired), ((said,), ("surrogates",)))
        self.assertEqual(parse_request(b'{"model":"m","input":"\\ud83d\\ude00"}').repaired, ())

    def test_random_bytes_are_a_fault_and_never_anything_else(self) -> None:
        random = chance("bodies")
        good = json.dumps({"model": "m", "input": [USER], "tools": [{"type": "function"}]}).encode()
        for _ in range(20_000 if LONG else 500):
            body = bytearray(good)
            for _ in range(random.randrange(4)):
                body[random.randrange(len(body))] = random.choice(b'{}[]",:\\0e-\xff\x00nt')
            faults_of(bytes(body))


class Parameters(unittest.TestCase):
    def test_only_model_and_input_are_needed(self) -> None:
        request = read()
        self.assertEqual((request.model, request.items), ("m", (ChatMessage("user", "hi"),)))
        self.assertEqual((request.stream, request.store, request.background), (False, True, False))
        self.assertEqual((request.dropped, request.asked), ((), ChatRequest(messages=())))

    def test_what_is_asked_of_a_model_is_all_that_the_caller_said(self) -> None:
        schema = {"type": "object", "properties": {}}
        form = {"name": "n", "schema": schema, "strict": True, "description": "d"}
        request = read(
            parallel_tool_calls=False,
            max_output_tokens=5,
            temperature=0,
            top_p=1,
            presence_penalty=-1,
            frequency_penalty=0.5,
            text={"format": {"type": "json_schema", **form}},
            reasoning={"effort": "high"},
            prompt_cache_key="key",
        )
        self.assertEqual(
            request.asked,
            ChatRequest(
                messages=(),
                parallel_calls=False,
                max_output_tokens=5,
                temperature=0,
                top_p=1,
                presence_penalty=-1,
                frequency_penalty=0.5,
                response_format=ResponseFormat("n", schema, True, "d"),
                effort="high",
                cache_key="key",
            ),
        )
        self.assertEqual(request.dropped, ())
        any_object = read(text={"format": {"type": "json_object"}})
        self.assertEqual(any_object.asked.response_format, ResponseFormat())

    def test_null_is_absent(self) -> None:
        names = (*read().echo, "include", "stream_options", "client_metadata", "user", "stream")
        names = (*names, "conversation", "prompt", "previous_response_id")
        self.assertEqual(read(**dict.fromkeys(names)), read())

    def test_every_type_fault_is_told_at_once_with_its_path(self) -> None:
        found = faults(
            model=7,
            instructions=["x"],
            stream="yes",
            temperature=True,
            top_p=1.5,
            presence_penalty=-3,
            max_output_tokens=0,
            metadata={"k": 1},
            truncation="maybe",
            text={"format": 1, "verbosity": 2},
            reasoning={"effort": 5},
            tools=[7, {"type": "function", "name": 1, "parameters": "x"}, {"name": "f"}],
            tool_choice="sometimes",
            input=[{"role": "robot", "content": 5}, 9, {"type": "function_call", "name": "f"}],
        )
        self.assertEqual(
            sorted(found),
            sorted(
                [
                    ("model", "invalid_type"),
                    ("instructions", "invalid_type"),
                    ("stream", "invalid_type"),
                    ("temperature", "invalid_type"),
                    ("top_p", "invalid_type"),
                    ("presence_penalty", "invalid_type"),
                    ("max_output_tokens", "invalid_type"),
                    ("metadata", "invalid_type"),
                    ("truncation", "invalid_type"),
                    ("text.format", "invalid_type"),
                    ("text.verbosity", "invalid_type"),
                    ("reasoning.effort", "invalid_type"),
                    ("tools[0]", "invalid_type"),
                    ("tools[1].name", "invalid_type"),
                    ("tools[1].parameters", "invalid_type"),
                    ("tools[2].type", "missing_required_parameter"),
                    ("tool_choice", "invalid_value"),
                    ("input[0].role", "invalid_value"),
                    ("input[0].content", "invalid_type"),
                    ("input[1]", "invalid_type"),
                    ("input[2].call_id", "missing_required_parameter"),
                    ("input[2].arguments", "missing_required_parameter"),
                ]
            ),
        )

    def test_an_error_says_what_was_expected_and_no_text_of_the_caller(self) -> None:
        with self.assertRaises(BadRequest) as caught:
            read(instructions=["secret words"], temperature=3)
        told = "instructions: expected a string, got a list; "
        told += "temperature: expected a number from 0 to 2, got 3"
        self.assertEqual(caught.exception.message, told)
        with self.assertRaises(BadRequest) as caught:
            read(prompt="p")
        self.assertEqual(caught.exception.hint, "send its text")

    def test_every_parameter_takes_its_whole_range_and_nothing_beside_it(self) -> None:
        for name, good, bad in (
            ("model", ("m" * 200,), ("m" * 201, "")),
            ("temperature", (0, 2.0), (-0.1, 2.1, "1", True)),
            ("top_p", (0, 1), (-1, 1.01)),
            ("presence_penalty", (-2, 2), (-2.5, 3)),
            ("frequency_penalty", (-2, 2), (-2.5, 2.5)),
            ("max_output_tokens", (1, 10**9), (0, 1.0, "5", True)),
            ("top_logprobs", (0, 20), (-1, 0.5)),
            ("truncation", ("auto", "disabled"), ("never", 1, [])),
            (
                "metadata",
                ({}, {str(n): "v" for n in range(16)}, {"k" * 64: "v" * 512}),
                ({str(n): "v" for n in range(17)}, {"k" * 65: "v"}, {"k": "v" * 513}, {"k": 1}, []),
            ),
        ):
            for value in good:
                self.assertEqual(faults(**{name: value}), [], (name, value))
            for value in bad:
                self.assertEqual(faults(**{name: value}), [(name, "invalid_type")], (name, value))

    def test_what_would_change_the_meaning_is_refused(self) -> None:
        for name, value, code in (
            ("conversation", "conv_1", "unsupported_parameter"),
            ("prompt", {"id": "p"}, "unsupported_parameter"),
            ("previous_response_id", "resp_1", "previous_response_not_found"),
        ):
            self.assertEqual(faults(**{name: value}), [(name, code)])

    def test_a_background_response_is_stored_and_not_streamed(self) -> None:
        refused = [("background", "unsupported_parameter")]
        for others, expected in (
            ({}, []),
            ({"stream": False, "store": True}, []),
            ({"stream": True}, refused),
            ({"store": False}, refused),
            ({"stream": True, "store": False}, refused * 2),
        ):
            self.assertEqual(faults(background=True, **others), expected)
            self.assertEqual(faults(background=False, **others), [])
        self.assertTrue(read(background=True).background)

    def test_a_format_that_is_none_is_a_fault(self) -> None:
        schema = {"type": "object"}
        for form, path, code in (
            ({"type": "grammar"}, "text.format.type", "invalid_value"),
            ({"name": "n"}, "text.format.type", "missing_required_parameter"),
            (
                {"type": "json_schema", "name": "n"},
                "text.format.schema",
                "missing_required_parameter",
            ),
            (
                {"type": "json_schema", "schema": schema},
                "text.format.name",
                "missing_required_parameter",
            ),
            (
                {"type": "json_schema", "name": "n", "schema": 5},
                "text.format.schema",
                "invalid_type",
            ),
        ):
            self.assertEqual(faults(text={"format": form}), [(path, code)], form)

    def test_envelopes_are_asked_for_by_name_or_because_nothing_is_stored(self) -> None:
        name = "reasoning.encrypted_content"
        for fields, wanted in (
            ({}, False),
            ({"include": []}, False),
            ({"include": [name]}, True),
            ({"include": ["message.output_text.logprobs"]}, False),
            ({"store": False}, True),
        ):
            self.assertEqual(read(**fields).wants_envelopes, wanted, fields)
        self.assertEqual(faults(include=[name, 5]), [("include[1]", "invalid_type")])

    def test_missing_model_missing_input_and_empty_input_are_faults(self) -> None:
        missing = [("model", "missing_required_parameter"), ("input", "missing_required_parameter")]
        self.assertEqual(faults_of(b"{}"), missing)
        self.assertEqual(faults(model=""), [("model", "invalid_type")])
        self.assertEqual(faults(model="m" * 201), [("model", "invalid_type")])
        self.assertEqual(faults(input=[]), [("input", "invalid_value")])
        self.assertEqual(faults(input=[USER] * 20_001), [("input", "invalid_value")])

    def test_what_is_accepted_and_not_sent_on_is_named_unless_it_is_the_default(self) -> None:
        defaults = {
            "truncation": "disabled",
            "top_logprobs": 0,
            "presence_penalty": 0,
            "service_tier": "auto",
            "include": [],
            "text": {"format": {"type": "text"}},
            "reasoning": {"effort": None},
            "tools": [],
        }
        self.assertEqual(read(**defaults).dropped, ())
        request = read(
            truncation="auto",
            max_tool_calls=3,
            top_logprobs=2,
            frequency_penalty=0.5,
            service_tier="flex",
            safety_identifier="s",
            user="u",
            stream_options={"include_obfuscation": False},
            prompt_cache_key="k",
            client_metadata={"a": "b"},
            include=["reasoning.encrypted_content", "web_search_call.results"],
            text={"verbosity": "low", "format": {"type": "json_object"}},
            reasoning={"effort": "high", "summary": "auto"},
            made_up=1,
        )
        self.assertEqual(
            set(request.dropped),
            {
                *("truncation", "max_tool_calls", "top_logprobs", "service_tier"),
                *("safety_identifier", "user", "stream_options", "client_metadata"),
                *("include:web_search_call.results", "made_up"),
                *("text.verbosity", "reasoning.summary"),
            },
        )

    def test_the_names_of_what_is_left_out_are_bounded(self) -> None:
        dropped = read(**{"x" * 100 + str(n): 1 for n in range(3)}).dropped
        self.assertEqual(dropped, ("x" * 64,))
        for fields, names, last in ((100, 100, "field99"), (101, 101, "..."), (500, 101, "...")):
            dropped = read(**{f"field{n}": 1 for n in range(fields)}).dropped
            self.assertEqual((len(dropped), dropped[-1]), (names, last))

    def test_five_faults_are_told_in_the_message_and_the_rest_counted(self) -> None:
        for count, more in ((5, ""), (6, "; and 1 more")):
            with self.assertRaises(BadRequest) as caught:
                read(input=[{"role": "robot", "content": ""}] * count)
            told = caught.exception.message
            self.assertEqual(
                (told.count("expected one of"), len(caught.exception.faults)), (5, count)
            )
            self.assertTrue(told.endswith(f"developer{more}"), told)


if __name__ == "__main__":
    unittest.main()
