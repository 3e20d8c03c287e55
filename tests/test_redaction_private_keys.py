"""Private keys: whole, in every wrapping, and cut off at either end."""

import json
import string
import unittest
from collections.abc import Callable

from support import LONG, chance

from codex_oss.redaction import Redactor

BASE64 = string.ascii_letters + string.digits + "+/"
KINDS = ("", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ")
Wrap = Callable[[str], str]


def quote_lines(key: str) -> str:
    return "const char *k =\n" + "".join(f'  "{line}\\n"\n' for line in key.split("\n")) + ";\n"


WRAPPINGS: dict[str, Wrap] = {
    "a file": lambda key: f"{key}\n",
    "Windows line ends": lambda key: key.replace("\n", "\r\n"),
    "indented": lambda key: "key: |\n" + "".join(f"    {line}\n" for line in key.split("\n")),
    "a diff": lambda key: "".join(f"+{line}\n" for line in key.split("\n")),
    "a comment": lambda key: "".join(f"# {line}\n" for line in key.split("\n")),
    "a search": lambda key: "".join(f"{n}:{x}\n" for n, x in enumerate(key.split("\n"), 1)),
    "JSON": lambda key: json.dumps({"type": "service_account", "private_key": key}, indent=1),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"private_key": key})),
    "an env file": lambda key: 'PRIVATE_KEY="' + key.replace("\n", "\\n") + '"\n',
    "one line": lambda key: "k=" + key.replace("\n", ""),
    "strings in C": quote_lines,
}


class PrivateKeys(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())
        self.redactor = Redactor()

    def key(self, kind: str = "RSA ", lines: int = 24) -> tuple[str, list[str]]:
        body = [self.base64(64) for _ in range(lines)] + [self.base64(22) + "=="]
        text = "\n".join((f"-----BEGIN {kind}PRIVATE KEY-----", *body, f"-----END {kind}"))
        return text + "PRIVATE KEY-----", body

    def base64(self, length: int) -> str:
        return "".join(self.rng.choice(BASE64) for _ in range(length))

    def assert_hidden(self, text: str, lines: list[str]) -> None:
        redacted = self.redactor.redact(text)
        self.assertEqual([line for line in lines if line in redacted.text], [], redacted.text)
        self.assertEqual(redacted.text.count("\n"), text.count("\n"))
        self.assertEqual(self.redactor.redact(redacted.text).text, redacted.text)

    def test_of_every_kind_go_in_every_wrapping(self) -> None:
        for kind in KINDS:
            for name, wrap in WRAPPINGS.items():
                key, body = self.key(kind)
                with self.subTest(name, kind=kind):
                    self.assert_hidden(f"before\n{wrap(key)}after = 1\n", body)

    def test_leave_what_stands_around_them(self) -> None:
        for name in ("a file", "indented", "a diff", "JSON"):
            key, _ = self.key()
            text = f"before = 1\n{WRAPPINGS[name](key)}\nafter = 2\n"
            with self.subTest(name):
                shown = self.redactor.redact(text).text
                self.assertTrue(shown.startswith("before = 1\n"))
                self.assertTrue(shown.endswith("\nafter = 2\n"))

    def test_go_where_their_end_is_cut_off(self) -> None:
        for name in ("a file", "indented", "a diff", "JSON", "an env file", "strings in C"):
            key, body = self.key()
            text = WRAPPINGS[name](key)
            for _ in range(40 if LONG else 6):
                cut = text[: self.rng.randrange(text.index(body[2]), text.index(body[-2]))]
                with self.subTest(name, kept=len(cut)):
                    self.assert_hidden(cut, [line for line in body if line in cut])

    def test_go_where_their_beginning_is_cut_off(self) -> None:
        for name in ("a file", "indented", "a diff", "JSON", "an env file", "strings in C"):
            key, body = self.key()
            text = WRAPPINGS[name](key)
            for _ in range(40 if LONG else 6):
                cut = text[self.rng.randrange(text.index(body[2]), text.index(body[-3])) :]
                with self.subTest(name, kept=len(cut)):
                    self.assert_hidden(cut, [line for line in body if line in cut])

    def test_end_with_the_last_line_of_base64_where_no_marker_does(self) -> None:
        key, body = self.key(lines=3)
        text = key[: key.index("-----END")] + "finished\nfour\nreturn x\n"
        shown = self.redactor.redact(text).text
        self.assertIn("\nfinished\nfour\nreturn x\n", shown)
        self.assertNotIn(body[-1], shown)

    def test_of_pgp_go_with_their_headers(self) -> None:
        body = [self.base64(64) for _ in range(8)]
        lines = ("Version: GnuPG v2", "Comment: mine", "", *body, "=aB3d")
        key = "\n".join(
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----",
                *lines,
                "-----END PGP PRIVATE KEY BLOCK-----",
            )
        )
        self.assert_hidden(f"x\n{key}\ny\n", body)
        self.assert_hidden(f"x\n{key[:400]}", body[:4])

    def test_are_not_seen_in_code_that_names_their_markers(self) -> None:
        text = (
            'if "-----BEGIN PRIVATE KEY-----" in text:\n'
            "    characteristically = comprehensiveness(unquestionably)\n"
            '    end = text.index("-----END PRIVATE KEY-----")\n'
        )
        self.assertEqual(self.redactor.redact(text).text, text)


if __name__ == "__main__":
    unittest.main()
