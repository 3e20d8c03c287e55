"""A file larger than the window: every request within its budget, what was just read whole."""

import json
import unittest
from collections.abc import Mapping
from dataclasses import replace

from support import scratch
from support.missions import Reply, ScriptedModel, calls, order, report, workshop, write_tree

from codex_oss.chat import ChatRequest
from codex_oss.deadline import Deadline

WINDOW = 16_000  # Tokens.
LINES = 4_000
BYTES_PER_TOKEN = 3  # The estimate of missions 9, while nobody counted.


class Reader:
    """A model that reads a file to its end twice, and checks each request that it gets."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.pieces = 0
        self.shrunk = 0
        self.recalled: list[Mapping[str, object]] = []

    def reply(self, request: ChatRequest) -> Reply:
        shown = [json.loads(m.text) for m in request.messages if m.role == "tool"]
        self.check(request, shown)
        self.shrunk = max(self.shrunk, sum("shrunk" in each for each in shown))
        if not shown:
            return calls(("rtk_read", {"path": "src/big.py"}))
        last = shown[-1]
        self.pieces += 1
        if last["end_line"] < LINES:
            after = {"path": "src/big.py", "start_line": last["end_line"] + 1}
            return calls(("rtk_read", after))
        if last["start_line"] != 1 and not self.recalled:
            self.recalled.append(last)
            return calls(("rtk_read", {"path": "src/big.py"}))
        ref = f"{last['ref']}@L{LINES}"
        return report((f"`value_{LINES}` is set at line {LINES}", [ref]))

    def check(self, request: ChatRequest, shown: list[Mapping[str, object]]) -> None:
        written = sum(
            len(m.text) + sum(len(c.arguments) for c in m.calls) for m in request.messages
        )
        written += sum(len(str(tool.parameters)) for tool in request.tools)
        output = request.max_output_tokens or 0
        if written // BYTES_PER_TOKEN + output > WINDOW:
            self.faults.append(f"{written} characters and {output} tokens")
        if shown and "text" not in shown[-1]:
            self.faults.append("what was just read is not there")


class Window(unittest.TestCase):
    def test_a_file_larger_than_the_window_is_read_to_its_end(self) -> None:
        reader = Reader()
        text = "".join(f"value_{n} = {n}  # a line of some length\n" for n in range(1, LINES + 1))
        self.assertGreater(len(text), WINDOW * BYTES_PER_TOKEN * 2)
        uncounted = ScriptedModel(lambda request: without_usage(reader.reply(request)))
        with scratch() as folder:
            shop = workshop(write_tree(folder, {"src/big.py": text}), uncounted)
            wanted = order(shop, max_model_calls=60, tool_budget=60)
            profile = replace(wanted.profile, context_window=WINDOW)
            run = shop.desk.begin(replace(wanted, profile=profile), Deadline(shop.clock))
            tuple(run.events())
            result = run.result()
        self.assertEqual(reader.faults, [])
        self.assertEqual((result.status, len(result.report["files_inspected"])), ("COMPLETE", 1))  # type: ignore[arg-type]
        self.assertGreater(reader.pieces, 5)
        self.assertGreater(reader.shrunk, 3)
        spent = result.report["budget"]
        assert isinstance(spent, Mapping)
        # Read twice: what had been shrunk was recalled, which is free and no repetition.
        self.assertEqual((spent["tool_calls"]["used"] * 2, spent["exhausted"]), (reader.pieces, []))


def without_usage(reply: Reply) -> Reply:
    assert isinstance(reply, list)
    return [replace(chunk, usage=None) for chunk in reply]


if __name__ == "__main__":
    unittest.main()
