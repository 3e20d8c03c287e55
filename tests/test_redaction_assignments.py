"""Names and values: what a secret's name gives away, in every notation, and what is none."""

import json
import string
import unittest

from support import LONG, chance

from codex_oss.redaction import Redactor

RANDOM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
NAMES = (
    "DB_PASSWORD dbPassword spring.datasource.password PGPASSWORD smtp-password client_secret"
    " API_KEY apiKey AWS_SECRET_ACCESS_KEY X-Auth-Token accessToken SECRET_KEY_BASE private_key"
    " stripe_api_key githubToken JWT_SECRET consumer_secret slack_bot_token bearer_token accountKey"
    " signingKey session_secret refresh_token storage_account_key webhookSecret datadog.api.key"
).split()

# Notations in which a name gets its value: `{n}` the name, `{v}` the value.
QUOTED = (
    '{n} = "{v}"',
    "{n} = '{v}'",
    '"{n}": "{v}",',
    '{{"{n}":"{v}"}}',
    '{{"name":"{n}","value":"{v}"}}',
    "'{n}' => '{v}',",
    'const {n} = "{v}";',
    'let {n}: string = "{v}"',
    'let {n}: &\'static str = "{v}";',
    'let {n} = String::from("{v}");',
    'var {n} string = "{v}"',
    '{n} := "{v}"',
    'private static final String {n} = "{v}";',
    'static const char {n}[] = "{v}";',
    '#define {n} "{v}"',
    'os.environ["{n}"] = "{v}"',
    'define("{n}", "{v}");',
    '$env:{n} = "{v}"',
    '<add key="{n}" value="{v}" />',
    '<property name="{n}" value="{v}"/>',
    '<input name="{n}" value="{v}">',
    '"{{\\"{n}\\": \\"{v}\\"}}"',
    "&quot;{n}&quot;: &quot;{v}&quot;",
    "-H '{n}: {v}'",
    '  - name: {n}\n    value: "{v}"\n',
    'variable "{n}" {{\n  type = string\n  default = "{v}"\n}}',
    '{n} = os.getenv("{n}", "{v}")',
    '{n} = r"{v}"',
    '{n} = """{v}"""',
    "`{n}`: `{v}`",
    '${n} = ConvertTo-SecureString "{v}" -AsPlainText -Force',
)
BARE = (
    "{n}={v}",
    "{n} = {v}",
    "{n}: {v}",
    "export {n}={v}",
    "{n}: {v} # rotated in May",
    "    - {n}={v}\n",
    "  - name: {n}\n    value: {v}\n",
    "<{n}>{v}</{n}>",
    "<key>{n}</key>\n\t<string>{v}</string>",
    "+{n}={v}",
    "-    {n}: {v}",
    "--{n}={v}",
    "--{n} {v}",
    "docker run -e {n}={v} image",
    "ENV {n} {v}",
    "GET /v1?a=1&{n}={v}&b=2",
    "Server=x;{n}={v};Encrypt=true",
    'curl -H "{n}: {v}" https://example.org',
    "%22{n}%22%3A%22{v}%22",
    "{n}: |\n    {v}\n",
    "{n}: >-\n  {v}\n",
    "{n}: !str {v}",
    "the {n} is {v}",
    "| {n} | {v} |",
    "# {n} = {v}",
    "{n}\t=\t{v}\r\n",
)

# Nothing here is a secret: every line stays as it is, in a file, a diff and a block.
NO_SECRETS = r"""
task-4f8a2c1d9e7b3a6f
risk-assessment-2024-q3-final-v2
disk-usage-monitor-9f8e7d6c
token: task-12345678-abcd
class="sk-fading-circle sk-cube-grid-loader-1"
import a.very.long.module_path.with_v2.token_utils as tokens
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
index 83db48f..bf3f2a1 100644
git checkout -b feature/token-refresh-9fceb02
id: 6ba7b810-9dad-11d1-80b4-00c04fd430c8
key: 6ba7b810-9dad-11d1-80b4-00c04fd430c8
"integrity": "sha512-RdJUflcE3cUzKiMqQgsCu06FPu9UdIJO0beYbPhHN4k6apgJtifcoCtT9bcxOpYBtpD2kA==",
hash = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
checksum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
"js-tokens": {"version": "4.0.0", "resolved": "https://registry.npmjs.org/js-tokens-4.0.0.tgz"}
etag: "33a64df551425fcc55e4d42a148795d9f25f89d4"
image: registry.io/auth@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
password: ${DB_PASSWORD}
password: $DB_PASSWORD
password = "{{ vault_db_password }}"
apiKey: process.env.API_KEY,
auth: { user: "me", pass: process.env.PASS }
api_key = os.environ["OPENAI_API_KEY"]
api_key = os.getenv("OPENAI_API_KEY")
GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
API_KEY=
API_KEY=""
password: ""
token = None
token: str | None = None
password = "<your-password>"
API_KEY=your-api-key-here
OPENAI_API_KEY=sk-your-key-here
api_key: "YOUR_API_KEY"
password=changeme
password: "********"
token = "xxxxxxxxxxxxxxxxxxxx"
Authorization: Bearer <token>
Authorization: Bearer ${TOKEN}
curl -u user:$PASS https://example.org
https://user:password@example.com/
mongodb://<user>:<password>@host
http://localhost:8080/path@2x.png
git@github.com:org/repo.git
token_url = "https://auth.example.com/oauth2/token/v2"
secret_name = "prod/db/password-2024"
secret_version = "projects/123/secrets/db/versions/3"
arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf
public_key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx8wq8yQw2V7sPq3z5b4n6m8c9v0a1s2d3f4g5h6j7k me@host
publicKeyToken="1fc8b3b9a1e18e3b"
sort_key = "created_at#2024-01-01T00:00:00Z"
cache_key = "user:123:profile:v2:9f8e7d6c5b4a"
partition_key = "9Kq2mZ7wLx4Rt8Vb3Nc6"
token_id = "9Kq2mZ7wLx4Rt8Vb3Nc6"
key = "9fceb02d0ae598e95dc970b74767f19372d61af8"
secret = "x86 arm64 s390x ppc64le riscv64"
password = "/run/secrets/db-password1"
keywords = ["gss_krb5_lucid_key", "gss_krb5_rfc1964_keydata"]
the basic tutorials/chapter10 of it
tar -u a:b1c2d3e4f5
mkdir -p build/x9Kq2mZ7
keyboard = "qwerty-uk-2"
author = "Jane Q. Public <jane@example.org>"
tokenizer = "cl100k_base"
max_tokens = 4096
if token == "identifier":
def authenticate(self, token: str, secret: bytes = b"") -> bool:
self.password = password
password = getpass.getpass("Password: ")
password=self.cfg.db1.password
key = hashlib.sha256(data).hexdigest()
secret = hmac.new(key, msg, hashlib.sha256)
token = tokens[i + 1]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
password: z.string().min(8).max(64),
password: "Password must be at least 8 characters!"
<label for="password">Password</label><input type="password" name="password">
JWT_ALGORITHM=HS256
key: "AES-256-GCM"
S3_KEY=uploads/2024/05/report-final-v2.pdf
private_key=/etc/ssl/private/server2.key
ssh_key: ~/.ssh/id_ed25519
key_id = 'A1B2C3D4E5F6A7B8'
auth_token_ttl = "15m30s"
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
if line == "-----BEGIN RSA PRIVATE KEY-----" or line == "-----END RSA PRIVATE KEY-----":
""".strip().splitlines()


class Notations(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())
        self.redactor = Redactor()

    def value(self, alphabet: str, length: int) -> str:
        return "".join(self.rng.choice(alphabet) for _ in range(length))

    def shows(self, text: str, value: str) -> bool:
        return value in self.redactor.redact(text).text

    def test_hide_a_random_value_in_ninety_nine_of_a_hundred_cases(self) -> None:
        names = NAMES if LONG else self.rng.sample(NAMES, 8)
        cases = [
            (notation, name, self.value(alphabet, length))
            for notation in QUOTED + BARE
            for name in names
            for alphabet, length in ((RANDOM, 20), (RANDOM, 40), (HEX, 32), (HEX, 64))
        ]
        shown = [case for case in cases if self.shows(fill(*case), case[2])]
        self.assertLess(len(shown), len(cases) / 100, shown[:5])

    def test_hide_a_password_that_a_person_made(self) -> None:
        for notation in ('{n} = "{v}"', "{n}: {v}", "{n}={v}", '"{n}": "{v}"', "<{n}>{v}</{n}>"):
            for value in ("Winter2024!", "hunter22", "correct-Horse7", "P@ssw0rd!x", "s3cret#1"):
                with self.subTest(notation, value=value):
                    self.assertFalse(self.shows(fill(notation, "db_password", value), value))

    def test_hide_a_password_whichever_it_is(self) -> None:
        for name in ("DB_PASSWORD_PROD", "dbPasswordValue", "password_test", "passwd2"):
            self.assertFalse(self.shows(f'{name} = "Winter2024!"', "Winter2024!"), name)

    def test_hide_a_password_as_google_shows_it(self) -> None:
        value = " ".join("".join(self.rng.choices(string.ascii_lowercase, k=4)) for _ in range(4))
        self.assertFalse(self.shows(f'SMTP_PASSWORD = "{value}"', value))

    def test_hide_what_switches_between_letters_and_digits(self) -> None:
        for value in ("ItTERyH51tI4", "bHIzBeefcK30", "ruH38RlCsexe"):
            self.assertFalse(self.shows(f'auth_token = "{value}"', value), value)

    def test_hide_every_item_of_a_list(self) -> None:
        values = [self.value(RANDOM, 28) + "4k" for _ in range(3)]
        text = 'tokens = ["{}", "{}",\n    "{}"]'.format(*values)
        self.assertEqual([value for value in values if self.shows(text, value)], [])

    def test_hide_a_value_that_json_escaped_up_to_three_times(self) -> None:
        text = value = self.value(RANDOM, 24)
        text = json.dumps({"client_secret": value})
        for _ in range(3):
            self.assertFalse(self.shows(text, value), text)
            text = json.dumps({"body": text})

    def test_show_everything_but_the_value(self) -> None:
        value = self.value(HEX, 40)
        redacted = self.redactor.redact(f'x = 1\nclient.setApiKey("{value}", retries=3)\ny = 2\n')
        token = redacted.text[len('x = 1\nclient.setApiKey("') : -len('", retries=3)\ny = 2\n')]
        self.assertRegex(token, r"^\[redacted:secret:[0-9a-f]{4}\]$")


class NoSecrets(unittest.TestCase):
    def test_stay_in_files_diffs_and_blocks(self) -> None:
        redactor = Redactor()
        for line in NO_SECRETS:
            for text in (line, f"+{line}\n", f"    {line}\n", f"- {line}"):
                with self.subTest(line):
                    self.assertEqual(redactor.redact(text).text, text)


def fill(notation: str, name: str, value: str) -> str:
    return notation.format(n=name, v=value)


if __name__ == "__main__":
    unittest.main()
