"""Answers of Chat Completions providers, read; and that the fast way says the same."""

import json
import unittest
from random import Random
from typing import Any

from support import LONG, chance
from support.answers import DONE, SlowReader, chunk, framed, outcome

from codex_oss.chat import (
    TOLERATED_EOF,
    Burst,
    CallDelta,
    ChatChunk,
    ChatReader,
    Dialect,
    TextRun,
    Usage,
    mended,
)
from codex_oss.errors import UpstreamError, UpstreamTruncated

END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
STRANGE = 'é 漢 \u2028 "quoted" back\\slash \n\t/ \U0001f600'


def read(stream: bytes, reader: ChatReader | None = None) -> Burst:
    reader = reader or ChatReader()
    return reader.feed(stream) + reader.finish()


class Reading(unittest.TestCase):
    def test_what_a_chunk_may_hold(self) -> None:
        counts = {"prompt_tokens": 3, "completion_tokens": 2}
        call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}
        called = ChatChunk(calls=(CallDelta(0, "a", "f", "{"),))
        cases: tuple[tuple[dict[str, Any], ChatChunk | TextRun], ...] = (
            (chunk({"role": "assistant"}), ChatChunk()),
            (chunk({"content": None}), ChatChunk()),
            (chunk({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}), ChatChunk("ab")),
            (chunk({"reasoning_content": "r"}), TextRun((b'"r"',), is_reasoning=True)),
            (chunk({"reasoning": "r"}), TextRun((b'"r"',), is_reasoning=True)),
            (chunk({"reasoning": "r", "content": "t"}), ChatChunk("t", "r")),
            (chunk({"reasoning": "r", "reasoning_content": "r"}), ChatChunk(reasoning="r")),
            (chunk({"reasoning_details": [{"text": "r"}]}), ChatChunk(reasoning="r")),
            (chunk({"content": "t"}, "length"), ChatChunk("t", finish="length")),
            (chunk({"tool_calls": [call]}), called),
            (
                chunk({"tool_calls": [{"function": {"arguments": {"a": [1]}}}]}),
                ChatChunk(calls=(CallDelta(arguments='{"a":[1]}'),)),
            ),
            (
                chunk({"function_call": {"name": "f", "arguments": "{"}}),
                ChatChunk(calls=(CallDelta(name="f", arguments="{"),)),
            ),
            (chunk({"tool_calls": [call], "function_call": None}), called),
            (chunk({"content": None, "refusal": "I will not."}), ChatChunk("I will not.")),
            (chunk({"content": "", "refusal": "I will not."}), ChatChunk("I will not.")),
            (chunk({"content": "a", "refusal": None}), TextRun((b'"a"',))),
            ({"choices": [], "usage": counts}, ChatChunk(usage=Usage(3, 2))),
            ({"choices": None}, ChatChunk()),
            ({"choices": {"0": "a"}}, ChatChunk()),
            ({"choices": [{"finish_reason": "stop", "usage": counts}]}, ended(Usage(3, 2))),
            (chunk({}, "stop", usage=counts | {"cached_tokens": 1}), ended(Usage(3, 2, 1))),
            (
                chunk({}, "stop", usage=counts | {"prompt_cache_hit_tokens": 2}),
                ended(Usage(3, 2, 2)),
            ),
            (
                chunk(
                    {},
                    "stop",
                    usage=counts
                    | {
                        "prompt_tokens_details": {"cached_tokens": 3},
                        "completion_tokens_details": {"reasoning_tokens": 1},
                    },
                ),
                ended(Usage(3, 2, 3, 1)),
            ),
            (
                chunk({}, "stop", usage={"prompt_tokens": 0, "completion_tokens": 0}),
                ended(Usage(0, 0)),
            ),
            (chunk({}, "stop", usage={"prompt_tokens": 3}), ended()),
            (chunk({}, "stop", usage={"completion_tokens": 2}), ended()),
            (chunk({}, "stop", usage={"prompt_tokens": -1, "completion_tokens": 2}), ended()),
            (chunk({}, "stop", usage={"prompt_tokens": 3.5, "completion_tokens": "2"}), ended()),
        )
        for payload, said in cases:
            with self.subTest(payload):
                self.assertEqual(ChatReader().feed(framed(payload)), (said,))

    def test_text_of_common_chunks_is_passed_on_unparsed(self) -> None:
        plain = framed(chunk({"content": "a"}), chunk({"content": "b c"}))
        self.assertEqual(ChatReader().feed(plain), (TextRun((b'"a"', b'"b c"')),))
        raw = plain.replace(b"b c", "é\\u00e9\\/".encode())
        self.assertEqual(ChatReader().feed(raw), (TextRun((b'"a"', '"é\\u00e9\\/"'.encode())),))

    def test_reasoning_of_common_chunks_is_too_and_in_runs_of_its_own(self) -> None:
        for key in ("reasoning_content", "reasoning"):
            thought = [chunk({"content": None, key: text}) for text in ("a", "b")]
            stream = framed(*thought, chunk({"content": "c"}), *thought, chunk({"x": 1}))
            self.assertEqual(
                ChatReader().feed(stream),
                (
                    TextRun((b'"a"', b'"b"'), is_reasoning=True),
                    TextRun((b'"c"',)),
                    TextRun((b'"a"', b'"b"'), is_reasoning=True),
                    ChatChunk(),
                ),
            )

    def test_text_says_the_same_however_it_is_escaped(self) -> None:
        stream = framed(*(chunk({"content": text}) for text in ("a", STRANGE, "漢")))
        self.assertEqual(said_in(ChatReader().feed(stream)), f"a{STRANGE}漢")

    def test_done_ends_an_answer_and_what_follows_is_not_read(self) -> None:
        reader = ChatReader()
        text = framed(chunk({"content": "a"}))
        self.assertEqual(reader.feed(text + DONE + b"data: {{{\n\n"), (TextRun((b'"a"',)), ended()))
        self.assertTrue(reader.is_over)
        self.assertEqual(reader.feed(b"data: {"), ())
        self.assertEqual(reader.finish(), ())
        self.assertEqual(read(END + DONE)[-1], ChatChunk())

    def test_a_last_event_may_lack_its_blank_line(self) -> None:
        self.assertEqual(read(END.rstrip()), (ended(),))
        counts = framed({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
        self.assertEqual(read(END + counts), (ended(), ChatChunk(usage=Usage(1, 2))))
        self.assertEqual(read(DONE.rstrip()), (ended(),))
        self.assertEqual(read(b"data: [DONE] "), (ended(),))

    def test_an_end_that_is_none_is_an_error(self) -> None:
        whole = framed(chunk({"content": "a"}))
        for stream in (b"", whole, b": only a comment\n\n", whole + END[:-9], DONE[:-3]):
            with self.subTest(stream), self.assertRaises(UpstreamTruncated):
                read(stream)

    def test_a_failure_comes_after_what_was_said_before_it(self) -> None:
        reader = ChatReader()
        stream = framed(chunk({"content": "a"}), {"error": {"message": "no\n  more", "code": 503}})
        self.assertEqual(reader.feed(stream + END), (TextRun((b'"a"',)),))
        self.assertTrue(reader.is_over)
        for act in (reader.finish, lambda: reader.feed(END)):
            with self.assertRaisesRegex(UpstreamError, r"^no more \(503\)$"):
                act()

    def test_the_provider_s_sentence_is_kept_on_one_line_and_cut(self) -> None:
        cases = (
            ({"error": "plain"}, "plain"),
            ({"error": {"message": "m", "type": "overloaded_error"}}, "m (overloaded_error)"),
            ({"error": {"error": {"msg": "deep"}}}, "deep"),
            ({"error": {"odd": 1}}, '{"odd":1}'),
            ({"error": ["a", 1]}, '["a",1]'),
            ({"error": {"message": "x" * 300}}, "x" * 300),
            ({"error": {"message": "x" * 301}}, "x" * 299 + "…"),
            ([1], "the provider sent no chunk: [1]"),
            ({"object": "error", "message": "no", "code": 400}, "no (400)"),
            ({"base_resp": {"status_code": 1004, "status_msg": "login"}}, "login (1004)"),
        )
        for payload, sentence in cases:
            with self.subTest(payload), self.assertRaises(UpstreamError) as caught:
                read(framed(payload))
            self.assertEqual(caught.exception.message, sentence)

    def test_what_is_no_json_is_an_error_that_shows_its_start(self) -> None:
        deep = b"[" * 100_000
        for garbage in (b"<html>502</html>", b'{"a":', b'{"choices": "\xff"}', deep):
            with self.subTest(garbage[:20]), self.assertRaises(UpstreamError) as caught:
                read(b"data: " + garbage + b"\n\n" + END)
            self.assertTrue(caught.exception.message.startswith("the provider sent no JSON: "))
            self.assertLess(len(caught.exception.message), 120)

    def test_an_emoji_cut_in_two_is_joined_and_a_lone_half_replaced(self) -> None:
        halves = (chunk({"content": "a\ud83d"}), chunk({"content": "\ude00b"}))
        lone = chunk({"content": "c\ud83d"}, "stop")
        self.assertEqual(said_in(read(framed(*halves, lone))), "a\U0001f600bc\ufffd")
        self.assertEqual(said_in(read(framed(halves[0]) + DONE)), "a\ufffd")
        self.assertEqual(
            said_in(read(framed(halves[0], chunk({"content": "b"})) + DONE)), "a\ufffdb"
        )
        for first, last in (("\ud800", "\udc00"), ("\udbff", "\udfff")):
            pair = read(framed(chunk({"content": first}), chunk({"content": last})) + DONE)
            self.assertEqual(said_in(pair), mended(first + last))
        thought = (chunk({"reasoning": "\ud83d"}), chunk({"reasoning": "\ude00"}))
        joined = read(framed(*thought) + DONE)
        self.assertEqual("".join(c.reasoning for c in chunks(joined)), "\U0001f600")

    def test_a_half_waits_for_nothing_but_its_other_half(self) -> None:
        half, thought = chunk({"content": "\ud83d"}), chunk({"reasoning": "\ud83d"})
        call = chunk({"tool_calls": [{"index": 0, "id": "i"}]})
        delta = (CallDelta(0, "i"),)
        for first, then, said in (
            (half, call, ChatChunk("\ufffd", calls=delta)),
            (half, chunk({}, "stop"), ChatChunk("\ufffd", finish="stop")),
            (thought, call, ChatChunk(reasoning="\ufffd", calls=delta)),
            (thought, chunk({"content": "a\ud83db"}), ChatChunk("a\ufffdb", "\ufffd")),
        ):
            with self.subTest(said):
                self.assertEqual(ChatReader().feed(framed(first, then))[1:], (said,))

    def test_a_reply_that_was_not_streamed_is_read_the_same_way(self) -> None:
        message = {"content": "hi \ud83d", "reasoning_content": "r", "tool_calls": None}
        body = {"choices": [{"message": message, "finish_reason": "length"}]}
        whole = ChatReader().read_whole(json.dumps(body).encode())
        self.assertEqual(whole, (ChatChunk("hi \ufffd", "r", finish="length"),))
        bare = ChatReader().read_whole(b'{"choices":[{"message":{"content":"a"}}]}')
        self.assertEqual(bare, (ChatChunk("a", finish="stop"),))
        with self.assertRaisesRegex(UpstreamError, "^nope$"):
            ChatReader().read_whole(b'{"error":{"message":"nope"}}')


CALL = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a":'}}
REST = {"index": 0, "function": {"arguments": "1}"}}


class Ends(unittest.TestCase):
    """Of streams that end without a finish word, for a dialect that has such and for others."""

    def test_whole_calls_are_an_end_where_the_dialect_says_so(self) -> None:
        whole = framed(chunk({"tool_calls": [CALL]}), chunk({"tool_calls": [REST]}))
        cut = framed(chunk({"tool_calls": [CALL]}))
        text = framed(chunk({"content": "a"}))
        other = framed(chunk({"tool_calls": [{"index": 1, "id": "b", "function": {}}]}))
        tolerant = Dialect(eof_ok=True)
        for dialect, stream, is_end in (
            (tolerant, whole, True),
            (tolerant, text + whole, True),
            (tolerant, whole + other, True),
            (tolerant, cut, False),
            (tolerant, whole + cut, False),
            (tolerant, text, False),
            (tolerant, b"", False),
            (Dialect(), whole, False),
        ):
            with self.subTest(stream, eof_ok=dialect.eof_ok):
                reader = ChatReader(dialect)
                reader.feed(stream)
                if is_end:
                    self.assertEqual(reader.finish(), (ChatChunk(finish=TOLERATED_EOF),))
                    continue
                with self.assertRaises(UpstreamTruncated):
                    reader.finish()

    def test_a_cut_inside_a_chunk_is_no_end(self) -> None:
        reader = ChatReader(Dialect(eof_ok=True))
        whole = framed(chunk({"tool_calls": [CALL]}), chunk({"tool_calls": [REST]}))
        reader.feed(whole + b'data: {"choi')
        with self.assertRaises(UpstreamTruncated):
            reader.finish()


class FastAndSlow(unittest.TestCase):
    """Random streams of random providers, read by one that learns and one that does not."""

    def test_both_ways_give_the_same_bursts_at_every_cut(self) -> None:
        random, fast_runs = chance("fast and slow"), 0
        for _ in range(10_000 if LONG else 300):
            stream = random_stream(random)
            reads = cut(stream, random)
            known = CountingReader()
            self.assertEqual(outcome(reads, known), outcome(reads, SlowReader()), reads)
            fast_runs += known.hits
        self.assertGreater(fast_runs, 100)  # Or nothing was proved.

    def test_of_chunks_that_differ_in_their_text_only_the_first_is_parsed(self) -> None:
        reader = CountingReader()
        reader.feed(framed(*(chunk({"content": f"word {n} é"}) for n in range(50))) + END)
        self.assertEqual((reader.hits, reader.parsed), (49, 2))

    def test_a_chunk_whose_text_has_a_line_end_of_its_own_is_no_common_one(self) -> None:
        chunks = [framed(chunk({"content": f"word {n}"})) for n in range(9)]
        chunks[5] = chunks[5].replace(b"word 5", b'word"\ndata: "5')
        reads = [b"".join(chunks)]
        self.assertEqual(outcome(reads, ChatReader()), outcome(reads, SlowReader()))


class CountingReader(ChatReader):
    hits = parsed = 0

    def _known(self, payloads: list[bytes]) -> list[bytes]:
        literals = super()._known(payloads)
        self.hits += len(literals)
        return literals

    def _parsed(self, payload: bytes) -> bytes | ChatChunk:
        self.parsed += 1
        return super()._parsed(payload)


def random_stream(random: Random) -> bytes:
    """Return chunks as one provider writes them: its own keys, order and spaces."""
    before = random.choice(({}, {"id": "c-1", "object": "chunk"}, {"content": "decoy"}))
    after = random.choice(({}, {"usage": None}, {"note": '"content": "decoy"'}))
    inner = random.choice(({}, {"logprobs": None}, {"index": 0, "content_filter": {}}))
    spaces = random.choice(((",", ":"), (", ", ": "), (" ,  ", " :  ")))
    pieces = []
    keys = random.choices(("content", "reasoning_content", "reasoning"), k=2)
    for _ in range(random.randrange(16)):
        common = {random.choice(keys): random.choice(("x", "word "))}
        delta = random.choice(DELTAS) if random.random() < 0.3 else common
        choice = {"delta": delta, "finish_reason": None} | inner
        body = before | {"choices": [choice]} | after
        if random.random() < 0.1:
            body["created"] = random.randrange(9)
        escaped = random.random() < 0.5
        text = json.dumps(body, separators=spaces, ensure_ascii=escaped)
        pieces.append(b"data: " + text.encode("utf-8", "surrogatepass") + b"\n\n")
    return b"".join(pieces) + random.choice(ENDS)


DELTAS: tuple[dict[str, Any], ...] = (
    *({"content": text} for text in ("x", "word ", STRANGE, "\x1f", "</think>")),
    *({"content": text} for text in ("", "\ud83d", "\ude00", "a\ud83d", "data: x\\n\\n")),
    *({"reasoning": text} for text in ("", "\ud83d", "\ude00b", STRANGE)),
    {"role": "assistant", "content": "x"},
    {"content": "x", "content_type": "text"},
    {"content": "x", "reasoning_content": "y"},
    {"reasoning_content": "y"},
    {"tool_calls": [{"index": 0, "id": "i", "function": {"name": "f", "arguments": "{}"}}]},
    {},
)
ENDS = (
    END,
    END + DONE,
    DONE,
    b"",
    b"data: {\n\n",
    b'data: {"choices":[{"delta":{"content":"\xff"},"finish_reason":null}]}\n\n' + END,
    b'data: {"choices":[{"delta":{"content":"\\q"},"finish_reason":null}]}\n\n' + END,
    b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":null}]}\ndata: \n\n' + END,
)


def cut(stream: bytes, random: Random) -> list[bytes]:
    places = sorted(random.choices(range(len(stream) + 1), k=random.randrange(6)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


def ended(usage: Usage | None = None) -> ChatChunk:
    return ChatChunk(finish="stop", usage=usage)


def chunks(burst: Burst) -> list[ChatChunk]:
    return [piece for piece in burst if isinstance(piece, ChatChunk)]


def said_in(burst: Burst) -> str:
    """Return the text of a burst, whichever way it came."""
    texts = []
    for piece in burst:
        if isinstance(piece, TextRun):
            texts += [json.loads(literal) for literal in piece.literals]
        else:
            texts.append(piece.text)
    return "".join(texts)


if __name__ == "__main__":
    unittest.main()
