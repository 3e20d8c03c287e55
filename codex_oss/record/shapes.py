"""What a shown line of code is: the shapes that a contract may require, for ten languages.

A path and lines enter, and whether a shape stands in them leaves. Line by line and by the look of
it: what a shape cannot tell from its neighbours counts, for a reviewer sees the line.
"""

import re
from collections.abc import Iterable, Mapping
from posixpath import basename, splitext

from codex_oss.contract import EVIDENCE_SHAPES

LINE_CHARACTERS_MAX = 500  # A definition is told by its beginning; patterns are tried on no more.

_LANGUAGES = {
    "python": (".py", ".pyi"),
    "js": (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
    "go": (".go",),
    "rust": (".rs",),
    "java": (".java", ".kt", ".scala", ".cs"),
    "c": (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx"),
    "ruby": (".rb", ".rake"),
    "shell": (".sh", ".bash", ".zsh", ".bats"),
    "json": (".json", ".jsonc", ".json5"),
    "yaml": (".yaml", ".yml"),
    "toml": (".toml", ".ini", ".cfg", ".conf", ".env.example"),
}
_LANGUAGE_OF = {suffix: name for name, suffixes in _LANGUAGES.items() for suffix in suffixes}

_NO_CALL = r"(?!\s*(?:return|new|else|throw|if|for|while|switch|catch|do|case|await|typeof)\b)"
_KEY = r"""["'`:]?[\w.$/-]+["'`]?"""
_VALUE = r"""(?:["'`]|[-+]?\.?\d|True\b|False\b|None\b|true\b|false\b|null\b|nil\b)"""

_ANY = "any"
_PATTERNS: Mapping[str, Mapping[str, str]] = {
    "function_definition": {
        "python": r"^\s*(?:async\s+)?def\s+\w+",
        "js": r"\bfunction\b\s*\*?\s*\w*\s*[(<]|[=:]\s*(?:async\s+)?"
        r"(?:function\b|\([^()]*\)[^=]*=>|\w+\s*=>)|"
        + f"^{_NO_CALL}"
        + r"\s*(?:\w+\s+)*#?\w+\s*\([^;]*\)\s*(?::[^{]+)?\{",
        "go": r"^\s*func\b|:?=\s*func\s*\(",
        "rust": r"\bfn\s+\w+",
        "java": f"^{_NO_CALL}"
        + r"\s*[\w<>\[\],.?@ ]+\s\w+\s*\([^;]*\)[\w\s,.]*\{|\b(?:fun|def)\s+\w+",
        "c": f"^{_NO_CALL}" + r"[\w:<>,*&~\[\] \t]+\b~?\w+\s*\([^;]*\)[\w\s]*\{?\s*$",
        "ruby": r"^\s*def\s+",
        "shell": r"^\s*(?:function\s+[\w:.-]+|[\w:.-]+\s*\(\s*\))",
    },
    "class_definition": {
        "python": r"^\s*class\s+\w+",
        "js": r"\bclass\s+\w+|\binterface\s+\w+|\benum\s+\w+|\btype\s+\w+\s*[=<]",
        "go": r"^\s*type\s+\w+",
        "rust": r"\b(?:struct|enum|trait|union)\s+\w+|^\s*impl\b",
        "java": r"\b(?:class|interface|enum|record|object|trait)\s+\w+",
        "c": r"\b(?:class|struct|enum|union)\s+\w+|\btypedef\b",
        "ruby": r"^\s*(?:class|module)\s+[A-Z]",
    },
    "mapping_assignment": {
        "python": r"=\s*(?:\{|dict\(|\w*Mapping\w*\()",
        "js": r"[=:]\s*(?:\{|new\s+Map\b|Object\.freeze)",
        "go": r"\bmap\[",
        "rust": r"\b(?:HashMap|BTreeMap|IndexMap)\b|\b\w*map!",
        "java": r"\bMap\.(?:of|entry)|\bnew\s+\w*Map\b|\bMap<|\b[mM]apOf\(|Dictionary<",
        "c": r"\b(?:unordered_)?map\s*<|=\s*\{",
        "ruby": r"=\s*\{|\bHash\.new\b",
        "shell": r"\b(?:declare|typeset|local)\s+-\w*A|\bcase\b",
        "json": r'"[^"]*"\s*:\s*\{',
        "yaml": r"^\s*[^#\s][^:#]*:\s*(?:\{|$)",
        "toml": r"^\s*\[|=\s*\{",
    },
    "dictionary_entry": {
        "java": r"\bput\(|\bentry\(|\bMap\.of\(|=>|\bto\b",
        "shell": r"\]\s*=|^\s*[^()\s]+\)",
        _ANY: rf"(?:^|[{{,(])\s*{_KEY}\s*(?::|=>|=)\s*\S",
    },
    "literal_value": {_ANY: rf"(?:[=:(,\[{{]|=>|\breturn\b|\bcase\b)\s*{_VALUE}"},
    "config_value": {_ANY: rf"^\s*(?:export\s+|const\s+|let\s+|var\s+)?{_KEY}\s*(?::|=|:=)\s*\S"},
    "flag_parameter": {
        _ANY: r"--[a-z][\w-]+|\bbool(?:ean)?\b|[=:]\s*(?:True|False|true|false)\b"
        r"|\bflag\.\w+\(|\badd_argument\(|\boption\("
    },
    "flag_read": {
        _ANY: r"\bgetenv\b|\bGetenv\b|\benviron\b|\bprocess\.env\b|\bENV\[|\benv::var"
        r"|\b(?:args?|opts?|options?|flags?|config|settings|argv|self|this)\.\w+|\$\{?\w+"
        r"|\b(?:if|elif|unless|while|when)\b[^:{]*\b\w+"
    },
    "behavior_derivation": {
        _ANY: r"^\W*(?:if|elif|else|elsif|unless|return|raise|throw|for|while|match|switch|case|"
        r"yield|assert|try|except|catch|defer|await|when|with)\b|\?[^:]*:|=>"
    },
    "test_assertion": {
        _ANY: r"\bassert\w*|\bexpect\w*\s*\(|\bshould\b|\brequire\.\w+\(|"
        r"\b(?:EXPECT|ASSERT|CHECK)_?\w*\(|\bt\.(?:Error|Fatal|Fail)\w*\("
    },
    "test_definition": {
        "python": r"^\s*(?:async\s+)?def\s+test\w*|^\s*class\s+Test\w*|\bTestCase\b",
        "js": r"\b(?:describe|it|test)(?:\.\w+)?\s*\(",
        "go": r"^func\s+(?:Test|Benchmark|Fuzz|Example)\w*",
        "rust": r"#\[(?:\w+::)*test\b",
        "java": r"@(?:Parameterized)?Test\b|\bvoid\s+test\w*|\[(?:Fact|Test)",
        "c": r"\bTEST(?:_F|_P|_CASE)?\s*\(|\bvoid\s+test_?\w*",
        "ruby": r"""^\s*(?:it|describe|context|test|specify)\s+["']|^\s*def\s+test_""",
        "shell": r"^\s*(?:function\s+)?test_?\w+\s*\(|^\s*@test\b",
    },
    "verification_command": {
        _ANY: r"\b(?:pytest|unittest|tox|nox|ctest|rspec|bats|jest|vitest|mocha)\b|"
        r"\b(?:npm|yarn|pnpm)\s+(?:run\s+)?test|\b(?:go|cargo|mvn|gradle|rake|dotnet|bazel|make|just)\s+(?:test|check)"
    },
}
_COMPILED = {
    shape: {language: re.compile(pattern) for language, pattern in rows.items()}
    for shape, rows in _PATTERNS.items()
}
OF_SEARCHES = ("zero_match", "grep_zero_match")
"""Shapes that no line has: a complete search without a match is one."""

OF_CHANGES = ("source_change",)
"""Shapes that nothing of a read-only mission has."""

assert {*_PATTERNS, *OF_SEARCHES, *OF_CHANGES} == {*EVIDENCE_SHAPES}


def language_of(path: str) -> str:
    """Return the language of a file by its name, "" where none is known."""
    name = basename(path).lower()
    if name in ("makefile", "dockerfile", "justfile"):
        return "shell"
    return _LANGUAGE_OF.get(splitext(name)[1], "")


def stands(shape: str, path: str, lines: Iterable[str]) -> bool:
    """Whether one of these lines of a file has this shape. In a language that is not known, any
    language's will do."""
    rows = _COMPILED.get(shape, {})
    known = rows.get(language_of(path)) or rows.get(_ANY)
    patterns = (known,) if known else tuple(rows.values()) if not language_of(path) else ()
    return any(pattern.search(line[:LINE_CHARACTERS_MAX]) for line in lines for pattern in patterns)
