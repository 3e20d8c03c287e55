"""Calls taken apart: one normal form for all spellings, and a code for everything else."""

import json
import unittest

from support import LONG, chance

from codex_oss.contract import (
    CONTROLS,
    TOOLS,
    ActionFault,
    Claim,
    ClaimAction,
    ReportAction,
    ReportDraft,
    StopAction,
    ToolAction,
    declared,
    parse_action,
)

CLASSES = ("read", "search", "list", "safe_git")
OFFERED = tuple(name for name, *_ in declared(CLASSES, with_tools=True))
ENDING = tuple(name for name, *_ in declared(CLASSES, with_tools=False))


def read(path: str, first: int = 1, last: int | None = None) -> ToolAction:
    return ToolAction("rtk_read", {"path": path, "start_line": first, "end_line": last})


def grep(pattern: str, **said: str | int | bool | None) -> ToolAction:
    arguments: dict[str, str | int | bool | None] = {
        "pattern": pattern,
        "path": None,
        "fixed_strings": False,
        "case_sensitive": True,
        "word": False,
        "include_glob": None,
        "exclude_glob": None,
        "max_results": 100,
        "context_lines": 0,
        "files_with_matches": False,
    }
    return ToolAction("rtk_grep", arguments | said)


def listing(path: str = ".", depth: int = 1, most: int = 500) -> ToolAction:
    return ToolAction("rtk_ls", {"path": path, "depth": depth, "max_entries": most})


SPELLINGS: tuple[tuple[str, object, ToolAction], ...] = (
    ("rtk_read", {"path": "a/b.py"}, read("a/b.py")),
    ("rtk_read", {"path": "./a//b.py", "start_line": 1, "end_line": None}, read("a/b.py")),
    ("read_file", {"file_path": "a.py", "offset": 10, "limit": 5}, read("a.py", 10, 14)),
    ("read", {"file": "a.py", "limit": "3"}, read("a.py", 1, 3)),
    ("read", {"file": "a.py", "limit": 10**12}, read("a.py", 1, 100_000_000)),
    ("rtk_read", {"filename": "a", "start_line": 9, "end_line": 4}, read("a", 4, 9)),
    ("rtk_read", {"files": ["a", "b"], "start_line": 0}, read("a")),
    ("rtk_read", {"paths": ["a"], "start_line": "12", "end_line": 20.0}, read("a", 12, 20)),
    ("rtk_read", {"path": "../x"}, read("../x")),
    ("rtk_read", {"filePath": "a", "startLine": 2, "END_LINE": 3}, read("a", 2, 3)),
    ("rtk_grep", {"pattern": "x", "contextLines": 2, "context": 2}, grep("x", context_lines=2)),
    ("rtk_grep", {"pattern": "x"}, grep("x")),
    ("rg", {"query": "x", "include": "*.py"}, grep("x", include_glob="*.py")),
    ("grep", {"regex": "x", "glob": "*.py"}, grep("x", include_glob="*.py")),
    ("search", {"pattern": "x", "root": "src/", "recursive": True}, grep("x", path="src")),
    ("rtk_search", {"pattern": "x", "context_before": 9}, grep("x", context_lines=5)),
    ("rtk_grep", {"pattern": "x", "max_results": 9_999}, grep("x", max_results=500)),
    (
        "rtk_grep",
        {"pattern": "x", "word": "True", "directory": "a"},
        grep("x", word=True, path="a"),
    ),
    ("rtk_grep", {"pattern": "x", "path": "", "include_glob": ""}, grep("x")),
    ("rtk_ls", {}, listing()),
    ("ls", {"dir": "a", "depth": 7}, listing("a", depth=3)),
    ("rtk_git_status", {"reason": "r"}, ToolAction("rtk_git_status", {})),
    ("rtk_git_log", {"limit": "99"}, ToolAction("rtk_git_log", {"limit": 50, "path": None})),
    ("rtk_git_show_stat", {"commit": "HEAD"}, ToolAction("rtk_git_show_stat", {"rev": "HEAD"})),
    (
        "rtk_git_diff_stat",
        {"file": "a"},
        ToolAction("rtk_git_diff_stat", {"path": "a", "staged": False}),
    ),
    ("list_dir", {"folder": "a/", "max_entries": -1, "target_question": "q"}, listing("a", most=1)),
)

FAULTS: tuple[tuple[str, str, str, str], ...] = (
    ("rtk_read", '{"path": "a" "b"}', "bad_json", "offset 13"),
    ("rtk_read", '{"path": "a"', "bad_json", "offset 12"),
    ("rtk_read", '{"path": NaN}', "bad_json", "NaN"),
    ("rtk_read", '{"path": "\\ud800"}', "bad_json", "surrogate"),
    ("rtk_read", "[" * 100_000, "bad_json", "recursion"),
    ("rtk_read", '["a"]', "not_an_object", "a list"),
    ("rtk_read", "", "bad_argument", "`path` is missing"),
    ("rtk_read", '{"path": null}', "bad_argument", "`path` is missing"),
    ("rtk_read", '{"path": 3}', "bad_argument", "a string, not a whole number: 3"),
    ("rtk_read", '{"path": []}', "bad_argument", "a string, not a list"),
    ("rtk_read", '{"path": ""}', "bad_argument", "1..4,096 characters"),
    ("rtk_read", '{"path": "a", "file": "b"}', "bad_argument", "given twice"),
    ("rtk_read", '{"path": "a", "start_line": true}', "bad_argument", "not a boolean"),
    ("rtk_read", '{"path": "a", "start_line": "x"}', "bad_argument", "a whole number"),
    ("rtk_read", '{"path": "a", "start_line": "+-5"}', "bad_argument", "a whole number"),
    ("rtk_read", '{"path": "a", "limit": 1.5}', "bad_argument", "`limit` must be"),
    ("rtk_read", '{"pth": "a"}', "unknown_argument", "did you mean `path`?"),
    ("rtk_ls", '{"path": "a", "limit": 3}', "unknown_argument", "path, depth, max_entries"),
    ("rtk_git_status", '{"path": "a"}', "unknown_argument", "takes nothing"),
    ("rtk_git_show_stat", "{}", "bad_argument", "`rev` is missing"),
    ("rtk_grep", '{"pattern": "' + "x" * 501 + '"}', "bad_argument", "1..500 characters"),
    ("rtk_grep", '{"pattern": "x", "word": 1}', "bad_argument", "a boolean"),
    ("rtk_grep", '{"pattern": "x", "y": "' + "y" * 200_000 + '"}', "bad_argument", "200,000"),
    ("rtk_red", "{}", "unknown_tool", "did you mean `rtk_read`?"),
    ("frobnicate", "{}", "unknown_tool", "legal now: rtk_read"),
    ("record_claim", '{"claim": "x"}', "bad_argument", "evidence_refs is missing"),
    ("record_claim", '{"claim": "x", "evidence_refs": ["a.py:3"]}', "bad_argument", "extract:1"),
    ("final_report", "{}", "bad_argument", "report must be an object, not null"),
    ("final_report", '{"report": {"status": "DONE"}}', "bad_argument", "report.status must be"),
    ("stop", "{}", "bad_argument", "reason is missing"),
    *(
        (name, "{}", "no_such_tool_here", "nothing is written or run")
        for name in (
            "apply_patch write_file edit create rtk_write shell exec_command bash"
            " str_replace_editor run_command execute_bash"
        ).split()
    ),
)


class ToolCalls(unittest.TestCase):
    def test_every_spelling_of_a_call_is_one_action(self) -> None:
        for name, said, expected in SPELLINGS:
            action = parse_action(name, json.dumps(said), OFFERED)
            self.assertEqual(action, expected, (name, said))

    def test_equal_calls_have_one_key_and_remarks_do_not_count(self) -> None:
        plain = parse_action("rtk_grep", '{"pattern": "é", "max_results": 100}', OFFERED)
        other = parse_action("rg", '{"reason": "why", "query": "é"}', OFFERED)
        assert isinstance(plain, ToolAction) and isinstance(other, ToolAction)
        self.assertEqual(plain, other)
        self.assertEqual(plain.key, other.key)
        self.assertNotEqual(plain.key, grep("e").key)

    def test_remarks_are_kept_cut_and_the_written_call_only_where_it_differs(self) -> None:
        text = json.dumps(
            {"path": "a", "reason": "r" * 400, "hypothesis": "h", "target_question": 1}
        )
        action = parse_action("rtk_read", text, OFFERED)
        assert isinstance(action, ToolAction)
        self.assertEqual(action.remarks, {"reason": "r" * 300, "hypothesis": "h"})
        self.assertEqual(action.normalised_from, "")
        changed = parse_action("read", '{"path": "./a"}', OFFERED)
        assert isinstance(changed, ToolAction)
        self.assertEqual(changed.normalised_from, 'read {"path": "./a"}')

    def test_every_alias_of_every_argument_is_read(self) -> None:
        values = {"string": "x", "integer": 2, "boolean": True}
        for tool in TOOLS:
            needed = {row.name: "x" for row in tool.arguments if row.required}
            for row in tool.arguments:
                for alias in (row.name, *row.aliases):
                    said = {key: value for key, value in needed.items() if key != row.name}
                    action = parse_action(
                        tool.name, json.dumps(said | {alias: values[row.type]}), OFFERED
                    )
                    assert isinstance(action, ToolAction), (alias, action)
                    self.assertEqual(action.arguments[row.name], values[row.type], alias)


class Speaking(unittest.TestCase):
    def test_claims_reports_and_stops_are_read(self) -> None:
        said = {"claim": "x is 3", "evidence_refs": ["command:0#match:1"], "obligation_id": "q1"}
        claim = Claim("x is 3", ("command:0#match:1",), "q1", "3")
        cases: tuple[tuple[str, object, object], ...] = (
            ("record_claim", said | {"value": 3, "reason": "r"}, ClaimAction(claim)),
            (
                "final_report",
                {
                    "report": {
                        "status": "COMPLETE",
                        "answer": "3",
                        "findings": [said | {"value": "3"}],
                    }
                },
                ReportAction(ReportDraft("COMPLETE", "LOW", "3", (claim,))),
            ),
            ("stop", {"reason": "no", "needs_human": True}, StopAction("no", True)),
        )
        for name, arguments, expected in cases:
            self.assertEqual(parse_action(name, json.dumps(arguments), OFFERED), expected)

    def test_a_report_full_of_faults_is_told_in_a_few(self) -> None:
        report = {"status": "COMPLETE", "findings": [{}] * 10}
        fault = parse_action("final_report", json.dumps({"report": report}), OFFERED)
        assert isinstance(fault, ActionFault)
        self.assertIn("report.findings[0].claim is missing", fault.message)
        self.assertIn("and 15 more", fault.message)


class Faults(unittest.TestCase):
    def test_every_fault_has_its_code_and_says_what_is_legal(self) -> None:
        for name, text, code, words in FAULTS:
            fault = parse_action(name, text, OFFERED)
            assert isinstance(fault, ActionFault), (name, text)
            self.assertEqual((fault.code, words in fault.message), (code, True), fault)

    def test_the_example_of_a_fault_is_a_correct_call(self) -> None:
        for name, text, code, _ in FAULTS:
            fault = parse_action(name, text, OFFERED, example_path="src/x.py")
            assert isinstance(fault, ActionFault)
            called, _, arguments = fault.example.partition("(")
            again = parse_action(called, arguments.removesuffix(")"), OFFERED)
            self.assertNotIsInstance(again, ActionFault, fault.example)
            if code in ("bad_argument", "unknown_argument"):
                self.assertEqual(called, name)

    def test_a_fault_is_short_whatever_the_model_wrote(self) -> None:
        long = "x" * 100_000
        for name, text in ((long, "{}"), ("rtk_read", json.dumps({long: 1}))):
            fault = parse_action(name, text, OFFERED)
            assert isinstance(fault, ActionFault)
            self.assertLess(len(fault.message), 1_001)

    def test_what_is_not_offered_says_whether_class_or_phase_forbids_it(self) -> None:
        cases = {
            ("rtk_read", ("rtk_ls", "stop")): "tool_class",
            ("ls", ("rtk_read", "stop")): "tool_class",
            ("rtk_read", ENDING): "phase_closed",
            ("record_claim", ENDING): "phase_closed",
            ("rtk_read", ()): "phase_closed",
        }
        for (name, offered), code in cases.items():
            fault = parse_action(name, "{}", offered)
            assert isinstance(fault, ActionFault)
            self.assertEqual(fault.code, code, (name, offered))

    def test_random_arguments_are_an_action_or_a_fault_and_actions_repeat(self) -> None:
        random = chance()
        names = [
            alias for tool in TOOLS for row in tool.arguments for alias in (row.name, *row.aliases)
        ]
        values = (
            "x",
            "./a//b",
            "",
            "7",
            "--1",
            " 8 ",
            7,
            -3,
            10**9,
            2.5,
            True,
            None,
            [],
            ["a"],
            {},
            "true",
        )
        for _ in range(20_000 if LONG else 1_500):
            keys = random.choices((*names, "limit", "reason", "zzz"), k=random.randrange(5))
            text = json.dumps({key: random.choice(values) for key in keys})
            tool = random.choice(OFFERED)
            action = parse_action(tool, text, OFFERED)
            if isinstance(action, ToolAction):
                again = parse_action(tool, json.dumps(action.arguments), OFFERED)
                self.assertEqual(again, action, text)


class Declared(unittest.TestCase):
    def test_only_the_granted_classes_are_offered_and_reports_always(self) -> None:
        self.assertEqual(ENDING, ("final_report", "stop"))
        self.assertEqual(OFFERED, (*(tool.name for tool in TOOLS), *CONTROLS))
        names = [name for name, *_ in declared(("read", "list"), with_tools=True)]
        self.assertEqual(names, ["rtk_read", "rtk_ls", *CONTROLS])

    def test_a_schema_names_every_argument_and_the_reason(self) -> None:
        for tool in TOOLS:
            expected = {row.name for row in tool.arguments} | {"reason", "target_question"}
            properties = tool.parameters["properties"]
            assert isinstance(properties, dict)
            self.assertEqual(properties.keys(), expected)

    def test_all_declarations_are_below_a_thousand_tokens(self) -> None:
        text = json.dumps(declared(("read", "search", "list"), True), separators=(",", ":"))
        self.assertLess(len(text) / 3, 1_000)


if __name__ == "__main__":
    unittest.main()
