"""What `rtk_grep` finds, what it proves, and that no pattern and no tree stalls anybody else."""

import os
import re
import threading
import time
import unittest
from pathlib import Path

from support import LONG, chance, scratch
from support.trees import PLENTY, Project, plant

from codex_oss.contract import Match, Scope
from codex_oss.errors import Cancelled
from codex_oss.tools import Allowance, Observation, ToolCall
from codex_oss.tools.search_program import FILE_BYTES_MAX, glob_expression

FILES = {
    "a.py": "import os\n\ndef needle():\n    return 'Needle'\n",
    "b/c.ts": "const needle_one = needles\n",
    "b/d.md": "no such word\n",
    "z.py": "needle",
}


class Searching(unittest.TestCase):
    def setUp(self) -> None:
        self.root = plant(self.enterContext(scratch()), FILES)
        self.project = Project(self.root)

    def grep(self, pattern: str, **arguments: object) -> Observation:
        found = self.project.grep(pattern, **arguments)
        assert isinstance(found, Observation), found
        return found

    def test_matches_are_lines_of_files_in_order_with_their_digests(self) -> None:
        found = self.grep("needle", path="a.py")
        span = self.project.read("a.py", start_line=3, end_line=3).spans[0]
        self.assertEqual(
            found,
            Observation(
                tool="rtk_grep",
                command='rtk_grep {"path": "a.py", "pattern": "needle"}',
                exit_code=0,
                text="a.py:3: def needle():",
                path="a.py",
                matches=(Match("a.py", 3, "def needle():", span.sha256, span.file_sha256),),
                match_count=1,
                files_searched=1,
            ),
        )

    def test_options(self) -> None:
        cases = (
            ({"pattern": "needle"}, "a.py:3 b/c.ts:1 z.py:1"),
            ({"pattern": "NEEDLE"}, ""),
            ({"pattern": "NEEDLE", "case_sensitive": False}, "a.py:3 a.py:4 b/c.ts:1 z.py:1"),
            ({"pattern": "needle", "word": True}, "a.py:3 z.py:1"),
            ({"pattern": "(?i)NEEDLE", "word": True}, "a.py:3 a.py:4 z.py:1"),
            ({"pattern": "needle()", "fixed_strings": True}, "a.py:3"),
            ({"pattern": "needle|", "fixed_strings": True}, ""),
            ({"pattern": "(", "fixed_strings": True, "word": True}, ""),
            ({"pattern": r"^\s+return"}, "a.py:4"),
            ({"pattern": r":$"}, "a.py:3"),
            ({"pattern": r"\Ainsignificant|\Aimport"}, "a.py:1"),
            ({"pattern": r"(?<!\s)needle\Z"}, "z.py:1"),
            ({"pattern": r"os\n"}, ""),
            ({"pattern": "^$"}, "a.py:2"),
            ({"pattern": "needle", "path": "b"}, "b/c.ts:1"),
            ({"pattern": "needle", "path": "./b/"}, "b/c.ts:1"),
            ({"pattern": "needle", "include_glob": "*.py"}, "a.py:3 z.py:1"),
            ({"pattern": "needle", "include_glob": "*.{ts,md}"}, "b/c.ts:1"),
            ({"pattern": "needle", "exclude_glob": "b/**"}, "a.py:3 z.py:1"),
            ({"pattern": "needle", "include_glob": "*.py", "exclude_glob": "z*"}, "a.py:3"),
        )
        for arguments, expected in cases:
            with self.subTest(**arguments):
                found = self.project.run("rtk_grep", **arguments)
                places = " ".join(f"{match.path}:{match.line}" for match in found.matches)
                self.assertEqual((places, found.exit_code), (expected, 0 if expected else 1))
                self.assertEqual((found.complete, found.match_count), (True, len(found.matches)))

    def test_context_is_shown_once_and_marked(self) -> None:
        plant(self.root, {"a.py": "".join(f"{n}\n" for n in range(1, 21))})
        found = self.grep("^([59]|6|19)$", path="a.py", context_lines=1)
        self.assertEqual(
            found.text,
            "a.py-4- 4\na.py:5: 5\na.py:6: 6\na.py-7- 7\na.py-8- 8\na.py:9: 9\na.py-10- 10\n--\n"
            "a.py-18- 18\na.py:19: 19\na.py-20- 20",
        )
        self.assertEqual([match.line for match in found.matches], [5, 6, 9, 19])

    def test_names_of_files_only(self) -> None:
        found = self.grep("e", files_with_matches=True, max_results=2)
        self.assertEqual(found.text, "a.py\nb/c.ts\n[cut: 2 of 3 results are shown]")
        self.assertEqual((found.matches, found.match_count, found.complete), ((), 3, False))

    def test_every_encoding_reads_as_it_is_read(self) -> None:
        contents = {
            "utf16": b"\xff\xfe" + "one\nn\u00e9edle\n".encode("utf-16-le"),
            "mark": b"\xef\xbb\xbfn\xc3\xa9edle\n",
            "windows": b"one\r\nn\xc3\xa9edle\r\n",
            "broken": b"\xff\nn\xc3\xa9edle \xe9\n",
            "control": b"n\xc3\xa9edle \x1b[0m\x0c\n",
        }
        with scratch() as root:
            project = Project(plant(root, contents))
            found = project.grep("^n\u00e9edle")
            self.assertEqual({match.path for match in found.matches}, {*contents})
            for match in found.matches:
                read = project.read(match.path, start_line=match.line, end_line=match.line)
                self.assertEqual(f"{match.line}: {match.text}", read.text)
                self.assertEqual(
                    (match.sha256, match.file_sha256),
                    (read.spans[0].sha256, read.spans[0].file_sha256),
                )

    def test_limits_cut_at_a_line_end_and_say_how_to_go_on(self) -> None:
        plant(self.root, {"many.txt": "needle\n" * 3_000})
        found = self.grep("needle", path="many.txt")
        self.assertEqual((found.match_count, len(found.matches)), (1_000, 100))
        self.assertEqual((found.complete, found.truncated), (False, True))
        self.assertTrue(
            found.text.endswith("\n[cut: 100 of at least 1000 results are shown]"), found.text[-99:]
        )
        self.assertEqual(
            found.next,
            'rtk_grep {"max_results": 500, "path": "many.txt", "pattern": "needle"}',
        )
        small = Allowance(5_000_000, 1_024, (), 500)
        found = self.project.run("rtk_grep", small, pattern="needle", max_results=500)
        self.assertLessEqual(len(found.text.encode()), 1_024)
        lines = [line for line in found.text.split("\n") if not line.startswith("[")]
        self.assertEqual(lines, [f"{m.path}:{m.line}: {m.text}" for m in found.matches])
        self.assertIn('"files_with_matches": true', found.next)

    def test_a_zero_match_is_proven_only_by_a_complete_search(self) -> None:
        self.assertEqual(
            self.grep("absent"),
            Observation(
                tool="rtk_grep",
                command='rtk_grep {"pattern": "absent"}',
                exit_code=1,
                text="",
                files_searched=4,
            ),
        )
        self.assertFalse(self.grep("absent", include_glob="*.go").complete)
        plant(self.root, {"data.bin": b"\0" * FILE_BYTES_MAX * 2, ".env": "absent"})
        found = self.grep("absent")
        self.assertEqual((found.text, found.complete), ("[skipped: 1 binary, 1 denied]", True))
        plant(self.root, {"big.txt": b"x" * (FILE_BYTES_MAX + 1)})
        found = self.grep("absent")
        self.assertEqual(found.text, "[skipped: 1 binary, 1 denied, 1 too_large]")
        self.assertFalse(found.complete)

    def test_a_path_that_is_not_there_proves_nothing(self) -> None:
        found = self.grep("needle", path="gone")
        self.assertEqual((found.exit_code, found.complete), (1, False))

    def test_bad_patterns_are_told_in_the_spelling_of_python(self) -> None:
        cases = {
            "a(b": "position 1",
            "a{2,1}": "min repeat",
            "*a": "nothing to repeat",
            r"\p{L}+": r"position 0: `\p{` is no Python; write [^\W\d_] for letters",
            r"a\h": r"position 1: `\h` is no Python; write [ \t]",
            "x[[:alpha:]]": r"position 1: `[[:` is no Python; write [A-Za-z]",
            r"\<main\>": r"`\<` is no Python; write \b",
            "(?<name>a)": "write (?P<name>...)",
            "(" * 400: "missing )",
            "(?a)(?u)x": "incompatible",
            "a{99999999999}": "bad_pattern",
        }
        for pattern, told in cases.items():
            with self.subTest(pattern):
                found = self.grep(pattern)
                self.assertEqual(found.exit_code, 2)
                self.assertIn(told, found.text)
                self.assertTrue(found.text.startswith("bad_pattern: "), found.text)
        self.assertEqual(self.grep(r"\\<|(?<=def )needle|(?<!x)zzz").match_count, 1)
        self.assertIn("in the glob", self.grep("a", include_glob="{a").text)

    def test_globs(self) -> None:
        cases = {
            ("*.py", "a.py"): True,
            ("*.py", "x/y/a.py"): True,
            ("*.py", "a.pyc"): False,
            ("x/*.py", "x/a.py"): True,
            ("x/*.py", "x/y/a.py"): False,
            ("x/*.py", "w/x/a.py"): False,
            ("x/**/*.py", "x/a.py"): True,
            ("x/**/*.py", "x/y/z/a.py"): True,
            ("**/a.py", "a.py"): True,
            ("x/**", "x/y/z"): True,
            ("x/", "x/y/z"): True,
            ("./x/?.py", "x/a.py"): True,
            ("/x/?.py", "x/ab.py"): False,
            ("{a,b/c}.py", "b/c.py"): True,
            ("*.{ts,tsx}", "q/a.tsx"): True,
            ("[!a].py", "b.py"): True,
            ("[!a].py", "a.py"): False,
            ("[ab]x", "bx"): True,
            ("a,b", "a,b"): True,
            ("a.b+c", "a.b+c"): True,
            ("a.b", "axb"): False,
            ("[", "["): True,
        }
        for (glob, path), expected in cases.items():
            with self.subTest(glob=glob, path=path):
                self.assertIs(bool(re.fullmatch(glob_expression(glob), path)), expected)

    def test_searches_of_random_lines_agree_with_a_plain_loop(self) -> None:
        dice = chance()
        alphabet = "ab \n\r\n\t_\u00e9"
        for number in range(60 if LONG else 6):
            text = "".join(dice.choices(alphabet, k=300))
            plant(self.root, {"r.txt": text.encode()})
            lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
            pieces = ("a", "b+", "[^a]", r"\b", "^", "$", r"\s", "(?=a)", "(?<!b)", r"\Z", "(a|b)*")
            pattern = "".join(dice.choices(pieces, k=3))
            expected = [n for n, line in enumerate(lines, 1) if re.search(pattern, line)]
            found = self.grep(pattern, path="r.txt", max_results=500)
            with self.subTest(number=number, pattern=pattern):
                self.assertEqual([match.line for match in found.matches], expected)


class Gap(threading.Thread):
    """How long this process ever kept another thread waiting."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest, self.done = 0.0, threading.Event()

    def run(self) -> None:
        before = time.monotonic()
        while not self.done.wait(0.01):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before), now

    def __enter__(self) -> "Gap":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


class Hostile(unittest.TestCase):
    def setUp(self) -> None:
        self.root = self.enterContext(scratch())
        self.seconds = 5.0 if LONG else 0.5
        self.project = Project(self.root, pattern_seconds=self.seconds)

    def assert_ends(self, **arguments: object) -> None:
        started = time.monotonic()
        with Gap() as gap:
            found = self.project.run("rtk_grep", **arguments)
        self.assertEqual((found.exit_code, found.text.split(":")[0]), (2, "pattern_timeout"))
        self.assertLess(time.monotonic() - started, self.seconds + 1)
        self.assertLess(gap.longest, 0.5)

    def test_a_pattern_that_never_ends_is_ended_and_stalls_nobody(self) -> None:
        plant(self.root, {"a.txt": "a" * 40 + "!\n"})
        self.assert_ends(pattern="(a+)+$")

    def test_one_that_is_slow_in_every_file_is_ended_too(self) -> None:
        plant(self.root, {f"{n}.txt": "a" * 17 + "!\n" for n in range(2_000 if LONG else 200)})
        self.assert_ends(pattern="(a+)+$")

    def test_a_glob_that_never_ends_is_ended_too(self) -> None:
        plant(self.root, {"a" * 200: "x"})
        self.assert_ends(pattern="x", include_glob="*a" * 60 + "b")

    def test_a_cancelled_search_ends_at_once(self) -> None:
        plant(self.root, {"a.txt": "a" * 40 + "!\n"})
        deadline = Project.deadline()
        timer = threading.Timer(0.2, deadline.cancel, ("client_disconnected",))
        timer.start()
        started = time.monotonic()
        with self.assertRaises(Cancelled):
            call = ToolCall("rtk_grep", {"pattern": "(a+)+$"})
            Project(self.root, pattern_seconds=30).broker.run(call, PLENTY, deadline)
        self.assertLess(time.monotonic() - started, 1)

    def test_a_search_without_time_left_says_so(self) -> None:
        plant(self.root, {"a.txt": "a"})
        call = ToolCall("rtk_grep", {"pattern": "a"})
        found = self.project.broker.run(call, PLENTY, Project.deadline(0))
        self.assertEqual(found.text.split(":")[0], "search_timeout")


class Large(unittest.TestCase):
    def test_a_library_of_hundreds_of_files_is_searched_in_a_moment(self) -> None:
        library = Path(unittest.__file__).parents[1]
        rules = Scope(allowed_roots=(".",), forbidden_roots=("test", "tests", "site-packages"))
        project = Project(library, rules)
        before = sum(os.times()[:4])
        found = project.grep("class TestCase(object):", fixed_strings=True)
        spent = sum(os.times()[:4]) - before
        self.assertEqual([match.path for match in found.matches], ["unittest/case.py"])
        self.assertGreater(found.files_searched, 500)
        self.assertLess(spent, 2)  # 0.25 s of processor time, measured.


if __name__ == "__main__":
    unittest.main()
