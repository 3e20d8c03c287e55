"""Where secrets really stand: a hundred places in files, logs, commands and configurations."""

import base64
import string
import unittest

from support import LONG, chance

from codex_oss.redaction import Redactor

LETTERS = string.ascii_letters + string.digits

# `§` is a random secret; what stands around it is as people and programs write it.
PLACES = {
    "compose, a map": "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: §\n",
    "compose, a list": "    environment:\n      - MYSQL_ROOT_PASSWORD=§\n      - TZ=UTC\n",
    "Kubernetes, a secret": "kind: Secret\ndata:\n  password: §=\n  username: YWRtaW4=\n",
    "Kubernetes, a dotted key": "kind: Secret\ndata:\n  db-conn.token: §=\n",
    "Kubernetes, an environment": "        - name: API_TOKEN\n          value: §\n",
    "Helm": "helm upgrade app ./chart --set auth.password=§ --wait\n",
    "kubectl": "kubectl create secret generic x --from-literal=token=§\n",
    ".npmrc": "//npm.example.org/:_authToken=§\n//npm.example.org/:_auth=§=\n",
    ".npmrc in a README": "Put this into `.npmrc`:\n\n```\n//npm.example.org/:_authToken=§\n```\n",
    ".netrc, one line": "machine api.example.org login me@example.org password §\n",
    ".netrc, three lines": "machine api.example.org\n  login me\n  password §\n",
    ".pgpass": "db.internal:5432:app:admin:§\n",
    ".env": "# local\nDEBUG=1\nSTRIPE_KEY=§\n",
    ".env with quotes and a comment": 'export GITHUB_TOKEN="§" # ci\n',
    "Java properties": "spring.datasource.username=app\nspring.datasource.password=§\n",
    "INI": "[auth]\nclient_secret : §\n",
    "TOML": '[registry]\ntoken = "§"\n',
    "Cargo credentials": '[registries.x]\ntoken = "Bearer §"\n',
    "AWS credentials": "[default]\naws_access_key_id = x\naws_secret_access_key = §\n",
    "Terraform, an attribute": 'resource "db" "x" {\n  username = "app"\n  password = "§"\n}\n',
    "Terraform, a default": 'variable "db_password" {\n  type    = string\n  default = "§"\n}\n',
    "Terraform state": '"attributes": {"id": "x", "secret": "§", "tags": {}}',
    "Ansible": 'ansible_become_pass: "§"\nvault_password=§\n',
    "GitHub Actions": "      env:\n        NPM_TOKEN: §\n",
    "CircleCI": '  - run: echo "export TOKEN=§" >> $BASH_ENV\n',
    "Dockerfile": "ENV API_TOKEN §\nARG SECRET=§\n",
    "Makefile": "API_KEY ?= §\n",
    "nginx": 'proxy_set_header X-Auth-Token "§";\n',
    "Maven settings": "<server>\n  <id>x</id>\n  <password>§</password>\n</server>",
    "web.config": '<appSettings>\n  <add key="ApiKey" value="§" />\n</appSettings>',
    "a property list": "<key>APIToken</key>\n\t<string>§</string>",
    "an HTML form": '<input type="hidden" name="csrf_token" value="§">',
    "Django, a database": "'default': {'USER': 'app', 'PASSWORD': '§', 'HOST': 'x'}",
    "Django, the key": "SECRET_KEY = 'django-insecure-§'\n",
    "Rails": 'config.secret_key_base = "§"\n  :password => "§",\n',
    "PHP": "define('DB_PASSWORD', '§');\n$config['api_key'] = '§';\n",
    "Python, an argument": 'client = Client(api_key="§", timeout=3)\n',
    "Python, a default": 'KEY = os.getenv("API_KEY", "§")\n',
    "Python, a header": "headers = [('X-Api-Key', '§')]\n",
    "a notebook": '{"source": ["openai.api_key = \\"§\\"\\n"]}',
    "Go": 'cfg := Config{\n\tAPIKey:  "§",\n}\n',
    "Rust": 'let api_key: &\'static str = "§";\n',
    "C": 'static const char kApiKey[] = "§";\n',
    "C#": 'builder.Configuration["Jwt:Secret"] = "§";\n',
    "Java, a setter": 'dataSource.setPassword("§");\n',
    "JavaScript, a default": 'const key = process.env.API_KEY || "§";\n',
    "webpack": '"process.env.API_KEY": JSON.stringify("§")',
    "shell, for one command": "DB_PASSWORD=§ STRIPE_KEY=§ ./serve --port 80\n",
    "shell, a default": 'TOKEN="${TOKEN:-§}"\n',
    "PowerShell": '$password = ConvertTo-SecureString "§" -AsPlainText -Force\n',
    "SQL": "CREATE USER app IDENTIFIED BY '§';\nALTER USER app WITH PASSWORD '§';\n",
    "curl, a header": "```sh\ncurl -H 'Authorization: Bearer §' https://example.org\n```",
    "curl, a token": 'curl -H "Authorization: token §" https://example.org/user\n',
    "curl, a user": 'curl -sS -u "admin:§" \\\n  https://example.org\n',
    "curl, another proxy": "curl --proxy-user me:§ https://example.org\n",
    "wget": "wget --user=admin --password=§ https://example.org\n",
    "sshpass": "sshpass -p § ssh root@example.org\n",
    "mysqldump": "mysqldump -u root -p§ app > dump.sql\n",
    "redis-cli": "redis-cli -h cache -a § ping\n",
    "docker run": "docker run -e DB_PASSWORD=§ -e TZ=UTC image\n",
    "docker login": "docker login -u me -p § registry.example.org\n",
    "a database's address": "DATABASE_URL=postgres://app:§@db.internal:5432/app?sslmode=require",
    "MongoDB's address": "mongodb+srv://app:§@cluster0.ab1cd.mongodb.net/?retryWrites=true",
    "an address without user": "redis://:§@cache:6379/0",
    "an address in JSON": '{"url": "https:\\/\\/me:§@git.example.org\\/x.git"}',
    "an address with a token": "git clone https://§@git.example.org/x.git",
    "ADO.NET": "Server=tcp:x.example.org;User ID=app;Password=§;Encrypt=true",
    "JDBC": "jdbc:mysql://db/app?user=app&password=§&useSSL=true",
    "a query": "GET /v1/x?access_token=§&page=2 HTTP/1.1",
    "a header": "X-Api-Key: §\r\nAccept: */*\r\n",
    "a cookie": "Set-Cookie: session_token=§; HttpOnly",
    "a log line": '10:00:00Z DEBUG request headers={"X-Api-Key": "§"}',
    "logfmt": 'level=info msg="login" token=§ user=1',
    "CSV": 'name,value\n"api_key","§"\n',
    "a table": "| api_key | § |\n",
    "prose": "the api key is § please rotate\nPassword: §\n",
    "a comment": '# api_key = §\n// apiKey: "§",\n',
    "a diff": '-  "apiKey": "§",\n+  "apiKey": "§",\n',
    "a block of YAML": "password: >-\n    §\n",
    "GraphQL": '{ "variables": { "input": { "password": "§" } } }',
    "JSON in JSON": r'{"body": "{\"client_secret\": \"§\"}"}',
    "colours of a terminal": "\x1b[31mtoken=§\x1b[0m ok",
    "an encoded address": "state=%7B%22api_key%22%3A%22§%22%7D",
    "HTML, escaped": "&quot;apiKey&quot;: &quot;§&quot;",
}
PASSWORDS = ("hunter2!", "Sommer2024", "correct-Horse7", "P@ssw0rd!", "s3cr3t-wort")
PASSWORD_PLACES = (
    "password: §\n",
    'DB_PASSWORD="§"\n',
    '"password": "§",\n',
    "<password>§</password>",
    "spring.datasource.password=§\n",
    "https://me:§@git.example.org/x.git",
    'curl -u "me:§" https://example.org',
    "Server=x;User Id=app;Password=§;",
    "docker run -e DB_PASSWORD=§ image",
    "PGPASSWORD=§ psql -h db app",
    "machine x login me password §\n",
    "--password=§ --verbose",
)


class Placements(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = chance(self.id())
        self.redactor = Redactor(key=b"test")

    def secret(self, length: int) -> str:
        return "".join(self.rng.choice(LETTERS) for _ in range(length)) + "4k"

    def assert_hidden(self, place: str, secret: str) -> None:
        text = place.replace("§", secret)
        redacted = self.redactor.redact(text)
        self.assertNotIn(secret, redacted.text)
        self.assertEqual(redacted.text.count("\n"), text.count("\n"))
        self.assertEqual(self.redactor.redact(redacted.text).text, redacted.text)

    def test_show_no_random_secret(self) -> None:
        for name, place in PLACES.items():
            for length in (22, 30, 38) if LONG else (30,):
                with self.subTest(name, length=length):
                    self.assert_hidden(place, self.secret(length))

    def test_show_no_password_that_a_person_made(self) -> None:
        for place in PASSWORD_PLACES:
            for password in PASSWORDS:
                with self.subTest(place, password=password):
                    self.assert_hidden(place, password)

    def test_show_no_credentials_in_base64(self) -> None:
        for before in ("Authorization: Basic ", '{"auths": {"x": {"auth": "', "proxy: basic "):
            encoded = base64.b64encode(f"me:{self.secret(12)}".encode()).decode()
            with self.subTest(before):
                self.assertNotIn(encoded.rstrip("="), self.redactor.redact(before + encoded).text)

    def test_show_every_line_that_holds_none(self) -> None:
        for name, place in PLACES.items():
            shown = self.redactor.redact(place.replace("§", self.secret(30))).text.split("\n")
            for number, line in enumerate(place.split("\n")):
                with self.subTest(name, line=number):
                    self.assertTrue("§" in line or shown[number] == line, shown[number])


if __name__ == "__main__":
    unittest.main()
