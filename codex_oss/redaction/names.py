"""Grade a name by what it says it holds: `dbPassword`, `api_key`, `X-Auth-Token`, `sort_key`.

A name enters, a `Grade` or `None` leaves. What a name holds stands at its end: `token_url` holds an
address, `secret_name` a name. Words behind it that only tell which one it is (`_prod`, `_base64`)
do not count.
"""

import re
from enum import Enum
from functools import lru_cache

STEMS = ("pass", "pwd", "secret", "token", "key", "auth", "cred")
"""Every graded name holds one of these, in lower case: names are found by them."""


class Grade(Enum):
    """How far a name goes alone. A password may be a word with a number; a secret must look made by
    a machine; behind a hint (`key`, `token_of_x`) a value must look so beyond doubt."""

    PASSWORD = "password"
    SECRET = "secret"
    HINT = "hint"


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WHICH_ONE = frozenset(
    "b base bytes b64 current data dev env example hex live local main new old plain plaintext prod"
    " production raw s secondary staging str string test text v val value".split()
)
_PASSWORD_ENDS = ("password", "passwd", "passphrase", "passwort", "passcode", "pwd", "pass")
_SECRET_ENDS = tuple("secret token credential credentials creds cred auth authorization".split())
_SECRET_KEYS = tuple(
    "access account admin aes api app application auth cipher client consumer crypto deploy"
    " encrypt encryption hmac host ingest ingestion integration license management master merchant"
    " personal private project read rsa sdk secret security server service session shared sign"
    " signing ssh ssl storage subscription team tls user webhook write".split()
)
_OTHER_KEYS = tuple(
    "cache composite dict foreign group hash index lookup map object partition primary public"
    " publishable registry row sort translation unique".split()
)
_OTHERS = frozenset(
    "arn checksum digest etag file fingerprint hash id identifier name path sha type uri url"
    " version".split()
)
_NO_PASSWORDS = ("bypass", "compass", "encompass", "surpass", "trespass")
_VERBS = frozenset(  # Before `pass`: `should_pass`, `first_pass`.
    "all always and does first is it last let must next not one only or second should test that"
    " the this to two will".split()
)


@lru_cache(maxsize=4096)  # A file has few names, and has them often.
def grade_of(name: str) -> Grade | None:
    """Return what `name` says of its value, `None` where it says nothing."""
    if not any(stem in name.lower() for stem in STEMS):
        return None
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and words[-1] in _WHICH_ONE and words[-2] != "pass":
        words.pop()
    if not words or "public" in words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith(_PASSWORD_ENDS):
        is_verb = last in _NO_PASSWORDS or last == "pass" and before in _VERBS
        return None if is_verb else Grade.PASSWORD
    if last.endswith(_SECRET_ENDS):
        return Grade.SECRET
    if last.endswith("key"):
        return _grade_of_key(last.removesuffix("key") or before)
    return None if last in _OTHERS else Grade.HINT


def _grade_of_key(which: str) -> Grade | None:
    if which.endswith(_OTHER_KEYS):
        return None
    return Grade.SECRET if which.endswith(_SECRET_KEYS) else Grade.HINT
