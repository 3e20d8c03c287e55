"""Checks of what a report rests on: its references, its spans, its claims, its graphs."""

import hashlib
from collections.abc import Iterator

from codex_oss.audit.subject import Says, Subject, differing
from codex_oss.record import (
    REPORT_FILE,
    Command,
    Extract,
    Json,
    PhaseChanged,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    conditions,
    findings,
    resolve,
    shown_lines,
)

HELD = ("verified", "moved")
LABELS = (
    *("allowed", "blocked", "duplicate", "repaired", "redirected", "cache_hit"),
    *("runtime_prefetch", "downgraded"),
)
"""The closed list of decisions of `trace.jsonl` (event-log 8)."""


def evidence_refs_resolve(run: Subject) -> Says:
    """Follow each reference of the report into the log."""
    count = 0
    for finding in _findings(run.parsed(REPORT_FILE) if run.folder else run.report):
        cited = [str(each.get("ref")) for each in _objects(finding.get("evidence"))]
        for ref in dict.fromkeys((*_texts(finding.get("evidence_refs")), *cited)):
            count += 1
            if resolve(run.told, ref) is None:
                yield "FAIL", f"{finding.get('id')} cites {ref}, which was never shown"
    yield "PASS", f"{count} references"


def evidence_spans_match_log(run: Subject) -> Says:
    """Hash what was shown, and find each quotation of the report in it."""
    commands = run.told.evidence.commands
    for command in commands:
        if _sha256(command.text.encode()) != command.output_hash:
            yield "FAIL", f"event {command.seq} shows a text of another digest"
        for extract in command.extracts:
            if not _reads_like(command, extract) and not _holds(run, extract.ref):
                yield "FAIL", f"{extract.ref} shows lines of another digest"
    report = run.parsed(REPORT_FILE) if run.folder else run.report
    for finding in _findings(report):
        for cited in _objects(finding.get("evidence")):
            citation = resolve(run.told, str(cited.get("ref")))
            if citation and "quote" in cited and cited["quote"] != citation.quote:
                yield "FAIL", f"{finding.get('id')} quotes what {citation.ref} does not say"
    yield "PASS", f"{sum(len(c.extracts) for c in commands)} spans, {len(commands)} outputs"


def _reads_like(command: Command, extract: Extract) -> bool:
    """Whether the lines as shown have the digest of their bytes: with the ends that files have.
    Lines that were cut or have escapes are not their bytes, and mixed ends cannot be seen."""
    text = "\n".join(shown_lines(command.text))
    texts = [text, f"{text}\n", text.replace("\n", "\r\n"), text.replace("\n", "\r\n") + "\r\n"]
    if extract.start_line == 1:
        texts += [f"\ufeff{each}" for each in texts]
    return extract.sha256 in (_sha256(each.encode()) for each in texts)


def _holds(run: Subject, ref: str) -> bool:
    looked_at = run.again.get(ref)
    return looked_at is not None and looked_at.verification in HELD


def evidence_spans_match_workspace(run: Subject) -> Says:
    """Look at every shown line again. In a file that is byte for byte what was read, lines that
    are not there were never there."""
    held = 0
    read = {e.ref: e for c in run.told.evidence.commands for e in c.extracts}
    for ref, found in run.again.items():
        citation = resolve(run.told, ref)
        was = read[ref].file_sha256 if ref in read else citation.file_sha256 if citation else ""
        if found.verification in HELD:
            held += 1
        elif found.verification == "stale" and was and found.file_sha256 == was:
            yield "FAIL", f"{ref} was never in its file, which is what it was"
        else:
            yield "WARN", f"{ref} is {found.verification}: the workspace changed since"
    yield "PASS", f"{held} of {len(run.again)} places read as they were shown"


def claims_supported(run: Subject) -> Says:
    """Judge each finding again from the shown lines."""
    known = {str(f["id"]): (f.get("claim"), f.get("status")) for f in _findings(run.report)}
    for finding in _findings(run.parsed(REPORT_FILE) if run.folder else run.report):
        name, found = str(finding.get("id")), (finding.get("claim"), finding.get("status"))
        if name not in known:
            yield "FAIL", f"{name} is in the report and not in the log"
        else:
            yield from differing({name: (found, known[name])})
    if run.end and run.end[1].status == "COMPLETE":
        for judged in findings(run.told):
            if not judged.is_proven:
                yield "FAIL", f"COMPLETE with {judged.id}, which is {judged.status}"
    yield "PASS", f"{len(known)} findings, judged again"


def readonly_files_match_ledger(run: Subject) -> Says:
    """Count the shown lines of each file again, from the events."""
    shown: dict[str, tuple[str, set[int]]] = {}
    for event in run.story.events:
        for extract in event.fact.extracts if isinstance(event.fact, ToolObserved) else ():
            digest, lines = shown.get(extract.path, ("", set()))
            if digest != extract.file_sha256:
                lines = set()
            lines = lines | set(range(extract.start_line, extract.end_line + 1))
            shown[extract.path] = (extract.file_sha256, lines)
    expected = {path: len(lines) for path, (_, lines) in shown.items()}
    for name in (REPORT_FILE, "ledger.json"):
        rows = _objects(run.parsed(name).get("files_inspected"))
        found = {str(row.get("path")): row.get("lines_shown") for row in rows}
        yield from differing({f"files_inspected of {name}": (found, expected)})
    yield "PASS", f"{len(expected)} files"


def readonly_claim_graph_sufficiency_recorded(run: Subject) -> Says:
    graph = run.parsed("claim_graph.json")
    yield from differing({"sufficiency": (graph.get("sufficiency"), conditions(run.told))})
    claimed = {str(row.get("claim_id")): row.get("status") for row in _objects(graph.get("claims"))}
    yield from differing({"claims": (claimed, {f.id: f.status for f in findings(run.told)})})
    yield "PASS", f"{len(claimed)} claims"


def readonly_trace_labels_recorded(run: Subject) -> Says:
    """Find one step for each outcome of a tool, labelled from its event."""
    steps = {str(row.get("seq")): row for row in run.rows("trace.jsonl")}
    is_models: dict[str, bool] = {}
    outcomes = 0
    for event in run.story.events:
        fact = event.fact
        if isinstance(fact, ToolCallEmitted):
            is_models[fact.call_id] = bool(fact.response_id)
        if isinstance(fact, ToolObserved | ToolDenied):
            outcomes += 1
            found = steps.get(str(event.seq), {}).get("decision", "missing")
            expected = _label(fact, is_models=is_models.get(fact.call_id, False))
            yield from differing({f"the step of {event.event_id}": (found, expected)})
    for step in steps.values():
        if step.get("decision") not in LABELS:
            yield "FAIL", f"{step.get('event_id')} has the label {step.get('decision')}"
    yield "PASS", f"{outcomes} outcomes of tools"


def _label(fact: ToolObserved | ToolDenied, *, is_models: bool) -> str:
    if isinstance(fact, ToolDenied):
        return "blocked"
    if fact.cached:
        return "cache_hit" if fact.recalled else "duplicate"
    return "allowed" if is_models else "runtime_prefetch"


def open_claim_graph_phase_history_recorded(run: Subject) -> Says:
    facts = [event.fact for event in run.story.events]
    history = ["PLAN", *(fact.to for fact in facts if isinstance(fact, PhaseChanged))]
    found = run.parsed("claim_graph.json").get("phase_history")
    yield from differing({"phase_history": (found, history)})


def open_closure_source_recorded(run: Subject) -> Says:
    name, expected = "report_source", run.report["report_source"]
    yield from differing({name: (run.parsed(REPORT_FILE).get(name), expected)})


def open_answer_graph_missing_sources_recorded(run: Subject) -> Says:
    rows = _objects(run.parsed("answer_graph.json").get("source_states"))
    found = sorted(str(row.get("path")) for row in rows if row.get("state") != "read_satisfied")
    read = {e.path for c in run.told.evidence.commands for e in c.extracts}
    for path in found:
        if path in read and all(row.get("state") == "missing" for row in rows):
            yield "FAIL", f"{path} was read and is said to be missing"
    for row in rows:
        if row.get("state") == "read_satisfied" and row.get("path") not in _looked_at(run):
            yield "FAIL", f"{row.get('path')} is said to be read, and no call asked for it"
    yield "PASS", f"{len(found)} sources are missing"


def _looked_at(run: Subject) -> set[str]:
    commands = run.told.evidence.commands
    return {c.path for c in commands} | {e.path for c in commands for e in c.extracts}


def _findings(report: Json) -> Iterator[Json]:
    yield from _objects(report.get("findings"))


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
