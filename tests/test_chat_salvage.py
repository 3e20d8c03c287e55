"""Calls that a model writes as text: taken where they are calls, and shown whole where not."""

import json
import unittest
from collections.abc import Iterator
from itertools import groupby
from random import Random

from support import LONG, chance
from support.answers import (
    Delta,
    Said,
    SlowReader,
    chunk,
    content,
    deltas_in,
    framed,
    outcome,
    pieces_of,
    read,
    said_in,
    stream_of,
    ways_to_read,
)

from codex_oss.chat import SALVAGE_FORMS, ChatReader, Dialect, FunctionTool

SHELL = FunctionTool(
    "shell",
    "",
    {
        "type": "object",
        "properties": {
            "command": {"type": "string"},
            "lines": {"type": "integer"},
            "options": {"type": "object"},
            "any": {},
        },
    },
)
TOOLS = (SHELL, FunctionTool("stop", "", {"type": "object", "properties": {}}))
ALL = Dialect(salvage=SALVAGE_FORMS)

LS = '{"command":"ls"}'
DSML = "<｜DSML｜tool_calls>\n{}\n</｜DSML｜tool_calls>"
INVOKE = '<｜DSML｜invoke name="shell">{}</｜DSML｜invoke>'
PARAMETER = '<｜DSML｜parameter name="{}" string="{}">{}</｜DSML｜parameter>\n'
KIMI = "<|tool_calls_section_begin|>{}<|tool_calls_section_end|>"
KIMI_LS = f"<|tool_call_begin|>functions.shell:0<|tool_call_argument_begin|>{LS}<|tool_call_end|>"

FOUND = (  # What the model writes, and the calls in it.
    (f'<tool_call>{{"name":"shell","arguments":{LS}}}</tool_call>', [("shell", LS)]),
    (f'<tool_call>\n{{"name": "shell", "parameters": {LS}}}\n</tool_call>', [("shell", LS)]),
    (
        f'<tool_call>{{"name":"shell","arguments":{json.dumps(LS)}}}</tool_call>',
        [("shell", LS)],
    ),
    (
        '<tool_call>{"name":"shell","arguments":{"command":"echo </tool_call>"}}</tool_call>',
        [("shell", '{"command":"echo </tool_call>"}')],
    ),
    (
        f'<tool_call>{{"name":"shell","arguments":{LS}}} {{"name":"stop","arguments":{{}}}}'
        "</tool_call>",
        [("shell", LS), ("stop", "{}")],
    ),
    (f'<tool_call>{{"name":"shell","arguments":{LS}}}', [("shell", LS)]),
    (
        "<tool_call>\n<function=shell>\n<parameter=command>\nls -l\n\n</parameter>\n"
        "<parameter=lines>\n3\n</parameter>\n</function>\n</tool_call>",
        [("shell", '{"command":"ls -l\\n","lines":3}')],
    ),
    (
        "<function=shell><parameter=command>a < b</parameter></function>\n"
        "<function=stop></function>",
        [("shell", '{"command":"a < b"}'), ("stop", "{}")],
    ),
    (
        '<function=shell><parameter=options>{"a": [1]}</parameter>'
        "<parameter=any>3</parameter></function>",
        [("shell", '{"options":{"a":[1]},"any":"3"}')],
    ),
    (KIMI.format(KIMI_LS), [("shell", LS)]),
    (
        KIMI.format(f"\n{KIMI_LS}\n{KIMI_LS.replace('functions.shell:0', 'stop')}\n"),
        [("shell", LS), ("stop", LS)],
    ),
    (
        DSML.format(
            INVOKE.format(
                PARAMETER.format("command", "true", "3") + PARAMETER.format("any", "false", "[3]")
            )
        ),
        [("shell", '{"command":"3","any":[3]}')],
    ),
    (DSML.format(INVOKE.format("")).replace("｜", "|"), [("shell", "{}")]),
    (DSML.format(INVOKE.format("")).replace("｜", "｜｜"), [("shell", "{}")]),
    (DSML.format(INVOKE.format("")).replace("tool_calls", "function_calls"), [("shell", "{}")]),
    (
        '<minimax:tool_call>\n<invoke name="shell">\n<parameter name="command">\nls</parameter>\n'
        "</invoke>\n</minimax:tool_call>",
        [("shell", '{"command":"\\nls"}')],
    ),
)
NONE = (  # What is no call: it is shown as it is.
    "a < b and <b>bold</b> `<` <",
    '<tool_call>{"name":"unknown","arguments":{}}</tool_call>',
    '<tool_call>{"name":"shell","arguments":{"command":}}</tool_call>',
    '<tool_call>{"name":"shell","arguments":[1]}</tool_call>',
    '<tool_call>{"name":"shell","arguments":"ls"}</tool_call>',
    '<tool_call>{"name":"shell"}</tool_call>',
    '<tool_call>{"name":"shell","arguments":{}} and more</tool_call>',
    '<tool_call>{"name":"shell","arguments":{"n":NaN}}</tool_call>',
    '<tool_call>{"name":"shell","arguments":{"command":"ls',
    "<tool_call> is how Hermes calls a tool.",
    "<tool_call>",
    '{"name":"shell","arguments":{}}',
    "<function=shell>words</function>",
    "<function=shell><parameter=lines>three</parameter></function>",
    "<function=unknown></function>",
    '<invoke name="shell"></invoke>',
    KIMI.format(KIMI_LS + "words"),
    KIMI.format(""),
    KIMI.format(KIMI_LS).replace("shell", "unknown"),
    DSML.format("words"),
    DSML.format(
        INVOKE.format('<｜DSML｜parameter name="any" string="false">x</｜DSML｜parameter>')
    ),
    "<minimax:tool_call>words</minimax:tool_call>",
    f'```xml\n<tool_call>{{"name":"shell","arguments":{LS}}}</tool_call>\n```',
)


def answer(deltas: list[Delta], finish: str = "stop", dialect: Dialect = ALL) -> Said:
    return said_in(read([stream_of(deltas, finish)], ChatReader(dialect, TOOLS)))


class Blocks(unittest.TestCase):
    def test_what_is_a_call_is_one_and_is_not_shown(self) -> None:
        for written, calls in FOUND:
            for texts in ((written,), tuple(written)):
                with self.subTest(written, deltas=len(texts)):
                    expected = Said("Look: ", "", tuple(calls), len(calls))
                    self.assertEqual(answer(content("Look: ", *texts)), expected)

    def test_what_is_none_is_shown_to_the_character(self) -> None:
        for written in NONE:
            for texts in ((written,), tuple(written)):
                with self.subTest(written, deltas=len(texts)):
                    self.assertEqual(answer(content(*texts)), Said(written))

    def test_it_is_found_in_thinking_too_and_not_across_its_end(self) -> None:
        for written, calls in FOUND:
            deltas = [{"reasoning_content": text} for text in ("So: ", *written)]
            self.assertEqual(answer(deltas), Said("", "So: ", tuple(calls), len(calls)))
            if is_one_block(written):
                half = len(written) // 2
                torn = [{"reasoning_content": written[:half]}, {"content": written[half:]}]
                self.assertEqual(answer(torn), Said(written[half:], written[:half]))

    def test_it_is_found_only_in_forms_that_the_dialect_lists(self) -> None:
        for written, _ in FOUND:
            self.assertEqual(answer(content(written), dialect=Dialect()), Said(written))
            found = [
                form
                for form in SALVAGE_FORMS
                if answer(content(written), dialect=Dialect(salvage=(form,))).calls
            ]
            self.assertEqual(len(found), 1, written)

    def test_without_declared_tools_nothing_is_a_call(self) -> None:
        for written, _ in FOUND:
            bursts = read([stream_of(content(written))], ChatReader(ALL))
            self.assertEqual(said_in(bursts), Said(written))

    def test_where_a_real_call_comes_none_is_salvaged(self) -> None:
        call = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "stop"}}]}
        for written, _ in FOUND:
            with self.subTest(written):
                expected = Said(f"{written}!", "", (("stop", "{}"),))
                self.assertEqual(answer([*content(written, "!"), call]), expected)
                self.assertEqual(answer([call, *content(written, "!")]), expected)

    def test_a_second_block_and_the_text_between_keep_their_order(self) -> None:
        (first, first_calls), (second, second_calls) = FOUND[0], FOUND[6]
        bursts = read([stream_of(content(f"a{first}b", f"c{second}d"))], ChatReader(ALL, TOOLS))
        self.assertEqual(said_in(bursts), Said("abcd", "", (*first_calls, *second_calls), 2))
        kinds = [kind for kind, _ in deltas_in(bursts)]
        self.assertEqual(kinds, "text calls salvaged text text calls salvaged text finish".split())

    def test_a_cut_answer_shows_what_was_held_back_and_calls_nothing(self) -> None:
        written = FOUND[0][0]
        start = framed(chunk({"content": written}))
        for end in (b'data: {"error":{"message":"x"}}\n\n', b"data: {{{\n\n"):
            bursts, failure = outcome([start + end], ChatReader(ALL, TOOLS))
            self.assertEqual(said_in(bursts), Said(written))
            self.assertTrue(failure)


class Holding(unittest.TestCase):
    def test_no_more_is_held_back_than_can_become_a_call(self) -> None:
        for texts, at_once in (
            (("if a <", " b", " <b>"), ("if a ", "< b", " <b>")),
            (("<tool", "_call>", " is"), ("", "", "<tool_call> is")),
            (('<tool_call>{"name":"other', '"'), ("", '<tool_call>{"name":"other"')),
            (("<tool_call>{" + " " * 256,), ("<tool_call>{" + " " * 256,)),
            (("``", "`\n<tool_call>{"), ("``", "`\n<tool_call>{")),
            (("```\n```", "<tool_call>{"), ("```\n```", "")),
        ):
            reader = ChatReader(ALL, TOOLS)
            for text, expected in zip(texts, at_once, strict=True):
                said = said_in([reader.feed(framed(chunk({"content": text})))])
                self.assertEqual(said, Said(expected), texts)

    def test_a_long_block_costs_no_more_a_delta_than_a_short_one(self) -> None:
        head = '<tool_call>{"name":"shell","arguments":{"command":"'
        pieces = ["word "] * (100_000 if LONG else 20_000)
        said = answer(content(head, *pieces, '"}}</tool_call>'))
        self.assertEqual(len(said.calls[0][1]), len('{"command":""}') + 5 * len(pieces))

    def test_many_ends_and_many_heads_are_given_up_in_time(self) -> None:
        head = '<tool_call>{"name":"shell","arguments":{"command":"'
        for written in (head + "</tool_call>" * 5_000, "<function=shell>" * 5_000):
            self.assertEqual(answer(content(written)), Said(written))


class Streams(unittest.TestCase):
    def test_every_case_in_every_way_its_bytes_can_come(self) -> None:
        for written in (*(written for written, _ in FOUND), *NONE):
            for ascii_only in (True, False):
                third = len(written) // 3
                texts = content("So: ", written[:third], written[third:])
                stream = stream_of(texts, ascii_only=ascii_only)
                expected = deltas_in(read([stream], ChatReader(ALL, TOOLS)))
                for reads in ways_to_read(stream, step=1 if LONG else 41):
                    self.assertEqual(deltas_in(read(reads, ChatReader(ALL, TOOLS))), expected)

    def test_random_answers_lose_no_character_and_find_every_call(self) -> None:
        random = chance("salvage")
        for _ in range(10_000 if LONG else 300):
            parts = [random_part(random) for _ in range(random.randrange(6))]
            written = "".join(text for text, _ in parts)
            ascii_only = random.random() < 0.5
            stream = stream_of(content(*pieces_of(written, random)), ascii_only=ascii_only)
            bursts = read([stream], ChatReader(ALL, TOOLS))
            with self.subTest(written):
                calls = tuple(call for _, calls in parts for call in calls)
                text = "".join(shown(parts))
                self.assertEqual(said_in(bursts), Said(text, "", calls, len(calls)))
                slow = read([stream], SlowReader(ALL, TOOLS))
                self.assertEqual(deltas_in(slow), deltas_in(bursts))


WORDS = ("word ", "a < b ", "<b>", "é", "\n", "`x` ", "</tool_call>", "<tool_call>. ", "<｜DSML ")

Part = tuple[str, list[tuple[str, str]]]


def random_part(random: Random) -> Part:
    """Return a block, or text that neither is one nor begins one nor opens a fence."""
    if random.random() < 0.4:
        return random.choice([(text, calls) for text, calls in FOUND if is_one_block(text)])
    return "".join(random.choices(WORDS, k=random.randrange(4))), []


def is_one_block(text: str) -> bool:
    return text.endswith(">") and "\n<function=stop" not in text


def shown(parts: list[Part]) -> Iterator[str]:
    """Yield the texts between blocks, but for white space behind the first one."""
    for n, (is_block, group) in enumerate(groupby(parts, key=lambda part: bool(part[1]))):
        text = "".join(text for text, _ in group)
        if not is_block and (n == 0 or text.strip()):
            yield text


if __name__ == "__main__":
    unittest.main()
