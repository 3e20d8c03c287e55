"""A citation is looked at again: verified, moved, stale or missing."""

import unittest
from dataclasses import replace

from support import LONG, chance, scratch
from support.trees import PLENTY, Project, plant

from codex_oss.contract import Scope
from codex_oss.tools import Allowance, Cited, Observation, Rechecked, ToolCall

LINES = [f"line {number}" for number in range(1, 31)]


def text_of(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def cited(found: Observation) -> Cited:
    """Return a citation of everything that a reading showed, as a log holds it."""
    span = found.spans[0]
    shown = tuple(line.partition(": ")[2] for line in found.text.split("\n"))
    return Cited(span.path, span.first_line, span.last_line, shown, span.sha256)


class Rechecking(unittest.TestCase):
    def setUp(self) -> None:
        self.root = self.enterContext(scratch())
        self.project = Project(self.root)

    def cite(self, content: str | bytes, **arguments: object) -> Cited:
        plant(self.root, {"a.txt": content})
        found = self.project.read("a.txt", **arguments)
        assert isinstance(found, Observation)
        return cited(found)

    def again(self, citation: Cited, content: str | bytes) -> Rechecked:
        plant(self.root, {"a.txt": content})
        return self.project.broker.recheck(citation, Project.deadline())

    def test_lines_that_are_still_there_are_verified(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        span = self.project.read("a.txt", start_line=4, end_line=6).spans[0]
        self.assertEqual(
            self.again(citation, text_of(LINES)),
            Rechecked(
                "verified",
                first_line=4,
                last_line=6,
                sha256=span.sha256,
                file_sha256=span.file_sha256,
                quote="line 4\nline 5\nline 6",
            ),
        )

    def test_changes_elsewhere_do_not_matter(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        self.assertEqual(
            self.again(citation, text_of([*LINES[:20], "new"])).verification, "verified"
        )

    def test_lines_that_stand_elsewhere_once_have_moved(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        found = self.again(citation, text_of(["new", "new", *LINES]))
        self.assertEqual((found.verification, found.first_line, found.last_line), ("moved", 6, 8))
        self.assertEqual(found.sha256, citation.sha256)

    def test_lines_that_stand_elsewhere_twice_are_stale(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        found = self.again(citation, text_of(["new", *LINES, *LINES]))
        self.assertEqual((found.verification, found.first_line, found.last_line), ("stale", 4, 6))

    def test_changed_lines_are_stale(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        for changed in ("line  5", "line 5 ", "line 5\r", "line 6", ""):
            with self.subTest(changed):
                lines = [*LINES[:4], changed, *LINES[5:]]
                self.assertEqual(self.again(citation, text_of(lines)).verification, "stale")

    def test_a_part_of_what_was_shown_needs_no_digest(self) -> None:
        whole = self.cite(text_of(LINES))
        part = Cited("a.txt", 9, 10, whole.shown[8:10])
        found = self.again(part, text_of(LINES))
        self.assertEqual((found.verification, len(found.sha256)), ("verified", 64))
        self.assertEqual(self.again(part, text_of(LINES[3:])).first_line, 6)

    def test_a_digest_may_name_its_algorithm(self) -> None:
        citation = self.cite(text_of(LINES))
        named = replace(citation, sha256=f"sha256:{citation.sha256}")
        self.assertEqual(self.again(named, text_of(LINES)).verification, "verified")

    def test_a_file_that_cannot_be_read_any_more_is_missing(self) -> None:
        citation = self.cite(text_of(LINES), start_line=4, end_line=6)
        (self.root / "a.txt").unlink()
        missing = Rechecked("missing", first_line=4, last_line=6)
        deadline = Project.deadline()
        self.assertEqual(self.project.broker.recheck(citation, deadline), missing)
        (self.root / "a.txt").symlink_to("/etc/hosts")
        self.assertEqual(self.project.broker.recheck(citation, deadline), missing)
        (self.root / "a.txt").unlink()
        self.assertEqual(self.again(citation, b"\0").verification, "missing")
        elsewhere = Project(self.root, Scope(allowed_roots=("src",)))
        self.assertEqual(elsewhere.broker.recheck(citation, deadline), missing)

    def test_a_shorter_file_is_stale(self) -> None:
        citation = self.cite(text_of(LINES), start_line=25, end_line=30)
        self.assertEqual(self.again(citation, text_of(LINES[:27])).verification, "stale")
        self.assertEqual(self.again(citation, "").verification, "stale")

    def test_cut_escaped_and_redacted_lines_are_recognised(self) -> None:
        secret = "live-" + "".join(chance().choices("bcdfghjk2345679", k=30))
        self.project = Project(self.root, live_secrets=(secret,))
        contents = (
            "x" * 9_000 + "\nend\n",
            "\x1b[31mred\r\nb\r\n",
            f"key = {secret}\nb\n",
            b"caf\xe9\n",
            "literal [+5 chars]\n",
            b"\xff\xfe" + "a\u00e9\nb".encode("utf-16-le"),
        )
        for content in contents:
            with self.subTest(content[:12]):
                citation = self.cite(content)
                self.assertEqual(self.again(citation, content).verification, "verified")
        plant(self.root, {"a.txt": "\u00e9" * 9_000})
        small = Allowance(5_000_000, 1_024, (), 500)
        citation = cited(self.project.read("a.txt", allowance=small))
        self.assertEqual(self.again(citation, "\u00e9" * 9_000).verification, "verified")
        self.assertEqual(self.again(citation, "\u00e9" * 9_001).verification, "stale")

    def test_a_match_is_a_citation_of_one_line(self) -> None:
        plant(self.root, {"a.txt": text_of(LINES)})
        match = self.project.grep("line 7").matches[0]
        citation = Cited(match.path, match.line, match.line, (match.text,), match.sha256)
        self.assertEqual(self.again(citation, text_of(LINES)).verification, "verified")
        self.assertEqual(self.again(citation, text_of(LINES[3:])).verification, "moved")

    def test_random_edits_agree_with_looking_for_the_lines(self) -> None:
        dice = chance()
        for _ in range(2_000 if LONG else 100):
            lines = dice.choices("abc", k=dice.randrange(1, 12))
            first = dice.randint(1, len(lines))
            last = dice.randint(first, len(lines))
            citation = self.cite(text_of(lines), start_line=first, end_line=last)
            edited = [*lines]
            for _ in range(dice.randrange(3)):
                at = dice.randrange(len(edited) + 1)
                edited[at : at + dice.randrange(2)] = dice.choices("abcd", k=dice.randrange(2))
            wanted = lines[first - 1 : last]
            at = [n for n in range(1, len(edited) + 1) if edited[n - 1 :][: len(wanted)] == wanted]
            expected = "verified" if first in at else "moved" if len(at) == 1 else "stale"
            found = self.again(citation, text_of(edited))
            self.assertEqual(found.verification, expected, (lines, edited, first, last))


class Calls(unittest.TestCase):
    def setUp(self) -> None:
        self.root = plant(self.enterContext(scratch()), {"a.txt": text_of(LINES)})
        self.project = Project(self.root)

    def verification(self, call: ToolCall, shown: str) -> str:
        return self.project.broker.recheck_call(call, shown, Project.deadline()).verification

    def test_a_result_is_verified_while_the_same_call_gives_it(self) -> None:
        calls = (
            ToolCall("rtk_grep", {"pattern": "line 2"}),
            ToolCall("rtk_grep", {"pattern": "absent"}),
            ToolCall("rtk_ls", {}),
        )
        for call in calls:
            with self.subTest(call.key):
                shown = self.project.run(call.name, **call.arguments).text
                self.assertEqual(self.verification(call, shown), "verified")
        plant(self.root, {"b.txt": "line 2\nabsent\n"})
        for call in calls:
            with self.subTest(call.key):
                (self.root / "b.txt").unlink()
                shown = self.project.run(call.name, **call.arguments).text
                plant(self.root, {"b.txt": "line 2\nabsent\n"})
                self.assertEqual(self.verification(call, shown), "stale")

    def test_what_was_cut_for_want_of_room_is_compared_as_far_as_it_went(self) -> None:
        plant(self.root, {"a.txt": text_of(LINES) * 20})
        call = ToolCall("rtk_grep", {"pattern": "line", "max_results": 500})
        small = Allowance(5_000_000, 1_024, (), 500)
        shown = self.project.broker.run(call, small, Project.deadline()).text
        self.assertIn("[cut: ", shown)
        self.assertEqual(self.verification(call, shown), "verified")
        plant(self.root, {"a.txt": text_of(LINES[1:]) * 20})
        self.assertEqual(self.verification(call, shown), "stale")

    def test_a_call_that_is_denied_now_is_missing(self) -> None:
        call = ToolCall("rtk_read", {"path": "a.txt"})
        (self.root / "a.txt").unlink()
        (self.root / "a.txt").symlink_to("/etc/hosts")
        self.assertEqual(self.verification(call, "1: x"), "missing")
        self.assertEqual(PLENTY.files_opened, ())


if __name__ == "__main__":
    unittest.main()
