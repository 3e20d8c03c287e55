"""Thinking in tags: told apart from the answer wherever the tags are cut, and nothing else is."""

import unittest

from support import LONG, chance
from support.answers import (
    Said,
    SlowReader,
    content,
    deltas_in,
    pieces_of,
    read,
    said_in,
    stream_of,
    ways_to_read,
)

from codex_oss.chat import ChatReader, Dialect, literal_of

TAGS = Dialect(think_tags=True)
OPEN = Dialect(think_tags=True, think_open=True)
STRAY = Dialect(strays_think_end=True)

CASES = (  # In which dialect, what the model writes, the answer in it, the thinking in it.
    (TAGS, "<think>so</think>Yes.", "Yes.", "so"),
    (TAGS, "<thinking>so</thinking>Yes.", "Yes.", "so"),
    (TAGS, "<mm:think>so</mm:think>Yes.", "Yes.", "so"),
    (TAGS, "◁think▷so◁/think▷Yes.", "Yes.", "so"),
    (TAGS, " \n<think>\n so \n</think>\n\n Yes. ", "Yes. ", "\n so \n"),
    (TAGS, "<think></think>Yes.", "Yes.", ""),
    (TAGS, "<think>a </thinking> b</think>Yes.", "Yes.", "a </thinking> b"),
    (TAGS, "<think>a <think> b</think>Yes.</think>", "Yes.</think>", "a <think> b"),
    (TAGS, "<think>if a < b then </", "", "if a < b then </"),
    (TAGS, "<think>never closed", "", "never closed"),
    (TAGS, "<think>", "", ""),
    (TAGS, "Yes. <think>no</think>", "Yes. <think>no</think>", ""),
    (TAGS, "```\n<think>no</think>\n```", "```\n<think>no</think>\n```", ""),
    (TAGS, "<thinker>Yes.", "<thinker>Yes.", ""),
    (TAGS, "<thin", "<thin", ""),
    (TAGS, "</think>Yes.", "</think>Yes.", ""),
    (TAGS, " \n ", " \n ", ""),
    (TAGS, "", "", ""),
    (OPEN, "so it is</think>Yes.", "Yes.", "so it is"),
    (OPEN, "<think>so it is</think>Yes.", "Yes.", "so it is"),
    (OPEN, " so </mm:think> Yes.", "Yes.", " so "),
    (OPEN, "never closed", "", "never closed"),
    (OPEN, "<thi", "", "<thi"),
    (STRAY, "</think>Yes.", "Yes.", ""),
    (STRAY, "\n</think>\n\nYes.", "Yes.", ""),
    (STRAY, "Yes.</think>", "Yes.</think>", ""),
    (STRAY, "<think>so</think>", "<think>so</think>", ""),
    (Dialect(), "<think>so</think>Yes.", "<think>so</think>Yes.", ""),
)


class Tags(unittest.TestCase):
    def test_every_case_in_two_deltas_cut_anywhere_and_in_single_characters(self) -> None:
        for dialect, written, text, reasoning in CASES:
            halves = [(written[:at], written[at:]) for at in range(len(written) + 1)]
            for texts in (*halves, tuple(written)):
                with self.subTest(texts):
                    bursts = read([stream_of(content(*texts))], ChatReader(dialect))
                    self.assertEqual(said_in(bursts), Said(text, reasoning))

    def test_every_case_in_bytes_that_come_whole_one_by_one_and_cut_anywhere(self) -> None:
        for dialect, written, _, _ in CASES:
            for ascii_only in (True, False):
                texts = content(written[:3], written[3:7], written[7:])
                stream = stream_of(texts, ascii_only=ascii_only)
                expected = deltas_in(read([stream], ChatReader(dialect)))
                for reads in ways_to_read(stream, step=1 if LONG else 11):
                    self.assertEqual(deltas_in(read(reads, ChatReader(dialect))), expected)

    def test_a_reply_that_was_not_streamed_says_the_same(self) -> None:
        for dialect, written, text, reasoning in CASES:
            body = b'{"choices":[{"message":{"content":%b}}]}'
            whole = ChatReader(dialect).read_whole(body % literal_of(written))
            self.assertEqual(said_in([whole]), Said(text, reasoning))

    def test_no_more_is_held_back_than_can_become_a_tag(self) -> None:
        for dialect, texts, at_once in (
            (TAGS, ("Hello", " <", "think>"), ["Hello", " <", "think>"]),
            (
                TAGS,
                ("<think>", "a <", "/thin", "g b</", "think> c"),
                ["", "a ", "", "</thing b", "c"],
            ),
            (OPEN, ("so", " on"), ["so", " on"]),
        ):
            reader = ChatReader(dialect)
            for text, expected in zip(texts, at_once, strict=True):
                said = said_in([reader.feed(stream_of(content(text))[: -len(END)])])
                self.assertEqual(said.text + said.reasoning, expected, text)

    def test_thinking_in_a_field_of_its_own_shows_that_no_tag_is_missing(self) -> None:
        deltas = [{"reasoning_content": "so"}, {"content": "Yes."}]
        bursts = read([stream_of(deltas)], ChatReader(OPEN))
        self.assertEqual(said_in(bursts), Said("Yes.", "so"))

    def test_a_call_and_an_end_let_go_what_was_held_back(self) -> None:
        call = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}
        for deltas, expected in (
            ([*content("<thi"), call], Said("<thi", "", (("f", "{}"),))),
            ([*content("<think>a</"), call, *content("b")], Said("", "a</b", (("f", "{}"),))),
            ([*content("<think>a</think>"), call], Said("", "a", (("f", "{}"),))),
        ):
            bursts = read([stream_of(deltas)], ChatReader(TAGS))
            self.assertEqual(said_in(bursts), expected)

    def test_a_failure_comes_behind_what_was_held_back(self) -> None:
        reader = ChatReader(TAGS)
        burst = reader.feed(stream_of(content("<thi"))[: -len(END)] + b'data: {"error":"x"}\n\n')
        self.assertEqual(said_in([burst]), Said("<thi"))


class Random(unittest.TestCase):
    def test_random_answers_in_random_deltas(self) -> None:
        random = chance("thinking")
        words = [*"ab \n<>/", "<think>", "</think>", "think", "◁", "◁/think▷", "é", "<thinking>"]
        for _ in range(10_000 if LONG else 300):
            written = "".join(random.choices(words, k=random.randrange(12)))
            dialect = random.choice((TAGS, OPEN, STRAY))
            stream = stream_of(
                content(*pieces_of(written, random)), ascii_only=random.random() < 0.5
            )
            bursts = read([stream], ChatReader(dialect))
            with self.subTest(written=written, dialect=dialect):
                self.assertEqual(said_in(bursts)[:2], reference(written, dialect))
                slow = read([stream], SlowReader(dialect))
                self.assertEqual(deltas_in(bursts), deltas_in(slow))


def reference(written: str, dialect: Dialect) -> tuple[str, str]:
    """Tell answer and thinking of a whole text, which is simple."""
    closers = {"<think>": "</think>", "<thinking>": "</thinking>"} if dialect.think_tags else {}
    stripped = written.lstrip()
    for tag, closer in closers.items():
        if stripped.startswith(tag):
            reasoning, _, text = stripped.removeprefix(tag).partition(closer)
            return text.lstrip(), reasoning
    if dialect.strays_think_end and stripped.startswith("</think>"):
        return stripped.removeprefix("</think>").lstrip(), ""
    if not dialect.think_open:
        return written, ""
    ends = [written.find(end) for end in ("</think>", "◁/think▷") if end in written]
    if not ends:
        return "", written
    end = next(end for end in ("</think>", "◁/think▷") if written.startswith(end, min(ends)))
    return written[min(ends) + len(end) :].lstrip(), written[: min(ends)]


END = stream_of([])

if __name__ == "__main__":
    unittest.main()
