"""The way round the model: a search that answers the mission by itself (missions 11.6).

The record enters; leave the search that is to be made first, and then the gate that says whether
its result meets every condition of COMPLETE but the second look at it, which comes next.
"""

from dataclasses import replace

from codex_oss.record import (
    TAKEN,
    GateEvaluated,
    Json,
    RunRecord,
    conditions,
    fast_answer,
    fast_search,
    fast_search_made,
)

LOOKED_AGAIN = "findings_supported_and_verified"


def open_fast_search(record: RunRecord) -> Json | None:
    """Return the arguments of the search that is to be made first, while nobody made it."""
    wanted = None if record.answer.fast_path else fast_search(record)
    is_made = fast_search_made(record) is not None or _is_denied(record)
    return None if is_made else wanted


def fast_gate(record: RunRecord) -> GateEvaluated | None:
    """Return whether the search answers the mission, once and where there is one."""
    if record.answer.fast_path or fast_search(record) is None:
        return None
    found = fast_search_made(record)
    seen: Json = {
        "matches": found.match_count if found else 0,
        "complete": bool(found and found.complete),
    }
    refs = (f"evt_{found.seq:06}",) if found else ()
    if fast_answer(record) is None:
        return GateEvaluated("fast_path", seen, "not_taken", ("not_exactly_one",), refs)
    taken = GateEvaluated("fast_path", seen, TAKEN, (), refs)
    met = conditions(replace(record, answer=replace(record.answer, fast_path=taken)))
    failed = tuple(name for name, holds in met.items() if not holds and name != LOOKED_AGAIN)
    return replace(taken, result="not_taken", reasons=failed) if failed else taken


def _is_denied(record: RunRecord) -> bool:
    return any(d.by_runtime and d.tool_name == "rtk_grep" for d in record.evidence.denials)
