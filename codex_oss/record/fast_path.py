"""Objectives that a search answers: the runtime searches first, and asks no model for one line.

The record enters; leave the search that the objective asks for, and the claim that its result is,
where it is beyond doubt: exactly one definition or value, or a complete zero match (missions 11.6).
"""

import re

from codex_oss.contract import Claim, Match, ObjectiveSpec
from codex_oss.record.citations import is_zero_match
from codex_oss.record.events import Json
from codex_oss.record.run_record import Command, RunRecord
from codex_oss.record.shapes import language_of, stands

VALUE_CHARACTERS_MAX = 200  # A longer value is no answer that a line gives.
DEFINITION_SHAPES = ("function_definition", "class_definition")
VALUE_SHAPES = ("config_value", "dictionary_entry", "mapping_assignment")
COMMENTS = ("#", "//", "/*", "*", "--", ";", "<!--", "%")  # How a line of one begins.

_DEFINITION = (
    r"(?:\b(?:def|class|function\s*\*?|fn|interface|struct|enum|trait|type|record|module|union|"
    r"object|fun)\s+|\bfunc\s+(?:\([^()]*\)\s*)?){name}\b"
    r"|\b(?:const|let|var)\s+{name}\s*=\s*(?:async\s+)?(?:function\b|\(|\w+\s*=>)"
    r"|^\s*{name}\s*\(\s*\)\s*\{{"
)
_ENTRY = r"(?<![\w.-])[\"'`:]?{name}[\"'`]?\s*(?::=|::|=>|:|=(?![=>]))\s*\S"
_NAME = re.compile(r"[A-Za-z_$][\w$.:/-]{0,99}")


def fast_search(record: RunRecord) -> Json | None:
    """Return the arguments of the search that answers the objective, if one can."""
    spec = record.contract.objective_spec
    required = [o for o in record.contract.obligations if o.required]
    may_search = "search" in record.contract.scope.allowed_tool_classes
    if spec is None or not may_search or len(required) != 1:
        return None
    pattern = _pattern(spec)
    return {"pattern": pattern, "path": spec.target.path or None} if pattern else None


def _pattern(spec: ObjectiveSpec) -> str:
    target = spec.target
    if spec.objective_type == "zero_match_evidence":
        return target.pattern
    name = target.symbol.rpartition(".")[2] or target.key
    if not _NAME.fullmatch(name):
        return ""
    if spec.objective_type == "function_location" and target.symbol:
        return _DEFINITION.format(name=re.escape(name))
    if spec.objective_type in ("mapping_lookup", "config_value_extraction"):
        return _ENTRY.format(name=re.escape(target.key or name))
    return ""


def fast_search_made(record: RunRecord) -> Command | None:
    """Return what the search gave, once the runtime has made it."""
    wanted = fast_search(record)
    if wanted is None:
        return None
    return next((c for c in record.evidence.commands if _is(c, wanted)), None)


def _is(command: Command, wanted: Json) -> bool:
    asked = command.asked
    is_it = command.by_runtime and command.tool_name == "rtk_grep"
    return is_it and all(asked.get(key) == value for key, value in wanted.items())


def fast_answer(record: RunRecord) -> Claim | None:
    """Return what the search shows beyond doubt, or `None`."""
    spec, found = record.contract.objective_spec, fast_search_made(record)
    if spec is None or found is None or not found.complete:
        return None
    obligation = next(o.id for o in record.contract.obligations if o.required)
    if spec.objective_type == "zero_match_evidence":
        text = "Nothing in the searched scope matches the pattern of the contract."
        refs = (f"command:{found.index}#zero_match",)
        return Claim(text, refs, obligation, "", "HIGH") if is_zero_match(found) else None
    if found.match_count != 1 or len(found.matches) != 1:
        return None
    match, refs = found.matches[0], (f"command:{found.index}#match:1",)
    if not _is_told_by_code(spec, match):
        return None
    where = f"in {match.path} at line {match.line}"
    if spec.objective_type == "function_location":
        name = spec.target.symbol.rpartition(".")[2]
        return Claim(f"`{name}` is defined {where}", refs, obligation, name, "HIGH")
    name = spec.target.key or spec.target.symbol.rpartition(".")[2]
    value = _value(match.text, name)
    text = f"`{name}` has its value {where}: {value}"
    return Claim(text, refs, obligation, value, "HIGH") if value else None


def _is_told_by_code(spec: ObjectiveSpec, match: Match) -> bool:
    """Whether a line defines or sets what it names. A sentence and a comment only speak of it."""
    is_value = spec.objective_type != "function_location"
    shapes = VALUE_SHAPES if is_value else DEFINITION_SHAPES
    is_comment = match.text.lstrip().startswith(COMMENTS)
    is_code = language_of(match.path) and not is_comment
    return bool(is_code) and any(stands(shape, match.path, (match.text,)) for shape in shapes)


def _value(line: str, name: str) -> str:
    """Return what stands behind a name in its line, "" where the value goes on elsewhere."""
    found = re.search(_ENTRY.format(name=re.escape(name)), line)
    value = line[found.end() - 1 :].strip().rstrip(",;") if found else ""
    is_whole = value and value[-1] not in "({[\\" and len(value) <= VALUE_CHARACTERS_MAX
    return value if is_whole else ""
