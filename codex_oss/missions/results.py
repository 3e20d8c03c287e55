"""What a mission gave, in the one shape that every door dresses."""

from dataclasses import dataclass

from codex_oss.chat import Usage
from codex_oss.errors import (
    AdmissionError,
    Busy,
    CapabilityDowngradeError,
    Fault,
    UnsupportedLaneError,
)
from codex_oss.record import Json, RunRecord, footer, report
from codex_oss.runtime import BUSY_SECONDS, Admission

REFUSAL_CHARACTERS_MAX = 4_000  # bridge 2: a refused mission tells every reason.


@dataclass(frozen=True, slots=True)
class MissionResult:
    """A settled run. `message` is the final text with its footer, the same at every door."""

    mission_id: str
    run_id: str
    status: str
    status_reason: str
    message: str
    report: Json
    artifacts: str
    head: str
    events: int
    usage: Usage
    cost_microusd: int | None

    def to_json(self) -> Json:
        return {
            "schema_version": "mission_result.v1",
            "mission_id": self.mission_id,
            "run_id": self.run_id,
            "status": self.status,
            "status_reason": self.status_reason,
            "message": self.message,
            "report": self.report,
            "artifacts": self.artifacts,
            "log_head": {"hash": self.head, "events": self.events},
            "usage": {
                "input_tokens": self.usage.input_tokens,
                "output_tokens": self.usage.output_tokens,
                "cached_tokens": self.usage.cached_tokens,
                "reasoning_tokens": self.usage.reasoning_tokens,
                "cost_microusd": self.cost_microusd,
            },
        }


def result_of(record: RunRecord, delivery: str = "delivered") -> MissionResult:
    """Return what a finalized run gave."""
    ended = record.loop.finalized
    assert ended, "only a run that ended has a result"
    told, spent = report(record), record.budget
    return MissionResult(
        mission_id=record.admitted.mission_id,
        run_id=record.admitted.run_id,
        status=ended.status,
        status_reason=ended.status_reason,
        message=ended.final_text + footer(record, delivery),
        report=told,
        artifacts=str(told["artifacts"]),
        head=record.loop.finalized_hash,
        events=record.loop.finalized_seq,
        usage=Usage(
            spent.input_tokens, spent.output_tokens, spent.cached_tokens, spent.reasoning_tokens
        ),
        cost_microusd=spent.cost_microusd,
    )


def refusal(admission: Admission, run_id: str = "") -> AdmissionError | Busy:
    """Return the error that tells every check that failed, with what would help."""
    failed = admission.failed
    faults = [Fault(f"$.{c.id}", c.reason, c.reason, c.hint) for c in failed]
    text = "; ".join(f"{c.reason} ({c.hint})" if c.hint else c.reason for c in failed)
    text = f"the mission was not admitted: {text}"[:REFUSAL_CHARACTERS_MAX]
    if admission.decision == "busy":
        return Busy(text, faults=faults, retry_after_seconds=BUSY_SECONDS)
    hint = f"run: codex-oss explain {run_id}" if run_id else ""
    kinds = (_REFUSALS[check.id] for check in failed if check.id in _REFUSALS)
    kind = next(kinds, AdmissionError)
    return kind(text, hint=hint, code=failed[0].reason.split(":")[0], faults=faults)


_REFUSALS: dict[str, type[AdmissionError]] = {
    "downgrade": CapabilityDowngradeError,
    "lane": UnsupportedLaneError,
    "capability": UnsupportedLaneError,
}
