"""Every row of the table: its example is taken out wherever it stands, its near miss stays."""

import random
import re
import unittest
from collections.abc import Iterator

from support import LONG, ROOT, chance

from codex_oss.redaction import PATTERNS, Pattern, Redactor, spell
from codex_oss.redaction.families import Page
from codex_oss.redaction.patterns import FAMILIES

SPELLINGS = 40 if LONG else 3
PLACES = 4 if LONG else 1

# What a secret may stand in; `{}` is its place, and none of these is a name or a scheme.
AROUND = (
    "{}",
    "see {} there",
    '{{"note": "{}"}}',
    '{{"note": "\\n{}\\n"}}',
    "-    x({})\n+    y('{}', 1)",
    "2024-05-01T10:00:00Z WARN got `{}`.",
    "<td>{}</td>",
    "a=1&b=%22{}%22",
    "\x1b[31m{}\x1b[0m",
    "[{}],\r\n",
    "| {} | 12 |",
    "name: {}   # note",
)


class TheTable(unittest.TestCase):
    def test_names_at_least_sixty_families_beside_what_is_known_by_its_surroundings(self) -> None:
        self.assertGreaterEqual(len({pattern.kind for pattern in FAMILIES}), 60)
        self.assertEqual(len({pattern.kind for pattern in PATTERNS}), len(PATTERNS))

    def test_gives_each_row_a_plain_kind_and_a_sentence_as_its_reason(self) -> None:
        for pattern in PATTERNS:
            with self.subTest(pattern.kind):
                self.assertRegex(pattern.kind, r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
                self.assertRegex(pattern.reason, r"^[A-Z1].{16,}\.$")

    def test_holds_no_example_that_is_a_secret_itself(self) -> None:
        redactor = Redactor()
        for path in sorted((ROOT / "codex_oss" / "redaction").glob("*.py")):
            self.assertEqual(redactor.redact(path.read_text("utf-8")).kinds, (), path.name)

    def test_finds_every_family_by_a_prefix_in_a_long_word(self) -> None:
        rng = chance("prefixes")
        for pattern in FAMILIES:
            page = Page.of(spell(pattern.positive, rng.choice))
            with self.subTest(pattern.kind):
                self.assertTrue(any(prefix in page.long_words for prefix in pattern.prefixes))


class EachRow(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())
        self.redactor = Redactor(key=b"test")

    def test_takes_its_example_out(self) -> None:
        for pattern, example in spelled(self.rng, PATTERNS):
            with self.subTest(pattern.kind):
                redacted = self.redactor.redact(example)
                self.assertIn(pattern.kind, redacted.kinds)
                self.assertEqual(left_of(example, redacted.text), "")

    def test_leaves_its_near_miss_alone(self) -> None:
        for pattern in PATTERNS:
            for _ in range(SPELLINGS):
                near_miss = spell(pattern.near_miss, self.rng.choice)
                with self.subTest(pattern.kind):
                    self.assertEqual(self.redactor.redact(near_miss).text, near_miss)

    def test_leaves_a_word_alone_that_goes_on_where_a_key_ends(self) -> None:
        for longer in ("AKIA{v16}Q", "npm_{w36}q", "dapi{x32}_a", "AIza{w35}a", "SK{x32}0"):
            text = spell(longer, self.rng.choice)
            self.assertEqual(self.redactor.redact(text).text, text)
            self.assertEqual(self.redactor.redact(f"q{text[:-1]}").kinds, (), text)

    def test_leaves_a_key_alone_that_is_only_drawn(self) -> None:
        for prefix in ("ghp_", "sk-proj-", "AKIA", "glpat-", "hf_", "xoxb-"):
            drawn = f"{prefix}{'x' * 48} {prefix}{'X' * 16} {prefix}****************"
            self.assertEqual(self.redactor.redact(drawn).kinds, (), drawn)

    def test_takes_its_example_out_of_any_surroundings(self) -> None:
        for pattern, example in spelled(self.rng, FAMILIES):
            for around in self.rng.sample(AROUND, k=len(AROUND) if LONG else 4):
                text = around.format(example, example)
                with self.subTest(pattern.kind, around=around):
                    redacted = self.redactor.redact(text)
                    self.assertEqual(left_of(example, redacted.text), "")
                    self.assertEqual(redacted.text.count("\n"), text.count("\n"))
                    self.assertEqual(self.redactor.redact(redacted.text).text, redacted.text)

    def test_takes_its_example_out_of_any_place_in_a_source_file(self) -> None:
        source = (ROOT / "codex_oss" / "errors.py").read_text("utf-8")
        gaps = [found.start() for found in re.finditer(r"(?<=[\s(])(?=[\s(])", source)]
        for pattern, example in spelled(self.rng, FAMILIES):
            for at in self.rng.sample(gaps, k=PLACES):
                redacted = self.redactor.redact(source[:at] + example + source[at:])
                with self.subTest(pattern.kind, at=at):
                    self.assertEqual(left_of(example, redacted.text), "")


def spelled(rng: random.Random, patterns: tuple[Pattern, ...]) -> Iterator[tuple[Pattern, str]]:
    for pattern in patterns:
        for _ in range(SPELLINGS):
            yield pattern, spell(pattern.positive, rng.choice)


def left_of(example: str, shown: str) -> str:
    """Return a part of the secret that is still shown: the random words of the example are it."""
    words = (word for word in re.findall(r"[A-Za-z0-9_\-+/]{12,}", example) if is_random_word(word))
    return next((word for word in words if word in shown), "")


def is_random_word(word: str) -> bool:
    return bool(re.search(r"\d", word) and re.search(r"[A-Za-z]", word)) and "//" not in word


if __name__ == "__main__":
    unittest.main()
