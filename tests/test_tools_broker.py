"""Budgets come before files, and nothing that a model can think of breaks a tool."""

import json
import unittest

from support import LONG, chance, needs, scratch
from support.trees import PLENTY, Project, git, plant

from codex_oss.contract import TOOLS, Scope, ToolAction, parse_action
from codex_oss.deadline import Deadline
from codex_oss.errors import Cancelled
from codex_oss.system import SystemClock
from codex_oss.tools import Allowance, Denied, Observation, ToolCall
from codex_oss.tools.broker import TOOLS as RUNNERS

READ = ToolCall("rtk_read", {"path": "a.py"})
GREP = ToolCall("rtk_grep", {"pattern": "x"})


class Budgets(unittest.TestCase):
    def setUp(self) -> None:
        self.root = plant(self.enterContext(scratch()), {"a.py": "x = 1\n" * 500, "b.py": "y\n"})
        scope = Scope(allowed_roots=(".",), forbidden_topics=("Project Zero", "c++"))
        self.project = Project(self.root, scope)

    def run_with(self, call: ToolCall, allowance: Allowance) -> Observation | Denied:
        return self.project.broker.run(call, allowance, Project.deadline())

    def test_budget_denials_touch_no_file(self) -> None:
        cases = (
            (READ, Allowance(1_023, 9_999, (), 9), "observation_budget"),
            (READ, Allowance(9_999, 9_999, ("b.py", "c.py"), 2), "max_files_reached"),
            (READ, Allowance(9_999, 9_999, (), 9, ("search",)), "tool_class"),
            (GREP, Allowance(9_999, 9_999, (), 9, ("read", "list")), "tool_class"),
            (ToolCall("rtk_ls", {}), Allowance(9_999, 9_999, (), 9, ()), "tool_class"),
            (ToolCall("rtk_git_status", {}), Allowance(1_023, 9_999, (), 9), "observation_budget"),
            (ToolCall("rtk_grep", {"pattern": "a project zero|b"}), PLENTY, "forbidden_topic"),
            (ToolCall("rtk_grep", {"pattern": "C++"}), PLENTY, "forbidden_topic"),
            (ToolCall("rtk_grep", {"pattern": r"C\+\+"}), PLENTY, "forbidden_topic"),
        )
        for call, allowance, code in cases:
            with self.subTest(code=code, tool=call.name):
                denied = self.run_with(call, allowance)
                self.assertEqual(denied.code, code)
                self.assertEqual(denied.allowed, "allowed_roots: .")

    def test_what_is_within_budget_runs(self) -> None:
        cases = (
            (READ, Allowance(1_024, 9_999, (), 9)),
            (READ, Allowance(9_999, 9_999, ("a.py", "c.py"), 2)),
            (ToolCall("rtk_read", {"path": "./a.py"}), Allowance(9_999, 9_999, ("a.py",), 1)),
            (GREP, Allowance(9_999, 9_999, ("b.py",), 1, ("search",))),
            (ToolCall("rtk_grep", {"pattern": "project zeros"}), PLENTY),
        )
        for call, allowance in cases:
            with self.subTest(call.key):
                found = self.run_with(call, allowance)
                self.assertIsInstance(found, Observation)
                self.assertLessEqual(len(found.text.encode()), allowance.observation_bytes_left)

    def test_the_smallest_limit_counts(self) -> None:
        for allowance in (Allowance(2_000, 9_999, (), 9), Allowance(9_999, 2_000, (), 9)):
            text = self.run_with(READ, allowance).text
            self.assertTrue(1_900 < len(text.encode()) <= 2_000, len(text))

    def test_a_cancelled_call_is_no_observation(self) -> None:
        deadline = Deadline(SystemClock(), 60)
        deadline.cancel("client_disconnected")
        for call in (READ, GREP, ToolCall("rtk_ls", {})):
            with self.assertRaises(Cancelled):
                self.project.broker.run(call, PLENTY, deadline)


class AnyCall(unittest.TestCase):
    def test_every_declared_tool_has_a_runner(self) -> None:
        self.assertEqual(list(RUNNERS), [tool.name for tool in TOOLS])

    def test_the_same_call_gives_the_same_bytes(self) -> None:
        with scratch() as root:
            project = Project(plant(root, {"b/x.py": "x\n", "a.py": "x\n", "B.py": "x\n"}))
            for call in (READ, GREP, ToolCall("rtk_ls", {"depth": 3})):
                runs = {repr(project.run(call.name, **call.arguments)) for _ in range(3)}
                self.assertEqual(len(runs), 1)

    @needs("git")
    def test_random_calls_end_as_values(self) -> None:
        dice = chance()
        values = ("a.py", "b", ".", "", "/", "..", "\0", "x" * 5_000, "*", "(", "[", "é", "\ud800")
        values += ("HEAD", "HEAD~1", "-p", "--output=x", "HEAD:a.py", ":(top)a.py", "@{-1}")
        numbers = (0, 1, -1, 2, 500, 10**9, 10**30)
        ended = {Observation: 0, Denied: 0}
        with scratch() as root:
            plant(root, {"a.py": "x\n", "b/c.py": b"\xff\0", "b/d": "x" * 9_000})
            for arguments in (("init", "-q"), ("add", "a.py"), ("commit", "-qm", "one")):
                git(root, *arguments)
            project = Project(root, pattern_seconds=0.5)
            for _ in range(2_000 if LONG else 120):
                tool = dice.choice(TOOLS)
                given = {
                    each.name: dice.choice((*values, "x|y", "a?"))
                    if each.type == "string"
                    else dice.choice(numbers)
                    if each.type == "integer"
                    else dice.random() < 0.5
                    for each in tool.arguments
                    if each.required or dice.random() < 0.3
                }
                action = parse_action(tool.name, json.dumps(given), [tool.name])
                if isinstance(action, ToolAction):
                    found = project.run(action.name, **action.arguments)
                    ended[type(found)] += 1
            self.assertEqual(sorted(path.name for path in root.iterdir()), [".git", "a.py", "b"])
        self.assertGreater(min(ended.values()), 5, ended)


if __name__ == "__main__":
    unittest.main()
