"""What independent runs of one contract make of one another (missions 16).

The records of the members enter, a `CorroborationRecorded` leaves: claims that several found, that
they dispute, and that one alone found, each with its evidence. Findings agree when they answer one
question with one value, or cite the same lines in much the same words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from codex_oss.record.citations import is_zero_match
from codex_oss.record.contradictions import is_same_search, meets, plain_value
from codex_oss.record.events import CallUsage, CorroboratingRun, CorroborationRecorded, Json
from codex_oss.record.findings import Finding, told
from codex_oss.record.run_record import Command, RunRecord, evolved
from codex_oss.record.views_closure import ending
from codex_oss.record.views_report import evidence, pretty

WORDS_SHARED_MIN = 0.5  # Of all the words of two claims about the same lines.

_words = re.compile(r"\w+").findall


@dataclass(frozen=True, slots=True)
class Member:
    """One of the runs, by the profile that worked in it. `fault` says why it has no record."""

    profile: str
    record: RunRecord | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """A finding with the run that it is from."""

    profile: str
    record: RunRecord
    finding: Finding

    def to_json(self) -> Json:
        f = self.finding
        return {
            "profile": self.profile,
            "run_id": self.record.admitted.run_id,
            "finding_id": f.id,
            "claim": f.claim,
            "value": f.value,
            "status": f.status,
            "is_proven": f.is_proven,
            "evidence_refs": list(f.evidence_refs),
            "evidence": list(evidence(self.record, f)),
        }


def corroborated(members: Sequence[Member]) -> CorroborationRecorded:
    """Compare the members' findings."""
    ran = [(m.profile, m.record) for m in members if m.record]
    sources = [_Source(name, record, f) for name, record in ran for f in told(record)]
    groups = list(_grouped(sources))
    disputes = list(_disputes(sources))
    disputed = {id(source.finding) for dispute in disputes for source in dispute[2]}
    rows: dict[str, list[Json]] = {"agreed": [], "contradicted": [], "single_source": []}
    for number, group in enumerate(groups, 1):
        rows[_kind(group, disputed)].append(_row(f"g{number}", group))
    return CorroborationRecorded(
        members=tuple(map(_member, members)),
        **{kind: tuple(str(row["id"]) for row in found) for kind, found in rows.items()},
        detail={
            **rows,
            "disputes": [
                {"kind": kind, "obligation_id": obligation, "sides": [s.to_json() for s in sides]}
                for kind, obligation, sides in disputes
            ],
        },
    )


def folded(record: RunRecord, fact: CorroborationRecorded) -> RunRecord:
    """Return the record of a group after its comparison: its cost is the sum of its members'."""
    budget, known = record.budget, [member.cost_microusd for member in fact.members]
    usages = [member.usage for member in fact.members if member.usage]
    budget = evolved(
        budget,
        model_calls=budget.model_calls + sum(member.calls for member in fact.members),
        input_tokens=budget.input_tokens + sum(usage.input for usage in usages),
        output_tokens=budget.output_tokens + sum(usage.output for usage in usages),
        cached_tokens=budget.cached_tokens + sum(usage.cached for usage in usages),
        reasoning_tokens=budget.reasoning_tokens + sum(usage.reasoning for usage in usages),
        cost_microusd=None if None in known else sum(cost or 0 for cost in known),
    )
    return evolved(record, budget=budget, answer=evolved(record.answer, corroboration=fact))


def corroboration_file(record: RunRecord) -> str | None:
    """Return `corroboration.json`; `None` for a run that is no group's."""
    found = record.answer.corroboration
    if found is None:
        return None
    return pretty(
        {
            "schema_version": "corroboration.v1",
            "mission_id": record.admitted.mission_id,
            "run_id": record.admitted.run_id,
            "members": members_of(found),
            **found.detail,
        }
    )


def members_of(found: CorroborationRecorded) -> list[Json]:
    return [
        {
            "profile": member.profile,
            "run_id": member.run_id,
            "head": member.head,
            "status": member.status,
            "reason": member.reason,
            "calls": member.calls,
            "cost_microusd": member.cost_microusd,
        }
        for member in found.members
    ]


def _member(member: Member) -> CorroboratingRun:
    record = member.record
    if record is None:
        return CorroboratingRun("", "", "REFUSED", member.profile, member.fault, cost_microusd=0)
    spent, ended = record.budget, ending(record)
    total = spent.input_tokens + spent.output_tokens
    tokens = (spent.input_tokens, spent.output_tokens, spent.cached_tokens, spent.reasoning_tokens)
    return CorroboratingRun(
        run_id=record.admitted.run_id,
        head=record.loop.finalized_hash,
        status=ended.status,
        profile=member.profile,
        reason=ended.reason,
        calls=spent.model_calls,
        usage=CallUsage(*tokens, total, "upstream"),
        cost_microusd=spent.cost_microusd,
    )


def _row(name: str, group: Sequence[_Source]) -> Json:
    first = group[0].finding
    return {
        "id": name,
        "claim": first.claim,
        "obligation_id": first.obligation_id,
        "value": next((s.finding.value for s in group if s.finding.value), ""),
        "backed_by": list(dict.fromkeys(source.profile for source in group)),
        "proven_by": list(dict.fromkeys(s.profile for s in group if s.finding.is_proven)),
        "sources": [source.to_json() for source in group],
    }


def _kind(group: Sequence[_Source], disputed: set[int]) -> str:
    if any(id(source.finding) in disputed for source in group):
        return "contradicted"
    return "agreed" if len({source.profile for source in group}) > 1 else "single_source"


def _grouped(sources: Sequence[_Source]) -> Iterator[list[_Source]]:
    groups: list[list[_Source]] = []
    for source in sources:
        fits = (group for group in groups if any(_agree(source, other) for other in group))
        if group := next(fits, None):
            group.append(source)
        else:
            groups.append([source])
    yield from groups


def _agree(one: _Source, other: _Source) -> bool:
    a, b = one.finding, other.finding
    if one.record is other.record or a.obligation_id != b.obligation_id:
        return False
    if a.value and b.value:
        return plain_value(a.value) == plain_value(b.value)
    words, others = (set(_words(f.claim.casefold())) for f in (a, b))
    shared = len(words & others) / max(1, len(words | others))
    return shared >= WORDS_SHARED_MIN and _overlap(one, other)


def _overlap(one: _Source, other: _Source) -> bool:
    """Whether they cite a line in common, or in vain the same search in the same place."""
    a, b = one.finding, other.finding
    if any(mine.meets(its) for mine in a.citations for its in b.citations):
        return True
    return any(is_same_search(mine, its) for mine in _in_vain(one) for its in _in_vain(other))


def _in_vain(source: _Source) -> list[Command]:
    """Return the complete searches without a match that a finding cites."""
    commands = source.record.evidence.commands
    cited = (commands[c.command] for c in source.finding.citations if not c.path)
    return [command for command in cited if is_zero_match(command)]


def _disputes(sources: Sequence[_Source]) -> Iterator[tuple[str, str, tuple[_Source, _Source]]]:
    supported = [source for source in sources if source.finding.status == "supported"]
    seen: set[tuple[str, str, str]] = set()
    for one, other in combinations(supported, 2):
        kind = _dispute(one, other)
        key = (kind, one.profile + one.finding.id, other.profile + other.finding.id)
        if kind and key not in seen:
            seen.add(key)
            yield kind, one.finding.obligation_id, (one, other)


def _dispute(one: _Source, other: _Source) -> str:
    a, b = one.finding, other.finding
    if one.record is other.record or a.obligation_id != b.obligation_id:
        return ""
    if a.value and b.value and plain_value(a.value) != plain_value(b.value):
        return "different_values"
    met = _met(one, other) or _met(other, one)
    return "zero_match_met" if met else ""


def _met(claims: _Source, finds: _Source) -> bool:
    """Whether the other run found what this finding says there is not."""
    found = finds.record.evidence.commands
    return any(meets(other, empty) for empty in _in_vain(claims) for other in found)
