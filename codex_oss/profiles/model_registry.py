"""Every name a model can be asked by, and the profile it means.

Settings enter, profiles leave. A name that is not served is an error before any provider is asked,
never a stream (bridge 5 and 6).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from codex_oss.errors import BadRequest, Fault, Refused
from codex_oss.profiles.built_in import BUILT_IN, OLDER_NAMES, OPENCODE_GO, built_in
from codex_oss.profiles.profile import LANE_OF_ALIAS, ModelProfile, Provider
from codex_oss.profiles.user_profiles import parse_profiles

NEAREST_NAMES_MAX = 5

_GO_NAME = re.compile(r"(?:ocg-|opencode-go/)(.+)", re.DOTALL)
_GPT_NAME = re.compile(r"(openai/)?(gpt-(?!oss)|chatgpt|codex-|o[0-9])", re.IGNORECASE)
_MISSION_ALIAS = re.compile(r"mission-a([2-6])-(.+)", re.DOTALL)


class ModelSettings(Protocol):
    """The settings that name models."""

    @property
    def upstream_base(self) -> str: ...
    @property
    def profiles_json(self) -> str: ...
    @property
    def model_map_json(self) -> Mapping[str, str]: ...


class ModelRegistry:
    """The profiles by all of their names. `model_map` adds names, to profiles or upstream models,
    and overrides any; models that no profile knows are asked for at `opencode_go`."""

    def __init__(
        self,
        profiles: Iterable[ModelProfile] = BUILT_IN,
        model_map: Mapping[str, str] | None = None,
        opencode_go: Provider = OPENCODE_GO,
    ) -> None:
        self._opencode_go = opencode_go
        self._names = _all_names({profile.name: profile for profile in profiles})
        mapped = {name: self._named_or_unlisted(to) for name, to in (model_map or {}).items()}
        self._names |= mapped

    @classmethod
    def of(cls, settings: ModelSettings) -> "ModelRegistry":
        """Return the built-in models and the user's, who may redefine one by its name."""
        go = replace(OPENCODE_GO, base_url=settings.upstream_base)
        profiles = (*built_in(go), *parse_profiles(settings.profiles_json))
        return cls(profiles, settings.model_map_json, go)

    def names(self) -> tuple[str, ...]:
        """Return every name that is listed: those that `resolve` takes and we know beforehand."""
        return tuple(self._names)

    def resolve(self, name: str) -> ModelProfile:
        """Return the profile that a name means, for a mission alias the one it runs on, or raise
        `Refused` for a GPT name and `BadRequest` for one that nobody has."""
        if profile := self._names.get(name):
            return profile
        if found := _GO_NAME.fullmatch(name):
            return self._unlisted(found[1])
        if _GPT_NAME.match(name):
            raise Refused(
                f"{name!r} is an OpenAI model: this bridge serves open models only.",
                code="unsupported_bridge_model",
                hint='remove `model_provider = "opencode_bridge"` from the top level of config.toml'
                " so that only OSS agents use it, or give the name a model in MODEL_MAP_JSON",
            )
        raise self._unknown(name)

    def mission_alias(self, name: str) -> tuple[str, ModelProfile] | None:
        """Return tier and profile of `mission-a<2..6>-<name>`, or `None` for any other name."""
        found = _MISSION_ALIAS.fullmatch(name)
        return (f"A{found[1]}", self.resolve(found[2])) if found else None

    def _named_or_unlisted(self, target: str) -> ModelProfile:
        return self._names.get(target) or self._unlisted(target)

    def _unlisted(self, model: str) -> ModelProfile:
        return ModelProfile(model, model, self._opencode_go)

    def _unknown(self, name: str) -> BadRequest:
        from difflib import get_close_matches  # Only a wrong name pays for loading it.

        told = f"there is no model {name!r}"
        nearest = get_close_matches(name, self._names, NEAREST_NAMES_MAX, cutoff=0.4)
        return BadRequest(
            told,
            code="model_not_found",
            hint=f"nearest: {', '.join(nearest)}" if nearest else "GET /v1/models lists them",
            faults=[Fault("model", "model_not_found", told)],
        )


def _all_names(profiles: Mapping[str, ModelProfile]) -> dict[str, ModelProfile]:
    """Return the names in the order in which they win (bridge 6)."""
    names = dict(profiles)
    layers = (
        ((old, profiles[name]) for old, name in OLDER_NAMES.items() if name in profiles),
        ((profile.upstream_model, profile) for profile in profiles.values()),
        (
            (prefix + profile.upstream_model, profile)
            for profile in profiles.values()
            if profile.provider.name == OPENCODE_GO.name
            for prefix in ("ocg-", "opencode-go/")
        ),
        (
            (f"mission-a{digit}-{profile.name}", profile)
            for profile in profiles.values()
            for digit, lane in LANE_OF_ALIAS.items()
            if lane in profile.lanes
        ),
    )
    for name, profile in (pair for layer in layers for pair in layer):
        names.setdefault(name, profile)
    return names
