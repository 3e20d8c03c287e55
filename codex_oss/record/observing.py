"""The part of the fold that is about tools: what they gave, what was denied, what was new in it.

A record and a fact enter, the record after it leaves. Only the reducer calls this.
"""

import codex_oss.record.events as facts
from codex_oss.record.dialogue import taken
from codex_oss.record.events import Event
from codex_oss.record.run_record import (
    Answered,
    Command,
    Denial,
    LoopPart,
    RunRecord,
    arguments_of,
    evolved,
)

DENIED = 3  # As an exit code (missions 5.1).
BROAD_MATCHES = 100  # A search of the whole scope with more says little (missions 10.3).


def _answered(loop: LoopPart, call: facts.ToolCallEmitted, answer: Answered) -> LoopPart:
    """Close a tool call: the model's comes off the queue, the runtime's stood in none."""
    loop = evolved(loop, open_tool=None)
    if call.response_id:
        return taken(loop, call.call_id, answer, acted=True)
    return evolved(loop, transcript=(*loop.transcript, answer))


def denied(record: RunRecord, fact: facts.ToolDenied) -> RunRecord:
    call = record.loop.open_tool
    assert call, "illegal() let an outcome without intent through"
    note: facts.Json = {"tool": fact.tool_name, "exit_code": DENIED, "denied": fact.code}
    note |= {"rule": fact.rule}
    note |= {"allowed": fact.allowed} if fact.allowed else {}
    denial = Denial(
        tool_name=fact.tool_name,
        path=_asked_path(call),
        code=fact.code,
        rule=fact.rule,
        shown_path=fact.path,
        by_runtime=not call.response_id,
    )
    low = record.budget.low_information + bool(call.response_id)
    return evolved(
        record,
        loop=_answered(record.loop, call, Answered(fact.call_id, note=note)),
        evidence=evolved(record.evidence, denials=(*record.evidence.denials, denial)),
        budget=evolved(record.budget, low_information=low),
    )


def observed(record: RunRecord, event: Event, fact: facts.ToolObserved) -> RunRecord:
    call = record.loop.open_tool
    assert call, "illegal() let an outcome without intent through"
    evidence, budget = record.evidence, record.budget
    original = evidence.original_of(call, fact.output_hash) if fact.cached else None
    index = original.index if original else len(evidence.commands)
    if original is None:
        read = dict.fromkeys(e.path for e in fact.extracts if e.path not in evidence.files)
        evidence = evolved(
            evidence,
            commands=(*evidence.commands, _command(index, event.seq, call, fact)),
            files=(*evidence.files, *read),
        )
    is_models = bool(call.response_id)
    budget = evolved(
        budget,
        tool_calls=budget.tool_calls + (is_models and not fact.cached),
        observation_bytes=budget.observation_bytes + fact.bytes,
        duplicates=budget.duplicates + (fact.cached and not fact.recalled),
        low_information=budget.low_information
        + (is_models and not fact.recalled and _says_nothing_new(record, call, fact)),
        broad_searches=budget.broad_searches + _is_broad(record, call, fact),
    )
    redactions = record.delivery.redactions + fact.redactions
    answered = Answered(fact.call_id, observation=index, cached=fact.cached)
    return evolved(
        record,
        loop=_answered(record.loop, call, answered),
        evidence=evidence,
        budget=budget,
        delivery=evolved(record.delivery, redactions=redactions),
    )


def _command(
    index: int, seq: int, call: facts.ToolCallEmitted, fact: facts.ToolObserved
) -> Command:
    return Command(
        index=index,
        seq=seq,
        call_id=fact.call_id,
        tool_name=call.tool_name,
        arguments=call.arguments,
        path=_asked_path(call),
        command=fact.command,
        exit_code=fact.exit_code,
        text=fact.text,
        output_hash=fact.output_hash,
        complete=fact.complete,
        truncated=fact.truncated,
        extracts=fact.extracts,
        matches=fact.matches,
        match_count=fact.match_count,
        redactions=fact.redactions,
        by_runtime=not call.response_id,
        next=fact.next,
        risk_flags=fact.risk_flags,
        files_searched=fact.files_searched,
        total_lines=fact.total_lines,
        target_question=call.target_question,
    )


def _asked_path(call: facts.ToolCallEmitted) -> str:
    return str(arguments_of(call.arguments).get("path") or "")


def _says_nothing_new(
    record: RunRecord, call: facts.ToolCallEmitted, fact: facts.ToolObserved
) -> bool:
    """Whether no line came that was not shown before. What a search or a list gives is new,
    unless it is the same."""
    if fact.cached or fact.exit_code >= 2:
        return True
    if call.tool_name != "rtk_read":
        return False
    shown = [e for c in record.evidence.commands for e in c.extracts]
    return all(any(_covers(old, new) for old in shown) for new in fact.extracts)


def _covers(old: facts.Extract, new: facts.Extract) -> bool:
    same = (old.path, old.file_sha256) == (new.path, new.file_sha256)
    return same and old.start_line <= new.start_line and new.end_line <= old.end_line


def _is_broad(record: RunRecord, call: facts.ToolCallEmitted, fact: facts.ToolObserved) -> bool:
    if fact.cached or call.tool_name != "rtk_grep" or fact.match_count <= BROAD_MATCHES:
        return False
    path, scope = _asked_path(call), record.contract.scope
    whole = (*scope.allowed_roots, *scope.allowed_paths)
    return path in ("", ".") or all(f"{each}/".startswith(f"{path}/") for each in whole)
