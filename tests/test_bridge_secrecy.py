"""`store: false` turns of every recorded kind leave nothing of what was said under `.codex-oss/`.

Every text of a request or an answer that a person or a model wrote is looked for in every byte of
every file: the state database with its journal, the logs, what a crash would leave (bridge.md 16).
"""

import json
import re
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import ROOT, scratch
from support.processes import BridgeProcess, bridge_process, profile
from support.providers import Reply, ScriptedProvider, text
from support.websockets import WebSocketClient

CASES = sorted((ROOT / "tests/exchanges").iterdir())
CHARACTERS_MIN = 12  # A shorter text stands in a log line by chance.
DONE = re.compile(b'"type": ?"response.completed"')


def texts_in(value: object) -> Iterator[str]:
    """Yield the strings of a document that somebody wrote: prose, code, a path."""
    if isinstance(value, str):
        if len(value) >= CHARACTERS_MIN and any(c in value for c in ' /\n"{'):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)


class Secrecy(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        self.project = self.folder / "project"
        self.project.mkdir()
        self.provider = self.enterContext(ScriptedProvider(checks=False))
        self.said: set[str] = set()

    def start(self, **environ: str) -> BridgeProcess:
        served = profile(self.provider.base_url)["scripted"]
        return self.enterContext(
            bridge_process(self.project, {"kimi": served, "scripted": served}, **environ)
        )

    def heard(self, document: Any) -> None:
        self.said.update(texts_in(document))

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def check_nothing_is_kept(self) -> None:
        self.assertGreater(len(self.said), 3)
        forms = {
            form: said
            for said in self.said
            for form in (said.encode("utf-8", "replace"), json.dumps(said)[1:-1].encode())
        }
        for path in self.files():
            content = path.read_bytes()
            found = [said[:60] for form, said in forms.items() if form in content]
            self.assertEqual(found, [], path)

    def test_recorded_turns_streamed_and_not(self) -> None:
        bridge = self.start()
        for case in CASES:
            request = json.loads((case / "request.json").read_bytes()) | {"store": False}
            self.heard({name: request.get(name) for name in ("input", "instructions", "tools")})
            self.provider.always = Reply(((case / "upstream.sse").read_bytes(),))
            for is_streamed in (True, False):
                answer = bridge.client.turn(request | {"stream": is_streamed})
                if answer.status == 200 and not is_streamed:
                    self.heard(answer.json["output"])
        self.check_nothing_is_kept()
        bridge.process.kill()  # What a crash leaves behind is looked at too.
        bridge.wait()
        self.check_nothing_is_kept()

    def test_other_doors_to_a_turn(self) -> None:
        bridge = self.start(RESPONSES_WEBSOCKET="1")
        self.provider.always = text("The summary that only the caller may keep.")
        asked = {"model": "kimi", "input": "Count the sheep of the king.", "store": False}
        client = bridge.client
        self.assertEqual(client.post("/v1/responses/compact", asked).status, 200)
        self.assertEqual(client.post("/v1/responses/input_tokens", asked).status, 200)
        self.assertEqual(client.turn(asked | {"model": "No such model at all/"}).status, 400)
        with WebSocketClient(client) as conversation:
            conversation.say(json.dumps({"type": "response.create", **asked}))
            while not DONE.search(conversation.read()[1]):
                pass
        self.heard(["Count the sheep", "sheep of the king", "No such model", "only the caller"])
        self.check_nothing_is_kept()

    def test_what_is_stored_is_found(self) -> None:
        """The search itself finds what is there."""
        bridge = self.start()
        self.provider.always = text("Forty-two of them.")
        asked = {"model": "kimi", "input": "Count the sheep of the king."}
        self.assertEqual(bridge.client.turn(asked).status, 200)
        kept = [path for path in self.files() if b"Count the sheep" in path.read_bytes()]
        self.assertTrue(kept)


if __name__ == "__main__":
    unittest.main()
