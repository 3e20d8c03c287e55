"""The part of the fold that is about what left the run. Only the reducer calls this."""

from typing import assert_never

import codex_oss.record.delivery_events as facts
from codex_oss.record.delivery_events import DeliveryFact, is_observed
from codex_oss.record.run_record import DeliveryPart, evolved


def delivered(part: DeliveryPart, fact: DeliveryFact) -> DeliveryPart:
    match fact:
        case facts.CommentaryDelivered():
            return evolved(part, commentary=_joined(part.commentary, fact))
        case facts.DesktopTranscriptCaptured():
            return evolved(part, captures=part.captures + is_observed(fact))
        case facts.DesktopMessageObserved():
            return evolved(
                part,
                messages_observed=part.messages_observed + 1,
                messages_matched=part.messages_matched + is_observed(fact),
            )
        case facts.DesktopToolCallResolved():
            is_resolved = fact.adopted and is_observed(fact)
            return evolved(part, calls_adopted=part.calls_adopted + is_resolved)
        case facts.ClaimGateEvaluated():
            others = tuple(gate for gate in part.claim_gates if gate.target != fact.target)
            return evolved(part, claim_gates=(*others, fact))
        case _:
            assert_never(fact)


def _joined(
    known: tuple[facts.CommentaryDelivered, ...], fact: facts.CommentaryDelivered
) -> tuple[facts.CommentaryDelivered, ...]:
    """Return what is known with `fact`: two that follow one another in one state are one."""
    last = known[-1] if known else None
    if last is None or (last.state, last.reason) != (fact.state, fact.reason):
        return (*known, fact)
    both = facts.CommentaryDelivered(
        last.from_seq,
        fact.to_seq,
        fact.state,
        last.emitted + fact.emitted,
        last.failed + fact.failed,
        fact.reason,
        (*last.seqs, *fact.seqs),
    )
    return (*known[:-1], both)
