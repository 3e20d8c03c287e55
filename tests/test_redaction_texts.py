"""What a redacted text looks like: tokens, lines, kinds; twice is once; and JSON values."""

import random
import re
import unittest

from support import LONG, ROOT, chance

from codex_oss.redaction import PATTERNS, Redacted, Redactor, spell
from codex_oss.redaction.families import LONG_WORD_CHARS_MIN, Page

TOKEN = re.compile(r"\[redacted:[a-z0-9-]{1,40}:[0-9a-f]{4}\]")
ROUNDS = 400 if LONG else 25


class Texts(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())
        self.redactor = Redactor(key=b"installation")

    def spell(self, example: str) -> str:
        return spell(example, self.rng.choice)

    def mixture(self) -> str:
        """Return examples, code and tokens in any order, with anything or nothing between."""
        code = (ROOT / "codex_oss" / "deadline.py").read_text("utf-8")
        parts: list[str] = []
        for _ in range(self.rng.randrange(1, 12)):
            at = self.rng.randrange(len(code))
            parts += (
                self.spell(self.rng.choice(PATTERNS).positive),
                code[at : at + self.rng.randrange(60)],
                self.rng.choice(
                    ["", " ", "\n", "\r\n", '"', "=", "password=", "[redacted:x:0000]"]
                ),
            )
        self.rng.shuffle(parts)
        return "".join(parts)

    def test_name_kind_and_four_digits_in_place_of_a_secret(self) -> None:
        secret = self.spell("ghp_{w36}")
        redacted = self.redactor.redact(f"a {secret} b")
        self.assertRegex(redacted.text, r"^a \[redacted:github-token:[0-9a-f]{4}\] b$")
        self.assertEqual(redacted.kinds, ("github-token",))

    def test_a_short_clean_text_is_judged_once_and_no_secret_is_kept(self) -> None:
        clean, secret = "est_input_tokens", self.spell("ghp_{w36}")
        for text, is_kept in ((clean, True), (secret, False), (clean * 9, False)):
            first, again = self.redactor.redact(text), self.redactor.redact(text)
            self.assertEqual((first, first is again), (again, is_kept))
        for number in range(5_000):
            self.redactor.redact(f"another clean text {number}")
        self.assertEqual(self.redactor.redact(clean), Redacted(clean, ()))

    def test_show_equal_secrets_as_equal_and_others_as_different(self) -> None:
        secrets = [self.spell("ghp_{w36}") for _ in range(30)]
        shown = self.redactor.redact("\n".join(secrets + secrets)).text.split("\n")
        self.assertEqual(shown[:30], shown[30:])
        self.assertGreater(len(set(shown)), 20)

    def test_are_the_same_each_time_and_differ_by_the_key_of_the_installation(self) -> None:
        text = self.spell("ghp_{w36}")
        same = {Redactor(key=b"installation").redact(text).text for _ in range(3)}
        self.assertEqual(same, {self.redactor.redact(text).text})
        others = {Redactor(key=bytes([n])).redact(text).text for n in range(40)}
        self.assertGreater(len(others), 30)

    def test_keep_every_line_end_so_that_line_numbers_hold(self) -> None:
        for _ in range(ROUNDS):
            text = self.mixture()
            shown = self.redactor.redact(text).text
            self.assertEqual(re.findall(r"[\r\n]", shown), re.findall(r"[\r\n]", text))

    def test_that_were_redacted_once_stay_as_they_are(self) -> None:
        for _ in range(ROUNDS):
            text = self.mixture()
            once = self.redactor.redact(text)
            twice = Redactor(key=b"another").redact(once.text)
            self.assertEqual(twice, Redacted(once.text, ()), text)

    def test_with_tokens_where_secrets_were_stay_as_they_are(self) -> None:
        for example in (
            "https://ghp_{w36}@github.com/x.git",
            "https://me:{w20}7k@example.org/",
            "db:5432:[redacted:secret:1a2b]",
            "[redacted:live-key:1a2b]={w30}7k",
            "token: {w18}7k =AccountKey={b86}==",
            "AKIA{v16}" * 9,
            "{w76}AZDO{w4}{w76}AZDO{w4}{w76}AZDO{w4}{w76}AZDO{w4}{w76}AZDO{w4}",
        ):
            once = self.redactor.redact(self.spell(example)).text
            with self.subTest(example):
                self.assertEqual(self.redactor.redact(once), Redacted(once, ()))

    def test_count_a_kind_for_each_token(self) -> None:
        for _ in range(ROUNDS):
            text = self.mixture()
            redacted = self.redactor.redact(text)
            tokens = len(TOKEN.findall(redacted.text)) - len(TOKEN.findall(text))
            self.assertEqual(len(redacted.kinds), tokens, text)

    def test_without_a_secret_are_returned_as_they_are(self) -> None:
        for text in ("", "x", "\ud800 lone", "Straße \u0130 \U0001f600", "\0" * 40, "a" * 4096):
            self.assertEqual(self.redactor.redact(text), Redacted(text, ()))

    def test_in_any_script_hide_what_is_behind_a_character_that_folds_to_two(self) -> None:
        secret = self.spell("{w30}4k")
        shown = self.redactor.redact(
            f"\u0130\u0130\u0130 \ud800 \U0001f600 API_KEY={secret}\n"
        ).text
        self.assertRegex(shown, r"API_KEY=\[redacted:secret:\w{4}\]\n$")

    def test_show_a_secret_within_another_as_one(self) -> None:
        redacted = self.redactor.redact(self.spell('token = "user:ghp_{w36}:9x{w9}"'))
        self.assertEqual(redacted.kinds, ("secret",))
        self.assertRegex(redacted.text, r'^token = "\[redacted:secret:\w{4}\]"$')

    def test_show_two_secrets_that_overlap_as_one(self) -> None:
        redactor = Redactor(["first-key-abcd", "abcd-second-key"])
        redacted = redactor.redact("x first-key-abcd-second-key y")
        self.assertRegex(redacted.text, r"^x \[redacted:live-key:\w{4}\] y$")

    def test_show_the_longer_of_two_secrets_that_begin_together(self) -> None:
        self.assertEqual(
            self.redactor.redact(self.spell('token = "ghp_{w36}:9x{w9}"')).kinds, ("secret",)
        )

    def test_hide_a_provider_key_behind_a_name_by_its_own_kind(self) -> None:
        self.assertEqual(
            self.redactor.redact(self.spell('GITHUB_TOKEN="ghp_{w36}"')).kinds, ("github-token",)
        )


class Pages(unittest.TestCase):
    def test_find_the_long_words_that_an_expression_finds(self) -> None:
        rng = chance(self.id())
        expression = re.compile(rf"[\w\-.+/=:~@%$&#;\\]{{{LONG_WORD_CHARS_MIN},}}", re.ASCII)
        for _ in range(ROUNDS):
            text = "".join(rng.choices("aZ09_-.é \n\"'()", k=rng.randrange(600)))
            text += "x" * rng.randrange(60)
            words = {word for word in expression.findall(text) if re.search(r"[0-9A-Z]", word)}
            self.assertEqual(set(Page.of(text).long_words.split("\n")) - {""}, words)

    def test_fold_to_a_text_of_the_same_length(self) -> None:
        everything = "".join(map(chr, range(0x110000)))
        self.assertEqual(len(Page.of(everything).folded), len(everything))


class Values(unittest.TestCase):
    def setUp(self) -> None:
        rng: random.Random = chance(self.id())
        self.secret = spell("{w30}4k", rng.choice)
        self.token = spell("ghp_{w36}", rng.choice)
        self.redactor = Redactor(["live-key-0123456789"], key=b"k")

    def test_keep_their_shape_and_lose_their_secrets(self) -> None:
        value = {"a": [1, 2.5, None, True, f"x {self.token}"], "b": {"c": "plain"}, "d": []}
        clean, count = self.redactor.redact_value(value)
        shown = self.redactor.redact(f"x {self.token}").text
        self.assertEqual(clean, {"a": [1, 2.5, None, True, shown], "b": {"c": "plain"}, "d": []})
        self.assertEqual(count, 1)
        self.assertEqual(value["a"], [1, 2.5, None, True, f"x {self.token}"])

    def test_are_judged_by_their_names(self) -> None:
        for value in (
            {"apiKey": self.secret},
            {"headers": {"X-Auth-Token": self.secret}},
            {"headers": {"Authorization": f"token {self.secret}"}},
            {"env": [{"name": "DB_PASSWORD", "value": self.secret}]},
            {"argv": ["psql", "--password", self.secret]},
            {"passwords": [self.secret]},
            {"note": f"the password is {self.secret}"},
        ):
            with self.subTest(value):
                clean, count = self.redactor.redact_value(value)
                self.assertNotIn(self.secret, str(clean))
                self.assertEqual(count, 1)

    def test_keep_what_only_looks_random(self) -> None:
        value = {
            "sha256": "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0",
            "call_id": "call_9f8e7d6c5b4a3928",
            "run_key": "run_20240501t100000z_9f8e7d6c",
            "key": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "token": "",
            "note": self.secret,
            "pairs": [{"name": "colour", "value": self.secret}],
            "argv": ["--name", self.secret],
            "password": "${DB_PASSWORD}",
        }
        self.assertEqual(self.redactor.redact_value(value), (value, 0))

    def test_lose_secrets_in_keys_and_no_member(self) -> None:
        value = {self.token: 1, "live-key-0123456789": 2, "live-key-0123456789 ": 3}
        clean, count = self.redactor.redact_value(value)
        assert isinstance(clean, dict)
        self.assertEqual((list(clean.values()), count), ([1, 2, 3], 3))
        self.assertNotIn(self.token, str(clean))
        self.assertNotIn("0123456789", str(clean))

    def test_never_lose_a_member_where_two_keys_become_one(self) -> None:
        shown = self.redactor.redact(self.token).text
        clean, _ = self.redactor.redact_value({shown: 1, self.token: 2})
        self.assertEqual(clean, {shown: 1, f"{shown}'": 2})


if __name__ == "__main__":
    unittest.main()
