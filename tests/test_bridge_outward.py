"""What a real `python3 bridge.py` lets out: keys to their own hosts, nobody's words to a file."""

import json
import signal
import unittest
from collections import Counter
from pathlib import Path

from support import scratch
from support.clients import Client
from support.commands import CommandLine
from support.processes import KEY, BridgeProcess, bridge_process, profile
from support.providers import Pause, Reply, ScriptedProvider, delta, failure, text
from support.served import read_all

MARK = "m4rk3d-w0rd"
MARKED_TURN = {
    "model": "scripted",
    "input": MARK,
    "store": False,
    "instructions": MARK,
    "metadata": {MARK: MARK},
    "user": MARK,
    "tools": [{"type": "function", "name": MARK, "description": MARK, "parameters": {}}],
}


class Outward(unittest.TestCase):
    """What goes to providers (bridge 3.13): a key to its own host alone, and nobody's headers."""

    def test_keys_and_callers_stay_where_they_belong(self) -> None:
        project = self.enterContext(scratch())
        first, second = (self.enterContext(ScriptedProvider(always=text("ok"))) for _ in range(2))
        moved = failure(307, b"", {"location": f"{second.base_url}/chat/completions"})
        profiles = {
            "first": profile(first.base_url, key_env="FIRST_KEY")["scripted"],
            "second": profile(second.base_url, key_env="SECOND_KEY")["scripted"],
        }
        keys = {"FIRST_KEY": "sk-first-0123456789", "SECOND_KEY": "sk-second-0123456789"}
        with bridge_process(project, profiles, UPSTREAM_RETRIES="0", **keys) as bridge:
            client = Client(bridge.port, KEY, Cookie=MARK, X_Api_Key=MARK, X_Forwarded_For=MARK)
            for name in ("first", "second"):
                self.assertEqual(client.turn({"model": name, "input": "hi"}).status, 200)
            first.then(moved)
            self.assertEqual(client.turn({"model": "first", "input": "hi"}).status, 400)
        self.assertEqual((len(first.requests), len(second.requests)), (2, 1))
        for provider, own in ((first, keys["FIRST_KEY"]), (second, keys["SECOND_KEY"])):
            for request in provider.requests:
                self.assertEqual(request.headers["authorization"], f"Bearer {own}")
                sent = str(request.headers) + request.raw.decode()
                others = {KEY, MARK, *keys.values()} - {own}
                self.assertEqual([word for word in others if word in sent], [])

    def test_a_provider_elsewhere_must_be_encrypted(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        for name, value in (
            ("PROFILES_JSON", json.dumps(profile("http://provider.example/v1"))),
            ("UPSTREAM_BASE", "http://127.0.0.1.evil.example/v1"),
        ):
            done = line.run("up", "--port", "0", **{name: value})
            self.assertEqual(done.code, 1, name)
            self.assertIn("expected https://HOST/PATH, or http to this machine", done.err)


class Secrets(unittest.TestCase):
    def test_nothing_that_a_caller_or_a_provider_says_is_kept(self) -> None:
        project = self.enterContext(scratch()) / "project"
        project.mkdir()
        log = project / "bridge.log"
        key = f"sk-{MARK}-of-callers"
        secrets = {"PROXY_API_KEY": key, "ACME_KEY": f"sk-{MARK}-of-acme"}
        with ScriptedProvider() as provider:
            profiles = profile(provider.base_url, key_env="ACME_KEY")
            running = bridge_process(project, profiles, **secrets, PROXY_LOG_PATH=str(log))
            bridge = self.enterContext(running)
            client = Client(bridge.port, key, Thread_Id=f"thread-{MARK}", X_Other=MARK)
            self.take_turns(client, provider)
            self.be_refused(client)
            bridge.signal(signal.SIGTERM)
            bridge.wait()
        self.check_nothing_is_kept(bridge, log)

    def take_turns(self, client: Client, provider: ScriptedProvider) -> None:
        """Have turns left by their caller, completed, and failed by the provider."""
        provider.always = Reply((delta(content=f"say {MARK}"), Pause(20)))
        with client.stream({**MARKED_TURN, "stream": True}) as events:
            while b"delta" not in events.file.readline():
                pass
        provider.always = text("said")
        self.assertEqual(client.turn({"model": "scripted", "input": "stored"}).status, 200)
        wrong = failure(400, {"error": {"message": f"{MARK} is wrong"}})
        broken = text(f"say {MARK}").cut(150)
        for answer in (text(f"say {MARK}"), wrong, broken):
            for is_streamed in (False, True):
                provider.always = answer
                client.turn({**MARKED_TURN, "stream": is_streamed})

    def be_refused(self, client: Client) -> None:
        for document in ({"model": MARK, "input": "x"}, {MARK: 1}, MARK.encode(), {"model": 1}):
            self.assertEqual(client.turn(document).status, 400)
        for path in (
            f"/{MARK}",
            f"/v1/models/{MARK}",
            f"/v1/responses/{MARK}",
            f"/health?x={MARK}",
        ):
            client.get(path)
        for name in ("Authorization", "Host", "Origin", "Upgrade", "Expect", "User_Agent"):
            client.get("/v1/models", **{name: MARK})
        client.post("/v1/responses", MARKED_TURN, Content_Type=MARK)
        with client.send(f"{MARK}\r\n\r\n".encode()) as raw:
            read_all(raw)

    def check_nothing_is_kept(self, bridge: BridgeProcess, log: Path) -> None:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        outcomes = Counter(line["outcome"] for line in lines if line["event"] == "turn")
        expected = {"completed": 3, "failed": 4, "cancelled": 1, "refused": 4}
        self.assertEqual(outcomes, expected)
        files = [path for path in bridge.project.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 2)
        self.assertEqual([path for path in files if MARK.encode() in path.read_bytes()], [])
        self.assertNotIn(MARK, "".join(bridge.said))


if __name__ == "__main__":
    unittest.main()
