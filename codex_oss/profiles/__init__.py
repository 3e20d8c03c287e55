"""Know every model: provider, window, prices, lanes and the names it is asked by."""

from codex_oss.profiles.built_in import BUILT_IN, REHEARSAL
from codex_oss.profiles.model_registry import ModelRegistry, ModelSettings
from codex_oss.profiles.profile import ModelProfile, Prices, Provider, WireName, cost_of
from codex_oss.profiles.user_profiles import parse_profiles

__all__ = [
    "BUILT_IN",
    "REHEARSAL",
    "ModelProfile",
    "ModelRegistry",
    "ModelSettings",
    "Prices",
    "Provider",
    "WireName",
    "cost_of",
    "parse_profiles",
]
