"""The report of a run, for programs and for people: functions of the record alone.

`report.json` is `managed_investigation_report.v1` (missions 12.1); the final message is the same
text through every door up to its footer; `summary.md` is for a person who opens the folder. What
the model wrote appears as its draft's answer and findings, all else is computed from the events.
"""

import json
from collections import Counter
from collections.abc import Iterable

from codex_oss.record.citations import Citation, is_zero_match
from codex_oss.record.codec import sha256
from codex_oss.record.events import CitationResult, Json
from codex_oss.record.findings import (
    Finding,
    contradictions,
    draft_of,
    findings,
    obligation_states,
    told,
)
from codex_oss.record.run_record import Command, RunRecord
from codex_oss.record.verdict import Verdict, missing_fields, verdict

REPORT_SCHEMA = "managed_investigation_report.v1"
DENIED_PATHS_SHOWN = 10
DIGEST_DIGITS = 12  # Of each span's digest, in the message for people.
MICRO = 1_000_000


def pretty(value: object) -> str:
    """Return the one spelling of a projection: sorted keys, indented, a final newline."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def report(record: RunRecord) -> Json:
    """Return the report. A run that is still open gets the verdict it would have now."""
    admitted, contract = record.admitted, record.contract
    ended = ending(record)
    draft = draft_of(record)
    escalation: Json = draft.escalation.to_json() if draft else {"needed": False}
    if ended.status == "ESCALATE" and not escalation.get("needed"):
        escalation = {"needed": True, "reason": ended.reason, "questions": []}
    return {
        "schema_version": REPORT_SCHEMA,
        "oss_report_version": "1.0",
        "mission_id": admitted.mission_id,
        "run_id": admitted.run_id,
        "tier": contract.tier,
        "objective": contract.objective,
        "status": ended.status,
        "status_reason": ended.reason,
        "downgraded_from": ended.downgraded_from,
        "downgrade_reasons": list(ended.downgrade_reasons),
        "confidence": ended.confidence,
        "answer": answer(record),
        "findings": [_finding(f) for f in told(record)],
        "files_inspected": files_inspected(record),
        "commands_run": [_command(c) for c in record.evidence.commands],
        "uncertainties": [u.to_json() for u in draft.uncertainties] if draft else [],
        "caveats": list(caveats(record)),
        "escalation_recommendation": escalation,
        "missing_fields": list(missing_fields(record)),
        "contradictions": [
            {"kind": c.kind, "obligation_id": c.obligation_id, "sides": list(c.sides)}
            for c in contradictions(record)
        ],
        "denials": denials(record),
        "obligations": [
            {
                "id": s.obligation.id,
                "question": s.obligation.question,
                "required": s.obligation.required,
                "status": s.status,
                "claim_ids": list(s.claim_ids),
                "missing_evidence": list(s.missing_evidence),
            }
            for s in obligation_states(record)
        ],
        "report_source": report_source(record, ended),
        "runtime_model_alias": admitted.admitted.model_alias,
        "explorer_model": admitted.admitted.profile.upstream_model,
        "profile": admitted.admitted.profile.name,
        "budget": budget(record),
        "usage": usage(record),
        "data_exposure": {
            "provider": admitted.admitted.profile.name,
            "exposure": admitted.admitted.profile.exposure,
            "files": len(record.evidence.files),
            "bytes": record.budget.observation_bytes,
            "redactions": record.delivery.redactions,
        },
        "phase_history": list(record.loop.phase_history),
        "completion_envelope": _envelope(record, ended),
        "log_head": {"seq": record.loop.finalized_seq, "hash": record.loop.finalized_hash},
        "artifacts": artifact_folder(record),
    }


def ending(record: RunRecord) -> Verdict:
    """Return how the run ended, as its last event says, or how it would end here."""
    now, said = verdict(record), record.loop.finalized
    if said is None:
        return now
    lowered, why = now.downgraded_from, now.downgrade_reasons
    return Verdict(said.status, said.status_reason, said.confidence, lowered, why)


def answer(record: RunRecord) -> str:
    draft = draft_of(record)
    if draft:
        return draft.answer
    return " ".join(f.claim for f in told(record))


def report_source(record: RunRecord, ended: Verdict) -> str:
    if record.answer.draft is None:
        return "runtime_answer_graph"
    return "model_report_downgraded" if ended.downgraded_from else "model_report"


def artifact_folder(record: RunRecord) -> str:
    return f".codex-oss/missions/{record.admitted.mission_id}"


def _finding(finding: Finding) -> Json:
    return {
        "id": finding.id,
        "claim": finding.claim,
        "status": finding.status,
        "confidence": finding.confidence,
        "obligation_id": finding.obligation_id,
        "value": finding.value,
        "evidence_refs": list(finding.evidence_refs),
        "evidence": [
            evidence(citation, result_of(finding, citation)) for citation in finding.citations
        ],
        "missing_tokens": list(finding.missing_tokens),
    }


def result_of(finding: Finding, citation: Citation) -> CitationResult | None:
    return next((r for r in finding.checked if r.ref == citation.ref), None)


def evidence(citation: Citation, checked: CitationResult | None) -> Json:
    """Return a citation as shown in reports: where the lines stand, as last looked at."""
    first, last = citation.first_line, citation.last_line
    digest, file_digest = citation.sha256, citation.file_sha256
    if checked and checked.verification in ("verified", "moved"):
        first, last = checked.start_line, checked.end_line
        digest, file_digest = checked.sha256, checked.file_sha256
    return {
        "ref": citation.ref,
        "path": citation.path,
        "start_line": first,
        "end_line": last,
        "sha256": digest.removeprefix("sha256:"),
        "file_sha256": file_digest.removeprefix("sha256:"),
        "redacted": citation.redacted,
        "quote": citation.quote,
        "observed_seq": citation.observed_seq,
        "verification": checked.verification if checked else "not_looked_at",
    }


def files_inspected(record: RunRecord) -> list[Json]:
    """Return each file that was read, with how much of it was shown."""
    shown: dict[str, set[int]] = {}
    last: dict[str, Json] = {}
    for extract in (e for c in record.evidence.commands for e in c.extracts):
        lines = shown.setdefault(extract.path, set())
        lines.update(range(extract.start_line, extract.end_line + 1))
        last[extract.path] = {
            "path": extract.path,
            "complete": len(lines) >= extract.total_lines,
            "lines_shown": len(lines),
            "total_lines": extract.total_lines,
            "sha256": extract.file_sha256.removeprefix("sha256:"),
        }
    return list(last.values())


def _command(command: Command) -> Json:
    return {
        "index": command.index,
        "tool": command.tool_name,
        "args": json.loads(command.arguments),
        "exit_code": command.exit_code,
        "matches": command.match_count,
        "complete": command.complete,
        "by": "runtime" if command.by_runtime else "model",
    }


def denials(record: RunRecord) -> list[Json]:
    counts = Counter(denial.code for denial in record.evidence.denials)
    return [
        {
            "code": code,
            "count": count,
            "paths": sorted({d.path for d in record.evidence.denials if d.code == code and d.path})[
                :DENIED_PATHS_SHOWN
            ],
        }
        for code, count in sorted(counts.items())
    ]


def caveats(record: RunRecord) -> tuple[str, ...]:
    draft = draft_of(record)
    own = list(draft.caveats) if draft else ["The findings are the claims recorded on the way."]
    warnings = record.admitted.admitted.admission.get("warnings")
    own += [str(warning) for warning in warnings] if isinstance(warnings, list) else []
    if any(f.unbacked_deed for f in findings(record)):
        own.append("unbacked_action_claim: a finding claims a deed that the log does not hold.")
    for finding in findings(record):
        if finding.status == "unverified":
            refs = ", ".join(finding.evidence_refs) or "none"
            own.append(f"A finding was dropped: its references were never shown ({refs}).")
    if record.budget.exhausted:
        own.append(f"Exploration ended early: {', '.join(record.budget.exhausted)}.")
    if record.delivery.resumes:
        own.append(f"The run was interrupted and resumed {record.delivery.resumes} time(s).")
    return tuple(own)


def budget(record: RunRecord) -> Json:
    spent, limits = record.budget, record.contract.budget
    return {
        "tool_calls": _spent(spent.tool_calls, limits.tool_budget),
        "model_calls": _spent(spent.model_calls, limits.max_model_calls),
        "observation_bytes": _spent(spent.observation_bytes, limits.max_total_observation_bytes),
        "files": _spent(len(record.evidence.files), limits.max_files_to_inspect),
        "elapsed_ms": _spent(spent.elapsed_ms, limits.time_budget_seconds * 1000),
        "output_tokens": _spent(spent.output_tokens, limits.max_output_tokens_total),
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


def _envelope(record: RunRecord, ended: Verdict) -> Json:
    states = [s for s in obligation_states(record) if s.obligation.required]
    answered = sum(s.status == "answered" for s in states)
    blocked = any(s.status == "blocked_source" for s in states)
    some = "PARTIALLY_ANSWERED" if answered or findings(record) else "UNANSWERED"
    whole = bool(states) and answered == len(states)
    return {
        "answer_status": "ANSWERED" if whole else "BLOCKED" if blocked else some,
        "evidence_status": "CONTRADICTED"
        if contradictions(record)
        else "SUFFICIENT"
        if whole
        else "PARTIAL"
        if record.evidence.commands
        else "INSUFFICIENT",
        "verification_status": "SATISFIED" if record.answer.checked else "INCOMPLETE",
        "closure_status": "MODEL_CLOSED" if record.answer.draft else "RUNTIME_CLOSED",
        "quality_status": {"COMPLETE": "EARNED_COMPLETE", "FAILED": "FAILED"}.get(
            ended.status, "TRUTHFUL_PARTIAL"
        ),
        "final_status": ended.status,
    }


# ---- for people ----------------------------------------------------------------------------------


def final_message(record: RunRecord, ended: Verdict) -> str:
    """Return the report as a person reads it, the same bytes through every door."""
    lines = [f"**Outcome**: {ended.status} ({ended.reason}), confidence {ended.confidence}."]
    lines += [answer(record)] if answer(record) else []
    lines += ["", "**Findings**", *_findings_for_people(record)]
    lines += ["", "**Verification**", *_verification_for_people(record)]
    lines += ["", "**Residual risks**", *_bullets(_risks(record, ended))]
    lines += ["", "**Escalation**", _escalation_for_people(record, ended)]
    return "\n".join(lines)


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {' '.join(text.split())}" for text in texts] or ["- none"]


def _findings_for_people(record: RunRecord) -> list[str]:
    lines = []
    for finding in told(record):
        lines.append(f"- [{finding.status}] {' '.join(finding.claim.split())}")
        for citation in finding.citations:
            shown = evidence(citation, result_of(finding, citation))
            digest = str(shown["sha256"])[:DIGEST_DIGITS]
            where = citation.ref
            if citation.path:
                where = (
                    f"{citation.path}:{shown['start_line']}-{shown['end_line']} ({citation.ref})"
                )
            lines.append(f"  - {where} sha256 {digest} {shown['verification']}")
    return lines or ["- none"]


def _verification_for_people(record: RunRecord) -> list[str]:
    checked = record.answer.checked or ()
    held = sum(result.verification in ("verified", "moved") for result in checked)
    zero = sum(is_zero_match(command) for command in record.evidence.commands)
    spent = record.budget
    return [
        f"- {held} of {len(checked)} citations hold when looked at again.",
        f"- {len(record.evidence.files)} files read, {spent.tool_calls} tool calls by the model,"
        f" {zero} complete searches without a match, {len(record.evidence.denials)} denials.",
        f"- {spent.model_calls} model calls, {spent.input_tokens + spent.output_tokens} tokens,"
        f" cost {_dollars(spent.cost_microusd)}; model {record.admitted.admitted.profile.name}.",
    ]


def _dollars(microusd: int | None) -> str:
    return "unknown" if microusd is None else f"${microusd / MICRO:.6f}"


def _risks(record: RunRecord, ended: Verdict) -> Iterable[str]:
    draft = draft_of(record)
    if ended.downgrade_reasons:
        yield f"The model asked for {ended.downgraded_from}: {', '.join(ended.downgrade_reasons)}."
    yield from (u.text for u in (draft.uncertainties if draft else ()))
    yield from caveats(record)


def _escalation_for_people(record: RunRecord, ended: Verdict) -> str:
    draft = draft_of(record)
    if draft and draft.escalation.needed:
        return f"Needed: {draft.escalation.reason}"
    return f"Needed: {ended.reason}." if ended.status == "ESCALATE" else "Not needed."


def footer(record: RunRecord, delivery: str) -> str:
    """Return what stands below the final message: where to check it."""
    return (
        f"\n\nDelivery status: {delivery}\n"
        f"Artifacts: {artifact_folder(record)}\n"
        f"Log head: {record.loop.finalized_hash} ({record.loop.finalized_seq} events)"
    )


def summary(record: RunRecord) -> str:
    """Return `summary.md`."""
    ended, run_id = ending(record), record.admitted.run_id
    said = record.loop.finalized
    text = said.final_text if said else final_message(record, ended)
    objective = " ".join(record.contract.objective.split())
    return (
        f"# {record.admitted.mission_id}: {ended.status}\n\n{objective}\n\n{text}\n\n"
        f"**How to check**\n- `codex-oss log verify {run_id} --head {record.loop.finalized_hash}`\n"
        f"- `codex-oss log rebuild {run_id} --check`\n"
        f"- `codex-oss explain {run_id}`\n"
    )


def text_digest(text: str) -> str:
    return sha256(text.encode())
