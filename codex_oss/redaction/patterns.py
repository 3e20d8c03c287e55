"""Every kind of secret that is known by its form: what is not in this table is not found.

Earlier rows name what later rows find too: a provider's own prefix says more than the words around.
"""

from codex_oss.redaction.ai_keys import AI_KEYS
from codex_oss.redaction.assignments import find_assigned
from codex_oss.redaction.cloud_keys import CLOUD_KEYS
from codex_oss.redaction.code_keys import CODE_KEYS
from codex_oss.redaction.credentials import (
    find_in_addresses,
    find_in_commands,
    find_in_headers,
    find_in_pgpass,
    find_in_web_keys,
)
from codex_oss.redaction.families import Page, Pattern
from codex_oss.redaction.host_keys import HOST_KEYS
from codex_oss.redaction.private_keys import find_private_keys, find_putty_keys
from codex_oss.redaction.service_keys import SERVICE_KEYS

FAMILIES = AI_KEYS + CLOUD_KEYS + HOST_KEYS + CODE_KEYS + SERVICE_KEYS
"""Begin with letters of their issuer, in a word of 16 characters and more."""

SHAPES = (
    Pattern(
        "private-key",
        find_private_keys,
        "RFC 7468, RFC 9580 and OpenSSH fix the markers; a key cut off at one end is one still.",
        "-----BEGIN RSA PRIVATE KEY-----\n{b64}\n{b64}\n{b20}==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\n{b64}\n{b20}==\n-----END CERTIFICATE-----",
    ),
    Pattern(
        "putty-key",
        find_putty_keys,
        "PuTTY counts the lines that are private.",
        "Private-Lines: 2\n{b64}\n{b20}==\nPrivate-MAC: 0",
        "Public-Lines: 1\n{b64}\nPrivate-MAC: 0",
    ),
    Pattern(
        "json-web-key",
        find_in_web_keys,
        "RFC 7518 names the private members.",
        '{"kty": "oct", "alg": "HS256", "k": "{t42}a"}',
        '{"kty": "EC", "x": "{t42}a", "y": "{t42}a"}',
    ),
    Pattern(
        "address-password",
        find_in_addresses,
        "RFC 3986 puts user and password before the host: databases, queues, registries.",
        "postgres://app:{w14}7@db.internal:5432/app",
        "postgres://user:password@localhost:5432/app",
    ),
    Pattern(
        "authorization",
        find_in_headers,
        "RFC 9110 puts credentials behind the scheme.",
        "Authorization: Bearer {w40}7k",
        "Authorization: Bearer <your token here>",
    ),
    Pattern(
        "command-password",
        find_in_commands,
        "These commands take a password as an argument.",
        "curl -s -u admin:{w12} https://example.org/",
        "curl -s -u admin https://example.org/",
    ),
    Pattern(
        "pgpass",
        find_in_pgpass,
        "PostgreSQL's password file has five fields.",
        "db.internal:5432:app:admin:{w12}",
        "127.0.0.1:5432:5432",
    ),
    Pattern(
        "secret",
        find_assigned,
        "The name says secret, and the value looks made by a machine.",
        'DB_PASSWORD = "{w14}4x"',
        'DB_PASSWORD = "${DB_PASSWORD}"',
    ),
)
"""Are known by what stands around them."""

PATTERNS = FAMILIES + SHAPES

_BY_PREFIX = tuple((prefix, pattern) for pattern in FAMILIES for prefix in pattern.prefixes)


def likely_patterns(page: Page) -> list[Pattern]:
    """Return the patterns that may be in a page, in the table's order: a clean page is asked for
    three hundred prefixes in its few long words, and for eight shapes."""
    if not (long_words := page.long_words):
        return list(SHAPES)
    likely = [pattern for prefix, pattern in _BY_PREFIX if prefix in long_words]
    return [*dict.fromkeys(likely), *SHAPES]
