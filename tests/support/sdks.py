"""Programs with an SDK, alive for a whole test class, because they take a second to start.

    client = StrictClient(dev_python(), "openai_client.py")
    client.ask(running, "create", model="scripted", input="hi")

One line of JSON asks, one answers. What the SDK refuses is `Refused`; what it cannot take fails.
"""

import contextlib
import json
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from support import scratch
from support.bridges import KEY, RunningBridge, bridge
from support.missions import write_tree
from support.providers import ScriptedProvider

PROGRAMS = Path(__file__).resolve().parents[1] / "strict_clients"


class Refused(Exception):
    """The bridge answered with an error that the SDK knows; `fields` are its attributes."""

    def __init__(self, fields: dict) -> None:
        super().__init__(str(fields))
        self.fields = fields


class StrictClient:
    """A running program of tests/strict_clients/, and what runs it."""

    def __init__(self, runs: str, program: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [runs, str(PROGRAMS / program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, running: RunningBridge, do: str, key: str = KEY, **arguments: object) -> dict:
        base_url = f"http://127.0.0.1:{running.port}/v1"
        asked = {"do": do, "base_url": base_url, "key": key, "arguments": arguments}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"broken": "the program died"}')
        if "refused" in answer:
            raise Refused(answer["refused"])
        assert "ok" in answer, answer["broken"]
        found: dict = answer["ok"]
        return found

    def close(self) -> None:
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()


class SdkCase(unittest.TestCase):
    """A test class with a client of its own, `program` with its arguments."""

    program: ClassVar[tuple[str, ...]]
    sdk: ClassVar[StrictClient]

    @classmethod
    def setUpClass(cls) -> None:
        cls.sdk = StrictClient(*cls.program)
        cls.addClassCleanup(cls.sdk.close)

    @contextlib.contextmanager
    def bridge(self, **environ: str) -> Iterator[tuple[ScriptedProvider, RunningBridge]]:
        with scratch() as folder, ScriptedProvider() as provider:
            with bridge(write_tree(folder), provider, **environ) as running:
                yield provider, running
