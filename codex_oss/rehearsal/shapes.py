"""What stands round a name where it is defined, in the languages with braces.

Rows only: a language, what the name is there, and what is written before and behind it. The
statement is given with everything in round and square brackets folded to `()` and `[]`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """One row. `before` ends at the name, `after` begins behind it. `within` says in which block
    the row holds: `class`, `enum`, `object`; `outer`, in no function's body and in no list; or
    the word before round brackets, as in Go's `const ( ... )`; "" for any."""

    kind: str
    before: str
    after: str = ""
    within: str = ""

    def fits(self, before: str, after: str, within: frozenset[str]) -> bool:
        return (
            (not self.within or self.within in within)
            and bool(re.search(rf"(?:{self.before})\Z", before, re.DOTALL))
            and bool(re.match(self.after, after, re.DOTALL))
        )


_MODIFIERS = (
    r"(?:(?:static|async|get|set|public|private|protected|internal|readonly|override|abstract"
    r"|declare|default|export|final|virtual|inline|constexpr|@\w+(?:\(\))?|\*|\#)\s*)*"
)
_PARAMETERS = r"\s*(?:\[\])?\(\)"
_FUNCTION_VALUE = r"(?:async\s*)?(?:function\b|class\b|(?:<[^=]*>)?\(\)\s*(?::[^={]*)?=>|\w+\s*=>)"
_DECLARES = r"(?:^|\s)(?:const|let|var)\s+(?:.*,\s*)?"
_ASSIGNS = r"\s*=(?![=>])"
_TYPE = (  # C: what ends a type, where no directive, no value and no other kind of name begins.
    r"^(?!.*\b(?:struct|class|enum|union|namespace|using|typename|goto|return|typedef)\s+$)"
    r"[^#=]*[\w>*&\])}]\s*[\s*&]\s*(?:\w+\s*::\s*)*~?"
)
_BODY = (  # C: from the closing bracket of the parameters to the opening one of the body.
    r"\s*\(\)\s*(?:\w+\s*(?:\(\))?\s*|&+\s*|->[^{;]*|:[^{};]*)*\{"
)
_JAVA_TYPE = (
    r"(?:^|[\s>\]])(?!(?:return|new|throw|else|await|yield|case|assert|public|private|protected"
    r"|internal|static|final|abstract|override|open)\s)[\w$.]+(?:<.*>)?(?:\[\])*\??\s+"
)
_MEMBER = Shape("attribute", r"(?:^|,|\[\])\s*", r"\s*(?:[=,;]|$|\n|\(\)|\{)", "enum")

SHAPES: dict[str, tuple[Shape, ...]] = {
    "JavaScript": (
        Shape("function", r"\bfunction\s*\*?\s*"),
        Shape("class", r"\b(?:class|namespace)\s+"),
        Shape("interface", r"\binterface\s+"),
        Shape("enum", r"\benum\s+"),
        Shape("type", r"\btype\s+", r"\s*(?:<.*>)?\s*="),
        Shape("import", _DECLARES, r"\s*=\s*(?:await\s+)?(?:require|import)\s*\(\)"),
        Shape("function", _DECLARES, rf"\s*(?::[^=]+)?=\s*{_FUNCTION_VALUE}"),
        Shape("constant", _DECLARES, r"(?!\s*(?:=>|\())"),
        Shape("method", rf"(?:^|,)\s*{_MODIFIERS}", r"\s*(?:<[^>]*>)?\(\)\s*(?::[^{};]*)?\{"),
        Shape("method", rf"^\s*{_MODIFIERS}", r"\??\s*(?:<[^>]*>)?\(\)\s*:", "class"),
        Shape("method", rf"^\s*{_MODIFIERS}", rf"\s*(?::[^=]+)?=\s*{_FUNCTION_VALUE}", "class"),
        Shape("method", r"(?:^|,)\s*", rf"\s*:\s*{_FUNCTION_VALUE}", "object"),
        Shape("function", r"[\w$)\]]\.\s*\#?", rf"\s*=\s*{_FUNCTION_VALUE}"),
        Shape("constant", r"\bexports\.", r"\s*=\s*(?:['\d{\[/-]|true\b|false\b|null\b|new\b)"),
        Shape("attribute", rf"^\s*{_MODIFIERS}", r"\s*[?!]?\s*(?::|=(?![=>])|;|\n|$)", "class"),
        _MEMBER,
        Shape("entry", r"(?:^|,)\s*", r"\s*:", "object"),
    ),
    "Go": (
        Shape("method", r"\bfunc\s*\(\)\s*", _PARAMETERS),
        Shape("function", r"\bfunc\s+", _PARAMETERS),
        Shape("type", r"(?:^|\s)type\s+"),
        Shape("constant", r"(?:^|\s)(?:const|var)\s+(?:\w+\s*,\s*)*"),
        Shape("constant", r"^\s*(?:\w+\s*,\s*)*", within="const"),
        Shape("constant", r"^\s*(?:\w+\s*,\s*)*", within="var"),
        Shape("type", r"^\s*", within="type"),
        Shape("method", r"^\s*", r"\(\)", "class"),
        Shape("attribute", r"^\s*(?:\w+\s*,\s*)*", r"[ \t]+[\w*\[(<]|\s*,", "class"),
    ),
    "Rust": (
        Shape("function", r"\bfn\s+"),
        Shape("struct", r"\b(?:struct|union)\s+"),
        Shape("enum", r"\benum\s+"),
        Shape("trait", r"\btrait\s+"),
        Shape("type", r"\btype\s+"),
        Shape("module", r"\bmod\s+"),
        Shape("macro", r"\bmacro_rules!\s*"),
        Shape("constant", r"\b(?:const|static(?:\s+mut)?)\s+"),
        Shape("attribute", r"(?:^|,|\])\s*(?:pub(?:\(\))?\s+)?", r"\s*:(?!:)", "class"),
        _MEMBER,
    ),
    "Java": (
        Shape("interface", r"\binterface\s+"),
        Shape("class", r"\b(?:class|object|protocol|extension|namespace)\s+"),
        Shape("struct", r"\b(?:struct|record)\s+"),
        Shape("enum", r"\benum\s+"),
        Shape("trait", r"\btrait\s+"),
        Shape("type", r"\b(?:typealias|typedef|type)\s+"),
        Shape("function", r"\b(?:fun|func|def)\s+(?:<.*>\s*)?(?:[\w<>?]+\.)?"),
        Shape(
            "method",
            _JAVA_TYPE,
            r"\s*\(\)\s*(?:throws[\w\s.,]+|where[^{]*|default\b.*)?(?:\{|;|=>)",
            "class",
        ),
        Shape("constructor", rf"^\s*{_MODIFIERS}", r"\s*\(\)\s*(?:throws[\w\s.,]+)?\{", "class"),
        Shape("constant", r"(?:^|\s)(?:val|var|let|const)\s+"),
        Shape("attribute", rf"{_JAVA_TYPE}(?:.*,\s*)?", r"\s*(?:\[\])*\s*(?:=(?!=)|;|,)", "class"),
        _MEMBER,
    ),
    "C": (
        Shape("macro", r"#\s*define\s+"),
        Shape("class", r"\b(?:class|namespace)\s+(?:\w+\s+)?", r"\s*(?:final\s*)?(?::[^{;]*)?\{"),
        Shape("struct", r"\b(?:struct|union)\s+(?:\w+\s+)?", r"\s*(?:final\s*)?(?::[^{;]*)?\{"),
        Shape("enum", r"\benum\s+(?:(?:class|struct)\s+)?", r"\s*(?::[^{;]*)?\{"),
        Shape("type", r"\btypedef\b.*[\s*}]", r"\s*(?:\[\]|\(\))*\s*[;,]"),
        Shape("type", r"^\s*\*\s*", r"\s*$", "typedef"),
        Shape("type", r"\busing\s+", r"\s*="),
        Shape("declaration", r"\bextern\b[^=]*", r"\s*(?:\[\]|\(\))*\s*;"),
        Shape("function", _TYPE, _BODY, "outer"),
        Shape("function", r"^\s*(?:\w+\s*::\s*)+~?", _BODY, "outer"),
        Shape("declaration", _TYPE, r"\s*\(\)[^{}=]*(?:=\s*\w+\s*)?;", "outer"),
        Shape("constant", r"^\s*\*+\s*", r"\s*(?:\[\])?\s*$", "pointer"),
        Shape(
            "constant",
            rf"{_TYPE}(?:.*,[\s*]*)?",
            r"\s*(?:\[\])*\s*(?::\s*\w+\s*|__\w+(?:\(\))?\s*)*(?:=(?!=)|;|,)",
            "outer",
        ),
        _MEMBER,
    ),
    "PHP": (
        Shape("function", r"\bfunction\s+&?\s*"),
        Shape("class", r"\b(?:class|trait)\s+"),
        Shape("interface", r"\binterface\s+"),
        Shape("enum", r"\benum\s+"),
        Shape("constant", r"\bconst\s+(?:\w+\s+)?"),
        Shape("attribute", r"\b(?:static|public|private|protected|var)\s+(?:\??\w+\s+)?\$"),
    ),
    "shell": (
        Shape("function", r"\bfunction\s+"),
        Shape("function", r"^\s*", r"\s*\(\)"),
        Shape("constant", r"(?:^|\s)(?:(?:export|readonly|declare(?:\s+-\w+)*)\s+)?", r"\+?="),
        Shape("constant", r"\balias\s+", "="),
    ),
}
"""Everything that defines a name in these languages is in this table; the first row that fits."""


@dataclass(frozen=True, slots=True)
class BlockShape:
    """What stands before an opening brace, and what its block is then; `name` is a group. Where
    no languages are named, the row is for all."""

    kind: str
    before: str
    languages: str = ""

    def is_for(self, language: str) -> bool:
        return not self.languages or language in self.languages.split()

    def match(self, before: str) -> re.Match[str] | None:
        return re.search(self.before, before)


KEYWORDS = frozenset("if else for while switch try catch do finally return".split())
_CONTROL = "if|else|for|while|switch|try|catch|do|finally"
BLOCKS = (
    BlockShape("enum", r"\benum\s+(?:class\s+|struct\s+)?(?P<name>\w*)[^=(]*$"),
    BlockShape(
        "class", r"\bimpl\b(?:\s*<[^{]*?>)?\s+(?:[^{]*?\bfor\s+)?&?(?:\w+::)*(?P<name>\w+)[^{]*$"
    ),
    BlockShape("class", r"\btype\s+(?P<name>\w+)\s*(?:\[\])?\s*(?:struct|interface)\s*$"),
    BlockShape("class", r"(?<![\w.$])(?:class|interface)\b\s*(?P<name>[\w$]*)[^=]*$"),
    BlockShape("class", r"\b(?:struct|union)\b\s*(?P<name>\w*)[^=]*$", "C Go Java Rust"),
    BlockShape("class", r"\btrait\s+(?P<name>\w+)[^=]*$", "Java PHP Rust"),
    BlockShape("class", r"\b(?:record|object|protocol|extension)\s+(?P<name>\w+)[^=]*$", "Java"),
    BlockShape("module", r"\b(?:namespace|module|mod)\s+(?P<name>[\w.:\\]+)\s*$|\bextern\s+'+\s*$"),
    BlockShape("function", r"\bfunc\b\s*(?:\(\)\s*)?(?P<name>\w*)\s*(?:\[\])?\(\)[^=]*$"),
    BlockShape("function", r"\b(?:function\b\s*\*?|(?:fn|fun|def)\b)\s*(?P<name>[\w$]*)\s*[<(].*$"),
    BlockShape(
        "function",
        r"(?P<name>[\w$]+)\s*(?::[^=]*)?[=:]\s*(?:async\s*)?(?:\(\)|[\w$]+)\s*(?::[^=]*)?=>\s*$",
    ),
    BlockShape("function", r"(?P<name>)=>\s*$"),
    BlockShape("control", rf"^\s*(?:\}}\s*)?(?:{_CONTROL})\b(?!.*\breturn\s*$)"),
    BlockShape("control", r"^\s*(?:match|loop|unsafe|select|defer|go)\b(?!\s*\(\))", "Rust Go"),
    BlockShape("control", r"^\s*(?:synchronized|using|lock|foreach|guard|when|with)\b", "Java PHP"),
    BlockShape(
        "function",
        rf"(?P<name>(?!(?:{_CONTROL}|return)\b)[\w$~]+)\s*(?:<[^()]*>)?\s*\(\)"
        r"(?:\s*(?:const|noexcept|override|final|throws[\w\s.,]+|->[^{;]*|:[^{};]*))*\s*$",
    ),
)
"""The first row that fits says what a block is. Where none does, it is a list or an object."""
