"""Limits that a person raised while a run was open: another word than the contract's holds.

A record and a `BudgetChanged` enter; the record in which the limit holds leaves, or the rule that
it would break. What was said to be used up is asked again of the limits that hold.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

from codex_oss.contract import MissionV1, parse_mission, render_mission
from codex_oss.record.events import BudgetChanged, Json
from codex_oss.record.run_record import RunRecord, evolved

KEPT = ("context", "log")
"""Counters that no limit of a contract raises: the window of the model, the room of the log."""


def limits_of(record: RunRecord) -> dict[str, int]:
    """Return the limits of a contract that can be raised, by their names in it, as they hold."""
    held = asdict(record.contract.budget)
    return {name: value for name, value in held.items() if isinstance(value, int)}


def lowered(contract: MissionV1, effective: object) -> MissionV1:
    """Return the contract under the limits that admission left of its own."""
    given = effective if isinstance(effective, dict) else {}
    held = asdict(contract.budget)
    known = {name: value for name, value in given.items() if name in held and type(value) is int}
    if not known:
        return contract
    return replace(contract, budget=replace(contract.budget, **known))  # type: ignore[arg-type]  # Whole numbers, by the names of limits.


def illegal_raise(record: RunRecord, fact: BudgetChanged) -> str:
    if limits_of(record).get(fact.counter) != fact.before:
        return "limit_mismatch"
    return "limit_not_raised" if fact.reason == "raised" and fact.after <= fact.before else ""


def raised(record: RunRecord, fact: BudgetChanged) -> RunRecord:
    mission, contract = record.admitted, record.contract
    budget = replace(contract.budget, **{fact.counter: fact.after})  # type: ignore[arg-type]  # `illegal_raise` knows the name.
    mission = evolved(mission, contract=replace(contract, budget=budget))
    still = tuple(name for name in record.budget.exhausted if name in KEPT)
    return evolved(record, mission=mission, budget=evolved(record.budget, exhausted=still))


def wanted_raises(record: RunRecord, wanted: Mapping[str, int]) -> tuple[BudgetChanged, ...]:
    """Return the raises that lead from the limits that hold to these; `ValueError` says which
    cannot be."""
    held = limits_of(record)
    for name, value in wanted.items():
        if name not in held:
            raise ValueError(f"`{name}` is no limit; there is {', '.join(held)}")
        if value <= held[name]:
            raise ValueError(f"`{name}` is {held[name]} already: name more")
    document: Json = {**render_mission(record.contract), **wanted}
    parsed = parse_mission(document)
    if parsed.mission is None:
        raise ValueError("; ".join(map(str, parsed.faults)))
    return tuple(BudgetChanged(name, held[name], value, "raised") for name, value in wanted.items())
