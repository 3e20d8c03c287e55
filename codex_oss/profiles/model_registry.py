"""Every name a model can be asked by, and the profile it means.

Settings enter, profiles leave. A name that is not served is an error before any provider is asked,
never a stream (bridge 5 and 6).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from codex_oss.chat import GENERIC, SALVAGE_FORMS
from codex_oss.errors import BadRequest, BadSettings, Fault, Refused
from codex_oss.profiles.built_in import BUILT_IN, OLDER_NAMES, built_in
from codex_oss.profiles.dialects import placed
from codex_oss.profiles.names import is_gpt_name
from codex_oss.profiles.profile import LANE_OF_ALIAS, ModelProfile, Provider
from codex_oss.profiles.providers import OPENAI, OPENCODE_GO
from codex_oss.profiles.user_profiles import parse_profiles

NEAREST_NAMES_MAX = 5

Salvage = Literal["auto", "off", "all"]

_GO_NAME = re.compile(r"(?:ocg-|opencode-go/)(.+)", re.DOTALL)
_MISSION_ALIAS = re.compile(r"mission-a([2-6])-(.+)", re.DOTALL)


class ModelSettings(Protocol):
    """The settings that name models."""

    @property
    def upstream_base(self) -> str: ...
    @property
    def profiles_json(self) -> str: ...
    @property
    def model_map_json(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class GptNames:
    """What a GPT name gets that nobody has: an error, the model `oss` in its place, or OpenAI."""

    strategy: Literal["error", "oss", "openai"] = "error"
    oss: str = "deepseek-v4-pro"
    openai: Provider = OPENAI


REFUSED = GptNames()


class ModelRegistry:
    """The profiles by all of their names. `model_map` adds names, to profiles or upstream models,
    and overrides any; models that no profile knows are asked for at `opencode_go`.

    `chains` and `concurrency` are by names of models, and hold for profiles that say nothing of
    it themselves. `salvage`: calls that are written as text are taken as the dialect says, or
    never, or in every form that is known.
    """

    def __init__(
        self,
        profiles: Iterable[ModelProfile] = BUILT_IN,
        model_map: Mapping[str, str] | None = None,
        opencode_go: Provider = OPENCODE_GO,
        *,
        gpt: GptNames = REFUSED,
        chains: Mapping[str, Sequence[str]] | None = None,
        concurrency: Mapping[str, int] | None = None,
        salvage: Salvage = "auto",
    ) -> None:
        self._opencode_go = opencode_go
        self._gpt = gpt
        self._salvage = salvage
        known = {profile.name: self._salvaging(profile) for profile in profiles}
        targets = _all_names(known)
        self._names = _all_names(
            {
                name: _placed(profile, targets, chains or {}, concurrency or {})
                for name, profile in known.items()
            }
        )
        mapped = {name: self._named_or_unlisted(to) for name, to in (model_map or {}).items()}
        self._names |= mapped

    @classmethod
    def of(
        cls,
        settings: ModelSettings,
        *,
        more: Iterable[ModelProfile] = (),
        gpt: GptNames = REFUSED,
        chains: Mapping[str, Sequence[str]] | None = None,
        concurrency: Mapping[str, int] | None = None,
        salvage: Salvage = "auto",
    ) -> "ModelRegistry":
        """Return the built-in models and the user's, who may redefine one by its name: whose model
        that was keeps its own. `more` are those of a file; where both name one, the variable wins.
        Models of OpenAI are asked where `gpt` says."""
        go = replace(OPENCODE_GO, base_url=settings.upstream_base)
        theirs = {
            profile.name: replace(profile, provider=gpt.openai)
            if profile.provider == OPENAI
            else profile
            for profile in (*more, *parse_profiles(settings.profiles_json))
        }
        ours = (_beside(profile, theirs.get(profile.name)) for profile in built_in(go))
        profiles = (*ours, *theirs.values())
        return cls(
            profiles,
            settings.model_map_json,
            go,
            gpt=gpt,
            chains=chains,
            concurrency=concurrency,
            salvage=salvage,
        )

    def names(self) -> tuple[str, ...]:
        """Return every name that is listed: those that `resolve` takes and we know beforehand."""
        return tuple(self._names)

    def profiles(self) -> tuple[tuple[ModelProfile, tuple[str, ...]], ...]:
        """Return every profile with the names that mean it."""
        known = {each.name: each for each in self._names.values()}
        names: dict[str, list[str]] = {name: [] for name in known}
        for name, profile in self._names.items():
            names[profile.name].append(name)
        return tuple((profile, tuple(names[name])) for name, profile in known.items())

    def resolve(self, name: str) -> ModelProfile:
        """Return the profile that a name means, for a mission alias the one it runs on, or raise
        `Refused` for a GPT name that gets none and `BadRequest` for one that nobody has."""
        if profile := self._names.get(name):
            return profile
        if found := _GO_NAME.fullmatch(name):
            return self._unlisted(found[1])
        if not is_gpt_name(name):
            raise self._unknown(name)
        return self._for_gpt(name)

    def fallback_from(self, name: str) -> str:
        """Return the GPT name in whose place another model answers, "" if it is none."""
        is_replaced = self._gpt.strategy == "oss" and is_gpt_name(name)
        return name if is_replaced and name not in self._names else ""

    def mission_alias(self, name: str) -> tuple[str, ModelProfile] | None:
        """Return tier and profile of `mission-a<2..6>-<name>`, or `None` for any other name."""
        found = _MISSION_ALIAS.fullmatch(name)
        return (f"A{found[1]}", self.resolve(found[2])) if found else None

    def _for_gpt(self, name: str) -> ModelProfile:
        match self._gpt.strategy:
            case "oss":
                return self._named_or_unlisted(self._gpt.oss)
            case "openai":
                model = name.lower().removeprefix("openai/")
                return ModelProfile(model, model, self._gpt.openai, lanes=(), wire="responses")
        raise Refused(
            f"{name!r} is an OpenAI model: this bridge serves open models only.",
            code="unsupported_bridge_model",
            hint='remove `model_provider = "opencode_bridge"` from the top level of config.toml'
            " so that only OSS agents use it, or set GPT_MODEL_STRATEGY",
        )

    def _named_or_unlisted(self, target: str) -> ModelProfile:
        return self._names.get(target) or self._unlisted(target)

    def _unlisted(self, model: str) -> ModelProfile:
        go = self._opencode_go
        dialect = placed(replace(GENERIC, model=model), go.name, "chat")
        return self._salvaging(ModelProfile(model, model, go, dialect=dialect, is_unlisted=True))

    def _salvaging(self, profile: ModelProfile) -> ModelProfile:
        if self._salvage == "auto":
            return profile
        forms = SALVAGE_FORMS if self._salvage == "all" else ()
        return replace(profile, dialect=replace(profile.dialect, salvage=forms))

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


def _beside(ours: ModelProfile, theirs: ModelProfile | None) -> ModelProfile:
    """Return a model of ours under the name of its own where the user calls another one like it."""
    model = ours.upstream_model
    if theirs is None or theirs.upstream_model == model or is_gpt_name(model):
        return ours
    return replace(ours, name=model)


def _placed(
    profile: ModelProfile,
    names: Mapping[str, ModelProfile],
    chains: Mapping[str, Sequence[str]],
    concurrency: Mapping[str, int],
) -> ModelProfile:
    """Return a profile with its chain, by names of profiles, each once and never itself, and with
    its limit: what it says itself, else what is said of it or of its model."""
    calls = (profile.name, profile.upstream_model)
    said = next((chains[name] for name in calls if name in chains), ())
    chain = []
    for name in profile.fallbacks or said:
        if name not in names:
            told = f"the chain of {profile.name} names {name!r}, which is no model here"
            raise BadSettings(told, hint="GET /v1/models lists them")
        chain.append(names[name].name)
    at_once = next((concurrency[name] for name in calls if name in concurrency), None)
    return replace(
        profile,
        fallbacks=tuple(name for name in dict.fromkeys(chain) if name != profile.name),
        concurrency=profile.concurrency or at_once,
    )


def _all_names(profiles: Mapping[str, ModelProfile]) -> dict[str, ModelProfile]:
    """Return the names in the order in which they win (bridge 6)."""
    names = dict(profiles)
    layers = (
        ((old, profiles[name]) for old, name in OLDER_NAMES.items() if name in profiles),
        (
            (profile.upstream_model, profile)
            for profile in profiles.values()
            # Whoever asks for a GPT name of Go's means OpenAI's; `ocg-` says that he does not.
            if profile.provider.name != OPENCODE_GO.name or not is_gpt_name(profile.upstream_model)
        ),
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
