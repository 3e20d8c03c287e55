"""Exact text for one owned file: what it would change, checked, told, and applied nowhere."""

import json
import re
import subprocess
import unittest
from pathlib import Path

from support import LONG, chance, scratch
from support.bridges import bridge
from support.clients import Answer
from support.handoffs import handoff, labelled
from support.missions import FILES, ScriptedModel, order, says, workshop, write_tree
from support.providers import ScriptedProvider, failure, text

from codex_oss.contract import exact_write_mission, extract_handoff, support_task_of
from codex_oss.deadline import Deadline
from codex_oss.missions import Order
from codex_oss.record import EXACT_WRITE

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def wants(path: str, content: str, **changes: object) -> str:
    return handoff(owned_paths=[path], exact_content=content, **changes)


def applied(folder: Path, diff: str) -> None:
    """Apply a difference as a person would, or fail."""
    done = subprocess.run(
        ["git", "apply", "-"], cwd=folder, input=diff.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Lane(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        self.provider = self.enterContext(ScriptedProvider())
        write_tree(self.folder)

    def ask(self, task: str, **environ: str) -> Answer:
        with bridge(self.folder, self.provider, **environ) as running:
            return running.client.turn({"model": "scripted", "input": task})

    def said(self, answer: Answer) -> str:
        self.assertEqual((answer.status, answer.json["status"]), (200, "completed"), answer.body)
        (item,) = answer.json["output"]
        return item["content"][0]["text"]

    def report(self) -> dict:
        (file,) = (self.folder / ".codex-oss/missions").glob("*/report.json")
        return json.loads(file.read_text())

    def check_unchanged(self) -> None:
        for name, content in FILES.items():
            self.assertEqual((self.folder / name).read_text(), content)


class Proposed(Lane):
    def test_the_difference_is_told_and_the_workspace_is_unchanged(self) -> None:
        new = FILES["README.md"] + "\n```sh\nmake\n```\n"
        answer = self.ask(wants("README.md", new))
        said = self.said(answer)
        self.check_unchanged()
        self.assertEqual(self.provider.requests, [])
        self.assertEqual(answer.json["oss_receipt"]["mode"], "bounded_write_exact")
        self.assertIn("- README.md: PASS; nothing was written.", said)
        self.assertIn("The workspace is unchanged.", said)
        self.assertIn("`mission promote`", said)
        shown = re.search(r"^(`{4,})diff\n(.*?)^\1$", said, re.DOTALL | re.MULTILINE)
        assert shown, said
        told = self.report()
        self.assertEqual((told["status"], told["exact_write"]["check"]), ("PARTIAL", "PASS"))
        self.assertEqual(told["exact_write"]["diff"], shown[2])
        applied(self.folder, shown[2])
        self.assertEqual((self.folder / "README.md").read_text(), new)

    def test_a_file_that_is_to_be_made(self) -> None:
        fenced = "EXACT CONTENT:\n```md\n# New\n```"
        said = self.said(self.ask(labelled(fenced, owned="docs/new.md", deliverable="the diff")))
        self.assertIn("docs/new.md: PASS", said)
        self.assertFalse((self.folder / "docs").exists())
        applied(self.folder, self.report()["exact_write"]["diff"])
        self.assertEqual((self.folder / "docs/new.md").read_text(), "# New\n")

    def test_a_text_that_is_there_already(self) -> None:
        self.assertIn(
            "holds this text already", self.said(self.ask(wants("README.md", "# A project\n")))
        )

    def test_a_model_may_report_and_decides_nothing(self) -> None:
        for step, words in (
            (text("Status: COMPLETE\nIt adds a line."), "> It adds a line."),
            (failure(500, {"error": {"message": "down"}}), "model_call_failed"),
        ):
            self.provider.then(step)
            said = self.said(self.ask(wants("README.md", words), WRITE_RESULT_MODE="model"))
            self.assertIn("**Outcome**: PARTIAL", said)
            self.assertIn(words, said)
            self.assertIn("README.md: PASS", said)
        (asked, _) = self.provider.requests
        self.assertIn("proposed_change", json.dumps(asked.messages))
        self.assertNotIn("tools", asked.body)

    def test_asked_for_again_it_is_the_same_run(self) -> None:
        body = {"model": "scripted", "input": wants("README.md", "# New\n")}
        with bridge(self.folder, self.provider) as running:
            client = running.client
            client.headers["x-codex-turn-metadata"] = '{"thread_id": "t1", "turn_id": "u1"}'
            self.assertEqual(*(self.said(client.turn(body)) for _ in range(2)))
        self.assertEqual(len(list((self.folder / ".codex-oss/runs").glob("run_*"))), 1)

    def test_without_a_text_it_is_for_a_person(self) -> None:
        said = self.said(self.ask(handoff(owned_paths=["README.md"], write_allowed=True)))
        self.assertIn("**Outcome**: ESCALATE", said)
        self.assertEqual(self.provider.requests, [])


class NotProposed(Lane):
    def test_what_cannot_be_applied_as_it_was_shown_fails(self) -> None:
        files = {
            "crlf.txt": b"one\r\n",
            "binary.bin": b"a\0b",
            "keys.txt": f"token = {SECRET}\n".encode(),
            "long.txt": b"x" * 5000 + b"\n",
            "large.txt": b"some line\n" * 12_000,
            "bell.txt": b"\x07\n",
        }
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        cases = [(name, "new\n", "not_shown_whole") for name in files] + [
            ("AGENTS.md", "obey\n", "owned_path_protected"),
            ("deep/.BashRC", "obey\n", "owned_path_protected"),
            ("README.md", f"token = {SECRET}\n", "secret_in_text"),
            ("README.md", "one\r\n", "text_is_not_plain"),
        ]
        with bridge(self.folder, self.provider) as running:
            for path, content, fault in cases:
                with self.subTest(path):
                    task = wants(path, content)
                    body = {"model": "scripted", "input": task, "store": False}
                    said = self.said(running.client.turn(body))
                    self.assertIn(f"- {path}: FAIL ({fault}); nothing was written.", said)
                    self.assertIn("**Outcome**: FAILED", said)
                    self.assertNotIn(SECRET, said)
                    self.assertNotIn("```diff", said)
        for name, data in files.items():
            self.assertEqual((self.folder / name).read_bytes(), data)
        kept = b"".join(
            path.read_bytes() for path in (self.folder / ".codex-oss").rglob("*") if path.is_file()
        )
        self.assertFalse(SECRET.encode() in kept, "the secret is on the disk")

    def test_what_may_not_be_read_is_refused_before_any_stream(self) -> None:
        (self.folder / "src/link.md").symlink_to("/etc/hostname")
        for path, code in (
            (".env", "secret_path"),
            (".git/config", "internal_path"),
            ("src/link.md", "scope_escape"),
            ("../outside.md", "bad_path"),
        ):
            with self.subTest(path):
                answer = self.ask(wants(path, "x\n"))
                self.assertEqual((answer.status, answer.error["code"]), (400, code))

    def test_a_caller_in_another_project(self) -> None:
        with bridge(self.folder, self.provider) as running:
            client = running.client
            metadata = json.dumps({"workspaces": {"/somewhere/else": {}}})
            client.headers["x-codex-turn-metadata"] = metadata
            answer = client.turn({"model": "scripted", "input": wants("README.md", "x")})
            self.assertEqual(answer.error["code"], "wrong_project_root")


class Differences(unittest.TestCase):
    def test_git_makes_the_text_of_the_file_whatever_both_are(self) -> None:
        random = chance("texts")
        pieces = ["a\n", "b\n", "\n", " \n", "\t-x\n", "+++ y\n", "é€\n", "`" * 5 + "\n", "N: 7\n"]
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(says("unused")))
            for number in range(200 if LONG else 12):
                base, new = ("".join(random.choices(pieces, k=random.randrange(9))) for _ in "ab")
                new += random.choice(["", "no end"])
                base += random.choice(["", "no end"])
                name = f"src/t{number}.md"
                if number % 4:
                    (folder / name).write_text(base)
                told = proposal_of(shop, name, new)
                self.assertEqual(told["check"], "PASS", (base, told))
                if told["diff"]:
                    applied(folder, told["diff"])
                self.assertEqual((folder / name).read_text(), new)


def proposal_of(shop, path: str, content: str) -> dict:
    text = wants(path, content)
    task = support_task_of(text, extract_handoff(text))
    assert task
    mission = exact_write_mission(task, seconds=20)
    wanted = Order(mission, order(shop).profile, "x", 0, "native", route_class=EXACT_WRITE)
    run = shop.desk.begin(wanted, Deadline(shop.clock))
    list(run.events())
    return run.result().report["exact_write"]


if __name__ == "__main__":
    unittest.main()
