"""How far each required source was seen, judged from the spans in the log alone (missions 11.2).

The record enters; the state of each requirement leaves, with what is still to be looked at. By
exact path: words that a question shares with a file link nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname

from codex_oss.contract import Obligation, SourceRequirement
from codex_oss.record.citations import is_zero_match, shown_lines
from codex_oss.record.contradictions import contradictions, is_below
from codex_oss.record.events import Json
from codex_oss.record.findings import findings
from codex_oss.record.remembering import remembered
from codex_oss.record.run_record import Command, RunRecord
from codex_oss.record.shapes import OF_SEARCHES, stands

SLUG_CHARACTERS_MAX = 40  # Of a path in the name of an agenda item.
NAMED_SOURCES_MAX = 3  # Of `allowed_paths`, where a contract names no source (missions 11.2).
BUDGET_DENIALS = ("observation_budget", "max_files_reached")
STEP_DENIALS = ("tool_timeout", "tool_failed", "cancelled")
"""Denials that say nothing of the path that was asked for: what was left, or how a step went."""

SEARCHED = ("scope_search_required", "negative_proof_required")
"""Policies that a search satisfies, and no reading."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A required source: missing, read_satisfied, read_insufficient_shape, blocked or
    contradicted. `prefetch`: the runtime looks at it by itself; `missing_shapes` are what its
    shown lines lack, and how much of it that must be shown was not."""

    path: str
    state: str
    obligation_id: str
    prefetch: bool = True
    missing_shapes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """A call that a required source asks for: of `kind` required_read, required_grep or
    required_grep_zero_match. Its status is pending, done, blocked or contradicted."""

    obligation_id: str
    kind: str
    path: str
    tool: str
    arguments: tuple[tuple[str, object], ...]
    status: str
    prefetch: bool

    @property
    def name(self) -> str:
        return f"agenda_{self.obligation_id}_{_slug(self.path)}"

    @property
    def call(self) -> Json:
        return {"name": self.tool, "arguments": dict(self.arguments)}

    @property
    def call_key(self) -> tuple[object, ...]:
        return self.tool, self.arguments

    @property
    def is_for_runtime(self) -> bool:
        return self.prefetch and self.status == "pending"


def _slug(path: str) -> str:
    return re.sub("[^a-z0-9]+", "_", path.lower()).strip("_")[-SLUG_CHARACTERS_MAX:]


@remembered("mission")
def required(record: RunRecord) -> tuple[tuple[Obligation, SourceRequirement], ...]:
    """Return each required source of each obligation. What is required of all comes first."""
    contract = record.contract
    for_all = contract.must_inspect
    if not for_all and not any(o.source_requirements for o in contract.obligations):
        most = None if contract.is_packed else NAMED_SOURCES_MAX
        for_all = contract.scope.allowed_paths[:most]
    rows = []
    for obligation in contract.obligations:
        own = [s for s in obligation.source_requirements if s.required]
        named = {s.path for s in own}
        common = [SourceRequirement(path) for path in for_all if path not in named]
        rows += [(obligation, source) for source in (*common, *own)]
    return tuple(rows)


def required_sources(record: RunRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.path for _, source in required(record)))


@remembered("mission", "evidence", "answer")
def source_states(record: RunRecord) -> tuple[SourceState, ...]:
    """Return the state of each required source of each obligation."""
    return tuple(_state(record, obligation, source) for obligation, source in required(record))


def _state(record: RunRecord, obligation: Obligation, source: SourceRequirement) -> SourceState:
    disputed = {
        (c.obligation_id, c.path) for c in contradictions(record) if c.kind == "marker_shown"
    }
    missing: tuple[str, ...] = ()
    if (obligation.id, source.path) in disputed:
        state = "contradicted"
    elif source.completeness in SEARCHED or source.is_of_command:
        state = _searched(record, source)
    else:
        state = read_state(record, source.path)
    if state == "read_satisfied":
        missing = tuple(_missing(record, obligation, source))
    state = "read_insufficient_shape" if missing else state
    return SourceState(source.path, state, obligation.id, source.prefetch, missing)


def read_state(record: RunRecord, path: str) -> str:
    """Return whether a path was read, cannot be read, or neither. An empty file has no line to
    show and is read all the same."""
    reads = [c for c in record.evidence.commands if c.tool_name == "rtk_read" and c.path == path]
    if path in record.evidence.files or any(not c.exit_code for c in reads):
        return "read_satisfied"
    return "blocked" if reads or is_denied(record, path) else "missing"


def is_denied(record: RunRecord, path: str) -> bool:
    """Whether guard or policy keep this path from being read, whatever is left of the budget."""
    return bool(denial_codes(record, path, "rtk_read"))


def denial_codes(record: RunRecord, path: str, tool: str) -> tuple[str, ...]:
    passing = (*BUDGET_DENIALS, *STEP_DENIALS)
    mine = (d for d in record.evidence.denials if (d.path, d.tool_name) == (path, tool))
    return tuple(d.code for d in mine if d.code not in passing)


# ---- searches ------------------------------------------------------------------------------------


def _searched(record: RunRecord, source: SourceRequirement) -> str:
    if denial_codes(record, _place(source), "rtk_grep"):
        return "blocked"
    made = tuple(_searches(record, source))
    if source.completeness != "negative_proof_required":
        return "read_satisfied" if made else "missing"
    if any(map(is_zero_match, made)):
        return "read_satisfied"
    return "contradicted" if any(c.match_count for c in made) else "missing"


def _searches(record: RunRecord, source: SourceRequirement) -> Iterator[Command]:
    """Yield the calls that look at the whole of a source and for what it asks."""
    for command in record.evidence.commands:
        if source.is_of_command:
            wanted = source.command_pattern or source.pattern
            if not command.exit_code and wanted in f"{command.command}\n{command.text}":
                yield command
        elif _looks_over(command, _place(source), source.pattern):
            yield command


def _looks_over(command: Command, place: str, pattern: str) -> bool:
    """Whether this is a complete search of a place, for a pattern if one is named."""
    if command.tool_name != "rtk_grep" or not command.complete or command.exit_code > 1:
        return False
    asked = command.asked
    if pattern and (asked.get("pattern") != pattern or asked.get("fixed_strings")):
        return False
    is_narrow = asked.get("include_glob") or asked.get("exclude_glob") or asked.get("word")
    return not is_narrow and is_below(place, command.path)


def _place(source: SourceRequirement) -> str:
    """Return where a search must look: for what is nowhere, all of the source; else its folder."""
    if source.completeness == "negative_proof_required" or source.pattern:
        return source.path
    return dirname(source.path) or source.path


# ---- shapes --------------------------------------------------------------------------------------


def _missing(record: RunRecord, obligation: Obligation, source: SourceRequirement) -> Iterator[str]:
    """Yield what a source that was looked at still lacks."""
    if source.completeness == "whole_file_required" and first_unseen(record, source.path):
        yield "whole_file"
    if source.completeness == "range_sufficient" and not _is_cited(record, source.path):
        yield "cited_range"
    patterns = dict(source.shape_patterns)
    wanted = source.required_shapes or tuple(patterns)
    lacking = [name for name in wanted if not _has_shape(record, source, name, patterns.get(name))]
    if lacking and not (source.any_shape and len(lacking) < len(wanted)):
        yield from lacking


def _has_shape(
    record: RunRecord, source: SourceRequirement, name: str, pattern: str | None
) -> bool:
    commands = record.evidence.commands
    if pattern is not None:  # Of the contract: matched by a search, which ends in time.
        return any(c.match_count for c in commands if _looks_for(c, source.path, pattern))
    if name in OF_SEARCHES:
        return any(is_zero_match(c) and is_below(source.path, c.path) for c in commands)
    return stands(name, source.path, (line for _, line in seen_lines(record, source.path)))


def _looks_for(command: Command, path: str, pattern: str) -> bool:
    is_search = command.tool_name == "rtk_grep" and command.asked.get("pattern") == pattern
    return is_search and command.path == path


def seen_lines(record: RunRecord, path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that were shown, with their numbers."""
    for command in record.evidence.commands:
        for extract in command.extracts:
            if extract.path == path:
                yield from enumerate(shown_lines(command.text), extract.start_line)
        for match in command.matches:
            if match.path == path:
                yield match.line, match.text


def first_unseen(record: RunRecord, path: str) -> int:
    """Return the first line that no reading of the newest version showed, 0 where all were."""
    extracts = [e for c in record.evidence.commands for e in c.extracts if e.path == path]
    if not extracts:
        return 0  # Nothing to show: an empty file.
    newest = extracts[-1]
    spans = [e for e in extracts if e.file_sha256 == newest.file_sha256]
    seen = 0
    for extract in sorted(spans, key=lambda e: e.start_line):
        if extract.start_line > seen + 1:
            break
        seen = max(seen, extract.end_line)
    return seen + 1 if seen < newest.total_lines else 0


def _is_cited(record: RunRecord, path: str) -> bool:
    known = (f for f in findings(record) if f.status != "unverified")
    return any(citation.path == path for f in known for citation in f.citations)


# ---- what is to be looked at ---------------------------------------------------------------------


def looks(record: RunRecord) -> tuple[Look, ...]:
    """Return every call that the required sources ask for, with its status, in order."""
    states = source_states(record)
    rows = zip(required(record), states, strict=True)
    found = [look for (o, source), state in rows for look in _looks(record, o, source, state)]
    return tuple(dict.fromkeys(found))


def _looks(
    record: RunRecord, obligation: Obligation, source: SourceRequirement, state: SourceState
) -> Iterator[Look]:
    def look(kind: str, tool: str, status: str, **arguments: object) -> Look:
        asked = tuple(arguments.items())
        return Look(obligation.id, kind, source.path, tool, asked, status, source.prefetch)

    status = "done" if state.state in ("read_satisfied", "read_insufficient_shape") else "pending"
    status = state.state if state.state in ("blocked", "contradicted") else status
    if source.completeness in SEARCHED or source.is_of_command:
        if source.pattern:
            is_zero = source.completeness == "negative_proof_required"
            kind = "required_grep_zero_match" if is_zero else "required_grep"
            yield look(kind, "rtk_grep", status, pattern=source.pattern, path=_place(source))
    elif status == "done" and "whole_file" in state.missing_shapes:
        first = first_unseen(record, source.path)
        yield look("required_read", "rtk_read", "pending", path=source.path, start_line=first)
    else:
        yield look("required_read", "rtk_read", status, path=source.path)
    for _, pattern in source.shape_patterns:
        made = any(_looks_for(c, source.path, pattern) for c in record.evidence.commands)
        done = "blocked" if status == "blocked" else "done" if made else "pending"
        yield look("required_grep", "rtk_grep", done, pattern=pattern, path=source.path)


def was_tried(record: RunRecord, look: Look) -> bool:
    """Whether the runtime has made this call by itself, with whatever outcome."""
    wanted = dict(look.arguments)
    mine = [c for c in record.evidence.commands if c.by_runtime and c.tool_name == look.tool]
    asked = any(_asks(command.asked, wanted) for command in mine)
    denied = record.evidence.denials
    return asked or any(
        d.by_runtime and d.path == wanted["path"] and d.tool_name == look.tool for d in denied
    )


def _asks(asked: Json, wanted: Json) -> bool:
    return all(asked.get(key, 1 if key == "start_line" else None) == v for key, v in wanted.items())
