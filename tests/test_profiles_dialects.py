"""Dialects: which row a model has, what provider and wire change of it, and why."""

import unittest
from dataclasses import replace

import support  # noqa: F401

from codex_oss.chat import GENERIC, SALVAGE_FORMS, Dialect
from codex_oss.profiles import BUILT_IN, FAMILIES, PROVIDERS, WIRES, family_of, on_wire, placed

MODELS = (  # How models are called by those who serve them, and their family.
    ("deepseek-v4-pro", "deepseek-v4"),
    ("deepseek-ai/DeepSeek-V4.1-Flash", "deepseek-v4"),
    ("deepseek-r1", "generic"),
    ("kimi-k2.6", "kimi-k2"),
    ("moonshotai/Kimi-K2-Thinking", "kimi-k2"),
    ("kimi-k2.7-code", "kimi-k3"),
    ("moonshotai/kimi-k3", "kimi-k3"),
    ("glm-4.5-air", "glm"),
    ("zai-org/GLM-5.3", "glm"),
    ("glm-4-9b", "generic"),
    ("MiniMax-M2.7", "minimax"),
    ("Qwen/Qwen3.6-35B-A3B", "qwen"),
    ("qwen3:8b", "qwen"),
    ("qwen2.5-coder", "generic"),
    ("mimo-v2.6-pro", "mimo"),
    ("LongCat-2.0", "longcat"),
    ("hy4-preview", "hy"),
    ("tencent/Hy3", "hy"),
    ("deepseek-chat-hy", "generic"),
    ("ox-alpha-free", "preview"),
    ("grok-4.7", "relayed"),
    ("gpt-6-luna", "relayed"),
    ("muse-spark-1.3-contributor", "relayed"),
    ("openai/gpt-oss-120b", "gpt-oss"),
    ("gemma3:12b", "gemma"),
    ("gpt-5.5", "openai"),
    ("o3", "openai"),
    ("llama-3.3-70b", "generic"),
)


class Rows(unittest.TestCase):
    def test_a_model_has_the_family_of_its_name(self) -> None:
        for model, family in MODELS:
            with self.subTest(model):
                self.assertEqual(family_of(model).dialect.family, family)

    def test_every_row_is_met_and_says_why_it_is_and_until_when(self) -> None:
        families = [row.dialect.family for row in FAMILIES]
        self.assertEqual(sorted(families), sorted({family for _, family in MODELS}))
        for row in (*FAMILIES, *PROVIDERS, *WIRES):
            self.assertTrue(row.reason and row.removed_when, row)

    def test_every_built_in_model_has_a_row_of_its_own_family(self) -> None:
        for profile in BUILT_IN[1:]:
            self.assertNotEqual(profile.family, "generic", profile.name)


class Places(unittest.TestCase):
    def test_opencode_go_changes_what_it_is_picky_about(self) -> None:
        at_go = placed(GENERIC, "opencode_go", "chat")
        self.assertEqual(at_go, Dialect(eof_ok=True, names_results=True))

    def test_a_local_server_may_parse_neither_thinking_nor_calls(self) -> None:
        for name in ("ollama", "vllm", "llama.cpp"):
            kimi = family_of("kimi-k3").dialect
            parsed = {"think_tags": True, "salvage": SALVAGE_FORMS}
            self.assertEqual(placed(kimi, name, "chat"), replace(kimi, **parsed))
            generic = replace(GENERIC, **parsed, replay="tool_chain")
            self.assertEqual(placed(GENERIC, name, "chat"), generic)

    def test_other_providers_change_nothing(self) -> None:
        for name in ("openai", "openai_compatible", "osirus", "osirus_agent"):
            self.assertEqual(placed(GENERIC, name, "chat"), GENERIC)

    def test_the_anthropic_wire_keeps_facts_and_drops_habits_of_chat(self) -> None:
        facts = {
            "model": "minimax-m3",
            "modalities": ("text", "image"),
            "output_tokens_max": 131_072,
            "thinking_switch": "thinking",
            "thinking_tokens_max": 50_000,
        }
        minimax = replace(family_of("minimax-m3").dialect, **facts)
        expected = Dialect(
            family="minimax",
            **facts,
            output_tokens_default=32_000,
            refused=frozenset({"presence_penalty", "frequency_penalty"}),
            replay="blocks",
            response_formats=(),
        )
        self.assertEqual(placed(minimax, "opencode_go", "anthropic"), expected)
        short = placed(replace(minimax, output_tokens_max=9_000), "", "anthropic")
        self.assertEqual(short.output_tokens_default, 9_000)

    def test_a_wire_that_was_learned_has_the_dialect_it_would_have_had(self) -> None:
        for profile in BUILT_IN:
            if profile.wire != "chat":
                continue
            with self.subTest(profile.name):
                there = on_wire(profile.dialect, profile.provider.name, "anthropic")
                self.assertEqual((there.replay, there.model), ("blocks", profile.dialect.model))
                self.assertEqual(there.output_tokens_max, profile.dialect.output_tokens_max)
                back = on_wire(there, profile.provider.name, "chat")
                self.assertEqual(
                    (back.replay, back.call_ids), (profile.dialect.replay, profile.dialect.call_ids)
                )


if __name__ == "__main__":
    unittest.main()
