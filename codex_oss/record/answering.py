"""The answer of a report: made of its findings, in the model's words where they carry them.

The record enters, the text leaves (missions 12.1). A report is read from its top, so nothing stands
there that no finding shows.
"""

from codex_oss.contract import topic_in
from codex_oss.record.closing import is_recovery
from codex_oss.record.closing_words import narrative
from codex_oss.record.exact_answer import is_answered_exactly
from codex_oss.record.exact_write import is_exact_write
from codex_oss.record.findings import draft_of, told
from codex_oss.record.run_record import RunRecord
from codex_oss.record.tokens import claims_a_deed, missing_tokens, new_tokens

ANSWER_CHARACTERS_MAX = 1_200


def answer(record: RunRecord) -> str:
    """Return the model's answer where its findings carry it, else a closer's words on them, else
    what they claim."""
    draft, known = draft_of(record), told(record)
    if draft and not topic_in(record.contract.scope.forbidden_topics, draft.answer):
        if _is_made_otherwise(record) or known and not unbacked_answer(record):
            return draft.answer
    if words := narrative(record):
        return words.narrative_summary
    return " ".join(f.claim for f in known)[:ANSWER_CHARACTERS_MAX]


def unbacked_answer(record: RunRecord) -> str:
    """Return what the findings that are told do not carry of the model's answer: a deed, or words
    of code that stand neither in them, nor in their evidence, nor in what was asked."""
    draft, known, contract = draft_of(record), told(record), record.contract
    if draft is None or not known or _is_made_otherwise(record):
        return ""
    if claims_a_deed(draft.answer):
        return "it claims a deed that the log does not hold"
    said = [contract.objective, *(each.question for each in contract.obligations)]
    said += [text for f in known for text in (f.claim, f.value)]
    new = new_tokens(draft.answer, "\n".join(said))
    cited = (citation for f in known for citation in f.citations)
    missing = [word for word in missing_tokens(draft.answer, "", cited) if word in new]
    return f"no finding shows {', '.join(missing)}" if missing else ""


def _is_made_otherwise(record: RunRecord) -> bool:
    """Whether an answer rests on what the runtime read or a contract says, and not on findings."""
    return is_recovery(record) or is_exact_write(record) or is_answered_exactly(record)
