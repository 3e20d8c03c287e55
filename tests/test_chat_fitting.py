"""A request fitted to a dialect: what each flag changes, and by which name it is told."""

import unittest
from base64 import b64encode
from dataclasses import replace
from typing import Any

import support  # noqa: F401

from codex_oss.chat import (
    EFFORTS,
    GENERIC,
    ChatMessage,
    ChatRequest,
    Dialect,
    FilePart,
    Fitted,
    FunctionTool,
    ImagePart,
    ResponseFormat,
    TextPart,
    fit,
)
from codex_oss.errors import BadRequest

TOOL = FunctionTool("f", "", {"type": "object"})
SYSTEM = ChatMessage("system", "Be good.")
TASK = ChatMessage("user", "Go.")
PLAIN = ChatRequest((SYSTEM, TASK), (TOOL,))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
SHAPE = ResponseFormat("n", SCHEMA, True, "a number")
IN_WORDS = "Answer with one JSON object and nothing else"
SCHEMA_IN_WORDS = (
    f"{IN_WORDS}, one that this JSON Schema allows:\n"
    '{"type":"object","properties":{"n":{"type":"integer"}}}'
)
DEEPSEEK = Dialect(
    efforts=("low", "high", "max"),
    effort_words={"minimal": "low", "medium": "high", "xhigh": "high", "ultra": "max"},
)


def told(sentence: str) -> dict[str, Any]:
    """Return the messages of PLAIN with a sentence in the system's."""
    return {"messages": (ChatMessage("system", f"Be good.\n\n{sentence}"), TASK)}


Change = dict[str, Any]
ROWS: tuple[tuple[str, Dialect, Change, Change, Change], ...] = (
    # What it shows, a dialect, what is asked beside PLAIN, what is sent for it, what is told.
    (
        "a length is cut",
        Dialect(output_tokens_max=9),
        {"max_output_tokens": 10},
        {"max_output_tokens": 9},
        {"downgraded": ("max_output_tokens",)},
    ),
    ("a length within is not", Dialect(output_tokens_max=9), {"max_output_tokens": 9}, {}, {}),
    (
        "one that the model needs",
        Dialect(output_tokens_default=7),
        {},
        {"max_output_tokens": 7},
        {},
    ),
    (
        "one that it needs, cut",
        Dialect(output_tokens_default=7, output_tokens_max=5),
        {},
        {"max_output_tokens": 5},
        {},
    ),
    (
        "a length that is refused",
        Dialect(refused=frozenset({"max_tokens"})),
        {"max_output_tokens": 9},
        {"max_output_tokens": None},
        {"dropped": ("max_output_tokens",)},
    ),
    (
        "one temperature or none",
        Dialect(temperatures=(1.0,)),
        {"temperature": 0.5},
        {"temperature": None},
        {"dropped": ("temperature",)},
    ),
    ("the one temperature", Dialect(temperatures=(1.0,)), {"temperature": 1}, {}, {}),
    (
        "fields that are refused",
        Dialect(
            refused=frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
        ),
        {"temperature": 0, "top_p": 1, "presence_penalty": 1, "frequency_penalty": 1},
        {"temperature": None, "top_p": None, "presence_penalty": None, "frequency_penalty": None},
        {"dropped": ("temperature", "top_p", "presence_penalty", "frequency_penalty")},
    ),
    (
        "a cache key that is not taken",
        GENERIC,
        {"cache_key": "k"},
        {"cache_key": ""},
        {"dropped": ("prompt_cache_key",)},
    ),
    ("a cache key that is", Dialect(takes_cache_key=True), {"cache_key": "k"}, {}, {}),
    (
        "a cache key that is refused",
        Dialect(takes_cache_key=True, refused=frozenset({"prompt_cache_key"})),
        {"cache_key": "k"},
        {"cache_key": ""},
        {"dropped": ("prompt_cache_key",)},
    ),
    ("one call at a time", GENERIC, {"parallel_calls": False}, {}, {}),
    (
        "one call at a time, refused",
        Dialect(refused=frozenset({"parallel_tool_calls"})),
        {"parallel_calls": False},
        {"parallel_calls": None},
        {"dropped": ("parallel_tool_calls",)},
    ),
    ("choices that are taken", GENERIC, {"tool_choice": "f"}, {}, {}),
    (
        "a choice of tool in words",
        Dialect(tool_choices=("none", "required")),
        {"tool_choice": "f"},
        {"tool_choice": "auto", **told("Call the tool `f` in this turn.")},
        {"downgraded": ("tool_choice",)},
    ),
    (
        "a choice of any in words",
        Dialect(tool_choices=("none",)),
        {"tool_choice": "required"},
        {"tool_choice": "auto", **told("Call at least one tool in this turn.")},
        {"downgraded": ("tool_choice",)},
    ),
    (
        "a choice of none in words",
        Dialect(refused=frozenset({"tool_choice"})),
        {"tool_choice": "none"},
        {"tool_choice": "auto", **told("Answer without calling a tool.")},
        {"downgraded": ("tool_choice",)},
    ),
    ("a shape that is taken", GENERIC, {"response_format": SHAPE}, {}, {}),
    (
        "a shape as any object and words",
        Dialect(response_formats=("json_object",)),
        {"response_format": SHAPE},
        {"response_format": ResponseFormat(), **told(SCHEMA_IN_WORDS)},
        {"downgraded": ("text.format",)},
    ),
    (
        "a shape in words",
        Dialect(response_formats=()),
        {"response_format": SHAPE},
        {"response_format": None, **told(SCHEMA_IN_WORDS)},
        {"downgraded": ("text.format",)},
    ),
    (
        "any object in words",
        Dialect(refused=frozenset({"response_format"})),
        {"response_format": ResponseFormat()},
        {"response_format": None, **told(IN_WORDS)},
        {"downgraded": ("text.format",)},
    ),
    (
        "an effort without a choice",
        GENERIC,
        {"effort": "high"},
        {"effort": ""},
        {"dropped": ("reasoning.effort",)},
    ),
    ("an effort of the model's own", DEEPSEEK, {"effort": "max"}, {}, {}),
    (
        "an effort by the table",
        DEEPSEEK,
        {"effort": "medium"},
        {"effort": "high"},
        {"downgraded": ("reasoning.effort",)},
    ),
    (
        "sentences without a system message",
        Dialect(response_formats=()),
        {"response_format": ResponseFormat(), "messages": (TASK,)},
        {"response_format": None, "messages": (ChatMessage("system", IN_WORDS), TASK)},
        {"downgraded": ("text.format",)},
    ),
    (
        "late instructions by the user",
        GENERIC,
        {"messages": (TASK, SYSTEM, TASK)},
        {"messages": (TASK, ChatMessage("user", "<developer>\nBe good.\n</developer>"), TASK)},
        {},
    ),
    (
        "late instructions where they may stand",
        Dialect(takes_late_system=True),
        {"messages": (TASK, SYSTEM, TASK)},
        {},
        {},
    ),
    (
        "first instructions, joined",
        GENERIC,
        {"messages": (SYSTEM, SYSTEM, TASK)},
        {"messages": (ChatMessage("system", "Be good.\n\nBe good."), TASK)},
        {},
    ),
)


class Rows(unittest.TestCase):
    def test_each_says_what_is_sent_and_what_is_told(self) -> None:
        for name, dialect, asked, sent, names in ROWS:
            with self.subTest(name):
                request = replace(PLAIN, **asked)
                expected = Fitted(replace(request, **sent), **names)
                self.assertEqual(fit(request, dialect), expected)

    def test_nothing_is_changed_for_a_model_that_takes_everything(self) -> None:
        everything = replace(
            PLAIN,
            tool_choice="required",
            parallel_calls=True,
            max_output_tokens=10**7,
            temperature=2,
            top_p=0,
            presence_penalty=-2,
            frequency_penalty=2,
            response_format=SHAPE,
        )
        self.assertEqual(fit(everything, GENERIC), Fitted(everything))

    def test_a_choice_without_tools_is_none(self) -> None:
        request = replace(PLAIN, tools=(), tool_choice="required", parallel_calls=False)
        expected = replace(request, tool_choice="auto", parallel_calls=None)
        self.assertEqual(fit(request, GENERIC), Fitted(expected))


class Efforts(unittest.TestCase):
    def test_a_word_becomes_the_models_next_lower_or_its_lowest(self) -> None:
        thinks = {"thinking_tokens_max": 50_000, "thinking_switch": "enable_thinking"}
        for dialect, sent in (
            (GENERIC, "       "),
            (DEEPSEEK, "low low low high high high max max"),
            (
                Dialect(efforts=("low", "medium", "xhigh")),
                "low low low medium medium xhigh xhigh xhigh",
            ),
            (Dialect(efforts=("max",)), "max max max max max max max max"),
            (Dialect(efforts=("none", "high")), "none none none none high high high high"),
            (
                Dialect(efforts=("low",), thinking_switch="thinking"),
                "none low low low low low low low",
            ),
            (Dialect(thinking_switch="thinking"), " ".join(EFFORTS)),
            (Dialect(**thinks), " ".join(EFFORTS)),
            (
                Dialect(**thinks, refused=frozenset({"enable_thinking"})),
                " " + " ".join(EFFORTS[1:]),
            ),
            (replace(DEEPSEEK, refused=frozenset({"reasoning_effort"})), "       "),
        ):
            with self.subTest(dialect):
                found = [
                    fit(replace(PLAIN, effort=word), dialect).request.effort for word in EFFORTS
                ]
                self.assertEqual(found, sent.split(" "))


def file(text: bytes, kind: str = "text/plain", name: str = "a.txt") -> FilePart:
    head = f"data:{kind};base64," if kind else ""
    return FilePart(name, head + b64encode(text).decode())


class Parts(unittest.TestCase):
    def shown(self, *parts: Any, reads: tuple[str, ...] | None = ("text",)) -> tuple[Any, Fitted]:
        message = ChatMessage("user", "See:", parts=parts)
        dialect = Dialect(model="glm-5", modalities=reads)
        fitted = fit(ChatRequest((message,)), dialect)
        return fitted.request.messages[0], fitted

    def test_an_image_becomes_a_note_where_nobody_can_see_it(self) -> None:
        message, fitted = self.shown(TextPart("[image 1]"), ImagePart("data:x"))
        expected = "See:\n[image 1]\n[image omitted: glm-5 reads text only]"
        self.assertEqual(message, ChatMessage("user", expected))
        self.assertEqual(fitted.dropped, ("part:input_image",))
        message, _ = self.shown(ImagePart("data:x"), reads=("text", "file"))
        self.assertEqual(message.text, "See:\n[image omitted: glm-5 reads text and file only]")

    def test_what_the_model_reads_or_may_read_stays(self) -> None:
        parts = (ImagePart("data:x"), file(b"\x00", "application/pdf"))
        for reads in (None, ("text", "image", "file")):
            message, fitted = self.shown(*parts, reads=reads)
            self.assertEqual(message.parts, parts)
            self.assertEqual(fitted.dropped, ())

    def test_a_file_that_is_text_is_shown_as_text(self) -> None:
        for part in (
            file("é".encode()),
            file("é".encode(), "text/plain;charset=utf-8"),
            file("é".encode(), "application/json"),
            file("é".encode(), "application/ld+json"),
            file("é".encode(), ""),
        ):
            message, fitted = self.shown(part)
            expected = ChatMessage("user", 'See:\n<file name="a.txt">\né\n</file>')
            self.assertEqual(message, expected)
            self.assertEqual(fitted, Fitted(fitted.request))

    def test_any_other_file_is_refused_with_its_name(self) -> None:
        for part in (
            file(b"%PDF", "application/pdf"),
            file(b"\xff\xfe"),
            file(b"a\0b", ""),
            file(b"a" * ((1 << 20) + 1)),
            FilePart("a.txt", "data:text/plain;base64,???"),
            FilePart("a.txt", "not base64"),
        ):
            with self.assertRaisesRegex(BadRequest, "glm-5 cannot read the file a.txt") as caught:
                self.shown(part)
            self.assertEqual(caught.exception.code, "unsupported_file")
        largest, _ = self.shown(file(b"a" * (1 << 20)))
        self.assertGreater(len(largest.text), 1 << 20)


if __name__ == "__main__":
    unittest.main()
