"""Find credentials by the words around them: in addresses, headers, commands and files.

A page enters, spans of passwords and tokens leave. What they open stays: scheme, user, host.
"""

import binascii
import re
from collections.abc import Iterator

from codex_oss.redaction.families import Page, Span, places
from codex_oss.redaction.names import Grade
from codex_oss.redaction.randomness import Threshold, is_random
from codex_oss.redaction.values import is_secret, stands_for_one

_TOKEN = Threshold(chars_min=16, breaks_min=2, share_min=0.15)
_USER_ALONE = Threshold(chars_min=16, breaks_min=3, share_min=0.2)
_PASSWORD_CHARS_MIN = 5  # Shorter ones are drawn: `http://user:abc@host`.

# Up to the last `@` in front of a host: passwords have `@`, a slash in them is escaped.
_USERINFO = re.compile(
    r"""(?:\\?/){2}(?P<user>[^\s/?\#"'<>@:\\]{0,256}+)"""
    r"""(?::(?P<password>[^\s/"'<>`\\]{1,256}))?@(?=[\w\[.$({%-])"""
)
_AUTHORIZATION = re.compile(r"[a-z]{5,6}[ ]{1,4}([a-z0-9._~+/-]{8,4096}+={0,2})", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(rb"[\x20-\x7e]{0,256}:[\x20-\x7e]+")
_PGPASS = re.compile(
    r":5432:[^:\s]{1,64}+:[^:\s]{1,64}+:((?:\\[:\\]|[^:\s\\]){4,128}+)$", re.MULTILINE
)
_WEB_KEY = re.compile(r'\\?"(?:d|p|q|dp|dq|qi|k)\\?"\s{0,8}:\s{0,8}\\?"([\w-]{16,4096}+)')

_COMMAND_CHARS_MAX = 240  # Between a command's name and its flag.
_FLAG = re.compile(r" -(?:u|p|a|w|-(?:proxy-)?user)")
_OF_USER = re.compile(r"""[ =]?["']?[^\s:"'$]{1,128}+:([^\s"']{1,256}+)""")
_APART, _JOINED = (re.compile(rf"""{gap}["']?([^\s"']{{1,256}}+)""") for gap in ("[ ]", ""))
_COMMANDS = {  # What a flag takes, by the command before it.
    " -u": {"curl": _OF_USER},
    " --user": {"curl": _OF_USER},
    " --proxy-user": {"curl": _OF_USER},
    " -p": {"sshpass": _APART, "docker login": _APART, "mysql": _JOINED},
    " -a": {"redis-cli": _APART},
    " -w": {"ldap": _APART},
}
_SQL, _IN_SQL = "identified by ", re.compile(r"'([^'\r\n]{1,256}+)'")


def find_in_addresses(page: Page) -> Iterator[Span]:
    """Yield passwords in front of a host, and users that are tokens."""
    for scheme_end in ("://", r":\/\/"):
        for at in places(page.text, scheme_end):
            found = _USERINFO.match(page.text, at + 1)
            if found and found["password"] and _is_password(found["password"]):
                yield found.span("password")
            elif found and not found["password"] and _is_token(found["user"], _USER_ALONE):
                yield found.span("user")


def find_in_headers(page: Page) -> Iterator[Span]:
    """Yield what stands behind `Bearer`, and behind `Basic` where it decodes to `user:password`."""
    for scheme, is_credential in (("bearer ", _is_token), ("basic ", _is_user_and_password)):
        for at in places(page.folded, scheme):
            found = _AUTHORIZATION.match(page.text, at)
            if found and is_credential(found[1]):
                yield found.span(1)


def find_in_commands(page: Page) -> Iterator[Span]:
    for flag in _FLAG.finditer(page.text):
        before = page.text[max(0, flag.start() - _COMMAND_CHARS_MAX) : flag.start()]
        for command, expression in _COMMANDS[flag[0]].items():
            found = expression.match(page.text, flag.end()) if command in before else None
            if found and _is_password(found[1]):
                yield found.span(1)
    for at in places(page.folded, _SQL):
        found = _IN_SQL.match(page.text, at + len(_SQL))
        if found and is_secret(found[1], Grade.PASSWORD):
            yield found.span(1)


def find_in_pgpass(page: Page) -> Iterator[Span]:
    """Yield the last field of `host:port:database:user:password`."""
    for at in places(page.text, ":5432:"):
        found = _PGPASS.match(page.text, at)
        if found and _is_password(found[1]):
            yield found.span(1)


def find_in_web_keys(page: Page) -> Iterator[Span]:
    """Yield the private members of a JSON Web Key (RFC 7518, section 6)."""
    if '"kty' in page.text:
        for found in _WEB_KEY.finditer(page.text):
            yield found.span(1)


def _is_password(value: str) -> bool:
    return len(value) >= _PASSWORD_CHARS_MIN and not stands_for_one(value)


def _is_token(value: str, threshold: Threshold = _TOKEN) -> bool:
    return is_random(value, threshold) and not stands_for_one(value)


def _is_user_and_password(value: str) -> bool:
    try:
        decoded = binascii.a2b_base64(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return False
    return _USER_AND_PASSWORD.fullmatch(decoded) is not None
