"""Where a run stands, in one document: its state, what is left of its limits, who works on it.

A run's events and record enter, `mission_status.v1` leaves; the clock is the caller's.
"""

from collections.abc import Sequence
from datetime import datetime

from codex_oss.record import Event, Json, RunRecord, budget


def status_of(
    run_id: str,
    events: Sequence[Event],
    record: RunRecord,
    state: str,
    owner: str,
    now: datetime,
) -> Json:
    last = events[-1] if events else None
    ended = record.loop.finalized
    return {
        "schema_version": "mission_status.v1",
        "mission_id": last.mission_id if last else "",
        "run_id": run_id,
        "state": state,
        "phase": record.loop.phase,
        "status": record.status,
        "status_reason": ended.status_reason if ended else record.loop.interrupted,
        "budget_left": _left(record),
        "last_event": _told(last, now) if last else None,
        "owner": owner,
        "promotion_state": record.promotion_state,
    }


def _left(record: RunRecord) -> Json:
    """Return what is left of each limit, by the name that the report has for it."""
    rows = budget(record) if record.mission else {}
    left = {
        name: max(0, row["limit"] - row["used"])
        for name, row in rows.items()
        if isinstance(row, dict) and isinstance(row.get("limit"), int)
    }
    left["seconds"] = left.pop("elapsed_ms", 0) // 1000
    return dict(left)


def _told(event: Event, now: datetime) -> Json:
    age = now - datetime.fromisoformat(event.created_at)
    return {
        "seq": event.seq,
        "event_type": event.event_type,
        "at": event.created_at,
        "age_seconds": max(0, round(age.total_seconds())),
    }
