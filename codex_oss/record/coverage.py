"""Which required sources were seen, and which obligations are answered.

The record enters, the states of its contract's sources and obligations leave (missions 11.2).
Shared words link nothing: an obligation is answered by a supported finding that names it, once
every source that it requires was read.
"""

from dataclasses import dataclass

from codex_oss.contract import Obligation
from codex_oss.record.contradictions import contradictions
from codex_oss.record.findings import Finding, findings
from codex_oss.record.run_record import RunRecord

NAMED_SOURCES_MAX = 3  # Of `allowed_paths`, where a contract names no source (missions 11.2).
BUDGET_DENIALS = ("observation_budget", "max_files_reached")
STEP_DENIALS = ("tool_timeout", "tool_failed", "cancelled")
"""Denials that say nothing of the path that was asked for: what was left, or how a step went."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A required source: missing, read_satisfied or blocked. `prefetch`: the runtime reads it."""

    path: str
    state: str
    obligation_id: str
    prefetch: bool = True


@dataclass(frozen=True, slots=True)
class ObligationState:
    """`claim_ids` are the supported findings that name it."""

    obligation: Obligation
    status: str
    claim_ids: tuple[str, ...]
    missing_evidence: tuple[str, ...]


def source_states(record: RunRecord) -> tuple[SourceState, ...]:
    """Return the state of each required source of each obligation."""
    contract = record.contract
    for_all = contract.must_inspect
    if not for_all and not any(o.source_requirements for o in contract.obligations):
        most = None if contract.is_packed else NAMED_SOURCES_MAX
        for_all = contract.scope.allowed_paths[:most]
    states = []
    for obligation in contract.obligations:
        wanted = dict.fromkeys(for_all, True)
        wanted |= {s.path: s.prefetch for s in obligation.source_requirements if s.required}
        for path, prefetch in wanted.items():
            state = source_state(record, path)
            states.append(SourceState(path, state, obligation.id, prefetch))
    return tuple(states)


def source_state(record: RunRecord, path: str) -> str:
    """Return whether a path was read, cannot be read, or neither. An empty file has no line to
    show and is read all the same."""
    reads = [c for c in record.evidence.commands if c.tool_name == "rtk_read" and c.path == path]
    if path in record.evidence.files or any(not c.exit_code for c in reads):
        return "read_satisfied"
    return "blocked" if reads or is_denied(record, path) else "missing"


def is_denied(record: RunRecord, path: str) -> bool:
    """Whether guard or policy keep this path from being read, whatever is left of the budget."""
    passing = (*BUDGET_DENIALS, *STEP_DENIALS)
    return any(
        d.path == path and d.tool_name == "rtk_read" and d.code not in passing
        for d in record.evidence.denials
    )


def was_tried(record: RunRecord, path: str) -> bool:
    """Whether the runtime has tried to read this path by itself, with whatever outcome."""
    evidence = record.evidence
    denied = any(each.by_runtime and each.path == path for each in evidence.denials)
    return denied or any(each.by_runtime and each.path == path for each in evidence.commands)


def required_sources(record: RunRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(state.path for state in source_states(record)))


def obligation_states(record: RunRecord) -> tuple[ObligationState, ...]:
    """Return each obligation with its status: answered, contradicted, partially_answered,
    blocked_source or unanswered."""
    known, sources = findings(record), source_states(record)
    disputed = {each.obligation_id for each in contradictions(record, known)}
    return tuple(
        _obligation_state(each, known, sources, each.id in disputed)
        for each in record.contract.obligations
    )


def _obligation_state(
    obligation: Obligation,
    known: tuple[Finding, ...],
    sources: tuple[SourceState, ...],
    is_disputed: bool,
) -> ObligationState:
    mine = [f for f in known if f.obligation_id == obligation.id and f.status != "unverified"]
    supported = tuple(f.id for f in mine if f.status == "supported")
    states = [s for s in sources if s.obligation_id == obligation.id]
    missing = tuple(
        f"{'blocked_source' if s.state == 'blocked' else 'inspect'}:{s.path}"
        for s in states
        if s.state != "read_satisfied"
    )
    status = "partially_answered" if mine else "unanswered"
    if is_disputed:
        status = "contradicted"
    elif supported and not missing:
        status = "answered"
    elif any(s.state == "blocked" for s in states):
        status = "blocked_source"
    return ObligationState(obligation, status, supported, missing)
