"""Real bridges in processes of their own: started, found, told apart from others, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from support import ROOT, scratch

from codex_oss.errors import ProcessFailed, Refused, StorageUnsafe
from codex_oss.layout import Layout
from codex_oss.project import Daemon, announced, read_identity
from codex_oss.settings import load_settings
from codex_oss.system import ProcessId, SystemClock

# What `up` may expect of any bridge, and what it must survive: MISBEHAVE says which.
BRIDGE = f"""
import os, signal, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from codex_oss.layout import Layout, source_tree
from codex_oss.project import BridgeIdentity, announced
from codex_oss.server import Gate, HttpReply, Limits, Listener, Route
from codex_oss.settings import load_settings
from codex_oss.system import Pulse, SystemClock

how = os.environ.get("MISBEHAVE")
if how == "die":
    sys.exit("no bridge today")
if how == "mute":
    print("mute", os.getpid(), flush=True)
    time.sleep(60)
project = Path(os.environ["CODEX_OSS_PROJECT"])
health = Route("GET", "/health", lambda request: HttpReply(200, {{"project_root": str(project)}}))
listener = Listener(
    "127.0.0.1",
    int(sys.argv[sys.argv.index("--port") + 1]),
    routes=[health],
    gate=Gate(load_settings(os.environ, project).local_key),
    limits=Limits(),
    pulse=Pulse(1),
    log=print,
)
words = []

def end(number, frame):
    words.append(number)
    if how != "deaf" and (how != "drains" or len(words) == 2):
        listener.drain(0)

signal.signal(signal.SIGTERM, end)
source = source_tree(Path(os.environ["PRODUCT"]))
identity = BridgeIdentity.mine(Layout(project), "127.0.0.1", listener.port, source, SystemClock())
with announced(Layout(project), identity):
    print("listening", flush=True)
    listener.serve()
"""


class HurriedClock(SystemClock):
    """Ten seconds pass in one."""

    def monotonic(self) -> float:
        return super().monotonic() * 10

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 10)


class DaemonTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        self.product = self.folder / "product"
        self.bridge = self.product / "bridge.py"
        self.product.mkdir()
        self.bridge.write_text(BRIDGE, "utf-8")
        self.project = self.folder / "project"
        self.project.mkdir()
        self.layout = Layout(self.project)

    def daemon(
        self, project: Path | None = None, clock: SystemClock | None = None, **environ: str
    ) -> Daemon:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PROXY_PORT": "0"}
        environ = base | {"PRODUCT": str(self.product)} | environ
        settings = load_settings(environ, project or self.project)
        program = (sys.executable, str(self.bridge))
        daemon = Daemon(settings, program=program, product_root=self.product, clock=clock)
        self.addCleanup(daemon.stop, 0)
        return daemon

    def pid(self) -> int:
        identity = read_identity(self.layout)
        assert identity
        return identity.process.pid


class UpAndDown(DaemonTest):
    def test_a_bridge_is_started_found_and_stopped_and_repeating_says_so(self) -> None:
        daemon = self.daemon()
        self.assertEqual(daemon.status().state, "not_running")
        started = daemon.up()
        again = self.daemon().up()
        self.assertEqual((started.outcome, again.outcome), ("started", "already_running"))
        self.assertEqual(again.status.identity, started.status.identity)
        status = self.daemon().status()
        self.assertEqual(
            status.to_json()
            | {"uptime_seconds": 0, "source": None},  # Of which the next tests speak.
            {
                "schema_version": "status.v1",
                "running": True,
                "state": "running",
                "pid": self.pid(),
                "url": started.status.identity.url,
                "port": started.status.identity.port,
                "uptime_seconds": 0,
                "version": "0.1.0",
                "mode": "production",
                "project_root": str(self.project),
                "source": None,
                "upstream_key_present": False,
                "warnings": [],
            },
        )
        self.assertLess(status.uptime_seconds, 5)
        process = started.status.identity.process
        self.assertNotEqual(os.getsid(process.pid), os.getsid(0))
        stopped = daemon.stop(5)
        self.assertEqual((stopped.outcome, stopped.pid), ("stopped", process.pid))
        self.assertFalse(process.is_alive)
        self.assertEqual(daemon.stop(5).outcome, "not_running")
        self.assertFalse(self.layout.identity.exists() or self.layout.pid_file.exists())

    def test_what_it_leaves_on_disk_is_private_and_names_it(self) -> None:
        self.daemon().up()
        files = (self.layout.identity, self.layout.pid_file, self.layout.bridge_errors)
        modes = {file.stat().st_mode & 0o777 for file in (*files, self.layout.local_key)}
        self.assertEqual(modes, {0o600})
        said = json.loads(self.layout.identity.read_bytes())
        self.assertEqual(
            {name: said[name] for name in ("pid", "pid_start", "project_root", "supervisor_pid")},
            {
                "pid": int(self.layout.pid_file.read_text("ascii")),
                "pid_start": ProcessId.of(self.pid()).start,
                "project_root": str(self.project),
                "supervisor_pid": None,
            },
        )
        self.assertIn("listening", self.layout.bridge_errors.read_text("utf-8"))

    def test_two_starts_at_once_end_in_one_bridge(self) -> None:
        results: list[str] = []
        daemons = [self.daemon() for _ in range(3)]
        threads = [
            threading.Thread(target=lambda d=daemon: results.append(d.up().outcome))
            for daemon in daemons
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), ["already_running", "already_running", "started"])

    def test_changed_source_is_stale_and_named(self) -> None:
        daemon = self.daemon()
        daemon.up()
        self.assertEqual(daemon.status().to_json()["source"]["state"], "FRESH")
        (self.product / "codex_oss").mkdir()
        (self.product / "codex_oss" / "new.py").write_text("", "utf-8")
        status = daemon.status()
        source = status.to_json()["source"]
        self.assertEqual(
            (source["state"], source["changed_files"]), ("STALE", ["codex_oss/new.py"])
        )
        self.assertNotEqual(source["running_sha256"], source["disk_sha256"])
        self.assertIn("STALE: 1 changed since it started: codex_oss/new.py", status.to_text())
        self.assertIn("other source", daemon.up().to_text())

    def test_a_provider_key_is_known_to_be_there_and_not_shown(self) -> None:
        status = self.daemon(OPENCODE_API_KEY="sk-secret").status()
        self.assertTrue(status.upstream_key_present)
        self.assertNotIn("sk-secret", repr(status) + status.to_text() + str(status.to_json()))


class WhatDoesNotGoWell(DaemonTest):
    def test_a_bridge_that_ends_at_once_shows_its_last_words(self) -> None:
        with self.assertRaisesRegex(ProcessFailed, "(?s)the bridge ended.*no bridge today"):
            self.daemon(MISBEHAVE="die").up()

    def test_a_bridge_that_never_answers_is_killed(self) -> None:
        with self.assertRaisesRegex(ProcessFailed, "did not answer within 10 s") as caught:
            self.daemon(clock=HurriedClock(), MISBEHAVE="mute").up()
        pid = int(caught.exception.message.split("mute ")[1])
        with self.assertRaises(ChildProcessError):  # Reaped below: it is dead, or this waits.
            os.waitpid(pid, 0)
            os.waitpid(pid, 0)

    def test_a_second_word_ends_a_drain_and_a_deaf_bridge_is_killed(self) -> None:
        for how, outcome in (("drains", "stopped"), ("deaf", "killed")):
            with self.subTest(how):
                daemon = self.daemon(clock=HurriedClock(), MISBEHAVE=how)
                process = daemon.up().status.identity.process
                self.assertEqual(daemon.stop(1).outcome, outcome)
                self.assertFalse(process.is_alive)
                self.assertIsNone(read_identity(self.layout))

    def test_a_number_that_was_used_again_is_never_signalled(self) -> None:
        daemon = self.daemon()
        identity = daemon.up().status.identity
        with subprocess.Popen(["sleep", "60"]) as stranger:
            theirs = ProcessId.of(stranger.pid)
            daemon.stop(5)
            reused = (replace(theirs, start=identity.process.start), replace(theirs, boot="other"))
            for process in reused:
                write(self.layout, replace(identity, process=process))
                self.assertEqual(daemon.status().state, "gone")
                stopped = daemon.stop(0)
                self.assertEqual(stopped.outcome, "not_running")
                self.assertIn("is gone or another's", stopped.note)
                self.assertIsNone(read_identity(self.layout))
            write(self.layout, replace(identity, process=reused[0]))
            self.assertEqual(daemon.up().outcome, "started")
            self.assertIsNone(stranger.poll())
            stranger.kill()

    def test_a_killed_bridge_leaves_a_file_that_the_next_start_replaces(self) -> None:
        daemon = self.daemon()
        first = daemon.up().status.identity.process
        os.kill(first.pid, signal.SIGKILL)
        while first.is_alive:
            time.sleep(0.01)
        self.assertEqual(daemon.status().state, "gone")
        self.assertNotEqual(daemon.up().status.identity.process, first)

    def test_a_file_that_no_bridge_wrote_is_refused_and_kept(self) -> None:
        self.layout.run_folder.mkdir(parents=True)
        for text in ("", "{}", "[]", '{"pid": 1}', "[" * 100_000):
            self.layout.identity.write_text(text, "utf-8")
            with (
                self.subTest(text[:20]),
                self.assertRaisesRegex(StorageUnsafe, "not what a bridge"),
            ):
                read_identity(self.layout)
        self.assertTrue(self.layout.identity.exists())
        self.layout.identity.unlink()


class WhoOwnsThePort(DaemonTest):
    def test_a_bridge_of_another_project_with_our_key_is_named_and_left_alone(self) -> None:
        other = self.folder / "other"
        other.mkdir()
        theirs = self.daemon(other, PROXY_API_KEY="shared").up().status.identity
        ours = self.daemon(PROXY_API_KEY="shared", PROXY_PORT=str(theirs.port))
        with self.assertRaises(Refused) as caught:
            ours.up()
        expected = f"port {theirs.port} is held by the bridge of {other}, not of {self.project}"
        self.assertEqual(
            (caught.exception.message, caught.exception.code), (expected, "port_taken")
        )
        self.assertTrue(theirs.process.is_alive)

    def test_any_other_program_gets_no_key_and_no_signal(self) -> None:
        for proof in ("right length" * 4, None):
            with self.subTest(proof), stranger_on_a_port(proof) as (port, heads):
                with self.assertRaisesRegex(Refused, f"port {port} .* another program: .*pid"):
                    self.daemon(PROXY_API_KEY="a-secret-key", PROXY_PORT=str(port)).up()
                self.assertEqual(len(heads), 1)
                self.assertNotIn("a-secret-key", heads[0])
                self.assertNotIn("authorization", heads[0].lower())

    def test_a_port_that_says_nothing_is_another_programs_too(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            with self.assertRaisesRegex(Refused, f"pid {os.getpid()}"):
                self.daemon(PROXY_PORT=str(port)).up()

    def test_a_stranger_on_the_port_of_our_dead_bridge_is_not_ours(self) -> None:
        daemon = self.daemon()
        identity = daemon.up().status.identity
        daemon.stop(5)
        with stranger_on_a_port("x" * 64) as (port, heads):
            write(self.layout, replace(identity, port=port, process=ProcessId.of(os.getpid())))
            self.assertEqual(daemon.status().state, "not_answering")
            with self.assertRaisesRegex(Refused, "not proving itself"):
                daemon.up()
            self.assertNotIn("authorization", "".join(heads).lower())
        self.layout.identity.unlink()  # It names this process: nobody shall stop it.

    def test_who_announces_himself_takes_back_only_his_own(self) -> None:
        identity = self.daemon().up().status.identity
        successor = replace(identity, port=1)
        with announced(self.layout, identity):
            write(self.layout, successor)
        self.assertEqual(read_identity(self.layout), successor)
        write(self.layout, identity)


def write(layout: Layout, identity: object) -> None:
    layout.identity.write_text(json.dumps(identity.to_json()), "utf-8")


@contextmanager
def stranger_on_a_port(proof: str | None) -> Iterator[tuple[int, list[str]]]:
    """A web server that answers everything with 200, and the request heads that it saw."""
    heads: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heads.append(f"{self.requestline}\n{self.headers}")
            body = json.dumps({"ok": True, "proof": proof} if proof else "hello").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port, heads
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    unittest.main()
