"""How each language writes comments and strings, and how its blocks show: one row a language.

A path enters, its `Language` leaves. What a text may hold beside code, and how it is told apart,
is in this table and nowhere else.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

Layout = Literal["indent", "brace", "keys", "prose"]

_SINGLE = r"'(?:[^'\\\n]|\\.)*'"
_DOUBLE = r'"(?:[^"\\\n]|\\.)*"'
_SPANNING = r"'(?:[^'\\]|\\.)*(?:'|\Z)"
_TRIPLES = (
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\Z)'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|\Z)"
)
_CHARACTER = r"(?<![0-9a-fA-F])'(?:[^'\\\n]|\\[^\n]{1,9}?)'"  # Not the ' of 1'000 or of 'static.
_SLASHES = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_HASH = r"\#[^\n]*"
_HEREDOC = r"<<[-~]?(?P<quote>['\"]?)(?P<tag>[A-Za-z_]\w*)(?P=quote)"


@dataclass(frozen=True, slots=True)
class Holed:
    """A kind of string with code in it. `inside` finds, in the string, what does not end it:
    escapes, a group `hole` that ends with the bracket it opens, a group `code` that is a name."""

    opener: str
    inside: str
    has_format: bool = False  # A `:` ends a hole's code, and a format follows.


@dataclass(frozen=True, slots=True)
class Language:
    """One row. `slashes` are expressions between two slashes, `raises`: it has
    a word for raising errors. In the layout `keys` strings are
    shown: there a key may be one."""

    name: str
    endings: str
    layout: Layout
    comments: str = _SLASHES
    strings: str = rf"{_DOUBLE}|{_SINGLE}"
    holed: Holed | None = None
    heredocs: bool = False
    slashes: bool = False
    raises: bool = False


@cache
def tokens_of(language: Language, *, in_hole: bool) -> re.Pattern[str]:
    """Return what begins something other than plain code, each kind in a group of its name."""
    kinds = {
        "comment": language.comments,
        "holed": language.holed.opener if language.holed else "",
        "heredoc": _HEREDOC if language.heredocs else "",
        "string": language.strings,
        "slash": "/" if language.slashes else "",
        "bracket": r"[{}()\[\]:]" if in_hole else "",
    }
    rows = (f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items() if pattern)
    return re.compile("|".join(rows), re.DOTALL | re.MULTILINE)


LANGUAGES = (
    Language(
        "Python",
        "py pyi pyw",
        "indent",
        comments=_HASH,
        holed=Holed(
            r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])(?P<close>\"\"\"|'''|\"|')",
            r"\\N\{[^{}\n]*\}|\\[^{]|\{\{|(?P<hole>\{)",
            has_format=True,
        ),
        strings=rf"(?:(?<!\w)[rRbBuU]{{1,2}})?(?:{_TRIPLES}|{_DOUBLE}|{_SINGLE})",
        raises=True,
    ),
    Language(
        "JavaScript",
        "js jsx mjs cjs ts tsx mts cts",
        "brace",
        comments=rf"\A\#![^\n]*|{_SLASHES}",
        holed=Holed("(?P<close>`)", r"\\.|(?P<hole>\$\{)"),
        slashes=True,
        raises=True,
    ),
    Language("Go", "go", "brace", strings=rf"`[^`]*(?:`|\Z)|{_DOUBLE}|{_SINGLE}"),
    Language(
        "Rust",
        "rs",
        "brace",
        strings=r'\bb?r(?P<hashes>\#*)".*?(?:"(?P=hashes)|\Z)'
        rf'|"(?:[^"\\]|\\.)*(?:"|\Z)|{_CHARACTER}',
    ),
    Language(
        "Java",
        "java kt kts scala swift cs groovy dart",
        "brace",
        strings=rf'"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)|{_DOUBLE}|{_SINGLE}',
        raises=True,
    ),
    Language(
        "C",
        "c h cc cpp cxx hpp hh hxx m mm cu ino",
        "brace",
        comments=rf"{_SLASHES}|^[ \t]*\#(?![ \t]*define\b)(?:[^\n\\]|\\.)*",
        strings=rf'\bR"(?P<fence>[^()\s]*)\(.*?(?:\)(?P=fence)"|\Z)|{_DOUBLE}|{_CHARACTER}',
        raises=True,
    ),
    Language("PHP", "php", "brace", raises=True, comments=rf"{_SLASHES}|\#(?!\[)[^\n]*"),
    Language(
        "Ruby",
        "rb rake gemspec ru",
        "indent",
        comments=rf"^=begin\b.*?^=end\b|{_HASH}",
        holed=Holed('(?P<close>["`])', r"\\.|(?P<hole>\#\{)"),
        strings=_SPANNING,
        heredocs=True,
        slashes=True,
        raises=True,
    ),
    Language(
        "shell",
        "sh bash zsh ksh bats",
        "brace",
        comments=r"(?<![^\s;&|(])\#[^\n]*",
        holed=Holed('(?P<close>")', r"\\.|(?P<code>\$\w+)|(?P<hole>\$[({])"),
        strings=r"'[^']*(?:'|\Z)",
        heredocs=True,
    ),
    Language("JSON", "json jsonc json5 webmanifest", "keys"),
    Language("YAML", "yaml yml", "keys", comments=r"(?<!\S)\#[^\n]*"),
    Language(
        "TOML",
        "toml ini cfg conf properties",
        "keys",
        comments=r"^[ \t]*;[^\n]*|\#[^\n]*",
        strings=rf"{_TRIPLES}|{_DOUBLE}|'[^'\n]*'",
    ),
    Language("prose", "md rst txt adoc csv tsv po pot log svg css scss less lock map sum", "prose"),
)

_BY_ENDING = {ending: row for row in LANGUAGES for ending in row.endings.split()}
_PROSE = (
    "readme license licence copying notice authors contributors changelog changes history news todo"
    " install thanks codeowners"
).split()
_BY_INTERPRETER = {"python": "py", "node": "js", "ruby": "rb", "php": "php"} | dict.fromkeys(
    ("sh", "bash", "dash", "zsh", "ksh"), "sh"
)


def shows_in_first_line(path: str) -> bool:
    """Whether only a `#!` line can tell the language of this file."""
    name = path.rpartition("/")[2].lower()
    return name not in _PROSE and "." not in name.lstrip(".")


def language_of(path: str, first_line: str = "") -> Language | None:
    """Return the language of a file, by its name or its `#!` line; `None` for a foreign one."""
    name = path.rpartition("/")[2].lower()
    if name in _PROSE:
        return _BY_ENDING["txt"]
    if "." in name.lstrip("."):
        return _BY_ENDING.get(name.rpartition(".")[2])
    program = re.match(r"#!.*?(?:/env\s+(?:-\S+\s+)*|/)([a-z]+)[\d.]*(?:\s|$)", first_line)
    return _BY_ENDING.get(_BY_INTERPRETER.get(program[1], "")) if program else None
