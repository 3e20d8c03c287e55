"""Every model that is known without configuration, a row a model.

Rows of OpenCode Go are facts of its catalogue as `opencode-ai` 1.18.33 ships it, of the models
that speak Chat Completions. Some cost more per token in prompts over 200,000 tokens: that is not
in the table, and a cost shown for such a call is too low.
"""

from codex_oss.profiles.profile import CAPABILITY_OF_LANE, ModelProfile, Prices, Provider

REHEARSAL = "rehearsal"
OPENCODE_GO = Provider("opencode_go", "https://opencode.ai/zen/go/v1", "OPENCODE_GO_API_KEY")
PRESETS = {
    provider.name: provider
    for provider in (
        OPENCODE_GO,
        Provider("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        Provider("ollama", "http://127.0.0.1:11434/v1"),
        Provider("vllm", "http://127.0.0.1:8000/v1"),
        Provider("llama.cpp", "http://127.0.0.1:8080/v1"),
        Provider("osirus", ""),  # These have no address of their own: `base_url` names it.
        Provider("osirus_agent", ""),
        Provider("openai_compatible", ""),
    )
}
SHORT_NAMES = {"kimi-k2.6": "kimi", "deepseek-v4-pro": "deepseek", "deepseek-v4-flash": "flash"}
OLDER_NAMES = {  # Names that configurations of the older bridge hold.
    "oss_kimi_rapid": "kimi",
    "oss_deepseek_pro": "deepseek",
    "oss_flash_support": "flash",
}

# Model, window and longest answer in tokens, micro-USD per million tokens of input, output and
# cached input, capability tier.
_OPENCODE_GO = (
    ("deepseek-v4-flash", 1_000_000, 384_000, 150_000, 600_000, 3_000, 3),
    ("deepseek-v4-flash-vision-exp", 1_000_000, 384_000, 150_000, 600_000, 3_000, 3),
    ("deepseek-v4-pro", 1_000_000, 384_000, 660_000, 1_980_000, 22_000, 4),
    ("deepseek-v4.1-flash", 1_000_000, 384_000, 150_000, 600_000, 3_000, 3),
    ("glm-5", 202_752, 32_768, 1_000_000, 3_200_000, 200_000, 4),
    ("glm-5.1", 202_752, 32_768, 1_400_000, 4_400_000, 260_000, 4),
    ("glm-5.2", 1_000_000, 131_072, 1_400_000, 4_400_000, 260_000, 4),
    ("glm-5.3", 1_000_000, 131_072, 1_400_000, 4_400_000, 260_000, 4),
    ("glm-5.3-flash", 1_000_000, 131_072, 150_000, 500_000, 30_000, 3),
    ("hy3", 256_000, 128_000, 140_000, 580_000, 35_000, 3),
    ("hy4-preview", 1_024_000, 64_000, 834_000, 2_501_000, 42_000, 3),
    ("kimi-k2.5", 262_144, 65_536, 600_000, 3_000_000, 100_000, 3),
    ("kimi-k2.6", 262_144, 65_536, 950_000, 4_000_000, 160_000, 4),
    ("kimi-k2.7-code", 262_144, 262_144, 950_000, 4_000_000, 190_000, 4),
    ("kimi-k3", 1_048_576, 131_072, 3_000_000, 15_000_000, 300_000, 4),
    ("longcat-2.0", 1_000_000, 131_072, 300_000, 1_200_000, 6_000, 3),
    ("longcat-2.5-preview-free", 1_000_000, 131_072, 0, 0, 0, 3),
    ("mimo-v2-omni", 262_144, 128_000, 400_000, 2_000_000, 80_000, 3),
    ("mimo-v2-pro", 1_048_576, 128_000, 1_000_000, 3_000_000, 200_000, 4),
    ("mimo-v2.5", 1_000_000, 128_000, 140_000, 280_000, 2_800, 3),
    ("mimo-v2.5-pro", 1_048_576, 128_000, 435_000, 870_000, 3_625, 4),
    ("mimo-v2.6-flash", 1_048_576, 131_072, 140_000, 280_000, 2_800, 3),
    ("mimo-v2.6-pro", 1_048_576, 131_072, 435_000, 870_000, 3_625, 4),
    ("omen-alpha", 500_000, 128_000, 200_000, 660_000, 40_000, 3),
    ("ox-alpha-free", 1_000_000, 131_072, 0, 0, 0, 3),
    ("qwen3.5-plus", 262_144, 65_536, 200_000, 1_200_000, 20_000, 3),
    ("qwen3.6-plus", 1_000_000, 65_536, 500_000, 3_000_000, 50_000, 3),
    ("qwen3.7-max", 1_000_000, 65_536, 2_500_000, 7_500_000, 500_000, 4),
    ("qwen3.7-plus", 1_000_000, 65_536, 400_000, 1_600_000, 40_000, 3),
    ("qwen3.8-max", 1_000_000, 131_072, 2_000_000, 6_000_000, 250_000, 4),
    ("space-bunny-free", 1_048_576, 524_288, 0, 0, 0, 3),
)


def built_in(opencode_go: Provider = OPENCODE_GO) -> tuple[ModelProfile, ...]:
    """Return all built-in profiles, those of OpenCode Go at this provider."""
    rehearsal = ModelProfile(
        name=REHEARSAL,
        upstream_model=REHEARSAL,
        provider=Provider(REHEARSAL, ""),
        context_window=128_000,
        max_output_tokens=16_000,
        prices=Prices(0, 0, 0),
        capability_tier=4,
        lanes=tuple(CAPABILITY_OF_LANE),
        exposure="local",
    )
    return (rehearsal, *(_go_profile(opencode_go, *row) for row in _OPENCODE_GO))


def _go_profile(
    provider: Provider,
    model: str,
    window: int,
    output: int,
    price_in: int,
    price_out: int,
    price_cached: int,
    tier: int,
) -> ModelProfile:
    return ModelProfile(
        name=SHORT_NAMES.get(model, model),
        upstream_model=model,
        provider=provider,
        context_window=window,
        max_output_tokens=output,
        prices=Prices(price_in, price_out, price_cached),
        capability_tier=tier,
        lanes=tuple(lane for lane, least in CAPABILITY_OF_LANE.items() if tier >= least),
    )


BUILT_IN = built_in()
