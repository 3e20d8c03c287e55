"""Find `name = value` where the name says secret and the value looks like one.

A page enters, spans of values leave. `notations` knows how the two are tied, `names` what a name
says, `values` what a secret looks like; here is decided how sure the notation makes it: in data a
value is what it is, in code it may be a name, a call or the argument of a look-up.
"""

import re
from collections.abc import Iterator

from codex_oss.redaction.families import Page, Span, places
from codex_oss.redaction.names import STEMS, Grade, grade_of
from codex_oss.redaction.notations import (
    NAME_CHARS_MAX,
    Pair,
    match_pair,
    next_item,
    to_pair,
    without_scheme,
)
from codex_oss.redaction.values import VALUE_CHARS_MIN, is_secret, is_secret_in_code

_DIGIT = re.compile(r"[0-9]")
_SETTER = re.compile(r"(?:.*\.)?(?:(?:set|with)[_A-Z]\w*|password)\(")
_WRAPPER_OF_LITERAL = re.compile(
    r"(?:.*[.: ])?(?:some|from|of|just|string|secretstr|secret|password|b64decode)\(\s*",
    re.IGNORECASE,
)
_LINE_BEFORE = re.compile(r"[\s+\-#>/*]{0,64}(?:(?:export|set|setenv|ENV|ARG)[ \t]+)?[\"']?")
_LOGIN_BEFORE = re.compile(r"(?:.*\s)?login[ \t]+\S+[ \t]+")
_FLAG_BEFORE = re.compile(r"(?:^|\s)(?:-e|--env|--build-arg|--from-literal|--set)[ =]\Z")
_BEFORE_DATA = ("?", "&", ";", '"', "'")  # A query, a connection string, a header's argument.
_REST_OF_LINE = re.compile(r"""[^\s"'`]{1,1024}+(?<![,;({\[])(?=[ \t]*(?:#.*)?$)""", re.MULTILINE)


def find_assigned(page: Page) -> Iterator[Span]:
    """Yield where the secret values of names are."""
    text, done = page.text, 0
    for at in sorted(at for stem in STEMS for at in places(page.folded, stem)):
        found = match_pair(text, at) if at >= done else None
        if found is None or not _is_worth_judging(text, found):
            continue
        done = found.start("after_name")
        pair = to_pair(text, found)
        grade = grade_of(pair.phrase)
        span = _secret_of(pair, grade) if grade else None
        while grade and span:
            done = span[1]
            yield span
            item = next_item(text, done) if pair.tie("list") else None
            span = item if item and is_secret_in_code(text[slice(*item)], grade) else None


def is_secret_of(name: str, value: str) -> bool:
    """Say whether `value`, all of a string, is the secret that `name` speaks of."""
    grade = grade_of(name)
    return grade is not None and is_secret(without_scheme(value), grade)


def _is_worth_judging(text: str, found: re.Match[str]) -> bool:
    """Drop most pairs for the price of a glance: short values, tokens of ours, and bare values in
    the middle of a line that have no digit, which are names in code."""
    value = found["quoted"] or found["bare"]
    if len(value) < VALUE_CHARS_MIN or value.startswith("[redacted:"):
        return False
    at = found.start()
    is_in_line = at > NAME_CHARS_MAX and text.rfind("\n", at - NAME_CHARS_MAX, at) < 0
    return not (is_in_line and found["quote"] is None) or _DIGIT.search(value) is not None


def _secret_of(pair: Pair, grade: Grade) -> Span | None:
    if pair.is_quoted:
        judge = is_secret if _is_literal(pair) else is_secret_in_code
        return pair.span if judge(pair.value, grade) else None
    begins_line = _LINE_BEFORE.fullmatch(pair.line_before) is not None
    if pair.tie("blank"):
        begins_line = begins_line or _LOGIN_BEFORE.fullmatch(pair.line_before) is not None
        if not begins_line and not pair.name.startswith("-"):  # configure set NAME VALUE
            return pair.span if is_secret_in_code(pair.value, Grade.HINT) else None
    if begins_line or pair.tie("apart"):
        rest = _REST_OF_LINE.match(pair.text, pair.span[0])
        if rest and is_secret(rest[0], grade, is_quoted=False):
            return rest.span()
    if _is_data(pair, begins_line):
        return pair.span if is_secret(pair.value, grade, is_quoted=False) else None
    is_code = pair.tie("markup") or pair.follows(("(", "[", "{"))
    return pair.span if not is_code and is_secret_in_code(pair.value, grade) else None


def _is_literal(pair: Pair) -> bool:
    """Say whether the quoted value is what the name holds: no argument of a look-up, no item."""
    if pair.tie("argument"):
        return _SETTER.fullmatch(pair.name + pair.tie("argument").strip()) is not None
    if pair.tie("wrapper"):
        return _WRAPPER_OF_LITERAL.fullmatch(pair.tie("wrapper")) is not None
    return pair.tie("list") != "[" and not (pair.tie("blank") and pair.name.endswith("pass"))


def _is_data(pair: Pair, begins_line: bool) -> bool:
    """Say whether a bare value stands where no code does: in markup, behind a flag, in a query, or
    in a variable that is set for one command."""
    if pair.tie("markup"):
        return pair.follows(("<",))
    if begins_line and pair.name.isupper():
        return pair.text[pair.span[0] - 1] == "="
    before = pair.line_before
    is_flag = pair.name.startswith("-") or _FLAG_BEFORE.search(before) is not None
    return is_flag or before.endswith(_BEFORE_DATA)
