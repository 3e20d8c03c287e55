"""The words of a closer, where a run has claims and no report: they add nothing to what is proven.

The record enters; leave what a closer is asked about, and of what closers said the first that
speaks of these claims alone (missions 12.4).
"""

from codex_oss.contract import CloserDraft, read_closer_draft
from codex_oss.record.codec import canonical
from codex_oss.record.coverage import obligation_states
from codex_oss.record.dialogue import CLOSER
from codex_oss.record.events import Json
from codex_oss.record.findings import told
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import RunRecord
from codex_oss.record.tokens import new_tokens


def canonical_answer(record: RunRecord) -> Json:
    """Return all that a closer may speak of."""
    return {
        "schema_version": "canonical_answer.v1",
        "objective": record.contract.objective,
        "claims": [
            {
                "id": f.id,
                "claim": f.claim,
                "status": f.status,
                "obligation_id": f.obligation_id,
                "value": f.value,
                "evidence_refs": list(f.evidence_refs),
            }
            for f in told(record)
        ],
        "obligations": [
            {"id": s.obligation.id, "question": s.obligation.question, "status": s.status}
            for s in obligation_states(record)
        ],
    }


@remembered("mission", "evidence", "answer")
def narrative(record: RunRecord) -> CloserDraft | None:
    """Return the words that the report may use: of the first closer that kept to its claims."""
    drafts = (_kept_to_claims(record, text) for _, text in record.answer.narrated)
    return next((draft for draft in drafts if draft), None)


def _kept_to_claims(record: RunRecord, text: str) -> CloserDraft | None:
    draft = read_closer_draft(text)
    if draft is None:
        return None
    ids = {finding.id for finding in told(record)}
    is_about_them = {name for name, _ in draft.finding_narratives} <= ids
    known = canonical(canonical_answer(record)).decode()
    return draft if is_about_them and not new_tokens(draft.text, known) else None


def closers(record: RunRecord) -> tuple[str, ...]:
    """Return the profiles that may be asked for words, in order; "" is the run's own, which is not
    asked where its provider has failed."""
    contract = record.contract
    first = contract.closer_model
    names = () if not first and record.loop.failed_in_a_row else (first,)
    other = contract.fallback_closer_model
    return tuple(dict.fromkeys((*names, other) if other else names))


def closings(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Return who was asked for words, by profile, and what came of it: accepted, rejected, failed
    or refused."""
    tried = [each for each in record.loop.recoveries if each.recovery_class == CLOSER]
    texts = iter(record.answer.narrated)
    rows = []
    for each in tried:
        outcome = each.status
        if each.status == "recovered" and (said := next(texts, None)):
            is_kept = _kept_to_claims(record, said[1]) is not None
            outcome = "accepted" if is_kept else "rejected" if said[1] else "failed"
        rows.append((each.detail, outcome))
    return tuple(rows)
