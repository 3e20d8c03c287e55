"""Checks of the log itself: its bytes, its chain, its anchors, its fold (event-log 6 and 7)."""

from itertools import pairwise

from codex_oss.audit.subject import Says, Subject, differing
from codex_oss.record import (
    RENDERER_VERSION,
    HeadSealed,
    MissionAdmitted,
    MissionRefused,
    ProjectionWritten,
    fold,
    record_hash,
)


def log_present(run: Subject) -> Says:
    if run.log.verdict == "unreadable":
        yield "FAIL", run.log.rule
    elif not run.events or not isinstance(run.events[0].fact, MissionAdmitted | MissionRefused):
        yield "FAIL", "the log does not begin with an admission"
    else:
        yield "PASS", f"{len(run.events)} events from {run.events[0].created_at}"
    for event in run.events:
        if event.run_id != run.run_id:
            yield "FAIL", f"{event.event_id} is of {event.run_id}"


def log_chain_ok(run: Subject) -> Says:
    log = run.log
    if log.verdict == "damaged" and not log.rule.startswith("blob"):
        yield "FAIL", f"line {log.line}, byte {log.offset}: {log.rule}"
    if log.verdict == "torn_tail":
        yield "WARN", "bytes behind the last event were never acknowledged"
    for one, other in pairwise(run.events):
        if (other.seq, other.prev_hash) != (one.seq + 1, one.event_hash):
            yield "FAIL", f"{other.event_id} does not follow {one.event_id}"
    yield "PASS", f"{len(run.events)} hashes, each of all before it"


def log_head_matches(run: Subject) -> Says:
    log = run.log
    if log.head_count < 0:
        yield "FAIL", "there is no head file that we wrote"
    elif log.head_count > len(run.events):
        yield "FAIL", f"the head counts {log.head_count} events, the log has {len(run.events)}"
    elif log.head_count and run.events[log.head_count - 1].event_hash != log.head_hash:
        yield "FAIL", f"event {log.head_count} has another hash than the head"
    elif log.verdict == "rewritten":
        yield "FAIL", log.rule
    else:
        yield "PASS", f"{log.head_hash or 'no event'} after {log.head_count} events"


def log_sealed(run: Subject) -> Says:
    seals = [event.fact for event in run.events if isinstance(event.fact, HeadSealed)]
    end = run.end
    for seal in seals:
        named = run.events[seal.sealed_seq - 1 : seal.sealed_seq]
        if [event.event_hash for event in named] != [seal.sealed_hash]:
            yield "FAIL", f"the seal of event {seal.sealed_seq} names another hash"
    if end is None and run.record.status != "REFUSED":
        yield "FAIL", f"the run is {run.record.status}: nothing sealed its end"
    elif not any(end is None or seal.sealed_hash == end[0].event_hash for seal in seals):
        yield "FAIL", "no seal names the end of the run"
    yield "PASS", f"{len(seals)} seals"


def blobs_present(run: Subject) -> Says:
    if run.log.verdict == "damaged" and run.log.rule.startswith("blob"):
        yield "FAIL", f"line {run.log.line}: {run.log.rule}"
    yield "PASS", f"{run.log.blobs} texts beside the log are what their digests say"


def record_consistent(run: Subject) -> Says:
    for seq, rule in run.record.inconsistent:
        yield "FAIL", f"event {seq} breaks {rule}"
    for seq, event_type in run.record.unknown_events:
        yield "WARN", f"event {seq} is a {event_type}, of which this version knows nothing"
    yield "PASS", "every event may stand where it stands"


def record_deterministic(run: Subject) -> Says:
    """Fold again, and compare with the hash that stands beside each file."""
    again = fold(run.events)
    yield from differing({"the second fold": (record_hash(again), record_hash(run.record))})
    for event in run.events:
        fact = event.fact
        if isinstance(fact, ProjectionWritten) and fact.renderer_version == RENDERER_VERSION:
            expected = record_hash(run.records[event.seq - 1])
            found = fact.source_run_record_hash
            yield from differing({f"the record behind {fact.projection_name}": (found, expected)})
    yield "PASS", record_hash(again)
