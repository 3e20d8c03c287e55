"""Function calls in pieces, and whole answers: every way in which providers name a call."""

import unittest

from support import LONG, chance

from codex_oss.chat import (
    CallDelta,
    CallGatherer,
    ChatChunk,
    ChatReply,
    FunctionCall,
    TextRun,
    Usage,
    gather,
    json_object,
)

D = CallDelta
PIECES: tuple[tuple[str, tuple[CallDelta, ...], list[tuple[str, str, str]]], ...] = (
    (
        "by index, the id in the first piece only",
        (D(0, "a", "f", ""), D(0, arguments='{"x"'), D(0, arguments=":1}")),
        [("a", "f", '{"x":1}')],
    ),
    (
        "by index, the id in every piece",
        (D(0, "a", "f", "{"), D(0, "a", "", "}")),
        [("a", "f", "{}")],
    ),
    (
        "interleaved",
        (
            D(0, "a", "f"),
            D(1, "b", "g"),
            D(0, arguments="1"),
            D(1, arguments="2"),
            D(0, arguments="3"),
        ),
        [("a", "f", "13"), ("b", "g", "2")],
    ),
    (
        "a new id on a known index is a new call",
        (D(0, "a", "f", "1"), D(0, "b", "g", "2"), D(0, arguments="3")),
        [("a", "f", "1"), ("b", "g", "23")],
    ),
    (
        "a known id goes on where another call has taken its index",
        (D(0, "a", "f", "1"), D(0, "b", "g", "2"), D(0, "a", "", "3"), D(0, arguments="4")),
        [("a", "f", "134"), ("b", "g", "2")],
    ),
    (
        "without index the last call, or a new one for a new id",
        (
            D(None, "a", "f", "1"),
            D(arguments="2"),
            D(None, "b", "g"),
            D(arguments="3"),
            D(None, "a", "", "4"),
        ),
        [("a", "f", "124"), ("b", "g", "3")],
    ),
    ("without index and id", (D(name="f", arguments="1"), D(arguments="2")), [("", "f", "12")]),
    ("an id that comes late", (D(0, "", "f", "1"), D(0, "a", "", "2")), [("a", "f", "12")]),
    (
        "one id under two indexes is two calls",
        (D(0, "a", "f", "1"), D(1, "a", "f", "2"), D(0, arguments="3")),
        [("a", "f", "13"), ("a", "f", "2")],
    ),
    (
        "another name behind arguments is another call",
        (D(0, "a", "f", "1"), D(0, "a", "g"), D(0, arguments="2"), D(0, "a", "g", "3")),
        [("a", "f", "1"), ("a", "g", "23")],
    ),
    (
        "a name late, twice and in pieces",
        (D(0, "a", "", "1"), D(0, name="get_"), D(0, name="file"), D(0, name="get_file")),
        [("a", "get_file", "1")],
    ),
    ("no arguments are an empty object", (D(0, "a", "f"),), [("a", "f", "{}")]),
)


class Gathering(unittest.TestCase):
    def test_every_way_of_naming_a_call(self) -> None:
        for way, deltas, calls in PIECES:
            with self.subTest(way):
                gatherer = CallGatherer()
                for delta in deltas:
                    gatherer.take(delta)
                found = [(call.call_id, call.name, call.arguments) for call in gatherer.calls]
                self.assertEqual(found, calls)

    def test_pieces_by_index_come_together_in_any_mixture(self) -> None:
        random = chance("calls")
        for _ in range(2_000 if LONG else 100):
            calls = [f"{n}-{random.random()}" for n in range(random.randrange(1, 5))]
            waiting = [
                [D(n, f"id{n}", f"f{n}"), *(D(n, arguments=c) for c in text)]
                for n, text in enumerate(calls)
            ]
            gatherer = CallGatherer()
            while any(waiting):
                gatherer.take(random.choice(list(filter(None, waiting))).pop(0))
            self.assertEqual(
                {(c.call_id, c.arguments) for c in gatherer.calls},
                {(f"id{n}", text) for n, text in enumerate(calls)},
            )


class Replies(unittest.TestCase):
    def test_a_reply_is_all_that_the_bursts_say(self) -> None:
        bursts = (
            (),
            (ChatChunk(reasoning="hm "), ChatChunk(reasoning="so")),
            (
                TextRun((b'"a\\n"', '"é"'.encode())),
                ChatChunk(" \U0001f600", calls=(D(0, "i", "f", "{"),)),
            ),
            (ChatChunk(calls=(D(0, arguments="}"), D(1, "", "g")), finish="tool_calls"),),
            (
                ChatChunk(usage=Usage(1, 1)),
                ChatChunk(usage=Usage(5, 6, 1, 2), finish="stop"),
                ChatChunk(),
            ),
        )
        calls = (FunctionCall("i", "f", "{}"), FunctionCall("call_1", "g", "{}"))
        whole = ChatReply("a\né \U0001f600", "hm so", calls, "tool_calls", Usage(5, 6, 1, 2))
        self.assertEqual(gather(bursts), whole)
        self.assertEqual(gather([]), ChatReply())

    def test_no_two_calls_share_an_id(self) -> None:
        deltas = (D(0, "call_2", "f"), D(1, "call_2", "g"), D(2, "", "h"), D(3, "", "i"))
        ids = [call.call_id for call in gather([(ChatChunk(calls=deltas),)]).calls]
        self.assertEqual(ids, ["call_2", "call_2_", "call_2__", "call_3"])


class Objects(unittest.TestCase):
    def test_only_a_json_object_is_one(self) -> None:
        self.assertEqual(json_object(' {"a": [1]}\n'), {"a": [1]})
        for text in ("", "[]", '"a"', "{", "{'a': 1}", '{"a": NaN}', '{"a": Infinity}', "[" * 9999):
            self.assertIsNone(json_object(text), text[:20])


if __name__ == "__main__":
    unittest.main()
