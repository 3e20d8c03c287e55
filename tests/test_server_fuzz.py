"""bridge.md 3.16: random bytes get an answer each, and leave nothing behind."""

import resource
import unittest
from random import Random

from support import LONG, chance
from support.served import (
    Served,
    answers,
    open_descriptors,
    read_all,
    running_threads,
    served,
    until,
)

from codex_oss.server import Limits

REQUESTS = 10_000 if LONG else 300
MEMORY_KIB_MAX = 10 * 1024
STATUSES = {200, 400, 401, 403, 404, 405, 411, 413, 414, 415, 421, 426, 431, 501}
SPICE = [b"\r\n", b"\n", b"\0", b" ", b":", b"chunked", b"Content-Length: 5\r\n", b"\xff", b"0\r\n"]
LIMITS = Limits(body_bytes_max=10_000, header_seconds=2, body_seconds=2)


def noise(random: Random) -> bytes:
    return random.randbytes(random.randint(1, 2000))


def mutated(random: Random, good: list[bytes]) -> bytes:
    raw = bytearray(random.choice(good))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(raw))
        raw[at : at + random.randrange(4)] = random.choice(SPICE)
    return bytes(raw[: random.randint(1, len(raw))])


class RandomRequests(unittest.TestCase):
    def test_random_requests_get_an_answer_and_leave_nothing_behind(self) -> None:
        random = chance("fuzz")
        with served(limits=LIMITS) as server:
            good = [
                server.request("GET", "/v1/models?a=b"),
                server.request("POST", "/v1/responses", b'{"input": "hi"}'),
                server.request("POST", "/v1/responses", b"", Transfer_Encoding="chunked"),
                server.request("DELETE", "/v1/responses/resp_1", b"body", Connection=None),
                server.request("GET", "/v1/responses", Upgrade="websocket"),
            ]
            self.ask(server, random.choice(good))
            self.assertTrue(until(lambda: not server.connections))
            threads, descriptors = running_threads(), open_descriptors()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for number in range(REQUESTS):
                raw = noise(random) if number % 3 == 0 else mutated(random, good)
                self.ask(server, raw)
            self.assertTrue(until(lambda: not server.connections))
            self.assertTrue(until(lambda: running_threads() <= threads))
            self.assertLessEqual(open_descriptors(), descriptors)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
            self.assertLess(grown, MEMORY_KIB_MAX)
            self.assertEqual(server.client.get("/healthz").status, 200)
            self.assertEqual(server.log, [])

    def ask(self, server: Served, raw: bytes) -> None:
        with server.connect(raw) as client:
            client.shutdown(1)
            came = read_all(client)
        if raw.startswith(b"HEAD"):
            return
        found = answers(came)
        self.assertTrue(found, raw)
        self.assertLessEqual({answer.status for answer in found}, STATUSES, raw)
        last = found[-1].headers.get("connection", "")
        self.assertTrue(all("x-request-id" in answer.headers for answer in found), raw)
        self.assertNotIn(b"Traceback", came)
        self.assertIn(last, ("close", "upgrade", ""), raw)


if __name__ == "__main__":
    unittest.main()
