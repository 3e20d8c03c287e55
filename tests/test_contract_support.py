"""Legacy handoffs to raw models: what they say, what is wrong with them, and their modes."""

import time
import unittest

from support import LONG, chance
from support.handoffs import OBJECT, handoff, labelled

from codex_oss.contract import (
    SUPPORT_MODES,
    SupportTask,
    extract_handoff,
    mode_of,
    refusal_of,
    searches_in,
    support_task_of,
)
from codex_oss.errors import BadMission

FENCE = "EXACT CONTENT:\n```text\nGOAL: one\n\ntwo\n```"


def task_in(text: str) -> SupportTask | None:
    return support_task_of(text, extract_handoff(text, project_root="/p"), "/p")


def known(text: str) -> SupportTask:
    task = task_in(text)
    assert task, text
    return task


class Read(unittest.TestCase):
    def test_the_object_and_the_labels_say_the_same(self) -> None:
        paths = {"owned_paths": ["docs/a.md"], "read_only_paths": ["src/config.py", "src/"]}
        said = known(handoff(**paths, deliverable_fields=["findings"], task_type="bounded_write"))
        text = labelled(
            "TASK TYPE: bounded_write",
            owned="docs/a.md",
            read_only="`src/config.py`, /p/src/",
            deliverable="\n- findings",
        )
        for task in (said, known(text)):
            self.assertEqual(task.goal, "Say how the timeout is set.")
            self.assertEqual(task.owned_paths, ("docs/a.md",))
            self.assertEqual(task.read_only_paths, ("src/config.py", "src/"))
            self.assertEqual(task.deliverables, ("findings",))
            self.assertEqual((task.write_allowed, task.may_write), (False, True))

    def test_labels_that_only_this_form_has(self) -> None:
        for label, name in (
            ("PROOF CRITICAL", "proof_critical"),
            ("write allowed", "write_allowed"),
        ):
            for word, expected in (("Yes", True), ("1", True), ("no", False), ("", False)):
                task = known(labelled(f"{label}: {word}", owned="a.md", deliverable="d"))
                self.assertIs(getattr(task, name), expected, (label, word))
        plain = known(labelled(owned="a.md", deliverable="d"))
        self.assertEqual(
            (plain.proof_critical, plain.write_allowed, plain.may_write), (False, False, False)
        )

    def test_a_fenced_text_is_taken_to_the_character_and_its_labels_are_not_ours(self) -> None:
        task = known(labelled(FENCE, owned="docs/a.md", deliverable="diff"))
        self.assertEqual(task.exact_content, "GOAL: one\n\ntwo\n")
        self.assertEqual(task.goal, "Say how the timeout is set.")
        empty = "EXACT CONTENT:\n```\n```"
        self.assertEqual(known(labelled(empty, owned="a", deliverable="d")).exact_content, "")

    def test_what_is_no_legacy_handoff(self) -> None:
        for text in (
            "Where is `load`?",
            "READ-ONLY PATHS: src",
            "DELIVERABLE: a report",
            "Say DELIVERABLE: and READ-ONLY PATHS: in one line.",
            'OSS_HANDOFF_JSON:\n{"schema_version": "oss_agent_mission.v1"}',
            'OSS_HANDOFF_JSON: {"schema_version": 1, "goal": ...}',
        ):
            with self.subTest(text):
                self.assertIsNone(task_in(text))

    def test_every_fault_of_a_broken_object_is_told(self) -> None:
        text = handoff(task_type="poetry", owned_paths=["../x"], goal="", read_only_path=[])
        with self.assertRaises(BadMission) as caught:
            task_in(text)
        found = {fault.path: fault.code for fault in caught.exception.faults}
        wrong = {"$.goal": "bad_value", "$.task_type": "bad_value", "$.owned_paths[0]": "bad_path"}
        self.assertEqual(found, wrong | {"$.read_only_path": "unknown_field"})
        self.assertEqual(caught.exception.http_status, 400)

    def test_every_bad_path_behind_a_label_is_told(self) -> None:
        with self.assertRaises(BadMission) as caught:
            task_in(labelled(owned="../x", read_only="src, ~/y, a*b", deliverable="d"))
        paths = [fault.path for fault in caught.exception.faults]
        self.assertEqual(paths, ["READ-ONLY PATHS[1]", "READ-ONLY PATHS[2]", "OWNED PATHS[0]"])

    def test_exact_content_has_exactly_one_place_to_go_to(self) -> None:
        for owned in ([], ["a.md", "b.md"]):
            with self.assertRaises(BadMission) as caught:
                task_in(handoff(owned_paths=owned, exact_content="x"))
            self.assertEqual([f.path for f in caught.exception.faults], ["$.exact_content"])

    def test_hostile_words_are_read_in_time(self) -> None:
        head = "READ-ONLY PATHS: src\nDELIVERABLE: d\n"
        fences = "".join(f"EXACT CONTENT:\n{'`' * n}\nx\n" for n in range(1500, 2, -1))
        for text in (
            head + "grep " * 100_000,
            head + fences,
            "DELIVERABLE:\n- d\n" * 50_000 + head,
        ):
            started = time.process_time()
            task = known(text)
            mode_of(task), searches_in(task, 12)
            self.assertLess(time.process_time() - started, 1.5)
            self.assertLessEqual(len(task.deliverables), 40)

    def test_any_text_is_a_task_or_none_or_refused(self) -> None:
        random = chance("handoffs")
        whole = labelled(FENCE, owned="docs/a.md", read_only="src", deliverable="d")
        for text in (whole, handoff(exact_content="x", owned_paths=["a"])):
            for _ in range(3000 if LONG else 150):
                letters = list(text)
                for _ in range(random.randrange(1, 6)):
                    letters[random.randrange(len(letters))] = random.choice('`:\n{}",\\a.')
                try:
                    task = task_in("".join(letters))
                except BadMission as error:
                    self.assertTrue(error.message)
                else:
                    self.assertIn(mode_of(task) if task else "", ("", "refused", *MODES))


MODES = [name for name, _ in SUPPORT_MODES]
ALL = {"deliverable_fields": ["report"], "read_only_paths": ["src"], "owned_paths": ["docs/a.md"]}
EXACT = {"goal": "Answer exactly `ready`.", "read_only_paths": []}


class Modes(unittest.TestCase):
    def test_the_first_row_that_holds_is_the_mode(self) -> None:
        cases: tuple[tuple[str, dict[str, object]], ...] = (
            ("refused", {**ALL, "proof_critical": True, "exact_content": "x"}),
            ("refused", {**ALL, "owned_paths": ["docs/a.md", "src/auth/login.py"]}),
            ("refused", {**ALL, "owned_paths": ["migrations"]}),
            ("refused", {**ALL, "owned_paths": ["deep/own/x.py"]}),
            ("bounded_write_exact", {**ALL, "exact_content": "x", "write_allowed": True}),
            ("bounded_write_exact", {**ALL, "exact_content": ""}),
            ("bounded_write", {**ALL, "write_allowed": True}),
            ("context_pack_report", ALL),
            ("context_pack_report", {**ALL, **EXACT, "read_only_paths": ["src"]}),
            ("no_tool_exact", {**EXACT, "forbidden_actions": ["any tool use"]}),
            ("no_tool_exact", {**EXACT, "completion_rule": "one word, without any tools"}),
            ("no_tool_exact", {**EXACT, "completion_rule": "Do not call tools."}),
            ("managed_autonomy", {}),
            ("managed_autonomy", EXACT),
            ("managed_autonomy", {"forbidden_actions": ["tools"], "read_only_paths": []}),
            ("managed_autonomy", {"write_allowed": True}),
        )
        for mode, changes in cases:
            with self.subTest(mode, **changes):
                self.assertEqual(mode_of(known(handoff(**changes)), ("deep/own/",)), mode)

    def test_a_refusal_says_which_path_is_critical(self) -> None:
        task = known(handoff(owned_paths=["./src//auth/login.py"]))
        self.assertIn("`src/auth/login.py`", refusal_of(task))
        self.assertEqual(refusal_of(known(handoff())), "")
        self.assertEqual(refusal_of(known(handoff(read_only_paths=["src/auth/x.py"]))), "")

    def test_the_rounds_that_a_handoff_names(self) -> None:
        for words, rounds in (
            ("use at most 4 tool calls", 4),
            ("Tool budget: 12", 12),
            ("0 tool rounds", 0),
            ("999 tool turns", 100),
            ("four tool calls", None),
            ("4 files", None),
        ):
            with self.subTest(words):
                self.assertEqual(known(handoff(completion_rule=words)).rounds, rounds)

    def test_the_object_of_these_tests_is_a_whole_one(self) -> None:
        self.assertTrue(extract_handoff(handoff()).valid)
        self.assertEqual(known(handoff()).read_only_paths, tuple(OBJECT["read_only_paths"]))  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
