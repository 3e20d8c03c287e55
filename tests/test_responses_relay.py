"""A request for a provider of the same API: unchanged, but for what only this bridge can read."""

import json
import unittest
from typing import Any

import support  # noqa: F401
from support.turns import KEY

from codex_oss.errors import BadRequest
from codex_oss.responses import parse_body, relayed_body
from codex_oss.responses.envelope import (
    SealedReasoning,
    digest_of,
    seal_reasoning,
    seal_summary,
)

OURS = seal_reasoning(KEY, SealedReasoning("kin", "m", "r", digest_of("hm")))
USER = {"role": "user", "content": "hi"}


def relayed(*items: Any, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    body = {"model": "alias", "input": items, **fields}
    sent, dropped = relayed_body(parse_body(json.dumps(body).encode()), "gpt-x", KEY)
    found = json.loads(sent)
    assert isinstance(found, dict)
    return found, dropped


class Relayed(unittest.TestCase):
    def test_all_but_the_name_goes_on_as_it_came(self) -> None:
        items = [
            USER,
            {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAAA", "summary": []},
            {"type": "compaction", "encrypted_content": "gAAAAB"},
            {"type": "novelty", "encrypted_content": None},
            {"type": "web_search_call", "action": {"query": "q"}},
        ]
        fields = {"conversation": "c", "made_up": {"a": [1.5, None, "é"]}, "stream": True}
        sent, dropped = relayed(*items, **fields)
        self.assertEqual((sent, dropped), ({"model": "gpt-x", "input": items, **fields}, ()))
        text = relayed_body(parse_body(b'{"model":"a","input":"hi"}'), "b", KEY)
        self.assertEqual(text, (b'{"model":"b","input":"hi"}', ()))

    def test_our_reasoning_is_left_out_and_our_summaries_become_text(self) -> None:
        summary = {"type": "compaction", "encrypted_content": seal_summary(KEY, "So far.")}
        sent, dropped = relayed({"type": "reasoning", "encrypted_content": OURS}, summary, USER)
        part = {"type": "input_text", "text": "[Summary of the conversation so far]\nSo far."}
        told = {"type": "message", "role": "user", "content": [part]}
        self.assertEqual(sent["input"], [told, USER])
        self.assertEqual(dropped, ("item:reasoning", "item:compaction"))

    def test_a_summary_of_ours_that_is_damaged_is_refused(self) -> None:
        damaged = {"type": "compaction", "encrypted_content": "oss1c.x.y"}
        with self.assertRaises(BadRequest) as caught:
            relayed(USER, damaged)
        error = caught.exception
        self.assertEqual((error.code, error.hint), ("unreadable_compaction", "start a new thread"))
        self.assertEqual(error.faults[0].path, "input[1]")

    def test_a_body_tells_its_model_before_anything_is_read(self) -> None:
        for body, model in ((b'{"model":"m"}', "m"), (b"{}", ""), (b'{"model":5}', "")):
            self.assertEqual(parse_body(body).model, model)


if __name__ == "__main__":
    unittest.main()
