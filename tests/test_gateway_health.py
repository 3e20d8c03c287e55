"""What a bridge says of itself: `/health`, at once, and lines that hold nothing secret."""

import json
import os
import threading
import time
import unittest
from contextlib import ExitStack

from support import ROOT, scratch
from support.bridges import bridge
from support.clients import Client
from support.gateways import HELLO, WHOLE, gateway
from support.missions import contract, write_tree
from support.processes import KEY, bridge_process, profile
from support.providers import Pause, Reply, ScriptedProvider, delta, failure, text
from support.served import until

from codex_oss.contract import render_handoff
from codex_oss.gateway import MemoryConversations
from codex_oss.gateway.conversations import StoredResponse
from codex_oss.gateway.receipts import FIELDS
from codex_oss.layout import SourceOnDisk
from codex_oss.upstream import Slots, WaitingRoom

HEALTH = """
argv bridge_version codex_versions concurrency config_fingerprint counters cwd gpt_model_strategy
has_opencode_key learned listening model_health ok pid ppid project_root runtime_identity service
source_path source_sha256 state_db supervisor time transport_contract upstream_stream
uptime_seconds warnings
""".split()
QUICK_SECONDS = 0.02  # Bridge 20.
MARK = "m4rk3d-w0rd"


class Health(unittest.TestCase):
    def test_every_field_is_there_and_says_what_is(self) -> None:
        project = self.enterContext(scratch())
        running = self.enterContext(bridge(project, CODEX_OSS_SUPERVISOR_MODE="foreground"))
        health = running.client.get("/health").json
        self.assertEqual(sorted(health), HEALTH)
        self.assertEqual(running.client.get("/v1/health").json.keys(), health.keys())
        self.assertEqual(health["pid"], os.getpid())
        self.assertEqual(health["ppid"], os.getppid())
        self.assertEqual(health["source_path"], str(ROOT))
        self.assertEqual(health["project_root"], str(project))
        self.assertEqual(health["listening"], {"host": "127.0.0.1", "port": running.port})
        self.assertEqual(health["supervisor"], {"mode": "foreground", "durable": False})
        self.assertEqual(
            health["state_db"], str(project / ".codex-oss" / "state" / "proxy.sqlite3")
        )
        self.assertRegex(health["config_fingerprint"], r"^[0-9a-f]{64}$")
        self.assertEqual((health["upstream_stream"], health["warnings"]), (True, []))
        runtime = health["runtime_identity"]
        tree, freshness = runtime["runtime_source_tree"], runtime["freshness"]
        self.assertEqual((tree["fresh"], tree["changed_files"]), (True, []))
        self.assertEqual(tree["startup_sha256"], tree["current_sha256"])
        self.assertEqual(freshness, {"live_tests_allowed": True, "restart_required": False})
        self.assertIn("rehearsal", runtime["model_aliases"])
        self.assertEqual(
            sorted(health["concurrency"]), ["in_use", "max_global", "models", "waiting"]
        )

    def test_a_process_says_how_it_was_started(self) -> None:
        project = self.enterContext(scratch())
        with bridge_process(project) as running:
            health = running.client.get("/health").json
        self.assertEqual(health["cwd"], str(project))
        self.assertEqual(health["argv"], [str(ROOT / "bridge.py"), "--port", "0"])
        self.assertEqual((health["pid"], health["ppid"]), (running.process.pid, os.getpid()))

    def test_a_breaker_says_until_when_it_is_open(self) -> None:
        provider = self.enterContext(ScriptedProvider(always=failure(500, {"error": "down"})))
        once = {"UPSTREAM_RETRIES": "0", "CIRCUIT_BREAKER_ERRORS": "1"}
        running = self.enterContext(bridge(self.enterContext(scratch()), provider, **once))
        running.client.turn({"model": "scripted", "input": "hi"})
        [breaker] = running.client.get("/health").json["model_health"].values()
        self.assertEqual((breaker["state"], breaker["errors"]), ("open", 1))
        self.assertRegex(breaker["open_until"], r"^20\d\d-\d\d-\d\dT[\d:]{8}\+00:00$")
        self.assertEqual(breaker["last_error_class"], "UpstreamError")

    def test_it_waits_for_no_turn_and_reads_no_file_twice(self) -> None:
        """Eight turns hang in their provider, and eight more wait for a slot of it."""
        silent = Reply((delta(role="assistant", content=""), Pause(20)))
        provider = self.enterContext(ScriptedProvider(always=silent))
        limits = {"MAX_GLOBAL_UPSTREAM_CONCURRENCY": "8"}
        running = self.enterContext(bridge(self.enterContext(scratch()), provider, **limits))
        with ExitStack() as open_turns:
            turn = {"model": "scripted", "input": "hi", "stream": True}
            for _ in range(16):
                open_turns.enter_context(running.client.stream(turn))
            self.assertTrue(until(lambda: len(provider.requests) == 8))
            took = []
            for _ in range(20):
                began = time.perf_counter()
                health = running.client.get("/health").json
                took.append(time.perf_counter() - began)
        in_use, waiting = (health["concurrency"][key] for key in ("in_use", "waiting"))
        self.assertEqual((in_use, waiting), (8, 8))
        self.assertLess(min(took), QUICK_SECONDS)  # What load adds is not ours.

    def test_a_file_is_read_again_only_where_it_changed(self) -> None:
        folder = self.enterContext(scratch())
        source = folder / "codex_oss" / "a.py"
        source.parent.mkdir()
        source.write_text("one")
        disk = SourceOnDisk(folder)
        before = disk.look()
        self.assertEqual(disk.look(), before)
        times = source.stat()
        source.write_text("two")
        os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertEqual(before.changed_files(disk.look()), ("codex_oss/a.py",))
        source.unlink()
        self.assertEqual(disk.look().files, {})


class Lines(unittest.TestCase):
    def test_every_line_has_every_field(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as running:
            running.client.turn(WHOLE)
            running.client.events(HELLO)
            running.client.turn({"model": "nobody", "input": "hi"})
            self.assertTrue(until(lambda: len(running.lines) == 3))
        for line in running.lines:
            self.assertEqual(tuple(line), FIELDS)
        self.assertEqual([line["tries"] for line in running.lines], [1, 1, None])

    def test_the_receipt_of_the_last_event_is_the_receipt_of_the_line(self) -> None:
        asked = {**HELLO, "service_tier": "flex", "input": [{"type": "odd"}, *user("hi")]}
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as running:
            end = running.client.events(asked)[-2].data["response"]
            self.assertTrue(until(lambda: bool(running.lines)))
        [line] = turns(running.lines)
        self.assertEqual(line["receipt"], end["oss_receipt"])
        self.assertIn("service_tier", line["receipt"]["dropped"])

    def test_who_answers_in_anothers_place_is_told_and_priced(self) -> None:
        provider = self.enterContext(ScriptedProvider(always=text("ok")))
        down = self.enterContext(ScriptedProvider(always=failure(503, {"error": "down"})))
        priced = {"prices": {"input": 1, "output": 2}}
        profiles = {
            **profile(provider.base_url, **priced),
            "asked": {**profile(down.base_url)["scripted"], "fallbacks": ["scripted"]},
        }
        environ = {"PROFILES_JSON": json.dumps(profiles), "UPSTREAM_RETRIES": "0"}
        running = self.enterContext(bridge(self.enterContext(scratch()), **environ))
        for is_streamed in (False, True):
            running.lines.clear()
            turn = {"model": "asked", "input": "hi", "stream": is_streamed}
            answer = running.client.turn(turn)
            self.assertTrue(until(lambda: len(running.lines) > 1))
            [line] = turns(running.lines)
            told = (line["model"], line["receipt"]["fallback_from"], line["cost_usd"])
            self.assertEqual(told, ("scripted", "asked", 0.000025))
            self.assertIn(line["receipt"], receipts_in(answer.body))
            [warning] = [line for line in running.lines if line["level"] == "warning"]
            self.assertEqual((warning["event"], warning["fallback_from"]), ("fallback", "asked"))
            if not is_streamed:
                self.assertEqual(answer.headers["x-oss-upstream-model"], "acme-1")
        self.assertEqual(running.client.get("/health").json["counters"]["fallbacks"], 2)

    def test_a_turn_that_could_not_be_stored_says_so_in_its_line(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider:
            with gateway(provider, store=FullStore()) as running:
                end = running.client.events(HELLO)[-2].data["response"]
                self.assertTrue(until(lambda: len(running.lines) == 2))
        [line] = turns(running.lines)
        self.assertIs(line["receipt"]["stored"], False)
        self.assertEqual(line["receipt"], end["oss_receipt"])

    def test_a_wait_for_a_slot_and_for_the_provider_are_told(self) -> None:
        slow = text("ok").after(0.2)
        with (
            ScriptedProvider(always=slow) as provider,
            gateway(provider, slots=Slots(1, WaitingRoom(4))) as running,
        ):
            callers = [
                threading.Thread(target=running.client.events, args=(HELLO,)) for _ in range(2)
            ]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            self.assertTrue(until(lambda: len(running.lines) == 2))
        first, second = sorted(running.lines, key=lambda line: line["queue_ms"])
        self.assertLess(first["queue_ms"], 150)
        self.assertGreater(second["queue_ms"], 150)
        for line in running.lines:
            self.assertGreaterEqual(line["ttfb_ms"], 190)
            self.assertGreaterEqual(line["total_ms"], line["ttft_ms"])

    def test_an_unknown_item_is_warned_of_once_a_type_and_a_tampered_envelope_always(self) -> None:
        odd = [{"type": "odd", "x": MARK}, {"type": f"very {MARK} odd"}]
        sealed = {"type": "reasoning", "summary": [], "encrypted_content": "oss1.e30.e30"}
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as running:
            for _ in range(2):
                running.client.turn({**WHOLE, "input": [*odd, sealed, *user("hi")]})
            self.assertTrue(until(lambda: len(turns(running.lines)) == 2))
        warned = [line for line in running.lines if line["level"] == "warning"]
        self.assertEqual(
            [(line["event"], line.get("name")) for line in warned],
            [
                ("unknown_item", "odd"),
                ("unknown_item", "[other]"),
                ("tampered_envelope", None),
                ("tampered_envelope", None),
            ],
        )
        self.assertEqual({line["model"] for line in warned}, {"scripted"})

    def test_a_model_of_which_only_the_name_is_known_is_warned_of_once(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider, gateway(provider) as running:
            for name in ("ocg-kimi-k9", "opencode-go/kimi-k9", "scripted"):
                running.client.turn({**WHOLE, "model": name})
            self.assertTrue(until(lambda: len(turns(running.lines)) == 3))
        warned = [line for line in running.lines if line["level"] == "warning"]
        told = [(line["event"], line["name"]) for line in warned]
        self.assertEqual(told, [("unlisted_model", "kimi-k9")])

    def test_nothing_of_a_caller_or_a_provider_is_in_any_line_at_any_level(self) -> None:
        project = self.enterContext(scratch())
        write_tree(project)
        log = project / "bridge.log"
        provider = self.enterContext(ScriptedProvider(checks=False))
        served = profile(provider.base_url, key_env="ACME_KEY")
        variables = {"PROXY_LOG_PATH": str(log), "PROXY_LOG_LEVEL": "debug", "ACME_KEY": MARK}
        with bridge_process(project, served, **variables) as running:
            client = running.client
            headers = {"session_id": MARK, "x_codex_turn_metadata": MARK, "Cookie": MARK}
            marked = Client(running.port, KEY, User_Agent=f"codex/{MARK}", **headers)
            for answer in (text(MARK, reasoning=MARK), failure(400, {"error": {"message": MARK}})):
                provider.always = answer
                for is_streamed in (False, True):
                    marked.turn({**everything(), "stream": is_streamed})
            handoff = render_handoff(contract(objective=f"Where is `{MARK}`?"))
            client.turn({"model": "mission-a3-rehearsal", "input": f"{MARK}\n{handoff}"})
            client.turn({"model": "rehearsal", "input": "hi", f"odd field {MARK}": 1})
            client.turn({"model": MARK, "input": MARK})
            client.get(f"/v1/{MARK}?{MARK}")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        outcomes = [line["outcome"] for line in lines if line["event"] == "turn"]
        self.assertEqual(sorted(outcomes), [*["completed"] * 4, *["failed"] * 2, "refused"])
        self.assertNotIn(MARK, log.read_text())
        self.assertNotIn(MARK, "".join(running.said))


class FullStore(MemoryConversations):
    def save(self, stored: StoredResponse) -> None:
        raise OSError("no space left")


def receipts_in(body: bytes) -> list[object]:
    """Return every receipt of an answer, streamed or not."""
    texts = [line.removeprefix(b"data: ") for line in body.splitlines() if b"oss_receipt" in line]
    documents = (json.loads(text) for text in texts)
    return [document.get("response", document)["oss_receipt"] for document in documents]


def user(words: str) -> list[dict[str, object]]:
    return [{"role": "user", "content": words}]


def turns(lines: list[dict]) -> list[dict]:
    return [line for line in lines if line["event"] == "turn"]


def everything() -> dict[str, object]:
    """Return a request that has the marker wherever words of a caller can stand."""
    image = {"type": "input_image", "image_url": f"https://{MARK}.example/x.png"}
    file = {"type": "input_file", "filename": MARK, "file_data": f"data:text/plain,{MARK}"}
    call = {"type": "function_call", "call_id": MARK, "name": MARK, "arguments": f'{{"{MARK}":1}}'}
    return {
        "model": "scripted",
        "instructions": MARK,
        "metadata": {MARK: MARK},
        "user": MARK,
        "prompt_cache_key": MARK,
        "safety_identifier": MARK,
        "client_metadata": {MARK: MARK},
        "store": False,
        "tools": [
            {"type": "function", "name": MARK, "description": MARK, "parameters": {}},
            {"type": "custom", "name": f"{MARK}2", "format": {"type": "text"}},
            {"type": "namespace", "name": f"{MARK}3", "description": MARK, "tools": []},
        ],
        "input": [
            {"role": "developer", "content": MARK},
            {"role": "user", "content": [{"type": "input_text", "text": MARK}, image, file]},
            {"type": "reasoning", "summary": [], "content": [], "encrypted_content": MARK},
            call,
            {"type": "function_call_output", "call_id": MARK, "output": MARK},
            {"type": f"odd {MARK}", "x": MARK},
            *user(MARK),
        ],
    }


if __name__ == "__main__":
    unittest.main()
