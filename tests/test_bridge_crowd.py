"""A crowd of callers at one real bridge: who waits, leaves, cancels and deletes, all at once.

Whatever they do, each turn that is waited for ends, no place at a provider is lost, and nothing of
the crowd stays behind (bridge.md 15 and 16).
"""

import json
import unittest
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from support import LONG, chance, scratch
from support.clients import Client
from support.gateways import end_of
from support.processes import bridge_process, profile
from support.providers import Pause, Reply, ScriptedProvider, text
from support.served import until

CALLERS, TURNS = 16, (40 if LONG else 6)
LIMITS = {
    "MAX_GLOBAL_UPSTREAM_CONCURRENCY": "3",
    "UPSTREAM_QUEUE_MAX": "64",
    "PROXY_BACKGROUND_MAX": "8",
    "CIRCUIT_BREAKER_ERRORS": "1000",
    "SSE_UPSTREAM_HEARTBEAT_SECONDS": "1",
}
ASK = {"model": "scripted", "input": "hi"}


def halting(random: Random) -> Reply:
    """Return an answer with a pause, or one that is cut."""
    whole = text("One two three four.")
    pieces = (*whole.pieces[:3], Pause(random.choice((0, 0, 0.02, 0.1))))
    reply = Reply((*pieces, *whole.pieces[3:]))
    return reply.cut(200) if random.random() < 0.1 else reply


class Crowd(unittest.TestCase):
    def test_nothing_is_lost_or_kept(self) -> None:
        project = self.enterContext(scratch()) / "project"
        project.mkdir()
        random = chance("crowd")
        provider = self.enterContext(ScriptedProvider(always=lambda asked: halting(random)))
        running = bridge_process(project, profile(provider.base_url), **LIMITS)
        bridge = self.enterContext(running)
        bridge.client.turn(ASK)
        before = bridge.cost
        with ThreadPoolExecutor(CALLERS) as callers:
            seeds = [random.random() for _ in range(CALLERS)]
            list(callers.map(lambda seed: self.call(bridge.client, Random(seed)), seeds))
        self.assertTrue(until(lambda: self.places(bridge.client) == (0, 0)))
        self.assertTrue(until(lambda: bridge.cost.threads <= before.threads))
        self.assertTrue(until(lambda: bridge.cost.descriptors <= before.descriptors))
        self.assertNotIn("internal_error", "".join(bridge.said))

    def places(self, client: Client) -> tuple[Any, Any]:
        told = client.get("/health").json["concurrency"]
        return told["in_use"], told["waiting"]

    def call(self, client: Client, random: Random) -> None:
        for _ in range(TURNS):
            random.choice((self.wait, self.stay, self.leave, self.run_alone))(client, random)

    def wait(self, client: Client, random: Random) -> None:
        answer = client.turn(ASK)
        self.assertIn(answer.status, (200, 502), answer.body)

    def stay(self, client: Client, random: Random) -> None:
        response = end_of(client.events({**ASK, "stream": True}))
        self.assertIn(response["status"], ("completed", "failed"))

    def leave(self, client: Client, random: Random) -> None:
        """Hang up after some lines, or before there is any."""
        body = json.dumps({**ASK, "stream": random.random() < 0.7}).encode()
        with client.send(client.head("POST", "/v1/responses", body, {})) as sock:
            if random.random() < 0.7:
                sock.recv(random.choice((1, 4_096)))

    def run_alone(self, client: Client, random: Random) -> None:
        made = client.turn({**ASK, "background": True})
        if made.status == 429:
            return
        path = f"/v1/responses/{made.json['id']}"
        match random.randrange(3):
            case 0:
                cancelled = client.post(f"{path}/cancel", {}).json["status"]
                self.assertIn(cancelled, ("cancelled", "completed", "failed"))
                self.assertEqual(client.get(path).json["status"], cancelled)
            case 1:
                self.assertEqual(client.ask("DELETE", path, None).status, 200)
                self.assertEqual(client.get(path).status, 404)
            case 2:
                ended = lambda: client.get(path).json["status"] in ("completed", "failed")  # noqa: E731
                self.assertTrue(until(ended, seconds=15))


if __name__ == "__main__":
    unittest.main()
