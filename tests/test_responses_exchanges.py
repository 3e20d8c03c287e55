"""Recorded turns: what goes upstream, and what the client gets, to the byte.

A case is a folder: `request.json` and `upstream.sse` are given, `chat.json` and `events.jsonl` are
what must come of them; `user-agent.txt` says who asks and `style.json` how answers are shown, where
that matters. `UPDATE_GOLDEN=1` writes what must come anew. Envelopes are recorded as that they
stood there: how well zlib packs them depends on the machine.
"""

import json
import os
import re
import unittest
from pathlib import Path

from support import LONG, ROOT
from support.turns import Event, check_events, events_of, fitted_of, turn_of

from codex_oss.chat import ChatWire
from codex_oss.responses import Style, Turn, codex_version

CASES = sorted((ROOT / "tests/exchanges").iterdir())
CUTS = 10**9 if LONG else 8  # How many places of a stream are cut.
ENVELOPE = re.compile(r"(oss1c?)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")


def turn_in(case: Path) -> Turn:
    agent, style = case / "user-agent.txt", case / "style.json"
    version = codex_version("", agent.read_text()) if agent.exists() else None
    shown = Style(**json.loads(style.read_text())) if style.exists() else None
    return turn_of((case / "request.json").read_bytes(), version, shown)


class Exchanges(unittest.TestCase):
    def test_what_goes_upstream_is_as_recorded(self) -> None:
        for case in CASES:
            with self.subTest(case.name):
                chat, _ = fitted_of(turn_in(case))
                body = json.loads(ChatWire().body(chat, "upstream-model"))
                self.is_golden(case / "chat.json", json.dumps(body, indent=1, ensure_ascii=False))

    def test_what_the_client_gets_is_as_recorded_and_valid(self) -> None:
        for case in CASES:
            with self.subTest(case.name):
                events = events_of(turn_in(case), [(case / "upstream.sse").read_bytes()])
                check_events(self, events)
                lines = [json.dumps(event, ensure_ascii=False) for event in events]
                self.is_golden(case / "events.jsonl", ENVELOPE.sub(r"\1.sealed", "\n".join(lines)))

    def test_bytes_that_come_one_by_one_say_the_same(self) -> None:
        for case in CASES:
            with self.subTest(case.name):
                stream = (case / "upstream.sse").read_bytes()
                whole = events_of(turn_in(case), [stream])
                singly = events_of(turn_in(case), [bytes([byte]) for byte in stream])
                self.assertEqual(singly, whole)

    def test_a_stream_cut_anywhere_ends_as_whole_or_fails_and_finishes_no_call(self) -> None:
        for case in CASES:
            stream = (case / "upstream.sse").read_bytes()
            whole = events_of(turn_in(case), [stream])
            for length in range(0, len(stream), max(1, len(stream) // CUTS)):
                with self.subTest(case.name, length=length):
                    events = events_of(turn_in(case), [stream[:length]])
                    check_events(self, events)
                    self.is_honest(events, whole)

    def is_honest(self, events: list[Event], whole: list[Event]) -> None:
        """What a cut stream finished, the whole one finished too; and it fails, or had said all."""
        done, all_done = done_items(events), done_items(whole)
        self.assertEqual(done, all_done[: len(done)])
        if events[-1]["type"] != "response.failed":
            self.assertEqual([e["type"] for e in events], [e["type"] for e in whole])
            self.assertEqual(done, all_done)

    def is_golden(self, path: Path, text: str) -> None:
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(f"{text}\n", "utf-8")
        self.assertEqual(f"{text}\n", path.read_text("utf-8"))


def done_items(events: list[Event]) -> list[Event]:
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


if __name__ == "__main__":
    unittest.main()
