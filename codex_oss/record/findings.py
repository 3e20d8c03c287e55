"""What the run can show for each claim, judged from the spans in its log alone.

The record enters; findings leave with their status: *supported*, *weak* or *unverified* (missions
11.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from codex_oss.contract import Claim as DraftClaim
from codex_oss.contract import ReportDraft, parse_draft, topic_in
from codex_oss.record.citations import Citation, resolve
from codex_oss.record.events import CitationResult
from codex_oss.record.fast_path import fast_answer
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import RunRecord
from codex_oss.record.tokens import claims_a_deed, missing_tokens

HELD = ("verified", "moved")
"""What a second look must have found for a citation to carry anything."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim of the report with what carries it. `checked` are the second looks at it."""

    id: str
    claim: str
    status: str
    confidence: str
    obligation_id: str
    value: str
    evidence_refs: tuple[str, ...]
    citations: tuple[Citation, ...]
    checked: tuple[CitationResult, ...]
    missing_tokens: tuple[str, ...]
    unbacked_deed: bool = False
    forbidden_topic: str = ""

    @property
    def is_proven(self) -> bool:
        """Whether it is supported and each of its citations was looked at again and held."""
        looked_at = {result.ref for result in self.checked if result.verification in HELD}
        return self.status == "supported" and looked_at.issuperset(self.evidence_refs)

    @property
    def places(self) -> int:
        """How many pieces of evidence it names: one under several references is one."""
        seen = {citation.ref: citation.place for citation in self.citations}
        return len({seen.get(ref, ref) for ref in self.evidence_refs})


@remembered("answer")
def draft_of(record: RunRecord) -> ReportDraft | None:
    """Return the model's draft, or `None` before it wrote one that can be read."""
    if record.answer.draft is None:
        return None
    draft = parse_draft(record.answer.draft.draft)
    return draft if isinstance(draft, ReportDraft) else None


@remembered("mission", "evidence", "answer")
def findings(record: RunRecord) -> tuple[Finding, ...]:
    """Return the draft's findings, or the recorded claims where there is no draft."""
    checked = {result.ref: result for result in record.answer.checked or ()}
    draft, fast = draft_of(record), fast_answer(record) if record.answer.is_fast else None
    if fast is not None:
        named = {"f1": fast}
    elif draft is not None:
        named = {f"f{number}": claim for number, claim in enumerate(draft.findings, 1)}
    else:
        return recorded(record)
    return tuple(_judged(record, name, claim, checked) for name, claim in named.items())


@remembered("mission", "evidence", "answer")
def recorded(record: RunRecord) -> tuple[Finding, ...]:
    """Return the claims that were recorded on the way, in order."""
    checked = {result.ref: result for result in record.answer.checked or ()}
    rows = (
        (c.claim_id, DraftClaim(c.text, c.evidence_refs, c.obligation_id, c.value, "LOW"))
        for c in record.answer.claims
    )
    return tuple(_judged(record, name, claim, checked) for name, claim in rows)


def told(record: RunRecord) -> tuple[Finding, ...]:
    """Return the findings that a report may show. A forged one is dropped (missions 11.1), as is
    one that speaks of a forbidden topic (1.2); without a report claims are told only if the
    contract lets the runtime close (12.4)."""
    if record.answer.draft is None and not record.answer.is_fast:
        if not record.contract.sufficiency.allow_runtime_answer_graph_closure:
            return ()
    known = findings(record)
    return tuple(f for f in known if f.status != "unverified" and not f.forbidden_topic)


def _judged(
    record: RunRecord, name: str, claim: DraftClaim, checked: Mapping[str, CitationResult]
) -> Finding:
    refs = claim.evidence_refs
    citations = tuple(citation for ref in refs if (citation := resolve(record, ref)))
    results = tuple(checked[ref] for ref in refs if ref in checked)
    missing = missing_tokens(claim.claim, claim.value, citations)
    is_deed = claims_a_deed(claim.claim)
    has_changed = any(result.verification in ("stale", "missing") for result in results)
    too_few = (
        len({c.place for c in citations}) < record.contract.sufficiency.min_evidence_refs_per_claim
    )
    topic = topic_in(record.contract.scope.forbidden_topics, f"{claim.claim}\n{claim.value}")
    status = "supported"
    if not refs or len(citations) < len(refs):
        status = "unverified"
    elif missing or is_deed or has_changed or too_few or topic:
        status = "weak"
    obligations = record.contract.obligations
    return Finding(
        id=name,
        claim=claim.claim,
        status=status,
        confidence=claim.confidence,
        obligation_id=claim.obligation_id or (obligations[0].id if len(obligations) == 1 else ""),
        value=claim.value,
        evidence_refs=refs,
        citations=citations,
        checked=results,
        missing_tokens=missing,
        unbacked_deed=is_deed,
        forbidden_topic=topic,
    )
