"""How far required sources were seen: completeness, shapes in ten languages, the agenda."""

import unittest

from support.stories import Story

from codex_oss.contract import EVIDENCE_SHAPES
from codex_oss.record import contradictions, looks, obligation_states, source_states
from codex_oss.record.shapes import OF_CHANGES, OF_SEARCHES, stands

A = "file:src/a.py#extract:1"
LINES = ("import os", "def load(path):", "    return {30: path}")


def asks(**source: object) -> Story:
    """Return a story whose one question requires this of src/a.py."""
    named = [{"question": "?", "source_requirements": [{"path": "src/a.py"} | source]}]
    return Story(answer_obligations=named, max_model_calls=40)


class Completeness(unittest.TestCase):
    def check(self, story: Story, state: str, *missing: str, next_call: object = None) -> None:
        (found,) = source_states(story.record)
        self.assertEqual((found.state, found.missing_shapes), (state, missing))
        pending = [look.call for look in looks(story.record) if look.status == "pending"]
        self.assertEqual(pending[:1], [next_call] if next_call else [])

    def test_a_whole_file_is_every_line_of_its_newest_version(self) -> None:
        story = asks(completeness_policy="whole_file_required")
        read = {"name": "rtk_read", "arguments": {"path": "src/a.py"}}
        self.check(story, "missing", next_call=read)
        story.reads("src/a.py", *LINES, total=5)
        rest = {"name": "rtk_read", "arguments": {"path": "src/a.py", "start_line": 4}}
        self.check(story, "read_insufficient_shape", "whole_file", next_call=rest)
        story.reads("src/a.py", "x", "y", first=4, total=5)  # Of another version.
        again = {"name": "rtk_read", "arguments": {"path": "src/a.py", "start_line": 1}}
        self.check(story, "read_insufficient_shape", "whole_file", next_call=again)
        self.check(story.reads("src/a.py", *LINES, "x", "y"), "read_satisfied")

    def test_a_range_is_enough_where_it_is_cited(self) -> None:
        story = asks(completeness_policy="range_sufficient").reads("src/a.py", *LINES, total=99)
        self.check(story, "read_insufficient_shape", "cited_range")
        self.check(story.claims("`load`", [f"{A}@L2"]), "read_satisfied")

    def test_a_scope_is_searched_by_a_complete_search_over_its_folder(self) -> None:
        story = asks(evidence_kind="scope_search").reads("src/a.py", *LINES)
        self.check(story, "missing")
        self.check(story.greps("load", path="src/a.py"), "missing")
        self.check(story.greps("load", path="src", complete=False), "missing")
        self.check(story.greps("load", path="src", include_glob="*.md"), "missing")
        self.check(story.greps("load", path="src"), "read_satisfied")

    def test_a_negative_proof_is_a_complete_search_for_its_pattern_without_a_match(self) -> None:
        story = asks(evidence_kind="negative_proof", pattern="eval")
        search = {"name": "rtk_grep", "arguments": {"pattern": "eval", "path": "src/a.py"}}
        self.check(story.greps("exec"), "missing", next_call=search)
        self.check(story.greps("eval", complete=False), "missing", next_call=search)
        self.check(story.greps("eval"), "read_satisfied")
        met = asks(evidence_kind="negative_proof", pattern="eval")
        self.check(met.greps("eval", ("src/a.py", 1, "eval")), "contradicted")

    def test_what_a_command_gave_can_be_required(self) -> None:
        story = asks(evidence_plane="command_result", command_requirement={"pattern": "rtk_ls"})
        self.check(story, "missing")
        self.check(story.calls_tool("rtk_ls", {"path": "src"}, "a.py file 3"), "read_satisfied")

    def test_a_required_shape_stands_in_a_shown_line_or_the_source_is_not_done(self) -> None:
        def shaped(*shapes: str, policy: str = "all") -> Story:
            story = asks(required_shapes=list(shapes), shape_match_policy=policy)
            return story.reads("src/a.py", *LINES)

        both = ("function_definition", "class_definition")
        self.check(shaped("function_definition"), "read_satisfied")
        self.check(shaped(*both), "read_insufficient_shape", "class_definition")
        self.check(shaped(*both, policy="any"), "read_satisfied")
        self.check(shaped("grep_zero_match"), "read_insufficient_shape", "grep_zero_match")
        self.check(shaped("grep_zero_match").greps("x"), "read_satisfied")

    def test_a_pattern_of_the_contract_is_looked_for_by_a_search_which_ends_in_time(self) -> None:
        story = asks(shape_patterns={"limit": "(a+)+$"}).reads("src/a.py", *LINES)
        search = {"name": "rtk_grep", "arguments": {"pattern": "(a+)+$", "path": "src/a.py"}}
        self.check(story, "read_insufficient_shape", "limit", next_call=search)
        story.greps("(a+)+$", ("src/a.py", 1, "aa"), path="src/a.py")
        self.check(story, "read_satisfied")

    def test_a_shown_marker_contradicts_until_a_finding_weighs_it(self) -> None:
        story = asks(contradiction_markers=["return {30"]).reads("src/a.py", *LINES)
        self.check(story, "contradicted")
        (found,) = contradictions(story.record)
        self.assertEqual(found.sides, ("return {30", f"{A}@L3"))
        (state,) = obligation_states(story.record)
        self.assertEqual(state.status, "contradicted")
        self.assertEqual(state.missing_evidence, ("contradicted_source:src/a.py",))
        alone = asks(contradiction_markers=["return {30"]).reads("src/a.py", *LINES)
        self.check(alone.reports(("`load`", [f"{A}@L2-L3"])), "contradicted")
        weighed = ("`load` returns 30 all the same", [f"{A}@L3", f"{A}@L2"])
        self.check(story.reports(weighed), "read_satisfied")


class Statuses(unittest.TestCase):
    def test_each_reason_for_less_than_an_answer_has_its_word(self) -> None:
        claim = ("`load`", [f"{A}@L2"])
        whole = asks(completeness_policy="whole_file_required")
        shaped = [{"question": "?", "evidence_needed": ["class_definition", "a picture"]}]
        cases = {
            "insufficient_evidence": (
                whole.reads("src/a.py", *LINES, total=9).claims(*claim),
                ("insufficient_shape:src/a.py",),
            ),
            "out_of_scope": (
                asks().is_denied("src/a.py", "out_of_scope"), ("blocked_source:src/a.py",)
            ),
            "blocked_source": (
                asks().is_denied("src/a.py", "secret_path"), ("blocked_source:src/a.py",)
            ),
            "partially_answered": (
                asks().reads("src/b.py", *LINES).claims("`load`", ["command:0"]),
                ("inspect:src/a.py",),
            ),
            "answered": (asks().reads("src/a.py", *LINES).claims(*claim), ()),
        }  # fmt: skip
        for status, (story, missing) in cases.items():
            with self.subTest(status):
                (state,) = obligation_states(story.record)
                self.assertEqual((state.status, state.missing_evidence), (status, missing))
        story = Story(answer_obligations=shaped).reads("src/a.py", *LINES).claims(*claim)
        (state,) = obligation_states(story.record)
        self.assertEqual(state.missing_evidence, ("insufficient_shape:class_definition",))


class Agenda(unittest.TestCase):
    def test_each_item_has_a_name_a_kind_and_a_call(self) -> None:
        story = asks(shape_patterns={"limit": "LIMIT"})
        found = [(look.name, look.kind, look.status) for look in looks(story.record)]
        name = "agenda_q1_src_a_py"
        kinds = ("required_read", "required_grep")
        self.assertEqual(found, [(name, kind, "pending") for kind in kinds])
        story.is_denied("src/a.py")
        self.assertEqual({look.status for look in looks(story.record)}, {"blocked"})


SHOWN = {  # A line of each shape in each language, and one that is not.
    "function_definition": {
        "a.py": "async def load(path):", "a.ts": "export const load = async (path: string) => {",
        "b.js": "  load(path) {", "a.go": "func (s *S) Load(p string) error {",
        "a.rs": "pub(crate) fn load(path: &str) -> R {", "A.java": "  public int load(P p) {",
        "a.c": "static int load(const char *path)", "a.rb": "  def load(path)",
        "a.sh": "load() {",
    },
    "class_definition": {
        "a.py": "class Load:", "a.ts": "export interface Load {", "a.go": "type Load struct {",
        "a.rs": "pub enum Load {", "A.java": "record Load(int a) {}", "a.cpp": "struct Load {",
        "a.rb": "class Load < Base",
    },
    "mapping_assignment": {
        "a.py": "TABLE = {", "a.js": "const table = {", "a.go": "var t = map[string]int{",
        "a.rs": "let t: HashMap<K, V> = x;", "A.java": "Map<A, B> t = x;",
        "a.cc": "std::map<int, int> t;", "a.rb": "TABLE = {", "a.sh": "declare -A table",
        "a.json": '"table": {', "a.yml": "table:", "a.toml": "[table]",
    },
    "dictionary_entry": {
        "a.py": "    'a': 1,", "a.js": "  a: 1,", "A.java": 't.put("a", 1);', "a.rb": "  :a => 1,",
        "a.json": '  "a": 1', "a.yaml": "a: 1", "a.toml": "a = 1", "a.sh": "t[a]=1",
    },
    "literal_value": {"a.py": "LIMIT = 30", "a.rs": 'let a = "x";', "a.json": '"a": true'},
    "config_value": {"a.toml": "timeout = 30", "a.yml": "timeout: 30", "a.sh": "export A=1"},
    "flag_parameter": {"a.py": 'parser.add_argument("--fast")', "a.go": 'flag.Bool("fast", false)'},
    "flag_read": {"a.py": "if args.fast:", "a.js": "process.env.FAST", "a.sh": "echo ${FAST}"},
    "behavior_derivation": {"a.py": "    if fast:", "a.go": "return nil", "a.rs": "match x {"},
    "test_assertion": {"a.py": "self.assertEqual(a, b)", "a.js": "expect(a).toBe(b)"},
    "test_definition": {
        "a.py": "def test_load():", "a.ts": 'it("loads", () => {', "a.go": "func TestLoad(t *T) {",
        "a.rs": "#[test]", "A.java": "@Test", "a.cpp": "TEST_F(Load, Works) {",
        "a.rb": 'it "loads" do', "a.sh": "test_load() {",
    },
    "verification_command": {"Makefile": "\tpython -m pytest -q", "ci.yml": "run: npm test"},
}  # fmt: skip


class Shapes(unittest.TestCase):
    def test_each_shape_is_seen_in_each_language_and_not_in_a_plain_line(self) -> None:
        self.assertEqual({*SHOWN, *OF_SEARCHES, *OF_CHANGES}, {*EVIDENCE_SHAPES})
        for shape, rows in SHOWN.items():
            for path, line in rows.items():
                with self.subTest(shape, path=path):
                    self.assertTrue(stands(shape, path, ["", line]))
                    self.assertFalse(stands(shape, path, ["", "# nothing", "x"]))

    def test_a_call_is_no_definition(self) -> None:
        for path, line in (
            ("a.py", "load(path)"), ("a.js", "if (load(path)) {"), ("a.go", "load(path)"),
            ("A.java", "return load(path);"), ("a.c", "    load(path);"), ("a.rb", "load path"),
        ):  # fmt: skip
            self.assertFalse(stands("function_definition", path, [line]), line)

    def test_hostile_lines_take_no_time(self) -> None:
        lines = ["(" * 100_000, "a " * 50_000, "a(" * 50_000, "a=>" * 30_000, "<" * 100_000]
        for shape in SHOWN:
            for path in ("a.py", "a.ts", "a.c", "A.java", "a.yml", "unknown"):
                stands(shape, path, lines)


if __name__ == "__main__":
    unittest.main()
