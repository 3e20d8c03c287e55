"""What is said in a log when a run goes on: who took it up, what was UNKNOWN, what a person wants.

A record enters; the facts to append leave, or the error that says why the run cannot go on.
"""

from collections.abc import Mapping

from codex_oss.errors import BadRequest, Refused
from codex_oss.log import MissionEventLog
from codex_oss.missions.shelf import owner
from codex_oss.record import Event, Fact, OverrideRecorded, RunRecord, RunResumed, wanted_raises


def ensure_resumable(record: RunRecord, run_id: str) -> None:
    """Raise why a run cannot go on, where it never began or cannot be read."""
    match record.status:
        case "NEW":
            message = f"{run_id} ended before it was admitted, there is nothing to resume"
            raise Refused(message, code="never_admitted", hint="hand the mission in again")
        case "REFUSED":
            message = f"{run_id} was refused, there is nothing to resume"
            hint = f"run: codex-oss explain {run_id}"
            raise Refused(message, code="already_final", hint=hint)
        case "UNREADABLE":
            hint = "resume it with the version that admitted it: its first event names that"
            message = f"the contract of {run_id} cannot be read by this version"
            raise Refused(message, code="contract_unreadable", hint=hint)


def raising(record: RunRecord, raises: Mapping[str, int], why: str) -> tuple[Fact, ...]:
    """Return a person's word for higher limits and what it changes; nothing without one."""
    try:
        raised = wanted_raises(record, raises)
    except ValueError as error:
        raise BadRequest(str(error), hint="name what the contract has more of") from error
    return (OverrideRecorded("raise_limits", "person", why), *raised) if raised else ()


def reopened(log: MissionEventLog, words: tuple[Fact, ...]) -> tuple[Event, ...]:
    """Say in the log that it goes on, and what with; nothing in one that has ended."""
    if not log.record.is_open:
        return ()
    facts = (_resumed(log.record), *words)
    return tuple(event for fact in facts for event in log.append(fact))


def _resumed(record: RunRecord) -> RunResumed:
    loop = record.loop
    open_intents = [f"model_call:{loop.open_request.call}"] if loop.open_request else []
    open_intents += [f"tool_call:{loop.open_tool.call_id}"] if loop.open_tool else []
    return RunResumed("resume", owner(), tuple(open_intents))
