"""Reports on files that the runtime reads for raw models: context packs, and mended tasks."""

import hashlib
import json
import unittest
from pathlib import Path

from support import scratch
from support.bridges import bridge
from support.clients import Answer
from support.handoffs import handoff, labelled
from support.missions import FILES, write_tree
from support.providers import Pause, Reply, ScriptedProvider, calls, failure, text
from support.schema import faults_of_event
from support.served import until

from codex_oss.record import SOURCE_PACK

QUICK = {"UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "1", "UPSTREAM_RETRIES": "0"}
SILENT = Reply(()).after(20)
DOWN = failure(500, {"error": {"message": "the finalizer is down"}})
ANNOUNCED = (text("Let me look."), text("I will."))  # As good as silence, and sooner over.
RECOVERED = "Synthesis status: SOURCE_PACK_RECOVERY\n"
COMPLETED = "Synthesis status: DETERMINISTIC_SERVER_SIDE_READ_COMPLETION\n"
REPORT = "Status: COMPLETE\n`TIMEOUT` is 30 [file:src/config.py#extract:1@L1]"
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}
PACK = handoff(deliverable_fields=["Where the timeout is set", "What main calls"])
PACKED = (
    "Status: COMPLETE\nq1: `TIMEOUT` is 30 [file:src/config.py#extract:1@L1]\n"
    "q2: `main` calls `load` [file:src/main.py#extract:1@L4-L5]"
)


class Lane(unittest.TestCase):
    """Each test has a project with FILES in `self.folder`, and a provider."""

    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        self.provider = self.enterContext(ScriptedProvider())
        write_tree(self.folder)

    def ask(self, task: str, *steps: Reply, items: list[dict] | None = None, **environ) -> Answer:
        self.provider.then(*steps)
        with bridge(self.folder, self.provider, **QUICK, **environ) as running:
            history = [{"role": "user", "content": task}, *(items or [])]
            return running.client.turn({"model": "scripted", "input": history, "tools": [LOOK]})

    def said(self, answer: Answer) -> str:
        self.assertEqual((answer.status, answer.json["status"]), (200, "completed"), answer.body)
        (item,) = answer.json["output"]
        return item["content"][0]["text"]

    def check_sources(self, said: str, *paths: str) -> None:
        for path in paths:
            data = (self.folder / path).read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            self.assertIn(f"- {path}: {len(data)} bytes, sha256 {digest}", said)

    def report(self) -> dict:
        (file,) = (self.folder / ".codex-oss/missions").glob("*/report.json")
        return json.loads(file.read_text())


class Recovered(Lane):
    def test_a_model_that_does_not_answer_in_time(self) -> None:
        answer = self.ask(handoff(), SILENT, text(REPORT))
        said = self.said(answer)
        self.assertTrue(said.startswith(RECOVERED), said)
        self.assertIn("did not answer for 1 s", said)
        self.assertIn("**Outcome**: PARTIAL", said)
        self.assertIn("confidence LOW", said)
        self.assertIn("[supported] `TIMEOUT` is 30", said)
        self.check_sources(said, "src/config.py", "src/main.py")
        self.assertNotIn("tools", self.provider.requests[1].body)
        told = self.report()
        self.assertEqual(
            (told["status"], told["confidence"], told["recovery_class"], told["report_source"]),
            ("PARTIAL", "LOW", SOURCE_PACK, "source_pack_recovery"),
        )

    def test_with_the_finalizer_down_the_sources_are_told_without_conclusions(self) -> None:
        said = self.said(self.ask(handoff(), SILENT, DOWN))
        self.assertTrue(said.startswith(COMPLETED), said)
        self.assertIn("**Outcome**: PARTIAL, confidence LOW", said)
        self.assertIn("no conclusion on: Say how the timeout is set.", said)
        self.assertIn("model_call_failed:server_error", said)
        self.check_sources(said, "src/config.py", "src/main.py")
        self.assertEqual(self.report()["status"], "FAILED")

    def test_or_the_error_itself_where_the_settings_say_so(self) -> None:
        answer = self.ask(handoff(), SILENT, DOWN, DEGRADED_COMPLETION_ON_TIMEOUT="0")
        self.assertEqual((answer.status, answer.error["code"]), (504, "server_error"))

    def test_text_that_only_announces_twice(self) -> None:
        said = self.said(self.ask(handoff(), *ANNOUNCED, text(REPORT)))
        self.assertTrue(said.startswith(RECOVERED), said)
        self.assertIn("only announced", said)

    def test_the_same_call_a_third_time(self) -> None:
        items = []
        for name in ("call_a", "call_b"):
            items.append(
                {"type": "function_call", "call_id": name, "name": "look", "arguments": "{}"}
            )
            items.append({"type": "function_call_output", "call_id": name, "output": "no"})
        more = {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "5"}
        again = calls(("look", {}))
        said = self.said(self.ask(handoff(), again, text(REPORT), items=items, **more))
        self.assertTrue(said.startswith(RECOVERED), said)
        self.assertIn("third time", said)

    def test_a_report_that_is_none(self) -> None:
        rounds = {"OSS_NATIVE_MAX_TOOL_EXCHANGES": "0"}
        said = self.said(self.ask(handoff(), text(" "), text(REPORT), **rounds))
        self.assertTrue(said.startswith(RECOVERED), said)
        self.assertIn("no valid report", said)

    def test_prose_that_cites_nothing_is_told_as_that(self) -> None:
        said = self.said(self.ask(handoff(), *ANNOUNCED, text("Both files were checked.")))
        self.assertTrue(said.startswith(RECOVERED), said)
        self.assertIn("**Outcome**: PARTIAL", said)
        self.assertIn("> Both files were checked.", said)

    def test_who_may_not_report_is_passed_over(self) -> None:
        served = {"provider": "openai_compatible", "base_url": self.provider.base_url}
        profiles = {
            "scripted": {**served, "upstream_model": "acme-1"},
            "painter": {**served, "upstream_model": "acme-2", "lanes": ["patch_proposal"]},
        }
        answer = self.ask(
            handoff(),
            *ANNOUNCED,
            text(REPORT),
            PROFILES_JSON=json.dumps(profiles),
            CONTINUATION_MODEL="painter",
        )
        self.assertTrue(self.said(answer).startswith(RECOVERED))
        self.assertEqual([asked.body["model"] for asked in self.provider.requests], ["acme-1"] * 3)

    def test_nothing_readable_is_a_failure(self) -> None:
        task = handoff(read_only_paths=["gone.py", ".env", "src/auth/x.py"])
        answer = self.ask(task, *ANNOUNCED)
        self.assertEqual(answer.error["code"], "no_readable_source")
        self.assertEqual(len(self.provider.requests), 2)

    def test_its_limits_bite(self) -> None:
        for number in range(6):
            (self.folder / f"src/f{number}.py").write_text(f"x = {number}\n" * 400)
        task = handoff(read_only_paths=["src/"])
        limits = {
            "OSS_READ_FINALIZER_MAX_FILES": "5",
            "OSS_READ_FINALIZER_MAX_EXCERPT_CHARS": "700",
            "OSS_READ_FINALIZER_MAX_PROMPT_CHARS": "2500",
        }
        said = self.said(self.ask(task, *ANNOUNCED, text("Done."), **limits))
        told = self.report()
        read = [row["path"] for row in told["files_inspected"]]
        self.assertEqual(read[:2], ["src/main.py", "src/config.py"])
        self.assertLessEqual(len(read), 5)
        self.assertLessEqual(told["data_exposure"]["bytes"], 2_500)
        self.assertIn("- src/f5.py: left_out", said)
        shown = [row["lines_shown"] for row in told["files_inspected"][2:]]
        self.assertLess(max(shown), 700 // len("1: x = 1\n"))


class Packed(Lane):
    def test_the_runtime_reads_and_one_call_without_tools_reports(self) -> None:
        said = self.said(self.ask(PACK, text(PACKED)))
        self.assertTrue(said.startswith("**Outcome**: COMPLETE"), said)
        self.check_sources(said, "src/config.py", "src/main.py")
        (asked,) = self.provider.requests
        self.assertNotIn("tools", asked.body)
        self.assertIn("TIMEOUT = 30", json.dumps(asked.messages))

    def test_of_a_step_that_searches_only_the_matches_are_read(self) -> None:
        steps = ["grep TIMEOUT in src/config.py", "grep load in src/main.py", "grep x in .env"]
        task = handoff(deliverable_fields=["report"], verification_steps=steps)
        limit = {"CONTEXT_PACK_MAX_SEARCH_TERMS": "1"}
        said = self.said(
            self.ask(task, text("Status: COMPLETE\n`TIMEOUT` is 30 [command:1#match:1]"), **limit)
        )
        self.assertIn("- src/config.py: 1 matches of TIMEOUT", said)
        asked = json.dumps(self.provider.requests[0].messages)
        self.assertNotIn("def load", asked)
        self.assertIn("def main", asked)

    def test_source_text_has_a_limit(self) -> None:
        (self.folder / "src/long.py").write_text("y = 1\n" * 4000)
        task = handoff(read_only_paths=["src"], deliverable_fields=["report"])
        self.said(self.ask(task, text("Nothing."), CONTEXT_PACK_MAX_CHARS="2048"))
        self.assertLessEqual(self.report()["data_exposure"]["bytes"], 2_048)

    def test_labels_say_what_is_not_to_be_touched(self) -> None:
        more = "DO NOT TOUCH: src/main.py"
        task = labelled(more, read_only="src", deliverable="- the timeout")
        said = self.said(self.ask(task, text(REPORT)))
        self.assertNotIn("def main", json.dumps(self.provider.requests[0].messages))
        self.assertNotIn("src/main.py:", said)

    def test_a_model_that_fails_is_mended_too(self) -> None:
        said = self.said(self.ask(PACK, DOWN, text(REPORT)))
        self.assertTrue(said.startswith(RECOVERED), said)
        said = self.said(self.ask(PACK, DOWN, DOWN, CIRCUIT_BREAKER_ERRORS="9"))
        self.assertTrue(said.startswith(COMPLETED), said)
        self.assertIn("no conclusion on: What main calls", said)

    def test_secrets_are_neither_sent_nor_told(self) -> None:
        key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
        (self.folder / "src/keys.py").write_text(f'KEY = "{key}"\n')
        task = handoff(read_only_paths=["src", "secrets", ".env"], deliverable_fields=["report"])
        said = self.said(self.ask(task, text("Nothing.")))
        sent = b"".join(asked.raw for asked in self.provider.requests).decode()
        for hidden in (key, "do not read me", "do-not-read-me"):
            self.assertNotIn(hidden, sent + said)
        self.assertIn("[redacted:", sent)

    def test_nothing_in_the_workspace_is_written(self) -> None:
        self.said(self.ask(PACK, text(PACKED)))
        for name, content in FILES.items():
            self.assertEqual((self.folder / name).read_text(), content)
        self.assertEqual(files_in(self.folder), sorted(FILES))


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".codex-oss" not in path.parts and "codex-home" not in path.parts
    )


class Streamed(Lane):
    def test_the_report_comes_in_deltas_of_the_size_that_is_set(self) -> None:
        self.provider.then(text(PACKED))
        with bridge(self.folder, self.provider, SSE_CHUNK_SIZE="100") as running:
            events = running.client.events({"model": "scripted", "input": PACK, "stream": True})
        self.assertEqual([faults_of_event(e.data) for e in events[:-1]], [[]] * (len(events) - 1))
        deltas = [e.data["delta"] for e in events if e.type.endswith("text.delta")]
        self.assertEqual({len(delta) for delta in deltas[:-1]}, {100})
        (item,) = events[-2].data["response"]["output"]
        self.assertEqual("".join(deltas), item["content"][0]["text"])

    def test_who_leaves_ends_the_run_and_hangs_up(self) -> None:
        self.provider.then(Reply((Pause(20),)))
        with bridge(self.folder, self.provider) as running:
            body = {"model": "scripted", "input": PACK, "stream": True}
            with running.client.stream(body) as events:
                next(iter(events))
                self.assertTrue(until(lambda: bool(self.provider.requests)))
            self.assertTrue(self.provider.requests[0].over.wait(2))
            archive = running.workshop.desk.archive
            self.assertTrue(until(lambda: next(archive.list())["state"] == "final"))
            run = archive.load(str(next(archive.list())["mission_id"]))
            ended = run.record.loop.finalized
            self.assertEqual(ended and ended.status_reason, "client_disconnected")


class AskedTwice(Lane):
    def ask_twice(self, task: str, *steps: Reply, turns: tuple[str, str] = ("u1", "u1")) -> int:
        """Ask for the same in two turns, and return how many runs that were."""
        self.provider.then(*steps)
        with bridge(self.folder, self.provider, **QUICK) as running:
            client, said = running.client, []
            for turn in turns:
                names = {"thread_id": "t1", "turn_id": turn}
                client.headers["x-codex-turn-metadata"] = json.dumps(names)
                said.append(self.said(client.turn({"model": "scripted", "input": task})))
        if turns[0] == turns[1]:
            self.assertEqual(*said)
        return len(list((self.folder / ".codex-oss/runs").glob("run_*")))

    def test_a_context_pack_is_read_and_reported_on_once(self) -> None:
        self.assertEqual(self.ask_twice(PACK, text(PACKED)), 1)
        self.assertEqual(len(self.provider.requests), 1)

    def test_so_is_what_a_model_left_undone(self) -> None:
        steps = (*ANNOUNCED, text(REPORT), *ANNOUNCED)
        self.assertEqual(self.ask_twice(handoff(), *steps), 1)
        self.assertEqual(len(self.provider.requests), 5)

    def test_each_model_that_is_asked_for_a_report_has_a_run_of_its_own(self) -> None:
        self.assertEqual(self.ask_twice(PACK, text(" "), text(" "), text(REPORT)), 2)

    def test_in_another_turn_it_is_done_again(self) -> None:
        twice = (text(PACKED), text(PACKED))
        self.assertEqual(self.ask_twice(PACK, *twice, turns=("u1", "u2")), 2)


class Refused(Lane):
    def test_before_any_stream(self) -> None:
        for task, code in (
            (handoff(goal="TODO", deliverable_fields=["report"]), "bad_value"),
            (handoff(goal="TODO"), "bad_value"),
        ):
            answer = self.ask(task)
            self.assertEqual((answer.status, answer.error["code"]), (400, code))

    def test_a_caller_in_another_project(self) -> None:
        metadata = json.dumps({"workspaces": {"/somewhere/else": {}}})
        with bridge(self.folder, self.provider) as running:
            client = running.client
            client.headers["x-codex-turn-metadata"] = metadata
            for task in (PACK, handoff()):
                answer = client.turn({"model": "scripted", "input": task})
                self.assertEqual(answer.error["code"], "wrong_project_root")


if __name__ == "__main__":
    unittest.main()
