"""Checks of contract, admission and verdict: judged again from what stands in the log."""

from codex_oss.audit.subject import Says, Subject, differing
from codex_oss.contract import contract_digest, parse_mission
from codex_oss.record import (
    REPORT_FILE,
    Event,
    Json,
    MissionFinalized,
    conditions,
    sha256,
    verdict,
)
from codex_oss.runtime import judged

STATUSES = ("COMPLETE", "PARTIAL", "ESCALATE", "FAILED")
CONFIDENCES = ("LOW", "MEDIUM", "HIGH")
REASONS = (
    "valid_report deadline_reached budget_exhausted model_call_limit_reached model_call_failed"
    " action_parse_failed report_validation_failed objective_coverage_failed blocked_source"
    " critical_path_detected contradiction_found context_too_small cancelled client_disconnected"
    " interrupted log_limit stopped_by_model write_attempts exact_write_checked exact_write_failed"
).split()
"""How a `status_reason` begins (missions 12.3)."""


def mission_id_matches(run: Subject) -> Says:
    """An id is bound to its contract: another contract under the same id gets `-2`, `-3`..."""
    given = run.told.admitted
    for event in run.events:
        if event.mission_id != given.mission_id:
            yield "FAIL", f"{event.event_id} is of {event.mission_id}"
    wanted = given.admitted.requested_mission_id
    ending = given.mission_id.removeprefix(wanted)
    if given.mission_id != wanted and not ending.removeprefix("-").isdigit():
        if not given.mission_id.rpartition("-")[2].isdigit():
            yield "FAIL", f"{given.mission_id} is not made of {wanted}"
    if run.folder:
        ids = {n: (run.parsed(n).get("mission_id"), given.mission_id) for n in OF_MISSION}
        yield from differing(ids)
        place = run.folder.path.rpartition("/")[2]
        yield from differing({"the folder": (place, given.mission_id)})
    yield "PASS", given.mission_id


OF_MISSION = (
    *("mission.json", REPORT_FILE, "decision_trace.json", "ledger.json", "run_record.json"),
    "mission_summary.json",
)


def contract_digest_matches(run: Subject) -> Says:
    admitted = run.told.admitted.admitted
    parsed = parse_mission(admitted.task_spec).mission
    assert parsed, "this record has a mission"
    digest = contract_digest(parsed)
    yield from differing({"contract_sha256": (admitted.contract_sha256, digest)})
    if run.folder:
        stored = run.parsed("mission.json")
        document = {k: v for k, v in stored.items() if k not in ("x_digest", "x_limits")}
        again = parse_mission(document).mission
        found = contract_digest(again) if again else "no contract"
        yield from differing({"mission.json": (found, digest)})
        yield from differing({"x_digest of mission.json": (stored.get("x_digest"), digest)})
    yield "PASS", digest


def admission_recorded(run: Subject) -> Says:
    """Every check must stand there with what it looked at, and the decision follow from them."""
    admission = _admission(run)
    checks = _checks(admission)
    missing = [name for name in INDEPENDENT if name not in {c.get("id") for c in checks}]
    if missing:
        yield "FAIL", f"no check of {', '.join(missing)}"
    for check in checks:
        if "input" not in check or check.get("result") not in ("pass", "warn", "deny", "busy"):
            yield "FAIL", f"the check {check.get('id')} does not say what it looked at"
    denied = [str(c.get("id")) for c in checks if c.get("result") in ("deny", "busy")]
    if denied or admission.get("decision") != "admitted":
        yield "FAIL", f"admitted against {', '.join(denied) or admission.get('decision')}"
    yield "PASS", f"{len(checks)} checks"


INDEPENDENT = (
    *("contract", "profile_known", "child_model", "tier_alias", "lane", "capability", "encoding"),
    *("window", "provider", "downgrade", "risk", "scope", "data_exposure", "tool_classes", "cost"),
    *("scorecard", "capacity", "storage"),
)
"""Checks of every admission, whatever the others say (missions 4)."""


def admission_recomputes(run: Subject) -> Says:
    """Judge each recorded input again, and hold what the contract says against it."""
    admission, digest = _admission(run), run.told.admitted.admitted.contract_sha256
    warnings = _texts(admission.get("warnings"))
    for check in _checks(admission):
        name, seen = str(check.get("id")), check.get("input")
        try:
            again = judged(name, seen if isinstance(seen, dict) else {})
        except (LookupError, TypeError, ValueError):
            yield "FAIL", f"the check {name} cannot be judged from what it looked at"
            continue
        found = (check.get("result"), check.get("reason"), check.get("hint"))
        yield from differing(
            {f"the check {name}": (found, (again.result, again.reason, again.hint))}
        )
        if again.result == "warn" and f"{name}: {again.reason}" not in warnings:
            yield "FAIL", f"the warning of {name} is not told"
        if name == "contract":
            yield from differing({"its contract": (seen, {"sha256": digest})})
    yield "PASS", f"{len(_checks(admission))} checks, judged again"


def _admission(run: Subject) -> Json:
    return run.told.admitted.admitted.admission


def _checks(admission: Json) -> list[Json]:
    checks = admission.get("checks")
    return [c for c in checks if isinstance(c, dict)] if isinstance(checks, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


# ---- the end -------------------------------------------------------------------------------------


def report_status_consistent(run: Subject) -> Says:
    """Say the same of the end in each place that tells it."""
    event, ended = _end(run)
    yield from differing(
        {
            "the digest of the final text": (ended.summary_hash, sha256(ended.final_text.encode())),
            "the final text": (
                ended.final_text.partition("\n")[0],
                f"**Outcome**: {ended.status} ({ended.status_reason}), confidence"
                f" {ended.confidence}.",
            ),
        }
    )
    if run.folder:
        files = {name: run.parsed(name) for name in OF_MISSION}
        yield from differing(
            {
                REPORT_FILE: (files[REPORT_FILE].get("status"), ended.status),
                "its reason": (files[REPORT_FILE].get("status_reason"), ended.status_reason),
                "its confidence": (files[REPORT_FILE].get("confidence"), ended.confidence),
                "run_record.json": (files["run_record.json"].get("final_status"), ended.status),
                "mission_summary.json": (files["mission_summary.json"].get("status"), ended.status),
            }
        )
        told = (run.file("summary.md") or b"").decode(errors="replace")
        if ended.final_text not in told or event.event_hash not in told:
            yield "FAIL", "summary.md does not hold the final text and its head"
    yield "PASS", f"{ended.status} in each place"


def readonly_status_present(run: Subject) -> Says:
    _, ended = _end(run)
    if ended.status not in STATUSES:
        yield "FAIL", f"{ended.status} is no status of a read-only mission"
    if ended.status_reason.partition(":")[0] not in REASONS:
        yield "FAIL", f"{ended.status_reason} is no reason"
    if ended.confidence not in CONFIDENCES:
        yield "FAIL", f"{ended.confidence} is no confidence"
    yield "PASS", f"{ended.status} ({ended.status_reason})"


def status_entitled(run: Subject) -> Says:
    """Judge the record of the moment before the end: the same verdict, on the same conditions."""
    event, ended = _end(run)
    said = (ended.status, ended.status_reason, ended.confidence)
    earned = []
    for record in run.before(event.seq):
        if record.mission:
            now = verdict(record)
            earned.append((now.status, now.reason, now.confidence))
    if said not in earned:
        yield "FAIL", f"the record earns {' '.join(earned[0])}, the end says {' '.join(said)}"
    closure, met = run.told.answer.closure, conditions(run.told)
    if closure is None or closure.inputs != met:
        claimed = closure.inputs if closure else {}
        other = [name for name, holds in met.items() if claimed.get(name) is not holds]
        yield "FAIL", f"the closing gate judged otherwise: {', '.join(other)}"
    elif ended.status == "COMPLETE" and not all(met.values()):
        yield "FAIL", "COMPLETE without all of its conditions"
    yield "PASS", f"{sum(met.values())} of {len(met)} conditions hold"


def _end(run: Subject) -> tuple[Event, MissionFinalized]:
    assert run.end, "these checks are of runs that ended"
    return run.end
