"""Where a run stands, as its model reads it at the end of every prompt: `oss_state`.

The record enters; leave phase, limits left, the index of all evidence, claims with their status,
the agenda, what is expected now, and a note on what went wrong (missions 9).
"""

from collections.abc import Iterator

from codex_oss.record import (
    REPAIRS_MAX,
    Answered,
    Command,
    Json,
    RunRecord,
    findings,
    looks,
    obligation_states,
)
from codex_oss.runtime.costs import cost_limit

AGENDA_SHOWN = 3
GIST_CHARACTERS = 80

_INSTRUCTIONS = {
    "explore": "Call the next function, or final_report if you are done.",
    "repair": "Your last answer was no action. Correct it as the note says.",
    "report": "Exploration is over. Call final_report with what the evidence shows.",
}
_EXACT_INSTRUCTION = "Answer now, with the answer alone."
_PACKED_INSTRUCTION = "Write the report now: findings with their refs, and what is missing."


def standing(record: RunRecord, purpose: str) -> Json:
    spent, limits = record.budget, record.contract.budget
    return {
        "phase": record.loop.phase,
        "limits_left": {
            "tools": max(0, limits.tool_budget - spent.tool_calls),
            "model_calls": max(0, limits.max_model_calls - spent.model_calls),
            "seconds": max(0, limits.time_budget_seconds - _asked_at_ms(record) // 1000),
            "observation_bytes": max(
                0, limits.max_total_observation_bytes - spent.observation_bytes
            ),
            "repairs": max(0, REPAIRS_MAX - record.loop.faulty),
            **_limited(record),
            "files": max(0, limits.max_files_to_inspect - len(record.evidence.files)),
        },
        "evidence": [
            {"ref": ref_of(c), "path": _path(c), "lines": _lines(c), "gist": gist(c)}
            for c in record.evidence.commands
        ],
        "claims": [
            {"id": f.id, "claim": f.claim, "obligation_id": f.obligation_id, "status": f.status}
            for f in findings(record)
        ],
        "agenda": list(_agenda(record))[:AGENDA_SHOWN],
        "instruction": _instruction(record, purpose),
        "note": _note(record),
    }


def _instruction(record: RunRecord, purpose: str) -> str:
    if record.contract.is_exact:
        return _EXACT_INSTRUCTION
    return _PACKED_INSTRUCTION if record.contract.is_packed else _INSTRUCTIONS[purpose]


def _limited(record: RunRecord) -> Json:
    """Return what is left of the limits that only some contracts have."""
    spent, limits = record.budget, record.contract.budget
    left: Json = {}
    if limits.max_output_tokens_total is not None:
        left["output_tokens"] = max(0, limits.max_output_tokens_total - spent.output_tokens)
    cost = cost_limit(record.contract)
    if cost is not None and spent.cost_microusd is not None:
        left["cost_microusd"] = max(0, cost - spent.cost_microusd)
    return left


def _asked_at_ms(record: RunRecord) -> int:
    """Return the time at which this prompt was announced: the announcement itself takes time."""
    announced = record.loop.open_request
    return announced.asked_at_ms if announced else record.budget.elapsed_ms


def ref_of(command: Command) -> str:
    """Return how an observation as a whole is cited."""
    return command.extracts[0].ref if len(command.extracts) == 1 else f"command:{command.index}"


def gist(command: Command) -> str:
    """Return one line on what a call gave."""
    if command.extracts:
        e = command.extracts[0]
        return f"{e.path} lines {e.start_line}-{e.end_line} of {e.total_lines}"
    if command.tool_name == "rtk_grep":
        return f"{command.match_count} matches of {command.command}"[:GIST_CHARACTERS]
    return command.command[:GIST_CHARACTERS]


def _path(command: Command) -> str:
    return command.extracts[0].path if command.extracts else ""


def _lines(command: Command) -> str:
    extract = command.extracts[0] if command.extracts else None
    return f"{extract.start_line}-{extract.end_line}" if extract else ""


def _agenda(record: RunRecord) -> Iterator[Json]:
    for look in looks(record):
        if look.status == "pending":
            row: Json = {"id": look.name, "obligation": look.obligation_id, "kind": look.kind}
            yield row | {"call": look.call}
    for state in obligation_states(record):
        if state.obligation.required and state.status != "answered":
            yield {"obligation": state.obligation.id, "question": state.obligation.question}


def _note(record: RunRecord) -> str:
    """Say what the model should mind: its last answer, its report, or how it goes on."""
    transcript, validated = record.loop.transcript, record.answer.validated
    last = transcript[-1] if transcript else None
    if isinstance(last, Answered) and not last.call_id and last.note and "error" in last.note:
        return f"{last.note['error']}: {last.note['message']} Example: {last.note['example']}"
    if validated and validated.downgraded_from:
        return f"Your report was not {validated.downgraded_from}: {', '.join(validated.reasons)}."
    if record.budget.redirected:
        passed = ", ".join(name.replace("_", " ") for name, _ in record.budget.redirected)
        return f"Too many: {passed}. Work on the agenda, or report: one more ends exploration."
    return ""
