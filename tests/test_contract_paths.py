"""Paths by name: normal forms, classes, allow and deny, and every way to spell what is denied."""

import re
import unicodedata
import unittest
from collections.abc import Callable
from random import Random

from support import LONG, chance

from codex_oss.contract import BadPath, Denial, PathRules, Scope, normalise
from codex_oss.contract.paths import EXPOSABLE_CLASSES

EVERYTHING = PathRules(Scope(allowed_roots=(".",)))

NORMAL = {
    "a/b.py": "a/b.py",
    "./a//b/": "a/b",
    "a/./b/../c": "a/c",
    "a\\b.py": "a/b.py",
    ".": ".",
    "a/..": ".",
    "cafe\u0301.py": "caf\u00e9.py",
    "app/[id]/page.tsx": "app/[id]/page.tsx",
    "/home/me/project/a.py": "a.py",
    "/home/me/project": ".",
    "../x": BadPath("leads out of the project with `..`"),
    "a/../../x": BadPath("leads out of the project with `..`"),
    "/home/me/project2/a.py": BadPath("is absolute and not in the project"),
    "/etc/passwd": BadPath("is absolute and not in the project"),
    "": BadPath("must have 1..1,024 characters"),
    "a" * 1_025: BadPath("must have 1..1,024 characters"),
    "a\x00b": BadPath("has a control character"),
    "a\nb": BadPath("has a control character"),
    "a\u202eb": BadPath("has a bidi control character"),
    "a\ud800": BadPath("has a lone surrogate"),
    "a.": BadPath("has a name ending in `.` or ` `"),
    "a /b": BadPath("has a name ending in `.` or ` `"),
    "a/...": BadPath("has a name ending in `.` or ` `"),
    "C:/x": BadPath("has a `:`"),
    "a/.git::$DATA": BadPath("has a `:`"),
    "GIT~1/config": BadPath("has a short name like `NAME~1`"),
}

CLASSES = {
    "secret_path": (
        *(".env", ".env.local", "app.env", "a/b/c/d/e/.env", "secrets/x", "x/.ssh/config"),
        *(".gnupg/x", ".aws/credentials", ".kube/config", ".netrc", ".npmrc", ".pypirc", ".pgpass"),
        *(".git-credentials", ".envrc", "id_rsa", "id_ed25519_work", "a.pem", "a.key", "a.p12"),
        *("a.pfx", "a.jks", "a.kdbx", "credentials", "credentials.json", "service-account-1.json"),
        *("x/.codex/auth.json", ".docker/config.json", "a.tfstate", "a.tfstate.backup", "a.tfvars"),
    ),
    "internal_path": (".git", ".git/config", "sub/.git", ".codex-oss/runs/x"),
    "logs_path": ("a.log", "logs/x"),
    "state_db_path": ("a.sqlite3", "x.db"),
    "dumps_path": ("a.dump", "a.bak", "a.har", "a.pcap", "core.1234"),
    "vendor_path": ("node_modules/x", "a/.venv/x", "venv/x", "__pycache__/x", "dist/x", "target/x"),
    "critical_path": (
        *("src/auth/a.py", "lib/src/schema/x", "migrations/1.sql", ".github/workflows/ci.yml"),
        *("scripts/recovery/x", "scripts/finalizer/x"),
    ),
    "": (
        *(".env.example", "a/.env.template", "id_rsa.pub", "core.py", "environment", "a.environ"),
        *("gitx", ".gitignore", "secrets.py", "log.py", "auth/a.py", "mysrc/authx", "dist", "key"),
        "tokens/credentials.py",
    ),
}

DENIED = (
    *(".env", "app.env", "secrets", ".git", ".codex-oss", "id_rsa", "server.key", ".aws"),
    *(".npmrc", "credentials.json", "my.topsecret.txt"),
)


def _case(name: str, random: Random) -> str:
    return "".join(random.choice((char.upper(), char.lower())) for char in name)


def _ignorable(name: str, random: Random) -> str:
    at = random.randrange(len(name) + 1)
    return name[:at] + random.choice("\u200b\u200c\u200d\ufeff\u00ad\u2060\ufe0f\u034f") + name[at:]


def _wide(name: str, random: Random) -> str:
    at = random.randrange(len(name))
    code = ord(name[at])
    return name[:at] + (chr(code + 0xFEE0) if 0x21 <= code <= 0x7E else name[at]) + name[at + 1 :]


def _compatible(name: str, random: Random) -> str:
    table = {"s": "\u017f", "k": "\u212a", ".": "\u2024", "e": "\u1d31", "i": "\u2170"}
    at = random.randrange(len(name))
    return name[:at] + table.get(name[at], name[at]) + name[at + 1 :]


def _decomposed(name: str, random: Random) -> str:
    return unicodedata.normalize(random.choice(("NFC", "NFD", "NFKD")), name)


def _ending(name: str, random: Random) -> str:
    if not re.search(r"\w[^/\\]*$", name):
        return name  # Two dots behind a slash would lead out, to what is not denied.
    return name + random.choice((".", " ", "\u00a0", "\u3000", "\u2024", "::$DATA", "/", "\\"))


def _deep(name: str, random: Random) -> str:
    before = ("a/b/", "./", "x//", "a/../", ".\\", "src/a/", "a\uff0f")
    return "".join(random.choices(before, k=random.randrange(3))) + name


def _inside(name: str, random: Random) -> str:
    return name + random.choice(("", "/config", "//x", "/./a.py", "\\b"))


SPELLINGS: tuple[Callable[[str, Random], str], ...] = (
    *(_case, _ignorable, _wide, _compatible, _decomposed, _ending, _deep, _inside),
)


class Normalise(unittest.TestCase):
    def test_every_spelling_has_its_normal_form_or_its_reason(self) -> None:
        found = {path: normalise(path, "/home/me/project/") for path in NORMAL}
        self.assertEqual(found, NORMAL)

    def test_an_absolute_path_needs_the_project_root(self) -> None:
        self.assertEqual(normalise("/a"), BadPath("is absolute and not in the project"))

    def test_a_normal_form_is_its_own_normal_form_and_never_leads_out(self) -> None:
        random = chance()
        for _ in range(20_000 if LONG else 2_000):
            path = "".join(random.choices(("/", "\\", ".", "..", "a", "b ", "~1", "é"), k=6))
            form = normalise(path)
            if isinstance(form, str):
                self.assertEqual(normalise(form), form)
                self.assertFalse({"..", ""} & set(form.split("/")), path)


class Classes(unittest.TestCase):
    def test_every_class_denies_its_names_and_not_their_neighbours(self) -> None:
        for code, paths in CLASSES.items():
            for path in paths:
                for spelled in (path, f"deep/er/{path}", path.upper()):
                    self.assertEqual(EVERYTHING.verdict(spelled), code, spelled)

    def test_a_folder_class_denies_the_folder_and_not_a_file_of_that_name(self) -> None:
        for folder, code in {"dist": "vendor_path", "logs": "logs_path"}.items():
            self.assertEqual(EVERYTHING.verdict(folder, is_directory=True), code)
            self.assertEqual(EVERYTHING.verdict(folder), "")

    def test_a_secret_is_denied_as_folder_and_as_file(self) -> None:
        for is_directory in (True, False):
            self.assertEqual(EVERYTHING.verdict("secrets", is_directory), "secret_path")

    def test_exposing_a_class_opens_that_class_only(self) -> None:
        for opened in EXPOSABLE_CLASSES:
            rules = PathRules(Scope(allowed_roots=(".",), exposed_classes=(opened,)))
            for code, paths in CLASSES.items():
                expected = "" if code == f"{opened}_path" else code
                self.assertEqual({rules.verdict(path) for path in paths}, {expected}, opened)

    def test_no_class_name_opens_secrets(self) -> None:
        opened = ("secret", "internal", "critical", "forbidden")
        rules = PathRules(Scope(allowed_roots=(".",), exposed_classes=opened))
        self.assertEqual(rules.verdict("migrations/1.sql"), "critical_path")
        for code in ("secret_path", "internal_path"):
            self.assertEqual({rules.verdict(path) for path in CLASSES[code]}, {code})

    def test_an_exact_path_opens_one_vendor_file(self) -> None:
        rules = PathRules(Scope(allowed_paths=("node_modules/x/i.js",), allowed_roots=(".",)))
        self.assertEqual(rules.verdict("node_modules/x/i.js"), "")
        self.assertEqual(rules.verdict("node_modules/x/j.js"), "vendor_path")

    def test_critical_paths_open_with_the_contract_and_grow_with_the_project(self) -> None:
        scope = Scope(allowed_roots=(".",), critical_path_read_allowed=True)
        self.assertEqual(PathRules(scope, ("billing/",)).verdict("billing/a.py"), "")
        closed = PathRules(Scope(allowed_roots=(".",)), ("billing/",), ("Ledger",))
        self.assertEqual(closed.denial("a/Billing/x"), Denial("critical_path", "billing"))
        self.assertEqual(closed.verdict("src/ledger.py"), "")
        self.assertEqual(closed.risk_flags("src/LEDGER.py"), ("Ledger",))
        self.assertEqual(closed.risk_flags("src/a.py"), ())


class Rules(unittest.TestCase):
    def test_allowing_ends_at_a_border_and_is_exact_for_paths(self) -> None:
        rules = PathRules(Scope(allowed_roots=("src", "README.md"), allowed_paths=("docs/a.md",)))
        cases = {
            **dict.fromkeys(("src", "src/x", "src/a/b.py", "docs/a.md", "README.md"), ""),
            **dict.fromkeys(("src2/x", "srcx", ".", "docs", "docs/a.md2", "SRC/x"), "out_of_scope"),
            "src/../x": "out_of_scope",
            "x/../src/a": "",
        }
        self.assertEqual({path: rules.verdict(path) for path in cases}, cases)

    def test_nothing_is_allowed_by_an_empty_scope(self) -> None:
        self.assertEqual(PathRules(Scope()).verdict("a"), "out_of_scope")

    def test_a_forbidden_root_is_a_prefix_or_a_pattern_at_every_depth(self) -> None:
        forbidden = ("docs/private", "*.gen.py", "a*b*c", "tmp")
        rules = PathRules(Scope(allowed_roots=(".",), forbidden_roots=forbidden))
        cases = {
            "docs/private": "forbidden_path",
            "x/docs/private/y": "forbidden_path",
            "Docs/Private/y": "forbidden_path",
            "docs/privates": "",
            "a/x.gen.py": "forbidden_path",
            "x.gen.pyc": "",
            "abc": "forbidden_path",
            "axxbyyc/z": "forbidden_path",
            "ab/c": "",
            "acb": "",
            "x/tmp/y": "forbidden_path",
            "tmpl": "",
        }
        self.assertEqual({path: rules.verdict(path) for path in cases}, cases)

    def test_a_pattern_of_many_stars_is_searched_in_linear_time(self) -> None:
        pattern = "*a" * 50 + "*b"
        rules = PathRules(Scope(allowed_roots=(".",), forbidden_roots=(pattern,)))
        self.assertEqual(rules.verdict("a" * 1_000), "")
        self.assertEqual(rules.verdict("a" * 1_000 + "b"), "forbidden_path")

    def test_a_denial_names_what_it_bit_on(self) -> None:
        self.assertEqual(EVERYTHING.denial("a/.ENV.local"), Denial("secret_path", ".env.local"))
        self.assertEqual(EVERYTHING.denial("a\x07"), Denial("bad_path", "has a control character"))
        self.assertIsNone(EVERYTHING.denial("a.py"))

    def test_the_streams_of_a_denied_file_are_denied_whatever_the_colon(self) -> None:
        rules = PathRules(Scope(allowed_roots=(".",), forbidden_roots=("*topsecret*",)))
        for path in (".git\uff1a\uff1a$DATA", ".env\ufe55x", "my\uff1atopsecret.txt"):
            self.assertNotEqual(rules.verdict(path, False), "", ascii(path))
        self.assertEqual(rules.verdict("\u30e1\u30e2\uff1ax.md", False), "")

    def test_no_spelling_of_a_denied_name_is_ever_allowed(self) -> None:
        random = chance()
        scope = Scope(
            allowed_roots=(".",),
            allowed_paths=DENIED,
            forbidden_roots=("*topsecret*",),
            exposed_classes=EXPOSABLE_CLASSES,
            critical_path_read_allowed=True,
        )
        rules = PathRules(scope)
        for _ in range(50_000 if LONG else 2_000):
            name = random.choice(DENIED)
            spelled = name
            for spell in random.choices(SPELLINGS, k=random.randrange(1, 5)):
                spelled = spell(spelled, random)
            self.assertNotEqual(rules.verdict(spelled, random.random() < 0.5), "", ascii(spelled))


if __name__ == "__main__":
    unittest.main()
