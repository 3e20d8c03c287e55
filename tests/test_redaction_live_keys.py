"""This installation's own keys: gone in every encoding, at any offset, in any text."""

import base64
import html
import json
import random
import re
import string
import unittest
from collections.abc import Callable
from urllib.parse import quote

from support import LONG, chance

from codex_oss.errors import BadSettings
from codex_oss.redaction import Redactor

PLAIN = string.ascii_letters + string.digits + "-_"
MARKED = PLAIN + "+/=.~!@#$%&*:;?'\"\\<> "
Encode = Callable[[str, random.Random], str]


def some(escape: Callable[[str], str]) -> Encode:
    """Escape about every second character: no reader of the whole has to be fooled."""
    return lambda key, rng: "".join(escape(x) if rng.random() < 0.5 else x for x in key)


def every(escape: Callable[[str], str]) -> Encode:
    return lambda key, _: "".join(map(escape, key))


ENCODINGS: dict[str, Encode] = {
    "plain": lambda key, _: key,
    "reversed": lambda key, _: key[::-1],
    "hex": lambda key, _: key.encode().hex(),
    "capital hex": lambda key, _: key.encode().hex().upper(),
    "JSON": lambda key, _: json.dumps(key)[1:-1],
    "JSON in JSON": lambda key, _: json.dumps(json.dumps(key)[1:-1])[1:-1],
    "JSON with slashes escaped": lambda key, _: json.dumps(key)[1:-1].replace("/", "\\/"),
    "an address": lambda key, _: quote(key, safe=""),
    "HTML": lambda key, _: html.escape(key),
    "every character percent-encoded": every(lambda x: f"%{ord(x):02X}"),
    "every character as \\u": every(lambda x: f"\\u{ord(x):04x}"),
    "every character as \\x": every(lambda x: f"\\x{ord(x):02X}"),
    "every character as &#": every(lambda x: f"&#{ord(x)};"),
    "some characters percent-encoded": some(lambda x: f"%{ord(x):02x}"),
    "some characters as \\u": some(lambda x: f"\\u{ord(x):04X}"),
    "some characters as &#x": some(lambda x: f"&#x{ord(x):X};"),
}


class LiveKeys(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())

    def key(self, alphabet: str, length: int) -> str:
        inner = "".join(self.rng.choice(alphabet) for _ in range(length - 2))
        return f"k{inner}7"  # No blank at an end: a setting's value has none.

    def test_go_in_every_encoding(self) -> None:
        for length in (8, 12, 20, 51, 164) if LONG else (8, 20, 51):
            for alphabet in (PLAIN, MARKED):
                key = self.key(alphabet, length)
                redactor = Redactor([key, self.key(PLAIN, 40)])
                for name, encode in ENCODINGS.items():
                    encoded = encode(key, self.rng)
                    for text in (encoded, f"x = {encoded}, y", f'+{{"a": "{encoded}"}}\n'):
                        with self.subTest(name, key=key, text=text):
                            redacted = redactor.redact(text)
                            self.assertNotIn(encoded, redacted.text)
                            self.assertIn("live-key", redacted.kinds)

    def test_go_in_base64_at_every_offset(self) -> None:
        for _ in range(40 if LONG else 5):
            key = self.key(MARKED, self.rng.randrange(8, 60))
            redactor = Redactor([key])
            for before in range(9):
                data = bytes(self.rng.randrange(256) for _ in range(before)) + key.encode() + b"\n"
                first, last = -(-before * 8 // 6), (before + len(key)) * 8 // 6
                for encode in (base64.b64encode, base64.urlsafe_b64encode):
                    text = encode(data).decode()
                    with self.subTest(key=key, before=before):
                        shown = re.sub(
                            r"\[redacted:live-key:\w{4}\]", "", redactor.redact(text).text
                        )
                        self.assertEqual(shown, text[:first] + text[last:])

    def test_look_the_same_whatever_they_went_through(self) -> None:
        key = self.key(PLAIN, 40)
        redactor = Redactor([key], key=b"installation")
        encoded = [encode(key, self.rng) for encode in ENCODINGS.values()]
        self.assertEqual(len({redactor.redact(f"<{text}>").text for text in encoded}), 1)

    def test_go_where_they_are_parts_of_words_and_file_names(self) -> None:
        key = self.key(PLAIN, 24)
        shown = Redactor([key]).redact(f"notes/{key}.txt x{key}x {key}{key}").text
        self.assertNotIn(key, shown)
        self.assertEqual(shown.count("[redacted:live-key:"), 4)

    def test_that_hold_each_other_leave_nothing(self) -> None:
        inner = self.key(PLAIN, 16)
        outer = f"{inner}-{self.key(PLAIN, 10)}"
        shown = Redactor([inner, outer]).redact(f"a {outer} b {inner} c").text
        self.assertRegex(shown, r"^a \[redacted:live-key:\w{4}\] b \[redacted:live-key:\w{4}\] c$")

    def test_that_are_empty_are_not_set(self) -> None:
        self.assertEqual(Redactor(["", "  "]).redact("a  b").text, "a  b")

    def test_of_fewer_than_eight_characters_are_refused_with_their_length_only(self) -> None:
        with self.assertRaises(BadSettings) as caught:
            Redactor(["long-enough-key", "public"])
        self.assertIn("6 characters, at least 8", caught.exception.message)
        self.assertNotIn("public", caught.exception.message + caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
