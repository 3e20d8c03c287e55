"""`commentary_delivery.json`: how far each sentence of a run got, as its log was told.

Events enter, JSON leaves. A sentence that nobody was shown is `sanitized` and no more; what was
written to a client is `sse_emitted`; further states come only from what this bridge saw itself at
the consumer, matched by event and text (missions 13, event-log 3.3).
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from codex_oss.record.delivery_events import (
    CommentaryDelivered,
    DesktopMessageObserved,
    is_observed,
)
from codex_oss.record.events import Event, Json
from codex_oss.record.views_report import pretty
from codex_oss.record.visible_commentary import commentary_for

STATES = (
    *("created", "sanitized", "stream_enqueued", "failed", "sse_emitted", "consumer_observed"),
    *("rendered_before_final", "reconciled_with_summary"),
)
"""In the order in which a later one takes the place of an earlier one: what failed may still be
told to who asks again."""

OBSERVED = STATES[5:]
EMITTED = STATES[4:]


def commentary_delivery(events: Iterable[Event], mission_id: str, consumer: str) -> str:
    known = list(events)
    states = delivery_states(known)
    return pretty(
        {
            "schema_version": "commentary_delivery.v1",
            "mission_id": mission_id,
            "consumer": consumer,
            "events": [{"seq": seq, "state": state} for seq, state in states.items()],
            "summary": delivery_summary(states),
        }
    )


def delivery_states(events: Iterable[Event]) -> dict[int, str]:
    """Return the state of each sentence by the number of its event."""
    states: dict[int, str] = {}
    for event in events:
        if commentary_for(event):
            states[event.seq] = "sanitized"
        for seq, state in _news(event):
            if seq in states and _is_later(state, states[seq]):
                states[seq] = state
    return states


def _news(event: Event) -> Iterator[tuple[int, str]]:
    """Yield the sentences of which an event tells, with their states."""
    match event.fact:
        case CommentaryDelivered(seqs=seqs, state=state):
            yield from ((seq, state) for seq in seqs)
        case DesktopMessageObserved() as seen if is_observed(seen):
            number = seen.matched_event_id.removeprefix("evt_")
            if number.isdigit():
                shown = "rendered_before_final" if seen.pre_final else "consumer_observed"
                yield int(number), shown


def _is_later(state: str, before: str) -> bool:
    return state in STATES and STATES.index(state) > STATES.index(before)


def delivery_summary(states: dict[int, str]) -> Json:
    """Count the sentences; the rate is what was written of all that was to be, in percent."""
    counts = Counter(states.values())
    emitted = sum(counts[state] for state in EMITTED)
    wanted = emitted + counts["failed"] + counts["stream_enqueued"]
    return {
        "total": len(states),
        "emitted": emitted,
        "observed": sum(counts[state] for state in OBSERVED),
        "rendered": counts["rendered_before_final"] + counts["reconciled_with_summary"],
        "failed": counts["failed"],
        "delivery_rate": 100 * emitted // wanted if wanted else 0,
    }
