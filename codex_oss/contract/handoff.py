"""Find the one contract in a task text, and say exactly why when there is not one.

The text of one message enters, a `HandoffValidation` leaves. What else stands in a conversation
is nobody's business here: an inherited example is never a handoff (missions 2).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from codex_oss.contract.compiler import template
from codex_oss.contract.kinds import Reading
from codex_oss.contract.legacy import (
    LEGACY,
    is_legacy,
    labels_of,
    missing_labels,
    mission_of_legacy,
    mission_of_prose,
)
from codex_oss.contract.mission import MissionV1, render_mission
from codex_oss.contract.parsing import Parsed, default_id, parse_mission
from codex_oss.contract.strict_json import read_document
from codex_oss.errors import BadMission, Fault

OPENINGS_MAX = 100  # Each may be read to the end of the text; a task with more is no task.
MULTIPLE = "Multiple OSS_HANDOFF_JSON blocks found - exactly one required"

_OPENING = re.compile(r"<OSS_HANDOFF_JSON>|OSS_HANDOFF_JSON:")
_TAG = re.compile(r"</?OSS_HANDOFF_JSON>")
_END_TAG = "</OSS_HANDOFF_JSON>"
_BEFORE_OBJECT = re.compile(r"\s*(?:```[\w-]*\s*)?(?=\{)")
_AFTER_OBJECT = re.compile(r"\s*(?:```)?\s*")
_END_OF_BROKEN = re.compile(r"```|\n\s*\n|<?OSS_HANDOFF_JSON")
_PLACEHOLDER = re.compile(r"\.\.\.|…|<[A-Za-z][\w -]*>")

Reasons = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandoffValidation:
    """What a text holds. `mission` is the contract, or for a legacy handoff its equivalent;
    `code` is why it cannot be taken as it stands, "" when it can, `legacy` what it says itself."""

    handoff_type: Literal["mission_v1", "legacy", "prose", "none"]
    code: str = ""
    mission: MissionV1 | None = None
    active_blocks: int = 0
    ignored_examples: int = 0
    reasons: Reasons = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    faults_omitted: int = 0
    hint: str = ""
    legacy: Mapping[str, object] | None = None

    @property
    def valid(self) -> bool:
        return not self.code

    def to_json(self) -> dict[str, object]:
        """Return `handoff_validation.v1`."""
        return {
            "schema_version": "handoff_validation.v1",
            "valid": self.valid,
            "handoff_type": self.handoff_type,
            "active_blocks": self.active_blocks,
            "ignored_examples": self.ignored_examples,
            "mission_id": self.mission.mission_id if self.mission else None,
            "reasons": list(self.reasons),
            "faults": [fault.to_json() for fault in self.faults],
            "faults_omitted": self.faults_omitted,
            "warnings": [warning.to_json() for warning in self.warnings],
        }

    def mission_for_runtime(self) -> MissionV1:
        """Return the contract that a mission alias runs, or raise `BadMission` with what helps: a
        legacy handoff is refused there, with its equivalent."""
        if self.handoff_type == "legacy" and self.valid:
            message = "A mission alias takes a MissionV1, not a legacy handoff. The same as one is"
            code = "legacy_handoff_on_runtime_agent"
            raise BadMission(f"{message}:\n{self.hint}", code=code, hint="hand over that block")
        if self.mission is None or not self.valid:
            code = self.faults[0].code if self.faults else self.code
            told = "; ".join((*self.reasons, *map(str, self.faults)))
            raise BadMission(told, code=code, hint=self.hint, faults=self.faults)
        return self.mission


def render_handoff(contract: MissionV1 | Mapping[str, object]) -> str:
    """Return the block that hands this contract over. Nothing in it can close the block."""
    document = render_mission(contract) if isinstance(contract, MissionV1) else contract
    text = json.dumps(document, indent=2, ensure_ascii=False).replace("<", "\\u003c")
    return f"<OSS_HANDOFF_JSON>\n{text}\n{_END_TAG}"


def extract_handoff(text: str, tier: str = "A3", project_root: str = "") -> HandoffValidation:
    """Return what a task text hands over. `tier` is the alias's: a prose task has no other."""
    blocks = list(_blocks(text))
    examples = [block for block in blocks if block.is_example]
    active: dict[str, _Block] = {}
    for block in blocks:
        if not block.is_example:
            active.setdefault(block.key, block)
    if len(active) > 1:
        lines = " and ".join(str(block.line) for block in active.values())
        return HandoffValidation(
            "mission_v1",
            "multiple_handoffs",
            active_blocks=len(active),
            ignored_examples=len(examples),
            reasons=(f"{MULTIPLE}: lines {lines}",),
        )
    for block in active.values():
        return _of_block(block, len(examples), tier, project_root)
    return _of_prose(text, len(examples), tier, project_root)


def validate_handoff(text: str, tier: str = "A3", project_root: str = "") -> HandoffValidation:
    """Return what a file hands over: like `extract_handoff`, but a contract may stand bare."""
    if text.lstrip().startswith("{"):
        return _of_block(_Block(1, text.strip()), 0, tier, project_root)
    return extract_handoff(text, tier, project_root)


def _of_block(block: "_Block", examples: int, tier: str, project_root: str) -> HandoffValidation:
    if block.complaint:
        parsed = Parsed(None, (Fault("$", "not_json", block.complaint),))
        return _of_contract("mission_v1", parsed, 1, examples)
    value = read_document(block.text).value
    if value is not None and is_legacy(value):
        return _of_legacy(block.text, examples, tier, project_root)
    return _of_contract("mission_v1", parse_mission(block.text, project_root), 1, examples)


def _of_legacy(text: str, examples: int, tier: str, project_root: str) -> HandoffValidation:
    document, reading = read_document(text), Reading(project_root=project_root)
    handoff = LEGACY.read(document.value, "$", reading)
    faults = sorted(
        document.faults + reading.faults, key=lambda fault: document.position(fault.path)
    )
    if faults or not isinstance(handoff, dict):
        return _of_contract("legacy", Parsed(None, tuple(faults)), 1, examples)
    equivalent = mission_of_legacy(handoff, tier)
    return HandoffValidation(
        "legacy",
        mission=parse_mission(equivalent).mission,
        active_blocks=1,
        ignored_examples=examples,
        hint=render_handoff(equivalent),
        legacy=handoff,
    )


def _of_prose(text: str, examples: int, tier: str, project_root: str) -> HandoffValidation:
    said = labels_of(text)
    missing = missing_labels(said)
    if not missing:
        document = mission_of_prose(said, tier)
        parsed = parse_mission(document, project_root)
        if parsed.mission and "mission_id" not in document:
            name = default_id("native_task", parsed.mission.document)
            parsed = parse_mission({**parsed.mission.document, "mission_id": name})
        return _of_contract("prose", parsed, 0, examples)
    reasons = ["The task hands over no contract"]
    if said:
        reasons += [f"it has the labels {', '.join(said)}, and lacks {' and '.join(missing)}"]
    if examples:
        reasons += [f"placeholders ignored: {examples}"]
    hint = f"hand over one block like this:\n{_example(tier)}"
    return HandoffValidation(
        "none",
        "handoff_missing",
        ignored_examples=examples,
        reasons=tuple(reasons),
        hint=hint,
    )


@cache
def _example(tier: str) -> str:
    """Return a block to start from: each plain turn is one without a handoff."""
    return render_handoff(template(tier))


def _of_contract(
    kind: Literal["mission_v1", "legacy", "prose"], parsed: Parsed, blocks: int, examples: int
) -> HandoffValidation:
    count = len(parsed.faults) + parsed.faults_omitted
    return HandoffValidation(
        kind,
        "invalid_mission" if count else "",
        parsed.mission,
        blocks,
        examples,
        (f"The contract has {count} fault{'s' * (count > 1)}",) if count else (),
        parsed.faults,
        parsed.warnings,
        parsed.faults_omitted,
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """The JSON text of a block and the line it opens on, or what is wrong with its frame."""

    line: int
    text: str
    complaint: str = ""

    @property
    def key(self) -> str:
        """Return the same for blocks that say the same. What gives a key twice says no one thing:
        it is only like its own text."""
        try:
            value = json.loads(self.text, object_pairs_hook=_distinct)
            return json.dumps(value, sort_keys=True) + self.complaint
        except (ValueError, RecursionError):
            return self.text

    @property
    def is_example(self) -> bool:
        """Say whether this is a placeholder: it does not parse, and shows what is to be put in."""
        return _object_end(self.text, 0) is None and bool(_PLACEHOLDER.search(self.text))


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is given more than once")
    return made


def _blocks(text: str) -> Iterator[_Block]:
    at = 0
    for _ in range(OPENINGS_MAX):
        opening = _OPENING.search(text, at)
        if opening is None:
            return
        read = _tagged if opening[0].startswith("<") else _labelled
        body, at, complaint = read(text, opening.end())
        if body is not None:
            yield _Block(text.count("\n", 0, opening.start()) + 1, body, complaint)
    yield _Block(1, "", f"the text names the handoff more than {OPENINGS_MAX} times")


def _tagged(text: str, start: int) -> tuple[str | None, int, str]:
    """Return the content behind an opening tag, where it ends, and what its frame lacks."""
    begin = _object_start(text, start)
    end = None if begin is None else _object_end(text, begin)
    after = _AFTER_OBJECT.match(text, end) if end is not None else None
    if begin is not None and after and text.startswith(_END_TAG, after.end()):
        return text[begin:end], after.end() + len(_END_TAG), ""
    tag = _TAG.search(text, start)
    if tag and tag[0] == _END_TAG:
        return text[start : tag.start()].strip(), tag.end(), ""
    if begin is None:
        return None, start, ""  # A mention of the tag, in a sentence.
    rest = text[begin : tag.start() if tag else len(text)]
    return rest, begin + len(rest), f"has no closing tag {_END_TAG}"


def _labelled(text: str, start: int) -> tuple[str | None, int, str]:
    """Return the object behind `OSS_HANDOFF_JSON:` and where it ends."""
    begin = _object_start(text, start)
    if begin is None:
        return None, start, ""
    end = _object_end(text, begin)
    if end is None:
        broken = _END_OF_BROKEN.search(text, begin)
        end = broken.start() if broken else len(text)
    return text[begin:end].strip(), end, ""


def _object_start(text: str, start: int) -> int | None:
    before = _BEFORE_OBJECT.match(text, start)
    return before.end() if before else None


def _object_end(text: str, begin: int) -> int | None:
    """Return where the JSON value that begins here ends, if it is one."""
    try:
        return json.JSONDecoder().raw_decode(text, begin)[1]
    except (ValueError, RecursionError):
        return None
