"""Every check of an audit, in order: its name, what it takes, what it computes (event-log 9).

A run enters as a `Subject`, an outcome for each name leaves. A check of what a run of its kind
cannot have says SKIP, with the reason; no check passes because something is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import codex_oss.audit.of_evidence as of_evidence
import codex_oss.audit.of_files as of_files
import codex_oss.audit.of_log as of_log
import codex_oss.audit.of_run as of_run
import codex_oss.audit.of_verdict as of_verdict
from codex_oss.audit.subject import SENTENCES_MAX, Outcome, Says, Status, Subject
from codex_oss.record import COMMENTARY_FILE, GROUP, REPORT_FILE

Needs = Literal["log", "mission", "own", "end", "files", "open", "patch", "critical"]
WORST_FIRST: tuple[Status, ...] = ("FAIL", "WARN", "SKIP", "PASS")
PATCH_TIERS = ("A4", "A5", "A6")


@dataclass(frozen=True, slots=True)
class Check:
    """A row. `needs` says which runs it is of: any log, an admitted mission, one that asks its
    model by itself, one that ended, one whose files are there, an open investigation, one with a
    patch, a critical one."""

    name: str
    needs: Needs
    judge: Callable[[Subject], Says]


def not_in_this_version(run: Subject) -> Says:
    yield "FAIL", "this version cannot judge it"


def _named(needs: Needs, *judges: Callable[[Subject], Says]) -> tuple[Check, ...]:
    return tuple(Check(judge.__name__, needs, judge) for judge in judges)


def _files(**names: str) -> tuple[Check, ...]:
    return tuple(Check(n, "files", of_files.is_rendered(file)) for n, file in names.items())


def _sections(**keys: str) -> tuple[Check, ...]:
    return tuple(Check(name, "open", of_files.has_section(key)) for name, key in keys.items())


def _later(needs: Needs, names: str) -> tuple[Check, ...]:
    return tuple(Check(name, needs, not_in_this_version) for name in names.split())


CHECKS: tuple[Check, ...] = (
    *_named(
        "log",
        of_log.log_present,
        of_log.log_chain_ok,
        of_log.log_head_matches,
        of_log.log_sealed,
        of_log.blobs_present,
        of_log.record_consistent,
        of_log.record_deterministic,
    ),
    *_named("files", of_files.mission_dir),
    *_files(
        mission_json="mission.json",
        report_json=REPORT_FILE,
        decision_trace_json="decision_trace.json",
        ledger_json="ledger.json",
        claim_graph_json="claim_graph.json",
    ),
    *(Check("answer_graph_json", "open", of_files.is_rendered("answer_graph.json")),),
    *_sections(
        coverage_graph_json="coverage",
        evidence_agenda_json="agenda",
        investigation_plan_json="plan",
        trace_grading_json="trace_grading",
    ),
    *_files(
        run_record_json="run_record.json",
        mission_summary_json="mission_summary.json",
        trace_jsonl="trace.jsonl",
        visible_commentary_jsonl=COMMENTARY_FILE,
        summary_md="summary.md",
    ),
    *_named("files", of_files.projections_match),
    *_named(
        "mission",
        of_verdict.mission_id_matches,
        of_verdict.contract_digest_matches,
    ),
    *_named("own", of_verdict.admission_recorded),
    *_named("mission", of_verdict.admission_recomputes),
    *_named(
        "end",
        of_verdict.report_status_consistent,
        of_verdict.readonly_status_present,
        of_verdict.status_entitled,
    ),
    *_named(
        "mission",
        of_run.every_tool_call_terminal,
        of_run.no_denied_content_in_evidence,
    ),
    *_named("own", of_run.budget_consistent, of_run.usage_consistent),
    *_named("mission", of_run.model_requests_rebuild),
    *_named("log", of_run.redaction_clean),
    *_named("files", of_run.commentary_matches_events),
    *_named("mission", of_run.commentary_delivery_consistent, of_run.observation_provenance),
    *_named(
        "mission",
        of_evidence.evidence_refs_resolve,
        of_evidence.evidence_spans_match_log,
        of_evidence.evidence_spans_match_workspace,
        of_evidence.claims_supported,
    ),
    *_named(
        "files",
        of_evidence.readonly_files_match_ledger,
        of_evidence.readonly_claim_graph_sufficiency_recorded,
        of_evidence.readonly_trace_labels_recorded,
    ),
    *_sections(
        open_answer_graph_obligations_recorded="obligations",
        open_answer_graph_sufficiency_recorded="sufficiency",
    ),
    *_named("open", of_evidence.open_answer_graph_missing_sources_recorded),
    *_sections(
        open_coverage_graph_status_recorded="coverage",
        open_evidence_agenda_items_recorded="agenda",
    ),
    *_named(
        "open",
        of_evidence.open_claim_graph_phase_history_recorded,
        of_evidence.open_closure_source_recorded,
    ),
    *_later(
        "patch",
        "validation_json verification_json implementation_readiness_graph_json patch_artifact"
        " rollback_artifact changed_files_match patch_hash_matches patch_applies_to_base"
        " rollback_restores_base rollback_recorded rollback_caveat_present"
        " verification_after_apply verified_has_green_verification verification_policy_recorded"
        " verification_plan_score_recorded verification_scope_recorded sandbox_receipt_recorded"
        " semantic_review_recorded semantic_review_score_recorded"
        " implementation_readiness_recorded implementation_trace_present workspace_mode_recorded"
        " review_packet_matches review_before_promotion promotion_matches_patch"
        " workspace_unchanged_until_promotion",
    ),
    *_later(
        "critical",
        "certification_json certification_reviewers_recorded certification_threshold_recorded"
        " certification_proof_grade_recorded certification_approved preflight_recorded"
        " preflight_ok rollback_proof_recorded rollback_proof_ok invariants_recorded"
        " invariants_green",
    ),
)


def audit(run: Subject) -> tuple[Outcome, ...]:
    """Judge a run by every check there is."""
    return tuple(outcome_of(check, run) for check in CHECKS)


def outcome_of(check: Check, run: Subject) -> Outcome:
    """Return the worst of what one check says."""
    if why := _not_of(check.needs, run):
        return Outcome(check.name, "SKIP", why)
    said: dict[Status, list[str]] = {}
    for status, sentence in check.judge(run):
        said.setdefault(status, []).append(sentence)
    worst: Status = next((status for status in WORST_FIRST if status in said), "PASS")
    sentences = said.get(worst, [])
    more = f"; {len(sentences) - SENTENCES_MAX} more" if len(sentences) > SENTENCES_MAX else ""
    return Outcome(check.name, worst, "; ".join(sentences[:SENTENCES_MAX]) + more)


def _not_of(needs: Needs, run: Subject) -> str:
    """Return why a check is not of this run, or ""."""
    if needs == "log":
        return ""
    if run.told.mission is None:
        return f"the run is {run.record.status}: it has no mission"
    contract = run.told.contract
    if needs == "own" and run.told.admitted.admitted.route_class == GROUP:
        return "a group asks no model: audit its members, each by its run"
    if needs == "patch" and contract.tier not in PATCH_TIERS:
        return f"a mission of tier {contract.tier} makes no patch"
    if needs == "critical" and contract.tier != "A6":
        return f"a mission of tier {contract.tier} is not critical"
    if needs == "open" and contract.objective_style != "open_investigation":
        return f"its objective is {contract.objective_style}, not open_investigation"
    if needs == "end" and run.end is None:
        return f"the run is {run.record.status}"
    if needs in ("files", "open") and run.folder is None:
        return "the files of this mission are those of a newer run"
    return ""
