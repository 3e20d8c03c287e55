"""What the run can show for each claim and each obligation, judged from its spans alone.

Enters the record; leave findings with their status (supported, weak, unverified), the state of
every required source and of every obligation (missions 11.2 and 11.3). Shared words link nothing:
an obligation is answered by a supported finding that names it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from codex_oss.contract import Obligation, ReportDraft, parse_draft
from codex_oss.record.citations import Citation, checked_result, is_zero_match, resolve
from codex_oss.record.events import CitationResult
from codex_oss.record.run_record import Command, RunRecord

_CODE_LIKE = re.compile(
    r"`([^`\n]{1,200})`"
    r"|\"([^\"\n]{1,200})\""
    r"|\b([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+)"  # dotted
    r"|\b([A-Za-z]+_\w+|_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*)"  # snake, camel
    r"|(?<![\w.])(\d{2,}(?:\.\d+)?)\b"  # numbers of two and more digits
)
DEEDS = re.compile(
    r"\bI (?:have |also |then )?(?:ran|run|executed|tested|verified by running|built|compiled|"
    r"edited|changed|wrote|fixed|installed|debugged)\b",
    re.IGNORECASE,
)
"""First-person deeds that no tool of a read-only run can have done (missions 12.2)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim of the report with what carries it."""

    id: str
    claim: str
    status: str
    confidence: str
    obligation_id: str
    value: str
    evidence_refs: tuple[str, ...]
    citations: tuple[Citation, ...]
    checked: tuple[CitationResult, ...]
    missing_tokens: tuple[str, ...]
    unbacked_deed: bool = False


@dataclass(frozen=True, slots=True)
class SourceState:
    """A required source: missing, read_satisfied or blocked. `prefetch`: the runtime reads it."""

    path: str
    state: str
    obligation_id: str
    prefetch: bool = True


@dataclass(frozen=True, slots=True)
class ObligationState:
    obligation: Obligation
    status: str
    claim_ids: tuple[str, ...]
    missing_evidence: tuple[str, ...]


def draft_of(record: RunRecord) -> ReportDraft | None:
    """Return the model's draft, or `None` before it wrote one that can be read."""
    if record.answer.draft is None:
        return None
    draft = parse_draft(record.answer.draft.draft)
    return draft if isinstance(draft, ReportDraft) else None


def findings(record: RunRecord) -> tuple[Finding, ...]:
    """Return the draft's findings, or the recorded claims where there is no draft."""
    draft = draft_of(record)
    if draft is not None:
        return tuple(
            _judged(
                record,
                f"f{number}",
                f.claim,
                f.obligation_id,
                f.value,
                f.evidence_refs,
                f.confidence,
            )
            for number, f in enumerate(draft.findings, 1)
        )
    return tuple(
        _judged(record, c.claim_id, c.text, c.obligation_id, c.value, c.evidence_refs, "LOW")
        for c in record.answer.claims
    )


def told(record: RunRecord) -> tuple[Finding, ...]:
    """Return the findings that a report may show: a forged one is dropped (missions 11.1)."""
    return tuple(f for f in findings(record) if f.status != "unverified")


def _judged(
    record: RunRecord,
    finding_id: str,
    claim: str,
    obligation_id: str,
    value: str,
    refs: tuple[str, ...],
    confidence: str,
) -> Finding:
    resolved = tuple(resolve(record, ref) for ref in refs)
    citations = tuple(citation for citation in resolved if citation)
    checked = tuple(result for ref in refs if (result := checked_result(record, ref)))
    missing = missing_tokens(f"{claim} {_quoted(value)}", citations)
    deed = bool(DEEDS.search(claim))
    status = "supported"
    if not citations or len(citations) < len(resolved):
        status = "unverified"
    elif missing or deed or any(result.verification in ("stale", "missing") for result in checked):
        status = "weak"
    elif len(refs) < record.contract.sufficiency.min_evidence_refs_per_claim:
        status = "weak"
    known = {o.id for o in record.contract.obligations}
    if not obligation_id and len(known) == 1:
        obligation_id = next(iter(known))
    return Finding(
        finding_id,
        claim,
        status,
        confidence,
        obligation_id,
        value,
        refs,
        citations,
        checked,
        missing,
        deed,
    )


def _quoted(value: str) -> str:
    """A value is a claim too: each of its tokens must stand in the evidence."""
    return f"`{value}`" if value and "`" not in value else value


def missing_tokens(claim: str, citations: tuple[Citation, ...]) -> tuple[str, ...]:
    """Return the code-like tokens of `claim` that no cited span, path or line number holds."""
    shown = "\n".join(citation.text for citation in citations)
    places = [f"{citation.path}:{n}" for citation in citations for n in _lines(citation)]
    places += [f"{c.path}:{c.first_line}-{c.last_line}" for c in citations]
    numbers = {str(n) for citation in citations for n in _lines(citation)}
    missing = []
    for found in _CODE_LIKE.finditer(claim):
        token = next(group for group in found.groups() if group)
        if found[1] or found[2]:
            parts = [token]
        else:
            parts = token.split(".") if not token[0].isdigit() else [token]
        if not all(_stands(part, shown, places, numbers) for part in parts):
            missing.append(token)
    return tuple(dict.fromkeys(missing))


def _lines(citation: Citation) -> range:
    return range(citation.first_line, citation.last_line + 1) if citation.path else range(0)


def _stands(token: str, shown: str, places: list[str], numbers: set[str]) -> bool:
    token = token.strip()
    bare = token.removesuffix("()")
    return bare in shown or token in numbers or any(bare in place for place in places) or not bare


def source_states(record: RunRecord) -> tuple[SourceState, ...]:
    """Return the state of each required source: missing, read_satisfied or blocked."""
    states = []
    for obligation in record.contract.obligations:
        wanted = dict.fromkeys(record.contract.must_inspect, True)
        wanted |= {s.path: s.prefetch for s in obligation.source_requirements if s.required}
        for path, prefetch in wanted.items():
            state = source_state(record, path)
            states.append(SourceState(path, state, obligation.id, prefetch))
    return tuple(states)


def source_state(record: RunRecord, path: str) -> str:
    if path in record.evidence.files:
        return "read_satisfied"
    tried = [c for c in record.evidence.commands if f'"path":"{path}"' in c.arguments]
    if any(denial.path == path for denial in record.evidence.denials):
        return "blocked"
    return "blocked" if any(c.tool_name == "rtk_read" and c.exit_code for c in tried) else "missing"


def required_sources(record: RunRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(state.path for state in source_states(record)))


def obligation_states(record: RunRecord) -> tuple[ObligationState, ...]:
    """Return each obligation with its status: answered, partially_answered, blocked_source or
    unanswered."""
    known, sources = findings(record), source_states(record)
    return tuple(_obligation_state(o, known, sources) for o in record.contract.obligations)


def _obligation_state(
    obligation: Obligation, known: tuple[Finding, ...], sources: tuple[SourceState, ...]
) -> ObligationState:
    mine = [f for f in known if f.obligation_id == obligation.id]
    supported = [f for f in mine if f.status == "supported"]
    states = [s for s in sources if s.obligation_id == obligation.id]
    missing = tuple(
        f"{'blocked_source' if s.state == 'blocked' else 'inspect'}:{s.path}"
        for s in states
        if s.state != "read_satisfied"
    )
    if supported and not missing:
        status = "answered"
    elif any(s.state == "blocked" for s in states):
        status = "blocked_source"
    else:
        status = "partially_answered" if mine else "unanswered"
    return ObligationState(obligation, status, tuple(f.id for f in supported), missing)


@dataclass(frozen=True, slots=True)
class Contradiction:
    kind: str
    obligation_id: str
    sides: tuple[str, ...]


def contradictions(record: RunRecord) -> tuple[Contradiction, ...]:
    """Return where supported claims disagree: two values for one obligation, or a claimed zero
    match that a later search met (missions 11.4)."""
    supported = [f for f in findings(record) if f.status == "supported"]
    return (*_different_values(supported), *_met_zero_matches(record, supported))


def _different_values(supported: list[Finding]) -> Iterator[Contradiction]:
    by_obligation: dict[str, dict[str, str]] = {}
    for finding in supported:
        value = " ".join(finding.value.split()).casefold()
        if finding.obligation_id and value:
            by_obligation.setdefault(finding.obligation_id, {}).setdefault(value, finding.id)
    for obligation_id, sides in by_obligation.items():
        if len(sides) > 1:
            yield Contradiction("different_values", obligation_id, tuple(sides.values()))


def _met_zero_matches(record: RunRecord, supported: list[Finding]) -> Iterator[Contradiction]:
    commands = record.evidence.commands
    for finding in supported:
        for citation in finding.citations:
            claimed = commands[citation.command]
            if not is_zero_match(claimed):
                continue
            for later in commands[citation.command + 1 :]:
                if later.match_count and pattern_of(later) == pattern_of(claimed):
                    sides = (f"command:{claimed.index}", f"command:{later.index}")
                    yield Contradiction("zero_match_met", finding.obligation_id, sides)


def pattern_of(command: Command) -> object:
    return json.loads(command.arguments).get("pattern")
