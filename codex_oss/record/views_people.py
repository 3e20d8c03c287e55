"""The report for people: the final message, its footer, and `summary.md`.

The final message is the same text through every door up to its footer (missions 12.1). What the
model wrote stands in it as a quotation: it cannot look like a line of ours.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codex_oss.record.answering import answer
from codex_oss.record.citations import is_zero_match
from codex_oss.record.events import Json
from codex_oss.record.exact_write import exact_write
from codex_oss.record.exploration import uninspected
from codex_oss.record.findings import HELD, draft_of, told
from codex_oss.record.run_record import RunRecord
from codex_oss.record.spending import budget
from codex_oss.record.verdict import Verdict
from codex_oss.record.views_closure import ending, escalation
from codex_oss.record.views_report import artifact_folder, caveats, evidence
from codex_oss.record.words import one_line, shown

DIGEST_DIGITS = 12  # Of each span's digest, in the message for people.
MICRO = 1_000_000
UNINSPECTED_SHOWN = 20  # Of the folders that nobody looked into; the report has all of them.
_TICKS = re.compile("`+")

_reported = re.compile(
    r"(?s)\*\*Outcome\*\*: ([A-Z]+) \(.*"
    r"\nArtifacts: (\.codex-oss/missions/([a-z0-9_-]+))\nLog head: "
).match


@dataclass(frozen=True, slots=True)
class ReportedMission:
    """A mission whose final message was told before."""

    mission_id: str
    status: str
    artifacts: str


def final_message(record: RunRecord, ended: Verdict) -> str:
    """Return the report as a person reads it."""
    lines = [f"**Outcome**: {ended.status} ({ended.reason}), confidence {ended.confidence}."]
    lines += [f"> {line}" for line in answer(record).splitlines()]
    lines += _proposal(record)
    lines += ["", "**Findings**", *(list(_findings(record)) or ["- none"])]
    lines += ["", "**Verification**", *_verification(record)]
    lines += ["", "**Residual risks**", *_bullets(_risks(record, ended))]
    needed = escalation(record, ended)
    said = f"Needed: {one_line(str(needed['reason']))}" if needed["needed"] else "Not needed."
    return shown("\n".join([*lines, "", "**Escalation**", said]))


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {one_line(text)}" for text in texts] or ["- none"]


def _findings(record: RunRecord) -> Iterator[str]:
    for finding in told(record):
        yield f"- [{finding.status}] {one_line(finding.claim)}"
        for cited in evidence(record, finding):
            digest = str(cited["sha256"])[:DIGEST_DIGITS]
            yield f"  - {_place(cited)} sha256 {digest} {cited['verification']}"


def _proposal(record: RunRecord) -> list[str]:
    """Return the difference that an exact text makes, in a fence that nothing in it can close."""
    proposal = exact_write(record)
    if proposal is None:
        return []
    check = f"FAIL ({proposal.fault})" if proposal.fault else "PASS"
    lines = ["", "**Proposed change**", f"- {proposal.path}: {check}; nothing was written."]
    if proposal.fault:
        return lines
    if not proposal.diff:
        return [*lines, "- The file holds this text already."]
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(proposal.diff)), default=0))
    base = proposal.base_sha256.removeprefix("sha256:") or "none: the file is new"
    digests = f"- sha256 before: {base}; after: {proposal.new_sha256.removeprefix('sha256:')}"
    return [*lines, digests, "", f"{fence}diff", proposal.diff.removesuffix("\n"), fence]


def _place(cited: Json) -> str:
    if "path" not in cited:
        return str(cited["ref"])
    return f"{cited['path']}:{cited['start_line']}-{cited['end_line']} ({cited['ref']})"


def _verification(record: RunRecord) -> list[str]:
    checked, spent = record.answer.checked or (), record.budget
    held = sum(result.verification in HELD for result in checked)
    zero = sum(is_zero_match(command) for command in record.evidence.commands)
    return [
        f"- {held} of {len(checked)} citations hold when looked at again.",
        f"- {len(record.evidence.files)} files read, {spent.tool_calls} tool calls by the model,"
        f" {zero} complete searches without a match, {len(record.evidence.denials)} denials.",
        f"- {spent.model_calls} model calls, {spent.input_tokens + spent.output_tokens} tokens,"
        f" cost {_dollars(spent.cost_microusd)}; model {record.profile.name}.",
    ]


def _dollars(microusd: int | None) -> str:
    if microusd is None:
        return "unknown"
    return f"${microusd // MICRO}.{microusd % MICRO:06}"


def _risks(record: RunRecord, ended: Verdict) -> Iterator[str]:
    draft = draft_of(record)
    if ended.downgrade_reasons:
        yield f"The model asked for {ended.downgraded_from}: {', '.join(ended.downgrade_reasons)}."
    yield from (u.text for u in (draft.uncertainties if draft else ()))
    yield from caveats(record)


def footer(record: RunRecord, delivery: str) -> str:
    """Return what stands below the final message: where to check it."""
    return (
        f"\n\nDelivery status: {delivery}\n"
        f"Artifacts: {artifact_folder(record)}\n"
        f"Log head: {record.loop.finalized_hash} ({record.loop.finalized_seq} events)"
    )


def mission_reported_in(text: str) -> ReportedMission | None:
    """Return the mission whose final message, with its footer, this text is."""
    found = _reported(text)
    return ReportedMission(found[3], found[1], found[2]) if found else None


def _spent(record: RunRecord) -> str:
    """Return what was spent of what there was, and which folders nobody looked into."""
    rows = [
        f"- {name.replace('_', ' ')}: {row['used']} of {row['limit'] or 'no limit'}"
        for name, row in budget(record).items()
        if isinstance(row, dict)
    ]
    left = [f"- {one_line(str(line))}" for line in uninspected(record)][:UNINSPECTED_SHOWN]
    parts = ["**Budget**", *rows, f"- cost: {_dollars(record.budget.cost_microusd)}", ""]
    parts += ["**Uninspected**", *left, ""] if left else []
    return "\n".join((*parts, ""))


def summary(record: RunRecord) -> str:
    """Return `summary.md`."""
    ended, run_id = ending(record), record.admitted.run_id
    said = record.loop.finalized
    text = said.final_text if said else final_message(record, ended)
    head = f" --head {record.loop.finalized_hash}" if said else ""
    return (
        f"# {record.admitted.mission_id}: {ended.status}\n\n"
        f"{one_line(record.contract.objective)}\n\n{text}\n\n{_spent(record)}"
        f"**How to check**\n- `codex-oss log verify {run_id}{head}`\n"
        f"- `codex-oss log rebuild {run_id} --check`\n"
        f"- `codex-oss audit-mission {run_id}`\n"
        f"- `codex-oss explain {run_id}`\n"
    )
