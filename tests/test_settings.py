"""Every source of settings, what is refused, and that no secret is ever shown."""

import tomllib
import unittest
from dataclasses import replace
from pathlib import Path

from support import ROOT, chance, scratch

from codex_oss.errors import BadSettings
from codex_oss.layout import Layout
from codex_oss.settings import (
    SETTINGS,
    Settings,
    load_settings,
    settings_here,
    with_local_key,
)

MARK = "sk-a-secret-that-nobody-may-see"


class Project(unittest.TestCase):
    def setUp(self) -> None:
        self.project = self.enterContext(scratch())
        self.layout = Layout(self.project)
        self.home = self.project / "home"
        self.environ = {"HOME": str(self.home)}

    def write(self, path: Path, data: str | bytes, mode: int = 0o600) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return path

    def load(self, **environ: str) -> Settings:
        return load_settings(self.environ | environ, self.project)

    def faults(self, **environ: str) -> list[str]:
        with self.assertRaises(BadSettings) as caught:
            self.load(**environ)
        self.assertNotIn(MARK, f"{caught.exception}{caught.exception.faults}")
        return [str(fault) for fault in caught.exception.faults]


class Values(Project):
    def test_without_any_source_every_default_holds(self) -> None:
        expected = replace(
            Settings(),
            codex_oss_project=self.project,
            codex_home=self.home / ".codex",
            given=self.environ,
            environ=self.environ,
        )
        self.assertEqual(self.load(), expected)

    def test_each_type_reads_what_users_write(self) -> None:
        cases = {
            "PROXY_PORT": ("0", 0),
            "PROXY_MAX_BODY_BYTES": ("1048576", 1 << 20),
            "PROXY_ALLOW_REMOTE": ("Yes", True),
            "OSS_INLINE_REPORT_JSON": ("off", False),
            "PROXY_ALLOWED_HOSTS": (" a:1, b:2 ,,", ("a:1", "b:2")),
            "MODEL_MAP_JSON": ('{"x": "kimi"}', {"x": "kimi"}),
            "PROFILES_JSON": ('[{"name": "x"}]', '[{"name": "x"}]'),
            "OSS_VISIBLE_TRACE": ("detailed", "detailed"),
            "CODEX_HOME": ("~/other", self.home / "other"),
            "PROXY_LOG_PATH": ("logs/x.log", self.project / "logs" / "x.log"),
        }
        settings = self.load(**{name: text for name, (text, _) in cases.items()})
        read = {name: getattr(settings, name.lower()) for name in cases}
        self.assertEqual(read, {name: value for name, (_, value) in cases.items()})

    def test_every_bad_value_is_told_at_once_with_what_was_expected(self) -> None:
        bad = {
            "PROXY_PORT": ("40000000", 'expected 0..65535, got "40000000"'),
            "SSE_CHUNK_SIZE": ("-1", 'expected 16..65536, got "-1"'),
            "PROXY_MAX_CONNECTIONS": ("²", 'expected 8..65536, got "²"'),
            "UPSTREAM_QUEUE_MAX": ("1_0", 'expected 0..4096, got "1_0"'),
            "REQUEST_DEADLINE_SECONDS": ("4", 'expected 5..3600, got "4"'),
            "PROXY_ALLOW_REMOTE": ("maybe", "expected one of 1, true, yes, on, 0"),
            "OSS_VISIBLE_TRACE": ("loud", 'expected one of off, summary, detailed, got "loud"'),
            "PROXY_HOST": ("a b", "expected an address of this machine"),
            "OPENAI_BASE_URL": (
                "https://user@api.example/v1",
                "expected https://HOST/PATH, or http",
            ),
            "UPSTREAM_BASE": ("http://far.example/v1", "expected https://HOST/PATH, or http"),
            "MODEL_MAP_JSON": ('{"a": 1}', "expected a JSON object of strings"),
            "PROFILES_JSON": ("[" * 100_000, "expected one JSON document"),
            "FALLBACK_MODEL_MAP_JSON": ('{"a": "b"}', "expected a JSON object of lists"),
            "GPT_MODEL_STRATEGY": ("gpt", "expected one of error, oss, alias"),
            "MODEL_CONCURRENCY_JSON": ('{"a": 0}', "expected a JSON object of 1..1024"),
            "OPENAI_API_KEY": (f"pass://{MARK}", "expected the key itself: no reference"),
            "OPENCODE_GO_API_KEY": (f"{MARK} with blanks", "expected visible ASCII characters"),
        }
        found = self.faults(**{name: text for name, (text, _) in bad.items()})
        rows = [row.name for row in SETTINGS if row.name in bad]
        self.assertEqual([fault.split(":")[0] for fault in found], rows)
        for fault in found:
            name, told = fault.split(": ", 1)
            with self.subTest(name):
                self.assertTrue(told.startswith(bad[name][1]), told)
                self.assertLess(len(told), 200)

    def test_every_word_for_what_a_gpt_name_gets(self) -> None:
        for words, strategy in (
            ("error", "error"),
            ("oss alias alias_to_oss opencode", "oss"),
            ("openai passthrough", "openai"),
        ):
            for word in words.split():
                found = self.load(GPT_MODEL_STRATEGY=word, OPENAI_API_KEY=MARK)
                self.assertEqual(found.gpt_model_strategy, strategy)
        told = ["OPENAI_API_KEY: GPT_MODEL_STRATEGY=openai needs it"]
        self.assertEqual(self.faults(GPT_MODEL_STRATEGY="openai"), told)


class EnvFiles(Project):
    def write_env(self, data: str | bytes, mode: int = 0o600) -> None:
        self.write(self.layout.env_file, data, mode)

    def test_every_way_to_write_a_value_gives_what_the_environment_would(self) -> None:
        self.write_env(
            b'\xef\xbb\xbfexport A="x y" # said\r\n'
            b"B='z # \"$HOME\"'\r\n"
            b"  # a comment\r\n"
            b"\r\n"
            b"C=plain#not-a-comment # a comment\n"
            b"D=\n"
            b'E="line\\nbreak \\"q\\" back\\\\slash"\n'
            b'F={"a": "b c"}\n'
            b"  export   G=$HOME/x\n"
            b"A_B2='over'\n"
            b"A_B2=last  "
        )
        expected = {
            "A": "x y",
            "B": 'z # "$HOME"',
            "C": "plain#not-a-comment",
            "E": 'line\nbreak "q" back\\slash',
            "F": '{"a": "b c"}',
            "G": "$HOME/x",
            "A_B2": "last",
        }
        self.assertEqual(self.load().given, expected | self.environ)

    def test_a_bad_line_is_named_and_not_shown(self) -> None:
        bad = (
            f"{MARK}",
            f"KEY ={MARK}",
            f"KEY= {MARK}",
            f"1KEY={MARK}",
            f"KEY='{MARK}",
            f'KEY="{MARK}',
            f'KEY="{MARK}\\x"',
            f"KEY='{MARK}' more",
        )
        self.write_env("# first\n" + "\n".join(bad))
        self.assertEqual(
            self.faults(),
            [f"opencode-go.env:{n}: expected NAME=value" for n in range(2, len(bad) + 2)],
        )

    def test_bytes_that_are_no_text_are_a_bad_line(self) -> None:
        self.write_env(b"A=1\nB=\xff\n")
        self.assertEqual(self.faults(), ["opencode-go.env:2: expected UTF-8"])

    def test_a_reference_to_another_programs_secret_is_refused(self) -> None:
        self.write_env("\nOPENCODE_GO_API_KEY=pass://vault/item\n")
        expected = "opencode-go.env:2: OPENCODE_GO_API_KEY is a reference, and none is followed"
        self.assertEqual(self.faults(), [expected])

    def test_the_environment_wins_unless_it_is_empty(self) -> None:
        self.write_env("PROXY_PORT=1\nSSE_CHUNK_SIZE=20\n")
        settings = self.load(PROXY_PORT="2", SSE_CHUNK_SIZE="")
        self.assertEqual((settings.proxy_port, settings.sse_chunk_size), (2, 20))

    def test_a_bad_value_says_the_line_it_stands_on(self) -> None:
        self.write_env("\nPROXY_PORT=x\n")
        with self.assertRaises(BadSettings) as caught:
            self.load()
        hint = "set in opencode-go.env:2; without it, the default is 4000"
        self.assertEqual(caught.exception.faults[0].hint, hint)

    def test_a_key_may_stand_in_a_file_of_its_own(self) -> None:
        self.write(self.home / "key", f"{MARK}\n")
        self.write_env("OPENCODE_GO_API_KEY_FILE=~/key\n")
        self.assertEqual(self.load().opencode_go_api_key, MARK)
        for name in ("missing", "home"):
            self.write_env(f"OPENCODE_GO_API_KEY_FILE={name}\n")
            expected = "opencode-go.env:1: OPENCODE_GO_API_KEY_FILE names no file with a key"
            self.assertIn(expected, self.faults())

    def test_a_file_that_others_can_read_or_that_is_none_is_told(self) -> None:
        self.write_env("", mode=0o640)
        self.assertIn("run chmod 600", str(self.load().warnings[0]))
        self.layout.env_file.unlink()
        self.layout.env_file.symlink_to("/dev/zero")
        self.assertIn("cannot be read", self.faults()[0])


class Keys(Project):
    def test_the_local_key_is_looked_up_in_order(self) -> None:
        self.assertEqual(self.load().local_key, "")
        self.write(self.layout.local_key, "project-key")
        self.assertEqual(self.load().local_key, "project-key")
        self.write(self.home / ".codex" / "codex-oss" / "local.key", "installed-key\n")
        self.assertEqual(self.load().local_key, "installed-key")
        self.assertEqual(self.load(CODEX_HOME="/nowhere").local_key, "project-key")
        self.assertEqual(self.load(CODEX_OSS_LOCAL_TOKEN="third").local_key, "third")
        self.assertEqual(self.load(PROXY_API_KEY="first").local_key, "first")

    def test_a_first_start_makes_a_key_that_stays(self) -> None:
        made = with_local_key(self.load())
        self.assertRegex(made.local_key, r"^sk-oss-[A-Za-z0-9_-]{43}$")
        self.assertEqual(self.layout.local_key.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.layout.folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.load().local_key, made.local_key)
        self.assertEqual(with_local_key(self.load(CODEX_HOME="/x")).local_key, made.local_key)

    def test_a_key_file_without_a_key_is_refused(self) -> None:
        for data in (b"", b"\n", b"two words", b"\xff\xfe"):
            self.write(self.layout.local_key, data)
            with self.subTest(data):
                self.assertEqual(self.faults(), [f"{self.layout.local_key}: holds no key"])

    def test_names_of_one_key_that_differ_are_refused(self) -> None:
        found = self.faults(PROXY_API_KEY="a", LITELLM_MASTER_KEY="a", CODEX_OSS_LOCAL_TOKEN="b")
        self.assertEqual(found, ["CODEX_OSS_LOCAL_TOKEN: differs from PROXY_API_KEY"])
        self.assertEqual(self.load(PROXY_API_KEY="a", LITELLM_MASTER_KEY="a").local_key, "a")

    def test_a_local_key_that_is_also_a_providers_is_refused(self) -> None:
        upstream = ("OPENCODE_GO_API_KEY", "UPSTREAM_API_KEY", "OPENCODE_API_KEY", "OPENAI_API_KEY")
        for name in upstream:
            found = self.faults(PROXY_API_KEY=MARK, **{name: MARK})
            self.assertEqual(found, [f"{name}: equals the local key"])
        self.write(self.layout.local_key, MARK)
        self.assertEqual(
            self.faults(OPENCODE_API_KEY=MARK), ["OPENCODE_API_KEY: equals the local key"]
        )

    def test_a_weak_key_is_warned_of_and_an_empty_one_too(self) -> None:
        [notice] = self.load(PROXY_API_KEY="sk-local-codex-bridge").warnings
        self.assertIn("well-known", notice.message)
        [notice] = self.load(PROXY_API_KEY="").warnings
        self.assertIn("still asked for", notice.message)

    def test_a_port_open_to_others_needs_a_word_and_a_long_key(self) -> None:
        for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
            with self.subTest(host):
                told = f"PROXY_HOST: {host} is reached by other machines"
                self.assertEqual(self.faults(PROXY_HOST=host), [told])
        opened = {"PROXY_HOST": "0.0.0.0", "PROXY_ALLOW_REMOTE": "1"}
        told = "PROXY_HOST: the local key has fewer than 32 characters"
        self.assertEqual(self.faults(PROXY_API_KEY="k" * 31, **opened), [told])
        self.assertEqual(self.load(PROXY_API_KEY="k" * 32, **opened).proxy_host, "0.0.0.0")
        for host in ("127.0.0.1", "127.8.9.1", "::1"):
            self.assertEqual(self.load(PROXY_HOST=host).proxy_host, host)
        self.assertEqual(self.load(PROXY_HOST="[::1]").proxy_host, "::1")
        self.assertEqual(self.load(PROXY_HOST="localhost").proxy_host, "127.0.0.1")

    def test_a_providers_key_has_three_names_and_others_their_own(self) -> None:
        cases = (
            ({}, "OPENCODE_GO_API_KEY", ""),
            ({"OPENCODE_API_KEY": "c"}, "OPENCODE_API_KEY", "c"),
            ({"OPENCODE_API_KEY": "c", "UPSTREAM_API_KEY": "b"}, "UPSTREAM_API_KEY", "b"),
            ({"OPENCODE_GO_API_KEY": "a", "OPENCODE_API_KEY": "c"}, "OPENCODE_GO_API_KEY", "a"),
        )
        for environ, name, key in cases:
            settings = self.load(**environ)
            with self.subTest(environ):
                self.assertEqual(settings.provider_key("OPENCODE_GO_API_KEY"), key)
                self.assertEqual(settings.provider_key_name("OPENCODE_GO_API_KEY"), name)
                self.assertEqual(settings.default_profile, "kimi" if key else "rehearsal")
        self.assertEqual(self.load(VLLM_KEY="v").provider_key("VLLM_KEY"), "v")
        self.assertEqual(self.load(OSS_DEFAULT_PROFILE="x").default_profile, "x")

    def test_no_secret_is_in_what_settings_show(self) -> None:
        secrets = {row.name: f"{MARK}-{row.name}" for row in SETTINGS if row.is_secret}
        local = dict.fromkeys(
            ("LITELLM_MASTER_KEY", "CODEX_OSS_LOCAL_TOKEN"), secrets["PROXY_API_KEY"]
        )
        settings = self.load(**secrets | local)
        self.assertNotIn(MARK, repr(settings))
        self.assertEqual(set(settings.secrets), set((secrets | local).values()))

    def test_the_fingerprint_sees_values_but_of_secrets_only_that_they_are_set(self) -> None:
        plain = self.load().fingerprint
        self.assertEqual(self.load().fingerprint, plain)
        self.assertNotEqual(self.load(PROXY_PORT="1").fingerprint, plain)
        one, two = (self.load(OPENCODE_API_KEY=key).fingerprint for key in ("one", "two"))
        self.assertEqual(one, two)
        self.assertNotEqual(one, plain)


class WhereAProcessStarts(Project):
    def test_flags_win_and_the_project_is_found_or_named(self) -> None:
        below = self.project / "a" / "b"
        self.write(self.layout.install_manifest, "{}")
        self.write(self.layout.env_file, "SSE_CHUNK_SIZE=20\n")
        below.mkdir(parents=True)
        found = settings_here(below, {"PROXY_PORT": "7"})
        self.assertEqual(
            (found.codex_oss_project, found.sse_chunk_size, found.proxy_port),
            (self.project, 20, 7),
        )
        named = settings_here(self.project, {"CODEX_OSS_PROJECT": "a/b"})
        self.assertEqual(named.codex_oss_project, below)

    def test_a_project_that_is_no_folder_is_refused(self) -> None:
        with self.assertRaises(BadSettings) as caught:
            settings_here(self.project, {"CODEX_OSS_PROJECT": "missing"})
        self.assertEqual([f.path for f in caught.exception.faults], ["CODEX_OSS_PROJECT"])


class Random(Project):
    def test_any_value_that_is_quoted_comes_back_as_it_was(self) -> None:
        random = chance()
        for _ in range(300):
            value = "".join(random.choices("aé \"'\\n#=$\t{}", k=random.randrange(1, 12)))
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            self.write(self.layout.env_file, f'X="{quoted}"\n')
            self.assertEqual(self.load().given["X"], value)

    def test_any_bytes_at_all_are_read_or_refused(self) -> None:
        random = chance()
        for _ in range(300):
            self.write(self.layout.env_file, bytes(random.choices(b"A=\"'\\ \n\r#\xff/:", k=40)))
            try:
                self.load()
            except BadSettings as error:
                self.assertTrue(error.faults)


class Examples(unittest.TestCase):
    def test_the_example_of_an_env_file_shows_every_setting_with_its_default(self) -> None:
        lines = (ROOT / "opencode-go.env.example").read_text("utf-8").splitlines()
        rows = [line[1:] for line in lines if line.startswith("#") and line[1:2].isupper()]
        with scratch() as project:
            file = Layout(project).env_file
            file.parent.mkdir(parents=True)
            file.write_text("\n".join(rows), "utf-8")
            given = load_settings({}, project).given
        effective = [row for row in SETTINGS if not row.waits_for]
        expected = {row.name: row.default for row in effective if row.default}
        self.assertEqual(given, expected)
        names = [row.split("=")[0] for row in rows]
        self.assertEqual(names, [row.name for row in effective])
        self.assertEqual(names[0], "OPENCODE_GO_API_KEY")

    def test_each_block_of_the_codex_example_is_toml_and_says_what_it_should(self) -> None:
        text = (ROOT / "config.toml.example").read_text("utf-8")
        blocks = text.split("\n# ---- ")[1:]
        keys = set()
        for block in blocks:
            lines = [line.removeprefix("# ") for line in block.splitlines()[1:]]
            keys |= {
                (table, name)
                for table, names in tomllib.loads("\n".join(lines)).items()
                for name in names
            }
        self.assertEqual(
            keys,
            {
                ("model_providers", "opencode_bridge"),
                ("model_providers", "oss_runtime"),
                ("projects", "/path/to/your/project"),
            },
        )
        self.assertNotIn("\nmodel_provider", text)


if __name__ == "__main__":
    unittest.main()
