"""Know how a name is tied to its value: in INI, YAML, JSON, XML, code, shell, headers, queries.

A place in a text enters, where a name's stem stands; a `Pair` or `None` leaves. All notations are
one expression; whether a pair is a secret is for others to say.
"""

import re
from dataclasses import dataclass

NAME_CHARS_MAX = 48  # Before and after the stem: longer names are generated, and hold no secret.
_LINE_CHARS_MAX = 200  # Of what stands before a name, to tell whether the name begins its line.

_QUOTE = r"""(?:\\{0,3}["'`]|&quot;|&\#3[49];|%2[27])"""
_GAP, _LINES = r"[ \t]{0,8}", r"\s{0,64}"
_OPERATOR = rf"""
    {_QUOTE}? [\])*]{{0,2}} (?:\[\w{{0,8}}\])? [ \t]{{0,64}}+
    (?: :{_GAP} [\w&*][\w.<>\[\]&*?']{{0,40}}+ (?:[ ]\w{{1,20}}+)? {_GAP} =  # name: Type = value
      | [A-Za-z]{{2,12}} [ \t]{{1,8}} :?=                                  # name string = value
      | (?:is|was|equals):?[ ]                                            # the name is value
      | =>|:=|\?=|\|\|=|\|{{1,2}}|[!.+]?={{1,3}}|->|<-|:{{1,3}}=?|%3[ADad] ) \*{{0,2}}
    [ \t]{{0,64}}+ (?:[|>][-+]?{_GAP}\r?\n[ \t]{{1,64}}+)? (?:![\w!]{{1,16}}[ ])?
    (?:(?P<list>[\[(])? {_LINES} (?={_QUOTE}))?
"""
_APART = rf"""
    (?: {_QUOTE}? (?:,{_LINES}|\s{{1,64}}) {_QUOTE}? (?i:value) {_QUOTE}?
      | {_QUOTE} {_GAP} \{{[^{{}}]{{0,200}}?\bdefault
      | :{_GAP}\r?\n (?:[ \t]{{1,32}}\w{{1,24}}:[^\r\n]{{0,120}}+\r?\n){{0,4}} [ \t]{{1,32}}Default
    ) {_GAP}[:=]{_GAP}
"""
_ATTRIBUTES = rf"""(?:[ ][\w:.\-]{{1,32}}+={_QUOTE}[^"'<>]{{0,128}}+{_QUOTE}){{1,4}}"""
_MARKUP = rf"""
    (?:{_QUOTE}|{_ATTRIBUTES})? > {_LINES} (?:<!\[CDATA\[)?
    | </\w{{1,16}}> {_LINES} <\w{{1,16}}>
"""
_ARGUMENT = rf"""{_QUOTE} {_GAP} , {_LINES} (?={_QUOTE}) | [ \t]{{0,2}} \( {_GAP} (?=\w?{_QUOTE})"""
_BLANK = rf"""[ \t]{{1,8}} (?={_QUOTE}|\S{{6}})"""
_SCHEME = r"(?:(?i:bearer|basic|token|apikey|api-key|digest|ssws|splunk|geniekey)[ ]{1,4})"
_BARE = r"""[^\x00-\x20\x7f\u2018-\u201d"'`<>\\=:&;,()\[\]{}|]{1,512}+"""
_ASSIGNED = re.compile(
    rf"""
    [\w.\-]{{0,{NAME_CHARS_MAX}}}+ (?P<after_name>)
    (?: (?P<apart> {_APART})        # name="NAME" value="VALUE", variable "NAME" {{ default = …
      | {_OPERATOR}
      | (?P<markup> {_MARKUP})      # <NAME>VALUE, <key>NAME</key><string>VALUE
      | (?P<argument> {_ARGUMENT})  # ("NAME", "VALUE"), setNAME("VALUE")
      | (?P<blank> {_BLANK}) )      # --NAME VALUE, IDENTIFIED BY 'VALUE'
    (?:ConvertTo-SecureString[ ](?:-String[ ])?)?
    (?P<wrapper> (?:new[ ])?[A-Za-z_][\w.:!]{{0,40}}+ \( {_GAP} (?=\w?{_QUOTE}) )?
    (?:[bBrRuUfFLN@$]{{1,2}}(?=["']))?
    (?P<quote>["']{{3}}|{_QUOTE})?
    [\u201c\u2018]? {_SCHEME}?
    (?(quote) (?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\r\n])){{1,1024}}+)
            | (?P<bare>{_BARE}(?:[:=]{_BARE}){{0,2}}={{0,2}}) )
    """,
    re.VERBOSE | re.ASCII,
)
_NEXT_ITEM = re.compile(
    rf"{_QUOTE},{_LINES}(?P<quote>{_QUOTE})(?P<item>(?:(?!(?P=quote))[^\r\n]){{1,1024}}+)"
)
_BACK_OVER_NAME = re.compile(r"(?P<word>[\w.\-]{0,48}+)(?: [\w.\-]{1,48}+)?")  # "my api key".
_SCHEME_BEFORE = re.compile(rf"\A{_SCHEME}")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and what it may hold."""

    text: str
    found: re.Match[str]
    name_start: int
    phrase: str
    """The name with the word before it: "public key" and "api key" are names of prose."""

    @property
    def name(self) -> str:
        return self.text[self.name_start : self.found.start("after_name")]

    @property
    def is_quoted(self) -> bool:
        return self.found["quote"] is not None

    @property
    def span(self) -> tuple[int, int]:
        return self.found.span("quoted" if self.is_quoted else "bare")

    @property
    def value(self) -> str:
        return self.text[slice(*self.span)]

    @property
    def line_before(self) -> str:
        start = max(0, self.name_start - _LINE_CHARS_MAX)
        return self.text[start : self.name_start].rpartition("\n")[2]

    def tie(self, kind: str) -> str:
        """Return what ties name and value, where it is of this kind; else the empty string."""
        return self.found[kind] or ""

    def follows(self, marks: tuple[str, ...]) -> bool:
        """Say whether one of the marks stands behind the value, blanks aside."""
        end = self.span[1]
        return self.text[end : end + NAME_CHARS_MAX].lstrip().startswith(marks)


def match_pair(text: str, stem: int) -> re.Match[str] | None:
    """Return what the notation is, where the name whose stem is here has a value."""
    return _ASSIGNED.match(text, stem)


def to_pair(text: str, found: re.Match[str]) -> Pair:
    backwards = text[max(0, found.start() - 2 * NAME_CHARS_MAX) : found.start()][::-1]
    before = _BACK_OVER_NAME.match(backwards)
    assert before is not None  # It matches the empty string.
    phrase = before[0][::-1] + text[found.start() : found.start("after_name")]
    return Pair(text, found, found.start() - before.end("word"), phrase)


def next_item(text: str, end: int) -> tuple[int, int] | None:
    """Return where the next string of a list is, after one that ends here."""
    found = _NEXT_ITEM.match(text, end)
    return found.span("item") if found else None


def without_scheme(value: str) -> str:
    """Return what stands behind `Bearer` and its like."""
    return _SCHEME_BEFORE.sub("", value, count=1)
