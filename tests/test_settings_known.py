"""Every variable of the documents is known, and whoever sets one that does nothing is told so."""

import json
import unittest
from dataclasses import dataclass
from pathlib import Path

from support import ROOT, scratch
from support.bridges import bridge
from support.clients import Client
from support.commands import CommandLine
from support.missions import contract, write_tree
from support.processes import bridge_process, profile
from support.providers import ScriptedProvider, text

from codex_oss.contract import render_handoff
from codex_oss.errors import BadSettings
from codex_oss.settings import SETTINGS, Settings, load_settings

MARK = "a-value-that-nobody-may-see"
DOCUMENTED = Path(__file__).parent / "support" / "settings_rows.txt"


@dataclass(frozen=True)
class Row:
    section: str
    name: str
    origin: str
    default: str


def documented() -> dict[str, Row]:
    lines = DOCUMENTED.read_text("utf-8").splitlines()
    rows = [Row(*line.split(" ", 3)) for line in lines if not line.startswith("#")]
    return {row.name: row for row in rows}


class Table(unittest.TestCase):
    def test_every_documented_variable_is_known_with_its_default_and_no_other_is(self) -> None:
        known = {row.name: row.default for row in SETTINGS}
        defaults = {row.name: "" if row.default == "-" else row.default for row in ROWS.values()}
        self.assertEqual(known, defaults)

    def test_the_readme_lists_every_variable_that_users_already_follow(self) -> None:
        readme = (ROOT / "README.md").read_text("utf-8")
        followed = [row.name for row in ROWS.values() if row.origin == "S"]
        self.assertEqual([name for name in followed if f"| `{name}` |" not in readme], [])

    def test_what_has_no_effect_is_no_field_and_what_has_one_is(self) -> None:
        for row in SETTINGS:
            has_field = row.name.lower() in Settings.__dataclass_fields__
            self.assertEqual(has_field, not row.waits_for, row.name)

    def test_every_field_is_read_by_somebody(self) -> None:
        code = [path.read_text("utf-8") for path in (ROOT / "codex_oss").glob("**/*.py")]
        for row in SETTINGS:
            if not row.waits_for and row.name not in READ_BY_NAME:
                used = sum(source.count(f".{row.name.lower()}") for source in code)
                self.assertGreater(used, 0, row.name)


ROWS = documented()
READ_BY_NAME = {
    "OPENCODE_GO_API_KEY",
    "UPSTREAM_API_KEY",
    "OPENCODE_API_KEY",
    "PROXY_API_KEY",
    "LITELLM_MASTER_KEY",
    "CODEX_OSS_LOCAL_TOKEN",
}
"""Keys that are looked up among what was set, since a key has several names."""


class Notices(unittest.TestCase):
    def notices(self, **environ: str) -> list[tuple[str, str, str]]:
        with scratch() as project:
            found = load_settings(environ, project).warnings
        self.assertNotIn(MARK, str(found))
        return [(notice.path, notice.code, notice.message) for notice in found]

    def test_a_name_that_nobody_knows_is_told_with_the_nearest_one(self) -> None:
        near = {
            "OSS_VISIBLE_TRAC": "OSS_VISIBLE_TRACE",
            "CODEX_OSS_PROJET": "CODEX_OSS_PROJECT",
            "CODEX_BRIDGE_PROT": "CODEX_BRIDGE_PORT",
            "PROXY_APIKEY": "PROXY_API_KEY",
            "UPSTREAM_BASE_URL": "UPSTREAM_BASE",
            "SSE_CHUNKSIZE": "SSE_CHUNK_SIZE",
            "CIRCUIT_BREAKER_ERROR": "CIRCUIT_BREAKER_ERRORS",
        }
        for name, nearest in near.items():
            told = f"is no setting; did you mean {nearest}?"
            self.assertEqual(self.notices(**{name: MARK}), [(name, "settings.unknown", told)])
        [(_, code, told)] = self.notices(MISSION_QQQQ=MARK)
        self.assertEqual((code, told), ("settings.unknown", "is no setting"))

    def test_other_programs_variables_and_keys_of_profiles_are_their_own_business(self) -> None:
        others = {"PATH": "/bin", "OSSIFY": MARK, "PROXYCHAINS": MARK, "MY_PROXY_X": MARK}
        self.assertEqual(self.notices(**others, CODEX_OSS_SEED="1", CODEX_OSS_LIVE="1"), [])
        profiles = json.dumps({"acme": {"base_url": "https://a.example", "key_env": "OSS_ACME"}})
        self.assertEqual(self.notices(OSS_ACME=MARK, PROFILES_JSON=profiles), [])

    def test_what_is_superseded_is_told_with_what_is_there_instead(self) -> None:
        for name, words in (
            ("OSS_DIRECT_WRITE_HANDOFFS", "`mission promote`"),
            ("DIRECT_AGENT_LOOP_V2", "nothing is replayed"),
            ("OSS_SERVER_SIDE_READ_FINALIZER_MAX_FILES", "`context_pack_report`"),
            ("OSS_PATCH_NARRATIVE_X", "mission budgets"),
            ("WRITE_REPORT_DEADLINE_SECONDS", "CONTINUATION_DEADLINE_SECONDS"),
            ("MISSION_SLOT_STALE_SECONDS", "fixed behaviour"),
        ):
            [(said, code, told)] = self.notices(**{name: MARK})
            self.assertEqual((said, code), (name, "settings.superseded"))
            self.assertIn(words, told)

    def test_what_waits_for_a_later_part_is_told_and_held_against_its_type(self) -> None:
        told = "has no effect in this version, which has no sessions yet"
        expected = [("CODEX_MAX_SESSIONS", "settings.no_effect", told)]
        self.assertEqual(self.notices(CODEX_MAX_SESSIONS="7"), expected)
        expected = [("ALLOW_A5_WORKSPACE_APPLY", "settings.no_effect", "has no effect")]
        self.assertEqual(self.notices(ALLOW_A5_WORKSPACE_APPLY="1"), expected)
        with scratch() as project, self.assertRaises(BadSettings) as caught:
            load_settings({"CODEX_RUNTIME_KIND": "x", "OSS_RUN_USAGE_UNITS": "-1"}, project)
        self.assertEqual(
            [str(fault) for fault in caught.exception.faults],
            [
                'OSS_RUN_USAGE_UNITS: expected a number, as in 0.5, got "-1"',
                'CODEX_RUNTIME_KIND: expected one of app_server_adapter, exec, got "x"',
            ],
        )

    def test_a_file_of_a_key_counts_in_the_env_file_alone(self) -> None:
        expected = [
            ("PROXY_API_KEY_FILE", "settings.no_effect", "has an effect only in the env file")
        ]
        self.assertEqual(self.notices(PROXY_API_KEY_FILE="/key"), expected)

    def test_a_store_in_a_folder_of_everybody_is_told(self) -> None:
        with scratch() as folder:
            folder.chmod(0o777)
            [notice] = load_settings({"PROXY_STATE_DB": f"{folder}/x.sqlite3"}, folder).warnings
        self.assertEqual((notice.path, notice.code), ("PROXY_STATE_DB", "bridge.state_db"))


class AtTheStart(unittest.TestCase):
    """What `settings.md` wants shown, with real commands."""

    def test_bad_values_are_all_named_and_nothing_starts(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        done = line.run("up", "--daemon", PROXY_PORT="abc", SSE_CHUNK_SIZE="-1")
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn('PROXY_PORT: expected 0..65535, got "abc"', done.err)
        self.assertIn('SSE_CHUNK_SIZE: expected 16..65536, got "-1"', done.err)
        self.assertFalse((line.project / ".codex-oss").exists())

    def test_a_bad_line_is_named_by_its_place(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        env_file = line.project / ".codex-oss" / "env" / "opencode-go.env"
        env_file.parent.mkdir(parents=True)
        env_file.write_text(f"# keys\n\n{MARK}\n")
        done = line.run("status")
        self.assertEqual(done.code, 1)
        self.assertIn("opencode-go.env:3", done.err)
        self.assertNotIn(MARK, done.err)

    def test_an_open_port_and_a_shared_key_are_refused(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        for words, environ in (
            ("PROXY_HOST: 0.0.0.0 is reached by other machines", {"PROXY_HOST": "0.0.0.0"}),
            (
                "OPENCODE_GO_API_KEY: equals the local key",
                {"PROXY_API_KEY": MARK, "OPENCODE_GO_API_KEY": MARK},
            ),
        ):
            done = line.run("up", "--port", "0", **environ)
            self.assertEqual(done.code, 1)
            self.assertIn(words, done.err)
            self.assertNotIn(MARK, done.err)

    def test_a_first_start_makes_a_key_and_the_well_known_one_is_not_it(self) -> None:
        project = self.enterContext(scratch())
        with bridge_process(project, PROXY_API_KEY="") as bridge:
            key = (project / ".codex-oss" / "run" / "local.key").read_text()
            self.assertRegex(key, r"^sk-oss-[A-Za-z0-9_-]{43}$")
            for presented, status in (("sk-local-codex-bridge", 401), ("", 401), (key, 200)):
                answer = bridge.client.get("/health", Authorization=f"Bearer {presented}")
                self.assertEqual(answer.status, status)
        self.assertIn("PROXY_API_KEY: is empty", "".join(bridge.said))

    def test_what_a_person_should_know_is_said_logged_and_in_health(self) -> None:
        project = self.enterContext(scratch())
        log = project / "logs" / "of" / "bridge.log"
        given = {
            "OSS_VISIBLE_TRAC": MARK,
            "OSS_DIRECT_WRITE_HANDOFFS": "1",
            "CODEX_MAX_SESSIONS": "7",
            "PROXY_API_KEY": "sk-local-codex-bridge",
        }
        with bridge_process(project, PROXY_LOG_PATH=str(log), **given) as bridge:
            key = "Bearer sk-local-codex-bridge"
            health = bridge.client.get("/health", Authorization=key).json
        expected = {
            "OSS_VISIBLE_TRAC": "settings.unknown",
            "OSS_DIRECT_WRITE_HANDOFFS": "settings.superseded",
            "CODEX_MAX_SESSIONS": "settings.no_effect",
            "PROXY_API_KEY": "settings.weak_key",
        }
        self.assertEqual({each["path"]: each["code"] for each in health["warnings"]}, expected)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        logged = {line["path"]: line["code"] for line in lines if line["event"] == "setting"}
        self.assertEqual(logged, expected)
        said = "".join(bridge.said)
        for name in expected:
            self.assertIn(f"warning: {name}: ", said)
        self.assertNotIn(MARK, said + str(health) + str(lines))

    def test_help_lists_every_variable_with_its_default(self) -> None:
        line = CommandLine(self.enterContext(scratch()))
        [done] = line.each(["up", "--help"])
        for row in SETTINGS:
            self.assertIn(f"\n  {row.name} ", done.out)
            self.assertEqual(row.waits_for != "", f"{row.name} has no effect" in done.out)


class Effects(unittest.TestCase):
    """Settings that change what a whole bridge says."""

    def test_a_sign_of_life_may_have_a_comment(self) -> None:
        with ScriptedProvider(always=text("late").after(1.3)) as provider:
            for switch, count in (("0", 0), ("1", 1)):
                heard = {"SSE_HEARTBEAT_COMMENT": switch, "SSE_UPSTREAM_HEARTBEAT_SECONDS": "1"}
                project = self.enterContext(scratch())
                running = self.enterContext(bridge(project, provider, **heard))
                turn = {"model": "scripted", "input": "hi", "stream": True}
                came = running.client.turn(turn).body
                self.assertEqual(came.count(b": heartbeat\n\nevent: response.in_progress\n"), count)
                self.assertEqual(came.count(b": heartbeat"), count)

    def test_calls_that_are_written_as_text_are_taken_as_the_setting_says(self) -> None:
        written = '<tool_call>{"name": "look", "arguments": {}}</tool_call>'
        tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]
        with ScriptedProvider(always=text(written)) as provider:
            for setting, kind in (("off", "message"), ("all", "function_call")):
                project = self.enterContext(scratch())
                running = self.enterContext(bridge(project, provider, SALVAGE_TOOL_CALLS=setting))
                turn = {"model": "scripted", "input": "hi", "tools": tools}
                answer = running.client.turn(turn).json
                self.assertEqual([item["type"] for item in answer["output"]], [kind], setting)

    def test_profiles_may_stand_in_a_file_of_toml(self) -> None:
        with ScriptedProvider(always=text("ok")) as provider:
            lines = f'provider = "openai_compatible"\nbase_url = "{provider.base_url}"\n'
            for name, environ in (
                (".codex-oss/env/profiles.toml", {}),
                ("mine.toml", {"PROFILES_FILE": "mine.toml"}),
            ):
                project = self.enterContext(scratch())
                file = project / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f'[mine]\n{lines}upstream_model = "acme-2"\n')
                running = self.enterContext(bridge(project, provider, **environ))
                self.assertEqual(running.client.turn({"model": "mine", "input": "hi"}).status, 200)
                self.assertEqual(provider.requests[-1].body["model"], "acme-2")

    def test_a_file_of_profiles_that_cannot_be_used_is_refused_with_its_place(self) -> None:
        project = self.enterContext(scratch())
        (project / "bad.toml").write_text('[mine]\nprovidr = "x"\n')
        (project / "folder.toml").mkdir()
        for name, told in (
            ("none.toml", "PROFILES_FILE: there is no file"),
            ("bad.toml", "bad.toml.mine.providr: expected one of the keys"),
            ("folder.toml", "folder.toml cannot be read"),
        ):
            with self.assertRaises(BadSettings) as caught:
                self.enterContext(bridge(project, PROFILES_FILE=name))
            self.assertIn(told, str(caught.exception))

    def test_no_secret_is_anywhere_after_a_run(self) -> None:
        """Every secret is a marker of its own; the local key's other names must be the same."""
        project = self.enterContext(scratch())
        write_tree(project)
        secrets = {row.name: f"{MARK}-{row.name}" for row in SETTINGS if row.is_secret}
        shared = ("LITELLM_MASTER_KEY", "CODEX_OSS_LOCAL_TOKEN")
        secrets |= dict.fromkeys(shared, secrets["PROXY_API_KEY"])
        secrets |= {"HTTPS_PROXY": f"http://{MARK}.invalid:1"}
        log, key = project / "bridge.log", secrets["PROXY_API_KEY"]
        with ScriptedProvider(always=text("ok")) as provider:
            profiles = profile(provider.base_url, key_env="OPENCODE_GO_API_KEY")
            variables = {"PROXY_LOG_PATH": str(log), "PROXY_LOG_LEVEL": "debug"} | secrets
            with bridge_process(project, profiles, **variables) as running:
                client = Client(running.port, key)
                mission = {"model": "mission-a3-rehearsal", "input": render_handoff(contract())}
                for turn in (mission, {"model": "scripted", "input": "hi"}):
                    self.assertEqual(client.turn(turn).status, 200)
                health = client.get("/health").body
        self.assertNotIn(MARK.encode(), health)
        self.assertNotIn(MARK, "".join(running.said))
        files = [path for path in project.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 15)
        self.assertEqual([path for path in files if MARK.encode() in path.read_bytes()], [])
        sent = provider.requests[0].headers["authorization"]
        self.assertEqual(sent, f"Bearer {secrets['OPENCODE_GO_API_KEY']}")

    def test_the_fingerprint_is_that_of_a_start_with_the_same_settings(self) -> None:
        project = self.enterContext(scratch())
        running = self.enterContext(bridge(project, SSE_CHUNK_SIZE="99"))
        said = running.client.get("/health").json["config_fingerprint"]
        same = running.workshop.settings.environ
        self.assertEqual(load_settings(same, project).fingerprint, said)
        other = load_settings({**same, "SSE_CHUNK_SIZE": "98"}, project)
        self.assertNotEqual(other.fingerprint, said)

    def test_a_mission_may_be_told_in_its_artifacts_alone(self) -> None:
        for switch in ("0", "1"):
            project = self.enterContext(scratch())
            write_tree(project)
            running = self.enterContext(bridge(project, OSS_VISIBLE_TRACE_STREAM=switch))
            turn = {"model": "mission-a3-rehearsal", "input": render_handoff(contract())}
            phases = [item["phase"] for item in running.client.turn(turn).json["output"]]
            self.assertEqual(phases[-1], "final_answer")
            self.assertEqual(len(phases) > 1, switch == "1")
            [told] = project.glob(".codex-oss/missions/*/visible_commentary.jsonl")
            self.assertGreater(len(told.read_text().splitlines()), 3)


if __name__ == "__main__":
    unittest.main()
