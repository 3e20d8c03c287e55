"""Another model in the place of one that cannot go on: admitted anew, and told in the log.

What admission says of it enters, the fact of the change leaves, or of why there is none (missions
15).
"""

from collections.abc import Callable
from dataclasses import dataclass

from codex_oss.chat import ChatModel
from codex_oss.record import RunRecord, RuntimeRecoveryRecorded
from codex_oss.runtime import Admission


@dataclass(frozen=True, slots=True)
class Substitute:
    """A profile that is to go on: what admission says of it and, if it may, its model."""

    admission: Admission
    model: ChatModel | None


Other = Callable[[RunRecord, str, str], Substitute]
"""Admits a profile by its name, for a class of recovery."""


def changed(
    record: RunRecord, name: str, recovery_class: str, found: Substitute | None, fault: str = ""
) -> RuntimeRecoveryRecorded:
    """Return the fact that `name` is asked from here on, or that it is not."""
    why = record.loop.last_failure if record.loop.failed_in_a_row else "action_parse_failed"
    admission = found.admission if found else None
    is_taken = found is not None and found.model is not None
    if admission and not is_taken:
        fault = "; ".join(check.reason for check in admission.failed)
    return RuntimeRecoveryRecorded(
        call_id=f"model_call:{record.budget.model_calls}",
        recovery_class=recovery_class,
        status="recovered" if is_taken else "refused",
        reason=f"{why}: {record.profile.name} -> {name}" + (f" ({fault})" if fault else ""),
        fail_closed=False,
        detail=name,
        profile=admission.facts.profile if admission and is_taken else None,
        admission=admission.to_json() if admission else {},
    )
