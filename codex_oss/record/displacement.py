"""What a run saved its reviewer, in tokens: a function of the record alone (implementation 13).

The baseline is a lower bound: what a direct run must at least have read is what the findings cite.
The review is the contract and the final message. So the saving may be negative, and says so.
"""

from codex_oss.contract import render_mission
from codex_oss.record.codec import canonical
from codex_oss.record.events import Json
from codex_oss.record.findings import told
from codex_oss.record.run_record import RunRecord

BYTES_PER_TOKEN = 4
BURDENS = ((5, "none"), (25, "minor"), (60, "moderate"))  # Percent of the baseline, at most.
POOR_PERCENT = 60
VALUES = {"none": "high", "minor": "high", "moderate": "medium", "heavy": "low"}


def usage_displacement(record: RunRecord) -> Json:
    """Return `usage_displacement.v1`."""
    spent, admitted = record.budget, record.admitted
    quality, review, baseline = usage_quality(record), _review(record), _baseline(record)
    saved = None if quality == "missing" else baseline - review
    decision, reasons = _decision(record, quality, saved)
    return {
        "schema_version": "usage_displacement.v1",
        "run_id": admitted.run_id,
        "model_alias": admitted.admitted.model_alias,
        "lane": str(admitted.admitted.admission.get("lane", "")),
        "oss": {
            "calls": spent.model_calls,
            "input_tokens": spent.input_tokens,
            "cached_tokens": spent.cached_tokens,
            "output_tokens": spent.output_tokens,
            "reasoning_tokens": spent.reasoning_tokens,
            "cost_microusd": spent.cost_microusd,
            "wall_ms": spent.elapsed_ms,
            "usage_quality": quality,
        },
        "review": {"tokens": review, "basis": "packet_bytes_div_4", "rounds": 1, "minutes": None},
        "baseline": {"tokens": baseline, "basis": "lower_bound_estimate"},
        "saved_tokens": saved,
        "review_burden_ratio": _ratio(review, baseline),
        "review_burden": burden(review, baseline),
        "decision": decision,
        "reasons": reasons,
    }


def delegation_value(record: RunRecord) -> Json:
    """Return `delegation_value.v1`."""
    review, baseline, burdened = _review(record), _baseline(record), _burden_of(record)
    value = VALUES[burdened]
    if usage_quality(record) == "missing":
        value = "unknown"
    elif review > baseline:
        value = "negative"
    is_poor = not baseline or review * 100 > POOR_PERCENT * baseline
    return {
        "schema_version": "delegation_value.v1",
        "value": value,
        "poor_delegation_value": is_poor,
        "review_burden": burdened,
    }


def usage_quality(record: RunRecord) -> str:
    """Return who counted the tokens of this run: measured, estimated or missing."""
    sources = set(record.budget.usage_sources)
    if "unknown" in sources:
        return "missing"
    return "estimated" if "estimated" in sources else "measured"


def burden(review: int, baseline: int) -> str:
    for percent, name in BURDENS:
        if review * 100 <= percent * baseline:
            return name
    return "heavy"


def _burden_of(record: RunRecord) -> str:
    return burden(_review(record), _baseline(record))


def _baseline(record: RunRecord) -> int:
    """Return the tokens of the observations that findings cite, each once."""
    cited = {citation.command for finding in told(record) for citation in finding.citations}
    commands = {c.output_hash: c.text for c in record.evidence.commands if c.index in cited}
    return sum(len(text.encode()) for text in commands.values()) // BYTES_PER_TOKEN


def _review(record: RunRecord) -> int:
    ended = record.loop.finalized
    text = ended.final_text if ended else ""
    handed = canonical(render_mission(record.contract))
    return (len(handed) + len(text.encode())) // BYTES_PER_TOKEN


def _ratio(review: int, baseline: int) -> str | None:
    """Return review / baseline with four digits; `None` where nothing was cited."""
    if not baseline:
        return None
    whole, rest = divmod(review * 10_000 // baseline, 10_000)
    return f"{whole}.{rest:04}"


def _decision(record: RunRecord, quality: str, saved: int | None) -> tuple[str, list[str]]:
    """Return what one run speaks for. A lane changes by many (implementation 13)."""
    status = record.status
    if quality != "measured" or saved is None:
        return "keep_canary", [f"usage_{quality}"]
    if status == "FAILED":
        return "downgrade_lane", ["run_failed"]
    if status == "COMPLETE" and saved > 0:
        return "promote_lane", ["complete", "saved_tokens"]
    return "keep_canary", [f"status_{status.lower()}", "nothing_saved" if saved <= 0 else "saved"]
