"""Which obligations are answered, and by what.

The record enters, the states of its contract's obligations leave (missions 11.2). Shared words link
nothing: an obligation is answered by a supported finding that names it, once every source that it
requires was seen as far as it must be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codex_oss.contract import EVIDENCE_SHAPES, Obligation
from codex_oss.record.contradictions import contradictions
from codex_oss.record.exact_answer import is_answered_exactly
from codex_oss.record.findings import Finding, findings
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import RunRecord
from codex_oss.record.shapes import stands
from codex_oss.record.sources import SourceState, denial_codes, source_states

_MISSING = {
    "missing": "inspect",
    "read_insufficient_shape": "insufficient_shape",
    "blocked": "blocked_source",
    "contradicted": "contradicted_source",
}
EVIDENCE_COUNTERS = ("tool_calls", "observation_bytes", "files", "exploration_time_ms")
"""Counters whose end leaves an obligation without evidence, not without an answer."""


@dataclass(frozen=True, slots=True)
class ObligationState:
    """`claim_ids` are the supported findings that name it."""

    obligation: Obligation
    status: str
    claim_ids: tuple[str, ...]
    missing_evidence: tuple[str, ...]


@remembered("mission", "evidence", "answer", "loop", "budget")
def obligation_states(record: RunRecord) -> tuple[ObligationState, ...]:
    """Return each obligation with its status, first row of a table that holds."""
    disputed = {each.obligation_id for each in contradictions(record)}
    return tuple(
        _obligation_state(record, each, each.id in disputed) for each in record.contract.obligations
    )


def _obligation_state(
    record: RunRecord, obligation: Obligation, is_disputed: bool
) -> ObligationState:
    known = [f for f in findings(record) if f.obligation_id == obligation.id]
    mine = [f for f in known if f.status != "unverified"]
    supported = [f for f in mine if f.status == "supported"]
    states = [s for s in source_states(record) if s.obligation_id == obligation.id]
    missing = tuple(
        f"{_MISSING[s.state]}:{s.path}" for s in states if s.state != "read_satisfied"
    ) + tuple(f"insufficient_shape:{shape}" for shape in _shapes_needed(obligation, supported))
    found = {state.state for state in states}
    stopped = record.loop.stopped
    rows = (
        (is_disputed or "contradicted" in found, "contradicted"),
        (supported and not missing or is_answered_exactly(record), "answered"),
        (_is_out_of_scope(record, states), "out_of_scope"),
        ("blocked" in found, "blocked_source"),
        (supported and "missing" not in found, "insufficient_evidence"),
        (mine, "partially_answered"),
        (stopped and stopped.needs_human, "blocked"),
        (set(record.budget.exhausted) & set(EVIDENCE_COUNTERS), "blocked_on_evidence"),
        (True, "unanswered"),
    )
    status = next(word for holds, word in rows if holds)
    return ObligationState(obligation, status, tuple(f.id for f in supported), missing)


def _shapes_needed(obligation: Obligation, supported: Sequence[Finding]) -> Iterator[str]:
    """Yield the shapes among what an obligation needs that no line cited for it has. What is no
    shape is told to the model and judged by the reviewer."""
    cited = [citation for finding in supported for citation in finding.citations]
    for shape in obligation.evidence_needed:
        if shape in EVIDENCE_SHAPES and not any(stands(shape, c.path, c.shown) for c in cited):
            yield shape


def _is_out_of_scope(record: RunRecord, states: Sequence[SourceState]) -> bool:
    """Whether the contract lets nothing see what it requires."""
    blocked = [s.path for s in states if s.state == "blocked"]
    codes = {code for path in blocked for code in denial_codes(record, path, "rtk_read")}
    return codes == {"out_of_scope"}
