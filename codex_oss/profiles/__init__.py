"""Know every model: provider, window, prices, lanes and the names it is asked by."""

from codex_oss.profiles.built_in import BUILT_IN, REHEARSAL
from codex_oss.profiles.codex_catalog import codex_catalog
from codex_oss.profiles.dialects import FAMILIES, PROVIDERS, WIRES, family_of, on_wire, placed
from codex_oss.profiles.model_registry import GptNames, ModelRegistry, ModelSettings
from codex_oss.profiles.names import is_gpt_name
from codex_oss.profiles.profile import (
    CAPABILITY_OF_LANE,
    LANE_OF_ALIAS,
    ModelProfile,
    Prices,
    Provider,
    WireName,
    cost_of,
)
from codex_oss.profiles.providers import OPENAI, OPENCODE_GO, PRESETS
from codex_oss.profiles.user_profiles import parse_profiles, parse_toml_profiles

__all__ = [
    "BUILT_IN",
    "CAPABILITY_OF_LANE",
    "FAMILIES",
    "LANE_OF_ALIAS",
    "OPENAI",
    "OPENCODE_GO",
    "PRESETS",
    "PROVIDERS",
    "REHEARSAL",
    "WIRES",
    "GptNames",
    "ModelProfile",
    "ModelRegistry",
    "ModelSettings",
    "Prices",
    "Provider",
    "WireName",
    "codex_catalog",
    "cost_of",
    "family_of",
    "is_gpt_name",
    "on_wire",
    "parse_profiles",
    "parse_toml_profiles",
    "placed",
]
