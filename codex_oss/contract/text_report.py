"""A report in words, of a model that has no function to hand it in with.

Its text enters, a `ReportDraft` leaves: the one JSON object in it, or else its lines. A line with
references is a finding, one that begins with `Missing:` an uncertainty, all others are the answer.
Nothing is read between the lines: what cites nothing stays unproven.
"""

import json
import re
from collections.abc import Collection

from codex_oss.contract.evidence import parse_ref
from codex_oss.contract.report import (
    ANSWER_CHARS_MAX,
    CLAIM_CHARS_MAX,
    FINDINGS_MAX,
    REFS_MAX,
    REMARK_CHARS_MAX,
    REMARKS_MAX,
    Claim,
    ReportDraft,
    Uncertainty,
    parse_draft,
)

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_REF = re.compile(
    r"file:[^#\s]+#extract:\d+(?:@L\d+(?:-L?\d+)?)?|command:\d+(?:#match:\d+|#zero_match)?"
)
_BRACKETS = re.compile(r"[\[(][\s,;`]*[\])]|`\s*`")
_WORD = re.compile(r"[\s>*#_-]*(status|confidence)[\s*_]*:[\s*_]*([A-Z]+)\b.*", re.IGNORECASE)
_MISSING = re.compile(r"\W*(?:missing|unknown|uncertain)\W*:\W*(.+)", re.IGNORECASE)
_OBLIGATION = re.compile(r"[\W_]*([a-z0-9_]{1,32})\W*:\s*(.+)")
_WORDS = {"STATUS": ("COMPLETE", "PARTIAL", "ESCALATE"), "CONFIDENCE": ("LOW", "MEDIUM", "HIGH")}


def read_text_report(text: str, obligation_ids: Collection[str] = ()) -> ReportDraft:
    """Return what a text reports. It asks for COMPLETE only where it says so."""
    return read_json_report(text) or _of_lines(_THOUGHT.sub("", text), obligation_ids)


def read_json_report(text: str) -> ReportDraft | None:
    """Return the report that the first JSON object of a text is, if it is one."""
    text = _THOUGHT.sub("", text)
    start = text.find("{")
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, 0)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("report"), dict):
        value = value["report"]
    draft = parse_draft(value)
    return draft if isinstance(draft, ReportDraft) else None


def _of_lines(text: str, obligation_ids: Collection[str]) -> ReportDraft:
    said = {"STATUS": "PARTIAL", "CONFIDENCE": "LOW"}
    findings: list[Claim] = []
    missing: list[Uncertainty] = []
    rest: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, doubt = _WORD.fullmatch(line), _MISSING.fullmatch(line)
        if word and word[2].upper() in _WORDS[word[1].upper()]:
            said[word[1].upper()] = word[2].upper()
        elif doubt:
            missing.append(Uncertainty(doubt[1][:REMARK_CHARS_MAX]))
        elif claim := _claim(line, obligation_ids):
            findings.append(claim)
        else:
            rest.append(line)
    return ReportDraft(
        said["STATUS"],
        said["CONFIDENCE"],
        "\n".join(rest)[:ANSWER_CHARS_MAX],
        tuple(dict.fromkeys(findings))[:FINDINGS_MAX],
        tuple(dict.fromkeys(missing))[:REMARKS_MAX],
    )


def _claim(line: str, obligation_ids: Collection[str]) -> Claim | None:
    """Return the finding that a line is: what it says beside its references."""
    refs = [str(ref) for found in _REF.findall(line) if (ref := parse_ref(found))]
    words = _BRACKETS.sub("", _REF.sub("", line)).strip(" \t-*•,;")
    if not refs or not words:
        return None
    named = _OBLIGATION.fullmatch(words)
    obligation = named[1] if named and named[1] in obligation_ids else ""
    words = named[2] if named and obligation else words
    return Claim(words[:CLAIM_CHARS_MAX], tuple(dict.fromkeys(refs))[:REFS_MAX], obligation)
