"""Models and their names: what is built in, what a user writes, what each name means."""

import json
import re
import unittest
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from support import chance

from codex_oss.chat import Usage
from codex_oss.errors import BadRequest, BadSettings, Refused
from codex_oss.profiles import (
    BUILT_IN,
    ModelProfile,
    ModelRegistry,
    Prices,
    Provider,
    cost_of,
    parse_profiles,
)

GO = Provider("opencode_go", "https://opencode.ai/zen/go/v1", "OPENCODE_GO_API_KEY")
ALL_LANES = (
    *("investigation", "open_investigation"),
    *("patch_proposal", "implementation", "critical_simulation"),
)


@dataclass(frozen=True)
class GivenSettings:
    upstream_base: str = GO.base_url
    profiles_json: str = ""
    model_map_json: Mapping[str, str] = field(default_factory=dict)


def named(name: str) -> ModelProfile:
    return next(profile for profile in BUILT_IN if profile.name == name)


class BuiltIn(unittest.TestCase):
    def test_the_rehearsal_is_local_free_and_admitted_everywhere(self) -> None:
        self.assertEqual(
            named("rehearsal"),
            ModelProfile(
                name="rehearsal",
                upstream_model="rehearsal",
                provider=Provider("rehearsal", ""),
                context_window=128_000,
                max_output_tokens=16_000,
                prices=Prices(0, 0, 0),
                capability_tier=4,
                lanes=ALL_LANES,
                exposure="local",
            ),
        )

    def test_a_model_of_opencode_go_has_the_facts_of_its_catalogue(self) -> None:
        self.assertEqual(
            named("kimi"),
            ModelProfile(
                name="kimi",
                upstream_model="kimi-k2.6",
                provider=GO,
                context_window=262_144,
                max_output_tokens=65_536,
                prices=Prices(950_000, 4_000_000, 160_000),
                capability_tier=4,
                lanes=ALL_LANES,
            ),
        )
        self.assertEqual(named("flash").lanes, ALL_LANES[:-1])

    def test_names_and_models_are_unique_and_legal(self) -> None:
        for names in ([p.name for p in BUILT_IN], [p.upstream_model for p in BUILT_IN]):
            self.assertEqual(len(set(names)), len(names))
            for name in names:
                self.assertRegex(name, r"^[a-z0-9][a-z0-9._-]{0,47}$")
        self.assertEqual(len(BUILT_IN), 32)

    def test_models_of_other_wires_are_not_offered(self) -> None:
        models = {profile.upstream_model for profile in BUILT_IN}
        other = {"grok-4.7", "minimax-m3", "gpt-6-luna", "muse-spark-1.3-contributor"}
        self.assertEqual(models & (other | {"qwen3.8-flash"}), set())


class Costs(unittest.TestCase):
    def test_costs_are_whole_micro_usd_rounded_up(self) -> None:
        prices = Prices(950_000, 4_000_000, 160_000)
        for usage, micro_usd in (
            (Usage(0, 0), 0),
            (Usage(1, 0), 1),
            (Usage(1_000_000, 0), 950_000),
            (Usage(1_000_000, 500_000, cached_tokens=400_000), 570_000 + 64_000 + 2_000_000),
            (Usage(10, 0, cached_tokens=99), 2),
        ):
            self.assertEqual(cost_of(usage, prices), micro_usd)
        self.assertEqual(cost_of(Usage(100, 0, 100), Prices(1_000_000, 0)), 100)
        self.assertIsNone(cost_of(Usage(1, 1), None))


class Names(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = ModelRegistry()

    def test_every_listed_name_is_a_profile(self) -> None:
        names = self.registry.names()
        self.assertEqual(len(set(names)), len(names))
        for name in names:
            self.assertIn(self.registry.resolve(name), BUILT_IN)

    def test_what_names_mean(self) -> None:
        for name, profile in (
            ("kimi", "kimi"),
            ("kimi-k2.6", "kimi"),
            ("ocg-kimi-k2.6", "kimi"),
            ("opencode-go/kimi-k2.6", "kimi"),
            ("oss_kimi_rapid", "kimi"),
            ("oss_deepseek_pro", "deepseek"),
            ("oss_flash_support", "flash"),
            ("glm-5.3", "glm-5.3"),
            ("mission-a3-kimi", "kimi"),
            ("mission-a6-rehearsal", "rehearsal"),
        ):
            with self.subTest(name):
                self.assertIn(name, self.registry.names())
                self.assertEqual(self.registry.resolve(name).name, profile)

    def test_a_model_that_go_may_have_is_asked_for_there(self) -> None:
        unlisted = ModelProfile("gpt-6-luna", "gpt-6-luna", GO)
        for name in ("ocg-gpt-6-luna", "opencode-go/gpt-6-luna"):
            self.assertEqual(self.registry.resolve(name), unlisted)

    def test_mission_aliases_name_tier_and_profile(self) -> None:
        self.assertEqual(self.registry.mission_alias("mission-a3-kimi"), ("A3", named("kimi")))
        self.assertEqual(self.registry.mission_alias("mission-a2-kimi-k2.6"), ("A2", named("kimi")))
        for name in ("kimi", "mission-a1-kimi", "mission-a7-kimi", "mission-a3-", "mission-a3kimi"):
            self.assertIsNone(self.registry.mission_alias(name))
        with self.assertRaises(BadRequest):
            self.registry.mission_alias("mission-a3-nobody")
        self.assertNotIn("mission-a6-flash", self.registry.names())
        self.assertIn("mission-a5-flash", self.registry.names())

    def test_gpt_names_are_refused_with_what_to_change(self) -> None:
        for name in (
            "gpt-5.5",
            "GPT-6",
            "openai/gpt-4o",
            "chatgpt-4",
            "codex-mini",
            "o3",
            "O4-mini",
        ):
            with self.subTest(name), self.assertRaises(Refused) as caught:
                self.registry.resolve(name)
            error = caught.exception
            self.assertEqual((error.http_status, error.code), (400, "unsupported_bridge_model"))
            self.assertIn('model_provider = "opencode_bridge"', error.hint)

    def test_other_names_are_unknown_and_the_nearest_are_told(self) -> None:
        for name, nearest in (
            ("kimmi", "kimi"),
            ("mission-a3-kimy", "mission-a3-kimi"),
            ("gpt-oss-20b", ""),
        ):
            with self.subTest(name), self.assertRaises(BadRequest) as caught:
                self.registry.resolve(name)
            error = caught.exception
            self.assertEqual((error.http_status, error.code), (400, "model_not_found"))
            self.assertIn(nearest, error.hint)
            self.assertLessEqual(error.hint.count(","), 4)

    def test_random_names_are_a_profile_or_one_of_two_refusals(self) -> None:
        random = chance("names")
        words = [
            "mission-",
            "a3",
            "-",
            "kimi",
            "ocg-",
            "gpt-",
            "oss",
            "opencode-go/",
            "\n",
            "é",
            "/",
        ]
        for _ in range(300):
            name = "".join(random.choices(words, k=random.randrange(1, 5)))
            try:
                self.registry.resolve(name)
                self.registry.mission_alias(name)
            except (Refused, BadRequest) as error:
                self.assertIn(error.code, ("unsupported_bridge_model", "model_not_found"))


class FromSettings(unittest.TestCase):
    def test_upstream_base_moves_the_models_of_opencode_go_and_no_other(self) -> None:
        there = "http://127.0.0.1:9/v1"
        registry = ModelRegistry.of(GivenSettings(upstream_base=there))
        self.assertEqual(registry.resolve("kimi").provider, replace(GO, base_url=there))
        self.assertEqual(registry.resolve("ocg-new").provider, replace(GO, base_url=there))
        self.assertEqual(registry.resolve("rehearsal"), named("rehearsal"))

    def test_the_map_adds_names_and_overrides_any(self) -> None:
        model_map = {"gpt-5.5": "deepseek", "kimi": "glm-5.3", "fast": "some-new-model"}
        registry = ModelRegistry.of(GivenSettings(model_map_json=model_map))
        self.assertEqual(registry.resolve("gpt-5.5"), named("deepseek"))
        self.assertEqual(registry.resolve("kimi"), named("glm-5.3"))
        self.assertEqual(registry.resolve("kimi-k2.6"), named("kimi"))
        self.assertEqual(registry.resolve("fast").upstream_model, "some-new-model")
        self.assertIn("fast", registry.names())

    def test_a_user_s_profile_is_known_by_all_its_names_and_may_redefine_one(self) -> None:
        profiles = {
            "mine": {"provider": "ollama", "upstream_model": "gpt-oss:20b"},
            "flash": {"base_url": "https://api.example.com/v1", "key_env": "EXAMPLE_KEY"},
        }
        registry = ModelRegistry.of(GivenSettings(profiles_json=json.dumps(profiles)))
        mine = ModelProfile(
            "mine", "gpt-oss:20b", Provider("ollama", "http://127.0.0.1:11434/v1"), exposure="local"
        )
        for name in ("mine", "gpt-oss:20b", "mission-a3-mine"):
            self.assertEqual(registry.resolve(name), mine)
        self.assertNotIn("mission-a4-mine", registry.names())
        flash = registry.resolve("oss_flash_support")
        provider = Provider("openai_compatible", "https://api.example.com/v1", "EXAMPLE_KEY")
        self.assertEqual(flash, ModelProfile("flash", "flash", provider))


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
                    "context_window": 500_000,
                    "max_output_tokens": 20_000,
                    "prices": {"input": 0.435, "output": 2, "cache_read": 0.003625},
                    "capability_tier": 5,
                    "lanes": ["scout", "review", "bounded_write", "open_investigation"],
                    "exposure": "remote",
                    "first_byte_seconds": 120,
                    "idle_seconds": 60,
                }
            }
        )
        big = ModelProfile(
            name="big",
            upstream_model="big-1",
            provider=Provider("openai", "https://llm.example.com/v1", "BIG_KEY"),
            context_window=500_000,
            max_output_tokens=20_000,
            prices=Prices(435_000, 2_000_000, 3_625),
            capability_tier=5,
            lanes=("investigation", "implementation", "open_investigation"),
            first_byte_seconds=120,
            idle_seconds=60,
        )
        self.assertEqual(parse_profiles(text), (big,))
        self.assertEqual(parse_profiles(""), ())

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
            "wire": "anthropic",
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
        paths = [fault.path.removeprefix("PROFILES_JSON.") for fault in error.faults]
        self.assertEqual(paths, [*(f"p.{key}" for key in body), "BAD NAME", "q"])
        self.assertNotIn("sk-12345", error.message)

    def test_every_key_takes_its_whole_range_and_nothing_beside_it(self) -> None:
        both = {"input": 1, "output": 1}
        for key, good, bad in (
            ("upstream_model", ("x", "x" * 200), ("", "x" * 201, 3)),
            ("context_window", (1_024, 100_000_000), (1_023, 100_000_001, True, "2048", 2e4)),
            ("capability_tier", (1, 5), (0, 6)),
            ("idle_seconds", (1, 3_600), (0, 3_601)),
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
                    paths = [fault.path for fault in caught.exception.faults]
                    self.assertEqual(paths, [f"PROFILES_JSON.p.{key}"])

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
