"""Find `name = value` where the name says secret and the value looks like one.

A page enters, spans of values leave. One expression knows how a name is tied to its value in INI,
YAML, JSON, XML, code, shell, headers and queries, also behind JSON escapes; whether that pair is a
secret is for `names` and `values` to say.
"""

import re
from collections.abc import Iterator

from codex_oss.redaction.families import Page, Span, places
from codex_oss.redaction.names import STEMS, Grade, grade_of
from codex_oss.redaction.values import VALUE_CHARS_MIN, is_secret, is_secret_in_code

_NAME_CHARS_MAX = 48  # Before and after the stem: longer names are generated, and hold no secret.
_LINE_CHARS_MAX = 200  # Of what stands before a name that begins its line.

_QUOTE = r"""(?:\\{0,3}["'`]|&quot;|&\#3[49];|%2[27])"""
_GAP, _LINES = r"[ \t]{0,8}", r"\s{0,64}"
_OPERATOR = rf"""
    {_QUOTE}? [\])]{{0,2}} (?:\[\w{{0,8}}\])? [ \t]{{0,64}}+
    (?: :{_GAP} [\w&*][\w.<>\[\]&*?']{{0,40}}+ (?:[ ]\w{{1,20}}+)? {_GAP} =  # name: Type = value
      | [A-Za-z]{{2,12}} [ \t]{{1,8}} :?=                                  # name string = value
      | (?:is|was|equals):?[ ]                                            # the name is value
      | =>|:=|\?=|\|\|=|\|{{1,2}}|!?={{1,3}}|->|:|%3[ADad] )
    [ \t]{{0,64}}+ (?:[|>][-+]?{_GAP}\r?\n[ \t]{{1,64}}+)? (?:![\w!]{{1,16}}[ ])?
"""
_APART = rf"""{_QUOTE}? (?:,{_LINES}|\s{{1,64}}) {_QUOTE}? (?i:value) {_QUOTE}? {_GAP}[:=]{_GAP}"""
_MARKUP = rf"""{_QUOTE}? > {_LINES} (?:<!\[CDATA\[)? | </\w{{1,16}}> {_LINES} <\w{{1,16}}>"""
_ARGUMENT = rf"""{_QUOTE} {_GAP} , {_LINES} (?={_QUOTE}) | [ \t]{{0,2}} \( {_GAP} (?=\w?{_QUOTE})"""
_BLANK = rf"""[ \t]{{1,8}} (?={_QUOTE}|\S{{6}})"""
_BARE = r"""[^\s"'`<>\\=:&;,()\[\]{}|]{1,512}+"""
_ASSIGNED = re.compile(
    rf"""
    [\w.\-]{{0,{_NAME_CHARS_MAX}}}+ (?P<after_name>)
    (?: {_OPERATOR}
      | (?P<apart> {_APART})        # name="NAME" value="VALUE", on two lines too
      | (?P<markup> {_MARKUP})      # <NAME>VALUE, <key>NAME</key><string>VALUE
      | (?P<argument> {_ARGUMENT})  # ("NAME", "VALUE"), setNAME("VALUE")
      | (?P<blank> {_BLANK}) )      # --NAME VALUE, IDENTIFIED BY 'VALUE'
    (?P<wrapper> (?:new[ ])?[A-Za-z_][\w.:!]{{0,40}}+ \( {_GAP} (?=\w?{_QUOTE}) )?
    (?:[bBrRuUfFLN@$]{{1,2}}(?=["']))?
    (?P<quote>["']{{3}}|{_QUOTE})?
    (?:(?i:bearer|basic|token|apikey|api-key|digest|ssws|splunk|geniekey)[ ]{{1,4}})?
    (?(quote) (?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\r\n])){{1,1024}}+)
            | (?P<bare>{_BARE}(?:[:=]{_BARE}){{0,2}}={{0,2}}) )
    """,
    re.VERBOSE | re.ASCII,
)
_DIGIT = re.compile(r"[0-9]")
_SETTER = re.compile(r"(?:.*\.)?(?:(?:set|with)[_A-Z]\w*|password)\(")
_WRAPPER_OF_LITERAL = re.compile(
    r"(?:.*[.: ])?(?:some|from|of|just|string|secretstr|secret|password|b64decode)\(\s*",
    re.IGNORECASE,
)
_BACK_OVER_NAME = re.compile(r"(?P<word>[\w.\-]{0,48}+)(?: [\w.\-]{1,48}+)?")  # "my api key".
_LINE_BEFORE = re.compile(r"[\s+\-#>/*]{0,64}(?:(?:export|set|setenv|ENV|ARG)[ \t]+)?[\"']?")
_FLAG_BEFORE = re.compile(r"(?:^|\s)(?:-e|--env|--build-arg|--from-literal|--set)[ =]\Z")
_LOGIN_BEFORE = re.compile(r"(?:.*\s)?login[ \t]+\S+[ \t]+")
_BEFORE_DATA = ("?", "&", ";", '"', "'")  # A query, a connection string, a header's argument.
_REST_OF_LINE = re.compile(r"""[^\s"'`]{1,1024}+(?<![,;({\[])(?=[ \t]*(?:#.*)?$)""", re.MULTILINE)


def find_assigned(page: Page) -> Iterator[Span]:
    """Yield where the secret values of names are."""
    text, done = page.text, 0
    for at in sorted(at for stem in STEMS for at in places(page.folded, stem)):
        found = _ASSIGNED.match(text, at) if at >= done else None
        if found is None or not _is_worth_judging(text, found):
            continue
        done = found.start("after_name")
        span = _secret_value(text, found)
        if span:
            done = span[1]
            yield span


def _is_worth_judging(text: str, found: re.Match[str]) -> bool:
    """Drop most pairs for the price of a glance: short values, and bare ones in the middle of a
    line that have no digit, which are names in code."""
    value = found["quoted"] or found["bare"]
    if len(value) < VALUE_CHARS_MIN:
        return False
    at = found.start()
    is_in_line = at > _NAME_CHARS_MAX and text.rfind("\n", at - _NAME_CHARS_MAX, at) < 0
    return not (is_in_line and found["quote"] is None) or _DIGIT.search(value) is not None


def is_secret_of(name: str, value: str) -> bool:
    """Say whether `value`, all of a string, is the secret that `name` speaks of."""
    grade = grade_of(name)
    return grade is not None and is_secret(value, grade)


def _secret_value(text: str, found: re.Match[str]) -> Span | None:
    backwards = text[max(0, found.start() - 2 * _NAME_CHARS_MAX) : found.start()][::-1]
    before = _BACK_OVER_NAME.match(backwards)
    assert before is not None  # It matches the empty string.
    rest_of_name = text[found.start() : found.start("after_name")]
    grade = grade_of(before[0][::-1] + rest_of_name)
    if grade is None:
        return None
    if found["quote"] is None:
        return _bare_value(text, found, found.start() - before.end("word"), grade)
    is_literal = _is_literal(found, before["word"][::-1] + rest_of_name)
    span = found.span("quoted")
    judge = is_secret if is_literal else is_secret_in_code
    return span if judge(text[slice(*span)], grade) else None


def _is_literal(found: re.Match[str], name: str) -> bool:
    """Say whether the quoted value is what the name holds: not the argument of a look-up."""
    if found["argument"]:
        return bool(_SETTER.fullmatch(name + found["argument"].strip()))
    if found["wrapper"]:
        return bool(_WRAPPER_OF_LITERAL.fullmatch(found["wrapper"]))
    return not (found["blank"] and name.endswith("pass"))


def _bare_value(text: str, found: re.Match[str], name_start: int, grade: Grade) -> Span | None:
    """Return the secret of a value without quotes: the rest of the line, where the name begins it,
    as in an env file; else up to what ends a value in code, and a call or an index is none."""
    start, end = found.span("bare")
    line_before = text[max(0, name_start - _LINE_CHARS_MAX) : name_start].rpartition("\n")[2]
    begins_line = _LINE_BEFORE.fullmatch(line_before) or (
        found["blank"] and _LOGIN_BEFORE.fullmatch(line_before)
    )
    if found["blank"] and not begins_line and text[name_start] != "-":
        return None
    rest = _REST_OF_LINE.match(text, start) if begins_line or found["apart"] else None
    if rest and is_secret(rest[0], grade, is_quoted=False):
        return rest.span()
    name = text[name_start : found.start("after_name")]
    if _is_data(found, name, line_before, text[end : end + _NAME_CHARS_MAX]):
        return (start, end) if is_secret(text[start:end], grade, is_quoted=False) else None
    is_call = text[end : end + 1] in ("(", "[", "{")
    return (start, end) if not is_call and is_secret_in_code(text[start:end], grade) else None


def _is_data(found: re.Match[str], name: str, before: str, after: str) -> bool:
    """Say whether a bare value stands where no code does: markup, a flag, a query, a variable that
    is set for one command."""
    if found["markup"]:
        return after.lstrip().startswith("<")
    if name.isupper() and found[0].startswith("=", len(found[0]) - len(found["bare"]) - 1):
        return _LINE_BEFORE.fullmatch(before) is not None
    return (
        name.startswith("-") or before.endswith(_BEFORE_DATA) or bool(_FLAG_BEFORE.search(before))
    )
