"""Models that are built in, what they cost, and what each name means."""

import json
import unittest
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from support import ROOT, chance

from codex_oss.chat import SALVAGE_FORMS, Dialect, Usage
from codex_oss.errors import BadRequest, BadSettings, Refused
from codex_oss.profiles import (
    BUILT_IN,
    GptNames,
    ModelProfile,
    ModelRegistry,
    Prices,
    Provider,
    cost_of,
    parse_profiles,
)

GO = Provider("opencode_go", "https://opencode.ai/zen/go/v1", "OPENCODE_GO_API_KEY")
CATALOGUE = json.loads((ROOT / "tests/support/opencode-go-models.json").read_text())["models"]
WIRES = {None: "chat", "@ai-sdk/anthropic": "anthropic", "@ai-sdk/openai": "responses"}
MODALITIES = {"text": "text", "image": "image", "pdf": "file"}
ALL_LANES = (
    *("investigation", "open_investigation"),
    *("patch_proposal", "implementation", "critical_simulation"),
)


@dataclass(frozen=True)
class GivenSettings:
    upstream_base: str = GO.base_url
    profiles_json: str = ""
    model_map_json: Mapping[str, str] = field(default_factory=dict)


def prices_in(cost: dict[str, Any]) -> Prices:
    """Return the prices of a row of the catalogue."""
    names = ("input", "output", "cache_read", "cache_write")
    micro = [round(cost[name] * 1_000_000) if name in cost else None for name in names]
    long = [(tier["tier"]["size"], prices_in(tier)) for tier in cost.get("tiers", ())]
    return Prices(*micro, *(long[0] if long else ()))


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

    def test_a_model_of_opencode_go_is_whole(self) -> None:
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
                dialect=Dialect(
                    family="kimi-k2",
                    model="kimi-k2.6",
                    modalities=("text", "image"),
                    output_tokens_max=65_536,
                    names_results=True,
                    call_ids="kimi",
                    replay="tool_chain",
                    missing_reasoning="as_text",
                    schemas="subset",
                    response_formats=("json_object",),
                    output_tokens_default=16_000,
                    temperatures=(1.0,),
                    salvage=("kimi",),
                    eof_ok=True,
                ),
            ),
        )
        self.assertEqual(named("flash").lanes, ALL_LANES[:-1])

    def test_every_model_of_the_catalogue_has_its_facts(self) -> None:
        profiles = {p.upstream_model: p for p in BUILT_IN if p.provider == GO}
        self.assertEqual(profiles.keys(), CATALOGUE.keys())
        for model, facts in CATALOGUE.items():
            profile, dialect = profiles[model], profiles[model].dialect
            with self.subTest(model):
                limit = facts["limit"]
                window = limit.get("input", limit["context"])
                self.assertEqual(profile.context_window, window)
                self.assertEqual(profile.max_output_tokens, limit["output"])
                self.assertEqual(profile.prices, prices_in(facts["cost"]))
                self.assertEqual(dialect.model, model)
                self.assertEqual(dialect.output_tokens_max, limit["output"])
                reads = [MODALITIES.get(kind) for kind in facts["modalities"]["input"]]
                self.assertEqual(profile.modalities, tuple(filter(None, reads)))
                self.assertEqual(profile.wire, WIRES[facts.get("provider", {}).get("npm")])
                if profile.wire == "chat":
                    self.is_thinking_as_told(dialect, facts["reasoning_options"])
                    takes_schemas = "json_schema" in dialect.response_formats
                    self.assertEqual(takes_schemas, facts.get("structured_output", False))

    def is_thinking_as_told(self, dialect: Dialect, options: list[dict[str, Any]]) -> None:
        told = {option["type"]: option for option in options}
        efforts = told.get("effort", {}).get("values", [])
        self.assertEqual(dialect.efforts, tuple(efforts))
        self.assertEqual(bool(dialect.thinking_switch), "toggle" in told)
        budget = told.get("budget_tokens", {}).get("max")
        self.assertEqual(dialect.thinking_tokens_max, budget)

    def test_missions_run_on_what_is_translated(self) -> None:
        for profile in BUILT_IN:
            self.assertEqual(bool(profile.lanes), profile.wire != "responses", profile.name)

    def test_names_and_models_are_unique_and_legal(self) -> None:
        for names in ([p.name for p in BUILT_IN], [p.upstream_model for p in BUILT_IN]):
            self.assertEqual(len(set(names)), len(names))
            for name in names:
                self.assertRegex(name, r"^[a-z0-9][a-z0-9._-]{0,47}$")


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

    def test_what_is_written_to_a_cache_has_a_price_of_its_own(self) -> None:
        written = Usage(100, 0, 20, cache_write_tokens=30)
        prices = Prices(1_000_000, 0, 100_000, 2_000_000)
        self.assertEqual(cost_of(written, prices), 50 + 2 + 60)
        self.assertEqual(cost_of(written, Prices(1_000_000, 0, 100_000)), 80 + 2)
        self.assertEqual(cost_of(Usage(10, 0, 8, cache_write_tokens=9), prices), 1 + 4)

    def test_a_long_call_has_the_prices_of_long_calls(self) -> None:
        prices = Prices(1_000_000, 2_000_000, None, None, 1_000, Prices(3_000_000, 5_000_000))
        self.assertEqual(cost_of(Usage(1_000, 10), prices), 1_020)
        self.assertEqual(cost_of(Usage(1_001, 10), prices), 3_003 + 50)

    def test_a_price_that_is_not_known_is_no_price(self) -> None:
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

    def test_a_model_that_go_may_have_is_asked_for_there_in_the_generic_dialect(self) -> None:
        dialect = Dialect(model="kimi-k9", names_results=True, eof_ok=True)
        unlisted = ModelProfile("kimi-k9", "kimi-k9", GO, dialect=dialect, is_unlisted=True)
        for name in ("ocg-kimi-k9", "opencode-go/kimi-k9"):
            self.assertEqual(self.registry.resolve(name), unlisted)

    def test_a_gpt_name_of_go_is_taken_only_where_go_is_named(self) -> None:
        luna = named("ocg-gpt-6-luna")
        for name in ("ocg-gpt-6-luna", "opencode-go/gpt-6-luna"):
            self.assertEqual(self.registry.resolve(name), luna)
        with self.assertRaises(Refused):
            self.registry.resolve("gpt-6-luna")

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


class GptStrategies(unittest.TestCase):
    def test_another_model_answers_in_the_place_of_a_gpt_name(self) -> None:
        registry = ModelRegistry(gpt=GptNames("oss", oss="kimi-k2.6"))
        self.assertEqual(registry.resolve("gpt-5.5"), named("kimi"))
        self.assertEqual(registry.fallback_from("gpt-5.5"), "gpt-5.5")
        for name in ("kimi", "gpt-oss-20b", "ocg-gpt-6-luna"):
            self.assertEqual(registry.fallback_from(name), "")

    def test_openai_itself_is_asked_over_its_own_wire_and_runs_no_missions(self) -> None:
        there = Provider("openai", "https://eu.api.openai.com/v1", "OPENAI_API_KEY")
        registry = ModelRegistry(gpt=GptNames("openai", openai=there))
        for name in ("gpt-5.5", "openai/GPT-5.5"):
            expected = ModelProfile("gpt-5.5", "gpt-5.5", there, lanes=(), wire="responses")
            self.assertEqual(registry.resolve(name), expected)
            self.assertEqual(registry.fallback_from(name), "")

    def test_a_name_that_was_mapped_is_nobody_else_s(self) -> None:
        for strategy in ("error", "oss", "openai"):
            gpt = GptNames(strategy)
            registry = ModelRegistry(model_map={"gpt-5.5": "flash"}, gpt=gpt)
            self.assertEqual(registry.resolve("gpt-5.5"), named("flash"))
            self.assertEqual(registry.fallback_from("gpt-5.5"), "")


class Chains(unittest.TestCase):
    def test_a_chain_holds_each_model_once_and_never_its_own(self) -> None:
        chains = {
            "deepseek-v4-pro": ["kimi-k2.6", "ocg-deepseek-v4-pro", "oss_kimi_rapid", "flash"],
            "kimi": ["deepseek-v4-pro"],
        }
        registry = ModelRegistry(chains=chains)
        self.assertEqual(registry.resolve("deepseek").fallbacks, ("kimi", "flash"))
        self.assertEqual(registry.resolve("mission-a3-kimi").fallbacks, ("deepseek",))
        self.assertEqual(registry.resolve("flash").fallbacks, ())

    def test_what_a_profile_says_of_itself_wins(self) -> None:
        mine = replace(named("flash"), name="mine", fallbacks=("kimi",), concurrency=3)
        registry = ModelRegistry(
            (*BUILT_IN, mine),
            chains={"mine": ["deepseek"], "kimi": ["mine"]},
            concurrency={"mine": 1, "kimi-k2.6": 2},
        )
        profile, kimi = registry.resolve("mine"), registry.resolve("kimi")
        self.assertEqual((profile.fallbacks, profile.concurrency), (("kimi",), 3))
        self.assertEqual((kimi.fallbacks, kimi.concurrency), (("mine",), 2))
        self.assertIsNone(registry.resolve("glm-5.3").concurrency)

    def test_a_chain_that_leads_nowhere_is_told(self) -> None:
        with self.assertRaisesRegex(BadSettings, "the chain of kimi names 'nobody'"):
            ModelRegistry(chains={"kimi-k2.6": ["nobody"]})


class Salvage(unittest.TestCase):
    def test_it_is_as_the_dialect_says_or_never_or_in_every_form(self) -> None:
        for how, of_kimi, of_others in (
            ("auto", ("kimi",), ()),
            ("off", (), ()),
            ("all", SALVAGE_FORMS, SALVAGE_FORMS),
        ):
            registry = ModelRegistry(salvage=how)
            self.assertEqual(registry.resolve("kimi").dialect.salvage, of_kimi)
            for name in ("glm-5.3", "ocg-something-new"):
                self.assertEqual(registry.resolve(name).dialect.salvage, of_others)


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
        (mine,) = parse_profiles(json.dumps({"mine": profiles["mine"]}))
        for name in ("mine", "gpt-oss:20b", "mission-a3-mine"):
            self.assertEqual(registry.resolve(name), mine)
        self.assertNotIn("mission-a4-mine", registry.names())
        flash = registry.resolve("oss_flash_support")
        provider = Provider("openai_compatible", "https://api.example.com/v1", "EXAMPLE_KEY")
        expected = ModelProfile("flash", "flash", provider, dialect=Dialect(model="flash"))
        self.assertEqual(flash, expected)

    def test_a_model_whose_name_was_taken_keeps_its_own(self) -> None:
        """Settings name it: chains, the model of the last report."""
        for body in ({"provider": "ollama", "upstream_model": "qwen3"}, {"provider": "ollama"}):
            kimi = json.dumps({"kimi": body})
            settings = GivenSettings(profiles_json=kimi)
            registry = ModelRegistry.of(settings, chains={"deepseek-v4-pro": ["kimi-k2.6"]})
            for name in ("kimi", "oss_kimi_rapid"):
                self.assertEqual(registry.resolve(name).provider.name, "ollama")
            for name in ("kimi-k2.6", "ocg-kimi-k2.6", *registry.resolve("deepseek").fallbacks):
                self.assertEqual(registry.resolve(name).provider.name, "opencode_go")
                self.assertEqual(registry.resolve(name).upstream_model, "kimi-k2.6")
        same = json.dumps({"kimi": {"provider": "vllm", "upstream_model": "kimi-k2.6"}})
        registry = ModelRegistry.of(GivenSettings(profiles_json=same))
        self.assertEqual(registry.resolve("kimi-k2.6").provider.name, "vllm")

    def test_a_file_s_profiles_stand_behind_those_of_the_variable(self) -> None:
        body = {"provider": "ollama", "concurrency": 1}
        of_file = parse_profiles(json.dumps({"mine": body, "yours": body}))
        of_variable = json.dumps({"mine": {"provider": "vllm"}})
        registry = ModelRegistry.of(GivenSettings(profiles_json=of_variable), more=of_file)
        self.assertEqual(registry.resolve("mine").provider.name, "vllm")
        self.assertEqual(registry.resolve("yours").concurrency, 1)


if __name__ == "__main__":
    unittest.main()
