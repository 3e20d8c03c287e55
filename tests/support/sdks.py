"""Programs with an SDK, alive for a whole test class, because they take a second to start.

    client = StrictClient(dev_python(), "openai_client.py")
    client.ask(running, "create", model="scripted", input="hi")

One line of JSON asks, one answers. What the SDK refuses is `Refused`; what it cannot take fails.
"""

import json
import subprocess
from pathlib import Path

from support.bridges import KEY, RunningBridge

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
