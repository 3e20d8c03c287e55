"""A mission of the real Codex whose stream breaks off: it asks again, and nothing runs twice."""

import socket
import threading
import unittest
from contextlib import suppress
from pathlib import Path

from support import needs
from support.bridges import bridge
from support.codex import codex, on_each_codex
from support.missions import contract
from support.providers import Pause, Reply, ScriptedProvider, calls
from support.wiretaps import Wiretap

from codex_oss.contract import render_handoff

FINDING = {
    "claim": "`load` is defined in src/config.py at line 4",
    "evidence_refs": ["file:src/config.py#extract:1@L4-L5"],
    "obligation_id": "q1",
}
DRAFT = {"status": "COMPLETE", "confidence": "HIGH", "answer": "Here.", "findings": [FINDING]}
READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = calls(("final_report", {"report": DRAFT}))
TOLD = b"I finished rtk_read"


class Scissors(Wiretap):
    """Cuts the first connection on which this text came back."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.RequestHandlerClass = _Cutting
        self.text, self.has_cut = text, threading.Event()


class _Cutting:
    def __init__(self, client: socket.socket, _address: object, server: Scissors) -> None:
        with socket.create_connection(("127.0.0.1", server.server_port)) as far:
            forth = threading.Thread(target=_forward, args=(client, far), daemon=True)
            forth.start()
            seen = b""
            with suppress(OSError):
                while data := far.recv(65_536):
                    server.answered.append(data)
                    seen += data
                    client.sendall(data)
                    if server.text in seen and not server.has_cut.is_set():
                        server.has_cut.set()
                        break
            for end in (client, far):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)


@needs("codex")
class CutStreams(unittest.TestCase):
    @on_each_codex()
    def test_a_stream_that_breaks_off_goes_on_and_is_one_run(
        self, version: str, project: Path
    ) -> None:
        prompt = f"Investigate.\n{render_handoff(contract())}"
        with ScriptedProvider() as provider, Scissors(TOLD) as wire:
            provider.then(READ, Reply((Pause(1.0), *GOOD.pieces)), GOOD)
            host = {"PROXY_ALLOWED_HOSTS": f"127.0.0.1:{wire.port}"}
            with bridge(project, provider, **host) as running:
                wire.server_port = running.port
                ran = codex(version, project, wire.port, prompt, model="mission-a3-scripted")
                archive = running.workshop.desk.archive
                (run,) = [archive.load(head.run_id) for head in archive.heads()]
        self.assertTrue(wire.has_cut.is_set())
        self.assertEqual(ran.exit_code, 0, ran.output)
        self.assertIn("**Outcome**: COMPLETE", ran.said[-1])
        kinds = [event.event_type for event in run.events]
        self.assertEqual((kinds.count("MissionFinalized"), kinds.count("ModelReplied")), (1, 2))
        self.assertLessEqual(len(provider.requests), 3)


if __name__ == "__main__":
    unittest.main()
