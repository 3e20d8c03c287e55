"""What `rtk_read` and `rtk_ls` show, and that anybody can check it with `sed` and `sha256sum`."""

import hashlib
import os
import subprocess
import unittest
from pathlib import Path

from support import LONG, chance, scratch
from support.trees import PLENTY, Project, plant

from codex_oss.contract import Scope, Span
from codex_oss.tools import Allowance, Denied, Observation, ToolCall

LINES = "".join(f"line {number}\n" for number in range(1, 11))


def sed_digest(file: Path, first: int, last: int) -> str:
    """Return what a shell says of these lines."""
    command = f"LC_ALL=C sed -n '{first},{last}p' \"$1\" | sha256sum"
    done = subprocess.run(
        ["/bin/sh", "-c", command, "sh", str(file)], check=True, capture_output=True
    )
    return done.stdout.decode().split()[0]


def allowance(bytes_max: int) -> Allowance:
    return Allowance(5_000_000, bytes_max, (), 500)


class Reading(unittest.TestCase):
    def setUp(self) -> None:
        self.root = self.enterContext(scratch())
        self.project = Project(self.root)

    def read(self, content: str | bytes, **arguments: object) -> Observation:
        plant(self.root, {"a.txt": content})
        found = self.project.read("a.txt", **arguments)
        assert isinstance(found, Observation)
        return found

    def test_a_whole_file_is_one_span(self) -> None:
        digest = hashlib.sha256(LINES.encode()).hexdigest()
        self.assertEqual(
            self.read(LINES),
            Observation(
                tool="rtk_read",
                command='rtk_read {"path": "a.txt"}',
                exit_code=0,
                text="\n".join(f"{n}: line {n}" for n in range(1, 11)),
                path="a.txt",
                spans=(Span("a.txt", 1, 10, 10, digest, digest),),
                total_lines=10,
            ),
        )

    def test_ranges(self) -> None:
        cases = {
            (3, 5): (3, 5),
            (5, 3): (3, 5),
            (9, None): (9, 10),
            (9, 99): (9, 10),
            (10, 10): (10, 10),
        }
        for (start, end), (first, last) in cases.items():
            with self.subTest(start=start, end=end):
                found = self.read(LINES, start_line=start, end_line=end)
                self.assertEqual(
                    found.text, "\n".join(f"{n}: line {n}" for n in range(first, last + 1))
                )
                self.assertEqual(
                    [(s.first_line, s.last_line) for s in found.spans], [(first, last)]
                )
                self.assertEqual((found.complete, found.truncated, found.next), (True, False, ""))

    def test_a_range_past_the_end_says_how_long_the_file_is(self) -> None:
        found = self.read(LINES, start_line=11)
        self.assertEqual(
            (found.exit_code, found.text, found.total_lines, found.spans),
            (1, "past_end: a.txt: it has 10 lines", 10, ()),
        )

    def test_an_empty_file_has_nothing_to_cite(self) -> None:
        found = self.read("")
        self.assertEqual((found.exit_code, found.text, found.spans), (0, "", ()))
        self.assertTrue(found.complete)

    def test_a_missing_file_is_absent(self) -> None:
        found = self.project.read("gone.txt")
        self.assertEqual(
            (found.exit_code, found.text), (1, "absent: gone.txt: there is no such file")
        )

    def test_a_binary_file_is_named_and_not_shown(self) -> None:
        content = b"MZ" + bytes(range(256)) * 40
        found = self.read(content)
        digest = hashlib.sha256(content).hexdigest()
        self.assertEqual(
            (found.exit_code, found.text, found.spans),
            (2, f"binary_file: a.txt: {len(content)} bytes, sha256 {digest}", ()),
        )

    def test_a_huge_binary_file_is_named_by_its_head(self) -> None:
        huge = 10 << 30
        with (self.root / "huge.bin").open("wb") as file:
            file.truncate(huge)  # Sparse: it takes no room, and reading it all would take long.
        found = self.project.read("huge.bin", start_line=1, end_line=5)
        assert isinstance(found, Observation)
        told = f"binary_file: huge.bin: {huge} bytes, too many for a digest"
        self.assertEqual((found.exit_code, found.text), (2, told))

    def test_encodings(self) -> None:
        cases = {
            "utf-16-le by mark": (
                b"\xff\xfe" + "a\u00e9\nb".encode("utf-16-le"),
                "1: a\u00e9\n2: b",
            ),
            "utf-16-be by mark": (
                b"\xfe\xff" + "a\u0a0a\nb".encode("utf-16-be"),
                "1: a\u0a0a\n2: b",
            ),
            "utf-8 with mark": (b"\xef\xbb\xbfx = 1\ny", "1: x = 1\n2: y"),
            "windows line ends": (b"a\r\nb\r\n", "1: a\n2: b"),
            "old line ends": (b"a\rb\n", "1: a\\x0db"),
            "unicode line ends": (
                "a\u2028b\x0bc\x0cd\x85e\n".encode(),
                "1: a\u2028b\\x0bc\\x0cd\\x85e",
            ),
            "controls": (b"\x1b[31mred\x07\x7f\ttab\n", "1: \\x1b[31mred\\x07\\x7f\ttab"),
            "another order": ("a\u202eb\n".encode(), "1: a\\u202eb"),
        }
        for what, (content, text) in cases.items():
            with self.subTest(what):
                found = self.read(content)
                self.assertEqual((found.text, found.risk_flags), (text, ()))

    def test_what_is_no_utf8_is_flagged(self) -> None:
        found = self.read(b"caf\xe9\nfine\n")
        self.assertEqual(found.text, "1: caf\ufffd\n2: fine")
        self.assertEqual(found.risk_flags, ("replacement_characters",))

    def test_a_critical_term_in_the_path_is_flagged(self) -> None:
        plant(self.root, {"billing/a.py": "x"})
        self.assertEqual(self.project.read("billing/a.py").risk_flags, ("critical_term:billing",))

    def test_long_lines_are_cut_and_not_called_complete(self) -> None:
        found = self.read("x" * 4_000 + "\n" + "y" * 4_005 + "\n")
        self.assertEqual(found.text, f"1: {'x' * 4_000}\n2: {'y' * 4_000}[+5 chars]")
        self.assertEqual((found.complete, found.truncated), (False, False))

    def test_next_continues_until_every_line_was_shown_once(self) -> None:
        dice = chance()
        lines = ["z" * dice.choice((0, 1, 30, 300)) for _ in range(200)]
        plant(self.root, {"a.txt": "\n".join(lines)})
        for bytes_max in (1_024, 2_000, 100_000):
            shown: list[str] = []
            arguments: dict[str, object] = {"end_line": 190}
            while True:
                found = self.project.read("a.txt", allowance=allowance(bytes_max), **arguments)
                self.assertLessEqual(len(found.text.encode()), bytes_max)
                shown += found.text.split("\n")
                if not found.next:
                    break
                self.assertTrue(found.truncated and not found.complete)
                start = found.spans[0].last_line + 1
                self.assertEqual(
                    found.next,
                    f'rtk_read {{"end_line": 190, "path": "a.txt", "start_line": {start}}}',
                )
                arguments["start_line"] = start
            expected = [f"{n}: {line}" for n, line in enumerate(lines[:190], 1)]
            self.assertEqual(shown, expected)

    def test_a_line_longer_than_the_allowance_is_cut_so_that_reading_goes_on(self) -> None:
        plant(self.root, {"a.txt": "\u00e9" * 3_000 + "\nend"})
        found = self.project.read("a.txt", allowance=allowance(1_024))
        self.assertLessEqual(len(found.text.encode()), 1_024)
        self.assertRegex(found.text, r"^1: \u00e9{200,}\[\+\d+ chars\]$")
        self.assertEqual(found.next, 'rtk_read {"path": "a.txt", "start_line": 2}')

    def test_a_result_is_never_longer_than_100_kb(self) -> None:
        found = self.read("0123456789\n" * 20_000)
        self.assertLessEqual(len(found.text.encode()), 100_000)
        self.assertGreater(len(found.text.encode()), 99_000)
        self.assertTrue(found.truncated)

    def test_a_very_large_file_needs_a_range(self) -> None:
        line = b"0123456789abcde" * 68 + b"123\n"
        plant(self.root, {"a.txt": line * (65 << 10)})
        self.assertEqual(self.project.read("a.txt").text.split(":")[0], "too_large")
        found = self.project.read("a.txt", start_line=60_000, end_line=60_001)
        text = line.decode().rstrip()
        self.assertEqual(found.text, f"60000: {text}\n60001: {text}")
        self.assertEqual(found.total_lines, 65 << 10)
        self.assertEqual(found.spans[0].sha256, hashlib.sha256(line * 2).hexdigest())

    def test_reading_stops_with_its_deadline(self) -> None:
        plant(self.root, {"a.txt": "x\n" * 100_000})
        call = ToolCall("rtk_read", {"path": "a.txt"})
        found = self.project.broker.run(call, PLENTY, Project.deadline(0))
        self.assertEqual(found.text.split(":")[0], "too_slow")


class Digests(unittest.TestCase):
    def test_spans_have_the_digest_that_sed_and_sha256sum_say(self) -> None:
        dice = chance()
        contents = (
            LINES.encode(),
            LINES.encode().removesuffix(b"\n"),
            b"a\r\nb\r\n\r\nc",
            b"\xef\xbb\xbffirst\nsecond\n",
            "\u00e9\u4e2d\n\U0001f600\x1b[0m\n\n\n".encode(),
            b"caf\xe9\nno utf-8\n",
            b"\n\n\n",
            os.urandom(3_000).replace(b"\0", b"\n"),
            b"w" * 9_000 + b"\nlong\n",
        )
        with scratch() as root:
            project = Project(root)
            for number, content in enumerate(contents):
                plant(root, {f"{number}.txt": content})
                total = content.count(b"\n") + (not content.endswith(b"\n"))
                for _ in range(40 if LONG else 3):
                    first = dice.randint(1, total)
                    last = dice.randint(first, total)
                    found = project.read(f"{number}.txt", start_line=first, end_line=last)
                    span = found.spans[0]
                    self.assertEqual((span.first_line, span.total_lines), (first, total))
                    digest = sed_digest(root / f"{number}.txt", first, span.last_line)
                    self.assertEqual((span.sha256, span.redacted), (digest, False))
                    self.assertEqual(span.file_sha256, hashlib.sha256(content).hexdigest())

    def test_a_redacted_span_has_the_digest_of_what_is_shown(self) -> None:
        secret = "live-" + "".join(chance().choices("bcdfghjk2345679", k=30))
        with scratch() as root:
            plant(root, {"a.txt": f"one\r\nkey = {secret} end\r\nthree\r\n"})
            found = Project(root, live_secrets=(secret,)).read("a.txt")
            shown = [line.partition(": ")[2] for line in found.text.split("\n")]
            self.assertRegex(shown[1], r"^key = \[redacted:[a-z-]+:[0-9a-f]{4}\] end$")
            digest = hashlib.sha256("".join(f"{line}\r\n" for line in shown).encode()).hexdigest()
            self.assertEqual((found.spans[0].sha256, found.spans[0].redacted), (digest, True))
            self.assertEqual(found.redactions, 1)
            beside = Project(root, live_secrets=(secret,)).read("a.txt", start_line=3)
            self.assertEqual(beside.spans[0].sha256, sed_digest(root / "a.txt", 3, 3))
            self.assertEqual((beside.spans[0].redacted, beside.redactions), (False, 0))


class Listing(unittest.TestCase):
    def setUp(self) -> None:
        self.root = self.enterContext(scratch())
        files = (
            "b.py",
            "a/x.py",
            "a/deep/y.py",
            "a/deep/er/z.py",
            ".env",
            "a.txt",
            "Z",
            "s/.ssh/k",
        )
        plant(self.root, dict.fromkeys(files, "12345"))
        (self.root / "link.py").symlink_to("b.py")
        (self.root / "out").symlink_to("/etc")
        os.mkfifo(self.root / "pipe")
        self.project = Project(self.root)

    def test_names_types_and_sizes_in_byte_order_and_denied_ones_counted(self) -> None:
        found = self.project.ls()
        lines = ("Z file 5", "a folder -", "a.txt file 5", "b.py file 5", "link.py link -")
        self.assertEqual(
            found.text.split("\n"), [*lines, "pipe other -", "s folder -", "[hidden: 2]"]
        )
        self.assertEqual((found.exit_code, found.complete, found.command), (0, True, "rtk_ls {}"))

    def test_depth(self) -> None:
        self.assertEqual(
            self.project.ls("a", depth=2).text.split("\n"),
            ["deep folder -", "deep/er folder -", "deep/y.py file 5", "x.py file 5"],
        )

    def test_too_many_entries_are_cut(self) -> None:
        found = self.project.ls(max_entries=3)
        self.assertEqual(
            found.text.split("\n"),
            ["Z file 5", "a folder -", "a.txt file 5", "[cut: the first 3 entries; hidden: 1]"],
        )
        self.assertEqual((found.complete, found.truncated), (False, True))
        self.assertEqual(found.next, 'rtk_ls {"max_entries": 2000}')

    def test_only_what_leads_into_the_scope_is_visible(self) -> None:
        project = Project(self.root, Scope(allowed_roots=("a/deep",), allowed_paths=("Z",)))
        self.assertEqual(project.ls().text.split("\n"), ["Z file 5", "a folder -", "[hidden: 7]"])
        self.assertEqual(project.ls("a").text.split("\n"), ["deep folder -", "[hidden: 1]"])
        self.assertEqual(project.ls("s").code, "out_of_scope")

    def test_files_and_missing_folders_are_not_listed(self) -> None:
        self.assertEqual(self.project.ls("b.py").text.split(":")[0], "not_a_folder")
        self.assertEqual(self.project.ls("gone").exit_code, 1)
        self.assertIsInstance(self.project.ls("out"), Denied)


if __name__ == "__main__":
    unittest.main()
