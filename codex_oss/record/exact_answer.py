"""The answer of a mission without tools: what the contract says, or something else (missions 3)."""

from codex_oss.record.findings import draft_of
from codex_oss.record.run_record import RunRecord


def is_answered_exactly(record: RunRecord) -> bool:
    """Whether a model that may look at nothing gave one of the values that the contract wants."""
    spec, draft = record.contract.objective_spec, draft_of(record)
    if not record.contract.is_exact or spec is None or draft is None:
        return False
    return draft.answer in spec.required_values
