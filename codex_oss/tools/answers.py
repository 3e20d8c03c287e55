"""What every tool is given for a call, and the parts that all answers have in common."""

from dataclasses import dataclass

from codex_oss.deadline import Deadline
from codex_oss.tools.guard import Guard
from codex_oss.tools.observations import Failed, Observation, ToolCall

NOTE_BYTES = 300  # Kept free for the last line of a result.


@dataclass(frozen=True, slots=True)
class Means:
    """What a call may use: fixed before it runs."""

    guard: Guard
    deadline: Deadline
    result_bytes_max: int
    pattern_seconds: float


def failure(call: ToolCall, failed: Failed, path: str = "", total_lines: int = 0) -> Observation:
    """Return the observation that there is nothing to show, and why."""
    return Observation(
        tool=call.name,
        command=call.key,
        exit_code=failed.exit_code,
        text=": ".join(part for part in (failed.code, path, failed.message) if part),
        complete=False,
        path=path,
        total_lines=total_lines,
    )


def flags(guard: Guard, path: str, *, is_lossy: bool) -> tuple[str, ...]:
    """Return what a reader should know of a file beside its text."""
    terms = (f"critical_term:{term}" for term in guard.rules.risk_flags(path))
    return (*terms, *(("replacement_characters",) if is_lossy else ()))


def note(**parts: str) -> tuple[str, ...]:
    """Return the last line of a result, if it needs one: what is not in it and why. Looking again
    at a result knows it by `[cut: `."""
    said = "; ".join(f"{name}: {text}" for name, text in parts.items() if text)
    return (f"[{said}]",) if said else ()
