"""Rules that tie fields of a contract together, or to its tier: one function a rule.

The well-formed members of a contract enter, faults leave. A rule looks only at members that are
there: what was faulty by itself is told once (missions 1.2, 3; implementation 1, 2).
"""

import re
from collections.abc import Callable, Iterator, Mapping

from codex_oss.contract.evidence import EVIDENCE_SHAPES
from codex_oss.contract.kinds import excerpt, nearest
from codex_oss.contract.mission import Scope
from codex_oss.contract.paths import PathRules
from codex_oss.contract.tiers import Tier
from codex_oss.contract.topics import topic_in
from codex_oss.errors import Fault

REASON_CHARS_MIN = 10

Contract = Mapping[str, object]
Faults = Iterator[Fault]

_PLACEHOLDER = re.compile(r"[\s.…]*|\W*(?:todo|tbd|fixme|xxx)\W*|\s*<[^<>]*>\s*", re.IGNORECASE)


def conflicts(contract: Contract, tier: Tier | None) -> Faults:
    """Yield what is wrong between fields. Without a tier, rules that need one are left out."""
    for rule in _RULES:
        yield from rule(contract)
    if tier:
        for rule_of_tier in _TIER_RULES:
            yield from rule_of_tier(contract, tier)


def _texts(contract: Contract, name: str) -> list[str]:
    value = contract.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []


def _members(contract: Contract, name: str) -> Mapping[str, object]:
    value = contract.get(name)
    return value if isinstance(value, Mapping) else {}


def _objective_says_something(contract: Contract) -> Faults:
    objective = str(contract.get("objective", "?"))
    if _PLACEHOLDER.fullmatch(objective):
        yield Fault(
            "$.objective", "bad_value", "is a placeholder", "say what to find", excerpt(objective)
        )


def _topics_are_not_the_objective(contract: Contract) -> Faults:
    objective = str(contract.get("objective", ""))
    for index, topic in enumerate(_texts(contract, "forbidden_topics")):
        if topic_in((topic,), objective):
            path = f"$.forbidden_topics[{index}]"
            yield Fault(path, "conflict", "is what the objective asks for", got=excerpt(topic))


def _critical_reading_has_a_reason(contract: Contract) -> Faults:
    reason = contract.get("critical_path_read_reason")
    if contract.get("critical_path_read_allowed") is not True or not isinstance(reason, str):
        return
    if len(reason.strip()) < REASON_CHARS_MIN:
        message = f"needs {REASON_CHARS_MIN} characters: why critical paths may be read"
        yield Fault("$.critical_path_read_reason", "missing", message, got=excerpt(reason))


def _what_must_be_inspected_may_be(contract: Contract) -> Faults:
    exposure = _members(contract, "data_exposure")
    paths = [
        path for name in ("allowed_paths", "read_only_paths") for path in _texts(contract, name)
    ]
    owned = [path.rstrip("/") for path in _texts(contract, "owned_paths")]
    scope = Scope(
        allowed_roots=(*_texts(contract, "allowed_roots"), *owned),
        allowed_paths=tuple(paths),
        forbidden_roots=tuple(_texts(contract, "forbidden_roots")),
        critical_path_read_allowed=contract.get("critical_path_read_allowed") is True,
        exposed_classes=tuple(_texts(exposure, "allow_classes")),
    )
    rules = PathRules(scope)
    for index, path in enumerate(_texts(contract, "must_inspect")):
        code = rules.verdict(path)
        if code:
            yield Fault(
                f"$.must_inspect[{index}]", "conflict", f"may not be read: {code}", got=path
            )


def _obligations_have_their_own_ids(contract: Contract) -> Faults:
    seen = set()
    obligations = contract.get("answer_obligations")
    for index, obligation in enumerate(obligations if isinstance(obligations, list) else []):
        name = obligation["id"]
        if name in seen:
            path = f"$.answer_obligations[{index}].id"
            yield Fault(
                path, "conflict", f"`{name}` names another obligation too", got=excerpt(name)
            )
        seen.add(name)


def _profiles_can_agree(contract: Contract) -> Faults:
    corroboration = _members(contract, "corroboration")
    profiles, needed = _texts(corroboration, "profiles"), corroboration.get("min_agree", 2)
    assert isinstance(needed, int)
    different = len(set(profiles))
    if profiles and different < needed:
        message = f"has {different} different ones, and `min_agree` is {needed}"
        yield Fault("$.corroboration.profiles", "conflict", message)


def _exploration_has_room(contract: Contract) -> Faults:
    policy = _members(contract, "exploration_policy")
    least = policy.get("min_optional_actions_after_floor", 0)
    most = policy.get("max_optional_actions_after_floor", least)
    assert isinstance(least, int) and isinstance(most, int)
    if least > most:
        path = "$.exploration_policy.min_optional_actions_after_floor"
        yield Fault(path, "conflict", f"is above the maximum of {most}", got=str(least))


def _owned_is_not_read_only(contract: Contract) -> Faults:
    owned = set(_texts(contract, "owned_paths"))
    for index, path in enumerate(_texts(contract, "read_only_paths")):
        if path in owned:
            where = f"$.read_only_paths[{index}]"
            yield Fault(
                where, "owned_and_read_only_overlap", "is in `owned_paths` too", got=excerpt(path)
            )


_COLUMNS = (("mode", "mode"), ("objective_style", "style"), ("report_schema", "report_schema"))


def _words_fit_the_tier(contract: Contract, tier: Tier) -> Faults:
    for name, column in _COLUMNS:
        legal = getattr(tier, column)
        if contract.get(name, legal) != legal:
            message = f"does not fit {tier.label}, which has `{legal}`"
            yield Fault(f"$.{name}", "conflict", message, f"leave it out or write `{legal}`")


def _writing_fits_the_tier(contract: Contract, tier: Tier) -> Faults:
    if contract.get("write_allowed", tier.may_write) != tier.may_write:
        legal = "needs true: it applies a patch" if tier.may_write else "writes nothing"
        yield Fault("$.write_allowed", "conflict", f"{tier.label} {legal}")


def _scope_is_given(contract: Contract, tier: Tier) -> Faults:
    lists = ["allowed_roots", "allowed_paths"] + ["owned_paths"] * tier.makes_patches
    if tier.name == "A0" or any(contract.get(name, True) for name in lists):
        return
    message = f"is missing: {tier.label} needs `allowed_roots` or `allowed_paths`"
    yield Fault("$.allowed_roots", "missing", message, "name folders, or `.` for the project")


def _tool_classes_fit_the_tier(contract: Contract, tier: Tier) -> Faults:
    classes = contract.get("allowed_tool_classes")
    if classes == [] and tier.has_tools:
        message = f"is missing: {tier.label} needs at least one of read, search, list"
        yield Fault("$.allowed_tool_classes", "missing", message)
    if classes and not tier.has_tools:
        yield Fault("$.allowed_tool_classes", "conflict", f"{tier.label} has no tools")


def _tools_are_within_the_cap(contract: Contract, tier: Tier) -> Faults:
    budget = contract.get("tool_budget", 0)
    assert isinstance(budget, int)
    if budget > tier.tool_budget_max:
        message = f"is above the cap of {tier.label}: {tier.tool_budget_max}"
        yield Fault("$.tool_budget", "abusive_budget", message, got=str(budget))


def _agenda_is_for_open_missions(contract: Contract, tier: Tier) -> Faults:
    if contract.get("evidence_collection_mode") == "agenda_guided" and not tier.is_open:
        message = "agenda_guided is for A3 with `objective_style: open_investigation`"
        yield Fault("$.evidence_collection_mode", "conflict", message)


def _risk_fits_the_tier(contract: Contract, tier: Tier) -> Faults:
    if tier.name == "A6" and contract.get("risk_tier", "critical") != "critical":
        yield Fault("$.risk_tier", "conflict", "A6 is for critical paths: needs `critical`")


def _applying_fits_the_tier(contract: Contract, tier: Tier) -> Faults:
    mode = contract.get("apply_mode")
    if tier.makes_patches and mode and (mode == "none") == tier.may_write:
        legal = "isolated_worktree or temp_project" if tier.may_write else "none"
        yield Fault("$.apply_mode", "conflict", f"{tier.label} needs {legal}")


def _shapes_are_known(contract: Contract) -> Faults:
    """A shape that nobody knows could never be had."""
    for path, source in _sources(contract):
        known = {*EVIDENCE_SHAPES, *_members(source, "shape_patterns")}
        for index, shape in enumerate(_texts(source, "required_shapes")):
            if shape not in known:
                where = f"{path}.required_shapes[{index}]"
                hint = nearest(shape, known) or "name a pattern for it in `shape_patterns`"
                yield Fault(where, "bad_value", "is no shape that is known", hint, excerpt(shape))


def _sources(contract: Contract) -> Iterator[tuple[str, Contract]]:
    for number, obligation in enumerate(_items(contract, "answer_obligations")):
        for index, source in enumerate(_items(obligation, "source_requirements")):
            yield f"$.answer_obligations[{number}].source_requirements[{index}]", source


def _items(contract: Contract, name: str) -> list[Contract]:
    value = contract.get(name)
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


_RULES: tuple[Callable[[Contract], Faults], ...] = (
    _objective_says_something,
    _topics_are_not_the_objective,
    _critical_reading_has_a_reason,
    _what_must_be_inspected_may_be,
    _obligations_have_their_own_ids,
    _shapes_are_known,
    _profiles_can_agree,
    _exploration_has_room,
    _owned_is_not_read_only,
)
_TIER_RULES: tuple[Callable[[Contract, Tier], Faults], ...] = (
    _words_fit_the_tier,
    _writing_fits_the_tier,
    _scope_is_given,
    _tool_classes_fit_the_tier,
    _tools_are_within_the_cap,
    _agenda_is_for_open_missions,
    _risk_fits_the_tier,
    _applying_fits_the_tier,
)
