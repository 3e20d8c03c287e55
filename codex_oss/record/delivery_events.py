"""What became of a run's words outside it: who was told, what a desktop showed, what is claimed.

What a desktop showed is worth what its capture is worth, and that is decided by how it came here,
never by what it says of itself (event-log 3.3).
"""

from dataclasses import dataclass

OUR_CAPTURES = ("app_server_client", "consumer_adapter")
"""Ways of capture in which this bridge itself was there. Any other is an import of a file."""


@dataclass(frozen=True, slots=True)
class CommentaryDelivered:
    """How far sentences got; one at each change of state, or after 10 s. `seqs` are the events
    whose sentences are meant, all of them between `from_seq` and `to_seq`."""

    from_seq: int
    to_seq: int
    state: str
    emitted: int
    failed: int
    reason: str
    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DesktopTranscriptCaptured:
    """`sha256` is the digest of what was captured."""

    agent_id: str
    thread_id: str
    transcript_kind: str
    consumer_kind: str
    capture_method: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DesktopMessageObserved:
    """One message of a capture. `matched_event_id` names the event whose sentence it is: whoever
    records it has compared the text."""

    agent_id: str
    message_id: str
    text: str
    pre_final: bool
    final: bool
    matched_event_id: str
    capture_method: str = ""


@dataclass(frozen=True, slots=True)
class DesktopToolCallResolved:
    """A tool call as a consumer saw it end. One that is not `adopted` is not resolved."""

    call_id: str
    output_hash: str
    consumer_kind: str
    adopted: bool
    capture_method: str = ""


@dataclass(frozen=True, slots=True)
class ClaimGateEvaluated:
    target: str
    status: str
    allowed_claims: tuple[str, ...]
    disallowed_claims: tuple[str, ...]
    basis_event_ids: tuple[str, ...]


DesktopFact = DesktopTranscriptCaptured | DesktopMessageObserved | DesktopToolCallResolved
DeliveryFact = CommentaryDelivered | DesktopFact | ClaimGateEvaluated


def is_observed(fact: DesktopFact) -> bool:
    """Whether we saw it ourselves, and not only a file that says so."""
    if isinstance(fact, DesktopMessageObserved) and not fact.matched_event_id:
        return False
    return fact.capture_method in OUR_CAPTURES
