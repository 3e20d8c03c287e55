"""What a reference resolves to, which words it carries, and what follows for the answers."""

import unittest
from collections.abc import Mapping

from support.stories import DIGEST, Story

from codex_oss.record import (
    CitationResult,
    EvidenceVerified,
    contradictions,
    findings,
    obligation_states,
    report,
    resolve,
    source_states,
)

LINES = ("import os", "", "def load(path):", '    "docs"', "    return {30: path}")
A = "file:src/a.py#extract:1"


def read() -> Story:
    return Story().reads("src/a.py", *LINES)


def read_for(objective: str) -> Story:
    return Story(objective=objective).reads("src/a.py", *LINES)


class References(unittest.TestCase):
    def test_each_form_names_what_was_shown(self) -> None:
        story = read().greps("load|x", ("src/a.py", 3, LINES[2]), ("src/b.py", 9, "x"))
        story.greps("nowhere").reads("src/a.py", "more", first=6, total=9)
        cases = {
            A: LINES,
            f"{A}@L3": LINES[2:3],
            f"{A}@L3-L5": LINES[2:],
            f"{A}@L5-L3": LINES[2:],
            f"{A}@L2": ("",),
            "command:0": LINES,
            "command:0@L1": LINES[:1],
            "command:1#match:1": LINES[2:3],
            "command:1#match:2": ("x",),
            "file:src/a.py#extract:2": ("more",),
            "file:src/a.py#extract:2@L6": ("more",),
        }
        for ref, expected in cases.items():
            with self.subTest(ref):
                found = resolve(story.record, ref)
                self.assertEqual(found and found.shown, expected)

    def test_what_was_never_shown_resolves_to_nothing(self) -> None:
        story = read().greps("load", ("src/a.py", 3, LINES[2])).greps("nowhere", complete=False)
        for ref in (
            *(f"{A}@L6", f"{A}@L4-L6", "file:src/a.py#extract:2", "file:src/b.py#extract:1"),
            *("command:9", "command:1#match:2", "command:1#zero_match", "command:2#zero_match"),
            *("command:1@L1", "command:0#match:1", "nonsense", "", "file:src/a.py#extract:0"),
        ):
            with self.subTest(ref):
                self.assertIsNone(resolve(story.record, ref))

    def test_a_command_cites_what_it_was_asked_only_where_it_found_nothing(self) -> None:
        story = Story().greps("is_broken|load", ("src/a.py", 3, LINES[2])).greps("is_broken")
        claim = "`is_broken` is what it is"
        story.reports((claim, ["command:0"]), (claim, ["command:1"]))
        found = findings(story.record)
        self.assertEqual([f.status for f in found], ["weak", "supported"])

    def test_why_a_search_failed_shows_nothing_of_what_it_was_asked(self) -> None:
        said = "bad_pattern: unknown group name 'is_broken' at position 4"
        story = Story().calls_tool("rtk_grep", {"pattern": "(?P=is_broken)"}, said, exit_code=2)
        (finding,) = findings(story.reports(("`is_broken`", ["command:0"])).record)
        self.assertEqual(finding.missing_tokens, ("is_broken",))

    def test_a_whole_file_is_no_partial_extract(self) -> None:
        story = read().reads("src/b.py", "x", total=7)
        found = [resolve(story.record, ref) for ref in (f"{A}@L3", "file:src/b.py#extract:1")]
        self.assertEqual([cited and cited.is_partial for cited in found], [False, True])


class Words(unittest.TestCase):
    def missing(self, claim: str, value: str = "", ref: str = f"{A}@L3-L5") -> tuple[str, ...]:
        story = read().reports((claim, [ref], {"value": value}))
        (finding,) = findings(story.record)
        self.assertEqual(finding.status, "weak" if finding.missing_tokens else "supported")
        return finding.missing_tokens

    def test_words_of_code_must_stand_in_the_cited_lines(self) -> None:
        cases: Mapping[str, tuple[str, ...]] = {
            "it does something": (),
            "`load` takes a path": (),
            "`load_all` is here": ("load_all",),
            "loadAll is here": ("loadAll",),
            "it uses os.environ": ("os.environ",),
            'it returns "docs"': (),
            "it returns 'nothing'": ("nothing",),
            "people's words aren't code": (),
            "it maps 30 to it": (),
            "it maps 300 to it": ("300",),
            "it maps 3 to it": (),
            "`oad` is here": ("oad",),
            "`load()` is called": (),
            "in src/a.py at line 4": (),
            "at src/a.py:3": (),
            "at src/a.py:33": ("33",),
            "`src/a.py:3-5` says so": (),
            "`src/a.py:2` says so": ("src/a.py:2",),
            "`a.py` says so": (),
            "`c/a.py` says so": ("c/a.py",),
        }
        for claim, expected in cases.items():
            with self.subTest(claim):
                self.assertEqual(self.missing(claim), expected)

    def test_a_value_must_stand_there_literally(self) -> None:
        cases = {"30": (), "def load": (), "31": ("31",), "load(path)": (), "src/a.py:4": ()}
        for value, expected in {**cases, "{30: path} # x": ("{30: path} # x",)}.items():
            with self.subTest(value):
                self.assertEqual(self.missing("so", value), expected)

    def test_a_value_without_a_word_counts_for_nothing(self) -> None:
        self.assertEqual(self.missing("so", "()"), ("()",))
        (finding,) = findings(read().reports(("so", [A], {"value": " "})).record)
        self.assertEqual(finding.value, "")

    def test_what_is_not_there_is_no_value(self) -> None:
        absent = "absent: src/limit_900.py: there is no such file"
        story = Story().greps("limit_900")
        story.calls_tool("rtk_read", {"path": "src/limit_900.py"}, absent, exit_code=1)
        for ref in ("command:0#zero_match", "command:1"):
            story.reports(("`limit_900` is not there", [ref], {"value": "limit_900"}))
            (finding,) = findings(story.record)
            self.assertEqual(finding.missing_tokens, ("limit_900",), ref)

    def test_a_number_may_have_a_unit_and_no_more_digits(self) -> None:
        story = Story().reads("src/a.py", "wait(30s, 1500, 0x20)")
        for claim, held in (("30", True), ("15", False), ("50", False), ("1500", True)):
            story.reports((f"it is {claim}", [A]))
            (finding,) = findings(story.record)
            self.assertEqual(finding.status == "supported", held, claim)

    def test_deeds_that_no_tool_did_are_no_support(self) -> None:
        for claim, status in (
            ("I ran the tests of `load`", "weak"),
            ("We have also fixed `load`", "weak"),
            ("I've carefully tested `load`", "weak"),
            ("`load` ran the tests", "supported"),
        ):
            (finding,) = findings(read().reports((claim, [A])).record)
            self.assertEqual(finding.status, status, claim)


class Findings(unittest.TestCase):
    def test_a_second_look_decides_what_is_proven(self) -> None:
        expected = {
            "verified": ("supported", True),
            "moved": ("supported", True),
            "stale": ("weak", False),
            "missing": ("weak", False),
            "": ("supported", False),
        }
        for outcome, found in expected.items():
            with self.subTest(outcome):
                story = read().reports(("`load` is here", [f"{A}@L3"]), looked_at=outcome)
                (finding,) = findings(story.record)
                self.assertEqual((finding.status, finding.is_proven), found)

    def test_one_forged_reference_is_enough(self) -> None:
        story = read().reports(("`load` is here", [A, "command:7"]))
        (finding,) = findings(story.record)
        self.assertEqual((finding.status, finding.is_proven), ("unverified", False))

    def test_too_few_references_are_weak_and_repeats_do_not_count(self) -> None:
        policy = {"sufficiency_policy": {"min_evidence_refs_per_claim": 2}}
        story = Story(**policy).reads("src/a.py", *LINES)
        story.greps("load", ("src/a.py", 3, LINES[2]))
        for refs, status in (
            *(([A], "weak"), ([A, A], "weak"), ([A, f"{A}@L3"], "supported")),
            ([A, "command:0", f"{A}@L1-L5"], "weak"),
        ):
            (finding,) = findings(story.reports(("`load`", refs)).record)
            self.assertEqual((finding.status, finding.places), (status, 1 + (status != "weak")))

    def test_looking_at_the_same_lines_under_one_reference_is_one_look(self) -> None:
        story = read().reports(("`load`", [A, f"{A}@L3"]), looked_at="")
        story.then(EvidenceVerified((CitationResult(A, "verified", "src/a.py", 1, 5, DIGEST),)))
        (finding,) = findings(story.record)
        self.assertFalse(finding.is_proven)


class Sources(unittest.TestCase):
    def states(self, story: Story) -> dict[str, str]:
        return {state.path: state.state for state in source_states(story.record)}

    def test_a_required_source_is_missing_read_or_blocked(self) -> None:
        wanted = {"allowed_paths": ["src/a.py", ".env", "x"], "must_inspect": ["src/a.py"]}
        self.assertEqual(self.states(Story(**wanted)), {"src/a.py": "missing"})
        self.assertEqual(
            self.states(Story(**wanted).reads("src/a.py", "x")), {"src/a.py": "read_satisfied"}
        )
        empty = Story(**wanted).reads("src/a.py")
        self.assertEqual(self.states(empty), {"src/a.py": "read_satisfied"})
        absent = Story(**wanted).calls_tool("rtk_read", {"path": "src/a.py"}, "absent", exit_code=1)
        self.assertEqual(self.states(absent), {"src/a.py": "blocked"})

    def test_only_guard_and_policy_block_and_not_what_is_left_of_a_budget(self) -> None:
        for code, state in (
            *(("secret_path", "blocked"), ("critical_path", "blocked"), ("tool_class", "blocked")),
            *(("observation_budget", "missing"), ("max_files_reached", "missing")),
            *(("tool_timeout", "missing"), ("tool_failed", "missing")),
        ):
            with self.subTest(code):
                story = Story(must_inspect=["src/a.py"]).is_denied("src/a.py", code, shown="cut…")
                self.assertEqual(self.states(story), {"src/a.py": state})

    def test_without_named_sources_three_allowed_paths_are_required(self) -> None:
        paths = ["a", "b", "c", "d"]
        self.assertEqual(list(self.states(Story(allowed_paths=paths))), ["a", "b", "c"])
        named = [{"question": "?", "source_requirements": [{"path": "d"}]}]
        story = Story(allowed_paths=paths, answer_obligations=named)
        self.assertEqual(list(self.states(story)), ["d"])

    def test_an_optional_source_requires_nothing(self) -> None:
        named = [{"question": "?", "source_requirements": [{"path": "d", "required": False}]}]
        self.assertEqual(self.states(Story(allowed_paths=["d"], answer_obligations=named)), {})


class Obligations(unittest.TestCase):
    def status(self, story: Story) -> str:
        (state,) = obligation_states(story.record)
        return state.status

    def test_each_status_has_its_reason(self) -> None:
        proven, weak = ("`load`", [A]), ("`load_all`", [A])
        other = ("`load`", [A], {"obligation_id": ""})
        forged = ("`load`", ["command:9"])
        values = [("`load`", [A], {"value": value}) for value in ("def load", "30")]
        cases = {
            "unanswered": (read().reports(), read().reports(forged)),
            "partially_answered": (read().reports(weak),),
            "answered": (read().reports(proven), read().reports(other)),
            "contradicted": (read().reports(*values),),
        }
        for status, stories in cases.items():
            for story in stories:
                with self.subTest(status):
                    self.assertEqual(self.status(story), status)

    def test_a_blocked_source_is_never_done(self) -> None:
        story = Story(must_inspect=["src/x"]).reads("src/a.py", *LINES).is_denied("src/x")
        self.assertEqual(self.status(story.reports(("`load`", [A]))), "blocked_source")

    def test_a_finding_without_a_name_answers_none_of_two_questions(self) -> None:
        two = Story(answer_obligations=["one?", "two?"]).reads("src/a.py", *LINES)
        two.reports(("`load`", [A], {"obligation_id": ""}))
        found = [state.status for state in obligation_states(two.record)]
        self.assertEqual(found, ["unanswered", "unanswered"])


class Answers(unittest.TestCase):
    def told(self, text: str) -> tuple[str, int]:
        """Return the answer of a report with this one, and how many caveats speak of it."""
        story = read().reports(("`load` is here", [f"{A}@L3"]), answer=text)
        body = report(story.record)
        caveats = [each for each in body["caveats"] if "in place of the model's" in each]
        return str(body["answer"]), len(caveats)

    def test_the_models_answer_says_no_more_than_its_findings(self) -> None:
        for text, is_kept in {
            "`load` takes a path, in src/a.py at line 3.": True,
            "`load` waits 900 seconds": False,
            "`load`, and `unload` too": False,
            "`()` and ` ` are no words": False,
            "I ran `load`": False,
        }.items():
            expected = (text, 0) if is_kept else ("`load` is here", 1)
            self.assertEqual(self.told(text), expected)

    def test_it_may_say_what_was_asked(self) -> None:
        asked = "Is it `unload` or `load`?"
        story = read_for(asked).reports(("`load` is here", [f"{A}@L3"]), answer="Not `unload`.")
        self.assertEqual(report(story.record)["answer"], "Not `unload`.")


class Contradictions(unittest.TestCase):
    def kinds(self, story: Story) -> list[str]:
        return [each.kind for each in contradictions(story.record)]

    def test_two_values_contradict_unless_they_are_spelled_alike(self) -> None:
        def told(*values: str) -> Story:
            return read().reports(*(("`load`", [A], {"value": value}) for value in values))

        self.assertEqual(self.kinds(told("def load", "def  LOAD")), [])
        self.assertEqual(self.kinds(told("def load", "30")), ["different_values"])
        self.assertEqual(self.kinds(told("def load", "")), [])

    def test_a_later_finding_that_cites_both_sides_settles_it(self) -> None:
        one, other = f"{A}@L3", f"{A}@L5"
        sides = [("`load`", [one], {"value": "def load"}), ("it", [other], {"value": "30"})]
        both = ("`load` returns 30", [one, other], {"value": "30"})
        self.assertEqual(self.kinds(read().reports(*sides)), ["different_values"])
        self.assertEqual(self.kinds(read().reports(*sides, both)), [])
        self.assertEqual(self.kinds(read().reports(both, *sides)), ["different_values"])

    def test_a_report_may_not_be_silent_on_a_claim_that_it_contradicts(self) -> None:
        one, other = f"{A}@L3-L3", f"{A}@L5-L5"

        def kinds(*refs: str) -> list[str]:
            story = read().claims("`load`", [one], "def load")
            return self.kinds(story.reports(("it", [*refs], {"value": "30"})))

        self.assertEqual(kinds(other), ["different_values"])
        self.assertEqual(kinds(other, one), [])
        self.assertEqual(kinds(A), [], "the same lines, with another word of them")

    def test_a_claimed_zero_match_is_met_only_by_the_same_search_in_its_place(self) -> None:
        hit = ("src/in/a.py", 3, "it")
        claim = ("nothing there", ["command:0#zero_match"])
        cases = {
            "the same again": ({"path": "src/in"}, ["zero_match_met"]),
            "a part of it": ({"path": "src/in/a.py"}, ["zero_match_met"]),
            "all around it": ({}, ["zero_match_met"]),
            "elsewhere": ({"path": "src/out"}, []),
            "in any case": ({"path": "src/in", "case_sensitive": False}, []),
        }
        for what, (arguments, expected) in cases.items():
            with self.subTest(what):
                match = ("src/out/b.py", 1, "it") if what == "elsewhere" else hit
                story = Story().greps("it", path="src/in").greps("it", match, **arguments)
                self.assertEqual(self.kinds(story.reports(claim)), expected)

    def test_what_was_found_before_contradicts_no_later_zero_match(self) -> None:
        story = Story().greps("it", ("src/a.py", 1, "it")).greps("it")
        self.assertEqual(self.kinds(story.reports(("nothing", ["command:1#zero_match"]))), [])


if __name__ == "__main__":
    unittest.main()
