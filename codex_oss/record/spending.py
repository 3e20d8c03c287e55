"""What a run has spent and what is left, as its reports tell it."""

from collections import Counter

from codex_oss.record.closing import REPAIRS_MAX
from codex_oss.record.events import Json
from codex_oss.record.run_record import RunRecord


def budget(record: RunRecord) -> Json:
    spent, limits = record.budget, record.contract.budget
    return {
        "tool_calls": _spent(spent.tool_calls, limits.tool_budget),
        "model_calls": _spent(spent.model_calls, limits.max_model_calls),
        "observation_bytes": _spent(spent.observation_bytes, limits.max_total_observation_bytes),
        "files": _spent(len(record.evidence.files), limits.max_files_to_inspect),
        "elapsed_ms": _spent(spent.elapsed_ms, limits.time_budget_seconds * 1000),
        "output_tokens": _spent(spent.output_tokens, limits.max_output_tokens_total),
        "repairs": _spent(record.loop.faulty, REPAIRS_MAX),
        "redirected": [name for name, _ in spent.redirected],
        "exhausted": list(spent.exhausted),
    }


def _spent(used: int, limit: int | None) -> Json:
    return {"used": used, "limit": limit}


def usage(record: RunRecord) -> Json:
    spent = record.budget
    return {
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cached_tokens": spent.cached_tokens,
        "reasoning_tokens": spent.reasoning_tokens,
        "total_tokens": spent.input_tokens + spent.output_tokens,
        "calls": spent.model_calls,
        "sources": dict(sorted(Counter(spent.usage_sources).items())),
        "cost_microusd": spent.cost_microusd,
    }
