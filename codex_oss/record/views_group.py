"""The report of a group of runs: what they agree on, what they dispute, what one alone found.

The record of the group's run enters; the report for programs and the final message for people
leave. Every line names who backs it (missions 16).
"""

from collections.abc import Iterator

from codex_oss.record.corroborating import members_of
from codex_oss.record.events import CorroborationRecorded, Json
from codex_oss.record.group_verdict import is_group, rows
from codex_oss.record.run_record import RunRecord
from codex_oss.record.spending import budget, usage
from codex_oss.record.verdict import Verdict
from codex_oss.record.views_closure import ending
from codex_oss.record.views_report import REPORT_SCHEMA, artifact_folder, caveats
from codex_oss.record.views_report import report as report_of_one
from codex_oss.record.words import one_line, shown

KINDS = ("agreed", "contradicted", "single_source")
DIGEST_DIGITS = 12
_NOTHING = CorroborationRecorded((), (), (), ())


def report(record: RunRecord) -> Json:
    """Return the report of any run."""
    return _group_report(record) if is_group(record) else report_of_one(record)


def _group_report(record: RunRecord) -> Json:
    found, ended = record.answer.corroboration or _NOTHING, ending(record)
    admitted = record.admitted
    answered = {str(row["obligation_id"]) for row in rows(found, "agreed")}
    disputed = {str(row["obligation_id"]) for row in rows(found, "contradicted")}
    is_needed = ended.status == "ESCALATE"
    return {
        "schema_version": REPORT_SCHEMA,
        "oss_report_version": "1.0",
        "mission_id": admitted.mission_id,
        "run_id": admitted.run_id,
        "tier": record.contract.tier,
        "objective": record.contract.objective,
        "status": ended.status,
        "status_reason": ended.reason,
        "downgraded_from": "",
        "downgrade_reasons": [],
        "confidence": ended.confidence,
        "answer": " ".join(str(row["claim"]) for row in rows(found, "agreed")),
        "findings": [{**row, "corroboration": k} for k in KINDS for row in rows(found, k)],
        "contradictions": found.detail.get("disputes", []),
        "uncertainties": [],
        "caveats": list(_caveats(record, found)),
        "escalation_recommendation": {
            "needed": is_needed,
            "reason": ended.reason if is_needed else "",
            "questions": [],
        },
        "obligations": [
            {
                "id": each.id,
                "question": each.question,
                "required": each.required,
                "status": "contradicted"
                if each.id in disputed
                else "answered"
                if each.id in answered
                else "unanswered",
            }
            for each in record.contract.obligations
        ],
        "report_source": "corroboration",
        "members": members_of(found),
        "runtime_model_alias": admitted.admitted.model_alias,
        "budget": budget(record),
        "usage": usage(record),
        "log_head": {"seq": record.loop.finalized_seq, "hash": record.loop.finalized_hash},
        "artifacts": artifact_folder(record),
    }


def group_message(record: RunRecord, ended: Verdict) -> str:
    """Return the report as a person reads it."""
    found = record.answer.corroboration or _NOTHING
    lines = [f"**Outcome**: {ended.status} ({ended.reason}), confidence {ended.confidence}."]
    lines += ["", "**Findings**", *(list(_findings(found)) or ["- none"])]
    complete = sum(member.status == "COMPLETE" for member in found.members)
    lines += ["", "**Verification**", f"- {complete} of {len(found.members)} members COMPLETE."]
    lines += [
        f"- {each.profile}: {each.status} ({one_line(each.reason)}) {each.run_id}".rstrip()
        for each in found.members
    ]
    told = [f"- {one_line(text)}" for text in _caveats(record, found)]
    lines += ["", "**Residual risks**", *(told or ["- none"])]
    is_needed = ended.status == "ESCALATE"
    said = f"Needed: {ended.reason}" if is_needed else "Not needed."
    return shown("\n".join([*lines, "", "**Escalation**", said]))


def _findings(found: CorroborationRecorded) -> Iterator[str]:
    for kind in KINDS:
        for row in rows(found, kind):
            backers = row["backed_by"]
            names = ", ".join(map(str, backers)) if isinstance(backers, list) else ""
            yield f"- [{kind} by {names}] {one_line(str(row['claim']))}"
            sources = row["sources"]
            for source in sources if isinstance(sources, list) else []:
                yield from _places(source, str(row["claim"]))


def _places(source: Json, claim: str) -> Iterator[str]:
    said = "" if source["claim"] == claim else f": {one_line(str(source['claim']))}"
    yield f"  - {source['profile']} ({source['status']}){said}"
    cited = source["evidence"]
    for each in cited if isinstance(cited, list) else []:
        where = each["ref"]
        if "path" in each:
            where = f"{each['path']}:{each['start_line']}-{each['end_line']} ({each['ref']})"
        digest = str(each["sha256"])[:DIGEST_DIGITS]
        yield f"    - {where} sha256 {digest} {each['verification']}"


def _caveats(record: RunRecord, found: CorroborationRecorded) -> Iterator[str]:
    for member in found.members:
        if member.status != "COMPLETE":
            yield f"The run of {member.profile} ended {member.status}: {member.reason}."
    yield from caveats(record)
