"""`report.json`: what a run found and what it rests on, a function of the record alone.

It is `managed_investigation_report.v1` (missions 12.1). What the model wrote appears as its draft's
answer, findings, uncertainties and caveats; all else is computed from the events.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator

from codex_oss.record.answering import answer, unbacked_answer
from codex_oss.record.citations import Citation, resolve
from codex_oss.record.closing import FALLBACK, SOURCE_PACK, is_recovery
from codex_oss.record.closing_words import narrative
from codex_oss.record.contradictions import contradictions
from codex_oss.record.coverage import obligation_states
from codex_oss.record.displacement import delegation_value, usage_displacement
from codex_oss.record.events import CitationResult, Extract, Json
from codex_oss.record.exact_write import exact_write
from codex_oss.record.exploration import contradiction_search_done, optional_actions, uninspected
from codex_oss.record.findings import HELD, Finding, draft_of, findings, told
from codex_oss.record.run_record import Command, RunRecord
from codex_oss.record.spending import budget, usage
from codex_oss.record.verdict import missing_fields
from codex_oss.record.views_closure import (
    closure_attempts,
    ending,
    envelope,
    escalation,
    report_source,
)

REPORT_SCHEMA = "managed_investigation_report.v1"
DENIED_PATHS_SHOWN = 10
_SECRET = re.compile(r"\[redacted:([a-z0-9-]{1,40}):[0-9a-f]{4}\]")


def pretty(value: object) -> str:
    """Return the one spelling of a projection: sorted keys, indented, a final newline."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def report(record: RunRecord) -> Json:
    """Return the report. A run that is still open gets the verdict it would have now."""
    admitted, contract, ended = record.admitted, record.contract, ending(record)
    profile, draft = record.profile, draft_of(record)
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
        "findings": [_finding(record, f) for f in told(record)],
        "files_inspected": files_inspected(record),
        "commands_run": [_command(c) for c in record.evidence.commands],
        "uncertainties": [u.to_json() for u in draft.uncertainties] if draft else [],
        "caveats": list(caveats(record)),
        "escalation_recommendation": escalation(record, ended),
        "missing_fields": list(missing_fields(record)),
        "uninspected": list(uninspected(record)),
        "optional_exploration_actions": optional_actions(record),
        "contradiction_search_done": contradiction_search_done(record),
        "contradictions": [
            {"kind": c.kind, "obligation_id": c.obligation_id, "sides": list(c.sides)}
            for c in contradictions(record)
        ],
        "denials": denials(record),
        "obligations": obligations(record),
        "report_source": report_source(record, ended),
        "closure_attempts": closure_attempts(record),
        "runtime_model_alias": admitted.admitted.model_alias,
        "explorer_model": admitted.admitted.profile.upstream_model,
        "finalizer_model": profile.upstream_model if draft or narrative(record) else None,
        "fallback_model_used": any(
            each.profile and each.recovery_class == FALLBACK for each in record.loop.recoveries
        ),
        "profile": profile.name,
        "budget": budget(record),
        "usage": usage(record),
        "usage_displacement": usage_displacement(record),
        "delegation_value": delegation_value(record),
        "data_exposure": {
            "provider": profile.provider,
            "exposure": profile.exposure,
            "files": len(record.evidence.files),
            "bytes": record.budget.observation_bytes,
            "redactions": record.delivery.redactions,
            "redaction_kinds": _redaction_kinds(record),
        },
        "phase_history": list(record.loop.phase_history),
        "completion_envelope": envelope(record, ended),
        "commentary_delivery_summary": {
            "emitted": sum(each.emitted for each in record.delivery.commentary),
            "failed": sum(each.failed for each in record.delivery.commentary),
        },
        "log_head": {"seq": record.loop.finalized_seq, "hash": record.loop.finalized_hash},
        "artifacts": artifact_folder(record),
        **({"recovery_class": SOURCE_PACK} if is_recovery(record) else {}),
        **({"exact_write": proposal.to_json()} if (proposal := exact_write(record)) else {}),
    }


def obligations(record: RunRecord) -> list[Json]:
    """Return each question with what became of it."""
    return [
        {
            "id": s.obligation.id,
            "question": s.obligation.question,
            "required": s.obligation.required,
            "status": s.status,
            "claim_ids": list(s.claim_ids),
            "missing_evidence": list(s.missing_evidence),
        }
        for s in obligation_states(record)
    ]


def _redaction_kinds(record: RunRecord) -> list[str]:
    """Return the kinds of secrets in whose place the model was shown a token."""
    texts = (command.text for command in record.evidence.commands)
    return sorted({kind for text in texts for kind in _SECRET.findall(text)})


def artifact_folder(record: RunRecord) -> str:
    return f".codex-oss/missions/{record.admitted.mission_id}"


# ---- findings and their evidence -----------------------------------------------------------------


def _finding(record: RunRecord, finding: Finding) -> Json:
    return {
        "id": finding.id,
        "claim": finding.claim,
        "status": finding.status,
        "confidence": finding.confidence,
        "obligation_id": finding.obligation_id,
        "value": finding.value,
        "evidence_refs": list(finding.evidence_refs),
        "evidence": list(evidence(record, finding)),
        "missing_tokens": list(finding.missing_tokens),
    }


def evidence(record: RunRecord, finding: Finding) -> Iterator[Json]:
    """Yield what a finding cites: lines as they stand where they were last seen, or a command with
    what it gave."""
    checked = {result.ref: result for result in finding.checked}
    for citation in finding.citations:
        result = checked.get(citation.ref)
        seen = {
            "ref": citation.ref,
            "redacted": citation.redacted,
            "observed_seq": citation.observed_seq,
            "verification": result.verification if result else "not_looked_at",
        }
        if citation.path:
            yield seen | _lines(citation, result)
        else:
            yield seen | _whole_command(record.evidence.commands[citation.command])


def _lines(citation: Citation, result: CitationResult | None) -> Json:
    first, last = citation.first_line, citation.last_line
    digest, file_digest = citation.sha256, citation.file_sha256
    if result and result.verification in HELD:
        first, last = result.start_line, result.end_line
        digest, file_digest = result.sha256, result.file_sha256
    return {
        "path": citation.path,
        "start_line": first,
        "end_line": last,
        "sha256": digest.removeprefix("sha256:"),
        "file_sha256": file_digest.removeprefix("sha256:"),
        "quote": citation.quote,
    }


def _whole_command(command: Command) -> Json:
    return {
        "tool": command.tool_name,
        "args": command.asked,
        "exit_code": command.exit_code,
        "match_count": command.match_count,
        "complete": command.complete,
        "sha256": command.output_hash.removeprefix("sha256:"),
    }


def files_inspected(record: RunRecord) -> list[Json]:
    """Return each file that was read, with how much of it was shown. Lines of an earlier version
    of a file do not count."""
    shown: dict[str, set[int]] = {}
    last: dict[str, Extract] = {}
    for extract in (e for c in record.evidence.commands for e in c.extracts):
        before = last.get(extract.path)
        if before is None or before.file_sha256 != extract.file_sha256:
            shown[extract.path] = set()
        shown[extract.path].update(range(extract.start_line, extract.end_line + 1))
        last[extract.path] = extract
    return [
        {
            "path": path,
            "complete": len(shown[path]) >= extract.total_lines,
            "lines_shown": len(shown[path]),
            "total_lines": extract.total_lines,
            "sha256": extract.file_sha256.removeprefix("sha256:"),
        }
        for path, extract in last.items()
    ]


def _command(command: Command) -> Json:
    return {
        "index": command.index,
        "tool": command.tool_name,
        "args": command.asked,
        "exit_code": command.exit_code,
        "matches": command.match_count,
        "complete": command.complete,
        "by": "runtime" if command.by_runtime else "model",
    }


# ---- what else must be said ----------------------------------------------------------------------


def denials(record: RunRecord) -> list[Json]:
    """Return what was denied, by code. A forged reference and a tool that writes are attempts
    too."""
    denied = record.evidence.denials
    counts = Counter(denial.code for denial in denied)
    counts["forged_reference"] += len(_forged(record))
    counts["no_such_tool_here"] += record.loop.write_attempts
    return [
        {
            "code": code,
            "count": count,
            "paths": sorted({d.shown_path for d in denied if d.code == code} - {""})[
                :DENIED_PATHS_SHOWN
            ],
        }
        for code, count in sorted(counts.items())
        if count
    ]


def _forged(record: RunRecord) -> list[str]:
    """Return what was cited and never shown: by this draft, or by one before it."""
    cited = (ref for f in findings(record) for ref in f.evidence_refs)
    unseen = (ref for ref in cited if resolve(record, ref) is None)
    return list(dict.fromkeys((*record.answer.forged, *unseen)))


def caveats(record: RunRecord) -> tuple[str, ...]:
    """Return what a reader must know beside the findings: the model's words, then ours."""
    draft = draft_of(record)
    words = narrative(record)
    said = draft.caveats if draft else words.caveat_narratives if words else ()
    return (*said, *_our_caveats(record))


_CLAIMS_TOLD = "The findings are the claims recorded on the way: no report was handed in."
_CLAIMS_LEFT_OUT = "Recorded claims are left out: the contract wants a report of the model."


def _our_caveats(record: RunRecord) -> Iterator[str]:
    draft, known, budget = draft_of(record), findings(record), record.budget
    if record.answer.is_fast:
        yield "No model was asked: a search of the runtime answers the objective."
    elif known and not draft:
        may = record.contract.sufficiency.allow_runtime_answer_graph_closure
        yield _CLAIMS_TOLD if may else _CLAIMS_LEFT_OUT
    if topics := ", ".join(dict.fromkeys(f.forbidden_topic for f in known if f.forbidden_topic)):
        yield f"Findings were dropped: they speak of what the contract forbids ({topics})."
    elif draft and draft.answer and not told(record):
        yield f"The model answered without a finding that may be told: {draft.answer}"
    elif why := unbacked_answer(record):
        yield f"The findings stand in place of the model's answer: {why}."
    warnings = record.admitted.admitted.admission.get("warnings")
    yield from map(str, warnings if isinstance(warnings, list) else ())
    yield from _policies_off(record)
    if any(f.unbacked_deed for f in known):
        yield "unbacked_action_claim: a finding claims a deed that the log does not hold."
    if forged := _forged(record):
        yield f"Findings were dropped: their references were never shown ({', '.join(forged)})."
    results = record.answer.checked or ()
    if changed := [r.ref for r in results if r.verification in ("stale", "missing")]:
        yield f"Cited lines are no longer what was read: {', '.join(changed)}."
    for change in record.loop.recoveries:
        if change.recovery_class == FALLBACK:
            what = "Another model went on" if change.profile else "No other model went on"
            yield f"{what} ({change.reason})."
    if budget.exhausted:
        yield f"Exploration ended early: {', '.join(budget.exhausted)}."
    if record.delivery.resumes:
        yield f"The run was interrupted and resumed {record.delivery.resumes} time(s)."


def _policies_off(record: RunRecord) -> Iterator[str]:
    if not record.contract.phase_policy_enabled:
        yield "Phases were turned off by the contract."
    if not record.contract.progress_policy_enabled:
        yield "Limits on repeated and useless looks were turned off by the contract."
