"""Profiles that a user writes: every key in its place, every fault told."""

import json
import re
import unittest
from dataclasses import fields, replace
from typing import Any

import support  # noqa: F401

from codex_oss.chat import Dialect
from codex_oss.errors import BadSettings
from codex_oss.profiles import (
    ModelProfile,
    Prices,
    Provider,
    family_of,
    parse_profiles,
    parse_toml_profiles,
    placed,
)

FLAGS: tuple[tuple[str, Any, Any], ...] = (  # A flag, a value it takes and one it does not.
    ("takes_late_system", True, 1),
    ("names_results", True, "yes"),
    ("call_ids", "kimi", "uuid"),
    ("replay", "tool_chain", "sometimes"),
    ("replay_needs_tools", True, None),
    ("missing_reasoning", "as_text", "drop"),
    ("reasoning_field", "reasoning", "thoughts"),
    ("refused", ["temperature"], ["top-p"]),
    ("tool_choices", ["required"], ["auto"]),
    ("schemas", "subset", "all"),
    ("response_formats", [], ["xml"]),
    ("max_tokens_field", "max_completion_tokens", "n"),
    ("output_tokens_default", 9, 0),
    ("temperatures", [1, 0.5], [3]),
    ("effort_words", {"minimal": "low"}, {"minimal": "little"}),
    ("thinking_switch", "enable_thinking", "think"),
    ("thinking_tokens_max", 2_048, 10),
    ("takes_cache_key", True, 0),
    ("think_tags", True, "<think>"),
    ("think_open", True, 1),
    ("strays_think_end", True, 1),
    ("salvage", ["kimi", "dsml"], ["yaml"]),
    ("eof_ok", True, 1),
    ("streams_tools", False, 1),
)


def frozen(flag: str, value: Any) -> Any:
    if isinstance(value, list):
        return frozenset(value) if flag == "refused" else tuple(value)
    return value


def the_one(body: dict[str, Any]) -> ModelProfile:
    (profile,) = parse_profiles(json.dumps({"p": body}))
    return profile


def paths_of(error: BadSettings, source: str = "PROFILES_JSON") -> list[str]:
    return [fault.path.removeprefix(f"{source}.") for fault in error.faults]


class UserProfiles(unittest.TestCase):
    def test_every_key_has_its_place(self) -> None:
        text = json.dumps(
            {
                "big": {
                    "provider": "openai",
                    "base_url": "https://llm.example.com/v1",
                    "key_env": "BIG_KEY",
                    "upstream_model": "big-1",
                    "wire": "chat",
                    "family": "glm",
                    "dialect": {
                        "think_tags": True,
                        "tool_choices": ["none"],
                        "refused": ["top_p"],
                    },
                    "context_window": 500_000,
                    "max_output_tokens": 20_000,
                    "efforts": ["max", "low"],
                    "modalities": ["text", "image"],
                    "prices": {
                        "input": 0.435,
                        "output": 2,
                        "cache_read": 0.003625,
                        "cache_write": 0.5,
                    },
                    "capability_tier": 5,
                    "lanes": ["scout", "review", "bounded_write", "open_investigation"],
                    "exposure": "remote",
                    "first_byte_seconds": 120,
                    "idle_seconds": 60,
                    "concurrency": 2,
                    "fallbacks": ["kimi", "openai/other:1"],
                }
            }
        )
        big = ModelProfile(
            name="big",
            upstream_model="big-1",
            provider=Provider("openai", "https://llm.example.com/v1", "BIG_KEY"),
            context_window=500_000,
            max_output_tokens=20_000,
            prices=Prices(435_000, 2_000_000, 3_625, 500_000),
            capability_tier=5,
            lanes=("investigation", "implementation", "open_investigation"),
            first_byte_seconds=120,
            idle_seconds=60,
            dialect=Dialect(
                family="glm",
                model="big",
                modalities=("text", "image"),
                output_tokens_max=20_000,
                refused=frozenset({"top_p"}),
                replay="preferred",
                tool_choices=("none",),
                efforts=("low", "max"),
                thinking_switch="thinking",
                think_tags=True,
                strays_think_end=True,
            ),
            concurrency=2,
            fallbacks=("kimi", "openai/other:1"),
        )
        self.assertEqual(parse_profiles(text), (big,))
        self.assertEqual(parse_profiles(""), ())

    def test_toml_says_the_same_as_json(self) -> None:
        text = """
            [big]
            base_url = "https://llm.example.com/v1"
            prices = { input = 0.5, output = 2 }
            fallbacks = ["kimi"]
            [big.dialect]
            think_open = true
            [small]
            provider = "ollama"
        """
        as_json = {
            "big": {
                "base_url": "https://llm.example.com/v1",
                "prices": {"input": 0.5, "output": 2},
                "fallbacks": ["kimi"],
                "dialect": {"think_open": True},
            },
            "small": {"provider": "ollama"},
        }
        profiles = parse_toml_profiles(text, "profiles.toml")
        self.assertEqual(profiles, parse_profiles(json.dumps(as_json)))
        self.assertTrue(profiles[0].dialect.think_open)

    def test_faults_of_toml_name_the_file(self) -> None:
        cases = (
            ("[p", "profiles.toml is not TOML"),
            ("x = 3", "profiles.toml.x: expected an object"),
            ("[p]\nprovider = 2024-01-01", "profiles.toml.p.provider: expected one of"),
        )
        for text, told in cases:
            with self.subTest(text), self.assertRaisesRegex(BadSettings, re.escape(told)):
                parse_toml_profiles(text, "profiles.toml")

    def test_what_is_not_said_is_as_family_provider_and_wire_have_it(self) -> None:
        cases: tuple[tuple[dict[str, Any], str, str, str], ...] = (
            ({"provider": "vllm", "upstream_model": "Qwen/Qwen3.6-35B"}, "qwen", "vllm", "chat"),
            ({"provider": "opencode_go", "upstream_model": "kimi-k9"}, "generic", "", "chat"),
            ({"provider": "openai", "upstream_model": "gpt-5.5"}, "openai", "openai", "chat"),
            (
                {"provider": "opencode_go", "upstream_model": "kimi-k3", "wire": "anthropic"},
                "kimi-k3",
                "opencode_go",
                "anthropic",
            ),
        )
        for body, family, provider, wire in cases:
            with self.subTest(body):
                profile = the_one(body)
                self.assertEqual((profile.family, profile.wire), (family, wire))
                row = family_of(profile.upstream_model).dialect
                where = provider or profile.provider.name
                expected = placed(row, where, profile.wire)
                self.assertEqual(replace(profile.dialect, model="this model"), expected)

    def test_a_model_that_is_relayed_takes_no_missions(self) -> None:
        profile = the_one({"provider": "openai", "wire": "responses", "lanes": ["scout"]})
        self.assertEqual((profile.wire, profile.lanes), ("responses", ()))

    def test_exposure_is_local_only_where_the_address_is(self) -> None:
        for url, exposure in (
            ("http://127.0.0.1:8000/v1", "local"),
            ("http://localhost:8000/v1", "local"),
            ("http://[::1]:8000/v1", "local"),
            ("https://192.168.1.5/v1", "local"),
            ("https://8.8.8.8/v1", "remote"),
            ("https://localhost.example.com/v1", "remote"),
        ):
            (profile,) = parse_profiles(json.dumps({"p": {"base_url": url}}))
            self.assertEqual(profile.exposure, exposure, url)
        strict = json.dumps({"p": {"provider": "vllm", "exposure": "remote"}})
        self.assertEqual(parse_profiles(strict)[0].exposure, "remote")

    def test_every_fault_is_told_with_its_profile_and_key(self) -> None:
        body: dict[str, Any] = {
            "provider": "nobody",
            "base_url": "http://example.com/v1",
            "key_env": "sk-12345",
            "upstream_model": "",
            "wire": "smtp",
            "family": "llama",
            "dialect": {},
            "efforts": ["hard"],
            "modalities": "text",
            "concurrency": 0,
            "fallbacks": [""],
            "context_window": "32k",
            "max_output_tokens": True,
            "prices": {"input": 1},
            "capability_tier": 6,
            "lanes": ["everything"],
            "exposure": "secret",
            "first_byte_seconds": 0,
            "idle_seconds": 1.5,
            "contxt_window": 1,
        }
        with self.assertRaises(BadSettings) as caught:
            parse_profiles(json.dumps({"p": body, "BAD NAME": {"provider": "ollama"}, "q": 3}))
        error = caught.exception
        bad = [f"p.{key}" for key in body if key != "dialect"]
        self.assertEqual(paths_of(error), [*bad, "BAD NAME", "q"])
        self.assertNotIn("sk-12345", error.message)

    def test_every_key_takes_its_whole_range_and_nothing_beside_it(self) -> None:
        both = {"input": 1, "output": 1}
        for key, good, bad in (
            ("upstream_model", ("x", "x" * 200), ("", "x" * 201, 3)),
            ("context_window", (1_024, 100_000_000), (1_023, 100_000_001, True, "2048", 2e4)),
            ("capability_tier", (1, 5), (0, 6)),
            ("idle_seconds", (1, 3_600), (0, 3_601)),
            ("limits", ({}, {"tool_budget": 1}), ({"tool_budget": 0}, {"tools": 1}, [], 3)),
            ("capabilities", ({}, {"tool_call": False}), ({"tool_call": "no"}, {"see": True}, [])),
            ("lanes", ([], ["scout", "scout"]), ("scout", {"scout": 1}, [3], ["nowhere"])),
            ("exposure", ("local", "remote"), ("LOCAL", None)),
            ("key_env", ("A", "A_1"), ("a", "1A", "A-B", "")),
            (
                "prices",
                ({"input": 0, "output": 100_000}, both | {"cache_read": 0.5}),
                (
                    *(3, [1, 1], {"input": 1}, {"output": 1}, both | {"tokens": 1}),
                    *(both | {"output": worth} for worth in ("1", -1, 100_001, True, None)),
                ),
            ),
            (
                "base_url",
                ("https://example.com", "http://127.9.9.9:1/v1", "http://[::1]/v1"),
                (
                    *("ftp://127.0.0.1/v1", "http://127.0.0.1:0/v1", "https://example.com/v1#x"),
                    *("127.0.0.1:8000", "https:///v1", 5, None),
                ),
            ),
        ):
            for value in (*good, *bad):
                with self.subTest(key, value=value):
                    text = json.dumps({"p": {"provider": "vllm", key: value}})
                    if value in good:
                        self.assertEqual(len(parse_profiles(text)), 1)
                        continue
                    with self.assertRaises(BadSettings) as caught:
                        parse_profiles(text)
                    self.assertEqual(paths_of(caught.exception), [f"p.{key}"])

    def test_every_flag_of_a_dialect_can_be_set_and_says_its_own_faults(self) -> None:
        for flag, good, bad in FLAGS:
            with self.subTest(flag):
                set_one = the_one({"provider": "vllm", "dialect": {flag: good}})
                as_is = the_one({"provider": "vllm"}).dialect
                self.assertEqual(set_one.dialect, replace(as_is, **{flag: frozen(flag, good)}))
                with self.assertRaises(BadSettings) as caught:
                    the_one({"provider": "vllm", "dialect": {flag: bad, "flags": 1}})
                faults = [f"p.dialect.{flag}", "p.dialect.flags"]
                self.assertEqual(paths_of(caught.exception), faults)

    def test_what_a_model_cannot_do_is_said_in_short(self) -> None:
        base = {"provider": "vllm", "family": "kimi-k2"}
        able = the_one(base)
        unable = the_one(base | {"capabilities": dict.fromkeys(
            ("tool_call", "json_output", "reasoning_replay"), False)})  # fmt: skip
        told = (unable.action_encoding, unable.dialect.replay, unable.dialect.response_formats)
        self.assertEqual(told, ("json_action", "none", ()))
        self.assertEqual(able.action_encoding, "auto")
        self.assertNotEqual(able.dialect.replay, "none")

    def test_the_other_facts_of_a_dialect_have_keys_of_their_own(self) -> None:
        flags = {field.name for field in fields(Dialect)} - {flag for flag, _, _ in FLAGS}
        own = {"family", "model", "modalities", "output_tokens_max", "efforts", "extra"}
        self.assertEqual(flags, own)

    def test_an_address_is_needed_safe_and_without_secrets(self) -> None:
        for body in (
            {},
            {"provider": "osirus"},
            {"base_url": "http://192.168.1.5/v1"},
            {"base_url": "https://user:pw@example.com/v1"},
            {"base_url": "https://example.com/v1?key=1"},
            {"base_url": "ftp://example.com"},
            {"base_url": "https://"},
            {"base_url": "https://[::1/v1"},
            {"base_url": "https://example.com:99999/v1"},
            {"base_url": "https://example.com/v1", "exposure": "local"},
        ):
            with self.subTest(body), self.assertRaises(BadSettings):
                parse_profiles(json.dumps({"p": body}))

    def test_what_is_no_object_of_profiles_is_refused(self) -> None:
        for text in ("[]", "{", "3", "[" * 99_999, '{"rehearsal":{"provider":"ollama"}}'):
            with (
                self.subTest(text[:20]),
                self.assertRaisesRegex(BadSettings, re.escape("PROFILES_JSON")),
            ):
                parse_profiles(text)


if __name__ == "__main__":
    unittest.main()
