"""Secrets never come out of a tool, and nothing that a search finds depends on them."""

import json
import random
import re
import unittest
from dataclasses import replace
from pathlib import Path

from support import LONG, chance, scratch
from support.trees import Project, plant

from codex_oss.redaction import PATTERNS, Redactor, spell
from codex_oss.tools import Denied, Observation

TOKEN = re.compile(r"\[redacted:([a-z0-9-]+):[0-9a-f]{4}\]")
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
FILE = """\
import os
API_KEY = "{github}"  # do not show
plain = 1
  token: {live} and {github}
{pem}
after = "{github}" + x; y = '{live}'
{github}
nothing here
"""


def secrets_of(dice: random.Random) -> dict[str, str]:
    pem = "\n".join("".join(dice.choices(LETTERS, k=64)) for _ in range(4))
    return {
        "github": "ghp_" + "".join(dice.choices(LETTERS, k=36)),
        "live": "".join(dice.choices(LETTERS, k=24)),
        "pem": f"-----BEGIN RSA PRIVATE KEY-----\n{pem}\n-----END RSA PRIVATE KEY-----",
    }


def pieces_of(secrets: dict[str, str]) -> list[str]:
    """Return every run of 12 characters of the secrets."""
    words = [word for value in secrets.values() for word in value.split("\n") if "--" not in word]
    return [word[at : at + 12] for word in words for at in range(len(word) - 11)]


def planted(folder: Path, secrets: dict[str, str]) -> Project:
    plant(folder, {"conf.py": FILE.format(**secrets), "other.py": "plain = 2\ntoken\n"})
    return Project(folder, live_secrets=(secrets["live"],))


class Secrets(unittest.TestCase):
    def setUp(self) -> None:
        self.dice = chance()
        self.secrets = secrets_of(self.dice)
        self.project = planted(self.enterContext(scratch()), self.secrets)

    def assert_clean(self, result: Observation | Denied) -> None:
        shown = repr(result)
        self.assertEqual([piece for piece in pieces_of(self.secrets) if piece in shown], [])

    def test_reading_shows_tokens_on_the_lines_of_the_secrets(self) -> None:
        found = self.project.read("conf.py")
        self.assert_clean(found)
        kinds = [TOKEN.findall(line) for line in found.text.split("\n")]
        self.assertEqual([len(each) for each in kinds], [0, 1, 0, 2, 1, 0, 0, 0, 0, 0, 2, 1, 0])
        self.assertEqual((found.redactions > 5, found.spans[0].redacted), (True, True))
        self.assertIn("\n13: nothing here", found.text)

    def test_no_range_and_no_cut_shows_a_piece(self) -> None:
        for first in range(1, 14):
            for last in (first, first + 1, None):
                self.assert_clean(self.project.read("conf.py", start_line=first, end_line=last))
        long = f'{"x" * 3_990} = "{self.secrets["github"]}"\n'
        plant(self.project.root, {"long.py": long})
        found = self.project.read("long.py")
        self.assert_clean(found)
        self.assertRegex(found.text, r' = "\[\+\d+ chars\]$')

    def test_lines_around_a_secret_are_found_beside_it(self) -> None:
        cases = {
            "API_KEY": [2],
            "^API_KEY": [2],
            r"\bAPI_KEY\b": [2],
            "API_KEY.*": [2],
            "do not show$": [2],
            "^  token:": [4],
            "token|plain": [3, 4],
            r"\+ x;": [11],
        }
        for pattern, lines in cases.items():
            with self.subTest(pattern):
                found = self.project.grep(pattern, path="conf.py")
                self.assertEqual([match.line for match in found.matches], lines)
                self.assert_clean(found)
        found = self.project.grep("API_KEY", word=True, path="conf.py")
        read = self.project.read("conf.py", start_line=2, end_line=2)
        self.assertEqual(f"2: {found.matches[0].text}", read.text)
        self.assertEqual(found.matches[0].sha256, read.spans[0].sha256)
        self.assertTrue(found.matches[0].redacted)

    def test_no_pattern_finds_a_piece_of_a_secret(self) -> None:
        github, live = self.secrets["github"], self.secrets["live"]
        key = self.secrets["pem"].split("\n")[2]
        for pattern in (github, github[:9], "ghp_", live, live[3:9], key, key[:5], "BEGIN RSA"):
            with self.subTest(pattern):
                found = self.project.grep(pattern)
                self.assertEqual((found.match_count, found.exit_code), (0, 1))
        found = self.project.grep(".", context_lines=5)
        self.assert_clean(found)
        self.assertEqual(found.match_count, 8)  # Not the lines that are all secret.

    def test_what_a_model_quotes_is_redacted_too(self) -> None:
        github = self.secrets["github"]
        plant(self.project.root, {"many.py": "x\n" * 300})
        for found in (
            self.project.grep(f"x|{github}"),
            self.project.grep(f"({github}"),
            self.project.grep("x", include_glob=f"{{{github}"),
            self.project.read(f"src/{github}"),
        ):
            self.assertNotIn(github, repr(found))
        self.assertIn("max_results", self.project.grep(f"x|{github}").next)

    def test_a_sample_of_every_family_stays_inside(self) -> None:
        examples = [spell(pattern.positive, self.dice.choice) for pattern in PATTERNS]
        redactor = Redactor((), b"k")
        plant(self.project.root, {"all.txt": "".join(f"mark {text}\n" for text in examples)})
        pages = [self.project.read("all.txt"), self.project.grep("mark", path="all.txt")]
        shown = "".join(page.text for page in pages)
        for pattern, example in zip(PATTERNS, examples, strict=True):
            with self.subTest(pattern.kind):
                parts = TOKEN.split(redactor.redact(example).text)[::2]
                secret = example.removeprefix(parts[0]).removesuffix(parts[-1])
                self.assertNotIn(secret, shown)


PIECES = (
    *("API_KEY", "token", "plain", " = ", '"', ".", ".*", "^", "$", r"\b", r"\B", "|", "|"),
    *(r"\[redacted", "redacted.*", r"\]", "(?=.*", "(?!", "(?<=", "(?<!", ")", "(?>", "x*", "x*+"),
    *(r"\A", r"\Z", r"\w+", r"\S", "[^a]", "", "ghp_", "-----", "="),
)


TRICKS = (
    'KEY = "{}|redacted',
    'KEY(?= = "{})|KEY(?= = .\\[red)',
    '(?=.*{})API|API_KEY = "$',
    '{}|"$',
    r'{}|^" \+ x',
    "API_KEY = .(?:{}|.redacted)",
    'KEY(?!.*{})|KEY = "$',
    r"{}.*(?<=x)|after = .\b|do not\Z",
)
"""Patterns that match one way if a guess is right, and another way what stands in its place."""


class TwoSecrets(unittest.TestCase):
    """Two projects that differ in nothing but their secrets: no search can tell them apart."""

    def test_no_search_tells_one_secret_from_another(self) -> None:
        dice = chance()
        one, two = secrets_of(dice), secrets_of(dice)
        calls = [(trick.format(one["github"][:12]), {}) for trick in TRICKS]
        calls += [self.call(dice, one, two) for _ in range(300 if LONG else 4)]
        with scratch() as folder, scratch() as other:
            left, right = planted(folder, one), planted(other, two)
            for pattern, options in calls:
                with self.subTest(pattern=pattern, **options):
                    found = [self.seen(each.grep(pattern, **options)) for each in (left, right)]
                    self.assertEqual(*found)

    @staticmethod
    def call(
        dice: random.Random, one: dict[str, str], two: dict[str, str]
    ) -> tuple[str, dict[str, object]]:
        """Return a search that may know the beginning of one of the secrets."""
        words = [*one["pem"].split("\n")[1:3], *two["pem"].split("\n")[1:3]]
        words += [one["github"], two["github"], one["live"], two["live"]]
        guess = dice.choice(words)[: dice.randrange(3, 24)]
        options: dict[str, object] = {
            "word": dice.random() < 0.2,
            "case_sensitive": dice.random() < 0.8,
            "context_lines": dice.choice((0, 0, 2)),
            "files_with_matches": dice.random() < 0.1,
            "max_results": dice.choice((1, 2, 100)),
        }
        if dice.random() < 0.5:
            return dice.choice(TRICKS).format(guess), options
        drawn = dice.choices((*PIECES, guess, guess), k=dice.randrange(2, 8))
        return "".join(drawn) + ")" * sum(piece.startswith("(") for piece in drawn), options

    @staticmethod
    def seen(found: Observation | Denied) -> object:
        """Return what the two may not differ in: all but the digits of tokens and digests."""
        assert isinstance(found, Observation), found
        plain = tuple(
            replace(match, text=TOKEN.sub(r"<\1>", match.text), sha256="", file_sha256="")
            for match in found.matches
        )
        text, more = TOKEN.sub(r"<\1>", found.text), json.dumps(found.next)
        return replace(found, text=text, matches=plain, command="", next=str(bool(more)))


if __name__ == "__main__":
    unittest.main()
